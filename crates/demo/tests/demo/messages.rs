//! Anthropic's dialect: how the tests speak it, and that answers, plain and streamed, have its shape. Its tools, its
//! refusals and its faults have files of their own.

mod faults;
mod refusals;
mod thinking;
mod tools;
mod versions;

use crate::support::{body, document, with};
use flyball_demo::{Demo, DemoAnswer, DemoRequest};
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const MESSAGES: &str = "/v1/messages";

pub(crate) fn sent(method: &str, path: &str, body: &[u8]) -> DemoAnswer {
    sent_as("2023-06-01", method, path, body)
}

/// The answer in a version of the API.
pub(crate) fn sent_as(version: &str, method: &str, path: &str, body: &[u8]) -> DemoAnswer {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", version.parse().unwrap());
    headers.insert("x-api-key", "provider-key".parse().unwrap());
    let body = bytes::Bytes::copy_from_slice(body);
    Demo::new().answer(DemoRequest { method, path, headers: &headers, body })
}

pub(crate) fn ask(request: &Value) -> DemoAnswer {
    sent("POST", MESSAGES, request.to_string().as_bytes())
}

/// A request with one user message.
pub(crate) fn message(model: &str, prompt: &str) -> Value {
    json!({"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": prompt}]})
}

pub(crate) fn streamed(request: &Value) -> Value {
    with(request.clone(), json!({"stream": true}))
}

/// The message that answers a request which must succeed.
pub(crate) fn said(request: &Value) -> Value {
    let answer = ask(request);
    let document = document(&answer);
    assert_eq!(answer.status, 200, "{document}");
    let usage = &document["usage"];
    let counted = (Some(answer.counted.input), answer.counted.output.last().copied());
    assert_eq!((usage["input_tokens"].as_u64(), usage["output_tokens"].as_u64()), counted);
    assert_eq!(usage["cache_read_input_tokens"], 0);
    document
}

/// The text of the last content block.
pub(crate) fn text(message: &Value) -> &str {
    message["content"].as_array().unwrap().last().unwrap()["text"].as_str().unwrap()
}

/// The events of a stream, each under the name that its data repeats.
pub(crate) fn events(answer: &DemoAnswer) -> Vec<Value> {
    let text = String::from_utf8(body(answer)).unwrap();
    let events = text.split("\n\n").filter(|event| !event.is_empty()).map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], name.strip_prefix("event: ").unwrap());
        data
    });
    events.collect()
}

/// The message that a whole stream says, put together as a client does, after checking the order of events.
pub(crate) fn joined(events: &[Value]) -> Value {
    let [start, middle @ .., end, stop] = events else { panic!("no whole stream: {events:?}") };
    assert_eq!((&start["type"], &stop["type"]), (&json!("message_start"), &json!("message_stop")));
    let mut message = start["message"].clone();
    assert_eq!(message["content"], json!([]));
    let (mut open, mut partial) = (None, String::new());
    for event in middle {
        let index = event["index"].as_u64();
        match event["type"].as_str().unwrap() {
            "ping" => {}
            "content_block_start" => {
                let blocks = message["content"].as_array_mut().unwrap();
                assert_eq!((open, index), (None, Some(blocks.len() as u64)));
                blocks.push(event["content_block"].clone());
                open = index;
            }
            "content_block_delta" => {
                assert_eq!(open, index);
                let block = message["content"].as_array_mut().unwrap().last_mut().unwrap();
                let (member, delta) = match event["delta"]["type"].as_str().unwrap() {
                    "text_delta" => ("text", "text"),
                    "thinking_delta" => ("thinking", "thinking"),
                    "signature_delta" => ("signature", "signature"),
                    "input_json_delta" => {
                        partial.push_str(event["delta"]["partial_json"].as_str().unwrap());
                        continue;
                    }
                    other => panic!("no delta {other}"),
                };
                let more = event["delta"][delta].as_str().unwrap();
                block[member] = json!(format!("{}{more}", block[member].as_str().unwrap()));
            }
            "content_block_stop" => {
                assert_eq!(open.take(), index);
                if !partial.is_empty() {
                    let block = message["content"].as_array_mut().unwrap().last_mut().unwrap();
                    block["input"] = serde_json::from_str(&std::mem::take(&mut partial)).unwrap();
                }
            }
            other => panic!("no event {other} here"),
        }
    }
    assert_eq!((open, &end["type"]), (None, &json!("message_delta")));
    for (key, value) in end["delta"].as_object().unwrap().iter().chain(end["usage"].as_object().unwrap()) {
        let target = if end["usage"].get(key).is_some() { &mut message["usage"] } else { &mut message };
        target[key] = value.clone();
    }
    message
}

/// The message without its id, which follows from the request's bytes.
pub(crate) fn anonymous(mut message: Value) -> Value {
    message.as_object_mut().unwrap().remove("id");
    message
}

#[test]
fn a_message_has_the_vendors_fields() {
    let answer = said(&message("demo", "say exactly: to be or not to be"));
    assert!(answer["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!(
        anonymous(answer),
        json!({
            "type": "message", "role": "assistant", "model": "demo",
            "content": [{"type": "text", "text": "to be or not to be"}],
            "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {
                "input_tokens": 13, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "service_tier": "standard", "output_tokens": 6,
            },
        })
    );
}

