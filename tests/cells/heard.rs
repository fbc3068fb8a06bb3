//! An answer as a caller hears it, and what can be asked of it in any protocol: its text, its tool calls, whether it
//! ended well, was refused or broke, and whether anything leaked.

use std::collections::BTreeMap;

use bytes::Bytes;
use flyball_testkit::sse::SseReader;
use flyball_testkit::{Client, SseEvent};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{Form, LEAK, PERSONAL, Speech};

/// An answer as it arrived.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) events: Vec<SseEvent>,
}

impl Heard {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Every JSON document of the answer: the body, or the data of its events.
    pub(crate) fn documents(&self) -> Vec<Value> {
        if self.events.is_empty() {
            vec![self.json()]
        } else {
            self.events.iter().filter_map(SseEvent::json).collect()
        }
    }

    /// Every text of the answer, put together as a reader would: a field that grows over events, the tokens of log
    /// probabilities and their bytes each make one text.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for document in self.documents() {
            gather("", &document, &mut texts);
        }
        texts
    }

    /// The text of one of the answers.
    pub(crate) fn content(&self, choice: u64) -> String {
        let spoken: Option<String> = self.documents().iter().map(spoken).collect();
        if let Some(spoken) = spoken {
            return spoken;
        }
        let texts = self.texts();
        let found = ["delta/content", "message/content", "text"]
            .iter()
            .find_map(|part| texts.get(&format!("/choices/{choice}/{part}")));
        found.or_else(|| texts.get("/content")).cloned().unwrap_or_default()
    }

    /// The arguments of the tool calls, in the order of the calls.
    pub(crate) fn arguments(&self) -> Vec<Value> {
        let mut calls: BTreeMap<u64, String> = BTreeMap::new();
        for document in self.documents() {
            for (call, piece) in arguments(&document) {
                calls.entry(call).or_default().push_str(&piece);
            }
        }
        let parse = |text: &String| {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("arguments: {error}: {text}: {self:?}"))
        };
        calls.values().filter(|text| !text.is_empty()).map(parse).collect()
    }

    /// Fails when any personal data, or a piece of it that is long enough to be one, is anywhere in the answer.
    pub(crate) fn assert_nothing_leaked(&self, what: &str) {
        let mut texts = self.texts();
        texts.insert("bytes".to_owned(), String::from_utf8_lossy(&self.bytes).into_owned());
        texts.retain(|path, _| path != "/id");
        // Ids of ours are drawn by lot, and may look like anything.
        let id = self.header("x-flyball-request-id");
        let ids = [id.to_owned(), id.replace('-', "")];
        for (path, text) in &mut texts {
            for id in ids.iter().filter(|id| !id.is_empty()) {
                *text = text.replace(id, "");
            }
            for (_, value) in PERSONAL {
                let bare: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
                for value in [value, &bare] {
                    for piece in value.as_bytes().windows(LEAK) {
                        let piece = std::str::from_utf8(piece).unwrap();
                        assert!(
                            !text.contains(piece),
                            "{what}: {piece:?} of {value:?} leaked at {path}: {text}"
                        );
                    }
                }
            }
        }
    }

    /// A stream that ended in the way in which its protocol refuses.
    pub(crate) fn assert_ends_as_refused(&self, form: Form, what: &str) {
        assert_eq!(self.status, StatusCode::OK, "{what}");
        let [.., before, last] = self.events.as_slice() else { panic!("{what}: no end: {self:?}") };
        let data = |event: &SseEvent| event.json().unwrap_or_else(|| panic!("{what}: {event:?}"));
        match form.speech() {
            Speech::Chat | Speech::Legacy => {
                assert!(last.is_done(), "{what}: {last:?}");
                let reason = &data(before)["choices"][0]["finish_reason"];
                assert_eq!(reason, "content_filter", "{what}: {before:?}");
            }
            Speech::Responses => {
                assert_eq!(last.name.as_deref(), Some("response.incomplete"), "{what}: {last:?}");
                let response = &data(last)["response"];
                assert_eq!(response["status"], "incomplete", "{what}");
                assert_eq!(response["incomplete_details"]["reason"], "content_filter", "{what}");
                assert_eq!(response["output"], json!([]), "{what}");
            }
            Speech::Messages => {
                assert_eq!(last.name.as_deref(), Some("message_stop"), "{what}: {last:?}");
                assert_eq!(data(before)["delta"]["stop_reason"], "refusal", "{what}: {before:?}");
            }
        }
    }

    /// A stream that ended as a whole answer does.
    pub(crate) fn assert_ends_well(&self, form: Form, what: &str) {
        let last = self.events.last().unwrap_or_else(|| panic!("{what}: no events: {self:?}"));
        let name = match form.speech() {
            Speech::Chat | Speech::Legacy => return assert!(last.is_done(), "{what}: {last:?}"),
            Speech::Responses => "response.completed",
            Speech::Messages => "message_stop",
        };
        assert_eq!(last.name.as_deref(), Some(name), "{what}: {last:?}");
    }

    /// A stream that ended with an error in its protocol's shape, and with nothing that looks like a good end.
    pub(crate) fn assert_broke(&self, form: Form, code: &str, what: &str) {
        assert_eq!(self.status, StatusCode::OK, "{what}: {self:?}");
        let last = self.events.last().unwrap_or_else(|| panic!("{what}: no events"));
        assert_is_error(form, &last.json().unwrap_or_else(|| panic!("{what}: {last:?}")), code, what);
        if matches!(form.speech(), Speech::Responses | Speech::Messages) {
            assert_eq!(last.name.as_deref(), Some("error"), "{what}: {last:?}");
        }
        let good = |event: &SseEvent| {
            let name = event.name.as_deref();
            event.is_done() || matches!(name, Some("response.completed" | "message_stop"))
        };
        assert!(!self.events.iter().any(good), "{what}: it looks complete: {self:?}");
    }

    /// A refusal before the first byte, in the caller's protocol.
    pub(crate) fn assert_refused(&self, form: Form, status: u16, code: &str, what: &str) {
        assert_eq!(self.status.as_u16(), status, "{what}: {self:?}");
        assert_eq!(self.header("content-type"), "application/json", "{what}");
        assert_is_error(form, &self.json(), code, what);
    }
}

