//! What providers answer in messages: every field.

use super::field;
use crate::fields::{Field, Meaning};

/// Of an answer.
pub(crate) const ANSWER: &[Field] = &[
    field("id", Meaning::AnswerId, ("id", r#""msg_1""#)),
    field("model", Meaning::Model, ("model", r#""m""#)),
    field("content[].text", Meaning::Text, ("content", r#"[{"type":"text","text":"Blue."}]"#)),
    field(
        "content[].citations",
        Meaning::Citations,
        (
            "content",
            r#"[{"type":"text","text":"Blue.","citations":[{"type":"char_location","cited_text":"blue","document_index":0,"document_title":null,"start_char_index":0,"end_char_index":4}]}]"#,
        ),
    ),
    field(
        "content[].thinking",
        Meaning::Reasoning,
        (
            "content",
            r#"[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Blue."}]"#,
        ),
    ),
    field(
        "content[].signature",
        Meaning::SignedReasoning,
        (
            "content",
            r#"[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Blue."}]"#,
        ),
    ),
    field(
        "content[].data",
        Meaning::SignedReasoning,
        ("content", r#"[{"type":"redacted_thinking","data":"c2VhbGVk"},{"type":"text","text":"Blue."}]"#),
    ),
    field(
        "content[] (tool_use)",
        Meaning::ToolCall,
        ("content", r#"[{"type":"tool_use","id":"t1","name":"look","input":{"at":"sky"}}]"#),
    ),
    field(
        "content[] (server_tool_use)",
        Meaning::ServerTools,
        (
            "content",
            r#"[{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"sky"}},{"type":"text","text":"Blue."}]"#,
        ),
    ),
    field("stop_reason", Meaning::StopReason, ("stop_reason", r#""max_tokens""#)),
    field("stop_sequence", Meaning::StopSequence, ("stop_sequence", r#""END""#)),
    field(
        "stop_details.explanation",
        Meaning::RefusalText,
        ("stop_details", r#"{"type":"refusal","category":null,"explanation":"No."}"#),
    ),
    field("usage.input_tokens", Meaning::InputTokens, ("usage", r#"{"input_tokens":9,"output_tokens":7}"#)),
    field(
        "usage.cache_read_input_tokens",
        Meaning::CachedTokens,
        ("usage", r#"{"input_tokens":9,"output_tokens":7,"cache_read_input_tokens":5}"#),
    ),
    field(
        "usage.cache_creation_input_tokens",
        Meaning::CacheWriteTokens,
        ("usage", r#"{"input_tokens":9,"output_tokens":7,"cache_creation_input_tokens":3}"#),
    ),
    field("usage.output_tokens", Meaning::OutputTokens, ("usage", r#"{"input_tokens":9,"output_tokens":7}"#)),
    field(
        "usage.output_tokens_details.thinking_tokens",
        Meaning::ReasoningTokens,
        ("usage", r#"{"input_tokens":9,"output_tokens":7,"output_tokens_details":{"thinking_tokens":2}}"#),
    ),
    field(
        "usage.server_tool_use",
        Meaning::ServerTools,
        ("usage", r#"{"input_tokens":9,"output_tokens":7,"server_tool_use":{"web_search_requests":1}}"#),
    ),
    field(
        "usage.service_tier",
        Meaning::ServiceTier,
        ("usage", r#"{"input_tokens":9,"output_tokens":7,"service_tier":"standard"}"#),
    ),
    field(
        "usage.inference_geo",
        Meaning::StoredState,
        ("usage", r#"{"input_tokens":9,"output_tokens":7,"inference_geo":"us"}"#),
    ),
    field(
        "container",
        Meaning::Container,
        ("container", r#"{"id":"c1","expires_at":"2026-01-01T00:00:00Z"}"#),
    ),
    field(
        "context_management",
        Meaning::ContextManagement,
        ("context_management", r#"{"applied_edits":[]}"#),
    ),
    field("diagnostics", Meaning::Include, ("diagnostics", r#"{"cache_miss_reason":null}"#)),
];
