//! The OpenAI protocol: chat completions, embeddings, models, errors. Also what OpenAI-compatible providers speak.

pub mod answer;
pub mod chat;
pub mod chunk;
pub mod embeddings;
pub mod end;
pub mod error;
pub mod tokens;

use flyball_core::Counting;
use flyball_core::json::Value;

use super::Usage;

/// Reads a `usage` object.
pub fn usage(value: Value<'_>) -> Option<Usage> {
    let count = |key: &str| value.get(key).and_then(Value::unsigned);
    let input = count("prompt_tokens")?;
    let cached = value.get("prompt_tokens_details").and_then(|details| details.get("cached_tokens"));
    Some(Usage {
        input,
        cached_input: cached.and_then(Value::unsigned).unwrap_or(0).min(input),
        output: count("completion_tokens").unwrap_or(0),
        how: Counting::Reported,
    })
}
