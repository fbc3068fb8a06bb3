//! Scripts in the Responses dialect: every fault, in its words and shapes.

use std::time::Duration;

use super::*;
use crate::support::{error, sends, waits};
use flyball_demo::Step;

fn scripted(script: &str) -> DemoAnswer {
    ask(&input(&format!("sim:{script}"), "hi"))
}

fn flowing(script: &str) -> DemoAnswer {
    ask(&streamed(&input(&format!("sim:{script}"), "hi")))
}

fn header<'a>(answer: &'a DemoAnswer, name: &str) -> &'a str {
    answer.headers.iter().find(|(key, _)| key == name).unwrap().1.to_str().unwrap()
}

fn deltas(answer: &DemoAnswer) -> usize {
    events(answer).iter().filter(|event| event["type"] == "response.output_text.delta").count()
}

/// The tokens of the text that came.
fn arrived(answer: &DemoAnswer) -> u64 {
    let text: String =
        events(answer).iter().filter_map(|event| event["delta"].as_str().map(str::to_owned)).collect();
    flyball_core::tokens::count(&text)
}

#[test]
fn a_status_is_answered_with_an_error_object() {
    for status in [400, 401, 403, 404, 429, 500, 503] {
        for answer in [scripted(&format!("status={status}")), flowing(&format!("status={status}"))] {
            assert_eq!(answer.status, status);
            error(&answer);
            assert_eq!(answer.counted, flyball_demo::Counted::default());
        }
    }
    assert_eq!(header(&scripted("status=429,retry_after=7"), "retry-after"), "7");
}

#[test]
fn a_script_in_the_first_line_of_the_prompt_steers_the_model_sim() {
    assert_eq!(ask(&input("sim", "sim: status=503\nrest")).status, 503);
    assert_eq!(text(&said(&input("sim", "sim: delay=1ms\nsay exactly: rest"))), "rest");
    let wrong = ask(&input("sim", "sim: wibble"));
    assert_eq!((wrong.status.as_u16(), &error(&wrong)["param"]), (400, &json!("input")));
}

#[test]
fn an_error_ends_a_stream() {
    for after in [0, 1, 3] {
        let answer = flowing(&format!("chunks=4,error_event={after}"));
        assert_eq!((answer.status.as_u16(), deltas(&answer)), (200, after));
        let events = events(&answer);
        let [.., error, failed] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("server_error")));
        assert_eq!(
            (&failed["type"], &failed["response"]["status"]),
            (&json!("response.failed"), &json!("failed"))
        );
        assert_eq!(failed["response"]["error"]["code"], "server_error");
        assert_eq!(answer.counted.output.last(), Some(&arrived(&answer)));
    }
    let plain = scripted("error_event=1");
    assert_eq!((plain.status.as_u16(), &plain.counted.output[..]), (200, &[0][..]));
    error(&plain);
}

#[test]
fn a_malformed_event_is_named_and_no_json() {
    let text = String::from_utf8(body(&flowing("chunks=4,malformed=2"))).unwrap();
    let broken: Vec<_> = text
        .split("\n\n")
        .filter_map(|event| event.split_once("\ndata: "))
        .filter(|(_, data)| serde_json::from_str::<Value>(data).is_err())
        .collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].0, "event: response.output_text.delta");
    assert!(serde_json::from_slice::<Value>(&body(&scripted("malformed=0"))).is_err());
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
    assert_eq!(document(&scripted("no_usage"))["usage"], Value::Null);
    let events = |script| events(&flowing(script));
    assert_eq!(events("no_usage").last().unwrap()["response"]["usage"], Value::Null);
    assert_eq!(events("no_done").last().unwrap()["type"], "response.output_item.done");
}

#[test]
fn bodies_of_other_kinds_are_sent() {
    let garbage = flowing("garbage");
    assert!(header(&garbage, "content-type").starts_with("text/html"));
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
    assert_eq!(joined(&events(&answer))[0]["content"][0]["text"], "\u{e9}\u{1f389}");
}
