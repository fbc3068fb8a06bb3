//! The Responses protocol, `POST /v1/responses`: requests ([`request`]), whole answers ([`answer`]), events
//! ([`event`]) and how we end a stream of them ([`end`]). What items hold, which go both ways, is in `items`.
//!
//! Deliberately absent: stored answers. What is fetched later, or goes on in the background, would escape the screen.

pub mod answer;
pub mod end;
pub mod event;
mod items;
pub mod request;

use flyball_core::json::Value;

use crate::protocols::Told;

/// The counts of a `usage` object; none when it does not tell what was read.
fn told(usage: Value<'_>) -> Option<Told> {
    let count = |key: &str| usage.get(key).and_then(Value::unsigned);
    let cached = usage.get("input_tokens_details").and_then(|details| details.get("cached_tokens"));
    Some(Told {
        input: Some(count("input_tokens")?),
        cached_input: cached.and_then(Value::unsigned),
        output: Some(count("output_tokens").unwrap_or(0)),
    })
}
