//! What fields mean in each dialect, and where each dialect puts what is meant: together, what happens to every
//! field in every direction. Reading and writing are in the dialects' folders; the gate keeps them to these lists.

mod examples;

pub(crate) use examples::answer_that_ended;
pub use examples::{answer_with, requests};

use flyball_core::json::Value;

use crate::{Dialect, chat, completions, converse, gemini, messages, responses};

/// What a field means, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "the names say it; the reference page shows them with fields of every dialect"
)]
pub enum Meaning {
    // What is said.
    Model,
    System,
    Turns,
    Text,
    Image,
    ImageLink,
    ImageDetail,
    Document,
    DocumentLink,
    FileId,
    AudioInput,
    VideoInput,
    ToolCall,
    ToolResult,
    ToolResultMedia,
    ToolResultError,
    /// Reasoning in an earlier answer, unsigned.
    Reasoning,
    /// Reasoning that only its vendor can read or verify.
    SignedReasoning,
    RefusalText,
    Citations,
    SpeakerName,
    // Tools.
    Tools,
    ToolStrictness,
    /// Tools that the provider runs.
    ServerTools,
    /// Tools that take free text.
    FreeTextTools,
    /// Functions as they were before there were tools: calls and results without ids.
    Functions,
    ToolChoice,
    /// A choice among some of the tools.
    ToolSubset,
    ParallelToolCalls,
    // How it is answered.
    MaxOutputTokens,
    Temperature,
    TopP,
    TopK,
    Stop,
    Seed,
    PresencePenalty,
    FrequencyPenalty,
    LogitBias,
    LogProbs,
    TopLogProbs,
    Choices,
    JsonObject,
    JsonSchema,
    Verbosity,
    ReasoningEffort,
    ReasoningBudget,
    ReasoningShown,
    Modalities,
    AudioOutput,
    Prediction,
    Suffix,
    Echo,
    BestOf,
    Stream,
    StreamUsage,
    StreamPadding,
    // State that the provider keeps.
    Store,
    StoredState,
    Background,
    Truncation,
    ContextManagement,
    /// What of a long conversation need not be read again.
    ContextTrimming,
    Container,
    // Hints.
    EndUser,
    Metadata,
    ServiceTier,
    CacheHint,
    /// A name under which requests share the provider's prompt cache.
    CacheKey,
    /// Whether an earlier answer was a remark on the way or the end of it.
    MessagePhase,
    Include,
    /// What a client tells of itself.
    ClientFacts,
    SafetySettings,
    // What an answer tells.
    AnswerId,
    Created,
    Fingerprint,
    StopReason,
    StopSequence,
    InputTokens,
    CachedTokens,
    CacheWriteTokens,
    OutputTokens,
    ReasoningTokens,
    SafetyRatings,
    Timings,
}

/// One field of a dialect, with an example from which tests are made.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its path: `messages[].content[].image_url.detail`.
    pub name: &'static str,
    /// What it means.
    pub meaning: Meaning,
    /// A member of the body that has the field: its key and its JSON. It takes that member's place in the smallest
    /// request or answer: see [`requests`] and [`answer_with`].
    pub example: (&'static str, &'static str),
    /// JSON values of the field with which nothing changes; `null` always is one.
    pub neutral: &'static [&'static str],
}

/// What happens to something on the way into a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands at this path.
    Carried(&'static str),
    /// It stands at this path in another form: the second says which.
    Converted(&'static str, &'static str),
    /// It is left out, and its name told: it does not change what is meant.
    Dropped,
    /// A request with it is refused, unless the route drops it.
    Refused,
}

/// The fields of a request, for a dialect that callers speak.
pub fn request(dialect: Dialect) -> &'static [Field] {
    match dialect {
        Dialect::Chat => chat::fields::REQUEST,
        Dialect::Completions => completions::fields::REQUEST,
        Dialect::Responses => responses::fields::REQUEST,
        Dialect::Messages => messages::fields::REQUEST,
        Dialect::Gemini | Dialect::Converse => &[],
    }
}

/// The fields of an answer, for a dialect that providers speak.
pub fn answer(dialect: Dialect) -> &'static [Field] {
    match dialect {
        Dialect::Chat => chat::fields::ANSWER,
        Dialect::Messages => messages::fields::ANSWER,
        Dialect::Gemini => gemini::fields::ANSWER,
        Dialect::Converse => converse::fields::ANSWER,
        Dialect::Completions | Dialect::Responses => &[],
    }
}

/// What happens to a request's field on its way into `to`.
pub fn fate(to: Dialect, meaning: Meaning) -> Fate {
    match to {
        Dialect::Chat => chat::fields::request_fate(meaning),
        Dialect::Messages => messages::fields::request_fate(meaning),
        Dialect::Gemini => gemini::fields::request_fate(meaning),
        Dialect::Converse => converse::fields::request_fate(meaning),
        Dialect::Completions | Dialect::Responses => Fate::Refused,
    }
}

/// What happens to an answer's field on its way into `to`. Answers are never refused for what they hold more.
pub fn answer_fate(to: Dialect, meaning: Meaning) -> Fate {
    match to {
        Dialect::Chat => chat::fields::answer_fate(meaning),
        Dialect::Completions => completions::fields::answer_fate(meaning),
        Dialect::Responses => responses::fields::answer_fate(meaning),
        Dialect::Messages => messages::fields::answer_fate(meaning),
        Dialect::Gemini | Dialect::Converse => Fate::Dropped,
    }
}

/// Whether a request reads the same without this value.
pub(crate) fn changes_nothing(from: Dialect, meaning: Meaning, value: Value<'_>) -> bool {
    let neutral = || request(from).iter().filter(|field| field.meaning == meaning).flat_map(|f| f.neutral);
    value.is_null() || neutral().any(|neutral| *neutral == value.raw())
}

#[cfg(test)]
mod tests;
