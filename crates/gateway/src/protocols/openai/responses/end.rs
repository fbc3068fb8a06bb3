//! How a stream of the Responses protocol ends when we end it, and the events of an answer that we wrote.

use bytes::BytesMut;
use flyball_core::json::{Document, Value};
use serde_json::{Map, json};

use crate::edge::sse::Event;
use crate::protocols::{Chunk, Ending, Mark};
use crate::refusal::Refusal;

/// Settings that an own response tells again: numbers and words of fixed meaning, in which nothing can be hidden.
const SETTINGS: [&str; 6] =
    ["parallel_tool_calls", "temperature", "top_p", "max_output_tokens", "max_tool_calls", "top_logprobs"];

/// What an own event repeats from its stream, and how far that is released.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The response's id.
    id: String,
    /// When it was created, in seconds.
    created_at: u64,
    /// The model name that the caller sees.
    model: String,
    settings: Map<String, serde_json::Value>,
    /// The provider's `usage`, once it told it.
    usage: Option<serde_json::Value>,
    /// Whether the caller knows of the response.
    begun: bool,
    numbering: Numbering,
}

/// The numbers of events, which begin anywhere and ascend.
#[derive(Clone, Debug, Default)]
struct Numbering {
    /// The number of the first event.
    first: Option<u64>,
    /// The highest number so far.
    last: u64,
    /// Whether a number was left out or came twice.
    gaps: bool,
    /// How many events were released or written.
    count: u64,
}

impl Numbering {
    fn note(&mut self, number: u64) {
        self.gaps |= self.first.is_some() && self.last.checked_add(1) != Some(number);
        self.first.get_or_insert(number);
        self.last = self.last.max(number);
    }

    /// The number of the next event: it follows the last one that was released. Where the provider's numbers have
    /// gaps, it follows the highest that came.
    fn next(&mut self) -> u64 {
        let first = self.first.unwrap_or(0);
        let from = if self.gaps { self.last.saturating_add(1) } else { first };
        let number = from.saturating_add(self.count);
        self.count = self.count.saturating_add(1);
        number
    }
}

/// A number, or true or false.
fn scalar(value: Value<'_>) -> Option<serde_json::Value> {
    let boolean = value.boolean().map(serde_json::Value::from);
    let number = || value.unsigned().map(serde_json::Value::from);
    boolean.or_else(number).or_else(|| value.float().map(serde_json::Value::from))
}

/// The counts of a `usage` object, and nothing else that it may hold.
fn usage(value: Value<'_>) -> serde_json::Value {
    let count = |object: Option<Value<'_>>, key: &str| {
        object.and_then(|object| object.get(key)).and_then(Value::unsigned).unwrap_or(0)
    };
    let (input, output) = (count(Some(value), "input_tokens"), count(Some(value), "output_tokens"));
    let (read, written) = (value.get("input_tokens_details"), value.get("output_tokens_details"));
    json!({
        "input_tokens": input,
        "input_tokens_details": {
            "cached_tokens": count(read, "cached_tokens"),
            "cache_write_tokens": count(read, "cache_write_tokens"),
        },
        "output_tokens": output,
        "output_tokens_details": { "reasoning_tokens": count(written, "reasoning_tokens") },
        "total_tokens": input.saturating_add(output),
    })
}

impl Envelope {
    /// Writes an event of this kind.
    fn event(&mut self, kind: &str, mut data: serde_json::Value, out: &mut BytesMut) {
        if let Some(data) = data.as_object_mut() {
            data.insert("type".to_owned(), kind.into());
            data.insert("sequence_number".to_owned(), self.numbering.next().into());
        }
        Event::encode(Some(kind.as_bytes()), data.to_string().as_bytes(), out);
    }

