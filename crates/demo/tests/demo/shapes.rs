//! The shapes of answers. The lists of required fields are those of OpenAI's API description.

use std::sync::Arc;

use crate::support::*;
use flyball_core::{ManualClock, Timestamp};
use flyball_demo::{Demo, DemoRequest};
use http::HeaderMap;
use serde_json::{Value, json};

const COMPLETION: [&str; 5] = ["id", "choices", "created", "model", "object"];
const CHOICE: [&str; 4] = ["finish_reason", "index", "message", "logprobs"];
const MESSAGE: [&str; 3] = ["role", "content", "refusal"];
const CHUNK_CHOICE: [&str; 3] = ["delta", "finish_reason", "index"];
const USAGE: [&str; 3] = ["prompt_tokens", "completion_tokens", "total_tokens"];
const LOGPROB: [&str; 4] = ["token", "logprob", "bytes", "top_logprobs"];
const MODEL: [&str; 4] = ["id", "object", "created", "owned_by"];
const EMBEDDINGS: [&str; 4] = ["object", "model", "data", "usage"];
const EMBEDDING: [&str; 3] = ["index", "object", "embedding"];

fn has(document: &Value, fields: &[&str]) {
    for field in fields {
        assert!(document.get(field).is_some(), "{field} is missing in {document}");
    }
}

#[test]
fn a_plain_answer_has_every_required_field() {
    let answer = completion(&chat("demo", "say exactly: one two three"));
    has(&answer, &COMPLETION);
    has(&answer["choices"][0], &CHOICE);
    has(&answer["choices"][0]["message"], &MESSAGE);
    has(&answer["usage"], &USAGE);
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "demo");
    assert_eq!(answer["choices"][0]["message"]["content"], "one two three");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["completion_tokens"], 3);
}

#[test]
fn a_stream_says_the_role_first_and_done_last() {
    let request =
        with(streamed("demo", "say exactly: one two"), json!({"stream_options": {"include_usage": true}}));
    let answer = post(CHAT, &request);
    assert!(answer.headers.iter().any(|(name, value)| name == "content-type" && value.as_bytes().starts_with(b"text/event-stream")));
    let chunks = chunks(&answer);
    for chunk in &chunks {
        has(chunk, &COMPLETION);
        assert_eq!(chunk["object"], "chat.completion.chunk");
        for choice in chunk["choices"].as_array().unwrap() {
            has(choice, &CHUNK_CHOICE);
        }
    }
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(deltas(&chunks, 0), ["one", " two"]);
    let [.., finish, usage] = chunks.as_slice() else { panic!("too few chunks") };
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(finish["usage"], Value::Null);
    assert_eq!(usage["choices"], json!([]));
    has(&usage["usage"], &USAGE);
}

#[test]
fn a_stream_reports_no_usage_unless_asked() {
    let chunks = chunks(&post(CHAT, &streamed("demo", "hello")));
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[test]
fn a_stream_and_a_plain_answer_say_the_same() {
    for prompt in ["write a story about a lamp", "invent a customer record", "what is 2+2?", "count to 30"] {
        let plain = said(prompt);
        let request = with(streamed("demo", prompt), json!({"n": 2}));
        let chunks = chunks(&post(CHAT, &request));
        assert_eq!(deltas(&chunks, 0).concat(), plain);
        assert!(!deltas(&chunks, 1).is_empty());
    }
}

#[test]
fn the_same_request_gets_the_same_bytes() {
    for request in [streamed("demo", "tell me a story"), chat("demo", "invent a customer record")] {
        assert_eq!(post(CHAT, &request), post(CHAT, &request));
    }
    assert_ne!(completion(&chat("demo", "a"))["id"], completion(&chat("demo", "b"))["id"]);
}

#[test]
fn created_follows_the_clock() {
    let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000)));
    let demo = Demo::new().with_clock(clock);
    let body = chat("demo", "hello").to_string().into();
    let answer = demo.answer(DemoRequest { method: "POST", path: CHAT, headers: &HeaderMap::new(), body });
    assert_eq!(document(&answer)["created"], 1_700_000_000);
}

