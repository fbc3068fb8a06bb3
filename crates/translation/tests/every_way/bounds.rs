//! What is translated grows with what is sent, by a small factor, and no number of parts, tools, results or pieces of
//! arguments is too much or forgotten. The sizes are such that work in the square of them would not end in time.

use bytes::Bytes;
use flyball_core::json::{Document, Limits};
use flyball_translation::events::{Events, StreamError, Written};
use flyball_translation::{Dialect, Envelope, Translated, Untranslatable, Wanted};
use serde_json::{Value as Json, json};

/// How much larger a body becomes at most: times so many, and so many bytes.
const GROWTH: usize = 8;
const FRAME: usize = 4096;

fn translated(from: Dialect, body: &Json, to: Dialect) -> Result<Translated, Untranslatable> {
    let body = Bytes::from(body.to_string());
    let size = body.len();
    let document = Document::parse(body, Limits::default()).unwrap();
    let wanted = Wanted { model: "m", max_output_tokens: 4096 };
    let translated = flyball_translation::request(from, &document, to, wanted)?;
    assert!(translated.body.len() <= GROWTH * size + FRAME, "{} of {size} bytes", translated.body.len());
    assert!(translated.dropped.iter().map(String::len).sum::<usize>() <= FRAME);
    Ok(translated)
}

fn messages(turns: Json) -> Json {
    json!({"model": "m", "max_tokens": 9, "messages": turns})
}

fn providers() -> impl Iterator<Item = Dialect> {
    Dialect::PROVIDERS.into_iter().filter(|to| *to != Dialect::Messages)
}

#[test]
fn tools_without_anything_but_a_name_grow_by_a_small_factor() {
    for to in providers() {
        let mut body = messages(json!([{"role": "user", "content": "a"}]));
        body["tools"] = (0..20_000).map(|number| json!({"name": number.to_string()})).collect();
        let translated = translated(Dialect::Messages, &body, to).unwrap();
        let text = String::from_utf8(translated.body.to_vec()).unwrap();
        assert!(text.contains("\"19999\""));
    }
}

#[test]
fn a_long_name_of_a_tool_is_not_repeated_by_results_of_its_call() {
    let result = json!({"type": "tool_result", "tool_use_id": "a"});
    for to in [Dialect::Gemini, Dialect::Converse] {
        let body = messages(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "\n".repeat(100_000), "input": {}}]},
            {"role": "user", "content": vec![result.clone(); 50_000]},
        ]));
        let refused = translated(Dialect::Messages, &body, to).unwrap_err();
        assert_eq!(refused.field, "messages[2]");
    }
}

#[test]
fn many_results_each_find_their_call() {
    let calls = 30_000;
    let id = |number: usize| format!("call.{number}");
    let uses: Json = (0..calls)
        .map(|number| json!({"type": "tool_use", "id": id(number), "name": number.to_string(), "input": {}}))
        .collect();
    let results: Json =
        (0..calls).rev().map(|number| json!({"type": "tool_result", "tool_use_id": id(number)})).collect();
    let turns = json!([{"role": "assistant", "content": uses}, {"role": "user", "content": results}]);
    let translated = translated(Dialect::Messages, &messages(turns), Dialect::Gemini).unwrap();
    let body: Json = serde_json::from_slice(&translated.body).unwrap();
    let parts = body["contents"][1]["parts"].as_array().unwrap();
    assert_eq!(parts.len(), calls);
    for (number, part) in parts.iter().enumerate() {
        assert_eq!(part["functionResponse"]["name"], number.to_string());
    }
}

#[test]
fn many_left_out_fields_are_told_in_a_bounded_list() {
    let block = json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}});
    let body = messages(json!([{"role": "user", "content": vec![block; 100_000]}]));
    let dropped = translated(Dialect::Messages, &body, Dialect::Chat).unwrap().dropped;
    assert_eq!(dropped.first().map(String::as_str), Some("messages[0].content[0].cache_control"));
    assert_eq!(dropped.last().map(String::as_str), Some("messages[].content[].cache_control"));
}

#[test]
fn many_documents_of_one_name_are_told_apart() {
    let document = json!({"type": "document", "title": "a", "source": {"type": "text", "media_type": "text/plain", "data": "x"}});
    let body = messages(json!([{"role": "user", "content": vec![document; 30_000]}]));
    let translated = translated(Dialect::Messages, &body, Dialect::Converse).unwrap();
    let body: Json = serde_json::from_slice(&translated.body).unwrap();
    let blocks = body["messages"][0]["content"].as_array().unwrap();
    let names: std::collections::HashSet<_> =
        blocks.iter().filter_map(|block| block["document"]["name"].as_str()).collect();
    assert_eq!(names.len(), 30_000);
}

#[test]
fn arguments_of_calls_as_deep_as_they_may_be_are_carried() {
    let arguments = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let body = |depth| {
        json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments(depth)}}]}]})
    };
    for to in [Dialect::Messages, Dialect::Gemini, Dialect::Converse] {
        let written = translated(Dialect::Chat, &body(56), to).unwrap().body;
        assert!(Document::parse(written, Limits::default()).is_ok(), "{to:?}");
        let refused = translated(Dialect::Chat, &body(100_000), to).unwrap_err();
        assert_eq!(refused.field, "messages[1]");
    }
}

