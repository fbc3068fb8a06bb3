//! The fields of responses: what they mean, and where an answer of theirs puts what is meant. Fields of the public
//! API that are not listed are refused by name like any that nobody knows.

use crate::fields::{Fate, Field, Meaning};

/// Of a request.
#[rustfmt::skip]
pub(crate) const REQUEST: &[Field] = &[
    field("model", Meaning::Model, ("model", r#""m""#), &[]),
    field("input", Meaning::Turns, ("input", r#""hi""#), &[]),
    field("input[].content", Meaning::Text, ("input", r#"[{"role":"user","content":"hi"}]"#), &[]),
    field("input[].content[].text", Meaning::Text, ("input", r#"[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]"#), &[]),
    field("input[].content[].prompt_cache_breakpoint", Meaning::CacheHint, ("input", r#"[{"role":"user","content":[{"type":"input_text","text":"hi","prompt_cache_breakpoint":{"mode":"explicit"}}]}]"#), &[]),
    field("input[].content[].image_url", Meaning::Image, ("input", r#"[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]}]"#), &[]),
    field("input[].content[].image_url", Meaning::ImageLink, ("input", r#"[{"role":"user","content":[{"type":"input_image","image_url":"https://example.com/a.png"}]}]"#), &[]),
    field("input[].content[].detail", Meaning::ImageDetail, ("input", r#"[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"}]}]"#), &[r#""auto""#]),
    field("input[].content[].file_id", Meaning::FileId, ("input", r#"[{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}]"#), &[]),
    field("input[].content[].file_data", Meaning::Document, ("input", r#"[{"role":"user","content":[{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}]}]"#), &[]),
    field("input[].content[].file_url", Meaning::DocumentLink, ("input", r#"[{"role":"user","content":[{"type":"input_file","file_url":"https://example.com/a.pdf"}]}]"#), &[]),
    field("input[].content[].input_audio", Meaning::AudioInput, ("input", r#"[{"role":"user","content":[{"type":"input_audio","input_audio":{"format":"wav","data":"UklGRg=="}}]}]"#), &[]),
    field("input[].content[].refusal", Meaning::RefusalText, ("input", r#"[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"refusal","refusal":"No."}]},{"role":"user","content":"hi"}]"#), &[]),
    field("input[].content[].annotations", Meaning::Citations, ("input", r#"[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation","url":"https://example.com","title":"t","start_index":0,"end_index":1}]}]},{"role":"user","content":"hi"}]"#), &[]),
    field("input[].phase", Meaning::MessagePhase, ("input", r#"[{"role":"user","content":"hi"},{"role":"assistant","content":"a","phase":"commentary"},{"role":"user","content":"hi"}]"#), &[]),
    field("input[].arguments", Meaning::ToolCall, ("input", r#"[{"role":"user","content":"hi"},{"type":"function_call","call_id":"c1","name":"look","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"x"}]"#), &[]),
    field("input[].output", Meaning::ToolResult, ("input", r#"[{"role":"user","content":"hi"},{"type":"function_call","call_id":"c1","name":"look","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"x"}]"#), &[]),
    field("input[].output[]", Meaning::ToolResultMedia, ("input", r#"[{"role":"user","content":"hi"},{"type":"function_call","call_id":"c1","name":"look","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]}]"#), &[]),
    field("input[].summary", Meaning::Reasoning, ("input", r#"[{"role":"user","content":"hi"},{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"so"}]},{"role":"assistant","content":"a"},{"role":"user","content":"hi"}]"#), &[]),
    field("input[].encrypted_content", Meaning::SignedReasoning, ("input", r#"[{"role":"user","content":"hi"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},{"role":"assistant","content":"a"},{"role":"user","content":"hi"}]"#), &[]),
    field("input[]", Meaning::StoredState, ("input", r#"[{"type":"item_reference","id":"msg_1"}]"#), &[]),
    field("input[]", Meaning::ServerTools, ("input", r#"[{"role":"user","content":"hi"},{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}}]"#), &[]),
    field("input[]", Meaning::FreeTextTools, ("input", r#"[{"role":"user","content":"hi"},{"type":"custom_tool_call","call_id":"c1","name":"n","input":"x"}]"#), &[]),
    field("instructions", Meaning::System, ("instructions", r#""Be brief.""#), &[]),
    field("tools", Meaning::Tools, ("tools", r#"[{"type":"function","name":"look","parameters":{"type":"object","properties":{}}}]"#), &["[]"]),
    field("tools[].strict", Meaning::ToolStrictness, ("tools", r#"[{"type":"function","name":"look","parameters":{"type":"object","properties":{}},"strict":true}]"#), &["false"]),
    field("tools[]", Meaning::ServerTools, ("tools", r#"[{"type":"web_search"}]"#), &[]),
    field("tools[]", Meaning::FreeTextTools, ("tools", r#"[{"type":"custom","name":"n"}]"#), &[]),
    field("tool_choice", Meaning::ToolChoice, ("tool_choice", r#""required""#), &[r#""auto""#]),
    field("tool_choice", Meaning::ToolSubset, ("tool_choice", r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"look"}]}"#), &[]),
    field("parallel_tool_calls", Meaning::ParallelToolCalls, ("parallel_tool_calls", "false"), &["true"]),
    field("max_tool_calls", Meaning::ServerTools, ("max_tool_calls", "3"), &[]),
    field("max_output_tokens", Meaning::MaxOutputTokens, ("max_output_tokens", "64"), &[]),
    field("temperature", Meaning::Temperature, ("temperature", "0.5"), &[]),
    field("top_p", Meaning::TopP, ("top_p", "0.9"), &[]),
    field("top_logprobs", Meaning::TopLogProbs, ("top_logprobs", "2"), &["0"]),
    field("text.format", Meaning::JsonObject, ("text", r#"{"format":{"type":"json_object"}}"#), &[]),
    field("text.format", Meaning::JsonSchema, ("text", r#"{"format":{"type":"json_schema","name":"s","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}"#), &[]),
    field("text.verbosity", Meaning::Verbosity, ("text", r#"{"verbosity":"low"}"#), &[r#""medium""#]),
    field("reasoning.effort", Meaning::ReasoningEffort, ("reasoning", r#"{"effort":"low"}"#), &[r#""none""#]),
    field("reasoning.summary", Meaning::ReasoningShown, ("reasoning", r#"{"summary":"auto"}"#), &[]),
    field("reasoning.generate_summary", Meaning::ReasoningShown, ("reasoning", r#"{"generate_summary":"auto"}"#), &[]),
    field("stream", Meaning::Stream, ("stream", "true"), &["false"]),
    field("stream_options.include_obfuscation", Meaning::StreamPadding, ("stream_options", r#"{"include_obfuscation":true}"#), &[]),
    field("include", Meaning::Include, ("include", r#"["reasoning.encrypted_content"]"#), &["[]", r#"["reasoning.encrypted_content"]"#]),
    field("include[]", Meaning::LogProbs, ("include", r#"["message.output_text.logprobs"]"#), &[]),
    field("client_metadata", Meaning::ClientFacts, ("client_metadata", r#"{"a":"b"}"#), &[]),
    field("store", Meaning::Store, ("store", "true"), &["false"]),
    field("previous_response_id", Meaning::StoredState, ("previous_response_id", r#""resp_1""#), &[]),
    field("conversation", Meaning::StoredState, ("conversation", r#""conv_1""#), &[]),
    field("prompt", Meaning::StoredState, ("prompt", r#"{"id":"pmpt_1"}"#), &[]),
    field("background", Meaning::Background, ("background", "true"), &["false"]),
    field("truncation", Meaning::Truncation, ("truncation", r#""auto""#), &[r#""disabled""#]),
    field("context_management", Meaning::ContextManagement, ("context_management", r#"[{"type":"compaction","compact_threshold":1000}]"#), &["[]"]),
    field("user", Meaning::EndUser, ("user", r#""u""#), &[]),
    field("safety_identifier", Meaning::EndUser, ("safety_identifier", r#""u""#), &[]),
    field("metadata", Meaning::Metadata, ("metadata", r#"{"a":"b"}"#), &[]),
    field("service_tier", Meaning::ServiceTier, ("service_tier", r#""flex""#), &[r#""auto""#, r#""default""#]),
    field("prompt_cache_key", Meaning::CacheKey, ("prompt_cache_key", r#""k""#), &[]),
    field("prompt_cache_retention", Meaning::CacheHint, ("prompt_cache_retention", r#""24h""#), &[]),
    field("prompt_cache_options", Meaning::CacheHint, ("prompt_cache_options", r#"{"mode":"implicit"}"#), &[]),
];

const fn field(
    name: &'static str,
    meaning: Meaning,
    example: (&'static str, &'static str),
    neutral: &'static [&'static str],
) -> Field {
    Field { name, meaning, example, neutral }
}

/// Where an answer has what is meant.
pub(crate) fn answer_fate(meaning: Meaning) -> Fate {
    match meaning {
        Meaning::AnswerId => {
            Fate::Converted("id", "the exchange's own id, which the ids of items are made of")
        }
        Meaning::Model => Fate::Carried("model"),
        Meaning::Created => Fate::Carried("created_at"),
        Meaning::Turns => Fate::Converted("output", "the first answer"),
        Meaning::Text => Fate::Carried("output[].content[].text"),
        Meaning::RefusalText => Fate::Carried("output[].content[].refusal"),
        Meaning::Reasoning => Fate::Carried("output[].summary[].text"),
        Meaning::ToolCall => Fate::Converted("output[].arguments", "an item of its own; no arguments are {}"),
        Meaning::StopReason => {
            Fate::Converted("status", "incomplete_details.reason says why it is not 'completed'")
        }
        Meaning::InputTokens => {
            Fate::Converted("usage.input_tokens", "those from and into the cache included")
        }
        Meaning::CachedTokens => Fate::Carried("usage.input_tokens_details.cached_tokens"),
        Meaning::CacheWriteTokens => Fate::Carried("usage.input_tokens_details.cache_write_tokens"),
        Meaning::OutputTokens => Fate::Carried("usage.output_tokens"),
        Meaning::ReasoningTokens => Fate::Carried("usage.output_tokens_details.reasoning_tokens"),
        _ => Fate::Dropped,
    }
}
