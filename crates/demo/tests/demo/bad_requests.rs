//! Bad requests: each gets its status and names the field at fault, whatever the bytes.

use crate::support::*;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_wrong_field_is_named() {
    let cases: [(Value, &str); 20] = [
        (json!({"messages": []}), "model"),
        (json!({"model": "demo"}), "messages"),
        (json!({"model": "demo", "messages": []}), "messages"),
        (json!({"model": "demo", "messages": "hi"}), "messages"),
        (json!({"model": "demo", "messages": [{"content": "hi"}]}), "messages[0].role"),
        (json!({"model": "demo", "messages": [{"role": "user"}]}), "messages[0].content"),
        (json!({"model": "demo", "messages": [{"role": "king", "content": "hi"}]}), "messages[0].role"),
        (
            json!({"model": "demo", "messages": [{"role": "tool", "content": "hi"}]}),
            "messages[0].tool_call_id",
        ),
        (json!({"model": "demo", "messages": [{"role": "user", "content": 5}]}), "messages[0].content"),
        (with(chat("demo", "hi"), json!({"n": 0})), "n"),
        (with(chat("demo", "hi"), json!({"n": 129})), "n"),
        (with(chat("demo", "hi"), json!({"stream": "yes"})), "stream"),
        (with(chat("demo", "hi"), json!({"max_tokens": 0})), "max_tokens"),
        (with(chat("demo", "hi"), json!({"max_tokens": -1})), "max_tokens"),
        (with(chat("demo", "hi"), json!({"temperature": 3})), "temperature"),
        (with(chat("demo", "hi"), json!({"top_logprobs": 2})), "top_logprobs"),
        (with(chat("demo", "hi"), json!({"stop": ["a", "b", "c", "d", "e"]})), "stop"),
        (with(chat("demo", "hi"), json!({"stream_options": {"include_usage": true}})), "stream_options"),
        (with(chat("demo", "hi"), json!({"response_format": {"type": "yaml"}})), "response_format.type"),
        (with(chat("demo", "hi"), json!({"tools": [{"type": "function"}]})), "tools[0].function.name"),
    ];
    for (request, param) in cases {
        let answer = post(CHAT, &request);
        assert_eq!(answer.status, 400, "{request}");
        let error = error(&answer);
        assert_eq!(error["param"], param, "{request}");
        assert_eq!(error["type"], "invalid_request_error");
    }
}

#[test]
fn an_unknown_model_is_not_found() {
    for model in ["gpt-4o", "demonstration", "simulator", ""] {
        let answer = post(CHAT, &chat(model, "hi"));
        assert_eq!(answer.status, 404);
        assert_eq!(error(&answer)["code"], "model_not_found");
    }
}

#[test]
fn unknown_paths_and_methods_are_refused() {
    for path in
        ["/", "/v1/complete", "/v1/models/", "/openai/deployments/demo/images", "/openai/deployments/demo"]
    {
        assert_eq!(send("POST", path, b"{}").status, 404, "{path}");
    }
    assert_eq!(send("GET", CHAT, b"").status, 405);
    assert_eq!(send("POST", "/v1/models", b"").status, 405);
    error(&send("GET", CHAT, b""));
}

#[test]
fn bodies_that_are_no_request_are_refused() {
    let deep = [b"{\"model\":\"demo\",\"tools\":".to_vec(), vec![b'['; 100_000]].concat();
    let invalid_utf8 =
        b"{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}".to_vec();
    let twice = b"{\"model\":\"demo\",\"model\":\"demo\",\"messages\":[]}".to_vec();
    for body in [Vec::new(), b"{".to_vec(), b"[]".to_vec(), b"null".to_vec(), deep, invalid_utf8, twice] {
        let answer = send("POST", CHAT, &body);
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(&body));
        error(&answer);
    }
}

#[test]
fn an_error_does_not_repeat_the_callers_values() {
    let answer = post(CHAT, &with(chat("demo", "hi"), json!({"max_tokens": "SECRET-MARKER"})));
    assert_eq!(answer.status, 400);
    assert!(!String::from_utf8(body(&answer)).unwrap().contains("SECRET-MARKER"));
}

proptest! {
    #[test]
    fn any_prompt_gets_a_well_formed_answer(prompt in any::<String>()) {
        let answer = completion(&chat("demo", &prompt));
        prop_assert!(answer["choices"][0]["message"]["content"].is_string());
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(send("POST", CHAT, &bytes).status, 400);
    }
}
