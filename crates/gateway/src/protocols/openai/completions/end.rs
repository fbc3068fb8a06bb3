//! How a stream of `text_completion` events ends when we end it, and the events of an answer that we wrote.

use bytes::BytesMut;
use flyball_core::json::{Document, Value};
use serde_json::json;

use crate::edge::sse::Event;
use crate::protocols::{Chunk, Ending};
use crate::refusal::Refusal;

/// What an event repeats from its stream.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The completion's id.
    id: String,
    /// When it was created, in seconds.
    created: u64,
    /// The model name that the caller sees.
    model: String,
}

impl Envelope {
    fn event(&self, choice: u32, text: &str, finish: Option<&str>, out: &mut BytesMut) {
        let event = json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": [{ "index": choice, "text": text, "logprobs": null, "finish_reason": finish }],
        });
        Event::encode(None, event.to_string().as_bytes(), out);
    }
}

impl Ending for Envelope {
    fn note(&mut self, document: &Document, _chunk: &Chunk) {
        if self.id.is_empty() {
            let root = document.root();
            let text = |key: &str| root.get(key).and_then(Value::text).unwrap_or_default().into_owned();
            let created = root.get("created").and_then(Value::unsigned).unwrap_or(0);
            *self = Envelope { id: text("id"), created, model: text("model") };
        }
    }

    /// Every open answer finishes with `content_filter`, then `[DONE]`.
    fn refuse(&mut self, open: &[u32], out: &mut BytesMut) {
        for choice in open {
            self.event(*choice, "", Some("content_filter"), out);
        }
        self.end(out);
    }

    fn answer(&mut self, texts: &[(u32, String)], out: &mut BytesMut) {
        for (choice, text) in texts {
            self.event(*choice, text, Some("stop"), out);
        }
    }

    fn end(&self, out: &mut BytesMut) {
        Event::encode(None, b"[DONE]", out);
    }

    /// An error object, as OpenAI sends it after the head, then the end of the body without `[DONE]`.
    fn broken(&mut self, refusal: &Refusal, request_id: &str, out: &mut BytesMut) {
        Event::encode(None, super::super::error::body(refusal, request_id).as_bytes(), out);
    }
}
