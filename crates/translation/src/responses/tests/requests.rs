//! Requests: what each field becomes, and the named cases.

use super::super::{echo, read_request};
use super::{document, gate, generous, plain};
use crate::conversation::{Format, Part, Reasoning, Request, Source, Speaker, ToolChoice};
use crate::fields::{Fate, Field, Meaning};
use crate::gate::Untranslatable;

const TOOL: &str = r#"{"type":"function","name":"look","description":"d","parameters":{"type":"object"}}"#;

fn read(
    json: &str,
    fates: fn(Meaning) -> Fate,
    then: impl FnOnce(Request<'_>),
) -> Result<Vec<String>, Untranslatable> {
    let mut gate = gate(fates);
    let document = document(json);
    then(read_request(&document, &mut gate)?);
    Ok(gate.into_dropped())
}

/// A request in which a field's example stands.
fn example(field: &Field) -> String {
    let mut members = vec![
        ("model", r#""m""#.to_owned()),
        ("input", r#"[{"role":"user","content":"hi"}]"#.to_owned()),
        ("tools", format!("[{TOOL}]")),
    ];
    members.retain(|(name, _)| *name != field.example.0);
    members.push((field.example.0, field.example.1.to_owned()));
    let members: Vec<String> = members.iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
    format!("{{{}}}", members.join(","))
}

/// A path without its numbers.
fn without_numbers(path: &str) -> String {
    path.chars().filter(|character| !character.is_ascii_digit()).collect()
}

#[test]
fn every_field_is_carried_dropped_or_refused_by_its_name_as_the_lists_say() {
    for field in super::super::fields::REQUEST {
        let read = read(&example(field), plain, |_| {});
        match (plain(field.meaning), read) {
            _ if field.meaning == Meaning::Model => {}
            (Fate::Carried(_) | Fate::Converted(..), Ok(dropped)) => {
                assert!(dropped.is_empty(), "{}: {dropped:?}", field.name);
            }
            (Fate::Dropped, Ok(dropped)) => {
                assert_eq!(dropped.len(), 1, "{}", field.name);
                assert_eq!(without_numbers(&dropped[0]), field.name);
            }
            (Fate::Refused, Err(refusal)) => assert_eq!(without_numbers(&refusal.field), field.name),
            (fate, read) => panic!("{}: {fate:?}, but {read:?}", field.name),
        }
    }
}

#[test]
fn what_no_other_dialect_can_answer_is_refused_wherever_it_goes() {
    let never = [
        Meaning::FileId,
        Meaning::StoredState,
        Meaning::ServerTools,
        Meaning::FreeTextTools,
        Meaning::ToolSubset,
        Meaning::TopLogProbs,
        Meaning::LogProbs,
        Meaning::Store,
        Meaning::Background,
        Meaning::Truncation,
        Meaning::ContextManagement,
    ];
    for field in super::super::fields::REQUEST {
        let refused = read(&example(field), generous, |_| {}).is_err();
        assert_eq!(refused, never.contains(&field.meaning), "{}", field.name);
    }
}

#[test]
fn values_with_which_nothing_changes_are_dropped_where_the_field_would_be_refused() {
    let json = r#"{"input":"hi","store":false,"background":false,"truncation":"disabled","top_logprobs":0,
        "parallel_tool_calls":true,"context_management":[],"reasoning":{"effort":"none","context":"auto",
        "mode":"standard"},"previous_response_id":null,"nobody_knows_this":null,"text":{"format":{"type":"text"}}}"#;
    let dropped = read(json, plain, |_| {}).unwrap();
    let expected = [
        "store",
        "background",
        "truncation",
        "top_logprobs",
        "parallel_tool_calls",
        "context_management",
        "reasoning.effort",
        "reasoning.context",
        "reasoning.mode",
    ];
    assert_eq!(dropped, expected);
}

#[test]
fn unknown_members_are_refused_by_their_paths_at_every_level() {
    let cases = [
        (r#"{"input":"hi","x":1}"#, "x"),
        (r#"{"input":[{"role":"user","content":"a","x":1}]}"#, "input[0].x"),
        (
            r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"a","x":1}]}]}"#,
            "input[0].content[0].x",
        ),
        (r#"{"input":[{"role":"user","content":[{"type":"input_smell"}]}]}"#, "input[0].content[0]"),
        (
            r#"{"input":[{"type":"function_call","call_id":"c","name":"n","namespace":"s"}]}"#,
            "input[0].namespace",
        ),
        (
            r#"{"input":[{"type":"function_call","call_id":"c","name":"n","caller":{"type":"program","caller_id":"p"}}]}"#,
            "input[0].caller",
        ),
        (r#"{"input":[{"type":"reasoning","summary":[],"x":1}]}"#, "input[0].x"),
        (r#"{"input":[{"type":"compaction","encrypted_content":"e"}]}"#, "input[0]"),
        (r#"{"input":["hi"]}"#, "input[0]"),
        (
            r#"{"input":"hi","tools":[{"type":"function","name":"n","defer_loading":true}]}"#,
            "tools[0].defer_loading",
        ),
        (r#"{"input":"hi","text":{"x":1}}"#, "text.x"),
        (r#"{"input":"hi","text":{"format":{"type":"json_object","x":1}}}"#, "text.format.x"),
        (r#"{"input":"hi","reasoning":{"mode":"pro"}}"#, "reasoning.mode"),
        (r#"{"input":"hi","stream_options":{"x":1}}"#, "stream_options.x"),
        (r#"{"input":"hi","tool_choice":{"type":"function","name":"n","x":1}}"#, "tool_choice.x"),
        (r#"{"input":"hi","prompt_cache_options":{"prewarm":true}}"#, "prompt_cache_options.prewarm"),
    ];
    for (json, field) in cases {
        assert_eq!(read(json, generous, |_| {}).unwrap_err().field, field);
    }
}

#[test]
fn what_is_not_a_request_is_refused_by_the_field_at_fault() {
    let cases = [
        ("{}", "input"),
        (r#"{"input":7}"#, "input"),
        (r#"{"input":[1]}"#, "input"),
        (r#"{"input":"a","temperature":"hot"}"#, "temperature"),
        (r#"{"input":"a","max_output_tokens":-1}"#, "max_output_tokens"),
        (r#"{"input":"a","stream":"yes"}"#, "stream"),
        (r#"{"input":[{"role":"bot","content":"a"}]}"#, "input[0].role"),
        (r#"{"input":[{"role":"user"}]}"#, "input[0].content"),
        (r#"{"input":[{"type":"function_call","name":"n"}]}"#, "input[0]"),
        (r#"{"input":[{"type":"function_call_output","call_id":"c"}]}"#, "input[0]"),
        (r#"{"input":"a","text":{"format":{"type":"json_schema","name":"n"}}}"#, "text.format.schema"),
        (
            r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"ftp://a/b"}]}]}"#,
            "input[0].content[0].image_url",
        ),
        (
            r#"{"input":[{"role":"user","content":[{"type":"input_file","file_data":"JVBERi0="}]}]}"#,
            "input[0].content[0].file_data",
        ),
    ];
    for (json, field) in cases {
        assert_eq!(read(json, generous, |_| {}).unwrap_err().field, field, "{json}");
    }
}

#[test]
fn an_agents_request_is_read_with_all_that_is_said() {
    let json = r#"{"model":"m","instructions":"Be brief.","input":[
        {"role":"developer","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
        {"type":"message","role":"user","content":[{"type":"input_text","text":"look"}]},
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAA"},
        {"type":"message","id":"msg_1","status":"completed","role":"assistant","phase":"commentary",
         "content":[{"type":"output_text","text":"I look.","annotations":[],"logprobs":[]}]},
        {"type":"function_call","id":"fc_1","status":"completed","call_id":"c1","name":"look","arguments":"{\"at\": 1.0}"},
        {"type":"function_call","call_id":"c2","name":"hear","arguments":"{}"},
        {"type":"function_call_output","call_id":"c2","output":"b"},
        {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"a"}]},
        {"role":"system","content":"Hurry."},
        {"role":"user","content":"and?"}],
      "tools":[{"type":"function","name":"look","description":"d","parameters":{"type":"object"},"strict":false}],
      "tool_choice":"auto","parallel_tool_calls":true,"reasoning":{"effort":"medium","summary":"auto"},
      "store":false,"stream":true,"include":["reasoning.encrypted_content"],"prompt_cache_key":"k",
      "text":{"verbosity":"low"}}"#;
    let dropped = read(json, generous, |request| {
        assert_eq!(request.system, ["Be brief.", "a", "b"]);
        let speakers: Vec<_> = request.turns.iter().map(|turn| (turn.speaker, turn.path.as_str())).collect();
        let expected = [
            (Speaker::User, "input[1]"),
            (Speaker::Assistant, "input[2]"),
            (Speaker::User, "input[6]"),
            (Speaker::User, "input[7]"),
            (Speaker::System, "input[8]"),
            (Speaker::User, "input[9]"),
        ];
        assert_eq!(speakers, expected);
        let [Part::Reasoning(thought), Part::Text(text), Part::ToolCall(look), Part::ToolCall(hear)] =
            request.turns[1].parts.as_slice()
        else {
            panic!("{:?}", request.turns[1])
        };
        assert_eq!((thought.as_ref(), text.as_ref()), ("hm", "I look."));
        assert_eq!((look.id.as_ref(), look.arguments.as_ref()), ("c1", r#"{"at": 1.0}"#));
        assert_eq!(hear.name, "hear");
        let [Part::ToolResult(result)] = request.turns[2].parts.as_slice() else { panic!() };
        assert_eq!(result.id, "c2");
        assert!(matches!(request.reasoning, Some(Reasoning::Effort(ref word)) if word == "medium"));
        assert!(matches!(request.tool_choice, Some(ToolChoice::Auto)));
        assert_eq!(request.tools[0].strict, Some(false));
        assert_eq!(request.parallel_tool_calls, Some(true));
        assert_eq!(request.verbosity.as_deref(), Some("low"));
        assert!(request.stream && request.stream_usage);
    });
    let dropped = dropped.unwrap();
    assert_eq!(dropped, ["include", "input[2].encrypted_content", "input[3].phase"]);
}

#[test]
fn two_messages_of_an_answer_stay_two_turns() {
    let json = r#"{"input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},
        {"role":"assistant","content":"c"}]}"#;
    read(json, generous, |request| assert_eq!(request.turns.len(), 3)).unwrap();
}

#[test]
fn media_are_bytes_or_addresses() {
    let json = r#"{"input":[{"role":"user","content":[
        {"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"low"},
        {"type":"input_image","image_url":"HTTPS://example.com/a"},
        {"type":"input_file","file_data":"data:text\/plain;charset=utf-8;base64,QQ==","filename":"a.txt"},
        {"type":"input_file","file_url":"https://example.com/b.pdf"}]}]}"#;
    read(json, generous, |request| {
        let parts = &request.turns[0].parts;
        let Part::Image { source: Source::Bytes { media_type, data }, detail } = &parts[0] else { panic!() };
        assert_eq!((media_type.as_ref(), data.as_ref(), detail.as_deref()), ("image/png", "AAAA", Some("low")));
        assert!(matches!(&parts[1], Part::Image { source: Source::Link(link), .. } if link == "HTTPS://example.com/a"));
        let Part::Document { source: Source::Bytes { media_type, data }, name } = &parts[2] else { panic!() };
        assert_eq!((media_type.as_ref(), data.as_ref(), name.as_deref()), ("text/plain", "QQ==", Some("a.txt")));
        assert!(matches!(&parts[3], Part::Document { source: Source::Link(_), name: None }));
    })
    .unwrap();
}

#[test]
fn a_picture_in_instructions_is_refused() {
    let json =
        r#"{"input":[{"role":"system","content":[{"type":"input_image","image_url":"https://a/b"}]}]}"#;
    assert_eq!(read(json, generous, |_| {}).unwrap_err().field, "input[0].content[0]");
}

#[test]
fn numbers_and_schemas_are_kept_as_they_are_written() {
    let json = r#"{"input":"hi","temperature":1.50,"top_p":1E-1,"max_output_tokens":7,
        "text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{ "type" : "object" }}}}"#;
    read(json, generous, |request| {
        assert_eq!((request.temperature, request.top_p), (Some("1.50"), Some("1E-1")));
        assert_eq!(request.max_output_tokens, Some(7));
        let Some(Format::Schema { name, schema, strict, .. }) = &request.format else { panic!() };
        assert_eq!((name.as_deref(), *strict), (Some("n"), Some(true)));
        assert_eq!(schema.raw(), r#"{ "type" : "object" }"#);
    })
    .unwrap();
}

#[test]
fn an_answer_repeats_the_request_on_one_line() {
    let json = "{\"input\":\"hi\",\"instructions\":\"a\\nb\",\"tools\":[\n  {\"type\": \"function\",\r\n\"name\":\"n\"}],\"store\":true}";
    let echo = echo(&document(json));
    assert!(!echo.contains(['\n', '\r']), "{echo}");
    let members: serde_json::Value = serde_json::from_str(&format!("{{{echo}}}")).unwrap();
    assert_eq!(members["instructions"], "a\nb");
    assert_eq!(members["tools"][0]["name"], "n");
    assert_eq!(members["tool_choice"], "auto");
    assert_eq!(members["parallel_tool_calls"], true);
    assert_eq!(members["store"], false);
    assert_eq!(members["text"]["format"]["type"], "text");
}
