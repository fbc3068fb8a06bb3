//! A conversation as it grows, from every caller to every provider.

use flyball_translation::{Dialect, Wanted};
use serde_json::{Value as Json, json};

use crate::answers::{document, ways};
use crate::providers::TEXT;

/// The bodies of a caller's calls: each has what was said before and more.
fn calls(caller: Dialect) -> Vec<Json> {
    let arguments = r#"{"city": "Köln"}"#;
    let input: Json = serde_json::from_str(arguments).unwrap();
    let (member, turns) = match caller {
        Dialect::Chat => (
            "messages",
            vec![
                vec![json!({"role":"system","content":"Be brief."}), json!({"role":"user","content":TEXT})],
                vec![
                    json!({"role":"assistant","content":"Looking.","tool_calls":[
                        {"id":"a","type":"function","function":{"name":"weather","arguments":arguments}},
                        {"id":"b","type":"function","function":{"name":"now","arguments":"{}"}}]}),
                    json!({"role":"tool","tool_call_id":"a","content":"Sun"}),
                    json!({"role":"tool","tool_call_id":"b","content":"Noon"}),
                ],
                vec![
                    json!({"role":"assistant","content":"Sun at noon."}),
                    json!({"role":"system","content":"Now in French."}),
                    json!({"role":"user","content":"Again"}),
                ],
            ],
        ),
        Dialect::Responses => (
            "input",
            vec![
                vec![json!({"role":"system","content":"Be brief."}), json!({"role":"user","content":TEXT})],
                vec![
                    json!({"type":"message","role":"assistant","content":[{"type":"output_text","text":"Looking.","annotations":[]}]}),
                    json!({"type":"function_call","call_id":"a","name":"weather","arguments":arguments}),
                    json!({"type":"function_call","call_id":"b","name":"now","arguments":"{}"}),
                    json!({"type":"function_call_output","call_id":"a","output":"Sun"}),
                    json!({"type":"function_call_output","call_id":"b","output":"Noon"}),
                ],
                vec![
                    json!({"role":"assistant","content":"Sun at noon."}),
                    json!({"role":"developer","content":"Now in French."}),
                    json!({"role":"user","content":"Again"}),
                ],
            ],
        ),
        _ => (
            "messages",
            vec![
                vec![json!({"role":"user","content":TEXT})],
                vec![
                    json!({"role":"assistant","content":[{"type":"text","text":"Looking."},
                        {"type":"tool_use","id":"a","name":"weather","input":input},
                        {"type":"tool_use","id":"b","name":"now","input":{}}]}),
                    json!({"role":"user","content":[
                        {"type":"tool_result","tool_use_id":"a","content":"Sun"},
                        {"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"Noon"}]}]}),
                ],
                vec![
                    json!({"role":"assistant","content":"Sun at noon."}),
                    json!({"role":"user","content":"Again"}),
                ],
            ],
        ),
    };
    let mut said = Vec::new();
    let mut bodies = Vec::new();
    for turn in turns {
        said.extend(turn);
        let mut body = json!({"model":"m",member:said});
        if caller == Dialect::Messages {
            body["max_tokens"] = 100.into();
            body["system"] = "Be brief.".into();
        }
        bodies.push(body);
    }
    bodies
}

/// The member in which a provider has the conversation.
fn turns(provider: Dialect) -> &'static str {
    if provider == Dialect::Gemini { "contents" } else { "messages" }
}

/// Every text in a body, in its order.
fn texts<'j>(value: &'j Json, into: &mut Vec<&'j str>) {
    match value {
        Json::String(text) => into.push(text),
        Json::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Json::Object(members) => members.values().for_each(|member| texts(member, into)),
        _ => {}
    }
}

#[test]
fn what_was_said_before_stays_as_it_was_at_every_provider() {
    for (caller, provider) in ways().filter(|(caller, _)| *caller != Dialect::Completions) {
        let way = format!("{} to {}", caller.name(), provider.name());
        let mut before: Vec<Json> = Vec::new();
        for body in calls(caller) {
            let wanted = Wanted { model: "anthropic.claude-sonnet-4-5-v1:0", max_output_tokens: 1000 };
            let done = || {
                flyball_translation::request(caller, &document(&body.to_string()), provider, wanted).unwrap()
            };
            let written = done();
            assert_eq!(written.body, done().body, "{way}");
            assert!(written.dropped.is_empty(), "{way}: {:?}", written.dropped);
            let written: Json = serde_json::from_slice(&written.body).unwrap();
            let said = written[turns(provider)].as_array().unwrap().clone();
            assert_eq!(said[..before.len()], before, "{way}");
            before = said;
        }
        let all = Json::Array(before);
        let mut said = Vec::new();
        texts(&all, &mut said);
        for text in [TEXT, "Looking.", "weather", "Sun", "Noon", "Sun at noon.", "Again"] {
            assert_eq!(
                said.iter().filter(|said| **said == text).count(),
                expected(text, provider),
                "{way}: {text}"
            );
        }
    }
}

/// How often a text stands in the conversation: tools are named in results too where a provider wants that.
fn expected(text: &str, provider: Dialect) -> usize {
    if text == "weather" && provider == Dialect::Gemini { 2 } else { 1 }
}

#[test]
fn blank_texts_are_left_out_and_without_tools_there_is_no_choice_among_them() {
    let body = json!({"model": "m", "tool_choice": "auto", "tools": [], "parallel_tool_calls": true, "input": [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": " \n"},
        {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "sky"}]});
    let document = document(&body.to_string());
    for to in Dialect::PROVIDERS {
        let wanted = Wanted { model: "m", max_output_tokens: 9 };
        let translated = flyball_translation::request(Dialect::Responses, &document, to, wanted).unwrap();
        let written: Json = serde_json::from_slice(&translated.body).unwrap();
        for name in ["tool_choice", "parallel_tool_calls", "toolConfig"] {
            assert_eq!(written.get(name), None, "{to:?}");
        }
        if to != Dialect::Chat {
            assert!(!translated.body.windows(4).any(|bytes| bytes == b" \\n\""), "{to:?}");
        }
    }
}
