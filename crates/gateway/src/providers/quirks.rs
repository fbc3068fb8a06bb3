//! In what providers differ whose protocol is like OpenAI's. All of it is data: names that a route renames, and
//! parameters that it leaves out and names, before what the operator's own route says.

/// The differences of one provider.
#[derive(Clone, Copy, Debug)]
pub struct Quirks {
    /// Its address before `/chat/completions`.
    pub base_url: &'static str,
    /// Parameters that it knows by another name.
    pub rename: &'static [(&'static str, &'static str)],
    /// Parameters that it refuses and that do not change what is meant.
    pub drop: &'static [&'static str],
    /// Whether it knows messages of the role `developer`. Where not, they are of the role `system`, which means the
    /// same.
    pub developer: bool,
}

/// OpenAI's bookkeeping, which others refuse as unknown.
const BOOKKEEPING: [&str; 6] =
    ["store", "metadata", "service_tier", "prompt_cache_key", "safety_identifier", "prompt_cache_retention"];

/// <https://docs.mistral.ai/api>: unknown parameters are refused (422), and streams tell usage unasked.
pub const MISTRAL: Quirks = Quirks {
    base_url: "https://api.mistral.ai/v1",
    rename: &[("max_completion_tokens", "max_tokens"), ("seed", "random_seed")],
    drop: &[
        "user",
        "stream_options",
        BOOKKEEPING[0],
        BOOKKEEPING[1],
        BOOKKEEPING[2],
        BOOKKEEPING[3],
        BOOKKEEPING[4],
        BOOKKEEPING[5],
    ],
    developer: false,
};

/// <https://docs.cohere.com/docs/compatibility-api>
pub const COHERE: Quirks = Quirks {
    base_url: "https://api.cohere.ai/compatibility/v1",
    rename: &[("max_completion_tokens", "max_tokens")],
    drop: &[
        "user",
        "parallel_tool_calls",
        BOOKKEEPING[0],
        BOOKKEEPING[1],
        BOOKKEEPING[2],
        BOOKKEEPING[3],
        BOOKKEEPING[4],
        BOOKKEEPING[5],
    ],
    developer: true,
};

/// <https://console.groq.com/docs/openai>
pub const GROQ: Quirks = Quirks {
    base_url: "https://api.groq.com/openai/v1",
    rename: &[],
    drop: &[BOOKKEEPING[0], BOOKKEEPING[1], BOOKKEEPING[3], BOOKKEEPING[4], BOOKKEEPING[5]],
    developer: true,
};

/// <https://docs.ollama.com/api/openai-compatibility>
pub const OLLAMA: Quirks = Quirks {
    base_url: "http://127.0.0.1:11434/v1",
    rename: &[("max_completion_tokens", "max_tokens")],
    drop: &[],
    developer: false,
};

/// <https://openrouter.ai/docs/api-reference>
pub const OPENROUTER: Quirks = Quirks {
    base_url: "https://openrouter.ai/api/v1",
    rename: &[("max_completion_tokens", "max_tokens")],
    drop: &[BOOKKEEPING[0]],
    developer: true,
};
