//! Whole answers.

use serde_json::{Value, json};

use super::super::write_answer;
use super::envelope;
use crate::Envelope;
use crate::conversation::ToolCall;
use crate::reply::{Answer, Choice, Part, Stop, Usage};

fn answer(parts: Vec<Part<'static>>, stop: Stop) -> Answer<'static> {
    Answer {
        id: Some("chatcmpl-1".into()),
        model: Some("model-1".into()),
        created: Some(5),
        choices: vec![Choice { parts, stop, stop_sequence: None }],
        usage: Some(Usage {
            input: Some(10),
            cached: Some(4),
            cache_write: Some(2),
            output: Some(7),
            reasoning: Some(3),
        }),
    }
}

fn written(answer: &Answer<'_>, envelope: &Envelope) -> Value {
    serde_json::from_slice(&write_answer(answer, envelope)).unwrap()
}

#[test]
fn an_answer_is_a_response_with_an_item_for_each_kind_of_part() {
    let call = ToolCall { id: "c1".into(), name: "look".into(), arguments: r#"{"a": 1.0}"#.into() };
    let silent = ToolCall { id: "c2".into(), name: "wait".into(), arguments: "".into() };
    let parts = vec![
        Part::Reasoning("hm".into()),
        Part::Text("a\n\"b\"".into()),
        Part::Text("c".into()),
        Part::ToolCall(call),
        Part::ToolCall(silent),
    ];
    let response = written(&answer(parts, Stop::ToolUse), &envelope());
    assert_eq!(response["id"], "resp_7");
    assert_eq!(response["object"], "response");
    assert_eq!(response["created_at"], 5);
    assert_eq!(response["model"], "model-1");
    assert_eq!(response["status"], "completed");
    assert_eq!(response["incomplete_details"], Value::Null);
    assert_eq!(response["error"], Value::Null);
    assert_eq!(response["tools"], json!([]));
    let text = |text: &str| json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text});
    let expected = json!([
        {"id": "rs_7_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"id": "msg_7_1", "type": "message", "status": "completed", "role": "assistant",
         "content": [text("a\n\"b\""), text("c")]},
        {"id": "fc_7_2", "type": "function_call", "status": "completed", "arguments": "{\"a\": 1.0}",
         "call_id": "c1", "name": "look"},
        {"id": "fc_7_3", "type": "function_call", "status": "completed", "arguments": "{}",
         "call_id": "c2", "name": "wait"},
    ]);
    assert_eq!(response["output"], expected);
    let usage = json!({
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 17,
    });
    assert_eq!(response["usage"], usage);
}

#[test]
fn every_stop_reason_has_its_status() {
    let cases = [
        (Stop::End, "completed", Value::Null),
        (Stop::StopSequence, "completed", Value::Null),
        (Stop::ToolUse, "completed", Value::Null),
        (Stop::Length, "incomplete", json!({"reason": "max_output_tokens"})),
        (Stop::Pause, "incomplete", json!({"reason": "max_output_tokens"})),
        (Stop::Refusal, "incomplete", json!({"reason": "content_filter"})),
    ];
    for (stop, status, details) in cases {
        let parts = vec![
            Part::ToolCall(ToolCall { id: "c".into(), name: "n".into(), arguments: "{".into() }),
            Part::Text("a".into()),
        ];
        let response = written(&answer(parts, stop), &envelope());
        assert_eq!((&response["status"], &response["incomplete_details"]), (&json!(status), &details));
        assert_eq!(response["output"][0]["status"], "completed");
        assert_eq!(response["output"][1]["status"], status, "{stop:?}");
    }
}

#[test]
fn a_refusal_in_words_is_a_content_of_its_own_type() {
    let response = written(&answer(vec![Part::Refusal("No.".into())], Stop::End), &envelope());
    assert_eq!(response["output"][0]["content"], json!([{"type": "refusal", "refusal": "No."}]));
}

#[test]
fn what_the_provider_does_not_say_comes_from_the_envelope() {
    let envelope = Envelope { echo: r#""instructions":"x","tools":[1]"#.into(), ..envelope() };
    let response = written(&Answer::default(), &envelope);
    assert_eq!((&response["created_at"], &response["model"]), (&json!(1_700_000_000), &json!("m")));
    assert_eq!((&response["instructions"], &response["tools"]), (&json!("x"), &json!([1])));
    assert_eq!((&response["output"], &response["usage"]), (&json!([]), &Value::Null));
}
