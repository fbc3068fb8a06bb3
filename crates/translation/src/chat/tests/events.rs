//! Streams, read and written back, and put together as the official SDKs do it.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::envelope;
use crate::Dialect;
use crate::events::{Events, StreamError, Written};

fn chunk(delta: Json, stop: Option<&str>) -> Json {
    json!({"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m",
        "choices":[{"index":0,"delta":delta,"finish_reason":stop}]})
}

/// What a stream of these chunks becomes; `[DONE]` after them where `done` says so.
fn through(chunks: &[Json], done: bool, usage: bool) -> Result<Vec<Written>, StreamError> {
    let mut events = Events::new(Dialect::Chat, Dialect::Chat, envelope(usage)).unwrap();
    let mut out = Vec::new();
    for chunk in chunks {
        events.event(None, &Bytes::from(chunk.to_string()), &mut out)?;
    }
    if done {
        events.event(None, &Bytes::from_static(b"[DONE]"), &mut out)?;
    }
    events.end_of_body(&mut out);
    Ok(out)
}

/// Puts chunks together as SDKs do: texts are joined, calls by their numbers.
#[derive(Debug, Default, PartialEq)]
struct Whole {
    content: String,
    reasoning: String,
    refusal: String,
    calls: Vec<(String, String, String)>,
    stops: Vec<String>,
    usage: Option<Json>,
    done: bool,
}

fn whole(written: &[Written]) -> Whole {
    let mut whole = Whole::default();
    for event in written {
        assert!(event.name.is_none() && !whole.done);
        if event.data == "[DONE]" {
            whole.done = true;
            continue;
        }
        let chunk: Json = serde_json::from_slice(&event.data).unwrap();
        if !chunk["usage"].is_null() {
            whole.usage = Some(chunk["usage"].clone());
        }
        for choice in chunk["choices"].as_array().unwrap() {
            let delta = &choice["delta"];
            let text = |name: &str| delta[name].as_str().unwrap_or_default();
            whole.content += text("content");
            whole.reasoning += text("reasoning_content");
            whole.refusal += text("refusal");
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let index = call["index"].as_u64().unwrap() as usize;
                if index == whole.calls.len() {
                    let of = |value: &Json| value.as_str().unwrap().to_owned();
                    whole.calls.push((of(&call["id"]), of(&call["function"]["name"]), String::new()));
                }
                whole.calls[index].2 += call["function"]["arguments"].as_str().unwrap();
            }
            whole.stops.extend(choice["finish_reason"].as_str().map(str::to_owned));
        }
    }
    whole
}

