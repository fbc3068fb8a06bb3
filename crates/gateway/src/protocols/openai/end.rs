//! How a stream of chat completion chunks ends when we end it, and the events of an answer that we wrote.

use bytes::BytesMut;
use serde_json::json;

use crate::edge::sse::Event;
use crate::refusal::Refusal;

/// What a chunk repeats from its stream.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The completion's id.
    pub id: String,
    /// When it was created, in seconds.
    pub created: u64,
    /// The model name that the caller sees.
    pub model: String,
}

impl Envelope {
    fn chunk(&self, choice: u32, delta: serde_json::Value, finish: Option<&str>) -> String {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": [{ "index": choice, "delta": delta, "logprobs": null, "finish_reason": finish }],
        })
        .to_string()
    }

    /// The protocol's refusal end: every open answer finishes with `content_filter`, then `[DONE]`.
    pub fn refuse(&self, choices: impl IntoIterator<Item = u32>, out: &mut BytesMut) {
        for choice in choices {
            let chunk = self.chunk(choice, json!({}), Some("content_filter"));
            Event::encode(chunk.as_bytes(), out);
        }
        Event::encode(b"[DONE]", out);
    }

    /// A piece of text that we wrote ourselves.
    pub fn content(&self, choice: u32, text: &str, out: &mut BytesMut) {
        let chunk = self.chunk(choice, json!({ "content": text }), None);
        Event::encode(chunk.as_bytes(), out);
    }

    /// The end of an answer that we wrote ourselves.
    pub fn stop(&self, choice: u32, out: &mut BytesMut) {
        let chunk = self.chunk(choice, json!({}), Some("stop"));
        Event::encode(chunk.as_bytes(), out);
    }
}

/// The end of a stream that broke: an error object, as OpenAI sends it after the head, then the end of the body
/// without `[DONE]`, so that no client takes the answer for a complete one.
pub fn broken(refusal: &Refusal, request_id: &str, out: &mut BytesMut) {
    Event::encode(super::error::body(refusal, request_id).as_bytes(), out);
}
