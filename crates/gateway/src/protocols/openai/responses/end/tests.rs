//! What a caller reads of a stream that we end.

use bytes::Bytes;
use flyball_core::json::Limits;
use serde_json::Value as Json;

use super::super::event;
use super::*;
use crate::edge::sse::Decoder;
use crate::refusal::Kind;

const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":5,
    "status":"in_progress","model":"m","instructions":"secret","temperature":0.5,"parallel_tool_calls":false,"output":[],"usage":null}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","output":[],
    "usage":{"input_tokens":3,"output_tokens":2,"note":"secret"}}}"#;

fn note(envelope: &mut Envelope, text: &str) -> Mark {
    let document = Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap();
    let chunk = event::read(&document).unwrap();
    envelope.note(&document, &chunk);
    chunk.mark
}

/// An event comes and is released.
fn release(envelope: &mut Envelope, text: &str) {
    let mark = note(envelope, text);
    envelope.released(mark);
}

fn delta(number: u64) -> String {
    format!(
        r#"{{"type":"response.output_text.delta","sequence_number":{number},"output_index":0,"content_index":0,"delta":"x"}}"#
    )
}

fn events(bytes: BytesMut) -> Vec<Json> {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(bytes.freeze());
    let mut events = Vec::new();
    while let Some(event) = decoder.next_event().unwrap() {
        let json: Json = serde_json::from_slice(&event.data).unwrap();
        assert_eq!(event.name.as_deref(), json["type"].as_str().map(str::as_bytes));
        events.push(json);
    }
    events
}

fn kinds(events: &[Json]) -> Vec<(&str, u64)> {
    events.iter().map(|e| (e["type"].as_str().unwrap(), e["sequence_number"].as_u64().unwrap())).collect()
}

#[test]
fn a_refusal_after_the_beginning_is_one_event_with_the_next_number() {
    let (mut envelope, mut out) = (Envelope::default(), BytesMut::new());
    release(&mut envelope, CREATED);
    release(&mut envelope, &delta(1));
    // Held, never released: its number is free.
    note(&mut envelope, &delta(2));
    envelope.refuse(&[0], &mut out);
    let events = events(out);
    assert_eq!(kinds(&events), [("response.incomplete", 2)]);
    let response = &events[0]["response"];
    assert_eq!(response["incomplete_details"]["reason"], "content_filter");
    assert_eq!((&response["id"], &response["model"]), (&Json::from("resp_1"), &Json::from("m")));
    assert_eq!((&response["status"], &response["created_at"]), (&Json::from("incomplete"), &Json::from(5)));
    assert_eq!((&response["temperature"], &response["parallel_tool_calls"]), (&0.5.into(), &false.into()));
    assert!(!response.to_string().contains("secret"));
}

#[test]
fn a_refusal_before_the_beginning_begins_the_response() {
    let (mut envelope, mut out) = (Envelope::default(), BytesMut::new());
    note(&mut envelope, CREATED);
    note(&mut envelope, &delta(1));
    envelope.refuse(&[0], &mut out);
    let events = events(out);
    let expected = [("response.created", 0), ("response.in_progress", 1), ("response.incomplete", 2)];
    assert_eq!(kinds(&events), expected);
}

#[test]
fn numbers_ascend_where_the_providers_have_gaps() {
    let (mut envelope, mut out) = (Envelope::default(), BytesMut::new());
    release(&mut envelope, CREATED);
    release(&mut envelope, &delta(7));
    release(&mut envelope, &delta(7));
    envelope.refuse(&[0], &mut out);
    assert!(kinds(&events(out))[0].1 > 7);
}

#[test]
fn an_own_answer_is_complete_and_tells_what_the_providers_cost() {
    let (mut envelope, mut out) = (Envelope::default(), BytesMut::new());
    note(&mut envelope, CREATED);
    note(&mut envelope, COMPLETED);
    envelope.answer(&[(0, "one".to_owned()), (0, "two".to_owned())], &mut out);
    let events = events(out);
    let numbers: Vec<u64> = kinds(&events).into_iter().map(|(_, number)| number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["output"][0]["content"][1]["text"], "two");
    assert_eq!(last["usage"]["total_tokens"], 5);
    assert_eq!(last["status"], "completed");
    let deltas: Vec<&Json> = events.iter().filter(|e| e["type"] == "response.output_text.delta").collect();
    assert_eq!((&deltas[0]["delta"], &deltas[1]["delta"]), (&Json::from("one"), &Json::from("two")));
    assert!(!last.to_string().contains("secret"));
}

#[test]
fn a_broken_stream_ends_with_an_error_that_both_kinds_of_clients_read() {
    let (mut envelope, mut out) = (Envelope::default(), BytesMut::new());
    release(&mut envelope, CREATED);
    envelope.broken(&Refusal::new(Kind::ProviderBrokeOff, "It broke off."), "req_1", &mut out);
    let events = events(out);
    assert_eq!(kinds(&events), [("error", 1)]);
    assert_eq!(
        (&events[0]["message"], &events[0]["error"]["message"]),
        (&"It broke off.".into(), &"It broke off.".into())
    );
    assert_eq!(events[0]["code"], events[0]["error"]["code"]);
}
