//! How a stream of chat completion chunks ends when we end it, and the events of an answer that we wrote.

use bytes::BytesMut;
use flyball_core::json::{Document, Value};
use serde_json::{Map, json};

use crate::edge::sse::Event;
use crate::protocols::{Chunk, Ending, Mark};
use crate::refusal::Refusal;

/// What a chunk repeats from its stream.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The completion's id.
    id: String,
    /// When it was created, in seconds.
    created: u64,
    /// The model name that the caller sees.
    model: String,
    /// The answers whose role the caller has seen.
    begun: Vec<u32>,
}

impl Envelope {
    /// What an own chunk adds to an answer. The official SDKs want the role in an answer's first chunk, and once.
    fn delta(&mut self, choice: u32) -> Map<String, serde_json::Value> {
        let mut delta = Map::new();
        if !self.begun.contains(&choice) {
            self.begun.push(choice);
            delta.insert("role".to_owned(), "assistant".into());
        }
        delta
    }

    fn chunk(
        &self,
        choice: u32,
        delta: Map<String, serde_json::Value>,
        finish: Option<&str>,
        out: &mut BytesMut,
    ) {
        let chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": [{ "index": choice, "delta": delta, "logprobs": null, "finish_reason": finish }],
        });
        Event::encode(None, chunk.to_string().as_bytes(), out);
    }
}

impl Ending for Envelope {
    fn note(&mut self, document: &Document, _chunk: &Chunk) {
        if self.id.is_empty() {
            let root = document.root();
            let text = |key: &str| root.get(key).and_then(Value::text).unwrap_or_default().into_owned();
            let created = root.get("created").and_then(Value::unsigned).unwrap_or(0);
            (self.id, self.created, self.model) = (text("id"), created, text("model"));
        }
    }

    fn released(&mut self, mark: Mark) {
        if let Mark::Open(choice) = mark
            && !self.begun.contains(&choice)
        {
            self.begun.push(choice);
        }
    }

    /// Every open answer finishes with `content_filter`, then `[DONE]`.
    fn refuse(&mut self, open: &[u32], out: &mut BytesMut) {
        for choice in open {
            let delta = self.delta(*choice);
            self.chunk(*choice, delta, Some("content_filter"), out);
        }
        self.end(out);
    }

    fn answer(&mut self, texts: &[(u32, String)], out: &mut BytesMut) {
        for (choice, text) in texts {
            let mut delta = self.delta(*choice);
            delta.insert("content".to_owned(), text.as_str().into());
            self.chunk(*choice, delta, None, out);
            self.chunk(*choice, Map::new(), Some("stop"), out);
        }
    }

    fn end(&self, out: &mut BytesMut) {
        Event::encode(None, b"[DONE]", out);
    }

    /// An error object, as OpenAI sends it after the head, then the end of the body without `[DONE]`.
    fn broken(&mut self, refusal: &Refusal, request_id: &str, out: &mut BytesMut) {
        Event::encode(None, super::error::body(refusal, request_id).as_bytes(), out);
    }
}
