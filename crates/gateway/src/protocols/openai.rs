//! The OpenAI protocol: chat completions, embeddings, images, sound, moderations, models, errors. Also what
//! OpenAI-compatible providers speak, rerank included, which OpenAI itself does not have.

pub mod answer;
pub mod chat;
pub mod chunk;
pub mod completions;
pub mod embeddings;
pub mod end;
pub mod error;
pub mod images;
pub mod moderations;
pub mod rerank;
pub mod responses;
pub mod speech;
pub mod tokens;
pub mod transcriptions;

use std::collections::BTreeSet;

use flyball_core::json::{Editor, Value};

use super::{Told, Usage};

/// Reads a `usage` object.
pub fn usage(value: Value<'_>) -> Option<Usage> {
    told(value)?.usage()
}

/// The counts of a `usage` object; none when it does not tell what was read.
fn told(value: Value<'_>) -> Option<Told> {
    let count = |key: &str| value.get(key).and_then(Value::unsigned);
    let cached = value.get("prompt_tokens_details").and_then(|details| details.get("cached_tokens"));
    Some(Told {
        input: Some(count("prompt_tokens")?),
        cached_input: cached.and_then(Value::unsigned),
        output: Some(count("completion_tokens").unwrap_or(0)),
    })
}

/// Takes log probabilities and annotations away from rewritten choices of an answer or event; none: from all.
pub fn forget(editor: &mut Editor<'_>, root: Value<'_>, rewritten: Option<&BTreeSet<u32>>) {
    for (position, choice) in root.get("choices").into_iter().flat_map(Value::items).enumerate() {
        let number = choice.get("index").and_then(Value::unsigned).unwrap_or(position as u64);
        let counts = |rewritten: &BTreeSet<u32>| u32::try_from(number).is_ok_and(|n| rewritten.contains(&n));
        if !rewritten.is_none_or(counts) {
            continue;
        }
        if choice.get("logprobs").is_some() {
            editor.set(choice, "logprobs", "null");
        }
        for part in ["message", "delta"] {
            if let Some(part) = choice.get(part) {
                editor.remove(part, "annotations");
            }
        }
    }
}
