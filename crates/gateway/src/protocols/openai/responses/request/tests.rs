//! Which strings of a request are texts, what it is noticed to hold, and what is refused.

use bytes::Bytes;
use flyball_core::Text;
use flyball_core::json::Limits;

use super::*;

fn decode_text(text: &str) -> Result<Call, Refusal> {
    decode(Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap())
}

fn texts(call: &Call) -> Vec<(String, TextRole)> {
    let text = |t: &Text| (call.document.value(t.node).text().unwrap().into_owned(), t.role);
    call.texts.iter().map(text).collect()
}

#[test]
fn every_string_but_ids_and_words_of_fixed_meaning_is_a_text() {
    let call = decode_text(
        r#"{"model":"m","instructions":"i","user":"u","unknown":{"deep":["x"]},"max_output_tokens":7,"input":[
            {"role":"developer","content":"s"},
            {"type":"message","role":"user","content":[{"type":"input_text","text":"t"},{"type":"odd","odd":"o"}]},
            {"type":"message","id":"-","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a",
                "annotations":[{"type":"url_citation","title":"c","url":"https://x.org"},{"type":"file_citation","file_id":"-","filename":"f"}]},
                {"type":"refusal","refusal":"n"}]},
            {"type":"reasoning","id":"-","summary":[{"type":"summary_text","text":"y"}],"encrypted_content":"-"},
            {"type":"function_call","id":"-","call_id":"-","name":"-","arguments":"{}"},
            {"type":"function_call_output","call_id":"-","output":"r"},
            {"type":"function_call_output","call_id":"-","output":[{"type":"input_text","text":"p"}]},
            {"type":"custom_tool_call","call_id":"-","name":"-","input":"q"},
            {"type":"local_shell_call","id":"-","call_id":"-","status":"completed","action":{"command":["l"]}}],
            "tools":[{"type":"function","name":"-","description":"d","parameters":{"k":"v"}}],
            "tool_choice":{"type":"function","name":"-"}}"#,
    )
    .unwrap();
    let expected = [
        ("i", TextRole::System),
        ("u", TextRole::Other),
        ("x", TextRole::Other),
        ("s", TextRole::System),
        ("t", TextRole::User),
        ("o", TextRole::Other),
        ("a", TextRole::Assistant),
        ("c", TextRole::Other),
        ("https://x.org", TextRole::Other),
        ("f", TextRole::Other),
        ("n", TextRole::Assistant),
        ("y", TextRole::Assistant),
        ("{}", TextRole::ToolArguments),
        ("r", TextRole::Tool),
        ("p", TextRole::Tool),
        ("q", TextRole::Assistant),
        ("l", TextRole::Other),
        ("d", TextRole::Other),
        ("v", TextRole::Other),
    ];
    assert_eq!(texts(&call), expected.map(|(text, role)| (text.to_owned(), role)));
    assert!(call.has_tools && !call.server_tools && !call.unseen_input && call.stream_usage);
    assert_eq!((call.max_output_tokens, call.end_user.as_deref()), (Some(7), Some("u")));
}

#[test]
fn strings_are_texts_wherever_they_stand() {
    let call = decode_text(
        r#"{"model":"m","text":{"format":"1"},"input":[
            {"type":"function_call","name":["2"],"arguments":["3"],"id":{"x":"4"}},
            {"type":"reasoning","summary":"5","encrypted_content":["6"]},
            {"role":"user","content":[{"type":["7"],"text":{"value":"8"},"image_url":{"url":"9"}}]},
            {"type":"computer_call_output","output":{"type":"computer_screenshot","note":"10"}},
            {"type":"additional_tools","tools":"11"}],
            "tool_choice":["12"],"stream_options":{"x":"13"}}"#,
    )
    .unwrap();
    let expected: Vec<String> = (1..=13).map(|number| number.to_string()).collect();
    assert_eq!(texts(&call).into_iter().map(|(text, _)| text).collect::<Vec<_>>(), expected);
}

