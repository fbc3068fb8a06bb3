//! What requests, answers and events of the completions of old are read as, and how their streams end.

use bytes::{Bytes, BytesMut};
use flyball_core::json::Limits;

use super::*;
use crate::protocols::Ending;

fn parse(text: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap()
}

fn text(document: &Document, node: flyball_core::json::NodeId) -> String {
    document.value(node).text().unwrap().into_owned()
}

#[test]
fn prompts_and_everything_else_that_is_a_string_are_texts() {
    let call = decode(parse(
        r#"{"model":"m","prompt":["a","b"],"suffix":"c","stop":["d"],"user":"e","odd":{"deep":"f"},"max_tokens":7,
            "stream":true,"stream_options":{"include_usage":true}}"#,
    ))
    .unwrap();
    let texts: Vec<_> = call.texts.iter().map(|t| (text(&call.document, t.node), t.role)).collect();
    let expected = [
        ("a", TextRole::User),
        ("b", TextRole::User),
        ("c", TextRole::User),
        ("d", TextRole::Other),
        ("e", TextRole::Other),
        ("f", TextRole::Other),
    ];
    assert_eq!(texts, expected.map(|(text, role)| (text.to_owned(), role)));
    assert!(call.stream && call.stream_usage && !call.unseen_input && !call.has_tools);
    assert_eq!((call.max_output_tokens, call.end_user.as_deref()), (Some(7), Some("e")));
}

#[test]
fn every_answer_that_is_written_counts() {
    for (rest, choices) in [
        (r#""prompt":"a""#, 1),
        (r#""prompt":"a","n":3"#, 3),
        (r#""prompt":["a","b"],"n":3"#, 6),
        (r#""prompt":["a","b"],"n":2,"best_of":5"#, 10),
        (r#""prompt":[1,2,3],"n":2"#, 2),
        (r#""prompt":[[1,2],[3]]"#, 2),
    ] {
        let call = decode(parse(&format!(r#"{{"model":"m",{rest}}}"#))).unwrap();
        assert_eq!(call.choices, choices, "{rest}");
        assert_eq!(call.unseen_input, rest.contains('1'), "{rest}");
    }
}

#[test]
fn wrong_types_name_their_field() {
    for (rest, field) in [
        (r#""n":1"#, "prompt"),
        (r#""prompt":7"#, "prompt"),
        (r#""prompt":[]"#, "prompt"),
        (r#""prompt":[1,"a"]"#, "prompt"),
        (r#""prompt":["a",{}]"#, "prompt[1]"),
        (r#""prompt":[["a"]]"#, "prompt[0]"),
        (r#""prompt":"a","suffix":1"#, "suffix"),
        (r#""prompt":"a","stream":1"#, "stream"),
        (r#""prompt":"a","stream_options":1"#, "stream_options"),
        (r#""prompt":"a","stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
        (r#""prompt":"a","n":0"#, "n"),
        (r#""prompt":"a","best_of":500"#, "best_of"),
        (r#""prompt":"a","max_tokens":-1"#, "max_tokens"),
    ] {
        let refusal = decode(parse(&format!(r#"{{"model":"m",{rest}}}"#))).unwrap_err();
        assert_eq!(refusal.field.as_deref(), Some(field), "{rest}");
    }
}

#[test]
fn answers_have_their_own_texts_by_choice() {
    let document = parse(
        r#"{"id":"-","object":"-","model":"-","choices":[
            {"index":1,"text":"a b","finish_reason":"-","logprobs":{"tokens":["a"]}},{"text":"c"}],
            "note":"n","usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    );
    let answer = answer(&document).unwrap();
    let texts: Vec<_> =
        answer.texts.iter().map(|t| (text(&document, t.text.node), t.choice, t.content)).collect();
    let expected = [("a b", 1, true), ("a", 1, false), ("c", 1, true), ("n", 0, false)];
    assert_eq!(texts, expected.map(|(text, choice, content)| (text.to_owned(), choice, content)));
    assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((3, 2)));
    assert_eq!(tokens(&document), 3);
    assert!(super::answer(&parse("{}")).is_none());
}

#[test]
fn texts_of_events_grow_by_choice() {
    let document = parse(
        r#"{"id":"-","choices":[{"index":2,"text":"a","logprobs":{"tokens":["t"],"top_logprobs":[{"t":-1}]},
            "finish_reason":"stop"}],"note":"n","obfuscation":"-"}"#,
    );
    let chunk = event(&document).unwrap();
    let pieces: Vec<_> = chunk.pieces.iter().map(|p| (text(&document, p.node), p.channel)).collect();
    let channel = |field| Some(Channel { choice: 2, part: 0, field });
    let expected = [("a", channel(Field::Content)), ("t", channel(Field::LogProbs)), ("n", None)];
    assert_eq!(pieces, expected.map(|(text, channel)| (text.to_owned(), channel)));
    assert_eq!((&*chunk.choices, &*chunk.finished), (&[2][..], &[2][..]));
    assert!(chunk.padding.is_some() && !chunk.error && !chunk.only_usage);
    let usage = event(&parse(r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#)).unwrap();
    assert!(usage.only_usage);
    assert!(event(&parse(r#"{"error":{"message":"boom"}}"#)).unwrap().error);
    assert!(event(&parse("[]")).is_none());
}

#[test]
fn a_stream_that_we_end_is_one_that_clients_read() {
    let document = parse(r#"{"id":"cmpl-1","created":5,"model":"m","choices":[{"index":0,"text":"a"}]}"#);
    let (mut envelope, mut out) = (Envelope::default(), BytesMut::new());
    envelope.note(&document, &event(&document).unwrap());
    envelope.refuse(&[0, 1], &mut out);
    let sent = String::from_utf8(out.to_vec()).unwrap();
    let events: Vec<&str> = sent.split_terminator("\n\n").map(|event| &event["data: ".len()..]).collect();
    let first: serde_json::Value = serde_json::from_str(events[0]).unwrap();
    assert_eq!(
        first,
        serde_json::json!({"id": "cmpl-1", "object": "text_completion", "created": 5, "model": "m",
            "choices": [{"index": 0, "text": "", "logprobs": null, "finish_reason": "content_filter"}]})
    );
    assert_eq!((events.len(), events[2]), (3, "[DONE]"));
}