fn assert_is_error(form: Form, document: &Value, code: &str, what: &str) {
    let error = &document["error"];
    assert_eq!(error["code"], code, "{what}: {document}");
    assert!(error["message"].is_string() && error["type"].is_string(), "{what}: {document}");
    match form.speech() {
        Speech::Messages => assert_eq!(document["type"], "error", "{what}: {document}"),
        Speech::Responses if document.get("type").is_some() => {
            assert_eq!((&document["type"], &document["code"]), (&json!("error"), &json!(code)), "{what}");
        }
        _ => {}
    }
}

/// What a document of a protocol that has one answer adds to its text; none in others.
fn spoken(document: &Value) -> Option<String> {
    let blocks = |blocks: &Value| {
        let texts = blocks.as_array()?.iter().filter(|block| block["type"] != "thinking");
        Some(texts.filter_map(|block| block["text"].as_str()).collect::<String>())
    };
    match document["type"].as_str() {
        Some("response.output_text.delta") => Some(document["delta"].as_str()?.to_owned()),
        Some("content_block_delta") => {
            Some(document["delta"]["text"].as_str().unwrap_or_default().to_owned())
        }
        Some("message") => blocks(&document["content"]),
        Some(_) => Some(String::new()),
        None if document["object"] == "response" => document["output"]
            .as_array()?
            .iter()
            .map(|item| Some(blocks(&item["content"]).unwrap_or_default()))
            .collect(),
        None => None,
    }
}

/// What a document adds to the arguments of tool calls.
fn arguments(document: &Value) -> Vec<(u64, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match document["type"].as_str() {
        Some("response.function_call_arguments.delta") => {
            return vec![(document["output_index"].as_u64().unwrap(), text(&document["delta"]))];
        }
        Some("content_block_delta") => {
            return vec![(document["index"].as_u64().unwrap(), text(&document["delta"]["partial_json"]))];
        }
        Some("message") => {
            let blocks = document["content"].as_array().unwrap().iter().zip(0..);
            let calls = blocks.filter(|(block, _)| block["type"] == "tool_use");
            return calls.map(|(block, at)| (at, block["input"].to_string())).collect();
        }
        _ => {}
    }
    if let Some(items) = document["output"].as_array() {
        let calls = items.iter().zip(0..).filter(|(item, _)| item["type"] == "function_call");
        return calls.map(|(item, at)| (at, text(&item["arguments"]))).collect();
    }
    let choice = &document["choices"][0];
    let calls = ["message", "delta"].iter().find_map(|part| choice[*part]["tool_calls"].as_array());
    let calls = calls.into_iter().flatten().zip(0..);
    calls
        .map(|(call, at)| (call["index"].as_u64().unwrap_or(at), text(&call["function"]["arguments"])))
        .collect()
}

fn gather(path: &str, value: &Value, texts: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => texts.entry(path.to_owned()).or_default().push_str(text),
        Value::Array(items) if path.ends_with("/bytes") => {
            let bytes: Vec<u8> = items.iter().filter_map(|item| u8::try_from(item.as_u64()?).ok()).collect();
            texts.entry(path.to_owned()).or_default().push_str(&String::from_utf8_lossy(&bytes));
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                // Answers and tool calls say which they are; tokens follow each other.
                let number = item.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
                let tokens = path.ends_with("/logprobs/content");
                let step = if tokens { "token".to_owned() } else { number.to_string() };
                gather(&format!("{path}/{step}"), item, texts);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                gather(&format!("{path}/{key}"), member, texts);
            }
        }
        _ => {}
    }
}

pub(crate) async fn hear(client: &Client, path: &str, body: &Value) -> Heard {
    let mut answer = client.stream(path, body).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(more) = answer.next_bytes().await.unwrap() {
        bytes.extend_from_slice(&more);
    }
    let mut reader = SseReader::default();
    let mut events = Vec::new();
    let content_type = answer.headers.get("content-type").map(|value| value.as_bytes().to_vec());
    if content_type.is_some_and(|value| value.starts_with(b"text/event-stream")) {
        reader.push(&bytes);
        events.extend(std::iter::from_fn(|| reader.next_event()));
        assert!(reader.rest().is_empty(), "the stream ends within an event: {bytes:?}");
    }
    Heard { status: answer.status, headers: answer.headers, bytes: bytes.into(), events }
}
