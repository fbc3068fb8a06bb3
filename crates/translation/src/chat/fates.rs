//! Where chat puts what is meant: in a request that is written to a chat provider, and in an answer for a chat
//! caller.

use crate::fields::{Fate, Meaning};

/// Where a request has what is meant.
pub(crate) fn request_fate(meaning: Meaning) -> Fate {
    use Meaning as M;
    match meaning {
        M::Model => Fate::Converted("", "the target's model takes its place"),
        M::System => Fate::Converted("messages[].content", "a message of the role system, in its place"),
        M::Turns => Fate::Carried("messages"),
        M::Text => Fate::Carried("messages[].content"),
        M::Image => Fate::Converted("messages[].content[].image_url.url", "as a data: address"),
        M::ImageLink => Fate::Carried("messages[].content[].image_url.url"),
        M::ImageDetail => Fate::Carried("messages[].content[].image_url.detail"),
        M::Document => Fate::Converted(
            "messages[].content[]",
            "a file, as a data: address; plain text as a part of text",
        ),
        M::AudioInput => Fate::Carried("messages[].content[].input_audio"),
        M::ToolCall => Fate::Converted("messages[].tool_calls", "no arguments are `{}`"),
        M::ToolResult => Fate::Converted("messages[].tool_call_id", "a message of the role tool for each"),
        M::ToolResultMedia => {
            Fate::Converted("messages[].content[]", "in a message of the user's after the results")
        }
        M::RefusalText => Fate::Carried("messages[].refusal"),
        M::Tools => Fate::Carried("tools"),
        M::ToolStrictness => Fate::Carried("tools[].function.strict"),
        M::ToolChoice => Fate::Carried("tool_choice"),
        M::ParallelToolCalls => Fate::Carried("parallel_tool_calls"),
        M::MaxOutputTokens => Fate::Carried("max_completion_tokens"),
        M::Temperature => Fate::Carried("temperature"),
        M::TopP => Fate::Carried("top_p"),
        M::Stop => Fate::Converted("stop", "as a list"),
        M::Seed => Fate::Carried("seed"),
        M::PresencePenalty => Fate::Carried("presence_penalty"),
        M::FrequencyPenalty => Fate::Carried("frequency_penalty"),
        M::LogitBias => Fate::Carried("logit_bias"),
        M::Choices => Fate::Carried("n"),
        M::JsonObject => Fate::Carried("response_format.type"),
        M::JsonSchema => {
            Fate::Converted("response_format.json_schema", "by the name `answer` where it has none")
        }
        M::Verbosity => Fate::Carried("verbosity"),
        M::ReasoningEffort => Fate::Carried("reasoning_effort"),
        M::ReasoningBudget => Fate::Converted(
            "reasoning_effort",
            "low up to 2048 tokens, medium up to 8192, high above; adaptive is medium, off is none",
        ),
        M::Stream => Fate::Carried("stream"),
        M::StreamUsage => Fate::Converted("", "always asked for"),
        M::EndUser => Fate::Carried("user"),
        M::Metadata => Fate::Carried("metadata"),
        M::ServiceTier => Fate::Converted(
            "service_tier",
            "`standard_only` as `default`; left out where it is no word of chat",
        ),
        M::CacheKey => Fate::Carried("prompt_cache_key"),
        // The text of a result tells of the failure; reasoning is not taken back by this dialect; the rest are
        // hints, or ask for more to be shown.
        M::ToolResultError
        | M::Reasoning
        | M::SignedReasoning
        | M::Citations
        | M::ReasoningShown
        | M::StreamPadding
        | M::CacheHint
        | M::MessagePhase
        | M::ContextTrimming
        | M::ClientFacts
        | M::Include => Fate::Dropped,
        _ => Fate::Refused,
    }
}

/// Where an answer has what is meant.
pub(crate) fn answer_fate(meaning: Meaning) -> Fate {
    use Meaning as M;
    match meaning {
        M::AnswerId => Fate::Carried("id"),
        M::Created => Fate::Carried("created"),
        M::Model => Fate::Carried("model"),
        M::Text => Fate::Carried("choices[].message.content"),
        M::RefusalText => Fate::Carried("choices[].message.refusal"),
        M::Reasoning => Fate::Carried("choices[].message.reasoning_content"),
        M::ToolCall => Fate::Carried("choices[].message.tool_calls"),
        M::StopReason => Fate::Carried("choices[].finish_reason"),
        M::InputTokens => Fate::Carried("usage.prompt_tokens"),
        M::CachedTokens => Fate::Carried("usage.prompt_tokens_details.cached_tokens"),
        M::CacheWriteTokens => Fate::Carried("usage.prompt_tokens_details.cache_write_tokens"),
        M::OutputTokens => Fate::Carried("usage.completion_tokens"),
        M::ReasoningTokens => Fate::Carried("usage.completion_tokens_details.reasoning_tokens"),
        _ => Fate::Dropped,
    }
}
