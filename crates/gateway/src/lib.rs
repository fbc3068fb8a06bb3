//! The product: library and the binary flyball.

pub mod config;
pub mod prices;
