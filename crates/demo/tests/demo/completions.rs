//! OpenAI's legacy completions.

use crate::support::{body, chunks, document, error, events, post, sends, with};
use flyball_demo::{DemoAnswer, Step};
use proptest::prelude::*;
use serde_json::{Value, json};

const COMPLETIONS: &str = "/v1/completions";

fn asked(prompt: &str) -> Value {
    json!({"model": "demo", "prompt": prompt, "max_tokens": 1000})
}

fn plain(request: &Value) -> Value {
    let answer = post(COMPLETIONS, request);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&body(&answer)));
    document(&answer)
}

fn streamed(request: &Value) -> Value {
    with(request.clone(), json!({"stream": true}))
}

fn scripted(script: &str) -> DemoAnswer {
    post(COMPLETIONS, &streamed(&with(asked("hi"), json!({"model": format!("sim:{script}")}))))
}

/// What the chunks say for one of the answers.
fn text(chunks: &[Value], index: u64) -> String {
    let choices = chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap());
    choices.filter(|choice| choice["index"] == index).filter_map(|choice| choice["text"].as_str()).collect()
}

fn total(answer: &DemoAnswer) -> (u64, u64) {
    (answer.counted.input, answer.counted.output.last().copied().unwrap_or(0))
}

#[test]
fn a_plain_answer_has_its_text_its_reason_and_its_usage() {
    let answer = post(COMPLETIONS, &asked("say exactly: one two three"));
    let said = document(&answer);
    assert_eq!(said["object"], "text_completion");
    assert!(said["id"].as_str().unwrap().starts_with("cmpl-"));
    let expected = json!({"text": "one two three", "index": 0, "logprobs": null, "finish_reason": "stop"});
    assert_eq!(said["choices"], json!([expected]));
    let (input, output) = total(&answer);
    assert_eq!(
        said["usage"],
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
    );
    assert_eq!(output, 3);
}

#[test]
fn sixteen_tokens_are_the_limit_unless_another_is_set() {
    let mut request = asked("count to 100");
    request.as_object_mut().unwrap().remove("max_tokens");
    let said = plain(&request);
    assert_eq!(said["choices"][0]["finish_reason"], "length");
    assert_eq!(said["usage"]["completion_tokens"], 16);
    let said = plain(&with(request, json!({"max_tokens": 0, "echo": true})));
    assert_eq!(said["choices"][0]["text"], "count to 100");
    assert_eq!(said["usage"]["completion_tokens"], 0);
}

#[test]
fn each_prompt_gets_its_answers_in_order() {
    let prompts = json!({"prompt": ["say exactly: a", "invent a customer record"], "n": 2});
    let request = with(asked(""), prompts);
    let said = plain(&request);
    let texts: Vec<_> =
        said["choices"].as_array().unwrap().iter().map(|choice| choice["text"].as_str().unwrap()).collect();
    assert_eq!(texts[..2], ["a", "a"]);
    assert_ne!(texts[2], texts[3]);
    let chunks = chunks(&post(COMPLETIONS, &streamed(&request)));
    for (index, expected) in texts.iter().enumerate() {
        assert_eq!(&text(&chunks, u64::try_from(index).unwrap()), expected);
    }
}

#[test]
fn tokens_are_taken_and_counted() {
    let none = plain(&with(asked(""), json!({"prompt": ""})))["usage"]["prompt_tokens"].as_u64().unwrap();
    let one = plain(&with(asked(""), json!({"prompt": [1, 2, 3]})));
    assert_eq!(one["usage"]["prompt_tokens"], none + 3);
    let two = plain(&with(asked(""), json!({"prompt": [[1, 2, 3], [4]]})));
    assert_eq!(two["usage"]["prompt_tokens"], 2 * none + 4);
    assert_eq!(two["choices"].as_array().unwrap().len(), 2);
}

#[test]
fn echo_repeats_the_prompt_and_stop_ends_the_text() {
    let request = with(asked("say exactly: one two"), json!({"echo": true, "stop": " two"}));
    let said = plain(&request);
    assert_eq!(said["choices"][0]["text"], "say exactly: one twoone");
    assert_eq!(said["choices"][0]["finish_reason"], "stop");
    assert_eq!(said["usage"]["completion_tokens"], 1);
    let chunks = chunks(&post(COMPLETIONS, &streamed(&request)));
    assert_eq!(text(&chunks, 0), "say exactly: one twoone");
}

#[test]
fn log_probabilities_describe_the_text() {
    let request = with(asked("say exactly: one two"), json!({"logprobs": 2, "echo": true}));
    let said = plain(&request);
    let logprobs = &said["choices"][0]["logprobs"];
    let tokens: Vec<_> =
        logprobs["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect();
    assert_eq!(tokens.concat(), said["choices"][0]["text"]);
    for list in ["token_logprobs", "top_logprobs", "text_offset"] {
        assert_eq!(logprobs[list].as_array().unwrap().len(), tokens.len());
    }
    assert!(logprobs["token_logprobs"][0].is_null());
    assert_eq!(logprobs["top_logprobs"][1].as_object().unwrap().len(), 2);
    assert_eq!(logprobs["top_logprobs"][1][tokens[1]], logprobs["token_logprobs"][1]);
    let chunks = chunks(&post(COMPLETIONS, &streamed(&request)));
    let offsets: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["logprobs"]["text_offset"].as_array().cloned())
        .flatten()
        .collect();
    assert_eq!(Value::Array(offsets), logprobs["text_offset"]);
}

