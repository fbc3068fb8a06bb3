//! Streams: the vendor's own, good and bad, and what is written.

use super::*;
use crate::events::{Events, StreamError};
use crate::messages::{EventReader, EventWriter};
use crate::reply::{Event, Opened, Stop, Usage};

/// What events tell, one line each.
fn read(events: &[Value]) -> (Vec<String>, Result<(), StreamError>) {
    let mut reader = EventReader::default();
    let mut told = Vec::new();
    for event in events {
        let document = document(event);
        let mut events = Vec::new();
        let result = reader.read(&document, &mut events);
        told.extend(events.iter().map(|event| match event {
            Event::Start { id, .. } => format!("start {}", id.as_deref().unwrap_or("-")),
            Event::Open { part, kind, .. } => format!("open {part} {}", name(kind)),
            Event::Piece { part, text, .. } => format!("piece {part} {text}"),
            Event::Close { part, .. } => format!("close {part}"),
            Event::Stop { stop, .. } => format!("stop {stop:?}"),
            Event::Usage(usage) => format!("usage {:?} {:?}", usage.input, usage.output),
            Event::Ping => "ping".to_owned(),
            Event::End => "end".to_owned(),
        }));
        if result.is_err() {
            return (told, result);
        }
    }
    (told, Ok(()))
}

fn name(kind: &Opened<'_>) -> String {
    match kind {
        Opened::Text => "text".to_owned(),
        Opened::Reasoning => "reasoning".to_owned(),
        Opened::Refusal => "refusal".to_owned(),
        Opened::ToolCall { id, name } => format!("{name} {id}"),
    }
}

fn start() -> Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [],
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1}}})
}

fn open(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn piece(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn close(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn stop(reason: &str) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
        "usage": {"output_tokens": 9}})
}

fn end() -> Value {
    json!({"type": "message_stop"})
}

fn said(text: &str) -> Value {
    json!({"type": "text_delta", "text": text})
}

