//! The fields of `generateContent`: what an answer's mean, and where a request has what is meant. An empty path is
//! the body as a whole: what the address says, or what is told without being asked for.

use crate::fields::{Fate, Field, Meaning};

const CANDIDATES: (&str, &str) = (
    "candidates",
    r#"[{"content":{"role":"model","parts":[{"text":"Look.","thought":true,"thoughtSignature":"AA=="},{"text":"Hello"},{"functionCall":{"id":"call_1","name":"f","args":{"a":1}}}]},"finishReason":"STOP","index":0,"safetyRatings":[{"category":"HARM_CATEGORY_HARASSMENT","probability":"NEGLIGIBLE"}],"citationMetadata":{"citationSources":[]},"groundingMetadata":{},"urlContextMetadata":{},"avgLogprobs":-0.1,"logprobsResult":{},"tokenCount":7,"finishMessage":"Done."}]"#,
);

const USAGE: (&str, &str) = (
    "usageMetadata",
    r#"{"promptTokenCount":9,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":2,"toolUsePromptTokenCount":1,"totalTokenCount":17}"#,
);

const fn field(name: &'static str, meaning: Meaning, example: (&'static str, &'static str)) -> Field {
    Field { name, meaning, example, neutral: &[] }
}

/// Of an answer.
pub(crate) const ANSWER: &[Field] = &[
    field("responseId", Meaning::AnswerId, ("responseId", r#""r1""#)),
    field("modelVersion", Meaning::Model, ("modelVersion", r#""gemini-3-flash""#)),
    field("createTime", Meaning::Created, ("createTime", r#""2026-03-04T05:06:07Z""#)),
    field("candidates[].content.parts[].text", Meaning::Text, CANDIDATES),
    field("candidates[].content.parts[].thought", Meaning::Reasoning, CANDIDATES),
    field("candidates[].content.parts[].thoughtSignature", Meaning::SignedReasoning, CANDIDATES),
    field("candidates[].content.parts[].functionCall", Meaning::ToolCall, CANDIDATES),
    field("candidates[].index", Meaning::Choices, CANDIDATES),
    field("candidates[].finishReason", Meaning::StopReason, CANDIDATES),
    field("candidates[].finishMessage", Meaning::StopReason, CANDIDATES),
    field("candidates[].safetyRatings", Meaning::SafetyRatings, CANDIDATES),
    field("candidates[].citationMetadata", Meaning::Citations, CANDIDATES),
    field("candidates[].groundingMetadata", Meaning::Citations, CANDIDATES),
    field("candidates[].urlContextMetadata", Meaning::Citations, CANDIDATES),
    field("candidates[].avgLogprobs", Meaning::LogProbs, CANDIDATES),
    field("candidates[].logprobsResult", Meaning::LogProbs, CANDIDATES),
    field("candidates[].tokenCount", Meaning::Timings, CANDIDATES),
    field(
        "promptFeedback.blockReason",
        Meaning::StopReason,
        ("promptFeedback", r#"{"blockReason":"SAFETY"}"#),
    ),
    field(
        "promptFeedback.safetyRatings",
        Meaning::SafetyRatings,
        ("promptFeedback", r#"{"safetyRatings":[]}"#),
    ),
    field("usageMetadata.promptTokenCount", Meaning::InputTokens, USAGE),
    field("usageMetadata.toolUsePromptTokenCount", Meaning::InputTokens, USAGE),
    field("usageMetadata.cachedContentTokenCount", Meaning::CachedTokens, USAGE),
    field("usageMetadata.candidatesTokenCount", Meaning::OutputTokens, USAGE),
    field("usageMetadata.thoughtsTokenCount", Meaning::ReasoningTokens, USAGE),
];

/// Where a request has what is meant.
pub(crate) fn request_fate(meaning: Meaning) -> Fate {
    use Fate::{Carried, Converted, Dropped, Refused};
    match meaning {
        Meaning::Model => Converted("", "part of the address that is called"),
        Meaning::System => Carried("systemInstruction.parts[].text"),
        Meaning::Turns => Carried("contents"),
        Meaning::Text => Carried("contents[].parts[].text"),
        Meaning::Image | Meaning::AudioInput => Carried("contents[].parts[].inlineData"),
        Meaning::Document => {
            Converted("contents[].parts[]", "`inlineData`, or `text` where it is text; without its name")
        }
        Meaning::ImageLink | Meaning::DocumentLink => {
            Converted("contents[].parts[].fileData", "with the type of media that its ending says")
        }
        Meaning::ToolCall => Converted(
            "contents[].parts[].functionCall",
            "without its id: Google matches by name and order; where signatures are wanted, with the one that stands \
             for none",
        ),
        Meaning::ToolResult => Converted(
            "contents[].parts[].functionResponse",
            "its text as `output`, several as an array; in the order of the calls",
        ),
        Meaning::ToolResultMedia => Converted("contents[].parts[]", "after the responses of the turn"),
        Meaning::ToolResultError => Converted(
            "contents[].parts[].functionResponse.response",
            "its text as `error` instead of `output`",
        ),
        Meaning::RefusalText => Converted("contents[].parts[].text", "as text"),
        Meaning::Tools => Carried("tools[].functionDeclarations"),
        Meaning::ToolStrictness => Converted(
            "toolConfig.functionCallingConfig.mode",
            "`VALIDATED` for `AUTO` where one of the tools is strict; `ANY` always validates",
        ),
        Meaning::ToolChoice => Converted(
            "toolConfig.functionCallingConfig",
            "`AUTO`, `NONE`, `ANY`; a named tool as `ANY` of `allowedFunctionNames`",
        ),
        Meaning::MaxOutputTokens => Carried("generationConfig.maxOutputTokens"),
        Meaning::Temperature => Carried("generationConfig.temperature"),
        Meaning::TopP => Carried("generationConfig.topP"),
        Meaning::TopK => Carried("generationConfig.topK"),
        Meaning::Stop => Carried("generationConfig.stopSequences"),
        Meaning::Seed => Carried("generationConfig.seed"),
        Meaning::PresencePenalty => Carried("generationConfig.presencePenalty"),
        Meaning::FrequencyPenalty => Carried("generationConfig.frequencyPenalty"),
        Meaning::Choices => Carried("generationConfig.candidateCount"),
        Meaning::JsonObject => Converted("generationConfig.responseMimeType", "`application/json`"),
        Meaning::JsonSchema => {
            Converted("generationConfig.responseJsonSchema", "always strict; without name and description")
        }
        Meaning::ReasoningEffort => Converted(
            "generationConfig.thinkingConfig",
            "`thinkingLevel` low, medium or high, the nearest; up to the second generation `thinkingBudget`: low \
             1024, medium 4096, high 16384, beyond 24576; none 0",
        ),
        Meaning::ReasoningBudget => Converted(
            "generationConfig.thinkingConfig.thinkingBudget",
            "at most 24576; adaptive as -1; disabled as 0, or as the least where the model always thinks",
        ),
        Meaning::Stream => Converted("", "another address is called"),
        Meaning::StreamUsage => Converted("", "always told"),
        // Hints, and what is told or kept anyhow.
        Meaning::ImageDetail
        | Meaning::Reasoning
        | Meaning::SignedReasoning
        | Meaning::ReasoningShown
        | Meaning::Citations
        | Meaning::SpeakerName
        | Meaning::Verbosity
        | Meaning::StreamPadding
        | Meaning::EndUser
        | Meaning::Metadata
        | Meaning::ServiceTier
        | Meaning::CacheHint
        | Meaning::CacheKey
        | Meaning::MessagePhase
        | Meaning::ContextTrimming
        | Meaning::ClientFacts
        | Meaning::Include => Dropped,
        // What has no form here and changes the answer.
        Meaning::FileId
        | Meaning::VideoInput
        | Meaning::ServerTools
        | Meaning::FreeTextTools
        | Meaning::Functions
        | Meaning::ToolSubset
        | Meaning::ParallelToolCalls
        | Meaning::LogitBias
        | Meaning::LogProbs
        | Meaning::TopLogProbs
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
