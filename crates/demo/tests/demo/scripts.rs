//! Scripts: every key, and who may use them.

use std::time::Duration;

use crate::support::*;
use flyball_demo::Step;
use flyball_demo::script::{Script, ScriptError};
use proptest::prelude::*;
use serde_json::{Value, json};

const MS: Duration = Duration::from_millis(1);

fn header(answer: &flyball_demo::DemoAnswer, name: &str) -> Option<String> {
    let found = answer.headers.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.to_str().unwrap().to_owned())
}

fn content(answer: &flyball_demo::DemoAnswer) -> String {
    document(answer)["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[test]
fn delay_comes_before_a_plain_answer_and_after_the_head_of_a_stream() {
    let plain = post(CHAT, &chat("sim:delay=20ms", "hi"));
    assert!(
        matches!(plain.steps.as_slice(), [Step::Wait(time), Step::Head, Step::Send(_)] if *time == 20 * MS)
    );
    let stream = post(CHAT, &streamed("sim:delay=2s,slow_head=5", "hi"));
    let first: Vec<_> = stream.steps.iter().take(3).cloned().collect();
    assert_eq!(first, [Step::Wait(5 * MS), Step::Head, Step::Wait(2000 * MS)]);
}

#[test]
fn chunks_fixes_the_number_of_deltas() {
    for extra in ["", ",text=ab", ",text=a%20longer%20text"] {
        let answer = post(CHAT, &streamed(&format!("sim:chunks=32{extra}"), "hi"));
        assert_eq!(deltas(&chunks(&answer), 0).len(), 32);
    }
}

#[test]
fn gap_stands_between_writes() {
    let answer = post(CHAT, &streamed("sim:chunks=3,gap=7ms", "hi"));
    assert_eq!(waits(&answer), vec![7 * MS; sends(&answer).len() - 1]);
}

#[test]
fn chunk_bytes_bounds_a_delta() {
    let answer = post(CHAT, &streamed("sim:chunk_bytes=3,text=abcdefgh", "hi"));
    assert_eq!(deltas(&chunks(&answer), 0), ["abc", "def", "gh"]);
}

#[test]
fn status_answers_an_error_object() {
    for status in [400, 401, 403, 404, 408, 429, 500, 502, 503, 529] {
        for request in [chat, streamed] {
            let answer = post(CHAT, &request(&format!("sim:status={status}"), "hi"));
            assert_eq!(answer.status, status);
            error(&answer);
        }
    }
    let answer = post(CHAT, &chat("sim:status=429,retry_after=7", "hi"));
    assert_eq!(header(&answer, "retry-after").as_deref(), Some("7"));
    assert!(header(&post(CHAT, &chat("sim:status=302", "hi")), "location").is_some());
}

#[test]
fn cut_breaks_the_connection_where_it_says() {
    let head = post(CHAT, &chat("sim:cut=head", "hi"));
    assert_eq!(head.steps, [Step::Cut]);
    let whole = body(&post(CHAT, &chat("sim:text=hi", "hi")));
    let half = post(CHAT, &chat("sim:text=hi,cut=body", "hi"));
    assert_eq!(half.steps.last(), Some(&Step::Cut));
    assert_eq!(half.length, u64::try_from(whole.len()).ok());
    assert_eq!(body(&half).len(), whole.len() / 2);
    for count in [0, 1, 3] {
        let answer = post(CHAT, &streamed(&format!("sim:chunks=5,cut={count}"), "hi"));
        assert_eq!(answer.steps.last(), Some(&Step::Cut));
        assert_eq!(sends(&answer).len(), 1 + count);
    }
}

#[test]
fn hang_never_goes_on() {
    assert_eq!(post(CHAT, &chat("sim:hang", "hi")).steps, [Step::Wait(Duration::MAX)]);
    let answer = post(CHAT, &streamed("sim:chunks=5,hang=2", "hi"));
    assert_eq!(answer.steps.last(), Some(&Step::Wait(Duration::MAX)));
    assert_eq!(sends(&answer).len(), 3);
    let answer = post(CHAT, &streamed("sim:hang=body", "hi"));
    assert_eq!(answer.steps.first(), Some(&Step::Head));
}

#[test]
fn malformed_breaks_one_event_or_the_document() {
    let answer = post(CHAT, &streamed("sim:chunks=4,malformed=2", "hi"));
    let broken: Vec<_> = events(&answer)
        .iter()
        .enumerate()
        .filter(|(_, event)| *event != "[DONE]" && serde_json::from_str::<Value>(event).is_err())
        .map(|(at, _)| at)
        .collect();
    assert_eq!(broken, [3]);
    let answer = post(CHAT, &chat("sim:malformed=0", "hi"));
    assert!(serde_json::from_slice::<Value>(&body(&answer)).is_err());
    assert_eq!(answer.length, u64::try_from(body(&answer).len()).ok());
}

#[test]
fn error_event_ends_a_stream() {
    let answer = post(CHAT, &streamed("sim:chunks=4,error_event=1", "hi"));
    assert_eq!(answer.status, 200);
    let events = events(&answer);
    assert_eq!(events.len(), 3);
    assert!(serde_json::from_str::<Value>(&events[2]).unwrap()["error"]["message"].is_string());
    assert!(error(&post(CHAT, &chat("sim:error_event=1", "hi")))["message"].is_string());
}

#[test]
fn no_usage_and_no_done_leave_them_out() {
    let asking = json!({"stream_options": {"include_usage": true}});
    let answer = post(CHAT, &with(streamed("sim:no_usage", "hi"), asking));
    assert!(chunks(&answer).iter().all(|chunk| chunk.get("usage").is_none()));
    assert!(document(&post(CHAT, &chat("sim:no_usage", "hi"))).get("usage").is_none());
    assert!(!events(&post(CHAT, &streamed("sim:no_done", "hi"))).contains(&"[DONE]".to_owned()));
}

#[test]
fn garbage_and_empty_are_no_answers() {
    let garbage = post(CHAT, &streamed("sim:garbage", "hi"));
    assert_eq!(garbage.status, 200);
    assert!(header(&garbage, "content-type").unwrap().starts_with("text/html"));
    assert!(body(&garbage).starts_with(b"<!DOCTYPE html>"));
    assert_eq!(post(CHAT, &chat("sim:garbage,status=502", "hi")).status, 502);
    assert_eq!(post(CHAT, &chat("sim:empty", "hi")).steps, [Step::Head]);
}

#[test]
fn wrong_content_type_leaves_the_body_alone() {
    let answer = post(CHAT, &chat("sim:wrong_content_type,text=x", "hi"));
    assert!(header(&answer, "content-type").unwrap().starts_with("text/plain"));
    assert_eq!(content(&answer), "x");
}

#[test]
fn ignore_stream_answers_plainly() {
    assert_eq!(content(&post(CHAT, &streamed("sim:ignore_stream,text=x", "hi"))), "x");
}

#[test]
fn huge_has_the_wanted_size_in_one_delta() {
    let answer = post(CHAT, &streamed("sim:huge=100000", "hi"));
    let sizes: Vec<_> = deltas(&chunks(&answer), 0).iter().map(String::len).collect();
    assert_eq!(sizes, [100_000]);
}

#[test]
fn text_is_answered_exactly_and_not_repeated_elsewhere() {
    let answer = post(CHAT, &chat("sim:text=a%2Cb%3D%C3%A9%0A,no_usage", "hi"));
    assert_eq!(content(&answer), "a,b=\u{e9}\n");
    assert_eq!(document(&answer)["model"], "sim");
}

#[test]
fn raw_split_cuts_anywhere_and_loses_nothing() {
    let whole = body(&post(CHAT, &streamed("sim:text=%C3%A9%F0%9F%8E%89", "hi")));
    for size in 1..40 {
        let answer = post(CHAT, &streamed(&format!("sim:text=%C3%A9%F0%9F%8E%89,raw_split={size}"), "hi"));
        let sends = sends(&answer);
        assert!(sends.iter().rev().skip(1).all(|send| send.len() == size));
        // Ids follow from the request, which names another script; all else is the same.
        assert_eq!(sends.concat().len(), whole.len());
        assert_eq!(deltas(&chunks(&answer), 0).concat(), "\u{e9}\u{1f389}");
    }
}

#[test]
fn a_wrong_script_is_refused_by_its_key() {
    for (script, key) in [
        ("wibble=1", "wibble"),
        ("delay=1,wobble", "wobble"),
        ("delay=fast", "delay"),
        ("delay=2h", "delay"),
        ("delay=3601s", "delay"),
        ("chunks=0", "chunks"),
        ("status=200", "status"),
        ("status=600", "status"),
        ("cut=tail", "cut"),
        ("no_usage=1", "no_usage"),
        ("text=%zz", "text"),
        ("text=%ff", "text"),
        ("huge=999999999999", "huge"),
    ] {
        let answer = post(CHAT, &chat(&format!("sim:{script}"), "hi"));
        assert_eq!(answer.status, 400, "{script}");
        assert!(error(&answer)["message"].as_str().unwrap().contains(&format!("'{key}'")), "{script}");
    }
}

#[test]
fn only_the_model_sim_takes_a_script_from_a_message() {
    let steered = post(CHAT, &chat("sim", "sim: status=503, retry_after=1\nrest"));
    assert_eq!(steered.status, 503);
    assert_eq!(content(&post(CHAT, &chat("sim", "sim: delay=1ms\nsay exactly: rest"))), "rest");
    for model in ["demo", "sim:no_usage", "demo-embedding"] {
        assert_eq!(post(CHAT, &chat(model, "sim: status=503\nrest")).status, 200);
    }
    assert_eq!(post(CHAT, &chat("sim", "hello\nsim: status=503")).status, 200);
}

proptest! {
    #[test]
    fn parsing_never_fails_but_by_naming_a_key_of_the_source(source in "[a-z_]{0,12}(=[a-z0-9%]{0,6})?(,[a-z_]{1,12})?") {
        match Script::parse(&source) {
            Ok(_) => {}
            Err(ScriptError::UnknownKey(key) | ScriptError::BadValue { key, .. }) => prop_assert!(source.contains(&key)),
        }
    }

    #[test]
    fn splitting_changes_how_a_text_is_sent_and_not_what(text in "\\PC{1,60}", chunk in 1usize..9, raw in 1usize..50, count in 1usize..20) {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for split in [format!("chunk_bytes={chunk}"), format!("chunks={count}"), format!("raw_split={raw}"), format!("chunk_bytes={chunk},raw_split={raw},gap=1us")] {
            let answer = post(CHAT, &streamed(&format!("sim:text={encoded},{split}"), "hi"));
            prop_assert_eq!(deltas(&chunks(&answer), 0).concat(), text.as_str());
        }
    }
}
