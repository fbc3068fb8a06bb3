//! Answers: read, and written.

use std::borrow::Cow;

use super::*;
use crate::reply::{Answer, Choice, Part, Stop, Usage};

fn read(answer: &Value) -> Option<String> {
    let document = document(answer);
    super::super::read_answer(&document).map(|answer| format!("{answer:?}"))
}

fn written(answer: &Answer<'_>) -> Value {
    serde_json::from_slice(&super::super::write_answer(answer, &envelope())).unwrap()
}

fn one(parts: Vec<Part<'static>>, stop: Stop) -> Answer<'static> {
    Answer { choices: vec![Choice { parts, stop, stop_sequence: None }], ..Answer::default() }
}

#[test]
fn an_answer_is_read_with_what_other_dialects_can_say() {
    let answer = document(&json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "eA=="},
            {"type": "text", "text": "Look:"},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "tool_use", "id": "t", "name": "look", "input": {"at": [1, 2.50]}},
        ],
        "stop_reason": "stop_sequence", "stop_sequence": "END",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20,
                  "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}},
    }));
    let answer = super::super::read_answer(&answer).unwrap();
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("msg_1"), Some("claude")));
    let choice = &answer.choices[0];
    assert!(matches!(
        &choice.parts[..],
        [Part::Reasoning(thought), Part::Text(text), Part::ToolCall(call)]
            if thought == "Hm" && text == "Look:" && call.arguments.contains("2.5")
    ));
    assert_eq!((choice.stop, choice.stop_sequence.as_deref()), (Stop::StopSequence, Some("END")));
    assert_eq!(
        answer.usage,
        Some(Usage {
            input: Some(125),
            cached: Some(100),
            cache_write: Some(20),
            output: Some(9),
            reasoning: Some(4),
        })
    );
}

#[test]
fn what_is_no_answer_is_none() {
    for other in [json!({"type": "error", "error": {"type": "overloaded_error"}}), json!([]), json!("x")] {
        assert!(read(&other).is_none());
    }
}

#[test]
fn the_vendors_words_on_a_refusal_are_a_refusal() {
    let details = json!({"type": "refusal", "category": "cyber", "explanation": "Not this."});
    let mut answer = json!({"content": [], "stop_reason": "refusal", "stop_details": details});
    let read = |answer: &Value| {
        let document = document(answer);
        let mut answer = super::super::read_answer(&document).unwrap();
        let choice = answer.choices.remove(0);
        (format!("{:?}", choice.parts), choice.stop)
    };
    assert_eq!(read(&answer), ("[Refusal(\"Not this.\")]".to_owned(), Stop::Refusal));
    answer["stop_reason"] = json!("end_turn");
    assert_eq!(read(&answer), ("[]".to_owned(), Stop::End));
}

#[test]
fn what_the_provider_does_not_say_of_itself_the_envelope_does() {
    let body = written(&Answer::default());
    assert_eq!(
        body,
        json!({"id": "msg_e", "type": "message", "role": "assistant", "model": "public", "content": [],
            "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 0, "output_tokens": 0}})
    );
    let body = written(&Answer { id: Some("x".into()), model: Some("y".into()), ..Answer::default() });
    assert_eq!((&body["id"], &body["model"]), (&json!("x"), &json!("y")));
}

#[test]
fn a_refusal_in_words_is_a_text_and_the_reason_of_the_end() {
    let body = written(&one(vec![Part::Refusal("I will not.".into())], Stop::End));
    assert_eq!(body["content"], json!([{"type": "text", "text": "I will not."}]));
    assert_eq!(body["stop_reason"], "refusal");
}

#[test]
fn arguments_that_are_no_object_are_kept_as_text() {
    let body = |arguments: &'static str| {
        let call = ToolCall { id: "a.b".into(), name: "look".into(), arguments: arguments.into() };
        written(&one(vec![Part::ToolCall(call)], Stop::Length))["content"][0].clone()
    };
    assert_eq!(body(r#"{"a":1}"#)["input"], json!({"a": 1}));
    assert_eq!(body("")["input"], json!({}));
    assert_eq!(body("{\"a\":")["input"], json!({"arguments": "{\"a\":"}));
    assert_eq!(body("[1]")["input"], json!({"arguments": "[1]"}));
    // The caller's own id comes back to it as the provider gave it.
    assert_eq!(body("")["id"], "a.b");
}

#[test]
fn of_several_answers_the_first_is_written() {
    let answer = Answer {
        choices: vec![
            Choice { parts: vec![Part::Text("one".into())], ..Choice::default() },
            Choice { parts: vec![Part::Text("two".into())], ..Choice::default() },
        ],
        ..Answer::default()
    };
    assert_eq!(written(&answer)["content"], json!([{"type": "text", "text": "one"}]));
}

#[test]
fn unsigned_thinking_that_comes_back_is_known_as_such() {
    let body = written(&one(vec![Part::Reasoning("Hm".into())], Stop::End));
    let again = document(&super::body(
        &json!({"messages": [{"role": "assistant", "content": body["content"].clone()}]}),
    ));
    let mut gate = gate();
    let request = super::super::read_request(&again, &mut gate).unwrap();
    assert!(request.turns[0].parts.is_empty());
    assert_eq!(gate.into_dropped(), ["messages[0].content[0]"]);
    let keeping = |_| crate::fields::Fate::Carried("");
    let mut gate = Gate::with_fates(Dialect::Messages, Dialect::Chat, keeping);
    let request = super::super::read_request(&again, &mut gate).unwrap();
    assert!(matches!(
        &request.turns[0].parts[..],
        [crate::conversation::Part::Reasoning(Cow::Borrowed("Hm"))]
    ));
}