/// A provider's events of one call with these pieces of arguments.
fn call(from: Dialect, pieces: &[String]) -> Vec<(Option<&'static str>, Bytes)> {
    let mut events = Vec::new();
    let mut event = |name, data: Json| events.push((name, Bytes::from(data.to_string())));
    match from {
        Dialect::Chat => {
            let chunk =
                |call: Json| json!({"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
            event(None, chunk(json!({"index": 0, "id": "a", "function": {"name": "f"}})));
            for piece in pieces {
                event(None, chunk(json!({"index": 0, "function": {"arguments": piece}})));
            }
            event(None, json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}));
        }
        Dialect::Messages => {
            event(None, json!({"type": "message_start", "message": {"id": "c"}}));
            let block = json!({"type": "tool_use", "id": "a", "name": "f", "input": {}});
            event(None, json!({"type": "content_block_start", "index": 0, "content_block": block}));
            for piece in pieces {
                let delta = json!({"type": "input_json_delta", "partial_json": piece});
                event(None, json!({"type": "content_block_delta", "index": 0, "delta": delta}));
            }
            event(None, json!({"type": "message_stop"}));
        }
        _ => {
            let start = json!({"toolUse": {"toolUseId": "a", "name": "f"}});
            event(Some("contentBlockStart"), json!({"contentBlockIndex": 0, "start": start}));
            for piece in pieces {
                let delta = json!({"toolUse": {"input": piece}});
                event(Some("contentBlockDelta"), json!({"contentBlockIndex": 0, "delta": delta}));
            }
            event(Some("messageStop"), json!({"stopReason": "tool_use"}));
            event(Some("metadata"), json!({"usage": {}}));
        }
    }
    events
}

fn told(
    from: Dialect,
    to: Dialect,
    events: &[(Option<&'static str>, Bytes)],
) -> Result<Vec<Written>, StreamError> {
    let envelope = Envelope { id: "e".to_owned(), ..Envelope::default() };
    let mut stream = Events::new(from, to, envelope).unwrap();
    let mut out = Vec::new();
    for (name, data) in events {
        stream.event(*name, data, &mut out)?;
    }
    stream.end_of_body(&mut out);
    Ok(out)
}

/// The arguments that a caller puts together.
fn arguments(to: Dialect, written: &[Written]) -> String {
    let pieces = written.iter().filter_map(|event| {
        let event: Json = serde_json::from_slice(&event.data).ok()?;
        let piece = match to {
            Dialect::Chat => &event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"],
            Dialect::Messages => &event["delta"]["partial_json"],
            _ if event["type"] == "response.function_call_arguments.delta" => &event["delta"],
            _ => &Json::Null,
        };
        piece.as_str().map(str::to_owned)
    });
    pieces.collect()
}

fn carried(from: Dialect, to: Dialect, pieces: &[String]) {
    let whole: String = pieces.concat();
    let events = call(from, pieces);
    let size: usize = events.iter().map(|(_, data)| data.len()).sum();
    let written = told(from, to, &events).unwrap();
    assert!(arguments(to, &written) == whole, "{from:?} to {to:?}");
    let bytes: usize = written.iter().map(|event| event.data.len()).sum();
    assert!(bytes <= GROWTH * size + FRAME, "{from:?} to {to:?}: {bytes} of {size} bytes");
}

/// Each provider and each caller that has calls, at least once.
const WAYS: [(Dialect, Dialect); 3] = [
    (Dialect::Chat, Dialect::Messages),
    (Dialect::Messages, Dialect::Responses),
    (Dialect::Converse, Dialect::Chat),
];

#[test]
fn arguments_of_ten_megabytes_in_one_event_are_carried() {
    let piece = format!("{{\"a\":\"{}\"}}", "ü\\n".repeat(2_500_000));
    for (from, to) in WAYS {
        carried(from, to, std::slice::from_ref(&piece));
    }
}

#[test]
fn arguments_in_a_hundred_thousand_pieces_are_carried() {
    let pieces: Vec<_> = (0..100_000).map(|number| format!("{number:>12}\"")).collect();
    for (from, to) in WAYS {
        carried(from, to, &pieces);
    }
}

#[test]
fn a_stream_has_so_many_parts_and_no_more() {
    let text = |index: usize| {
        let delta = json!({"contentBlockIndex": index, "delta": {"text": "a"}});
        (Some("contentBlockDelta"), Bytes::from(delta.to_string()))
    };
    for to in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        let events: Vec<_> = (0..4096).map(text).collect();
        assert!(told(Dialect::Converse, to, &events).is_ok());
        let events: Vec<_> = (0..=4096).map(text).collect();
        assert_eq!(told(Dialect::Converse, to, &events), Err(StreamError::Invalid));
    }
    let part = |number: u64| json!({"text": "a", "thought": number.is_multiple_of(2)});
    let chunk = |parts: u64| {
        let parts: Json = (0..parts).map(part).collect();
        (None, Bytes::from(json!({"candidates": [{"content": {"parts": parts}}]}).to_string()))
    };
    assert!(told(Dialect::Gemini, Dialect::Responses, &[chunk(4096)]).is_ok());
    assert_eq!(told(Dialect::Gemini, Dialect::Chat, &[chunk(4097)]), Err(StreamError::Invalid));
}

#[test]
fn what_a_provider_calls_its_answer_is_not_repeated_without_bounds() {
    let id = "i".repeat(100_000);
    let mut events = vec![(
        None,
        Bytes::from(json!({"type": "message_start", "message": {"id": id, "model": id}}).to_string()),
    )];
    let block =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    events.push((None, Bytes::from(block.to_string())));
    let delta =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}});
    events.extend(std::iter::repeat_n((None, Bytes::from(delta.to_string())), 1000));
    let size: usize = events.iter().map(|(_, data)| data.len()).sum();
    for to in [Dialect::Chat, Dialect::Completions, Dialect::Responses] {
        let written = told(Dialect::Messages, to, &events).unwrap();
        let bytes: usize = written.iter().map(|event| event.data.len()).sum();
        assert!(bytes <= GROWTH * size + FRAME, "{to:?}: {bytes} of {size} bytes");
    }
}
