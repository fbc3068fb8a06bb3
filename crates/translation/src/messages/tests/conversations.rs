//! Whole conversations and answers, made at random: what is written is read as it was, and what was written before
//! stays as it is.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::events::{StreamError, Written};
use crate::messages::{EventReader, EventWriter};
use crate::reply::{self, Answer, Choice, Event, Opened, Stop, Usage};

fn words() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z \\\\\"\n\u{e9}\u{1f600}]{1,20}", "<system>", any::<String>()]
        .prop_filter("not blank", |text| !crate::sides::is_blank(text))
}

fn arguments() -> impl Strategy<Value = String> {
    proptest::collection::btree_map("[a-z]{1,4}", any::<String>(), 0..3)
        .prop_map(|members| serde_json::to_string(&members).unwrap())
}

/// Exchanges of the user and the model: texts, and whether it called a tool with these arguments.
fn exchanges() -> impl Strategy<Value = Vec<(Vec<String>, String, Vec<String>)>> {
    let exchange =
        (proptest::collection::vec(words(), 1..3), words(), proptest::collection::vec(arguments(), 0..3));
    proptest::collection::vec(exchange, 1..5)
}

/// The turns that messages would have them in.
fn turns(exchanges: &[(Vec<String>, String, Vec<String>)]) -> Vec<Turn<'_>> {
    let mut turns = Vec::new();
    let mut open = 0;
    for (number, (asked, answered, calls)) in exchanges.iter().enumerate() {
        let mut parts: Vec<_> = (0..open)
            .map(|call| {
                Part::ToolResult(ToolResult {
                    id: format!("t{}_{call}", number - 1).into(),
                    parts: vec![Part::Text("seen".into())],
                    error: call == 1,
                })
            })
            .collect();
        parts.extend(asked.iter().map(|text| Part::Text(text.into())));
        turns.push((Speaker::User, parts));
        let mut parts = vec![Part::Text(answered.into())];
        parts.extend(calls.iter().enumerate().map(|(call, arguments)| {
            Part::ToolCall(ToolCall {
                id: format!("t{number}_{call}").into(),
                name: "look".into(),
                arguments: arguments.into(),
            })
        }));
        open = calls.len();
        turns.push((Speaker::Assistant, parts));
    }
    let turn = |(index, (speaker, parts))| Turn { speaker, path: format!("messages[{index}]"), parts };
    turns.into_iter().enumerate().map(turn).collect()
}

/// Events as a provider's stream would have them: each part of the answer in pieces of this many characters.
fn told<'a>(answer: &'a Answer<'_>, piece: usize) -> Vec<Event<'a>> {
    let mut events = vec![Event::Start {
        id: answer.id.as_deref().map(Cow::Borrowed),
        model: answer.model.as_deref().map(Cow::Borrowed),
        created: None,
    }];
    let choice = &answer.choices[0];
    for (number, part) in (0..).zip(&choice.parts) {
        let (kind, text) = match part {
            reply::Part::Text(text) => (Opened::Text, text),
            reply::Part::Reasoning(text) => (Opened::Reasoning, text),
            reply::Part::Refusal(text) => (Opened::Refusal, text),
            reply::Part::ToolCall(call) => (
                Opened::ToolCall { id: Cow::Borrowed(&call.id), name: Cow::Borrowed(&call.name) },
                &call.arguments,
            ),
        };
        events.push(Event::Open { choice: 0, part: number, kind });
        let characters: Vec<char> = text.chars().collect();
        events.extend(characters.chunks(piece).map(|piece| Event::Piece {
            choice: 0,
            part: number,
            text: piece.iter().collect::<String>().into(),
        }));
        events.push(Event::Close { choice: 0, part: number });
    }
    let stop_sequence = choice.stop_sequence.as_deref().map(Cow::Borrowed);
    events.push(Event::Stop { choice: 0, stop: choice.stop, stop_sequence });
    events.extend(answer.usage.map(Event::Usage));
    events.push(Event::End);
    events
}

fn stream(events: &[Event<'_>]) -> Vec<Written> {
    let mut writer = EventWriter::new(envelope());
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.write(event, &mut out));
    out
}

