//! Nothing that is JSON makes a reader or writer panic, and what a request says is either read or refused by name.

use proptest::prelude::*;

use super::*;
use crate::messages::fields::{ANSWER, REQUEST};
use crate::messages::{EventReader, EventWriter};

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(vec![
            "text",
            "tool_use",
            "tool_result",
            "image",
            "user",
            "assistant",
            "enabled"
        ])
        .prop_map(Value::from),
    ];
    let key = prop_oneof![
        proptest::sample::select(vec![
            "type",
            "text",
            "content",
            "source",
            "id",
            "name",
            "input",
            "tool_use_id",
            "role",
            "index",
            "delta",
            "content_block",
            "usage",
            "message",
            "stop_reason",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Puts `new` in the place of the value that is number `at` in the order of the text.
fn replace(value: &mut Value, at: &mut usize, new: &Value) {
    if *at == 0 {
        *value = new.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, at, new)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, at, new)),
        _ => {}
    }
}

fn every_way(value: &Value) {
    let Ok(document) = Document::parse(Bytes::from(value.to_string()), Limits::default()) else { return };
    if let Ok(request) = super::super::read_request(&document, &mut gate()) {
        let _ = super::super::write_request(&request, WANTED, &mut gate());
    }
    if let Some(answer) = super::super::read_answer(&document) {
        let written = super::super::write_answer(&answer, &envelope());
        assert!(serde_json::from_slice::<Value>(&written).is_ok());
    }
    let mut reader = EventReader::default();
    let mut writer = EventWriter::new(envelope());
    for _ in 0..3 {
        let (mut events, mut out) = (Vec::new(), Vec::new());
        let _ = reader.read(&document, &mut events);
        events.iter().for_each(|event| writer.write(event, &mut out));
        assert!(out.iter().all(|event| serde_json::from_slice::<Value>(&event.data).is_ok()));
    }
}

proptest! {
    #[test]
    fn any_json_is_taken_without_a_panic(value in json()) {
        every_way(&value);
    }

    #[test]
    fn bodies_with_something_else_in_one_place_are_taken_without_a_panic(
        example in 0..REQUEST.len() + ANSWER.len(), at in 0..40_usize, new in json(),
    ) {
        let (key, value) = REQUEST.iter().chain(ANSWER).nth(example).unwrap().example;
        let mut body = body(&json!({key: serde_json::from_str::<Value>(value).unwrap()}));
        replace(&mut body, &mut { at }, &new);
        every_way(&body);
    }

    #[test]
    fn a_member_that_no_list_has_is_refused_by_its_name(
        example in 0..REQUEST.len(), at in 0..40_usize, new in json().prop_filter("null", |new| !new.is_null()),
    ) {
        let (key, value) = REQUEST[example].example;
        let mut body = body(&json!({key: serde_json::from_str::<Value>(value).unwrap()}));
        if !insert(&mut body, &mut { at }, &new) {
            return Ok(());
        }
        let document = Document::parse(Bytes::from(body.to_string()), Limits::default()).unwrap();
        let carrying = |_| crate::fields::Fate::Carried("");
        let mut gate = Gate::with_fates(Dialect::Messages, Dialect::Chat, carrying);
        let read = super::super::read_request(&document, &mut gate);
        prop_assert!(read.is_err(), "{body} is read as {:?}", read);
    }
}

/// Puts a member that nobody knows into an object where members are told apart: the root, messages, blocks, sources,
/// tools. False when the walk of this length ends elsewhere.
fn insert(body: &mut Value, at: &mut usize, new: &Value) -> bool {
    let mut objects = vec![vec![]];
    for (list, value) in [("messages", &body["messages"]), ("tools", &body["tools"])] {
        for index in 0..value.as_array().map_or(0, Vec::len) {
            objects.push(vec![list.to_owned(), index.to_string()]);
            let blocks = value[index]["content"].as_array();
            for block in 0..blocks.map_or(0, Vec::len) {
                let path = |more: &[&str]| {
                    [&[list, &index.to_string(), "content", &block.to_string()], more]
                        .concat()
                        .iter()
                        .map(|step| (*step).to_owned())
                        .collect::<Vec<_>>()
                };
                let kind = &blocks.unwrap()[block]["type"];
                // What is sealed is not looked into.
                if kind != "redacted_thinking" {
                    objects.push(path(&[]));
                }
                if kind == "image" || kind == "document" {
                    objects.push(path(&["source"]));
                }
            }
        }
    }
    let Some(path) = objects.get(*at) else { return false };
    let pointer: String = path.iter().map(|step| format!("/{step}")).collect();
    body.pointer_mut(&pointer).unwrap()["zz_novelty"] = new.clone();
    true
}
