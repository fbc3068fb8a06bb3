//! Requests: members, tools, and what is refused by name.

use serde_json::json;

use super::{passed, refused, said};

#[test]
fn numbers_stay_as_they_were_written() {
    let members =
        r#""temperature":0.50,"top_p":1e0,"seed":-7,"presence_penalty":0.10,"frequency_penalty":-0.0"#;
    let body = format!(r#"{{"model":"m","messages":[],{members}}}"#);
    let (written, dropped) = super::pass(&body).unwrap();
    let written = String::from_utf8(written).unwrap();
    for member in members.split(',') {
        assert!(written.contains(member), "{member} is not in {written}");
    }
    assert!(dropped.is_empty());
}

#[test]
fn members_that_chat_has_are_carried() {
    let members = r#""n":2,"logit_bias":{"5":1},"stop":"END","user":"ann","metadata":{"a":"b"},"service_tier":"flex",
        "prompt_cache_key":"k","verbosity":"low","reasoning_effort":"none","parallel_tool_calls":false,
        "max_tokens":7,"stream":true,"response_format":{"type":"json_object"}"#;
    let (written, dropped) = passed(members);
    let expected = json!({
        "model":"m",
        "messages":[{"role":"user","content":"Hello"}],
        "n":2,"logit_bias":{"5":1},"stop":["END"],"user":"ann","metadata":{"a":"b"},"service_tier":"flex",
        "prompt_cache_key":"k","verbosity":"low","reasoning_effort":"none","parallel_tool_calls":false,
        "max_completion_tokens":7,"stream":true,"stream_options":{"include_usage":true},
        "response_format":{"type":"json_object"}
    });
    assert_eq!(written, expected);
    assert!(dropped.is_empty());
}

#[test]
fn of_two_caps_the_newer_counts_and_of_two_names_of_the_person_the_first() {
    let (written, dropped) =
        passed(r#""max_tokens":5,"max_completion_tokens":9,"user":"a","safety_identifier":"b""#);
    assert_eq!(written["max_completion_tokens"], 9);
    assert_eq!(written["user"], "a");
    assert_eq!(dropped, ["safety_identifier", "max_tokens"]);
}

#[test]
fn values_that_change_nothing_are_left_out_by_name() {
    let (written, dropped) = passed(r#""logprobs":false,"top_logprobs":0,"store":false,"functions":[]"#);
    assert_eq!(written, json!({"model":"m","messages":[{"role":"user","content":"Hello"}]}));
    assert_eq!(dropped, ["logprobs", "top_logprobs", "store", "functions"]);
    let (_, dropped) = passed(r#""modalities":[ "text" ],"response_format":{"type":"text"},"seed":null"#);
    assert!(dropped.is_empty());
}

#[test]
fn what_has_no_place_is_refused_by_its_name() {
    let cases = [
        (r#""logprobs":true"#, "logprobs"),
        (r#""modalities":["text","audio"]"#, "modalities"),
        (r#""audio":{"voice":"a","format":"wav"}"#, "audio"),
        (r#""prediction":{"type":"content","content":"a"}"#, "prediction"),
        (r#""web_search_options":{}"#, "web_search_options"),
        (r#""store":true"#, "store"),
        (r#""functions":[{"name":"f"}]"#, "functions"),
        (r#""top_k":5"#, "top_k"),
        (r#""temperature":"hot""#, "temperature"),
        (r#""stop":[1,2]"#, "stop"),
        (r#""stream_options":{"every":1}"#, "stream_options.every"),
        (r#""response_format":{"type":"grammar"}"#, "response_format.type"),
        (r#""response_format":{"type":"json_schema"}"#, "response_format.json_schema"),
        (r#""tools":[{"type":"custom","custom":{"name":"sh"}}]"#, "tools[0].custom"),
        (r#""tools":[{"type":"web_search"}]"#, "tools[0]"),
        (r#""tools":[{"type":"function","function":{"name":"f","cost":1}}]"#, "tools[0].function.cost"),
        (r#""tools":[{"type":"function","function":{}}]"#, "tools[0].function.name"),
        (r#""tool_choice":{"type":"allowed_tools","allowed_tools":{}}"#, "tool_choice.allowed_tools"),
        (r#""tool_choice":"maybe""#, "tool_choice"),
    ];
    for (member, field) in cases {
        let body = format!(r#"{{"model":"m","messages":[],{member}}}"#);
        assert_eq!(refused(&body), field, "{member}");
    }
}

#[test]
fn messages_that_cannot_be_said_are_refused_by_their_place() {
    let cases = [
        (r#"{"role":"user","content":[{"type":"video"}]}"#, "messages[0].content[0]"),
        (r#"{"role":"user","content":[{"type":"text","text":"a","tone":1}]}"#, "messages[0].content[0].tone"),
        (r#"{"role":"user","content":5}"#, "messages[0].content"),
        (r#"{"role":"user","content":[1]}"#, "messages[0].content"),
        (r#"{"role":"user","content":"a","name":"ann"}"#, "messages[0].name"),
        (r#"{"role":"user","content":"a","tool_calls":[]}"#, "messages[0].tool_calls"),
        (r#"{"role":"judge","content":"a"}"#, "messages[0].role"),
        (r#"{"content":"a"}"#, "messages[0].role"),
        (r#"{"role":"function","name":"f","content":"a"}"#, "messages[0].role"),
        (r#"{"role":"tool","tool_call_id":"c","content":"a"}"#, "messages[0]"),
        (r#"{"role":"assistant","audio":{"id":"a"}}"#, "messages[0].audio"),
        (r#"{"role":"assistant","function_call":{"name":"f","arguments":""}}"#, "messages[0].function_call"),
        (
            r#"{"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{}}]}"#,
            "messages[0].tool_calls[0].custom",
        ),
        (
            r#"{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}"#,
            "messages[0].content[0].file.file_id",
        ),
        (
            r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png,abc"}}]}"#,
            "messages[0].content[0].image_url.url",
        ),
    ];
    for (message, field) in cases {
        assert_eq!(refused(&format!(r#"{{"model":"m","messages":[{message}]}}"#)), field, "{message}");
    }
    assert_eq!(refused(r#"{"model":"m"}"#), "messages");
    assert_eq!(refused("[]"), "body");
}

#[test]
fn instructions_at_the_start_are_the_systems_and_later_ones_stay_where_they_are() {
    let (messages, _) = said(
        r#"{"role":"system","content":"a"},{"role":"developer","content":"b"},{"role":"user","content":"c"},
           {"role":"developer","content":"d"},{"role":"user","content":"e"}"#,
    );
    let expected = json!([
        {"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
        {"role":"user","content":"c"},
        {"role":"system","content":"d"},
        {"role":"user","content":"e"}
    ]);
    assert_eq!(messages, expected);
}

#[test]
fn media_keep_their_bytes() {
    let parts = r#"[{"type":"text","text":"see"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},
        {"type":"image_url","image_url":{"url":"https:\/\/example.org/a.png"}},
        {"type":"input_audio","input_audio":{"data":"UklG","format":"wav"}},
        {"type":"file","file":{"filename":"a.pdf","file_data":"data:application\/pdf;base64,JVBE"}}]"#;
    let (messages, _) = said(&format!(r#"{{"role":"user","content":{parts}}}"#));
    assert_eq!(messages[0]["content"], serde_json::from_str::<serde_json::Value>(parts).unwrap());
}

#[test]
fn hints_and_what_answers_add_are_left_out_by_name() {
    let (messages, dropped) = said(
        r#"{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},
           {"role":"assistant","content":"b","refusal":null,"annotations":[],"reasoning_content":"c"},
           {"role":"user","content":"d","cache_control":{"type":"ephemeral"}}"#,
    );
    assert_eq!(messages[1], json!({"role":"assistant","content":"b"}));
    let expected = [
        "messages[0].content[0].cache_control",
        "messages[1].annotations",
        "messages[1].reasoning_content",
        "messages[2].cache_control",
    ];
    assert_eq!(dropped, expected);
}

#[test]
fn calls_and_results_keep_their_ids_and_texts() {
    let conversation = r#"{"role":"user","content":"q"},
        {"role":"assistant","content":"","tool_calls":[
            {"id":"a","type":"function","function":{"name":"f","arguments":"{ \"x\": 1 }"}},
            {"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"a","content":"1"},
        {"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"2"},{"type":"text","text":"3"}]}"#;
    let (messages, dropped) = said(conversation);
    let mut expected: serde_json::Value = serde_json::from_str(&format!("[{conversation}]")).unwrap();
    expected[1].as_object_mut().unwrap().remove("content");
    assert_eq!(messages, expected);
    assert!(dropped.is_empty());
}
