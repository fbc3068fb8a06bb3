//! What every provider says, in its dialect: it thinks, speaks, and calls two tools.

use flyball_translation::Dialect;
use serde_json::{Value as Json, json};

use crate::told::Told;

/// A text with what escapes and encodings may break.
pub(crate) const TEXT: &str = "Grüße \"an\"\n\u{7}日本 \u{1F600} \\ </end>";
const THOUGHT: &str = "Hm, ü.";
const ARGUMENTS: &str = r#"{"city":"Köln \"x\"","days":[1,2.50]}"#;

/// A provider's answer.
pub(crate) struct Provider {
    pub(crate) dialect: Dialect,
    /// As one document.
    pub(crate) plain: Json,
    /// As events: names and data.
    pub(crate) events: Vec<(Option<&'static str>, String)>,
    /// How many of the events may be missing without anyone's knowing that the stream broke off.
    pub(crate) after_the_end: usize,
}

impl Provider {
    pub(crate) fn of(dialect: Dialect) -> Provider {
        match dialect {
            Dialect::Chat => chat(),
            Dialect::Messages => messages(),
            Dialect::Gemini => gemini(),
            _ => converse(),
        }
    }

    /// What is meant, whatever the dialect. Counts that the dialect does not have are none.
    pub(crate) fn meant(&self) -> Told {
        let arguments: Json = serde_json::from_str(ARGUMENTS).unwrap();
        let written = (self.dialect != Dialect::Gemini).then_some(3);
        let reasoning = (self.dialect != Dialect::Converse).then_some(2);
        Told {
            text: TEXT.into(),
            reasoning: THOUGHT.into(),
            calls: vec![("weather".into(), arguments), ("now".into(), json!({}))],
            stop: String::new(),
            usage: [Some(20), Some(4), written, Some(9), reasoning],
        }
    }
}

/// A text in pieces that do not care for words.
fn pieces(text: &str) -> Vec<String> {
    text.chars().collect::<Vec<_>>().chunks(5).map(|piece| piece.iter().collect()).collect()
}

fn chat() -> Provider {
    let usage = json!({"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,
        "prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":3},
        "completion_tokens_details":{"reasoning_tokens":2}});
    let call = |id: &str, name: &str, arguments: &str| json!({"id":id,"type":"function","function":{"name":name,"arguments":arguments}});
    let plain = json!({"id":"p","object":"chat.completion","created":5,"model":"m","usage":usage,"choices":[
        {"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":TEXT,
         "reasoning_content":THOUGHT,"tool_calls":[call("call_1", "weather", ARGUMENTS), call("call_2", "now", "{}")]}}]});
    let chunk = |delta: Json, stop: Option<&str>| {
        let choice = json!({"index":0,"delta":delta,"finish_reason":stop});
        (None, json!({"id":"p","created":5,"model":"m","choices":[choice]}).to_string())
    };
    let with_index = |index: u64, mut call: Json| {
        call["index"] = index.into();
        json!({"tool_calls":[call]})
    };
    let mut events = vec![chunk(json!({"role":"assistant","content":""}), None)];
    events.extend(pieces(THOUGHT).iter().map(|piece| chunk(json!({"reasoning_content":piece}), None)));
    events.extend(pieces(TEXT).iter().map(|piece| chunk(json!({"content":piece}), None)));
    events.push(chunk(with_index(0, call("call_1", "weather", "")), None));
    events.extend(
        pieces(ARGUMENTS)
            .iter()
            .map(|piece| chunk(json!({"tool_calls":[{"index":0,"function":{"arguments":piece}}]}), None)),
    );
    events.push(chunk(with_index(1, call("call_2", "now", "{}")), None));
    events.push(chunk(json!({}), Some("tool_calls")));
    events.push((None, json!({"choices":[],"usage":usage}).to_string()));
    events.push((None, "[DONE]".to_owned()));
    Provider { dialect: Dialect::Chat, plain, events, after_the_end: 2 }
}

