//! Any JSON, and bodies that are almost right: refused or read, never worse.

use bytes::Bytes;
use flyball_core::json::Document;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{LIMITS, envelope, pass_document};
use crate::chat::{read_answer, write_answer};
use crate::events::Events;
use crate::{Dialect, chat::fields};

/// Any JSON, with names that readers look for.
fn any_json() -> impl Strategy<Value = Json> {
    const NAMES: [&str; 24] = [
        "messages",
        "role",
        "content",
        "type",
        "text",
        "tools",
        "function",
        "name",
        "arguments",
        "tool_calls",
        "id",
        "index",
        "choices",
        "delta",
        "message",
        "finish_reason",
        "usage",
        "image_url",
        "url",
        "stop",
        "user",
        "tool_call_id",
        "response_format",
        "prompt",
    ];
    const WORDS: [&str; 12] = [
        "user",
        "assistant",
        "tool",
        "system",
        "function",
        "text",
        "image_url",
        "data:a;base64,",
        "",
        "stop",
        "x",
        "tool_calls",
    ];
    let name = proptest::sample::select(&NAMES[..]).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        proptest::sample::select(&WORDS[..]).prop_map(Json::from),
        "\\PC{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            proptest::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// Everything that takes a document takes this one.
fn take(text: &str) {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let Ok(document) = Document::parse(bytes.clone(), LIMITS) else { return };
    if let Ok((body, _)) = pass_document(&document) {
        serde_json::from_slice::<Json>(&body).unwrap();
    }
    if let Some(answer) = read_answer(&document) {
        serde_json::from_slice::<Json>(&write_answer(&answer, &envelope(true))).unwrap();
    }
    let wanted = crate::Wanted { model: "m", max_output_tokens: 10 };
    if let Ok(done) = crate::request(Dialect::Completions, &document, Dialect::Chat, wanted) {
        serde_json::from_slice::<Json>(&done.body).unwrap();
    }
    for to in [Dialect::Chat, Dialect::Completions] {
        let mut events = Events::new(Dialect::Chat, to, envelope(true)).unwrap();
        let mut out = Vec::new();
        for _ in 0..2 {
            if events.event(None, &bytes, &mut out).is_err() {
                break;
            }
        }
        events.end_of_body(&mut out);
        for written in out.iter().filter(|written| written.data != "[DONE]") {
            serde_json::from_slice::<Json>(&written.data).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn any_json_is_taken_or_refused(value in any_json()) {
        take(&value.to_string());
        let mut members = json!({"model":"m","prompt":"a","messages":[{"role":"user","content":"a"}]});
        if let Json::Object(more) = value {
            members.as_object_mut().unwrap().extend(more);
        }
        take(&members.to_string());
    }

    #[test]
    fn bodies_that_were_tampered_with_are_taken_or_refused(
        field in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let all: Vec<_> = fields::REQUEST.iter().chain(fields::ANSWER).collect();
        let (key, value) = all[field.index(all.len())].example;
        let messages = if key == "messages" { "" } else { r#""messages":[],"# };
        let mut body = format!(r#"{{{messages}"{key}":{value}}}"#).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(text) = String::from_utf8(body) {
            take(&text);
        }
    }
}
