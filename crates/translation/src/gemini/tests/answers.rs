//! How answers and streams of `generateContent` are read.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{EventReader, fields, parts_in, read_answer};
use crate::events::StreamError;
use crate::reply::{Stop, Usage};
use crate::trial::{self, Stream, document, stands, told};

proptest! {
    #[test]
    fn nothing_that_arrives_makes_a_reader_panic(bodies in prop::collection::vec(trial::any_json(), 1..4)) {
        let documents: Vec<_> = bodies.iter().map(|body| document(body)).collect();
        let mut reader = EventReader::default();
        let mut stream = Stream::default();
        let mut events = Vec::new();
        for document in &documents {
            let _ = read_answer(document);
            if reader.read(document, &mut events).is_err() {
                break;
            }
        }
        stream.add(&events);
        let mut rest = Vec::new();
        reader.end_of_body(&mut rest);
        stream.add(&rest);
    }

    #[test]
    fn a_bent_answer_makes_no_reader_panic(body in trial::bent(fields::ANSWER)) {
        let document = document(&body);
        let _ = read_answer(&document);
        let mut reader = EventReader::default();
        let mut stream = Stream::default();
        let mut events = Vec::new();
        let _ = reader.read(&document, &mut events);
        stream.add(&events);
    }

    #[test]
    fn it_does_not_matter_how_an_answer_is_cut_into_chunks(
        pieces in prop::collection::vec((0..3_u8, "[a-z]{1,6}"), 1..12),
        cuts in prop::collection::vec(1..4_usize, 12),
    ) {
        let parts: Vec<Value> = pieces
            .iter()
            .map(|(kind, word)| match kind {
                0 => json!({ "text": word }),
                1 => json!({ "text": word, "thought": true }),
                _ => json!({ "functionCall": { "name": word, "args": { "a": word } } }),
            })
            .collect();
        let chunk = |parts: &[Value]| {
            json!({
                "candidates": [{ "content": { "role": "model", "parts": parts }, "finishReason": "STOP" }],
                "responseId": "r",
            })
        };
        let whole = document(&chunk(&parts).to_string());
        let answer = read_answer(&whole).unwrap();
        let mut reader = EventReader::default();
        let mut stream = Stream::default();
        let mut rest = parts.as_slice();
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            let document = document(&chunk(now).to_string());
            let mut events = Vec::new();
            reader.read(&document, &mut events).unwrap();
            stream.add(&events);
        }
        let mut events = Vec::new();
        reader.end_of_body(&mut events);
        stream.add(&events);
        prop_assert!(stream.ended);
        if rest.is_empty() {
            prop_assert_eq!(&stream.choices[0].parts, &told(&answer.choices[0]));
            prop_assert_eq!(stream.choices[0].stop, Some(answer.choices[0].stop));
        }
    }
}

#[test]
fn every_field_of_an_answer_stands_in_its_example_and_is_read_with_it() {
    for field in fields::ANSWER {
        let mut body = json!({ "candidates": [] });
        body[field.example.0] = serde_json::from_str(field.example.1).unwrap();
        assert!(stands(&body, field.name), "{}", field.name);
        assert!(read_answer(&document(&body.to_string())).is_some(), "{}", field.name);
    }
}

#[test]
fn an_answer_tells_parts_usage_and_why_it_ended() {
    let document = document(
        r#"{"candidates":[{"content":{"parts":[
            {"text":"Hm","thought":true},{"text":"m.","thought":true},{"text":"He"},{"text":"llo"},
            {"functionCall":{"name":"f","args":{"a":1}}},{"functionCall":{"name":"f","args":{"a":1}}},
            {"functionCall":{"id":"x","name":"g"}},{"text":"","thoughtSignature":"AA=="}]},
            "finishReason":"STOP"}],
        "responseId":"r1","modelVersion":"gemini-3","createTime":"1970-01-01T00:00:09.5Z",
        "usageMetadata":{"promptTokenCount":9,"cachedContentTokenCount":4,"candidatesTokenCount":5,
            "thoughtsTokenCount":2,"toolUsePromptTokenCount":1,"totalTokenCount":17}}"#,
    );
    let answer = read_answer(&document).unwrap();
    assert_eq!(answer.id.as_deref(), Some("r1"));
    assert_eq!(answer.model.as_deref(), Some("gemini-3"));
    assert_eq!(answer.created, Some(9));
    let parts = told(&answer.choices[0]);
    assert_eq!(parts[0], ("reasoning".to_owned(), "Hmm.".to_owned()));
    assert_eq!(parts[1], ("text".to_owned(), "Hello".to_owned()));
    assert_ne!(parts[2].0, parts[3].0, "each call has its own id");
    assert_eq!(parts[4], ("call g x".to_owned(), "{}".to_owned()));
    assert_eq!(parts.len(), 5);
    assert_eq!(answer.choices[0].stop, Stop::ToolUse);
    let usage =
        Usage { input: Some(10), cached: Some(4), cache_write: None, output: Some(7), reasoning: Some(2) };
    assert_eq!(answer.usage, Some(usage));
}