#[test]
fn a_stream_is_read_with_its_parts_numbered_without_those_left_out() {
    let (told, result) = read(&[
        start(),
        json!({"type": "ping"}),
        open(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        piece(0, json!({"type": "thinking_delta", "thinking": "Hm"})),
        piece(0, json!({"type": "signature_delta", "signature": "c2ln"})),
        close(0),
        open(1, json!({"type": "redacted_thinking", "data": "eA=="})),
        close(1),
        open(2, json!({"type": "text", "text": ""})),
        piece(2, said("Look")),
        piece(2, json!({"type": "citations_delta", "citation": {}})),
        close(2),
        open(3, json!({"type": "tool_use", "id": "t", "name": "look", "input": {}})),
        piece(3, json!({"type": "input_json_delta", "partial_json": ""})),
        piece(3, json!({"type": "input_json_delta", "partial_json": "{\"a\":1}"})),
        close(3),
        json!({"type": "novelty"}),
        stop("tool_use"),
        end(),
    ]);
    assert_eq!(result, Ok(()));
    assert_eq!(
        told,
        [
            "start msg_1",
            "usage Some(7) Some(1)",
            "ping",
            "open 0 reasoning",
            "piece 0 Hm",
            "close 0",
            "open 1 text",
            "piece 1 Look",
            "close 1",
            "open 2 look t",
            "piece 2 {\"a\":1}",
            "close 2",
            "stop ToolUse",
            "usage Some(7) Some(9)",
            "end",
        ]
    );
}

#[test]
fn arguments_that_come_whole_with_the_beginning_count_when_no_pieces_follow() {
    let call = || open(0, json!({"type": "tool_use", "id": "t", "name": "look", "input": {"a": 1}}));
    let arguments = json!({"type": "input_json_delta", "partial_json": "{\"b\":2}"});
    let (told, _) = read(&[start(), call(), close(0)]);
    assert_eq!(told[3..], ["piece 0 {\"a\":1}", "close 0"]);
    let (told, _) = read(&[start(), call(), piece(0, arguments), close(0)]);
    assert_eq!(told[3..], ["piece 0 {\"b\":2}", "close 0"]);
}

#[test]
fn what_is_missing_is_made_up_for_and_what_comes_twice_counts_once() {
    let (told, result) = read(&[
        piece(0, said("a")),
        piece(0, said("b")),
        close(0),
        close(0),
        close(5),
        open(1, json!({"type": "text", "text": "c"})),
        open(1, json!({"type": "text", "text": "c"})),
        stop("end_turn"),
        stop("max_tokens"),
        close(1),
        end(),
        end(),
        piece(7, said("late")),
    ]);
    assert_eq!(result, Ok(()));
    assert_eq!(
        told,
        [
            "start -",
            "open 0 text",
            "piece 0 a",
            "piece 0 b",
            "close 0",
            "open 1 text",
            "piece 1 c",
            "close 1",
            "stop End",
            "usage None Some(9)",
            "usage None Some(9)",
            "end",
        ]
    );
    let (told, _) = read(&[start(), piece(0, said("a")), end()]);
    assert_eq!(told[3..], ["piece 0 a", "close 0", "stop End", "end"]);
    let (told, _) = read(&[start(), piece(0, said("a"))]);
    assert!(!told.iter().any(|line| line == "end" || line.starts_with("stop")));
}

#[test]
fn the_vendors_words_on_a_refusal_are_a_part_before_the_end() {
    let (told, _) = read(&[
        start(),
        json!({"type": "message_delta", "delta": {"stop_reason": "refusal",
            "stop_details": {"type": "refusal", "explanation": "Not this."}}, "usage": {"output_tokens": 1}}),
        end(),
    ]);
    assert_eq!(
        told[2..],
        ["open 0 refusal", "piece 0 Not this.", "close 0", "stop Refusal", "usage Some(7) Some(1)", "end"]
    );
}

#[test]
fn faults_are_reported_and_nonsense_is_invalid() {
    let fault = json!({"type": "error", "error": {"type": "overloaded_error", "message": "later"}});
    assert_eq!(read(&[start(), fault]).1, Err(StreamError::Reported));
    let arguments = json!({"type": "input_json_delta", "partial_json": "{}"});
    for nonsense in [
        json!({}),
        json!([]),
        json!({"type": "message_start"}),
        json!({"type": "content_block_start", "index": 0}),
        json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x"}}),
        piece(0, json!({"type": "text_delta"})),
        piece(0, arguments.clone()),
        open(0, json!({"type": "tool_use", "name": "look"})),
    ] {
        assert_eq!(read(std::slice::from_ref(&nonsense)).1, Err(StreamError::Invalid), "{nonsense}");
    }
    let text = open(0, json!({"type": "text", "text": ""}));
    assert_eq!(read(&[start(), text, piece(0, arguments)]).1, Err(StreamError::Invalid));
    assert_eq!(read(&[start(), stop("end_turn"), piece(0, said("late"))]).1, Err(StreamError::Invalid));
}

#[test]
fn blocks_are_bounded() {
    let blocks = (0..5000).flat_map(|index| [piece(index, said("x")), close(index)]);
    let (told, result) = read(&blocks.collect::<Vec<_>>());
    assert_eq!(result, Err(StreamError::Invalid));
    assert_eq!(told.iter().filter(|line| line.starts_with("open")).count(), 4096);
}

#[test]
fn a_stream_is_written_as_the_vendors_sdks_gather_it() {
    let mut writer = EventWriter::new(envelope());
    let mut out = Vec::new();
    let call = Opened::ToolCall { id: "t".into(), name: "look".into() };
    for event in [
        Event::Start { id: None, model: None, created: Some(7) },
        Event::Open { choice: 0, part: 0, kind: Opened::Reasoning },
        Event::Piece { choice: 0, part: 0, text: "Hm".into() },
        Event::Close { choice: 0, part: 0 },
        Event::Ping,
        Event::Open { choice: 1, part: 0, kind: Opened::Text },
        Event::Piece { choice: 1, part: 0, text: "another's".into() },
        Event::Open { choice: 0, part: 1, kind: call },
        Event::Piece { choice: 0, part: 1, text: "{\"a\":\n1}".into() },
        Event::Close { choice: 0, part: 1 },
        Event::Stop { choice: 0, stop: Stop::ToolUse, stop_sequence: None },
        Event::Stop { choice: 1, stop: Stop::Length, stop_sequence: None },
        Event::Usage(Usage { input: Some(10), output: Some(1), ..Usage::default() }),
        Event::Usage(Usage { cached: Some(4), output: Some(6), reasoning: Some(2), ..Usage::default() }),
        Event::End,
    ] {
        writer.write(&event, &mut out);
    }
    let written: Vec<Value> = out.iter().map(|event| serde_json::from_slice(&event.data).unwrap()).collect();
    for (event, value) in out.iter().zip(&written) {
        assert_eq!(value["type"], event.name.unwrap());
        assert!(!event.data.contains(&b'\n'));
    }
    assert_eq!(
        written,
        [
            json!({"type": "message_start", "message": {"id": "msg_e", "type": "message", "role": "assistant",
                "model": "public", "content": [], "stop_reason": null, "stop_sequence": null,
                "usage": {"input_tokens": 0, "output_tokens": 0}}}),
            open(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
            piece(0, json!({"type": "thinking_delta", "thinking": "Hm"})),
            close(0),
            json!({"type": "ping"}),
            open(1, json!({"type": "tool_use", "id": "t", "name": "look", "input": {}})),
            piece(1, json!({"type": "input_json_delta", "partial_json": "{\"a\":\n1}"})),
            close(1),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
                "usage": {"input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 6,
                    "output_tokens_details": {"thinking_tokens": 2}}}),
            end(),
        ]
    );
}

#[test]
fn a_stream_of_messages_stays_one_through_the_frame() {
    let mut events = Events::new(Dialect::Messages, Dialect::Messages, envelope()).unwrap();
    let mut out = Vec::new();
    for event in [start(), piece(0, said("Hi")), close(0), stop("end_turn"), end()] {
        events.event(None, &Bytes::from(event.to_string()), &mut out).unwrap();
    }
    events.end_of_body(&mut out);
    let names: Vec<_> = out.iter().map(|event| event.name.unwrap()).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert!(events.event(None, &Bytes::from_static(b"{"), &mut out).is_err());
}

#[test]
fn an_end_without_its_mark_is_mended_and_no_other() {
    let ended = |told: &[Value]| {
        let mut events = Events::new(Dialect::Messages, Dialect::Messages, envelope()).unwrap();
        let mut out = Vec::new();
        for event in told {
            events.event(None, &Bytes::from(event.to_string()), &mut out).unwrap();
        }
        events.end_of_body(&mut out);
        events.end_of_body(&mut out);
        out.iter().filter(|event| event.name == Some("message_stop")).count()
    };
    let said = [start(), piece(0, said("Hi")), close(0), stop("end_turn"), end()];
    assert_eq!([ended(&said), ended(&said[..4]), ended(&said[..3])], [1, 1, 0]);
}
