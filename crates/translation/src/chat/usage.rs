//! Token counts as OpenAI's completions tell them: input with the cache's share, output with reasoning's.

use flyball_core::json::Value;

use crate::reply::Usage;
use crate::write::Json;

/// Reads a `usage` object.
pub(crate) fn read(usage: Value<'_>) -> Usage {
    let count = |name: &str| usage.get(name).and_then(Value::unsigned);
    let of = |details: &str, name: &str| usage.get(details)?.get(name)?.unsigned();
    Usage {
        input: count("prompt_tokens"),
        cached: of("prompt_tokens_details", "cached_tokens"),
        cache_write: of("prompt_tokens_details", "cache_write_tokens"),
        output: count("completion_tokens"),
        reasoning: of("completion_tokens_details", "reasoning_tokens"),
    }
}

/// Counts told before, with those that `told` tells anew.
pub(crate) fn merge(before: Option<Usage>, told: &Usage) -> Usage {
    let before = before.unwrap_or_default();
    Usage {
        input: told.input.or(before.input),
        cached: told.cached.or(before.cached),
        cache_write: told.cache_write.or(before.cache_write),
        output: told.output.or(before.output),
        reasoning: told.reasoning.or(before.reasoning),
    }
}

/// Writes a `usage` object. Its three sums must be there; details only as they were told.
pub(crate) fn write(usage: &Usage, json: &mut Json) {
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    json.object(|json| {
        json.key("prompt_tokens").number(input);
        json.key("completion_tokens").number(output);
        json.key("total_tokens").number(input.saturating_add(output));
        if usage.cached.is_some() || usage.cache_write.is_some() {
            json.key("prompt_tokens_details").object(|json| {
                if let Some(cached) = usage.cached {
                    json.key("cached_tokens").number(cached);
                }
                if let Some(written) = usage.cache_write {
                    json.key("cache_write_tokens").number(written);
                }
            });
        }
        if let Some(reasoning) = usage.reasoning {
            json.key("completion_tokens_details").object(|json| {
                json.key("reasoning_tokens").number(reasoning);
            });
        }
    });
}
