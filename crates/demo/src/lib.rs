//! The demo model: a deterministic provider that speaks the protocols of several vendors without a network.
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
//! Chat is the dialect that the model itself speaks. Each other one is a folder that checks a request as strictly as
//! its vendor does, turns it into a chat, and writes in its own shapes what is said to that: answers, events, errors.
//!
//! # Tokens
//!
//! Tokens are counted by [`flyball_core::tokens`], on both sides: `max_tokens`, log probabilities, stream deltas
//! and usage agree. A prompt is the texts of its messages, four tokens for each message, 85 for each image, sound or
//! file, and the names and strings of its tools and of the format that is asked for. [`DemoAnswer::counted`] tells
//! what a provider would bill of an answer that is broken off, also when the answer reports nothing.

pub mod script;

mod audio;
mod chat;
mod completions;
mod converse;
mod demo;
mod embeddings;
mod gemini;
mod hash;
mod hints;
mod images;
mod json;
mod messages;
mod models;
mod moderations;
mod play;
mod received;
mod rejected;
mod rerank;
mod responses;
mod schema;
mod skills;
mod split;
mod steered;
mod strict;
mod thinking;
mod thought;

pub use demo::{Counted, Demo, DemoAnswer, DemoRequest, Step};
pub use received::Received;
