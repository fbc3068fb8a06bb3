//! How requests, answers and streams of `generateContent` are read and written.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{EventReader, fields, parts_in, read_answer, write_request};
use crate::conversation::{Format, Part, Reasoning, Request, Source, Speaker, ToolChoice, ToolResult};
use crate::events::StreamError;
use crate::fields::{Fate, Meaning};
use crate::gate::Gate;
use crate::reply::{Stop, Usage};
use crate::trial::{
    self, Said, Stream, call, conversations, document, full, request, result, stands, text, told, tool,
};
use crate::{Dialect, Untranslatable, Wanted};

fn written_for(model: &str, request: &Request<'_>) -> Result<(Value, Vec<String>), Untranslatable> {
    let mut gate = Gate::new(Dialect::Chat, Dialect::Gemini);
    let body = write_request(request, Wanted { model, max_output_tokens: 4096 }, &mut gate)?;
    Ok((serde_json::from_slice(&body).expect("JSON"), gate.into_dropped()))
}

fn written(request: &Request<'_>) -> Value {
    written_for("gemini-2.5-pro", request).expect("a body").0
}

/// What the contents say, in their order.
fn said(body: &Value) -> Vec<Said> {
    let mut said = Vec::new();
    let mut last = "";
    for content in body["contents"].as_array().unwrap() {
        let role = content["role"].as_str().unwrap();
        assert_ne!(role, last, "sides alternate");
        last = role;
        for part in content["parts"].as_array().unwrap() {
            let name = |holder: &Value| holder["name"].as_str().unwrap().to_owned();
            if let Some(call) = part.get("functionCall") {
                assert_eq!(role, "model");
                said.push(Said::Call(name(call), call["args"].clone()));
            } else if let Some(response) = part.get("functionResponse") {
                assert_eq!(role, "user");
                let output = response["response"]["output"].as_str().unwrap();
                said.push(Said::Result(name(response), output.to_owned()));
            } else {
                let text = part["text"].as_str().unwrap().to_owned();
                said.push(if role == "model" { Said::Assistant(text) } else { Said::User(text) });
            }
        }
    }
    said
}

