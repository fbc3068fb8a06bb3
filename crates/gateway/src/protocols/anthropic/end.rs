//! How a streamed message ends when we end it, and the events of a message that we wrote.

use std::collections::BTreeSet;

use bytes::BytesMut;
use flyball_core::json::{Document, Value};
use serde_json::json;

use crate::edge::sse::Event;
use crate::protocols::{Chunk, Ending, Mark};
use crate::refusal::Refusal;

/// What own events repeat of their stream, and what of its frame the caller has seen.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The message's id.
    id: String,
    /// The model name that the caller sees.
    model: String,
    /// Tokens read, those of the prompt cache not counted; read from it; written to it.
    input: [u64; 3],
    /// Tokens written, as far as it was told.
    output: u64,
    /// Whether the caller has seen the beginning.
    begun: bool,
    /// Blocks that the caller has seen opened and not closed.
    open: BTreeSet<u32>,
}

impl Envelope {
    fn begin(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let [input, read, written] = self.input;
        let message = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": {
                "input_tokens": input,
                "cache_creation_input_tokens": written,
                "cache_read_input_tokens": read,
                "output_tokens": self.output,
            },
        });
        event("message_start", json!({ "type": "message_start", "message": message }), out);
    }

    fn close(&mut self, out: &mut BytesMut) {
        for index in std::mem::take(&mut self.open) {
            event("content_block_stop", json!({ "type": "content_block_stop", "index": index }), out);
        }
    }

    fn stop(&self, reason: &str, out: &mut BytesMut) {
        let end = json!({
            "type": "message_delta",
            "delta": { "stop_reason": reason, "stop_sequence": null },
            "usage": { "output_tokens": self.output },
        });
        event("message_delta", end, out);
        event("message_stop", json!({ "type": "message_stop" }), out);
    }
}

fn event(name: &str, data: serde_json::Value, out: &mut BytesMut) {
    Event::encode(Some(name.as_bytes()), data.to_string().as_bytes(), out);
}

impl Ending for Envelope {
    fn note(&mut self, document: &Document, chunk: &Chunk) {
        if chunk.mark == Mark::Begin
            && let Some(message) = document.root().get("message")
        {
            let text = |key: &str| message.get(key).and_then(Value::text).unwrap_or_default().into_owned();
            (self.id, self.model) = (text("id"), text("model"));
            let usage = message.get("usage");
            self.input = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
                .map(|key| usage.and_then(|usage| usage.get(key)).and_then(Value::unsigned).unwrap_or(0));
        }
        if let Some(output) = chunk.told.and_then(|told| told.output) {
            self.output = output;
        }
    }

    fn released(&mut self, mark: Mark) {
        match mark {
            Mark::None => {}
            Mark::Begin => self.begun = true,
            Mark::Open(index) => {
                self.open.insert(index);
            }
            Mark::Close(index) => {
                self.open.remove(&index);
            }
        }
    }

    /// What is open is closed, and the message stops with `refusal`. There is one answer.
    fn refuse(&mut self, _open: &[u32], out: &mut BytesMut) {
        self.begin(out);
        self.close(out);
        self.stop("refusal", out);
    }

    /// A block for each text, and the end of the message.
    fn answer(&mut self, texts: &[(u32, String)], out: &mut BytesMut) {
        self.begin(out);
        for (index, (_, text)) in texts.iter().enumerate() {
            let block = json!({ "type": "text", "text": "" });
            let start = json!({ "type": "content_block_start", "index": index, "content_block": block });
            event("content_block_start", start, out);
            let delta = json!({ "type": "text_delta", "text": text });
            let delta = json!({ "type": "content_block_delta", "index": index, "delta": delta });
            event("content_block_delta", delta, out);
            event("content_block_stop", json!({ "type": "content_block_stop", "index": index }), out);
        }
        self.stop("end_turn", out);
    }

