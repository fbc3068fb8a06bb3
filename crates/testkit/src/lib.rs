//! What the tests of the real binary stand on. Development only; nothing that ships depends on it.
//!
//! * [`Simulator`]: the demo model on a socket, with real waits, cuts and hang-ups.
//! * [`Canned`]: a provider that answers with prepared bytes; [`frames`] makes those of Bedrock.
//! * [`Flyball`]: the real binary in a folder of its own, on a free port.
//! * [`Routes`]: configurations that put the one in front of the other.
//! * [`Faults`]: a disk that fails below the gateway, and power cuts.
//! * [`Client`] and [`RawConnection`]: requests that no SDK would send, streams read event by event.
//!
//! Deliberately absent: what answers say (`flyball-demo`) and every expectation about the gateway (the tests).

pub mod canned;
pub mod client;
pub mod faults;
pub mod flyball;
pub mod frames;
pub mod raw;
pub mod routes;
pub mod simulator;
pub mod sse;

pub use canned::{Asked, Canned};
pub use client::{Answer, Client, Events};
pub use faults::Faults;
pub use flyball::{Exited, Flyball};
pub use raw::RawConnection;
pub use routes::{PROVIDER_KEY, Routes};
pub use simulator::Simulator;
pub use sse::SseEvent;