#[test]
fn what_no_detector_reads_is_noticed() {
    for unseen in [
        r#""previous_response_id":"resp_1""#,
        r#""conversation":"conv_1""#,
        r#""conversation":{"id":"conv_1"}"#,
        r#""prompt":{"id":"pmpt_1","variables":{"city":"Paris"}}"#,
        r#""input":[{"type":"item_reference","id":"msg_1"}]"#,
        r#""input":[{"id":"msg_1"}]"#,
        r#""input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AAAA"}]}]"#,
        r#""input":[{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}]"#,
        r#""input":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]"#,
        r#""input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","file_id":"file_1"}]}]"#,
        r#""input":[{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","image_url":"data:x"}}]"#,
        r#""input":"hi","tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["file_1"]}}]"#,
    ] {
        let call = decode_text(&format!(r#"{{"model":"m",{unseen}}}"#)).unwrap();
        assert!(call.unseen_input, "{unseen}");
        let seen: Vec<String> = texts(&call).into_iter().map(|(text, _)| text).collect();
        assert!(seen.iter().all(|text| ["Paris", "hi", "auto"].contains(&text.as_str())), "{seen:?}");
    }
    let encrypted = r#"{"model":"m","input":[{"type":"reasoning","summary":[],"encrypted_content":"AAAA"}]}"#;
    assert!(!decode_text(encrypted).unwrap().unseen_input);
}

#[test]
fn tools_that_the_provider_runs_are_told_from_the_callers() {
    for (tool, server) in [
        (r#"{"type":"function","name":"f"}"#, false),
        (r#"{"type":"custom","name":"f"}"#, false),
        (r#"{"type":"local_shell"}"#, false),
        (r#"{"type":"shell","environment":{"type":"local"}}"#, false),
        (r#"{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}"#, false),
        (r#"{"type":"shell","environment":{"type":"container_auto"}}"#, true),
        (r#"{"type":"namespace","name":"n","tools":[{"type":"web_search"}]}"#, true),
        (r#"{"type":"web_search"}"#, true),
        (r#"{"type":"mcp","server_label":"s","server_url":"https://x.org"}"#, true),
        (r#"{"type":"new"}"#, true),
        (r#"{}"#, true),
    ] {
        let offered = decode_text(&format!(r#"{{"model":"m","input":"hi","tools":[{tool}]}}"#)).unwrap();
        assert_eq!((offered.has_tools, offered.server_tools), (true, server), "{tool}");
        let added = format!(r#"{{"model":"m","input":[{{"type":"additional_tools","tools":[{tool}]}}]}}"#);
        let added = decode_text(&added).unwrap();
        assert_eq!((added.has_tools, added.server_tools), (true, server), "{tool}");
    }
}

#[test]
fn wrong_types_name_their_field() {
    for (rest, kind, field) in [
        (r#""stream":true"#, Kind::MissingField, "input"),
        (r#""input":7"#, Kind::InvalidField, "input"),
        (r#""input":[7]"#, Kind::InvalidField, "input"),
        (r#""input":["x"]"#, Kind::InvalidField, "input[0]"),
        (r#""input":[{}]"#, Kind::MissingField, "input[0].type"),
        (r#""input":[{"type":"message"}]"#, Kind::MissingField, "input[0].role"),
        (r#""input":[{"type":7}]"#, Kind::InvalidField, "input[0].type"),
        (r#""input":[{"role":"king"}]"#, Kind::InvalidField, "input[0].role"),
        (r#""input":[{"role":"user","content":{}}]"#, Kind::InvalidField, "input[0].content"),
        (r#""input":[{"role":"user","content":["x"]}]"#, Kind::InvalidField, "input[0].content[0]"),
        (r#""input":"x","instructions":[]"#, Kind::InvalidField, "instructions"),
        (r#""input":"x","tools":{}"#, Kind::InvalidField, "tools"),
        (r#""input":"x","tools":["x"]"#, Kind::InvalidField, "tools[0]"),
        (r#""input":"x","stream":"yes""#, Kind::InvalidField, "stream"),
        (r#""input":"x","store":0"#, Kind::InvalidField, "store"),
        (r#""input":"x","background":true"#, Kind::InvalidField, "background"),
        (r#""input":"x","background":true,"stream":true"#, Kind::InvalidField, "background"),
        (r#""input":"x","max_output_tokens":-1"#, Kind::InvalidField, "max_output_tokens"),
        (r#""input":"x","text":"json""#, Kind::InvalidField, "text"),
        (r#""previous_response_id":7"#, Kind::InvalidField, "previous_response_id"),
        (r#""conversation":{}"#, Kind::InvalidField, "conversation"),
    ] {
        let refusal = decode_text(&format!(r#"{{"model":"m",{rest}}}"#)).unwrap_err();
        assert_eq!((refusal.kind, refusal.field.as_deref()), (kind, Some(field)), "{rest}");
    }
    assert_eq!(decode_text("[]").unwrap_err().field.as_deref(), Some("body"));
    assert_eq!(decode_text("{}").unwrap_err().field.as_deref(), Some("model"));
    assert!(decode_text(r#"{"model":"m","input":"x","background":false}"#).is_ok());
}
