//! How answers and streams of Converse are read.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{EventReader, answer_in, fields, read_answer};
use crate::events::StreamError;
use crate::reply::{Stop, Usage};
use crate::trial::{self, Stream, document, stands, told};

/// What Bedrock's events would be for blocks of text (0), reasoning (1) and calls (2) whose words come in pieces.
fn streamed_blocks(blocks: &[(u8, Vec<String>)]) -> Vec<(&'static str, Value)> {
    let mut events = vec![("messageStart", json!({ "role": "assistant" }))];
    for (index, (kind, pieces)) in blocks.iter().enumerate() {
        if *kind == 2 {
            let start = json!({ "toolUse": { "toolUseId": format!("t{index}"), "name": "f" } });
            events.push(("contentBlockStart", json!({ "start": start, "contentBlockIndex": index })));
        }
        for piece in pieces {
            let delta = match kind {
                0 => json!({ "text": piece }),
                1 => json!({ "reasoningContent": { "text": piece } }),
                _ => json!({ "toolUse": { "input": piece } }),
            };
            events.push((
                "contentBlockDelta",
                json!({ "delta": delta, "contentBlockIndex": index, "p": "abc" }),
            ));
        }
        events.push(("contentBlockStop", json!({ "contentBlockIndex": index })));
    }
    events.push(("messageStop", json!({ "stopReason": "end_turn" })));
    events.push(("metadata", json!({ "usage": { "inputTokens": 1 }, "metrics": { "latencyMs": 1 } })));
    events
}

fn streamed(events: &[(&str, Value)]) -> Result<Stream, StreamError> {
    let mut reader = EventReader::default();
    let mut stream = Stream::default();
    for (name, data) in events {
        let document = document(&data.to_string());
        let mut events = Vec::new();
        let read = reader.read(Some(*name), &document, &mut events);
        stream.add(&events);
        read?;
    }
    Ok(stream)
}

