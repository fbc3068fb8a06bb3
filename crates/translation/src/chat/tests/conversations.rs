//! Random conversations, written and read back.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{json, pass};

/// One message or, for calls, an answer and its results.
fn exchange() -> impl Strategy<Value = Vec<Json>> {
    let text = "\\PC{1,12}";
    prop_oneof![
        text.prop_map(|said| vec![json!({"role":"user","content":said})]),
        text.prop_map(|said| vec![json!({"role":"assistant","content":said})]),
        text.prop_map(|said| vec![json!({"role":"assistant","content":null,"refusal":said})]),
        (text, text).prop_map(|(said, more)| {
            let image = json!({"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}});
            let parts = json!([{"type":"text","text":said}, image, {"type":"text","text":more}]);
            vec![json!({"role":"user","content":parts})]
        }),
        proptest::collection::vec((text, text), 1..4).prop_map(|calls| {
            let call = |(index, (argument, _)): (usize, &(String, String))| {
                let arguments = json!({"a":argument}).to_string();
                json!({"id":format!("c{index}"),"type":"function",
                    "function":{"name":"f","arguments":arguments}})
            };
            let asked: Vec<Json> = calls.iter().enumerate().map(call).collect();
            let result = |(index, (_, said)): (usize, &(String, String))| {
                json!({"role":"tool","tool_call_id":format!("c{index}"),"content":said})
            };
            let mut messages = vec![json!({"role":"assistant","tool_calls":asked})];
            messages.extend(calls.iter().enumerate().map(result));
            messages
        }),
    ]
}

fn conversation() -> impl Strategy<Value = Vec<Json>> {
    proptest::collection::vec(exchange(), 0..6).prop_map(|exchanges| {
        let mut messages =
            vec![json!({"role":"system","content":"Be brief."}), json!({"role":"user","content":"q"})];
        messages.extend(exchanges.into_iter().flatten());
        messages
    })
}

fn written(messages: &[Json]) -> Vec<u8> {
    pass(&json!({"model":"m","messages":messages}).to_string()).unwrap().0
}

proptest! {
    #[test]
    fn a_conversation_is_read_as_it_was_written(messages in conversation()) {
        let body = written(&messages);
        prop_assert_eq!(&json(&body)["messages"], &Json::Array(messages.clone()));
        prop_assert_eq!(&body, &written(&messages), "the same bytes each time");
    }

    #[test]
    fn what_was_said_before_stays_as_it_was(messages in conversation(), cut in any::<prop::sample::Index>()) {
        let shorter = &messages[..1 + cut.index(messages.len() - 1)];
        let (before, after) = (written(shorter), written(&messages));
        let before = before.strip_suffix(b"]}").unwrap();
        prop_assert!(after.starts_with(before));
    }
}
