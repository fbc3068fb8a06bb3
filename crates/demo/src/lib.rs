//! The demo model: a deterministic provider that speaks OpenAI's protocol without a network.
//!
//! [`Demo`] turns one request into a [`DemoAnswer`]: a status, headers and [`Step`]s that say what is sent when.
//! The gateway plays the steps in process, the test kit plays them on a socket; the same code is the shipped
//! demo, the simulator of tests and the peer of the load bench. Through a concrete model name that starts with
//! `sim:` the answer is scripted: latency, chunking, error statuses, cut connections, malformed events
//! ([`script`] lists the keys).
//!
//! Deliberately absent: sockets, timers, an async runtime, randomness. The same request always gets the same
//! answer, except for `created`, which follows the clock that the caller supplied.
//!
//! # Tokens
//!
//! The tokens of an answer are its words, each with the white space before it; a word longer than 12 bytes is
//! several tokens. `max_tokens`, log probabilities, stream deltas and `completion_tokens` all count these. The
//! tokens of a prompt are estimated: four bytes of text are one token, and each message adds four.

pub mod script;

mod chat;
mod demo;
mod embeddings;
mod hash;
mod hints;
mod json;
mod models;
mod play;
mod received;
mod rejected;
mod schema;
mod skills;
mod tokens;

pub use demo::{Demo, DemoAnswer, DemoRequest, Step};
pub use received::Received;
