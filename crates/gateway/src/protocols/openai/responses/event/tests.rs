//! What single events are read as.

use bytes::Bytes;
use flyball_core::json::Limits;

use super::*;
use crate::protocols::Told;

fn parse(text: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap()
}

/// A piece: its text, number of the part and field where it grows, whether it repeats.
type Read = (String, Option<(u32, Field)>, bool);

fn pieces(text: &str) -> Vec<Read> {
    let document = parse(text);
    let text = |piece: &Piece| document.value(piece.node).text().unwrap().into_owned();
    let place = |piece: &Piece| piece.continues().map(|channel| (channel.part, channel.field));
    read(&document).unwrap().pieces.iter().map(|piece| (text(piece), place(piece), piece.repeats)).collect()
}

fn one(event: &str) -> Read {
    let mut pieces = pieces(event);
    assert_eq!(pieces.len(), 1, "{event}");
    pieces.remove(0)
}

#[test]
fn deltas_grow_the_part_that_they_name() {
    for (rest, part, field) in [
        (r#""response.output_text.delta","content_index":2"#, 0x1_0002, Field::Content),
        (r#""response.refusal.delta","content_index":1"#, 0x1_0001, Field::Refusal),
        (r#""response.reasoning_text.delta","content_index":1"#, 0x1_0001, Field::Reasoning),
        (r#""response.reasoning_summary_text.delta","summary_index":1"#, 0x1_8001, Field::Reasoning),
        (r#""response.function_call_arguments.delta""#, 0x1_0000, Field::ToolArguments(0)),
        (r#""response.mcp_call_arguments.delta""#, 0x1_0000, Field::ToolArguments(0)),
        (r#""response.custom_tool_call_input.delta""#, 0x1_0000, Field::ToolInput),
        (r#""response.code_interpreter_call_code.delta""#, 0x1_0000, Field::ToolInput),
        (r#""response.shell_call_command.delta","command_index":3"#, 0x1_0003, Field::ToolInput),
    ] {
        let event = format!(
            r#"{{"type":{rest},"item_id":"i","output_index":1,"sequence_number":4,"delta":"x","obfuscation":"y"}}"#
        );
        assert_eq!(one(&event), ("x".to_owned(), Some((part, field)), false), "{rest}");
        let chunk = read(&parse(&event)).unwrap();
        assert!(chunk.padding.is_some() && chunk.choices == [0] && !chunk.last && !chunk.error);
    }
}

#[test]
fn deltas_of_unknown_kinds_grow_too() {
    let (text, place, repeats) = one(r#"{"type":"response.new.delta","output_index":0,"delta":"x"}"#);
    assert!(text == "x" && matches!(place, Some((0, Field::Other(_)))) && !repeats);
    let shell = pieces(
        r#"{"type":"response.shell_call_output_content.delta","command_index":1,"delta":{"stdout":"a","stderr":"b"}}"#,
    );
    let fields: Vec<_> = shell.iter().map(|(_, place, _)| place.unwrap()).collect();
    assert!(fields[0].0 == 1 && fields[1].0 == 1 && fields[0].1 != fields[1].1);
}

#[test]
fn log_probabilities_grow_beside_the_text() {
    let event = r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"ab",
        "logprobs":[{"token":"a","logprob":-1,"top_logprobs":[{"token":"c"}]},{"token":"b"}]}"#;
    let expected = [
        ("ab", Some((0, Field::Content))),
        ("a", Some((0, Field::LogProbs))),
        ("b", Some((0, Field::LogProbs))),
        ("c", None),
    ];
    assert_eq!(pieces(event), expected.map(|(text, place)| (text.to_owned(), place, false)));
}

#[test]
fn what_begins_with_words_is_continued_by_the_deltas() {
    let part = r#"{"type":"response.content_part.added","output_index":0,"content_index":1,"part":{"type":"output_text","text":"x","annotations":[]}}"#;
    assert_eq!(one(part), ("x".to_owned(), Some((1, Field::Content)), false));
    let call = r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"f","call_id":"c","name":"look","arguments":"x"}}"#;
    assert_eq!(one(call), ("x".to_owned(), Some((0x2_0000, Field::ToolArguments(0))), false));
    assert_eq!(read(&parse(call)).unwrap().names.len(), 1);
    let reasoning = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"x"}]}}"#;
    assert_eq!(one(reasoning), ("x".to_owned(), Some((SUMMARY, Field::Reasoning)), false));
}

#[test]
fn what_is_done_is_told_again_and_closes_its_part() {
    for (rest, arguments) in [
        (r#""response.output_text.done","content_index":1,"text":"x""#, false),
        (r#""response.refusal.done","content_index":1,"refusal":"x""#, false),
        (r#""response.content_part.done","content_index":1,"part":{"type":"output_text","text":"x"}"#, false),
        (r#""response.function_call_arguments.done","content_index":1,"arguments":"x""#, true),
        (
            r#""response.output_item.done","content_index":1,"item":{"type":"function_call","name":"f","arguments":"x"}"#,
            true,
        ),
    ] {
        let event = format!(r#"{{"type":{rest},"item_id":"i","output_index":0}}"#);
        assert_eq!(one(&event), ("x".to_owned(), None, true), "{rest}");
        let chunk = read(&parse(&event)).unwrap();
        assert_eq!(chunk.mark, Mark::Close(1), "{rest}");
        let role = chunk.pieces[0].role();
        assert_eq!(role == TextRole::ToolArguments, arguments, "{rest}");
        assert!(chunk.names.is_empty());
    }
}

#[test]
fn the_response_begins_and_ends_and_tells_usage() {
    let created =
        r#"{"type":"response.created","response":{"id":"r","model":"m","instructions":"x","output":[]}}"#;
    assert_eq!(one(created), ("x".to_owned(), None, true));
    assert_eq!(read(&parse(created)).unwrap().mark, Mark::Begin);
    for kind in ["completed", "incomplete"] {
        let event = format!(
            r#"{{"type":"response.{kind}","response":{{"id":"r","output":[{{"type":"message","content":[{{"type":"output_text","text":"x"}}]}}],
            "usage":{{"input_tokens":3,"input_tokens_details":{{"cached_tokens":1}},"output_tokens":2}}}}}}"#
        );
        assert_eq!(one(&event), ("x".to_owned(), None, true));
        let chunk = read(&parse(&event)).unwrap();
        assert!(chunk.last && chunk.finished == [0] && !chunk.error);
        let told = Told { input: Some(3), cached_input: Some(1), output: Some(2) };
        assert_eq!(chunk.told, Some(told));
    }
}

#[test]
fn faults_are_told_from_answers_and_from_what_is_no_event() {
    for fault in [
        r#"{"type":"error","message":"boom"}"#,
        r#"{"error":{"message":"boom"}}"#,
        r#"{"type":"response.failed","response":{"error":{"message":"boom"}}}"#,
    ] {
        assert!(read(&parse(fault)).unwrap().error, "{fault}");
    }
    for none in ["[]", "{}", r#"{"type":7}"#, r#"{"type":"response.x","output_index":99999}"#] {
        assert!(read(&parse(none)).is_none(), "{none}");
    }
}

#[test]
fn media_and_what_is_encrypted_are_not_texts() {
    for event in [
        r#"{"type":"response.audio.delta","delta":"AAAA"}"#,
        r#"{"type":"response.image_generation_call.partial_image","output_index":0,"item_id":"i","partial_image_b64":"AAAA"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"r","summary":[],"encrypted_content":"AAAA"}}"#,
        r#"{"type":"keepalive","sequence_number":4}"#,
    ] {
        assert_eq!(pieces(event), [], "{event}");
    }
}
