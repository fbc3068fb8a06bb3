//! The lists of fields bind the code: each field of a request passes the gate as what its list says it means, and
//! what is meant stands where the list says.

use std::cell::Cell;

use super::*;
use crate::fields::{Fate, Meaning};
use crate::messages::fields::{ANSWER, REQUEST, answer_fate, request_fate};

thread_local! {
    /// What the dialect at the other end does with one meaning; it carries all others.
    static ODD: Cell<Option<(Meaning, Fate)>> = const { Cell::new(None) };
}

fn fates(meaning: Meaning) -> Fate {
    match ODD.get() {
        Some((odd, fate)) if odd == meaning => fate,
        _ => Fate::Carried(""),
    }
}

/// Reads the example of a field towards a dialect that does this with what it means: what was left out.
fn read(field: &crate::fields::Field, fate: Fate) -> Result<Vec<String>, Untranslatable> {
    ODD.set(Some((field.meaning, fate)));
    let (key, value) = field.example;
    let document = document(&body(&json!({key: serde_json::from_str::<Value>(value).unwrap()})));
    let mut gate = Gate::with_fates(Dialect::Messages, Dialect::Chat, fates);
    super::super::read_request(&document, &mut gate)?;
    Ok(gate.into_dropped())
}

/// Whether something stands at a path of a list: `a[].b.c`.
fn stands(value: &Value, path: &str) -> bool {
    let Some((step, rest)) = path.split_once('.').or((!path.is_empty()).then_some((path, ""))) else {
        return true;
    };
    match step.strip_suffix("[]") {
        Some(step) => value[step].as_array().is_some_and(|items| items.iter().any(|item| stands(item, rest))),
        None => value.get(step).is_some_and(|value| !value.is_null() && stands(value, rest)),
    }
}

#[test]
fn every_field_is_refused_or_left_out_by_name_as_its_meaning_is() {
    for field in REQUEST.iter().filter(|field| field.meaning != Meaning::Model) {
        let key = field.example.0;
        let neutral = field.neutral.contains(&field.example.1);
        match read(field, Fate::Refused) {
            Err(refused) => assert!(refused.field.starts_with(key), "{}: {}", field.name, refused.field),
            Ok(dropped) => {
                assert!(neutral && dropped.iter().any(|path| path.starts_with(key)), "{}", field.name);
            }
        }
        let dropped = read(field, Fate::Dropped).unwrap();
        assert!(dropped.iter().any(|path| path.starts_with(key)), "{}: {dropped:?}", field.name);
    }
}

#[test]
fn every_field_that_messages_has_stands_where_the_list_says() {
    for field in REQUEST {
        let (key, value) = field.example;
        // Without tools there is no choice among them.
        let tools = json!([{"name": "look", "input_schema": {"type": "object"}}]);
        let document =
            document(&body(&json!({"tools": tools, key: serde_json::from_str::<Value>(value).unwrap()})));
        let written = crate::request(Dialect::Messages, &document, Dialect::Messages, WANTED);
        match request_fate(field.meaning) {
            Fate::Carried(path) | Fate::Converted(path, _) => {
                let body: Value = serde_json::from_slice(&written.unwrap().body).unwrap();
                assert!(stands(&body, path), "{}: {path} in {body}", field.name);
            }
            Fate::Dropped => {
                let dropped = written.unwrap().dropped;
                assert!(dropped.iter().any(|path| path.starts_with(key)), "{}", field.name);
            }
            Fate::Refused => assert!(written.unwrap_err().field.starts_with(key), "{}", field.name),
        }
    }
}

#[test]
fn every_field_of_an_answer_stands_where_the_list_says() {
    for field in ANSWER {
        let (key, value) = field.example;
        let mut answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": "Hi"}], "stop_reason": "refusal", "stop_sequence": null,
            "usage": {"input_tokens": 1, "output_tokens": 1}});
        answer[key] = serde_json::from_str(value).unwrap();
        let written =
            crate::answer(Dialect::Messages, &document(&answer), Dialect::Messages, &envelope()).unwrap();
        let written: Value = serde_json::from_slice(&written.body).unwrap();
        if let Fate::Carried(path) | Fate::Converted(path, _) = answer_fate(field.meaning) {
            assert!(stands(&written, path), "{}: {path} in {written}", field.name);
        }
    }
}
