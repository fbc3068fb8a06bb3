//! The fields of messages: what they mean (in the files below), and where it puts what is meant. An empty path is the
//! body as a whole: what the provider's file adds, or what is told without being asked for.

mod answer;
mod request;

use crate::fields::{Fate, Field, Meaning};

pub(crate) use answer::ANSWER;
pub(crate) use request::REQUEST;

/// A field without a value that changes nothing.
const fn field(name: &'static str, meaning: Meaning, example: (&'static str, &'static str)) -> Field {
    neutral(name, meaning, example, &[])
}

/// A field, and values of it with which nothing changes.
const fn neutral(
    name: &'static str,
    meaning: Meaning,
    example: (&'static str, &'static str),
    neutral: &'static [&'static str],
) -> Field {
    Field { name, meaning, example, neutral }
}

/// Where a request has what is meant.
pub(crate) fn request_fate(meaning: Meaning) -> Fate {
    use Fate::{Carried, Converted, Dropped, Refused};
    match meaning {
        Meaning::Model => Converted("", "the target's model takes its place"),
        Meaning::System => Converted(
            "system",
            "as blocks; in the middle of the conversation, or with nothing after it, as the user's text between \
             <system> and </system>",
        ),
        Meaning::Turns => Converted("messages", "turns of one side in one message, results of tools first"),
        Meaning::Text => Carried("messages[].content[].text"),
        Meaning::Image | Meaning::Document => Carried("messages[].content[].source.data"),
        Meaning::ImageLink | Meaning::DocumentLink => Carried("messages[].content[].source.url"),
        Meaning::ToolCall => Converted(
            "messages[].content[].input",
            "arguments as an object; other characters in the id than letters, digits, _ and - as a hash",
        ),
        Meaning::ToolResult => Converted("messages[].content[].tool_use_id", "in the user's message"),
        Meaning::ToolResultMedia => Carried("messages[].content[].content[].source"),
        Meaning::ToolResultError => Carried("messages[].content[].is_error"),
        Meaning::RefusalText => Converted("messages[].content[].text", "as a text"),
        Meaning::Tools => Carried("tools"),
        Meaning::ToolStrictness => Carried("tools[].strict"),
        Meaning::ToolChoice => Converted("tool_choice.type", "auto, none, any, or tool with its name"),
        Meaning::ParallelToolCalls => Converted("tool_choice.disable_parallel_tool_use", "negated"),
        Meaning::MaxOutputTokens => Carried("max_tokens"),
        Meaning::Temperature => Converted(
            "temperature",
            "at most 1; left out where there is thinking, and for models from 4.7 on, which take none",
        ),
        Meaning::TopP => {
            Converted("top_p", "left out below 0.95 where there is thinking, and for models from 4.7 on")
        }
        Meaning::TopK => Converted("top_k", "left out where there is thinking, and for models from 4.7 on"),
        Meaning::Stop => Carried("stop_sequences"),
        Meaning::JsonSchema => {
            Converted("output_config.format", "the schema without its name and description")
        }
        Meaning::ReasoningEffort => Converted(
            "thinking.type",
            "for models before 4.6 as a budget: minimal and low 1024 tokens, medium 4096, high 16384, more 32768, at \
             most the cap less 1024; for later ones as adaptive, with output_config.effort; none as disabled; left \
             out where the provider would refuse it",
        ),
        Meaning::ReasoningBudget => Converted(
            "thinking.type",
            "with the budget, at most the cap less 1024; for models from 4.7 on as adaptive, with the nearest effort",
        ),
        Meaning::Stream => Carried("stream"),
        Meaning::StreamUsage => Converted("", "always told"),
        Meaning::EndUser => Carried("metadata.user_id"),
        Meaning::ImageDetail
        | Meaning::Reasoning
        | Meaning::SignedReasoning
        | Meaning::Citations
        | Meaning::SpeakerName
        | Meaning::Verbosity
        | Meaning::ReasoningShown
        | Meaning::StreamPadding
        | Meaning::Metadata
        | Meaning::ServiceTier
        | Meaning::CacheHint
        | Meaning::CacheKey
        | Meaning::MessagePhase
        | Meaning::ContextTrimming
        | Meaning::ClientFacts
        | Meaning::Include => Dropped,
        Meaning::FileId
        | Meaning::AudioInput
        | Meaning::VideoInput
        | Meaning::ServerTools
        | Meaning::FreeTextTools
        | Meaning::Functions
        | Meaning::ToolSubset
        | Meaning::Seed
        | Meaning::PresencePenalty
        | Meaning::FrequencyPenalty
        | Meaning::LogitBias
        | Meaning::LogProbs
        | Meaning::TopLogProbs
        | Meaning::Choices
        | Meaning::JsonObject
        | Meaning::Modalities
        | Meaning::AudioOutput
        | Meaning::Prediction
        | Meaning::Suffix
        | Meaning::Echo
        | Meaning::BestOf
        | Meaning::Store
        | Meaning::StoredState
        | Meaning::Background
        | Meaning::Truncation
        | Meaning::ContextManagement
        | Meaning::Container
        | Meaning::SafetySettings => Refused,
        // Of answers only.
        Meaning::AnswerId
        | Meaning::Created
        | Meaning::Fingerprint
        | Meaning::StopReason
        | Meaning::StopSequence
        | Meaning::InputTokens
        | Meaning::CachedTokens
        | Meaning::CacheWriteTokens
        | Meaning::OutputTokens
        | Meaning::ReasoningTokens
        | Meaning::SafetyRatings
        | Meaning::Timings => Refused,
    }
}

/// Where an answer has what is meant.
pub(crate) fn answer_fate(meaning: Meaning) -> Fate {
    use Fate::{Carried, Converted, Dropped};
    match meaning {
        Meaning::AnswerId => Carried("id"),
        Meaning::Model => Carried("model"),
        Meaning::Text => Carried("content[].text"),
        Meaning::Reasoning => Converted("content[].thinking", "with an empty signature"),
        Meaning::RefusalText => Converted("content[].text", "as a text; the stop reason is refusal"),
        Meaning::ToolCall => Converted("content[].input", "arguments as an object"),
        Meaning::StopReason => Converted("stop_reason", "in messages' words"),
        Meaning::StopSequence => Carried("stop_sequence"),
        Meaning::InputTokens => Converted("usage.input_tokens", "without those from and into the cache"),
        Meaning::CachedTokens => Carried("usage.cache_read_input_tokens"),
        Meaning::CacheWriteTokens => Carried("usage.cache_creation_input_tokens"),
        Meaning::OutputTokens => Carried("usage.output_tokens"),
        Meaning::ReasoningTokens => Carried("usage.output_tokens_details.thinking_tokens"),
        _ => Dropped,
    }
}
