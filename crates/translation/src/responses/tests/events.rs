//! Streams of events.

use serde_json::{Value, json};

use super::super::EventWriter;
use super::envelope;
use crate::events::Written;
use crate::reply::{Event, Opened, Stop, Usage};

/// What a sequence of events becomes, with the bounds checked that hold for every stream.
pub(super) fn written(events: &[Event<'_>]) -> Vec<Value> {
    let mut writer = EventWriter::new(envelope());
    let mut out: Vec<Written> = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    let read = |(index, written): (usize, Written)| {
        assert!(!written.data.contains(&b'\n'));
        let value: Value = serde_json::from_slice(&written.data).unwrap();
        assert_eq!(value["type"], written.name.unwrap());
        assert_eq!(value["sequence_number"], index);
        value
    };
    out.into_iter().enumerate().map(read).collect()
}

fn start() -> Event<'static> {
    Event::Start { id: Some("x".into()), model: Some("model-1".into()), created: Some(5) }
}

fn open(part: u32, kind: Opened<'static>) -> Event<'static> {
    Event::Open { choice: 0, part, kind }
}

fn call(id: &'static str, name: &'static str) -> Opened<'static> {
    Opened::ToolCall { id: id.into(), name: name.into() }
}

fn piece(part: u32, text: &'static str) -> Event<'static> {
    Event::Piece { choice: 0, part, text: text.into() }
}

fn close(part: u32) -> Event<'static> {
    Event::Close { choice: 0, part }
}

fn stop(stop: Stop) -> Event<'static> {
    Event::Stop { choice: 0, stop, stop_sequence: None }
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap().trim_start_matches("response.")).collect()
}

#[test]
fn a_text_is_told_in_pieces_and_then_whole() {
    let usage = Usage { input: Some(3), output: Some(2), ..Usage::default() };
    let events = written(&[
        start(),
        open(0, Opened::Text),
        piece(0, "He"),
        Event::Ping,
        piece(0, ""),
        piece(0, "llo"),
        close(0),
        stop(Stop::End),
        Event::Usage(usage),
        Event::End,
    ]);
    let expected = [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(types(&events), expected);
    assert_eq!(events[0]["response"]["status"], "in_progress");
    assert_eq!(events[0]["response"]["output"], json!([]));
    let delta = json!({
        "type": "response.output_text.delta", "sequence_number": 5, "item_id": "msg_7_0", "output_index": 0,
        "content_index": 0, "delta": "llo", "logprobs": [],
    });
    assert_eq!(events[5], delta);
    assert_eq!(events[6]["text"], "Hello");
    assert_eq!(events[7]["part"]["text"], "Hello");
    assert_eq!(events[8]["item"]["content"][0]["text"], "Hello");
    let response = &events[9]["response"];
    assert_eq!(response["output"][0], events[8]["item"]);
    assert_eq!(response["usage"]["total_tokens"], 5);
    assert_eq!((&response["id"], &response["model"]), (&json!("resp_7"), &json!("model-1")));
}

#[test]
fn reasoning_text_and_calls_that_overlap_each_keep_their_place() {
    let events = written(&[
        start(),
        open(0, Opened::Reasoning),
        piece(0, "hm"),
        close(0),
        open(1, Opened::Text),
        piece(1, "a"),
        close(1),
        open(2, Opened::Refusal),
        piece(2, "no"),
        close(2),
        open(3, call("c1", "look")),
        open(4, call("c2", "wait")),
        piece(4, "{"),
        piece(3, "[]"),
        piece(4, "}"),
        close(4),
        close(3),
        stop(Stop::ToolUse),
        Event::End,
    ]);
    let expected = [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(types(&events), expected);
    assert_eq!((&events[3]["summary_index"], &events[5]["text"]), (&json!(0), &json!("hm")));
    assert_eq!((&events[13]["content_index"], &events[15]["refusal"]), (&json!(1), &json!("no")));
    assert_eq!((&events[23]["item_id"], &events[23]["arguments"]), (&json!("fc_7_3"), &json!("{}")));
    assert_eq!((&events[24]["item_id"], &events[24]["arguments"]), (&json!("fc_7_2"), &json!("[]")));
}

#[test]
fn a_call_without_arguments_is_told_as_an_empty_object() {
    let events = written(&[start(), open(0, call("c", "n")), close(0), stop(Stop::ToolUse), Event::End]);
    let deltas: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(deltas, "{}");
    assert_eq!(events.last().unwrap()["response"]["output"][0]["arguments"], "{}");
}

#[test]
fn an_answer_that_was_cut_off_ends_incomplete_with_its_last_item() {
    let events = written(&[
        start(),
        open(0, Opened::Text),
        close(0),
        open(1, call("c", "n")),
        piece(1, "{\"a"),
        close(1),
        stop(Stop::Length),
        Event::End,
    ]);
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
    let statuses: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| &event["item"]["status"])
        .collect();
    assert_eq!(statuses, ["completed", "incomplete"]);
    assert_eq!(last["response"]["output"][1]["status"], "incomplete");
}

#[test]
fn a_stream_without_an_end_has_no_last_event_and_nothing_follows_an_end() {
    let events = written(&[start(), open(0, Opened::Text), close(0), stop(Stop::End)]);
    assert!(!types(&events).contains(&"completed"));
    let events = written(&[Event::End, open(0, Opened::Text), Event::End]);
    assert_eq!(types(&events), ["created", "in_progress", "completed"]);
}

#[test]
fn other_answers_than_the_first_are_not_told() {
    let other = Event::Open { choice: 1, part: 0, kind: Opened::Text };
    let events = written(&[start(), other, Event::Close { choice: 1, part: 0 }, stop(Stop::End), Event::End]);
    assert_eq!(types(&events), ["created", "in_progress", "completed"]);
}

#[test]
fn later_usage_replaces_what_it_tells_again() {
    let first = Usage { input: Some(9), cached: Some(4), output: Some(1), ..Usage::default() };
    let later = Usage { output: Some(6), ..Usage::default() };
    let events = written(&[start(), Event::Usage(first), stop(Stop::End), Event::Usage(later), Event::End]);
    let usage = &events.last().unwrap()["response"]["usage"];
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(9), &json!(6)));
    assert_eq!(usage["input_tokens_details"]["cached_tokens"], 4);
}