#[test]
fn a_refused_prompt_is_an_answer_without_words() {
    let refused =
        document(r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}"#);
    let answer = read_answer(&refused).unwrap();
    assert_eq!(answer.choices[0].stop, Stop::Refusal);
    assert!(answer.choices[0].parts.is_empty());
    assert!(read_answer(&document(r#"{"error":{"code":400}}"#)).is_none());
}

#[test]
fn reasons_to_end_are_told_by_the_table() {
    for (word, stop) in parts_in::FINISH_REASONS {
        let body = json!({ "candidates": [{ "finishReason": word }] }).to_string();
        let document = document(&body);
        assert_eq!(read_answer(&document).unwrap().choices[0].stop, *stop, "{word}");
    }
    let document = document(r#"{"candidates":[{"finishReason":"NEWER_WORD"}]}"#);
    assert_eq!(read_answer(&document).unwrap().choices[0].stop, Stop::End);
}

fn streamed(chunks: &[&str]) -> Result<Stream, StreamError> {
    let mut reader = EventReader::default();
    let mut stream = Stream::default();
    for chunk in chunks {
        let document = document(chunk);
        let mut events = Vec::new();
        let read = reader.read(&document, &mut events);
        stream.add(&events);
        read?;
    }
    let mut events = Vec::new();
    reader.end_of_body(&mut events);
    stream.add(&events);
    Ok(stream)
}

#[test]
fn a_stream_ends_with_its_body_when_every_choice_told_why() {
    let first = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#;
    let second = r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"index":1}]}"#;
    let third = r#"{"candidates":[{"content":{"parts":[{"text":"c"}]},"index":0},{"index":1,"finishReason":"MAX_TOKENS"}]}"#;
    let stream = streamed(&[first, second, third]).unwrap();
    assert!(stream.ended);
    assert_eq!(stream.choices[0].parts, [("text".to_owned(), "ac".to_owned())]);
    assert_eq!(stream.choices[0].stop, Some(Stop::End));
    assert_eq!(stream.choices[1].stop, Some(Stop::Length));
    let broken = streamed(&[first, second]).unwrap();
    assert!(!broken.ended, "the second choice did not end");
    assert_eq!(broken.choices[1].stop, None);
    assert!(!streamed(&[]).unwrap().ended);
}

#[test]
fn a_call_after_the_reason_to_end_is_that_reason() {
    let ended = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#;
    let called = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}"#;
    assert_eq!(streamed(&[ended, called]).unwrap().choices[0].stop, Some(Stop::ToolUse));
}

#[test]
fn errors_and_strangers_in_a_stream_are_told_apart() {
    assert_eq!(streamed(&[r#"{"error":{"code":503}}"#]).unwrap_err(), StreamError::Reported);
    for strange in [
        "[]",
        "{}",
        r#"{"choices":[]}"#,
        r#"{"candidates":[{"index":-1}]}"#,
        r#"{"candidates":[{"index":4000}]}"#,
    ] {
        assert_eq!(streamed(&[strange]).unwrap_err(), StreamError::Invalid, "{strange}");
    }
}

#[test]
fn parts_of_a_streamed_choice_are_bounded() {
    let chunk = r#"{"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b","thought":true}]}}]}"#;
    assert!(streamed(&vec![chunk; 2048]).is_ok());
    assert_eq!(streamed(&vec![chunk; 2049]).unwrap_err(), StreamError::Invalid);
}