#[test]
fn a_stream_reports_usage_where_it_is_asked_to() {
    let asking = json!({"stream": true, "stream_options": {"include_usage": true}});
    let answer = post(COMPLETIONS, &with(asked("count to 9"), asking));
    let chunks = chunks(&answer);
    let (last, others) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], total(&answer).1);
    assert_eq!(last["usage"]["prompt_tokens"], total(&answer).0);
    assert!(others.iter().all(|chunk| chunk["usage"].is_null() && chunk["object"] == "text_completion"));
}

#[test]
fn a_wrong_field_is_named() {
    let cases = [
        (json!({"prompt": "hi"}), "model"),
        (json!({"model": "demo"}), "prompt"),
        (with(asked("hi"), json!({"prompt": []})), "prompt"),
        (with(asked("hi"), json!({"prompt": 5})), "prompt"),
        (with(asked("hi"), json!({"max_tokens": -1})), "max_tokens"),
        (with(asked("hi"), json!({"n": 0})), "n"),
        (with(asked("hi"), json!({"n": 3, "best_of": 2})), "best_of"),
        (with(asked("hi"), json!({"best_of": 2, "stream": true})), "best_of"),
        (with(asked("hi"), json!({"logprobs": 6})), "logprobs"),
        (with(asked("hi"), json!({"logprobs": true})), "logprobs"),
        (with(asked("hi"), json!({"stop": ["a", "b", "c", "d", "e"]})), "stop"),
        (with(asked("hi"), json!({"suffix": 5})), "suffix"),
        (with(asked("hi"), json!({"echo": "yes"})), "echo"),
        (with(asked("hi"), json!({"temperature": 3})), "temperature"),
        (with(asked("hi"), json!({"top_p": 1.5})), "top_p"),
        (with(asked("hi"), json!({"frequency_penalty": -3})), "frequency_penalty"),
        (with(asked("hi"), json!({"stream_options": {"include_usage": true}})), "stream_options"),
    ];
    for (request, param) in cases {
        let answer = post(COMPLETIONS, &request);
        assert_eq!(answer.status, 400, "{request}");
        assert_eq!(error(&answer)["param"], param, "{request}");
    }
    assert_eq!(post(COMPLETIONS, &with(asked("hi"), json!({"model": "davinci"}))).status, 404);
}

#[test]
fn every_fault_has_its_form() {
    assert_eq!(sends(&scripted("chunks=5,cut=0")).len(), 0);
    let cut = scripted("chunks=5,cut=2");
    assert_eq!((sends(&cut).len(), cut.steps.last()), (2, Some(&Step::Cut)));
    assert_eq!(sends(&scripted("chunks=5,hang=3")).len(), 3);
    let failed = events(&scripted("chunks=5,error_event=1"));
    assert_eq!(failed.len(), 2);
    assert!(serde_json::from_str::<Value>(&failed[1]).unwrap()["error"]["message"].is_string());
    let broken = events(&scripted("chunks=2,malformed=1"));
    assert!(serde_json::from_str::<Value>(&broken[1]).is_err());
    assert!(!events(&scripted("no_done")).contains(&"[DONE]".to_owned()));
    assert_eq!(document(&scripted("ignore_stream,text=x"))["choices"][0]["text"], "x");
    assert!(document(&scripted("ignore_stream,no_usage")).get("usage").is_none());
    assert_eq!(text(&chunks(&scripted("text=abc,raw_split=5")), 0), "abc");
    let answer = scripted("status=429,retry_after=2");
    assert_eq!(answer.status, 429);
    assert_eq!(error(&answer)["code"], "rate_limit_exceeded");
    let steered = with(asked("sim: text=abc\nhi"), json!({"model": "sim"}));
    assert_eq!(plain(&steered)["choices"][0]["text"], "abc");
    let azure = json!({"prompt": "say exactly: hello"});
    assert_eq!(
        document(&post("/openai/deployments/demo/completions", &azure))["choices"][0]["text"],
        "hello"
    );
}

proptest! {
    #[test]
    fn a_stream_joins_to_the_plain_answer(prompt in "\\PC{0,80}", limit in 0u64..40, echo in any::<bool>()) {
        let request = with(asked(&prompt), json!({"max_tokens": limit, "echo": echo}));
        let said = plain(&request);
        let answer = post(COMPLETIONS, &streamed(&request));
        let expected = said["choices"][0]["text"].as_str().unwrap();
        prop_assert_eq!(text(&chunks(&answer), 0), expected);
        prop_assert_eq!(&said["usage"]["completion_tokens"], total(&answer).1);
    }
}
