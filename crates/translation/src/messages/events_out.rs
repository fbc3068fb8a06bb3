//! A stream of events, written as messages' own.
//!
//! The answer's end is held until the stream's: `message_delta` tells why it ended and all that it cost, and other
//! dialects tell the cost last. A stream that breaks off gets no such end.

use super::answer_out::write_stop;
use super::sequence::Sequence;
use super::usage;
use crate::Envelope;
use crate::events::Written;
use crate::reply::{Event, Opened, Stop, Usage};
use crate::write::Json;

/// How a part's pieces are called: the type of the delta, and its member.
#[derive(Clone, Copy, Debug)]
struct Pieces {
    delta: &'static str,
    member: &'static str,
}

/// Writes a stream.
#[derive(Debug)]
pub(crate) struct EventWriter {
    envelope: Envelope,
    /// By the part's number.
    parts: Vec<Pieces>,
    sequence: Sequence,
    refused: bool,
    stop: Stop,
    stop_sequence: Option<String>,
    usage: Usage,
}

impl EventWriter {
    /// For an answer that says this of itself where its provider does not.
    pub(crate) fn new(envelope: Envelope) -> Self {
        EventWriter {
            envelope,
            parts: Vec::new(),
            sequence: Sequence::default(),
            refused: false,
            stop: Stop::End,
            stop_sequence: None,
            usage: Usage::default(),
        }
    }

    /// Writes one event. There is one answer: events of others are left out.
    pub(crate) fn write(&mut self, event: &Event<'_>, out: &mut Vec<Written>) {
        match event {
            Event::Start { id, model, .. } => {
                let id = id.as_deref().unwrap_or(&self.envelope.id);
                let model = model.as_deref().unwrap_or(&self.envelope.model);
                out.push(written("message_start", 256, |json| {
                    json.key("message").object(|json| start(id, model, json));
                }));
            }
            Event::Open { choice: 0, part, kind } => self.open(*part, kind, out),
            Event::Piece { choice: 0, part, text } => {
                let Some(pieces) = self.parts.get(*part as usize) else { return };
                let event = written("content_block_delta", 96 + text.len(), |json| {
                    json.key("index").number(u64::from(*part));
                    json.key("delta").object(|json| {
                        json.key("type").text(pieces.delta);
                        json.key(pieces.member).text(text);
                    });
                });
                self.sequence.piece(*part, event, out);
            }
            Event::Close { choice: 0, part } => {
                let event = written("content_block_stop", 64, |json| {
                    json.key("index").number(u64::from(*part));
                });
                self.sequence.close(*part, event, out);
            }
            Event::Stop { choice: 0, stop, stop_sequence } => {
                self.stop = *stop;
                self.stop_sequence = stop_sequence.as_deref().map(str::to_owned);
            }
            Event::Open { .. } | Event::Piece { .. } | Event::Close { .. } | Event::Stop { .. } => {}
            Event::Usage(told) => {
                self.usage = Usage {
                    input: told.input.or(self.usage.input),
                    cached: told.cached.or(self.usage.cached),
                    cache_write: told.cache_write.or(self.usage.cache_write),
                    output: told.output.or(self.usage.output),
                    reasoning: told.reasoning.or(self.usage.reasoning),
                };
            }
            Event::Ping => out.push(written("ping", 32, |_| {})),
            Event::End => {
                out.push(written("message_delta", 256, |json| {
                    json.key("delta").object(|json| {
                        write_stop(self.stop, self.refused, self.stop_sequence.as_deref(), json);
                    });
                    json.key("usage");
                    usage::write(self.usage, json);
                }));
                out.push(written("message_stop", 32, |_| {}));
            }
        }
    }

    fn open(&mut self, part: u32, kind: &Opened<'_>, out: &mut Vec<Written>) {
        let pieces = match kind {
            Opened::Text | Opened::Refusal => Pieces { delta: "text_delta", member: "text" },
            Opened::Reasoning => Pieces { delta: "thinking_delta", member: "thinking" },
            Opened::ToolCall { .. } => Pieces { delta: "input_json_delta", member: "partial_json" },
        };
        self.refused |= matches!(kind, Opened::Refusal);
        // Parts are numbered in the order of their opening: the next number is the length.
        self.parts.push(pieces);
        let event = written("content_block_start", 192, |json| {
            json.key("index").number(u64::from(part));
            json.key("content_block").object(|json| match kind {
                Opened::Text | Opened::Refusal => {
                    json.key("type").text("text");
                    json.key("text").text("");
                }
                Opened::Reasoning => {
                    json.key("type").text("thinking");
                    json.key("thinking").text("");
                    json.key("signature").text("");
                }
                Opened::ToolCall { id, name } => {
                    json.key("type").text("tool_use");
                    json.key("id").text(id);
                    json.key("name").text(name);
                    json.key("input").object(|_| {});
                }
            });
        });
        self.sequence.open(part, event, out);
    }
}

/// The message before anything is said. What it costs is told at the end.
fn start(id: &str, model: &str, json: &mut Json) {
    json.key("id").text(id);
    json.key("type").text("message");
    json.key("role").text("assistant");
    json.key("model").text(model);
    json.key("content").array(|_| {});
    json.key("stop_reason").raw("null");
    json.key("stop_sequence").raw("null");
    json.key("usage");
    usage::write(Usage::default(), json);
}

fn written(name: &'static str, capacity: usize, members: impl FnOnce(&mut Json)) -> Written {
    let mut json = Json::with_capacity(capacity);
    json.object(|json| {
        json.key("type").text(name);
        members(json);
    });
    Written { name: Some(name), data: json.finish().into() }
}
