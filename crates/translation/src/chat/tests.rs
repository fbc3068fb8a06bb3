//! What chat reads and writes, seen through its own reader and writer: requests, answers, events, and that nothing
//! makes them fail otherwise than by a refusal.

mod answers;
mod arbitrary;
mod conversations;
mod events;
mod requests;

use bytes::Bytes;
use flyball_core::json::{Document, Limits};
use serde_json::Value as Json;

use crate::gate::Gate;
use crate::{Dialect, Envelope, Untranslatable, Wanted};

pub(super) const LIMITS: Limits = Limits { depth: 64, nodes: 100_000 };

pub(super) fn document(text: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(text.as_bytes()), LIMITS).unwrap()
}

pub(super) fn json(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).unwrap()
}

/// Reads a chat request and writes it as chat; with what was left out.
pub(super) fn pass(body: &str) -> Result<(Vec<u8>, Vec<String>), Untranslatable> {
    pass_document(&document(body))
}

pub(super) fn pass_document(document: &Document) -> Result<(Vec<u8>, Vec<String>), Untranslatable> {
    let mut gate = Gate::new(Dialect::Chat, Dialect::Chat);
    let request = super::read_request(document, &mut gate)?;
    let wanted = Wanted { model: "m", max_output_tokens: 1000 };
    let body = super::write_request(&request, wanted, &mut gate)?;
    Ok((body, gate.into_dropped()))
}

/// What a body with these members becomes.
pub(super) fn passed(members: &str) -> (Json, Vec<String>) {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Hello"}}],{members}}}"#);
    let (body, dropped) = pass(&body).unwrap();
    (json(&body), dropped)
}

/// What a conversation of these messages becomes.
pub(super) fn said(messages: &str) -> (Json, Vec<String>) {
    let (body, dropped) = pass(&format!(r#"{{"model":"m","messages":[{messages}]}}"#)).unwrap();
    (json(&body)["messages"].clone(), dropped)
}

pub(super) fn refused(body: &str) -> String {
    pass(body).unwrap_err().field
}

pub(super) fn envelope(stream_usage: bool) -> Envelope {
    Envelope {
        id: "chatcmpl-own".into(),
        created: 1_700_000_000,
        model: "public".into(),
        echo: String::new(),
        stream_usage,
    }
}