fn messages() -> Provider {
    let usage = json!({"input_tokens":13,"cache_read_input_tokens":4,"cache_creation_input_tokens":3,
        "output_tokens":9,"output_tokens_details":{"thinking_tokens":2}});
    let arguments: Json = serde_json::from_str(ARGUMENTS).unwrap();
    let plain = json!({"id":"msg_1","type":"message","role":"assistant","model":"m","content":[
        {"type":"thinking","thinking":THOUGHT,"signature":"c2ln"},
        {"type":"text","text":TEXT},
        {"type":"tool_use","id":"toolu_1","name":"weather","input":arguments},
        {"type":"tool_use","id":"toolu_2","name":"now","input":{}}],
        "stop_reason":"tool_use","stop_sequence":null,"usage":usage});
    let mut events = Vec::new();
    let mut event = |kind: &'static str, mut data: Json| {
        data["type"] = kind.into();
        events.push((Some(kind), data.to_string()));
    };
    event(
        "message_start",
        json!({"message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],
        "stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":13,"cache_read_input_tokens":4,
        "cache_creation_input_tokens":3,"output_tokens":1}}}),
    );
    event("ping", json!({}));
    let blocks = [
        (
            json!({"type":"thinking","thinking":"","signature":""}),
            "thinking_delta",
            "thinking",
            pieces(THOUGHT),
        ),
        (json!({"type":"text","text":""}), "text_delta", "text", pieces(TEXT)),
        (
            json!({"type":"tool_use","id":"toolu_1","name":"weather","input":{}}),
            "input_json_delta",
            "partial_json",
            pieces(ARGUMENTS),
        ),
        (
            json!({"type":"tool_use","id":"toolu_2","name":"now","input":{}}),
            "input_json_delta",
            "partial_json",
            vec![],
        ),
    ];
    for (index, (block, kind, member, pieces)) in blocks.into_iter().enumerate() {
        event("content_block_start", json!({"index":index,"content_block":block}));
        for piece in pieces {
            event("content_block_delta", json!({"index":index,"delta":{"type":kind,member:piece}}));
        }
        if index == 0 {
            event(
                "content_block_delta",
                json!({"index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}),
            );
        }
        event("content_block_stop", json!({"index":index}));
    }
    event(
        "message_delta",
        json!({"delta":{"stop_reason":"tool_use","stop_sequence":null},
        "usage":{"output_tokens":9,"output_tokens_details":{"thinking_tokens":2}}}),
    );
    event("message_stop", json!({}));
    Provider { dialect: Dialect::Messages, plain, events, after_the_end: 1 }
}

fn gemini() -> Provider {
    let usage = json!({"promptTokenCount":20,"cachedContentTokenCount":4,"candidatesTokenCount":7,
        "thoughtsTokenCount":2,"totalTokenCount":29});
    let arguments: Json = serde_json::from_str(ARGUMENTS).unwrap();
    let calls = [
        json!({"functionCall":{"id":"g1","name":"weather","args":arguments},"thoughtSignature":"c2ln"}),
        json!({"functionCall":{"id":"g2","name":"now","args":{}}}),
    ];
    let body = |parts: Vec<Json>, stop: Option<&str>| {
        let mut candidate = json!({"index":0,"content":{"role":"model","parts":parts}});
        if let Some(stop) = stop {
            candidate["finishReason"] = stop.into();
        }
        json!({"responseId":"r1","modelVersion":"m","candidates":[candidate]})
    };
    let thought = |text: &str| json!({"text":text,"thought":true});
    let mut parts = vec![thought(THOUGHT), json!({"text":TEXT})];
    parts.extend(calls.clone());
    let mut plain = body(parts, Some("STOP"));
    plain["usageMetadata"] = usage.clone();
    let mut events: Vec<_> = pieces(THOUGHT).iter().map(|piece| body(vec![thought(piece)], None)).collect();
    events.extend(pieces(TEXT).iter().map(|piece| body(vec![json!({"text":piece})], None)));
    let mut last = body(calls.to_vec(), Some("STOP"));
    last["usageMetadata"] = usage;
    events.push(last);
    let events = events.into_iter().map(|event| (None, event.to_string())).collect();
    Provider { dialect: Dialect::Gemini, plain, events, after_the_end: 0 }
}

fn converse() -> Provider {
    let usage = json!({"inputTokens":13,"outputTokens":9,"totalTokens":29,"cacheReadInputTokens":4,
        "cacheWriteInputTokens":3});
    let arguments: Json = serde_json::from_str(ARGUMENTS).unwrap();
    let plain = json!({"output":{"message":{"role":"assistant","content":[
        {"reasoningContent":{"reasoningText":{"text":THOUGHT,"signature":"c2ln"}}},
        {"text":TEXT},
        {"toolUse":{"toolUseId":"t1","name":"weather","input":arguments}},
        {"toolUse":{"toolUseId":"t2","name":"now","input":{}}}]}},
        "stopReason":"tool_use","usage":usage,"metrics":{"latencyMs":5}});
    let mut events = Vec::new();
    let mut event = |name: &'static str, data: Json| events.push((Some(name), data.to_string()));
    event("messageStart", json!({"role":"assistant"}));
    let tool = |id: &str, name: &str| Some(json!({"toolUse":{"toolUseId":id,"name":name}}));
    type Delta = fn(String) -> Json;
    let blocks: [(Option<Json>, Delta, Vec<String>); 4] = [
        (None, |text| json!({"reasoningContent":{"text":text}}), pieces(THOUGHT)),
        (None, |text| json!({"text":text}), pieces(TEXT)),
        (tool("t1", "weather"), |text| json!({"toolUse":{"input":text}}), pieces(ARGUMENTS)),
        (tool("t2", "now"), |text| json!({"toolUse":{"input":text}}), vec!["{}".to_owned()]),
    ];
    for (index, (start, delta, pieces)) in blocks.into_iter().enumerate() {
        if let Some(start) = start {
            event("contentBlockStart", json!({"contentBlockIndex":index,"start":start}));
        }
        for piece in pieces {
            event("contentBlockDelta", json!({"contentBlockIndex":index,"delta":delta(piece)}));
        }
        event("contentBlockStop", json!({"contentBlockIndex":index}));
    }
    event("messageStop", json!({"stopReason":"tool_use"}));
    event("metadata", json!({"usage":usage,"metrics":{"latencyMs":5}}));
    Provider { dialect: Dialect::Converse, plain, events, after_the_end: 0 }
}