#[test]
fn every_wanted_answer_comes_with_its_index() {
    let answer = completion(&with(chat("demo", "tell me a story about a door"), json!({"n": 3})));
    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 3);
    for (at, choice) in choices.iter().enumerate() {
        assert_eq!(choice["index"], at);
    }
    assert_ne!(choices[0]["message"], choices[1]["message"]);
}

#[test]
fn an_answer_ends_at_its_token_limit() {
    for field in ["max_tokens", "max_completion_tokens"] {
        let answer = completion(&with(chat("demo", "say exactly: a b c d"), json!({field: 2})));
        assert_eq!(answer["choices"][0]["message"]["content"], "a b");
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
        assert_eq!(answer["usage"]["completion_tokens"], 2);
    }
}

#[test]
fn an_answer_ends_before_a_stop_sequence() {
    for stop in [json!(" c"), json!(["zz", " c", " d"])] {
        let answer = completion(&with(chat("demo", "say exactly: a b c d"), json!({"stop": stop})));
        assert_eq!(answer["choices"][0]["message"]["content"], "a b");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    }
}

#[test]
fn log_probabilities_describe_the_answer() {
    let request =
        with(chat("demo", "say exactly: caf\u{e9} au lait"), json!({"logprobs": true, "top_logprobs": 3}));
    let answer = completion(&request);
    let entries = answer["choices"][0]["logprobs"]["content"].as_array().unwrap();
    let joined: String = entries.iter().map(|entry| entry["token"].as_str().unwrap()).collect();
    assert_eq!(joined, "caf\u{e9} au lait");
    for entry in entries {
        has(entry, &LOGPROB);
        let bytes: Vec<u8> = serde_json::from_value(entry["bytes"].clone()).unwrap();
        assert_eq!(bytes, entry["token"].as_str().unwrap().as_bytes());
        let top = entry["top_logprobs"].as_array().unwrap();
        assert_eq!(top.len(), 3);
        assert_eq!(top[0]["token"], entry["token"]);
        let logs: Vec<f64> = top.iter().map(|entry| entry["logprob"].as_f64().unwrap()).collect();
        assert!(logs.is_sorted_by(|one, next| one >= next), "{logs:?}");
        assert!(logs.iter().map(|log| log.exp()).sum::<f64>() <= 1.0);
    }
    let streamed = with(request, json!({"stream": true}));
    let chunks = chunks(&post(CHAT, &streamed));
    let from_stream: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["logprobs"]["content"].as_array())
        .flatten()
        .collect();
    assert_eq!(from_stream, entries.iter().collect::<Vec<_>>());
}

#[test]
fn media_are_counted() {
    let parts = json!([
        {"type": "text", "text": "say exactly: seen"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]);
    let answer = completion(&json!({"model": "demo", "messages": [{"role": "user", "content": parts}]}));
    assert_eq!(answer["choices"][0]["message"]["content"], "You gave me 2 images and 1 audio clip. seen");
}

#[test]
fn models_are_listed_and_described() {
    let list = document(&send("GET", "/v1/models", b""));
    assert_eq!(list["object"], "list");
    for model in list["data"].as_array().unwrap() {
        has(model, &MODEL);
        let path = format!("/v1/models/{}", model["id"].as_str().unwrap());
        assert_eq!(document(&send("GET", &path, b"")), *model);
    }
    assert_eq!(send("GET", "/v1/models/other", b"").status, 404);
}

#[test]
fn the_short_and_the_azure_path_answer_too() {
    let request = chat("demo", "say exactly: hi");
    let expected = document(&post(CHAT, &request));
    assert_eq!(document(&post("/chat/completions", &request)), expected);
    let azure = "/openai/deployments/demo-4/chat/completions?api-version=2024-10-21";
    let answer = document(&post(azure, &json!({"messages": request["messages"]})));
    assert_eq!(answer["model"], "demo-4");
    assert_eq!(answer["choices"], expected["choices"]);
}

#[test]
fn embeddings_have_every_required_field() {
    let request = json!({"model": "demo-embedding", "input": ["a", "b"]});
    let answer = document(&post("/v1/embeddings", &request));
    has(&answer, &EMBEDDINGS);
    has(&answer["usage"], &["prompt_tokens", "total_tokens"]);
    for (at, entry) in answer["data"].as_array().unwrap().iter().enumerate() {
        has(entry, &EMBEDDING);
        assert_eq!(entry["index"], at);
    }
}
