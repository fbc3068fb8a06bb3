//! Requests for messages: which strings are texts, and whose; what is noticed besides; what is refused.

use bytes::Bytes;
use flyball_core::Text;
use flyball_core::json::Limits;

use super::*;
use crate::pipeline::inspect::words;
use crate::refusal::Kind;

fn decode_text(text: &str) -> Result<Call, Refusal> {
    let document = Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap();
    decode(document, Operation::Chat)
}

/// What a request with these blocks in its one message reads as.
fn blocks(blocks: &str) -> Call {
    decode_text(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{blocks}]}}]}}"#)).unwrap()
}

fn texts(call: &Call) -> Vec<(String, TextRole)> {
    let text = |t: &Text| (words(call.document.value(t.node)).unwrap().into_owned(), t.role);
    call.texts.iter().map(text).collect()
}

#[test]
fn every_string_but_ids_and_words_of_fixed_meaning_is_a_text() {
    use TextRole::{Assistant, Other, Signed, System, Tool, ToolArguments, User};
    let call = decode_text(
            r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"k"}}],
                "metadata":{"user_id":"u"},"unknown":{"deep":["x"]},"stop_sequences":["q"],"stream":true,
                "thinking":{"type":"enabled","budget_tokens":1024},"tool_choice":{"type":"tool","name":"-"},"messages":[
                {"role":"user","content":"t"},
                {"role":"assistant","content":[
                    {"type":"thinking","thinking":"a","signature":"-"},
                    {"type":"thinking","thinking":"b","signature":""},
                    {"type":"redacted_thinking","data":"-"},
                    {"type":"tool_use","id":"-","name":"-","input":{"type":"base64","data":"c"},"caller":{"type":"-"}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"-","content":[{"type":"text","text":"d"}]},
                    {"type":"tool_result","tool_use_id":"-","content":"e"}]}],
                "tools":[{"name":"-","description":"f","input_schema":{"p":"g"}}]}"#,
        )
        .unwrap();
    let expected = [
        ("s", System),
        ("k", Other),
        ("u", Other),
        ("x", Other),
        ("q", Other),
        ("t", User),
        ("a", Signed),
        ("b", Assistant),
        (r#"{"type":"base64","data":"c"}"#, ToolArguments),
        ("d", Tool),
        ("e", Tool),
        ("f", Other),
        ("g", Other),
    ];
    assert_eq!(texts(&call), expected.map(|(text, role)| (text.to_owned(), role)));
    assert_eq!((call.end_user.as_deref(), call.max_output_tokens), (Some("u"), Some(9)));
    assert!(call.stream && call.stream_usage && call.has_tools && call.choices == 1);
    assert!(!call.server_tools && !call.unseen_input);
}

#[test]
fn strings_are_texts_wherever_they_stand() {
    let call = decode_text(
        r#"{"model":"m","tool_choice":{"type":["1"]},"messages":[
                {"role":"assistant","content":[
                    {"type":"tool_use","id":["2"],"name":{"x":"3"},"input":"4"},
                    {"type":"redacted_thinking","data":["5"]},
                    {"type":"tool_result","tool_use_id":"-","content":{"x":"6"}},
                    {"type":"odd","data":"7","signature":"8"},
                    {"type":"text","text":"9","data":"10","encrypted_content":"11","citations":["12"]},
                    {"type":"image","source":["13"]},
                    {"type":"document","source":{"type":"text","data":"14","file_id":"15"}}]}],
                "tools":[{"name":["16"]}],"mcp_servers":["17"],"container":{"id":["18"]}}"#,
    )
    .unwrap();
    let expected: Vec<String> = (1..=18).map(|number| number.to_string()).collect();
    assert_eq!(texts(&call).into_iter().map(|(text, _)| text).collect::<Vec<_>>(), expected);
}

