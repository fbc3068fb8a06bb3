//! SEAM
pub mod answer;
pub mod end;
pub mod error;
pub mod event;
pub mod request;
