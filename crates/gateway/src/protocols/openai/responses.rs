//! SEAM
pub mod answer;
pub mod end;
pub mod event;
pub mod request;
