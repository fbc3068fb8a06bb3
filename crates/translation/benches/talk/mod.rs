//! What the benches translate: a request of a kilobyte, an agent's tenth turn, answers, and events, in the dialects
//! that have them. Nothing here measures.

use bytes::Bytes;
use flyball_core::json::{Document, Limits};
use flyball_translation::events::{Events, Written};
use flyball_translation::{Dialect, Envelope, Wanted};

/// What a provider is asked for besides.
const WANTED: Wanted<'static> = Wanted { model: "concrete", max_output_tokens: 4096 };

/// Text of so many bytes.
fn prose(length: usize) -> String {
    let prose = "The governor keeps the speed of an engine even, whatever the load on it may be. ";
    prose.chars().cycle().take(length).collect()
}

/// A body as it is after inspection: read.
pub(crate) fn document(body: impl Into<Bytes>) -> Document {
    Document::parse(body.into(), Limits::default()).expect("the body is JSON")
}

/// A question of a kilobyte.
pub(crate) fn question(dialect: Dialect) -> Document {
    let cap = if dialect == Dialect::Messages { r#""max_tokens":1024,"# } else { "" };
    let text = prose(1024);
    document(format!(
        r#"{{"model":"demo",{cap}"stream":true,"temperature":0.5,"messages":[{{"role":"user","content":"{text}"}}]}}"#
    ))
}

/// An agent's conversation after ten calls of a tool and their results.
pub(crate) fn conversation(dialect: Dialect) -> Document {
    let schema = r#"{"type":"object","properties":{"path":{"type":"string","description":"Where it is"},"lines":{"type":"integer"}},"required":["path"]}"#;
    let system = prose(600);
    let mut turns = Vec::new();
    for turn in 0..10 {
        let result = format!("line one\\nline \\\"two\\\" of {turn}\\n{}", prose(300));
        turns.push(match dialect {
            Dialect::Messages => format!(
                r#"{{"role":"assistant","content":[{{"type":"text","text":"Looking."}},{{"type":"tool_use","id":"toolu_{turn}","name":"read","input":{{"path":"src/part{turn}.rs","lines":40}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"toolu_{turn}","content":"{result}"}}]}}"#
            ),
            _ => format!(
                r#"{{"role":"assistant","content":"Looking.","tool_calls":[{{"id":"call_{turn}","type":"function","function":{{"name":"read","arguments":"{{\"path\":\"src/part{turn}.rs\",\"lines\":40}}"}}}}]}},{{"role":"tool","tool_call_id":"call_{turn}","content":"{result}"}}"#
            ),
        });
    }
    let turns = turns.join(",");
    document(match dialect {
        Dialect::Messages => format!(
            r#"{{"model":"demo","max_tokens":1024,"system":"{system}","tools":[{{"name":"read","description":"Reads a file.","input_schema":{schema}}}],"messages":[{{"role":"user","content":"Mend it."}},{turns}]}}"#
        ),
        _ => format!(
            r#"{{"model":"demo","tools":[{{"type":"function","function":{{"name":"read","description":"Reads a file.","parameters":{schema}}}}}],"messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"Mend it."}},{turns}]}}"#
        ),
    })
}

/// The body that a provider of another dialect gets.
pub(crate) fn request(from: Dialect, document: &Document, to: Dialect) -> Bytes {
    flyball_translation::request(from, document, to, WANTED)
        .expect("it can be said in the other dialect")
        .body
}

/// An answer of four hundred bytes.
pub(crate) fn answer(dialect: Dialect) -> Document {
    let text = prose(120);
    document(match dialect {
        Dialect::Messages => format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"concrete","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":40,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":24}}}}"#
        ),
        Dialect::Gemini => format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":40,"candidatesTokenCount":24,"totalTokenCount":64}},"modelVersion":"concrete","responseId":"r1"}}"#
        ),
        Dialect::Converse => format!(
            r#"{{"output":{{"message":{{"role":"assistant","content":[{{"text":"{text}"}}]}}}},"stopReason":"end_turn","usage":{{"inputTokens":40,"outputTokens":24,"totalTokens":64}},"metrics":{{"latencyMs":40}}}}"#
        ),
        _ => format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"concrete","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":40,"completion_tokens":24,"total_tokens":64}}}}"#
        ),
    })
}

/// The answer in the caller's dialect.
pub(crate) fn answered(from: Dialect, document: &Document, to: Dialect) -> Bytes {
    flyball_translation::answer(from, document, to, &envelope()).expect("it is an answer")
}

fn envelope() -> Envelope {
    Envelope {
        id: "0190".to_owned(),
        created: 1_700_000_000,
        model: "concrete".to_owned(),
        ..Envelope::default()
    }
}

/// The name of a provider's event that carries text, where the dialect names events.
pub(crate) fn name(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Messages => Some("content_block_delta"),
        Dialect::Converse => Some("contentBlockDelta"),
        _ => None,
    }
}

/// A word as a provider streams it: the one with this number.
pub(crate) fn word(dialect: Dialect, number: usize) -> Bytes {
    Bytes::from(match dialect {
        Dialect::Messages => format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":" word{number}"}}}}"#
        ),
        // The count of tokens grows with each.
        Dialect::Gemini => format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":" word{number}"}}],"role":"model"}},"index":0}}],"usageMetadata":{{"promptTokenCount":40,"candidatesTokenCount":{number},"totalTokenCount":64,"promptTokensDetails":[{{"modality":"TEXT","tokenCount":40}}]}},"modelVersion":"concrete","responseId":"r1"}}"#
        ),
        // Filled up with letters, so that lengths do not tell words.
        Dialect::Converse => format!(
            r#"{{"contentBlockIndex":0,"delta":{{"text":" word{number}"}},"p":"{}"}}"#,
            "abcdefghijklmnopqrstuvwxyz".get(..number % 26).unwrap_or_default()
        ),
        _ => format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"concrete","system_fingerprint":"fp_1","choices":[{{"index":0,"delta":{{"content":" word{number}"}},"logprobs":null,"finish_reason":null}}]}}"#
        ),
    })
}

/// A stream whose text has begun.
pub(crate) fn stream(from: Dialect, to: Dialect) -> Events {
    let mut events = Events::new(from, to, envelope()).expect("there is such a way");
    let mut written = Vec::new();
    for number in 0..3 {
        push(&mut events, from, &word(from, number), &mut written);
    }
    assert!(written.len() >= 3, "text is passed on");
    events
}

/// Takes an event.
pub(crate) fn push(events: &mut Events, from: Dialect, data: &Bytes, written: &mut Vec<Written>) {
    events.event(name(from), data, written).expect("the stream goes on");
}