    /// `event: error`, as Anthropic sends it after the head, and no `message_stop`.
    fn broken(&mut self, refusal: &Refusal, request_id: &str, out: &mut BytesMut) {
        Event::encode(Some(b"error"), super::error::body(refusal, request_id).as_bytes(), out);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;

    use super::*;
    use crate::protocols::anthropic::event::read;
    use crate::refusal::Kind;

    const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"m","content":[],"usage":{"input_tokens":2,"cache_read_input_tokens":3,"output_tokens":1}}}"#;

    /// An ending that has seen these events; the first `released` of them have left.
    fn after(events: &[&str], released: usize) -> Envelope {
        let mut envelope = Envelope::default();
        for (position, text) in events.iter().enumerate() {
            let document =
                Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap();
            let chunk = read(&document).unwrap();
            envelope.note(&document, &chunk);
            if position < released {
                envelope.released(chunk.mark);
            }
        }
        envelope
    }

    fn events(out: &BytesMut) -> Vec<(String, serde_json::Value)> {
        let mut decoder = crate::edge::sse::Decoder::new(1 << 16);
        decoder.push(out.clone().freeze());
        std::iter::from_fn(|| decoder.next_event().unwrap())
            .map(|event| {
                let name = String::from_utf8(event.name.unwrap().to_vec()).unwrap();
                (name, serde_json::from_slice(&event.data).unwrap())
            })
            .collect()
    }

    fn open(index: u32) -> String {
        format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"text","text":""}}}}"#
        )
    }

    #[test]
    fn a_refusal_closes_what_is_open_and_nothing_else() {
        let close = r#"{"type":"content_block_stop","index":0}"#;
        let delta = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":7}}"#;
        let mut envelope = after(&[START, &open(0), close, &open(1), delta], 5);
        let mut out = BytesMut::new();
        envelope.refuse(&[0], &mut out);
        let events = events(&out);
        let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content_block_stop", "message_delta", "message_stop"]);
        assert!(events.iter().all(|(name, data)| data["type"] == *name));
        assert_eq!(events[0].1["index"], 1);
        assert_eq!(events[1].1["delta"]["stop_reason"], "refusal");
        assert_eq!(events[1].1["usage"]["output_tokens"], 7);
    }

    #[test]
    fn a_message_that_was_held_begins_before_it_ends() {
        let mut envelope = after(&[START, &open(0)], 0);
        let mut out = BytesMut::new();
        envelope.refuse(&[0], &mut out);
        let events = events(&out);
        let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["message_start", "message_delta", "message_stop"]);
        let message = &events[0].1["message"];
        assert_eq!((&message["id"], &message["model"]), (&json!("msg_1"), &json!("m")));
        assert_eq!(message["usage"]["cache_read_input_tokens"], 3);
    }

    #[test]
    fn an_own_answer_is_a_whole_message() {
        let mut out = BytesMut::new();
        after(&[START], 0).answer(&[(0, "a".to_owned()), (0, "b\n".to_owned())], &mut out);
        let block = ["content_block_start", "content_block_delta", "content_block_stop"];
        let expected = [&["message_start"][..], &block, &block, &["message_delta", "message_stop"]].concat();
        let events = events(&out);
        assert_eq!(events.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!((&events[5].1["index"], &events[5].1["delta"]["text"]), (&json!(1), &json!("b\n")));
        assert_eq!(events[7].1["delta"]["stop_reason"], "end_turn");
    }

    #[test]
    fn a_broken_stream_ends_in_an_error_event() {
        let mut out = BytesMut::new();
        after(&[START], 1).broken(&Refusal::new(Kind::ProviderBrokeOff, "Gone."), "r", &mut out);
        let events = events(&out);
        assert_eq!((events.len(), events[0].0.as_str()), (1, "error"));
        assert_eq!(
            (&events[0].1["error"]["type"], &events[0].1["request_id"]),
            (&json!("api_error"), &json!("r"))
        );
    }
}