/// The answer that events tell, as far as they were read.
fn gathered(written: &[Written]) -> Result<String, StreamError> {
    let mut reader = EventReader::default();
    let mut parts: Vec<(String, String)> = Vec::new();
    let (mut begun, mut ended, mut usage) = (String::new(), Vec::new(), None);
    for event in written {
        let document = Document::parse(event.data.clone(), Limits::default()).unwrap();
        let mut events = Vec::new();
        reader.read(&document, &mut events)?;
        for event in events {
            match event {
                Event::Start { .. } => begun = format!("{event:?}"),
                Event::Open { kind, .. } => parts.push((format!("{kind:?}"), String::new())),
                Event::Piece { part, text, .. } => parts[part as usize].1.push_str(&text),
                Event::Usage(told) => usage = Some(told),
                Event::Close { .. } | Event::Ping => {}
                Event::Stop { .. } | Event::End => ended.push(format!("{event:?}")),
            }
        }
    }
    Ok(format!("{begun} {parts:?} {ended:?} {usage:?}"))
}

fn answers() -> impl Strategy<Value = Answer<'static>> {
    let part = prop_oneof![
        words().prop_map(|text| reply::Part::Text(text.into())),
        words().prop_map(|text| reply::Part::Reasoning(text.into())),
        ("[a-z.]{1,9}", arguments()).prop_map(|(id, arguments)| reply::Part::ToolCall(ToolCall {
            id: id.into(),
            name: "look".into(),
            arguments: arguments.into(),
        })),
    ];
    let stop = prop_oneof![
        Just(Stop::End),
        Just(Stop::Length),
        Just(Stop::StopSequence),
        Just(Stop::ToolUse),
        Just(Stop::Refusal),
        Just(Stop::Pause),
    ];
    let count = || proptest::option::of(0..1_000_000_u64);
    (proptest::collection::vec(part, 0..5), stop, proptest::option::of(words()), [count(), count(), count()])
        .prop_map(|(parts, stop, stop_sequence, [cached, cache_write, reasoning])| Answer {
            id: Some("msg_1".into()),
            model: Some("m".into()),
            created: None,
            choices: vec![Choice { parts, stop, stop_sequence: stop_sequence.map(Cow::Owned) }],
            usage: Some(Usage {
                input: Some(7 + cached.unwrap_or(0) + cache_write.unwrap_or(0)),
                cached,
                cache_write,
                output: Some(9),
                reasoning,
            }),
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_conversation_is_read_as_it_was_written(exchanges in exchanges(), system in words()) {
        let request = Request {
            system: vec![system.into()],
            turns: turns(&exchanges),
            max_output_tokens: Some(77),
            temperature: Some("0.30"),
            stream: true,
            ..Request::default()
        };
        let body = super::super::write_request(&request, WANTED, &mut gate()).unwrap();
        let document = Document::parse(body.clone().into(), Limits::default()).unwrap();
        let again = super::super::read_request(&document, &mut gate()).unwrap();
        prop_assert_eq!(format!("{:?}", again), format!("{:?}", request));
        prop_assert_eq!(super::super::write_request(&again, WANTED, &mut gate()).unwrap(), body);
    }

    #[test]
    fn each_body_begins_as_the_one_before(exchanges in exchanges()) {
        let write = |turns: Vec<Turn<'_>>| {
            let request = Request { turns, ..Request::default() };
            String::from_utf8(super::super::write_request(&request, WANTED, &mut gate()).unwrap()).unwrap()
        };
        for length in 1..exchanges.len() {
            let before = write(turns(&exchanges[..length]));
            let after = write(turns(&exchanges[..=length]));
            let begun = before.strip_suffix("]}").unwrap();
            prop_assert!(after.starts_with(begun));
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written(answer in answers()) {
        let body = super::super::write_answer(&answer, &envelope());
        let document = Document::parse(body.into(), Limits::default()).unwrap();
        let again = super::super::read_answer(&document).unwrap();
        prop_assert_eq!(format!("{:?}", again), format!("{:?}", answer));
    }

    #[test]
    fn a_stream_is_read_as_it_was_written_whatever_its_pieces(answer in answers(), piece in 1..9_usize) {
        let whole = stream(&told(&answer, usize::MAX));
        let pieces = stream(&told(&answer, piece));
        let read = gathered(&whole).unwrap();
        prop_assert_eq!(&gathered(&pieces).unwrap(), &read);
        let usage = format!("{:?}", answer.usage);
        prop_assert!(read.ends_with(&usage), "{} {}", read, usage);
        // Each event twice: what begins, ends and is told twice counts once. Only pieces are said again.
        let twice: Vec<_> = whole
            .iter()
            .flat_map(|event| {
                let times = if event.name == Some("content_block_delta") { 1 } else { 2 };
                std::iter::repeat_n(event.clone(), times)
            })
            .collect();
        prop_assert_eq!(&gathered(&twice).unwrap(), &read);
    }
}
