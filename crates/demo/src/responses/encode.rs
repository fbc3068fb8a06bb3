//! Writing a response: one document, or the events of a stream. Shapes: OpenAI's API reference, "The response object"
//! and "Streaming events".

use bytes::Bytes;
use flyball_core::tokens;
use serde_json::{Value, json};

use super::echo::{self, State};
use super::request::Reasoning;
use crate::chat::hear::{Choice, Said, ToolCall, counted};
use crate::hash::mix;
use crate::json::{push_number, push_string, push_value};
use crate::models;
use crate::play::Events;
use crate::script::Script;
use crate::split::Split;
use crate::thinking::Thought;

const BROKEN: &[u8] =
    b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\n\n";
const FAILURE: &str = "The server had an error while processing the request.";

/// All that an answer is written from.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) id: u64,
    /// Seconds since 1970.
    pub(super) created: u64,
    /// The body of the request.
    pub(super) request: &'a Value,
    /// Tokens of the prompt.
    pub(super) input: u64,
    /// Whether usage is reported.
    pub(super) usage: bool,
    /// The reasoning ahead of the answer, and in which forms it is shown.
    pub(super) thought: Option<(&'a Thought, Reasoning)>,
    pub(super) choice: &'a Choice,
}

impl Frame<'_> {
    /// Tokens of the answer, its reasoning included.
    pub(super) fn output(&self) -> u64 {
        self.reasoning_tokens() + self.choice.tokens()
    }

    fn reasoning_tokens(&self) -> u64 {
        self.thought.map_or(0, |(thought, _)| thought.tokens())
    }

    fn status(&self) -> &'static str {
        if self.choice.finish == "length" { "incomplete" } else { "completed" }
    }

    /// The id of the item at this place.
    fn item_id(&self, prefix: &str, at: usize) -> String {
        let place = u64::try_from(at).unwrap_or(u64::MAX);
        format!("{prefix}_{:016x}", mix(self.id.wrapping_add(place)))
    }

    fn usage(&self) -> Value {
        if !self.usage {
            return Value::Null;
        }
        let output = self.output();
        json!({
            "input_tokens": self.input,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens()},
            "total_tokens": self.input.saturating_add(output),
        })
    }

    fn response(&self, state: State) -> Value {
        let model = self.request.get("model").and_then(Value::as_str).unwrap_or_default();
        let id = format!("resp_{:016x}", self.id);
        echo::response(&id, self.created, models::shown(model), self.request, state)
    }

    /// The response before it is complete.
    fn begun(&self, status: &'static str, error: Value) -> Value {
        self.response(State { status, error, output: Vec::new(), usage: Value::Null })
    }

    /// The complete response.
    fn complete(&self) -> Value {
        let mut output = Vec::new();
        if let Some((thought, reasoning)) = self.thought {
            output.push(reasoning_item(&self.item_id("rs", 0), thought, reasoning, true));
        }
        let first = output.len();
        match &self.choice.said {
            Said::Text(text) => {
                output.push(message_item(&self.item_id("msg", first), self.status(), vec![text_part(text)]));
            }
            Said::Calls(calls) => output.extend(calls.iter().enumerate().map(|(at, call)| {
                call_item(&self.item_id("fc", first + at), call, "completed", &call.arguments)
            })),
        }
        self.response(State { status: self.status(), error: Value::Null, output, usage: self.usage() })
    }
}

/// The answer as one document.
pub(super) fn document(frame: &Frame<'_>) -> Vec<u8> {
    frame.complete().to_string().into_bytes()
}

/// The answer as events. The script says where they break off, and whether the last one comes.
pub(super) fn events(frame: &Frame<'_>, script: &Script) -> Events {
    let mut writer = Writer {
        frame,
        events: Events::with_capacity(64, 16384),
        sequence: 0,
        item: 0,
        deltas: 0,
        error_at: script.error_event,
    };
    writer.events.broken = Some(Bytes::from_static(BROKEN));
    let begun = frame.begun("in_progress", Value::Null);
    for kind in ["response.created", "response.in_progress"] {
        writer.event(kind, None, |out| push_member(out, "response", &begun));
    }
    if let Some((thought, reasoning)) = frame.thought {
        writer.reasoning(thought, reasoning);
    }
    match &frame.choice.said {
        Said::Text(text) => writer.message(text),
        Said::Calls(calls) => calls.iter().for_each(|call| writer.call(call)),
    }
    if !script.no_done {
        let complete = frame.complete();
        let kind = format!("response.{}", frame.status());
        writer.event(&kind, None, |out| push_member(out, "response", &complete));
    }
    writer.events
}

/// The events of a stream while they are written.
struct Writer<'a> {
    frame: &'a Frame<'a>,
    events: Events,
    /// The number of the next event.
    sequence: u64,
    /// The place of the item among the output.
    item: usize,
    /// The content deltas so far.
    deltas: usize,
    /// After how many of them an error may come.
    error_at: Option<usize>,
}

