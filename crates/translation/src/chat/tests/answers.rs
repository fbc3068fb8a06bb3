//! Answers, read and written back.

use serde_json::json;

use super::{document, envelope, json};
use crate::chat::{read_answer, write_answer};
use crate::reply::Stop;

fn back(answer: &serde_json::Value) -> serde_json::Value {
    let document = document(&answer.to_string());
    json(&write_answer(&read_answer(&document).unwrap(), &envelope(false)))
}

#[test]
fn an_answer_is_what_it_was() {
    let answer = json!({
        "id":"chatcmpl-1","object":"chat.completion","created":5,"model":"m",
        "choices":[
            {"index":0,"message":{"role":"assistant","content":"a\u{7}\"ü","refusal":null,"reasoning_content":"hm"},
             "logprobs":null,"finish_reason":"length"},
            {"index":1,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[
                {"id":"c","type":"function","function":{"name":"f","arguments":"{ \"x\":1}"}}]},
             "logprobs":null,"finish_reason":"tool_calls"},
            {"index":2,"message":{"role":"assistant","content":null,"refusal":"No."},
             "logprobs":null,"finish_reason":"content_filter"}
        ],
        "usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,
            "prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":1},
            "completion_tokens_details":{"reasoning_tokens":2}}
    });
    assert_eq!(back(&answer), answer);
}

#[test]
fn content_in_a_list_is_thoughts_and_text() {
    let content = json!([
        {"type":"thinking","thinking":[{"type":"text","text":"hm"},{"type":"reference","reference_ids":[1]}]},
        {"type":"thinking","thinking":"so"},
        {"type":"text","text":"a"},
        {"type":"reference","reference_ids":[1]},
        {"type":"text","text":"b"},
    ]);
    let answer = back(&json!({"choices":[{"message":{"content":content},"finish_reason":"stop"}]}));
    let message = &answer["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("ab"), &json!("hmso")));
}

#[test]
fn what_the_provider_does_not_say_is_the_envelopes() {
    let answer = back(&json!({"choices":[{"message":{"content":""},"finish_reason":"stop"}]}));
    let expected = json!({
        "id":"chatcmpl-own","object":"chat.completion","created":1_700_000_000,"model":"public",
        "choices":[{"index":0,"message":{"role":"assistant","content":"","refusal":null},
            "logprobs":null,"finish_reason":"stop"}]
    });
    assert_eq!(answer, expected);
}

#[test]
fn an_answer_that_was_forced_to_call_ends_with_the_call() {
    let answer = json!({"id":"r-1","choices":[{"index":0,"finish_reason":"stop","message":{"content":null,
        "tool_calls":[{"type":"function","function":{"name":"f","arguments":""}}]}}]});
    let document = document(&answer.to_string());
    let read = read_answer(&document).unwrap();
    assert_eq!(read.choices[0].stop, Stop::ToolUse);
    let written = back(&answer);
    let id = written["choices"][0]["message"]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("call_"), "{id}");
}

#[test]
fn choices_are_in_the_order_of_their_numbers() {
    let choice =
        |index: u64, text: &str| json!({"index":index,"message":{"content":text},"finish_reason":"stop"});
    let written = back(&json!({"choices":[choice(1, "b"), choice(0, "a")]}));
    assert_eq!(written["choices"][0]["message"]["content"], "a");
    assert_eq!(written["choices"][1]["message"]["content"], "b");
}

#[test]
fn what_is_no_answer_is_none() {
    for text in ["[]", "{}", r#"{"choices":{}}"#, r#"{"choices":[{}]}"#, r#"{"error":{"message":"m"}}"#] {
        assert!(read_answer(&document(text)).is_none(), "{text}");
    }
}