#[test]
fn a_stream_begins_and_ends_as_the_vendors_does() {
    let answer = ask(&streamed(&message("demo", "say exactly: hi there")));
    let kinds: Vec<_> =
        events(&answer).iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert_eq!(answer.counted.output.last(), Some(&2));
}

#[test]
fn the_caps_end_an_answer() {
    let capped = said(&with(message("demo", "say exactly: a b c d"), json!({"max_tokens": 2})));
    assert_eq!((text(&capped), &capped["stop_reason"]), ("a b", &json!("max_tokens")));
    let stopped =
        said(&with(message("demo", "say exactly: a b c d"), json!({"stop_sequences": ["zz", " d", " c"]})));
    assert_eq!((text(&stopped), &stopped["stop_reason"]), ("a b", &json!("stop_sequence")));
    assert_eq!(stopped["stop_sequence"], " c");
}

#[test]
fn system_prompts_and_earlier_turns_are_read() {
    let block = json!([{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]);
    let turns = json!([
        {"role": "user", "content": "hello"},
        {"role": "user", "content": [{"type": "text", "text": "and"}]},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "say exactly: done"},
    ]);
    let request =
        json!({"model": "demo", "max_tokens": 9, "messages": turns, "system": "Be brief.", "top_k": 0});
    let answer = said(&request);
    assert_eq!(text(&answer), "done");
    let same = said(&with(request.clone(), json!({"system": block})));
    assert_eq!(same["usage"], answer["usage"]);
    let without = said(&with(request, json!({"system": null})));
    assert!(without["usage"]["input_tokens"].as_u64() < answer["usage"]["input_tokens"].as_u64());
}

#[test]
fn a_prefill_is_accepted() {
    let turns =
        json!([{"role": "user", "content": "say exactly: done"}, {"role": "assistant", "content": "I"}]);
    assert_eq!(text(&said(&with(message("demo", ""), json!({"messages": turns})))), "done");
}

#[test]
fn images_and_documents_are_seen() {
    let content = json!([
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}},
        {"type": "document", "title": "Notes", "citations": {"enabled": true},
            "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "text", "text": "say exactly: seen"},
    ]);
    let answer =
        said(&with(message("demo", ""), json!({"messages": [{"role": "user", "content": content}]})));
    assert_eq!(text(&answer), "You gave me 2 images and 2 files. seen");
}

#[test]
fn a_schema_shapes_the_answer() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    let format = json!({"type": "json_schema", "schema": schema});
    for more in [json!({"output_config": {"format": format}}), json!({"output_format": format})] {
        let answer = said(&with(message("demo", "take \"Rome\""), more));
        assert_eq!(serde_json::from_str::<Value>(text(&answer)).unwrap(), json!({"city": "Rome"}));
    }
}

#[test]
fn tokens_are_counted_as_the_answer_bills_them() {
    let request = message("demo", "say exactly: one two three");
    let billed = said(&request)["usage"]["input_tokens"].clone();
    let mut counting = request;
    counting.as_object_mut().unwrap().remove("max_tokens");
    let answer = sent("POST", "/v1/messages/count_tokens?beta=true", counting.to_string().as_bytes());
    assert_eq!(document(&answer), json!({"input_tokens": billed}));
    assert_eq!((answer.counted.input, answer.counted.output.last()), (0, Some(&0)));
}

#[test]
fn the_beta_path_answers_alike() {
    let request = message("demo", "say exactly: hi").to_string();
    let answer = |path| body(&sent("POST", path, request.as_bytes()));
    assert_eq!(answer("/v1/messages?beta=true"), answer(MESSAGES));
}

#[test]
fn models_are_told_in_the_dialect_of_the_caller() {
    let list = document(&sent("GET", "/v1/models?limit=20", b""));
    assert_eq!((&list["has_more"], &list["first_id"]), (&json!(false), &list["data"][0]["id"]));
    for model in list["data"].as_array().unwrap() {
        assert_eq!(model["type"], "model");
        assert!(model["display_name"].is_string() && model["created_at"].is_string());
        let path = format!("/v1/models/{}", model["id"].as_str().unwrap());
        assert_eq!(document(&sent("GET", &path, b"")), *model);
    }
    assert_eq!(document(&crate::support::send("GET", "/v1/models", b""))["object"], "list");
}

proptest! {
    #[test]
    fn a_stream_says_what_the_plain_answer_says(
        said_text in "\\PC{1,60}", chunk in 1usize..9, raw in 1usize..50, count in 1usize..20,
    ) {
        let encoded: String = said_text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for split in [String::new(), format!(",chunk_bytes={chunk}"), format!(",chunks={count}"),
            format!(",chunk_bytes={chunk},raw_split={raw}")]
        {
            let request = message(&format!("sim:text={encoded}{split}"), "hi");
            let plain = said(&request);
            prop_assert_eq!(text(&plain), said_text.as_str());
            let answer = ask(&streamed(&request));
            prop_assert_eq!(anonymous(joined(&events(&answer))), anonymous(plain.clone()));
            prop_assert_eq!(answer.counted.output.last().copied(), plain["usage"]["output_tokens"].as_u64());
        }
    }
}
