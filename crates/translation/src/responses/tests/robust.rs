//! What holds for all answers and all input.

use std::borrow::Cow;

use bytes::Bytes;
use flyball_core::Document;
use flyball_core::json::Limits;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{echo, fields, read_request, write_answer};
use super::events::written;
use super::{document, envelope, gate, generous, plain};
use crate::conversation::{self, ToolCall};
use crate::reply::{Answer, Choice, Event, Opened, Part, Stop, Usage};

/// A part: what it is, and its text in pieces.
type Said = (u8, Vec<String>);

fn said() -> impl Strategy<Value = Vec<Said>> {
    let text = prop_oneof![any::<String>(), r#"[a-z\\"\n\u{1}é🦀]{1,8}"#];
    prop::collection::vec((0..4_u8, prop::collection::vec(text, 1..4)), 0..8).prop_map(|mut parts| {
        // Nothing is told of reasoning without words; arguments that are nothing are told as an empty object.
        for (_, pieces) in &mut parts {
            pieces.push("x".to_owned());
        }
        parts
    })
}

fn stops() -> impl Strategy<Value = Stop> {
    prop::sample::select(vec![
        Stop::End,
        Stop::Length,
        Stop::StopSequence,
        Stop::ToolUse,
        Stop::Refusal,
        Stop::Pause,
    ])
}

const USAGE: Usage =
    Usage { input: Some(9), cached: Some(1), cache_write: Some(2), output: Some(5), reasoning: Some(3) };

fn answer(parts: &[Said], stop: Stop) -> Answer<'static> {
    let part = |(index, (kind, pieces)): (usize, &Said)| {
        let text: Cow<'static, str> = pieces.concat().into();
        match kind {
            0 => Part::Text(text),
            1 => Part::Reasoning(text),
            2 => Part::Refusal(text),
            _ => Part::ToolCall(ToolCall {
                id: format!("c{index}").into(),
                name: format!("n{index}").into(),
                arguments: text,
            }),
        }
    };
    let parts = parts.iter().enumerate().map(part).collect();
    let choice = Choice { parts, stop, stop_sequence: None };
    Answer { id: None, model: None, created: None, choices: vec![choice], usage: Some(USAGE) }
}

fn events(parts: &[Said], stop: Stop) -> Vec<Event<'static>> {
    let mut events = vec![Event::Start { id: None, model: None, created: None }];
    for (index, (kind, pieces)) in parts.iter().enumerate() {
        let part = u32::try_from(index).unwrap();
        let kind = match kind {
            0 => Opened::Text,
            1 => Opened::Reasoning,
            2 => Opened::Refusal,
            _ => Opened::ToolCall { id: format!("c{index}").into(), name: format!("n{index}").into() },
        };
        events.push(Event::Open { choice: 0, part, kind });
        let piece = |text: &String| Event::Piece { choice: 0, part, text: text.clone().into() };
        events.extend(pieces.iter().map(piece));
        events.push(Event::Close { choice: 0, part });
    }
    events.push(Event::Stop { choice: 0, stop, stop_sequence: None });
    events.push(Event::Usage(USAGE));
    events.push(Event::End);
    events
}

/// Events in any order, as no reader sends them.
fn disorder() -> impl Strategy<Value = Vec<Event<'static>>> {
    let event =
        (0..8_u8, 0..2_u32, 0..4_u32, 0..4_u8, stops()).prop_map(|(what, choice, part, kind, stop)| {
            let kind = match kind {
                0 => Opened::Text,
                1 => Opened::Reasoning,
                2 => Opened::Refusal,
                _ => Opened::ToolCall { id: "c".into(), name: "n".into() },
            };
            match what {
                0 => Event::Start { id: None, model: None, created: None },
                1 | 2 => Event::Open { choice, part, kind },
                3 | 4 => Event::Piece { choice, part, text: "x\n".into() },
                5 => Event::Close { choice, part },
                6 => Event::Stop { choice, stop, stop_sequence: None },
                _ => Event::Ping,
            }
        });
    prop::collection::vec(event, 0..40)
}

fn json_value() -> impl Strategy<Value = Value> {
    let names = [
        "type",
        "role",
        "content",
        "text",
        "input",
        "tools",
        "output",
        "summary",
        "name",
        "call_id",
        "format",
        "input_audio",
        "image_url",
        "file_data",
        "reasoning",
        "include",
        "tool_choice",
        "metadata",
    ];
    let words = [
        "message",
        "user",
        "assistant",
        "system",
        "input_text",
        "input_image",
        "input_file",
        "function",
        "function_call",
        "function_call_output",
        "reasoning",
        "json_schema",
        "data:,",
        "data:a;base64,b",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(names.to_vec()), inner, 0..6).prop_map(
                |members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            ),
        ]
    })
}

