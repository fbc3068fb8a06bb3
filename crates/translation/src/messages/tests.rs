//! Tests of messages: what readers make of a caller's or provider's bytes, and what writers make of what is meant.

mod answers;
mod conversations;
mod events;
mod lists;
mod requests_in;
mod requests_out;
mod robust;

use bytes::Bytes;
use flyball_core::Document;
use flyball_core::json::Limits;
use serde_json::{Value, json};

use crate::conversation::{Part, Request, Speaker, ToolCall, ToolResult, Turn};
use crate::gate::Gate;
use crate::{Dialect, Envelope, Untranslatable, Wanted};

const WANTED: Wanted<'static> = Wanted { model: "m", max_output_tokens: 4096 };

fn document(value: &Value) -> Document {
    Document::parse(Bytes::from(value.to_string()), Limits::default()).unwrap()
}

/// A body with these members beside, or instead of, those that there must be.
fn body(members: &Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "Hi"}]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn envelope() -> Envelope {
    Envelope { id: "msg_e".to_owned(), model: "public".to_owned(), ..Envelope::default() }
}

/// Messages on both sides: what the reader lets pass is what the writer knows.
fn gate() -> Gate {
    Gate::new(Dialect::Messages, Dialect::Messages)
}

fn write(request: &Request<'_>) -> Result<(Value, Vec<String>), Untranslatable> {
    let mut gate = gate();
    let body = super::write_request(request, WANTED, &mut gate)?;
    Ok((serde_json::from_slice(&body).unwrap(), gate.into_dropped()))
}

fn turn(speaker: Speaker, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn { speaker, path: "messages[7]".to_owned(), parts }
}

fn text(text: &'static str) -> Part<'static> {
    Part::Text(text.into())
}

fn call(id: &'static str, arguments: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall { id: id.into(), name: "look".into(), arguments: arguments.into() })
}

fn result(id: &'static str, said: &'static str) -> Part<'static> {
    Part::ToolResult(ToolResult { id: id.into(), parts: vec![text(said)], error: false })
}

fn said(turns: Vec<Turn<'static>>) -> Request<'static> {
    Request { turns, ..Request::default() }
}
