//! Scripts in Anthropic's dialect: every fault, in its words and shapes.

use std::time::Duration;

use super::*;
use crate::support::{sends, waits};
use flyball_demo::Step;

fn scripted(script: &str) -> DemoAnswer {
    ask(&message(&format!("sim:{script}"), "hi"))
}

fn flowing(script: &str) -> DemoAnswer {
    ask(&streamed(&message(&format!("sim:{script}"), "hi")))
}

fn header<'a>(answer: &'a DemoAnswer, name: &str) -> &'a str {
    answer.headers.iter().find(|(key, _)| key == name).unwrap().1.to_str().unwrap()
}

fn deltas(answer: &DemoAnswer) -> usize {
    events(answer).iter().filter(|event| event["type"] == "content_block_delta").count()
}

/// The tokens of the text that came.
fn arrived(answer: &DemoAnswer) -> u64 {
    let text: String = events(answer)
        .iter()
        .filter_map(|event| event["delta"]["text"].as_str().map(str::to_owned))
        .collect();
    flyball_core::tokens::count(&text)
}

#[test]
fn a_status_is_answered_with_its_error_type() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ] {
        for answer in [scripted(&format!("status={status}")), flowing(&format!("status={status}"))] {
            assert_eq!(answer.status, status);
            assert_eq!(document(&answer)["error"]["type"], kind);
            assert_eq!(answer.counted, flyball_demo::Counted::default());
        }
    }
    assert_eq!(header(&scripted("status=429,retry_after=7"), "retry-after"), "7");
}

#[test]
fn a_script_in_the_first_line_of_the_prompt_steers_the_model_sim() {
    assert_eq!(ask(&message("sim", "sim: status=503\nrest")).status, 503);
    assert_eq!(text(&said(&message("sim", "sim: delay=1ms\nsay exactly: rest"))), "rest");
    let wrong = ask(&message("sim:wibble", "hi"));
    assert_eq!(
        (wrong.status.as_u16(), &document(&wrong)["error"]["type"]),
        (400, &json!("invalid_request_error"))
    );
}

#[test]
fn an_error_event_ends_a_stream() {
    for after in [0, 1, 3] {
        let answer = flowing(&format!("chunks=4,error_event={after}"));
        assert_eq!((answer.status.as_u16(), deltas(&answer)), (200, after));
        let events = events(&answer);
        let last = events.last().unwrap();
        assert_eq!((&last["type"], &last["error"]["type"]), (&json!("error"), &json!("overloaded_error")));
        assert_eq!(answer.counted.output.last(), Some(&arrived(&answer)));
    }
    let plain = scripted("error_event=1");
    assert_eq!((plain.status.as_u16(), &document(&plain)["type"]), (200, &json!("error")));
    assert_eq!(plain.counted.output, [0]);
}

#[test]
fn a_malformed_event_is_named_and_no_json() {
    let answer = flowing("chunks=4,malformed=2");
    let text = String::from_utf8(body(&answer)).unwrap();
    let broken: Vec<_> = text
        .split("\n\n")
        .filter_map(|event| event.split_once("\ndata: "))
        .filter(|(_, data)| serde_json::from_str::<Value>(data).is_err())
        .collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].0, "event: content_block_delta");
    let plain = scripted("malformed=0");
    assert!(serde_json::from_slice::<Value>(&body(&plain)).is_err());
}

#[test]
fn cuts_and_hangs_come_where_they_are_wanted() {
    assert_eq!(scripted("cut=head").steps, [Step::Cut]);
    assert_eq!(scripted("hang").steps, [Step::Wait(Duration::MAX)]);
    for count in [0, 1, 3] {
        let cut = flowing(&format!("chunks=5,cut={count}"));
        assert_eq!((cut.steps.last(), deltas(&cut)), (Some(&Step::Cut), count));
        assert_eq!(cut.counted.output.last(), Some(&arrived(&cut)));
        let hang = flowing(&format!("chunks=5,hang={count}"));
        assert_eq!((hang.steps.last(), deltas(&hang)), (Some(&Step::Wait(Duration::MAX)), count));
    }
    let (half, whole) = (flowing("text=hello,cut=body"), flowing("text=hello,hang=999"));
    assert_eq!(half.steps.last(), Some(&Step::Cut));
    assert!(body(&half).len() < body(&whole).len());
}

#[test]
fn usage_and_the_end_can_be_left_out() {
    assert!(document(&scripted("no_usage")).get("usage").is_none());
    let silent = events(&flowing("no_usage"));
    assert!(
        silent.iter().all(|event| event.get("usage").is_none() && event["message"].get("usage").is_none())
    );
    let open = events(&flowing("no_done"));
    assert_eq!(open.last().unwrap()["type"], "message_delta");
}

#[test]
fn bodies_of_other_kinds_are_sent() {
    let garbage = flowing("garbage");
    assert!(header(&garbage, "content-type").starts_with("text/html"));
    assert!(body(&garbage).starts_with(b"<!DOCTYPE html>"));
    assert_eq!(scripted("garbage,status=502").status, 502);
    assert_eq!(scripted("empty").steps, [Step::Head]);
    assert!(header(&scripted("wrong_content_type"), "content-type").starts_with("text/plain"));
    assert!(header(&flowing("text=x"), "content-type").starts_with("text/event-stream"));
    assert_eq!(text(&document(&flowing("ignore_stream,text=x"))), "x");
}

#[test]
fn time_passes_where_it_is_wanted() {
    let ms = Duration::from_millis(1);
    let answer = flowing("chunks=3,gap=7ms,delay=20ms,slow_head=5ms");
    let mut expected = vec![7 * ms; sends(&answer).len() + 1];
    (expected[0], expected[1]) = (5 * ms, 20 * ms);
    assert_eq!(waits(&answer), expected);
}

#[test]
fn a_huge_text_is_one_delta_and_bytes_are_split_anywhere() {
    assert_eq!(deltas(&flowing("huge=100000")), 1);
    let answer = flowing("text=%C3%A9%F0%9F%8E%89,raw_split=3");
    assert!(sends(&answer).iter().rev().skip(1).all(|send| send.len() == 3));
    assert_eq!(text(&joined(&events(&answer))), "\u{e9}\u{1f389}");
}

#[test]
fn counting_follows_a_script_too() {
    let path = "/v1/messages/count_tokens";
    let request = json!({"model": "sim:status=529", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(sent("POST", path, request.to_string().as_bytes()).status, 529);
}
