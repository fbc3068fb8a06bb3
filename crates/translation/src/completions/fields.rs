//! The fields of completions: what they mean, and where an answer has what is meant. After OpenAI's reference.

use crate::fields::{Fate, Field, Meaning};

const fn field(
    name: &'static str,
    meaning: Meaning,
    json: &'static str,
    neutral: &'static [&'static str],
) -> Field {
    Field { name, meaning, example: (name, json), neutral }
}

const NONE: &[&str] = &[];
const ZERO: &[&str] = &["0", "0.0"];

/// Of a request.
pub(crate) const REQUEST: &[Field] = &[
    field("model", Meaning::Model, r#""m""#, NONE),
    field("prompt", Meaning::Text, r#""Once""#, NONE),
    field("suffix", Meaning::Suffix, r#""the end.""#, &[r#""""#]),
    field("echo", Meaning::Echo, "true", &["false"]),
    field("best_of", Meaning::BestOf, "3", &["1"]),
    field("n", Meaning::Choices, "2", &["1"]),
    field("max_tokens", Meaning::MaxOutputTokens, "4000", NONE),
    field("temperature", Meaning::Temperature, "0.5", NONE),
    field("top_p", Meaning::TopP, "0.9", NONE),
    field("stop", Meaning::Stop, r#"["END"]"#, &["[]"]),
    field("seed", Meaning::Seed, "7", NONE),
    field("presence_penalty", Meaning::PresencePenalty, "0.5", ZERO),
    field("frequency_penalty", Meaning::FrequencyPenalty, "0.5", ZERO),
    field("logit_bias", Meaning::LogitBias, r#"{"50256":-100}"#, &["{}"]),
    field("logprobs", Meaning::LogProbs, "2", NONE),
    field("stream", Meaning::Stream, "true", &["false"]),
    Field {
        name: "stream_options.include_usage",
        meaning: Meaning::StreamUsage,
        example: ("stream_options", r#"{"include_usage":true}"#),
        neutral: &["false"],
    },
    Field {
        name: "stream_options.include_obfuscation",
        meaning: Meaning::StreamPadding,
        example: ("stream_options", r#"{"include_obfuscation":false}"#),
        neutral: &["false"],
    },
    field("user", Meaning::EndUser, r#""ann""#, NONE),
];

/// Where an answer has what is meant.
pub(crate) fn answer_fate(meaning: Meaning) -> Fate {
    use Meaning as M;
    match meaning {
        M::AnswerId => Fate::Carried("id"),
        M::Created => Fate::Carried("created"),
        M::Model => Fate::Carried("model"),
        M::Text => Fate::Carried("choices[].text"),
        M::RefusalText => Fate::Converted("choices[].text", "as text, which is all there is"),
        M::StopReason => Fate::Carried("choices[].finish_reason"),
        M::InputTokens => Fate::Carried("usage.prompt_tokens"),
        M::CachedTokens => Fate::Carried("usage.prompt_tokens_details.cached_tokens"),
        M::CacheWriteTokens => Fate::Carried("usage.prompt_tokens_details.cache_write_tokens"),
        M::OutputTokens => Fate::Carried("usage.completion_tokens"),
        M::ReasoningTokens => Fate::Carried("usage.completion_tokens_details.reasoning_tokens"),
        _ => Fate::Dropped,
    }
}