    /// The response as it stands.
    fn response(&self, status: &str, output: &[serde_json::Value]) -> serde_json::Value {
        let mut response = json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "metadata": {},
            "model": self.model,
            "output": output,
            "parallel_tool_calls": true,
            "temperature": null,
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "usage": null,
        });
        if let Some(members) = response.as_object_mut() {
            members.extend(self.settings.clone());
            if status == "incomplete" {
                members.insert("incomplete_details".to_owned(), json!({ "reason": "content_filter" }));
            }
            if status != "in_progress" {
                members.insert("usage".to_owned(), json!(self.usage));
            }
        }
        response
    }

    /// Begins the response, unless the caller knows of it.
    fn begin(&mut self, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.begun, true) {
            let response = self.response("in_progress", &[]);
            self.event("response.created", json!({ "response": response }), out);
            self.event("response.in_progress", json!({ "response": response }), out);
        }
    }

    /// The events of one part of a message, from its beginning to its end. Returns the part.
    fn part(&mut self, id: &str, index: usize, text: &str, out: &mut BytesMut) -> serde_json::Value {
        let at = |more: serde_json::Value| {
            let mut data = json!({ "item_id": id, "output_index": 0, "content_index": index });
            if let (Some(data), serde_json::Value::Object(more)) = (data.as_object_mut(), more) {
                data.extend(more);
            }
            data
        };
        let part =
            |text: &str| json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] });
        self.event("response.content_part.added", at(json!({ "part": part("") })), out);
        self.event("response.output_text.delta", at(json!({ "delta": text, "logprobs": [] })), out);
        self.event("response.output_text.done", at(json!({ "text": text, "logprobs": [] })), out);
        self.event("response.content_part.done", at(json!({ "part": part(text) })), out);
        part(text)
    }
}

impl Ending for Envelope {
    fn note(&mut self, document: &Document, _chunk: &Chunk) {
        let root = document.root();
        root.get("sequence_number")
            .and_then(Value::unsigned)
            .into_iter()
            .for_each(|n| self.numbering.note(n));
        let Some(response) = root.get("response") else { return };
        if self.id.is_empty() {
            let text = |key: &str| response.get(key).and_then(Value::text).unwrap_or_default().into_owned();
            let created = response.get("created_at").and_then(Value::float).unwrap_or(0.0);
            // As a number of seconds; what is no time becomes the nearest.
            (self.id, self.model, self.created_at) = (text("id"), text("model"), created as u64);
            let settings = SETTINGS
                .iter()
                .filter_map(|key| response.get(key).and_then(scalar).map(|value| ((*key).to_owned(), value)));
            self.settings = settings.collect();
        }
        if let Some(told) = response.get("usage") {
            self.usage = Some(usage(told));
        }
    }

    fn released(&mut self, mark: Mark) {
        self.begun |= mark == Mark::Begin;
        self.numbering.count = self.numbering.count.saturating_add(1);
    }

    /// The response is incomplete because its content was filtered. Nothing of it is told again: what was released
    /// of it the caller has, and the rest is withheld.
    fn refuse(&mut self, _open: &[u32], out: &mut BytesMut) {
        self.begin(out);
        let response = self.response("incomplete", &[]);
        self.event("response.incomplete", json!({ "response": response }), out);
    }

    /// One message with a part for each of the texts.
    fn answer(&mut self, texts: &[(u32, String)], out: &mut BytesMut) {
        self.begin(out);
        let id = format!("msg_{}", self.id.strip_prefix("resp_").unwrap_or(&self.id));
        let message = |status: &str, content: &[serde_json::Value]| json!({ "id": id, "type": "message", "role": "assistant", "status": status, "content": content });
        let added = json!({ "output_index": 0, "item": message("in_progress", &[]) });
        self.event("response.output_item.added", added, out);
        let parts = texts.iter().enumerate();
        let content: Vec<_> = parts.map(|(index, (_, text))| self.part(&id, index, text, out)).collect();
        let item = message("completed", &content);
        self.event("response.output_item.done", json!({ "output_index": 0, "item": item }), out);
        let response = self.response("completed", &[item]);
        self.event("response.completed", json!({ "response": response }), out);
    }

    /// An `error` event: with the error's members beside its type, as the protocol describes it, and as an object,
    /// as the vendor sends it.
    fn broken(&mut self, refusal: &Refusal, request_id: &str, out: &mut BytesMut) {
        let body = super::super::error::body(refusal, request_id);
        let mut data: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        if let Some(data) = data.as_object_mut()
            && let Some(error) = data.get("error").cloned()
        {
            for key in ["code", "message", "param"] {
                data.insert(key.to_owned(), error.get(key).cloned().unwrap_or_default());
            }
        }
        self.event("error", data, out);
    }
}

#[cfg(test)]
mod tests;