proptest! {
    #[test]
    fn a_bent_answer_makes_no_reader_panic(body in trial::bent(fields::ANSWER)) {
        let document = document(&body);
        let _ = read_answer(&document);
    }

    #[test]
    fn nothing_that_arrives_makes_a_reader_panic(
        events in prop::collection::vec((0..7_usize, trial::any_json()), 1..6),
    ) {
        const NAMES: [&str; 7] = [
            "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
            "throttlingException",
        ];
        let mut reader = EventReader::default();
        let mut stream = Stream::default();
        for (name, body) in &events {
            let document = document(body);
            let _ = read_answer(&document);
            let mut events = Vec::new();
            let read = reader.read(Some(NAMES[*name]), &document, &mut events);
            stream.add(&events);
            if read.is_err() {
                break;
            }
        }
    }

    #[test]
    fn events_in_any_order_and_number_keep_to_the_order_of_events(
        blocks in prop::collection::vec((0..3_u8, prop::collection::vec("[a-z]{1,4}", 0..3)), 0..4),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let events = streamed_blocks(&blocks);
        let picked: Vec<_> = picks.iter().map(|pick| pick.get(&events).clone()).collect();
        // What is refused is refused; what is told keeps to the contract, which `Stream` checks.
        let _ = streamed(&picked);
    }

    #[test]
    fn a_stream_tells_what_the_whole_answer_tells(
        blocks in prop::collection::vec((0..2_u8, prop::collection::vec("[a-z]{1,4}", 1..4)), 0..5),
        argument in prop::option::of("[a-z]{1,9}"),
    ) {
        let mut blocks = blocks;
        let arguments = argument.map(|word| format!(r#"{{"a":"{word}"}}"#));
        let pieces = arguments.iter().flat_map(|whole| [whole[..3].to_owned(), whole[3..].to_owned()]);
        blocks.push((2, pieces.collect()));
        let content: Vec<Value> = blocks
            .iter()
            .enumerate()
            .map(|(index, (kind, pieces))| match kind {
                0 => json!({ "text": pieces.concat() }),
                1 => json!({ "reasoningContent": { "reasoningText": { "text": pieces.concat() } } }),
                _ => {
                    let input: Value = serde_json::from_str(arguments.as_deref().unwrap_or("{}")).unwrap();
                    json!({ "toolUse": { "toolUseId": format!("t{index}"), "name": "f", "input": input } })
                }
            })
            .collect();
        let whole = document(&json!({ "output": { "message": { "content": content } } }).to_string());
        let answer = read_answer(&whole).unwrap();
        let stream = streamed(&streamed_blocks(&blocks)).unwrap();
        prop_assert!(stream.ended);
        prop_assert_eq!(&stream.choices[0].parts, &told(&answer.choices[0]));
    }
}

#[test]
fn every_field_of_an_answer_stands_in_its_example_and_is_read_with_it() {
    for field in fields::ANSWER {
        let mut body = json!({ "output": { "message": { "content": [] } } });
        body[field.example.0] = serde_json::from_str(field.example.1).unwrap();
        assert!(stands(&body, field.name), "{}", field.name);
        assert!(read_answer(&document(&body.to_string())).is_some(), "{}", field.name);
    }
}

#[test]
fn an_answer_tells_parts_usage_and_why_it_ended() {
    let document = document(
        r#"{"output":{"message":{"role":"assistant","content":[
            {"reasoningContent":{"reasoningText":{"text":"Hm","signature":"x"}}},
            {"reasoningContent":{"redactedContent":"AA=="}},
            {"text":"Hello"},{"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[]}},
            {"toolUse":{"toolUseId":"t1","name":"f","input":{"a": 1.50}}}]}},
        "stopReason":"stop_sequence","additionalModelResponseFields":{"stop_sequence":"END"},
        "usage":{"inputTokens":9,"outputTokens":5,"totalTokens":21,"cacheReadInputTokens":4,"cacheWriteInputTokens":3}}"#,
    );
    let answer = read_answer(&document).unwrap();
    let parts = told(&answer.choices[0]);
    let expected = [("reasoning", "Hm"), ("text", "Hello"), ("text", "ab"), ("call f t1", r#"{"a": 1.50}"#)];
    assert_eq!(parts, expected.map(|(kind, text)| (kind.to_owned(), text.to_owned())));
    assert_eq!(answer.choices[0].stop, Stop::StopSequence);
    assert_eq!(answer.choices[0].stop_sequence.as_deref(), Some("END"));
    let usage =
        Usage { input: Some(16), cached: Some(4), cache_write: Some(3), output: Some(5), reasoning: None };
    assert_eq!(answer.usage, Some(usage));
}

#[test]
fn reasons_to_end_are_told_by_the_table() {
    for (word, stop) in answer_in::STOP_REASONS {
        let document = document(&json!({ "stopReason": word }).to_string());
        assert_eq!(answer_in::stop(document.root()), *stop, "{word}");
    }
    for stop in [Stop::End, Stop::Length, Stop::StopSequence, Stop::ToolUse, Stop::Refusal, Stop::Pause] {
        assert!(answer_in::STOP_REASONS.iter().any(|(_, told)| *told == stop), "{stop:?}");
    }
}

#[test]
fn a_stream_ends_when_it_told_why_and_what_it_costs() {
    let mut events = streamed_blocks(&[(0, vec!["a".to_owned()])]);
    let ended = streamed(&events).unwrap();
    assert!(ended.ended);
    assert_eq!(ended.usage.unwrap().input, Some(1));
    events.pop();
    assert!(!streamed(&events).unwrap().ended, "counts are missing");
    events.push(events.last().cloned().unwrap());
    assert_eq!(streamed(&events).unwrap().choices[0].stop, Some(Stop::End), "a second stop is none");
}

#[test]
fn a_piece_opens_its_part_and_a_call_without_pieces_has_no_arguments() {
    let piece =
        |text: &str| ("contentBlockDelta", json!({ "delta": { "text": text }, "contentBlockIndex": 0 }));
    let stop = ("contentBlockStop", json!({ "contentBlockIndex": 0 }));
    let stream = streamed(&[piece("a"), stop.clone(), stop, piece("b")]).unwrap();
    let texts: Vec<_> = stream.choices[0].parts.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["a", "b"]);
    let stream = streamed(&streamed_blocks(&[(2, vec![])])).unwrap();
    assert_eq!(stream.choices[0].parts, [("call f t0".to_owned(), "{}".to_owned())]);
}

#[test]
fn exceptions_and_strangers_in_a_stream_are_told_apart() {
    let fault = |name, data| streamed(&[(name, data)]).unwrap_err();
    assert_eq!(fault("throttlingException", json!({ "message": "slow" })), StreamError::Reported);
    assert_eq!(fault("messagePause", json!({})), StreamError::Invalid);
    let call = json!({ "delta": { "toolUse": { "input": "{" } }, "contentBlockIndex": 0 });
    assert_eq!(fault("contentBlockDelta", call), StreamError::Invalid);
    assert_eq!(fault("contentBlockStop", json!({})), StreamError::Invalid);
    let document = document("{}");
    assert_eq!(EventReader::default().read(None, &document, &mut Vec::new()), Err(StreamError::Invalid));
    let mut late = streamed_blocks(&[]);
    late.push(("contentBlockDelta", json!({ "delta": { "text": "late" }, "contentBlockIndex": 0 })));
    assert_eq!(streamed(&late).unwrap_err(), StreamError::Invalid);
}

#[test]
fn parts_of_a_stream_are_bounded() {
    let block = (0, vec!["a".to_owned()]);
    assert!(streamed(&streamed_blocks(&vec![block.clone(); 4096])).is_ok());
    assert_eq!(streamed(&streamed_blocks(&vec![block; 4097])).unwrap_err(), StreamError::Invalid);
}