proptest! {
    #[test]
    fn a_conversation_says_in_contents_what_it_said((turns, meant) in conversations()) {
        prop_assert_eq!(said(&written(&request(turns))), meant);
    }

    #[test]
    fn a_request_is_a_prefix_of_the_one_with_the_next_turn((turns, _) in conversations()) {
        let bytes = |turns| {
            let mut gate = Gate::new(Dialect::Chat, Dialect::Gemini);
            write_request(&request(turns), Wanted { model: "m", max_output_tokens: 1 }, &mut gate).unwrap()
        };
        let mut more = trial::again(&turns);
        let side = more.last().is_some_and(|turn| turn.0 == Speaker::Assistant);
        more.push((if side { Speaker::User } else { Speaker::Assistant }, vec![text("and so on")]));
        let (shorter, longer) = (bytes(turns), bytes(more));
        prop_assert!(longer.starts_with(&shorter[..shorter.len() - 2]));
    }

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

/// Every meaning that the list says is carried stands where it says.
#[test]
fn what_is_carried_stands_at_its_path() {
    let mut request = full();
    request.seed = Some("7");
    request.presence_penalty = Some("0.1");
    request.frequency_penalty = Some("0.2");
    request.choices = Some(2);
    request.turns[0]
        .parts
        .push(Part::Image { source: Source::Link("https://example.com/a.png?b".into()), detail: None });
    let body = written(&request);
    for meaning in CARRIED {
        match fields::request_fate(meaning) {
            Fate::Carried(path) | Fate::Converted(path, _) => {
                assert!(stands(&body, path), "{meaning:?}: {path}")
            }
            other => panic!("{meaning:?} is {other:?}"),
        }
    }
    assert_eq!(body["generationConfig"]["temperature"].to_string(), "0.5");
    assert_eq!(body["toolConfig"]["functionCallingConfig"]["mode"], "VALIDATED");
    assert!(body.get("model").is_none() && body.get("stream").is_none());
}

const CARRIED: [Meaning; 31] = [
    Meaning::Model,
    Meaning::System,
    Meaning::Turns,
    Meaning::Text,
    Meaning::Image,
    Meaning::ImageLink,
    Meaning::Document,
    Meaning::DocumentLink,
    Meaning::AudioInput,
    Meaning::ToolCall,
    Meaning::ToolResult,
    Meaning::ToolResultMedia,
    Meaning::ToolResultError,
    Meaning::RefusalText,
    Meaning::Tools,
    Meaning::ToolStrictness,
    Meaning::ToolChoice,
    Meaning::MaxOutputTokens,
    Meaning::Temperature,
    Meaning::TopP,
    Meaning::TopK,
    Meaning::Stop,
    Meaning::Seed,
    Meaning::PresencePenalty,
    Meaning::FrequencyPenalty,
    Meaning::Choices,
    Meaning::JsonObject,
    Meaning::JsonSchema,
    Meaning::ReasoningEffort,
    Meaning::ReasoningBudget,
    Meaning::StreamUsage,
];

#[test]
fn results_follow_their_calls_in_the_order_of_these_and_before_texts() {
    let failed =
        ToolResult { id: "1".into(), name: Some("f".into()), parts: vec![text("a"), text("b")], error: true };
    let body = written(&request(vec![
        (Speaker::User, vec![text("go")]),
        (Speaker::Assistant, vec![call("1", "f", r#"{"a":1.50}"#), call("2", "g", " ")]),
        (Speaker::User, vec![text("well"), result("2", "g", vec![])]),
        (Speaker::System, vec![text("be brief")]),
        (Speaker::User, vec![Part::ToolResult(failed)]),
    ]));
    let expected = json!([
        { "role": "user", "parts": [{ "text": "go" }] },
        { "role": "model", "parts": [
            { "functionCall": { "name": "f", "args": { "a": 1.50 } } },
            { "functionCall": { "name": "g", "args": {} } },
        ] },
        { "role": "user", "parts": [
            { "functionResponse": { "name": "f", "response": { "error": ["a", "b"] } } },
            { "functionResponse": { "name": "g", "response": { "output": "" } } },
            { "text": "well" },
            { "text": "<system>be brief</system>" },
        ] },
    ]);
    assert_eq!(body["contents"], expected);
}

#[test]
fn the_first_call_of_a_step_is_signed_for_models_that_want_that() {
    let request = request(vec![
        (Speaker::User, vec![text("go")]),
        (Speaker::Assistant, vec![text("so"), call("1", "f", "{}"), call("2", "f", "{}")]),
        (Speaker::User, vec![result("1", "f", vec![]), result("2", "f", vec![])]),
    ]);
    let (body, _) = written_for("gemini-3-pro", &request).unwrap();
    let parts = &body["contents"][1]["parts"];
    assert_eq!(parts[1]["thoughtSignature"], "skip_thought_signature_validator");
    assert!(parts[0].get("thoughtSignature").is_none() && parts[2].get("thoughtSignature").is_none());
    assert!(!written(&request).to_string().contains("thoughtSignature"));
}

#[test]
fn what_has_no_form_is_refused_by_the_name_of_its_turn() {
    let cases = [
        vec![(Speaker::User, vec![result("1", "f", vec![])])],
        vec![
            (Speaker::Assistant, vec![call("1", "f", "{}")]),
            (Speaker::User, vec![result("1", "f", vec![])]),
            (Speaker::Assistant, vec![text("so")]),
            (Speaker::User, vec![result("1", "f", vec![])]),
        ],
        vec![(Speaker::Assistant, vec![call("1", "f", r#"{"a":"#)])],
        vec![(Speaker::Assistant, vec![call("1", "f", "[1]")])],
        vec![(Speaker::User, vec![call("1", "f", "{}")])],
        vec![(Speaker::System, vec![Part::Image { source: trial::bytes("image/png"), detail: None }])],
    ];
    for turns in cases {
        let last = format!("messages[{}]", turns.len() - 1);
        assert_eq!(written_for("m", &request(turns)).unwrap_err().field, last);
    }
}

#[test]
fn choices_of_tools_have_their_modes() {
    let mode = |choice, strict| {
        let tools = vec![tool("f", strict)];
        let body = written(&Request { tools, tool_choice: choice, ..Request::default() });
        body.get("toolConfig").map(|config| config["functionCallingConfig"].to_string())
    };
    assert_eq!(mode(None, None), None);
    assert_eq!(mode(None, Some(true)).as_deref(), Some(r#"{"mode":"VALIDATED"}"#));
    assert_eq!(mode(Some(ToolChoice::Auto), None).as_deref(), Some(r#"{"mode":"AUTO"}"#));
    assert_eq!(mode(Some(ToolChoice::None), None).as_deref(), Some(r#"{"mode":"NONE"}"#));
    assert_eq!(mode(Some(ToolChoice::Any), Some(true)).as_deref(), Some(r#"{"mode":"ANY"}"#));
    let named = mode(Some(ToolChoice::Named("f".into())), None);
    assert_eq!(named.as_deref(), Some(r#"{"mode":"ANY","allowedFunctionNames":["f"]}"#));
}

#[test]
fn thinking_is_said_as_the_generation_has_it() {
    let thinking = |model, reasoning| {
        let request = Request { reasoning: Some(reasoning), ..Request::default() };
        let (body, _) = written_for(model, &request).unwrap();
        body["generationConfig"]["thinkingConfig"].to_string()
    };
    let effort = |word: &'static str| Reasoning::Effort(word.into());
    let budget = |tokens: i64| format!(r#"{{"thinkingBudget":{tokens},"includeThoughts":true}}"#);
    assert_eq!(thinking("gemini-2.5-pro", effort("medium")), budget(4096));
    assert_eq!(thinking("gemini-2.5-pro", effort("xhigh")), budget(24_576));
    assert_eq!(thinking("gemini-2.5-pro", Reasoning::Budget(2000)), budget(2000));
    assert_eq!(thinking("gemini-3-pro", Reasoning::Adaptive), budget(-1));
    assert_eq!(thinking("gemini-3-pro", Reasoning::Off), r#"{"thinkingBudget":0}"#);
    let level = r#"{"thinkingLevel":"low","includeThoughts":true}"#;
    assert_eq!(thinking("gemini-3-pro", effort("minimal")), level);
}

#[test]
fn any_json_is_asked_for_by_its_media_type() {
    let body = written(&Request { format: Some(Format::Json), ..Request::default() });
    assert_eq!(body["generationConfig"], json!({ "responseMimeType": "application/json" }));
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