fn conversation() -> Vec<Json> {
    vec![
        chunk(json!({"role":"assistant","content":""}), None),
        chunk(json!({"reasoning_content":"hm"}), None),
        chunk(json!({"content":"It is "}), None),
        chunk(json!({"content":"so"}), None),
        chunk(
            json!({"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}),
            None,
        ),
        chunk(json!({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}), None),
        chunk(
            json!({"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}),
            None,
        ),
        chunk(json!({"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}), None),
        chunk(json!({}), Some("tool_calls")),
        json!({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}),
    ]
}

#[test]
fn a_stream_is_put_together_as_it_was_meant() {
    let whole = whole(&through(&conversation(), true, true).unwrap());
    let expected = Whole {
        content: "It is so".into(),
        reasoning: "hm".into(),
        refusal: String::new(),
        calls: vec![("a".into(), "f".into(), r#"{"x":1}"#.into()), ("b".into(), "g".into(), "{}".into())],
        stops: vec!["tool_calls".into()],
        usage: Some(json!({"prompt_tokens":3,"completion_tokens":2,"total_tokens":5})),
        done: true,
    };
    assert_eq!(whole, expected);
}

#[test]
fn content_in_a_list_is_thoughts_and_text() {
    let thought = json!({"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]});
    let text = json!({"content":[{"type":"text","text":"a"}]});
    let told = whole(&through(&[chunk(thought, None), chunk(text, Some("stop"))], true, false).unwrap());
    assert_eq!((told.reasoning.as_str(), told.content.as_str()), ("hm", "a"));
}

#[test]
fn usage_is_told_only_to_those_who_asked() {
    assert!(whole(&through(&conversation(), true, false).unwrap()).usage.is_none());
}

#[test]
fn the_first_chunk_names_the_role_and_every_chunk_the_answer() {
    let written = through(&conversation(), true, false).unwrap();
    let first: Json = serde_json::from_slice(&written[0].data).unwrap();
    assert_eq!(first["choices"][0]["delta"], json!({"role":"assistant","content":null}));
    for event in &written[..written.len() - 1] {
        let chunk: Json = serde_json::from_slice(&event.data).unwrap();
        assert_eq!((&chunk["id"], &chunk["created"]), (&json!("chatcmpl-1"), &json!(5)));
    }
}

#[test]
fn a_second_end_and_what_follows_it_say_nothing() {
    let mut chunks = conversation();
    chunks.push(chunk(json!({"content":"more"}), Some("stop")));
    let whole = whole(&through(&chunks, true, false).unwrap());
    assert_eq!((whole.content.as_str(), whole.stops.len(), whole.done), ("It is so", 1, true));
}

#[test]
fn a_stream_that_breaks_off_has_no_end() {
    let whole_one = whole(&through(&conversation()[..4], false, true).unwrap());
    assert!(!whole_one.done && whole_one.stops.is_empty());
    let without_mark = whole(&through(&conversation(), false, true).unwrap());
    assert!(without_mark.done, "every answer said why it ended");
}

#[test]
fn the_mark_of_the_end_ends_answers_that_did_not_say_why() {
    let whole = whole(&through(&conversation()[..8], true, false).unwrap());
    assert_eq!((whole.stops, whole.done), (vec!["tool_calls".to_owned()], true));
}

#[test]
fn answers_are_begun_in_the_order_of_their_numbers() {
    let chunks = [json!({"choices":[{"index":2,"delta":{"content":"c"}}]})];
    let written = through(&chunks, false, false).unwrap();
    let order: Vec<u64> = written
        .iter()
        .map(|event| {
            serde_json::from_slice::<Json>(&event.data).unwrap()["choices"][0]["index"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(order, [0, 1, 2, 2]);
}

#[test]
fn calls_of_a_provider_that_does_not_count_or_gives_no_ids_stay_apart() {
    let call =
        |id: &str| json!({"tool_calls":[{"index":0,"id":id,"function":{"name":"f","arguments":"{}"}}]});
    let read =
        whole(&through(&[chunk(call("a"), None), chunk(call("b"), Some("stop"))], true, false).unwrap());
    assert_eq!(read.calls.len(), 2);
    assert_eq!(read.stops, ["tool_calls"]);
    let read = whole(&through(&[chunk(call(""), Some("stop"))], true, false).unwrap());
    assert!(read.calls[0].0.starts_with("call_"));
}

#[test]
fn faults_and_what_is_no_chunk_end_the_stream() {
    let cases = [
        (json!({"error":{"message":"m"}}), StreamError::Reported),
        (json!([]), StreamError::Invalid),
        (json!({"choices":{}}), StreamError::Invalid),
        (json!({"type":"ping"}), StreamError::Invalid),
        (json!({"choices":[{"index":4_000_000_000_u64,"delta":{}}]}), StreamError::Invalid),
        (
            chunk(json!({"tool_calls":[{"index":3,"function":{"arguments":"{}"}}]}), None),
            StreamError::Invalid,
        ),
    ];
    for (chunk, error) in cases {
        assert_eq!(through(std::slice::from_ref(&chunk), false, false).unwrap_err(), error, "{chunk}");
    }
}

#[test]
fn parts_without_number_are_refused() {
    let calls: Vec<Json> = (0..5000)
        .map(|index| json!({"index":index,"id":format!("c{index}"),"function":{"name":"f","arguments":""}}))
        .collect();
    assert_eq!(
        through(&[chunk(json!({"tool_calls":calls}), None)], false, false).unwrap_err(),
        StreamError::Invalid
    );
}

proptest! {
    #[test]
    fn where_texts_are_cut_does_not_matter(
        words in proptest::collection::vec("\\PC{0,8}", 1..6),
        arguments in proptest::collection::vec("\\PC{0,8}", 1..6),
    ) {
        let call = |text: &str| json!({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":text}}]});
        let piece = |text: &str| json!({"tool_calls":[{"index":0,"function":{"arguments":text}}]});
        let mut cut: Vec<Json> = words.iter().map(|word| chunk(json!({"content":word}), None)).collect();
        cut.push(chunk(call(""), None));
        cut.extend(arguments.iter().map(|text| chunk(piece(text), None)));
        cut.push(chunk(json!({}), Some("tool_calls")));
        let at_once = [
            chunk(json!({"content":words.concat()}), None),
            chunk(call(&arguments.concat()), Some("tool_calls")),
        ];
        let (cut, at_once) = (through(&cut, true, true).unwrap(), through(&at_once, true, true).unwrap());
        prop_assert_eq!(whole(&cut), whole(&at_once));
    }
}
