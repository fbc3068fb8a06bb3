//! How the tests talk to the demo model: ask, collect what the steps send, read it back. A small validator of
//! JSON Schema stands in `validator`, a reader of AWS's frames in `frames`.

pub(crate) mod frames;
pub(crate) mod validator;

use std::time::Duration;

use flyball_demo::{Demo, DemoAnswer, DemoRequest, Step};
use http::HeaderMap;
use serde_json::{Value, json};

pub(crate) const CHAT: &str = "/v1/chat/completions";

/// The answer to a POST.
pub(crate) fn post(path: &str, body: &Value) -> DemoAnswer {
    send("POST", path, body.to_string().as_bytes())
}

pub(crate) fn send(method: &str, path: &str, body: &[u8]) -> DemoAnswer {
    let body = bytes::Bytes::copy_from_slice(body);
    Demo::new().answer(DemoRequest { method, path, headers: &HeaderMap::new(), body })
}

/// A chat request with one user message.
pub(crate) fn chat(model: &str, prompt: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] })
}

pub(crate) fn streamed(model: &str, prompt: &str) -> Value {
    with(chat(model, prompt), json!({ "stream": true }))
}

/// `request` with more fields.
pub(crate) fn with(mut request: Value, more: Value) -> Value {
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

/// All that the steps send.
pub(crate) fn body(answer: &DemoAnswer) -> Vec<u8> {
    sends(answer).concat()
}

pub(crate) fn sends(answer: &DemoAnswer) -> Vec<Vec<u8>> {
    let sends = answer.steps.iter().filter_map(|step| match step {
        Step::Send(bytes) => Some(bytes.to_vec()),
        _ => None,
    });
    sends.collect()
}

pub(crate) fn waits(answer: &DemoAnswer) -> Vec<Duration> {
    let waits = answer.steps.iter().filter_map(|step| match step {
        Step::Wait(time) => Some(*time),
        _ => None,
    });
    waits.collect()
}

/// The document of a plain answer.
pub(crate) fn document(answer: &DemoAnswer) -> Value {
    serde_json::from_slice(&body(answer)).unwrap()
}

/// The document of a plain chat answer that must succeed.
pub(crate) fn completion(request: &Value) -> Value {
    let answer = post(CHAT, request);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&body(&answer)));
    document(&answer)
}

/// The text that a plain answer to `prompt` holds.
pub(crate) fn said(prompt: &str) -> String {
    completion(&chat("demo", prompt))["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

/// The data of all events.
pub(crate) fn events(answer: &DemoAnswer) -> Vec<String> {
    let text = String::from_utf8(body(answer)).unwrap();
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    events.map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
}

/// The events before `[DONE]`, which must be there.
pub(crate) fn chunks(answer: &DemoAnswer) -> Vec<Value> {
    let mut events = events(answer);
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    events.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

/// The content deltas of one choice.
pub(crate) fn deltas(chunks: &[Value], choice: u64) -> Vec<String> {
    let choices = chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap());
    let own = choices.filter(|entry| entry["index"] == choice && entry["delta"].get("role").is_none());
    own.filter_map(|entry| entry["delta"]["content"].as_str().map(str::to_owned)).collect()
}

/// The error object, after checking that it has OpenAI's four fields and no other.
pub(crate) fn error(answer: &DemoAnswer) -> Value {
    let error = document(answer)["error"].clone();
    let mut fields: Vec<_> = error.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["code", "message", "param", "type"]);
    assert!(error["message"].is_string() && error["type"].is_string());
    error
}
