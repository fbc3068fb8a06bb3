//! Tokens as messages counts them: `input_tokens` leaves out what came from and went into the cache, while
//! [`Usage::input`] has it in.

use flyball_core::json::Value;

use crate::reply::Usage;
use crate::write::Json;

/// Counts as messages tells them. A stream tells them bit by bit, each time the whole of what it tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    /// Takes a `usage` object: what it tells replaces what was told before.
    pub(super) fn take(&mut self, usage: Value<'_>) {
        let count = |name: &str| usage.get(name).and_then(Value::unsigned);
        let thinking = || usage.get("output_tokens_details")?.get("thinking_tokens")?.unsigned();
        self.input = count("input_tokens").or(self.input);
        self.cache_read = count("cache_read_input_tokens").or(self.cache_read);
        self.cache_write = count("cache_creation_input_tokens").or(self.cache_write);
        self.output = count("output_tokens").or(self.output);
        self.thinking = thinking().or(self.thinking);
    }

    /// As all dialects mean it.
    pub(super) fn usage(self) -> Usage {
        let cached = self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0));
        Usage {
            input: self.input.map(|input| input.saturating_add(cached)),
            cached: self.cache_read,
            cache_write: self.cache_write,
            output: self.output,
            reasoning: self.thinking,
        }
    }
}

/// Writes a `usage` object. It must have input and output: what is not told is 0.
pub(super) fn write(usage: Usage, json: &mut Json) {
    let cached = usage.cached.unwrap_or(0).saturating_add(usage.cache_write.unwrap_or(0));
    json.object(|json| {
        json.key("input_tokens").number(usage.input.unwrap_or(0).saturating_sub(cached));
        if let Some(written) = usage.cache_write {
            json.key("cache_creation_input_tokens").number(written);
        }
        if let Some(read) = usage.cached {
            json.key("cache_read_input_tokens").number(read);
        }
        json.key("output_tokens").number(usage.output.unwrap_or(0));
        if let Some(reasoning) = usage.reasoning {
            json.key("output_tokens_details").object(|json| json.key("thinking_tokens").number(reasoning));
        }
    });
}
