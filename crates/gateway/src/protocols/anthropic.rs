//! Anthropic's protocol: messages, the count of their tokens, errors. Also what compatible providers speak.

pub mod answer;
mod block;
pub mod end;
pub mod error;
pub mod event;
pub mod request;
#[cfg(test)]
mod tests;

use flyball_core::json::Value;

use super::Told;

/// The counts of a `usage` object; none when it tells none. Anthropic counts what was written to and read from the
/// prompt cache beside the input; for us it is part of it.
fn told(usage: Value<'_>) -> Option<Told> {
    let count = |key: &str| usage.get(key).and_then(Value::unsigned);
    let cached = count("cache_read_input_tokens");
    let written = count("cache_creation_input_tokens").unwrap_or(0);
    let input =
        count("input_tokens").map(|read| read.saturating_add(cached.unwrap_or(0)).saturating_add(written));
    let told = Told { input, cached_input: cached, output: count("output_tokens") };
    (told != Told::default()).then_some(told)
}
