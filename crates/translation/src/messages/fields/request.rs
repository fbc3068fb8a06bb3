//! What callers write in messages: every field of a request, those of betas included.

use super::{field, neutral};
use crate::fields::{Field, Meaning};

/// Of a request.
pub(crate) const REQUEST: &[Field] = &[
    // What is said.
    field("model", Meaning::Model, ("model", r#""m""#)),
    neutral("system", Meaning::System, ("system", r#""Be brief.""#), &[r#""""#, "[]"]),
    field(
        "system[].cache_control",
        Meaning::CacheHint,
        ("system", r#"[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]"#),
    ),
    field(
        "messages",
        Meaning::Turns,
        ("messages", r#"[{"role":"user","content":[{"type":"text","text":"Look"}]}]"#),
    ),
    field(
        "messages[].content[].text",
        Meaning::Text,
        ("messages", r#"[{"role":"user","content":[{"type":"text","text":"Look"}]}]"#),
    ),
    field(
        "messages[].content[].cache_control",
        Meaning::CacheHint,
        (
            "messages",
            r#"[{"role":"user","content":[{"type":"text","text":"Look","cache_control":{"type":"ephemeral"}}]}]"#,
        ),
    ),
    field(
        "messages[].content[].citations",
        Meaning::Citations,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"text","text":"Blue.","citations":[{"type":"char_location","cited_text":"blue","document_index":0,"document_title":null,"start_char_index":0,"end_char_index":4}]},{"type":"text","text":"Hello"}]},{"role":"user","content":"Go on"}]"#,
        ),
    ),
    field(
        "messages[].content[].source.data",
        Meaning::Image,
        (
            "messages",
            r#"[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]"#,
        ),
    ),
    field(
        "messages[].content[].source.url",
        Meaning::ImageLink,
        (
            "messages",
            r#"[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}]}]"#,
        ),
    ),
    field(
        "messages[].content[].transformations",
        Meaning::Truncation,
        (
            "messages",
            r#"[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="},"transformations":{"oversized_image":"error"}}]}]"#,
        ),
    ),
    field(
        "messages[].content[].source.data (document)",
        Meaning::Document,
        (
            "messages",
            r#"[{"role":"user","content":[{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}]}]"#,
        ),
    ),
    field(
        "messages[].content[].source.url (document)",
        Meaning::DocumentLink,
        (
            "messages",
            r#"[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}}]}]"#,
        ),
    ),
    field(
        "messages[].content[].source.file_id",
        Meaning::FileId,
        (
            "messages",
            r#"[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"file_1"}}]}]"#,
        ),
    ),
    field(
        "messages[].content[] (tool_use)",
        Meaning::ToolCall,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"at":"sky"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"blue"}]}]"#,
        ),
    ),
    field(
        "messages[].content[] (tool_result)",
        Meaning::ToolResult,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"at":"sky"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"blue"}]}]"#,
        ),
    ),
    field(
        "messages[].content[].content[].source",
        Meaning::ToolResultMedia,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"at":"sky"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]}]"#,
        ),
    ),
    neutral(
        "messages[].content[].is_error",
        Meaning::ToolResultError,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"at":"sky"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"blue","is_error":true}]}]"#,
        ),
        &["false"],
    ),
    field(
        "messages[].content[].caller",
        Meaning::ServerTools,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"at":"sky"},"caller":{"type":"code_execution_20250825","tool_id":"s1"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"blue"}]}]"#,
        ),
    ),
    field(
        "messages[].content[].toolset_name",
        Meaning::ServerTools,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"at":"sky"},"toolset_name":"computer"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"blue"}]}]"#,
        ),
    ),
    field(
        "messages[].content[] (thinking)",
        Meaning::SignedReasoning,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Hello"}]},{"role":"user","content":"Go on"}]"#,
        ),
    ),
    field(
        "messages[].content[] (redacted_thinking)",
        Meaning::SignedReasoning,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"c2VhbGVk"},{"type":"text","text":"Hello"}]},{"role":"user","content":"Go on"}]"#,
        ),
    ),
    field(
        "messages[].content[].thinking (unsigned)",
        Meaning::Reasoning,
        (
            "messages",
            r#"[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":""},{"type":"text","text":"Hello"}]},{"role":"user","content":"Go on"}]"#,
        ),
    ),
    // What the vendor's own machinery leaves in a conversation is refused as a block that is not known.
    // Tools.
    neutral(
        "tools",
        Meaning::Tools,
        ("tools", r#"[{"name":"look","input_schema":{"type":"object","properties":{}}}]"#),
        &["[]"],
    ),
    neutral(
        "tools[].strict",
        Meaning::ToolStrictness,
        ("tools", r#"[{"name":"look","input_schema":{"type":"object","properties":{}},"strict":true}]"#),
        &["false"],
    ),
    field(
        "tools[].cache_control",
        Meaning::CacheHint,
        (
            "tools",
            r#"[{"name":"look","input_schema":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}}]"#,
        ),
    ),
    field(
        "tools[].eager_input_streaming",
        Meaning::CacheHint,
        (
            "tools",
            r#"[{"name":"look","input_schema":{"type":"object","properties":{}},"eager_input_streaming":true}]"#,
        ),
    ),
    field(
        "tools[].type",
        Meaning::ServerTools,
        ("tools", r#"[{"type":"web_search_20250305","name":"web_search"}]"#),
    ),
    neutral(
        "tools[].defer_loading",
        Meaning::ServerTools,
        (
            "tools",
            r#"[{"name":"look","input_schema":{"type":"object","properties":{}},"defer_loading":true}]"#,
        ),
        &["false"],
    ),
    neutral(
        "tools[].allowed_callers",
        Meaning::ServerTools,
        (
            "tools",
            r#"[{"name":"look","input_schema":{"type":"object","properties":{}},"allowed_callers":["code_execution_20250825"]}]"#,
        ),
        &[r#"["direct"]"#],
    ),
    neutral(
        "tools[].input_examples",
        Meaning::ServerTools,
        (
            "tools",
            r#"[{"name":"look","input_schema":{"type":"object","properties":{}},"input_examples":[{"at":"sky"}]}]"#,
        ),
        &["[]"],
    ),
    neutral(
        "mcp_servers",
        Meaning::ServerTools,
        ("mcp_servers", r#"[{"type":"url","name":"n","url":"https://example.com/mcp"}]"#),
        &["[]"],
    ),
    field("tool_choice", Meaning::ToolChoice, ("tool_choice", r#"{"type":"auto"}"#)),
    neutral(
        "tool_choice.disable_parallel_tool_use",
        Meaning::ParallelToolCalls,
        ("tool_choice", r#"{"type":"auto","disable_parallel_tool_use":true}"#),
        &["false"],
    ),
    // How it is answered.
    field("max_tokens", Meaning::MaxOutputTokens, ("max_tokens", "4096")),
    field("temperature", Meaning::Temperature, ("temperature", "0.5")),
    field("top_p", Meaning::TopP, ("top_p", "0.9")),
    field("top_k", Meaning::TopK, ("top_k", "40")),
    neutral("stop_sequences", Meaning::Stop, ("stop_sequences", r#"["END"]"#), &["[]"]),
    neutral("stream", Meaning::Stream, ("stream", "true"), &["false"]),
    field(
        "output_config.format",
        Meaning::JsonSchema,
        (
            "output_config",
            r#"{"format":{"type":"json_schema","schema":{"type":"object","properties":{},"additionalProperties":false}}}"#,
        ),
    ),
    field(
        "output_format",
        Meaning::JsonSchema,
        (
            "output_format",
            r#"{"type":"json_schema","schema":{"type":"object","properties":{},"additionalProperties":false}}"#,
        ),
    ),
    field("output_config.effort", Meaning::ReasoningEffort, ("output_config", r#"{"effort":"low"}"#)),
    neutral(
        "thinking.type",
        Meaning::ReasoningBudget,
        ("thinking", r#"{"type":"adaptive"}"#),
        &[r#""disabled""#],
    ),
    field(
        "thinking.budget_tokens",
        Meaning::ReasoningBudget,
        ("thinking", r#"{"type":"enabled","budget_tokens":2048}"#),
    ),
    field(
        "thinking.display",
        Meaning::ReasoningShown,
        ("thinking", r#"{"type":"adaptive","display":"summarized"}"#),
    ),
    // State that the provider keeps, and where and for whom it works.
    field("container", Meaning::Container, ("container", r#""c1""#)),
    neutral(
        "context_management",
        Meaning::ContextManagement,
        ("context_management", r#"{"edits":[{"type":"compact_20260112"}]}"#),
        &["{}"],
    ),
    field(
        "context_management.edits[]",
        Meaning::ContextTrimming,
        ("context_management", r#"{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}"#),
    ),
    field("compaction", Meaning::ContextManagement, ("compaction", r#"{"type":"auto"}"#)),
    field("thread", Meaning::StoredState, ("thread", r#"{"id":"t1"}"#)),
    neutral("fallbacks", Meaning::StoredState, ("fallbacks", r#"[{"model":"n"}]"#), &["[]"]),
    field("billing_policy", Meaning::StoredState, ("billing_policy", r#"{"type":"standard"}"#)),
    field("inference_geo", Meaning::StoredState, ("inference_geo", r#""us""#)),
    field("user_profile_id", Meaning::StoredState, ("user_profile_id", r#""u1""#)),
    field("workspace_id", Meaning::StoredState, ("workspace_id", r#""w1""#)),
    // Hints.
    field("metadata.user_id", Meaning::EndUser, ("metadata", r#"{"user_id":"u1"}"#)),
    neutral("service_tier", Meaning::ServiceTier, ("service_tier", r#""auto""#), &[r#""auto""#]),
    neutral("speed", Meaning::CacheHint, ("speed", r#""fast""#), &[r#""standard""#]),
    field("cache_control", Meaning::CacheHint, ("cache_control", r#"{"type":"ephemeral"}"#)),
    field("diagnostics", Meaning::Include, ("diagnostics", r#"{"previous_message_id":"msg_1"}"#)),
];