fn reads_without_a_panic(document: &Document) {
    let _ = read_request(document, &mut gate(generous));
    let _ = read_request(document, &mut gate(plain));
    let echo = echo(document);
    assert!(!echo.contains('\n'));
    let _: Value = serde_json::from_str(&format!("{{{echo}}}")).unwrap();
}

proptest! {
    #[test]
    fn a_stream_in_any_pieces_ends_in_the_whole_answer(parts in said(), stop in stops()) {
        let events = written(&events(&parts, stop));
        let whole: Value = serde_json::from_slice(&write_answer(&answer(&parts, stop), &envelope())).unwrap();
        prop_assert_eq!(&events.last().unwrap()["response"], &whole);
        // What callers make of the pieces is what they are told at last.
        let deltas: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
        let said: String = parts.iter().flat_map(|(_, pieces)| pieces.iter().map(String::as_str)).collect();
        prop_assert_eq!(deltas, said);
        let done: Vec<&Value> = events
            .iter()
            .filter(|event| event["type"] == "response.output_item.done")
            .map(|event| &event["item"])
            .collect();
        prop_assert_eq!(done, whole["output"].as_array().unwrap().iter().collect::<Vec<_>>());
    }

    #[test]
    fn an_answer_that_is_sent_back_reads_as_it_was_said(parts in said()) {
        let answer = answer(&parts, Stop::ToolUse);
        let whole: Value = serde_json::from_slice(&write_answer(&answer, &envelope())).unwrap();
        let mut input = vec![json!({"role": "user", "content": "hi"})];
        input.extend(whole["output"].as_array().unwrap().iter().cloned());
        let document = document(&json!({"input": input}).to_string());
        let mut gate = gate(generous);
        let request = read_request(&document, &mut gate).unwrap();
        let read: Vec<String> = request.turns.iter().skip(1).flat_map(|turn| &turn.parts).map(|part| {
            match part {
                conversation::Part::Text(text) => format!("{:?}", Part::Text(text.clone())),
                conversation::Part::Reasoning(text) => format!("{:?}", Part::Reasoning(text.clone())),
                conversation::Part::Refusal(text) => format!("{:?}", Part::Refusal(text.clone())),
                conversation::Part::ToolCall(call) => format!("{:?}", Part::ToolCall(call.clone())),
                other => panic!("{other:?}"),
            }
        }).collect();
        let said: Vec<String> = answer.choices[0].parts.iter().map(|part| format!("{part:?}")).collect();
        prop_assert_eq!(read, said);
        prop_assert!(request.turns.len() <= 2);
        prop_assert!(gate.into_dropped().is_empty());
    }

    #[test]
    fn a_longer_conversation_begins_as_the_shorter_one(parts in said(), more in said()) {
        let items = |parts: &[Said]| {
            let whole = write_answer(&answer(parts, Stop::End), &envelope());
            let whole: Value = serde_json::from_slice(&whole).unwrap();
            whole["output"].as_array().unwrap().clone()
        };
        let user = || json!({"role": "user", "content": "hi"});
        let mut short = vec![user()];
        short.extend(items(&parts));
        short.push(user());
        let mut long = short.clone();
        long.extend(items(&more));
        long.push(user());
        let turns = |input: Vec<Value>| {
            let document = document(&json!({ "input": input }).to_string());
            let request = read_request(&document, &mut gate(generous)).unwrap();
            request.turns.iter().map(|turn| format!("{turn:?}")).collect::<Vec<_>>()
        };
        let (short, long) = (turns(short), turns(long));
        prop_assert_eq!(&long[..short.len()], &short[..]);
    }

    #[test]
    fn events_in_disorder_are_still_numbered_events(events in disorder()) {
        written(&events);
    }

    #[test]
    fn any_json_is_read_or_refused(value in json_value()) {
        reads_without_a_panic(&document(&value.to_string()));
        reads_without_a_panic(&document(&json!({ "input": [value.clone()] }).to_string()));
        reads_without_a_panic(&document(&json!({ "input": [{"role": "user", "content": [value]}] }).to_string()));
    }

    #[test]
    fn bodies_with_changed_bytes_are_read_or_refused(
        field in 0..fields::REQUEST.len(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (name, json) = fields::REQUEST[field].example;
        let mut body = format!(r#"{{"model":"m","{name}":{json}}}"#).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(document) = Document::parse(Bytes::from(body), Limits::default()) {
            reads_without_a_panic(&document);
        }
    }
}