impl Writer<'_> {
    /// Writes an event, whose type and further members are given. `tokens`: of a content delta, by how many it
    /// lengthens the answer.
    fn event(&mut self, kind: &str, tokens: Option<u64>, members: impl FnOnce(&mut Vec<u8>)) {
        push_event(&mut self.events.bytes, kind, self.sequence, members);
        self.events.end(tokens);
        self.sequence += 1;
        self.deltas += usize::from(tokens.is_some());
        if self.error_at == Some(self.deltas) {
            self.error_at = None;
            self.events.error = Some(self.failure());
        }
    }

    /// What a provider that fails sends as the next events.
    fn failure(&self) -> Bytes {
        let mut out = Vec::new();
        push_event(&mut out, "error", self.sequence, |out| {
            push_member(out, "code", &"server_error");
            push_member(out, "message", &FAILURE);
            push_member(out, "param", &Value::Null);
        });
        out.extend_from_slice(b"\n\n");
        let failed = self.frame.begun("failed", json!({"code": "server_error", "message": FAILURE}));
        push_event(&mut out, "response.failed", self.sequence + 1, |out| {
            push_member(out, "response", &failed);
        });
        out.extend_from_slice(b"\n\n");
        Bytes::from(out)
    }

    /// Writes an event about the item at hand.
    fn of_item(&mut self, kind: &str, tokens: Option<u64>, item: &Value) {
        let at = self.item;
        self.event(kind, tokens, |out| {
            push_member(out, "output_index", &at);
            push_member(out, "item", item);
        });
    }

    /// Writes an event about a part of the item of this id: its index has that name, and it has one more member.
    fn of_part(
        &mut self,
        kind: &str,
        tokens: Option<u64>,
        (id, index): (&str, Option<&str>),
        members: &[(&str, &Value)],
    ) {
        let at = self.item;
        self.event(kind, tokens, |out| {
            push_member(out, "item_id", &id);
            push_member(out, "output_index", &at);
            if let Some(index) = index {
                push_member(out, index, &0);
            }
            for (name, value) in members {
                push_member(out, name, value);
            }
        });
    }

    fn reasoning(&mut self, thought: &Thought, reasoning: Reasoning) {
        let id = self.frame.item_id("rs", self.item);
        self.of_item("response.output_item.added", None, &reasoning_item(&id, thought, reasoning, false));
        let part = (id.as_str(), Some("summary_index"));
        if reasoning.summary {
            let empty = summary_part("");
            let whole = summary_part(&thought.text);
            let text = Value::from(thought.text.as_str());
            self.of_part("response.reasoning_summary_part.added", None, part, &[("part", &empty)]);
            for (piece, tokens) in counted(Split::Tokens.pieces(&thought.text)) {
                let delta = [("delta", &Value::from(piece))];
                self.of_part("response.reasoning_summary_text.delta", Some(tokens), part, &delta);
            }
            self.of_part("response.reasoning_summary_text.done", None, part, &[("text", &text)]);
            self.of_part("response.reasoning_summary_part.done", None, part, &[("part", &whole)]);
        }
        let hidden = if reasoning.summary { None } else { Some(thought.tokens()) };
        self.of_item("response.output_item.done", hidden, &reasoning_item(&id, thought, reasoning, true));
        self.item += 1;
    }

    fn message(&mut self, text: &str) {
        let frame = self.frame;
        let id = frame.item_id("msg", self.item);
        let part = (id.as_str(), Some("content_index"));
        self.of_item("response.output_item.added", None, &message_item(&id, "in_progress", Vec::new()));
        self.of_part("response.content_part.added", None, part, &[("part", &text_part(""))]);
        let none = Value::Array(Vec::new());
        for (piece, tokens) in counted(frame.choice.pieces(text)) {
            let delta = [("delta", &Value::from(piece)), ("logprobs", &none)];
            self.of_part("response.output_text.delta", Some(tokens), part, &delta);
        }
        let whole = [("text", &Value::from(text)), ("logprobs", &none)];
        self.of_part("response.output_text.done", None, part, &whole);
        self.of_part("response.content_part.done", None, part, &[("part", &text_part(text))]);
        let item = message_item(&id, frame.status(), vec![text_part(text)]);
        self.of_item("response.output_item.done", None, &item);
        self.item += 1;
    }

    fn call(&mut self, call: &ToolCall) {
        let frame = self.frame;
        let id = frame.item_id("fc", self.item);
        let name = Some(tokens::count(&call.name));
        self.of_item("response.output_item.added", name, &call_item(&id, call, "in_progress", ""));
        for (piece, tokens) in counted(frame.choice.pieces(&call.arguments)) {
            let delta = [("delta", &Value::from(piece))];
            self.of_part("response.function_call_arguments.delta", Some(tokens), (&id, None), &delta);
        }
        let whole = [("arguments", &Value::from(call.arguments.as_str()))];
        self.of_part("response.function_call_arguments.done", None, (&id, None), &whole);
        self.of_item("response.output_item.done", None, &call_item(&id, call, "completed", &call.arguments));
        self.item += 1;
    }
}

fn message_item(id: &str, status: &str, content: Vec<Value>) -> Value {
    json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

fn call_item(id: &str, call: &ToolCall, status: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function_call", "status": status, "arguments": arguments, "call_id": call.id,
        "name": call.name})
}

fn summary_part(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

/// A reasoning item, complete or as it begins.
fn reasoning_item(id: &str, thought: &Thought, reasoning: Reasoning, complete: bool) -> Value {
    let summary = if complete && reasoning.summary { vec![summary_part(&thought.text)] } else { Vec::new() };
    let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
    if let Some(item) = item.as_object_mut().filter(|_| complete && reasoning.encrypted) {
        item.insert("encrypted_content".to_owned(), Value::from(thought.data()));
    }
    item
}

/// Appends an event without the empty line that ends it.
fn push_event(out: &mut Vec<u8>, kind: &str, sequence: u64, members: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: {\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"sequence_number\":");
    push_number(out, sequence);
    members(out);
    out.push(b'}');
}

fn push_member(out: &mut Vec<u8>, name: &str, value: &impl serde::Serialize) {
    out.push(b',');
    push_string(out, name);
    out.push(b':');
    push_value(out, value);
}