#[test]
fn what_no_detector_reads_is_noticed_and_not_changed() {
    for (block, unseen, read) in [
        (
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"#,
            true,
            &[][..],
        ),
        (r#"{"type":"image","source":{"type":"url","url":"https://x.org"}}"#, true, &["https://x.org"]),
        (r#"{"type":"document","title":"t","source":{"type":"file","file_id":"f"}}"#, true, &["t"]),
        (
            r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}}"#,
            false,
            &["d"],
        ),
        (
            r#"{"type":"document","source":{"type":"content","content":[{"type":"text","text":"d"},{"type":"image","source":{"type":"base64","data":"A"}}]}}"#,
            true,
            &["d"],
        ),
        (
            r#"{"type":"tool_result","content":[{"type":"image","source":{"type":"base64","data":"A"}}]}"#,
            true,
            &[],
        ),
        (r#"{"type":"container_upload","file_id":"f"}"#, true, &[]),
        (
            r#"{"type":"text","text":"d","citations":[{"type":"char_location","cited_text":"c","file_id":"f"}]}"#,
            false,
            &["d", "c"],
        ),
        (
            r#"{"type":"web_search_tool_result","tool_use_id":"i","content":[{"type":"web_search_result","url":"u","encrypted_content":"AA"}]}"#,
            false,
            &["u"],
        ),
        (r#"{"type":"hologram","data":"AAAA"}"#, true, &["AAAA"]),
    ] {
        let call = blocks(block);
        let found: Vec<String> = texts(&call).into_iter().map(|(text, _)| text).collect();
        assert_eq!(
            (call.unseen_input, found.as_slice()),
            (unseen, &read.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()[..]),
            "{block}"
        );
    }
}

#[test]
fn tools_that_the_provider_runs_are_told_from_those_of_the_caller() {
    for (more, tools, servers) in [
        (r#""tools":[]"#, false, false),
        (r#""tools":[{"name":"f","input_schema":{}}]"#, true, false),
        (r#""tools":[{"type":"custom","name":"f"},{"type":"bash_20250124","name":"bash"}]"#, true, false),
        (r#""tools":[{"type":"web_search_20250305","name":"web_search"}]"#, true, true),
        (r#""tools":[{"type":"mcp_toolset"}]"#, true, true),
        (r#""tools":[{"type":["x"]}]"#, true, true),
        (r#""mcp_servers":[{"type":"url","url":"https://x.org","name":"x"}]"#, true, true),
        (r#""container":"container_1""#, false, true),
    ] {
        let text = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{more}}}"#);
        let call = decode_text(&text).unwrap();
        assert_eq!((call.has_tools, call.server_tools), (tools, servers), "{more}");
    }
    let added = |tool: &str| blocks(&format!(r#"{{"type":"tool_addition","tool":{tool}}}"#));
    assert!(!added(r#"{"type":"tool_reference","name":"f"}"#).server_tools);
    assert!(!added(r#"{"type":"tool_definition","definition":{"name":"f"}}"#).server_tools);
    assert!(added(r#"{"type":"tool_definition","definition":{"type":"web_fetch_20250910"}}"#).server_tools);
    assert!(added(r#"{"type":"mcp_toolset_reference","name":"f"}"#).server_tools);
}

#[test]
fn counting_tokens_is_neither_a_stream_nor_an_answer() {
    let text = r#"{"model":"m","stream":true,"max_tokens":5,"messages":[{"role":"user","content":"x"}]}"#;
    let document = Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap();
    let call = decode(document, Operation::CountTokens).unwrap();
    assert_eq!((call.operation, call.stream, call.max_output_tokens), (Operation::CountTokens, false, None));
}

#[test]
fn wrong_types_name_their_field() {
    use Kind::{InvalidField, MissingField};
    let whole = [
        (r#"[]"#, InvalidField, "body"),
        (r#"{}"#, MissingField, "model"),
        (r#"{"model":"m"}"#, MissingField, "messages"),
        (r#"{"model":"m","messages":[]}"#, InvalidField, "messages"),
        (r#"{"model":"m","messages":["x"]}"#, InvalidField, "messages[0]"),
        (r#"{"model":"m","messages":[{}]}"#, MissingField, "messages[0].role"),
        (r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#, InvalidField, "messages[0].role"),
        (r#"{"model":"m","messages":[{"role":"user"}]}"#, MissingField, "messages[0].content"),
        (r#"{"model":"m","messages":[{"role":"user","content":{}}]}"#, InvalidField, "messages[0].content"),
        (
            r#"{"model":"m","messages":[{"role":"user","content":["x"]}]}"#,
            InvalidField,
            "messages[0].content[0]",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{}]}]}"#,
            MissingField,
            "messages[0].content[0].type",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":[]}]}]}"#,
            InvalidField,
            "messages[0].content[0].text",
        ),
    ];
    for (text, kind, field) in whole {
        let refusal = decode_text(text).unwrap_err();
        assert_eq!((refusal.kind, refusal.field.as_deref()), (kind, Some(field)), "{text}");
    }
    for (more, field) in [
        (r#""stream":"yes""#, "stream"),
        (r#""max_tokens":0"#, "max_tokens"),
        (r#""temperature":"hot""#, "temperature"),
        (r#""top_k":1.5"#, "top_k"),
        (r#""stop_sequences":"x""#, "stop_sequences"),
        (r#""stop_sequences":[1]"#, "stop_sequences"),
        (r#""system":5"#, "system"),
        (r#""system":[{"type":"text"}]"#, "system[0].text"),
        (r#""metadata":"x""#, "metadata"),
        (r#""metadata":{"user_id":5}"#, "metadata.user_id"),
        (r#""tools":{}"#, "tools"),
        (r#""tools":["x"]"#, "tools[0]"),
        (r#""tool_choice":"any""#, "tool_choice"),
        (r#""thinking":true"#, "thinking"),
    ] {
        let text = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{more}}}"#);
        assert_eq!(decode_text(&text).unwrap_err().field.as_deref(), Some(field), "{more}");
    }
}
