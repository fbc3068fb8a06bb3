//! Writing a message: one document, or the events of a stream. Shapes: Anthropic's API reference, "Create a Message"
//! and "Streaming messages".

use bytes::Bytes;
use flyball_core::tokens;
use serde_json::{Value, json};

use super::refused;
use crate::chat::hear::{Choice, Said, ToolCall, counted};
use crate::json::{push_hex, push_number, push_optional, push_string, push_value};
use crate::play::Events;
use crate::split::Split;
use crate::thinking::{self, Thought};

const BROKEN: &[u8] =
    b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\n\n";

/// All that an answer is written from.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) id: u64,
    pub(super) model: &'a str,
    /// Tokens of the prompt.
    pub(super) input: u64,
    /// Whether usage is reported.
    pub(super) usage: bool,
    pub(super) thought: Option<&'a Thought>,
    /// Whether the caller sees what is thought.
    pub(super) shown: bool,
    pub(super) choice: &'a Choice,
}

impl Frame<'_> {
    /// Tokens of the answer, its thought included.
    pub(super) fn output(&self) -> u64 {
        self.thought.map_or(0, Thought::tokens) + self.choice.tokens()
    }

    fn stop_reason(&self) -> &'static str {
        match self.choice.finish {
            "length" => "max_tokens",
            "tool_calls" => "tool_use",
            _ if self.choice.stopped_by.is_some() => "stop_sequence",
            _ => "end_turn",
        }
    }

    /// The text of the thought that the caller sees.
    fn visible<'t>(&self, thought: &'t Thought) -> &'t str {
        if self.shown { &thought.text } else { "" }
    }
}

/// The answer as one document.
pub(super) fn document(frame: &Frame<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    push_head(&mut out, frame);
    out.extend_from_slice(b",\"content\":[");
    let mut blocks = Vec::new();
    if let Some(thought) = frame.thought {
        blocks.push(thought_block(frame, thought));
    }
    match &frame.choice.said {
        Said::Text(text) if text.is_empty() => {}
        Said::Text(text) => blocks.push(json!({"type": "text", "text": text})),
        Said::Calls(calls) => blocks.extend(calls.iter().map(call_block)),
    }
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_value(&mut out, block);
    }
    out.extend_from_slice(b"],");
    push_stop(&mut out, frame);
    push_usage(&mut out, frame, frame.output(), true);
    out.push(b'}');
    out
}

/// The answer as events. `stop`: whether the last event says that the message is complete.
pub(super) fn events(frame: &Frame<'_>, stop: bool) -> Events {
    let mut error = b"event: error\ndata: ".to_vec();
    error.extend_from_slice(&refused::overloaded(frame.id));
    error.extend_from_slice(b"\n\n");
    let mut writer = Writer { events: Events::with_capacity(64, 8192), index: 0 };
    writer.events.broken = Some(Bytes::from_static(BROKEN));
    writer.events.error = Some(Bytes::from(error));
    writer.event("message_start", None, |out| {
        out.extend_from_slice(b",\"message\":");
        push_head(out, frame);
        out.extend_from_slice(b",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null");
        push_usage(out, frame, 0, true);
        out.push(b'}');
    });
    if let Some(thought) = frame.thought {
        writer.think(frame, thought);
    }
    match &frame.choice.said {
        Said::Text(text) => writer.text(frame.choice.pieces(text)),
        Said::Calls(calls) => calls.iter().for_each(|call| writer.call(call, frame.choice)),
    }
    writer.event("message_delta", None, |out| {
        out.extend_from_slice(b",\"delta\":{");
        push_stop(out, frame);
        out.push(b'}');
        push_usage(out, frame, frame.output(), false);
    });
    if stop {
        writer.event("message_stop", None, |_| {});
    }
    writer.events
}

/// The events of a stream while they are written.
struct Writer {
    events: Events,
    /// The index of the content block.
    index: u64,
}

