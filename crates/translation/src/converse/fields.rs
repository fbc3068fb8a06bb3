//! The fields of Converse: what an answer's mean, and where a request has what is meant. An empty path is the body as
//! a whole: what the address says, or what is told without being asked for.

use crate::fields::{Fate, Field, Meaning};

const OUTPUT: (&str, &str) = (
    "output",
    r#"{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Look.","signature":"c2ln"}}},{"reasoningContent":{"redactedContent":"AA=="}},{"text":"Hello"},{"citationsContent":{"content":[{"text":"So."}],"citations":[]}},{"toolUse":{"toolUseId":"tooluse_1","name":"f","input":{"a":1}}}]}}"#,
);

const USAGE: (&str, &str) = (
    "usage",
    r#"{"inputTokens":9,"outputTokens":5,"totalTokens":21,"cacheReadInputTokens":4,"cacheWriteInputTokens":3}"#,
);

const fn field(name: &'static str, meaning: Meaning, example: (&'static str, &'static str)) -> Field {
    Field { name, meaning, example, neutral: &[] }
}

/// Of an answer.
pub(crate) const ANSWER: &[Field] = &[
    field("output.message.content[].text", Meaning::Text, OUTPUT),
    field("output.message.content[].citationsContent.content[].text", Meaning::Text, OUTPUT),
    field("output.message.content[].citationsContent.citations", Meaning::Citations, OUTPUT),
    field("output.message.content[].toolUse", Meaning::ToolCall, OUTPUT),
    field("output.message.content[].reasoningContent.reasoningText.text", Meaning::Reasoning, OUTPUT),
    field(
        "output.message.content[].reasoningContent.reasoningText.signature",
        Meaning::SignedReasoning,
        OUTPUT,
    ),
    field("output.message.content[].reasoningContent.redactedContent", Meaning::SignedReasoning, OUTPUT),
    field("stopReason", Meaning::StopReason, ("stopReason", r#""end_turn""#)),
    field(
        "additionalModelResponseFields.stop_sequence",
        Meaning::StopSequence,
        ("additionalModelResponseFields", r#"{"stop_sequence":"END"}"#),
    ),
    field("usage.inputTokens", Meaning::InputTokens, USAGE),
    field("usage.cacheReadInputTokens", Meaning::CachedTokens, USAGE),
    field("usage.cacheWriteInputTokens", Meaning::CacheWriteTokens, USAGE),
    field("usage.outputTokens", Meaning::OutputTokens, USAGE),
    field("metrics.latencyMs", Meaning::Timings, ("metrics", r#"{"latencyMs":12}"#)),
    field("trace", Meaning::SafetyRatings, ("trace", r#"{"guardrail":{}}"#)),
    field("performanceConfig", Meaning::ServiceTier, ("performanceConfig", r#"{"latency":"standard"}"#)),
    field("serviceTier", Meaning::ServiceTier, ("serviceTier", r#"{"type":"default"}"#)),
];

/// Where a request has what is meant.
pub(crate) fn request_fate(meaning: Meaning) -> Fate {
    use Fate::{Carried, Converted, Dropped, Refused};
    match meaning {
        Meaning::Model => Converted("", "part of the address that is called"),
        Meaning::System => Carried("system[].text"),
        Meaning::Turns => Carried("messages"),
        Meaning::Text => Carried("messages[].content[].text"),
        Meaning::Image => Carried("messages[].content[].image"),
        Meaning::AudioInput => Carried("messages[].content[].audio"),
        Meaning::Document => Converted(
            "messages[].content[].document",
            "its name in the characters that Bedrock allows, each once; as text too where nothing else is said",
        ),
        Meaning::ToolCall => {
            Converted("messages[].content[].toolUse", "an id of other characters, or too long, is hashed")
        }
        Meaning::ToolResult => Converted(
            "messages[].content[].toolResult",
            "an id as in its call; an empty result as an object without members",
        ),
        Meaning::ToolResultMedia => Carried("messages[].content[].toolResult.content[]"),
        Meaning::ToolResultError => Converted("messages[].content[].toolResult.status", "`error`"),
        Meaning::RefusalText => Converted("messages[].content[].text", "as text"),
        Meaning::Tools => Carried("toolConfig.tools[].toolSpec"),
        Meaning::ToolStrictness => Carried("toolConfig.tools[].toolSpec.strict"),
        Meaning::ToolChoice => Converted(
            "toolConfig.toolChoice",
            "`auto`, `any`, `tool`; where none may be called none is offered, and a conversation that holds calls is \
             refused",
        ),
        Meaning::MaxOutputTokens => Carried("inferenceConfig.maxTokens"),
        Meaning::Temperature => Converted(
            "inferenceConfig.temperature",
            "at most 1; left out where Claude thinks, and from its 4.7 on",
        ),
        Meaning::TopP => Converted("inferenceConfig.topP", "left out for Claude from 4.7 on"),
        Meaning::TopK => Converted(
            "additionalModelRequestFields",
            "`top_k`, for Nova `inferenceConfig.topK`; left out where Claude thinks, and from its 4.7 on",
        ),
        Meaning::Stop => Carried("inferenceConfig.stopSequences"),
        Meaning::JsonSchema => {
            Converted("outputConfig.textFormat.structure.jsonSchema", "the schema as a text; always strict")
        }
        Meaning::ReasoningEffort => Converted(
            "additionalModelRequestFields",
            "Claude before 4.6: `thinking` of low 1024, medium 4096, high 16384, beyond 32768 tokens, 1024 below the \
             cap, later ones: adaptive with `output_config.effort`; Nova: \
             `reasoningConfig`, at most medium; OpenAI: `reasoning_effort`; left out for models of others, and where \
             Claude must call a tool or go on from results",
        ),
        Meaning::ReasoningBudget => Converted(
            "additionalModelRequestFields",
            "Claude: `thinking`, 1024 below the cap; Nova and OpenAI: low up to 2560, medium up to 10240, then high, \
             adaptive as medium; left out as an effort is",
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
        Meaning::ImageLink
        | Meaning::DocumentLink
        | Meaning::FileId
        | Meaning::VideoInput
        | Meaning::ServerTools
        | Meaning::FreeTextTools
        | Meaning::Functions
        | Meaning::ToolSubset
        | Meaning::ParallelToolCalls
        | Meaning::Seed
        | Meaning::PresencePenalty
        | Meaning::FrequencyPenalty
        | Meaning::Choices
        | Meaning::JsonObject
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