impl Writer {
    /// Writes an event, whose type and further members are given. `tokens`: of a content delta, by how many it
    /// lengthens the answer.
    fn event(&mut self, kind: &str, tokens: Option<u64>, members: impl FnOnce(&mut Vec<u8>)) {
        let out = &mut self.events.bytes;
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\ndata: {\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.push(b'"');
        members(out);
        out.push(b'}');
        self.events.end(tokens);
    }

    /// Opens a content block.
    fn start(&mut self, block: &Value, tokens: Option<u64>) {
        let index = self.index;
        self.event("content_block_start", tokens, |out| {
            push_index(out, index);
            out.extend_from_slice(b",\"content_block\":");
            push_value(out, block);
        });
        // The vendor shows a sign of life once, when the first block is open.
        if index == 0 {
            self.event("ping", None, |_| {});
        }
    }

    /// Adds to the open content block: a member of this name in a delta of that type.
    fn delta(&mut self, kind: &str, member: &str, text: &str, tokens: Option<u64>) {
        let index = self.index;
        self.event("content_block_delta", tokens, |out| {
            push_index(out, index);
            out.extend_from_slice(b",\"delta\":{\"type\":");
            push_string(out, kind);
            out.push(b',');
            push_string(out, member);
            out.push(b':');
            push_string(out, text);
            out.push(b'}');
        });
    }

    /// Closes the content block.
    fn stop(&mut self) {
        let index = self.index;
        self.event("content_block_stop", None, |out| push_index(out, index));
        self.index += 1;
    }

    fn think(&mut self, frame: &Frame<'_>, thought: &Thought) {
        if thought.redacted {
            self.start(&thought_block(frame, thought), Some(thought.tokens()));
        } else {
            self.start(&json!({"type": "thinking", "thinking": "", "signature": ""}), None);
            let visible = frame.visible(thought);
            for (piece, tokens) in counted(Split::Tokens.pieces(visible)) {
                self.delta("thinking_delta", "thinking", piece, Some(tokens));
            }
            let hidden = if frame.shown { None } else { Some(thought.tokens()) };
            self.delta("signature_delta", "signature", &thinking::signature(visible), hidden);
        }
        self.stop();
    }

    fn text(&mut self, pieces: Vec<&str>) {
        if pieces.is_empty() {
            return;
        }
        self.start(&json!({"type": "text", "text": ""}), None);
        for (piece, tokens) in counted(pieces) {
            self.delta("text_delta", "text", piece, Some(tokens));
        }
        self.stop();
    }

    fn call(&mut self, call: &ToolCall, choice: &Choice) {
        let block = json!({"type": "tool_use", "id": id(call), "name": call.name, "input": {}});
        self.start(&block, Some(tokens::count(&call.name)));
        self.delta("input_json_delta", "partial_json", "", None);
        for (piece, tokens) in counted(choice.pieces(&call.arguments)) {
            self.delta("input_json_delta", "partial_json", piece, Some(tokens));
        }
        self.stop();
    }
}

fn thought_block(frame: &Frame<'_>, thought: &Thought) -> Value {
    if thought.redacted {
        return json!({"type": "redacted_thinking", "data": thought.data()});
    }
    let visible = frame.visible(thought);
    json!({"type": "thinking", "thinking": visible, "signature": thinking::signature(visible)})
}

fn call_block(call: &ToolCall) -> Value {
    let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
    json!({"type": "tool_use", "id": id(call), "name": call.name, "input": input})
}

/// The id of a call, as this vendor's ids look.
fn id(call: &ToolCall) -> String {
    format!("toolu_{}", call.id.strip_prefix("call_").unwrap_or(&call.id))
}

/// Appends the fields that a message opens with, without the closing brace.
fn push_head(out: &mut Vec<u8>, frame: &Frame<'_>) {
    out.extend_from_slice(b"{\"id\":\"msg_");
    push_hex(out, frame.id);
    out.extend_from_slice(b"\",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    push_string(out, frame.model);
}

fn push_index(out: &mut Vec<u8>, index: u64) {
    out.extend_from_slice(b",\"index\":");
    push_number(out, index);
}

fn push_stop(out: &mut Vec<u8>, frame: &Frame<'_>) {
    out.extend_from_slice(b"\"stop_reason\":");
    push_string(out, frame.stop_reason());
    out.extend_from_slice(b",\"stop_sequence\":");
    push_optional(out, frame.choice.stopped_by.as_deref());
}

/// Appends the usage, if it is reported. `whole`: with what a message says and a delta does not.
fn push_usage(out: &mut Vec<u8>, frame: &Frame<'_>, output: u64, whole: bool) {
    if !frame.usage {
        return;
    }
    out.extend_from_slice(b",\"usage\":{\"input_tokens\":");
    push_number(out, frame.input);
    out.extend_from_slice(b",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0");
    if whole {
        out.extend_from_slice(b",\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,");
        out.extend_from_slice(b"\"ephemeral_1h_input_tokens\":0},\"service_tier\":\"standard\"");
    }
    out.extend_from_slice(b",\"output_tokens\":");
    push_number(out, output);
    if let Some(thought) = frame.thought.filter(|_| output > 0) {
        out.extend_from_slice(b",\"output_tokens_details\":{\"thinking_tokens\":");
        push_number(out, thought.tokens());
        out.push(b'}');
    }
    out.push(b'}');
}
