//! What is read of a caller's request.

use super::*;
use crate::conversation::{Format, Reasoning, Source, ToolChoice};

fn read<T>(members: &Value, look: impl FnOnce(&Request<'_>, &[String]) -> T) -> T {
    let document = document(&body(members));
    let mut gate = gate();
    let request = super::super::read_request(&document, &mut gate).unwrap();
    look(&request, &gate.into_dropped())
}

fn refused(members: &Value) -> String {
    let document = document(&body(members));
    super::super::read_request(&document, &mut gate()).unwrap_err().field
}

fn blocks(blocks: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": blocks}]})
}

#[test]
fn system_and_turns_are_read_with_the_side_that_says_them() {
    let members = json!({
        "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
            {"role": "system", "content": "Now in French."},
            {"role": "user", "content": [{"type": "text", "text": "a\u{e9}\n"}]},
        ],
    });
    read(&members, |request, dropped| {
        assert_eq!(request.system, ["Be brief.", "Be kind."]);
        let speakers: Vec<_> = request.turns.iter().map(|turn| turn.speaker).collect();
        assert_eq!(speakers, [Speaker::User, Speaker::Assistant, Speaker::System, Speaker::User]);
        assert!(matches!(&request.turns[3].parts[..], [Part::Text(text)] if text == "a\u{e9}\n"));
        assert_eq!(request.turns[3].path, "messages[3]");
        assert!(dropped.is_empty());
    });
}

#[test]
fn settings_are_carried_as_they_were_written() {
    let document = Document::parse(
        Bytes::from_static(
            br#"{"max_tokens":64,"temperature":0.70,"top_p":1e-1,"top_k":5,"stop_sequences":["a","b"],"stream":true,
                "metadata":{"user_id":"u"},"service_tier":null,"messages":[]}"#,
        ),
        Limits::default(),
    )
    .unwrap();
    let request = super::super::read_request(&document, &mut gate()).unwrap();
    assert_eq!(request.max_output_tokens, Some(64));
    assert_eq!((request.temperature, request.top_p, request.top_k), (Some("0.70"), Some("1e-1"), Some("5")));
    assert_eq!(request.stop, ["a", "b"]);
    assert!(request.stream);
    assert_eq!(request.end_user.as_deref(), Some("u"));
}

#[test]
fn tools_their_choice_and_their_order_are_read() {
    let members = json!({
        "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}, "strict": true}],
        "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": true},
    });
    read(&members, |request, _| {
        assert_eq!(request.tools[0].name, "look");
        assert_eq!(request.tools[0].description.as_deref(), Some("Looks."));
        assert_eq!(request.tools[0].parameters.unwrap().raw(), r#"{"type":"object"}"#);
        assert_eq!(request.tools[0].strict, Some(true));
        assert!(matches!(&request.tool_choice, Some(ToolChoice::Named(name)) if name == "look"));
        assert_eq!(request.parallel_tool_calls, Some(false));
    });
    for (word, expected) in [("auto", "Auto"), ("any", "Any"), ("none", "None")] {
        read(&json!({"tool_choice": {"type": word}}), |request, _| {
            assert_eq!(format!("{:?}", request.tool_choice.as_ref().unwrap()), expected);
        });
    }
}

#[test]
fn calls_keep_their_arguments_to_the_byte_and_results_know_their_tool() {
    let text = r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"look","input":{"b": 1.0, "a":"\u0041"}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"no"},
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]}]}]}"#;
    let document = Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap();
    let request = super::super::read_request(&document, &mut gate()).unwrap();
    let Part::ToolCall(call) = &request.turns[0].parts[0] else { panic!("no call") };
    assert_eq!(call.arguments, r#"{"b": 1.0, "a":"\u0041"}"#);
    let Part::ToolResult(result) = &request.turns[1].parts[0] else { panic!("no result") };
    assert!(result.error);
    assert!(matches!(&result.parts[..], [Part::Text(_), Part::Image { source: Source::Bytes { .. }, .. }]));
}

#[test]
fn media_are_read_with_their_sources() {
    let members = blocks(&json!([
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "title": "a", "context": "From May.",
         "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
    ]));
    read(&members, |request, _| {
        let parts = &request.turns[0].parts;
        assert!(
            matches!(&parts[0], Part::Image { source: Source::Link(link), .. } if link.ends_with("a.png"))
        );
        assert!(matches!(&parts[1], Part::Text(text) if text == "From May."));
        assert!(
            matches!(&parts[2], Part::Document { source: Source::Bytes { .. }, name: Some(name) } if name == "a")
        );
        assert!(matches!(&parts[3], Part::Document { source: Source::Text(text), .. } if text == "words"));
        assert!(matches!(&parts[4], Part::Document { source: Source::Link(_), .. }));
    });
}

#[test]
fn thinking_and_effort_are_one_setting() {
    let reasoning = |members: Value| {
        read(&members, |request, dropped| (format!("{:?}", request.reasoning), dropped.to_vec()))
    };
    let budget = json!({"type": "enabled", "budget_tokens": 2000});
    assert_eq!(reasoning(json!({"thinking": budget})), ("Some(Budget(2000))".to_owned(), vec![]));
    assert_eq!(reasoning(json!({"thinking": {"type": "disabled"}})).0, "Some(Off)");
    assert_eq!(reasoning(json!({"thinking": {"type": "adaptive"}})).0, "Some(Adaptive)");
    let effort = json!({"effort": "high"});
    let high = format!("{:?}", Some(Reasoning::Effort("high".into())));
    assert_eq!(reasoning(json!({"output_config": effort})), (high.clone(), vec![]));
    assert_eq!(
        reasoning(json!({"output_config": effort, "thinking": {"type": "adaptive"}})),
        (high.clone(), vec![])
    );
    assert_eq!(
        reasoning(json!({"output_config": effort, "thinking": budget})),
        (high, vec!["thinking.budget_tokens".to_owned()])
    );
    assert_eq!(
        reasoning(json!({"thinking": {"type": "disabled"}, "output_config": effort})),
        ("Some(Off)".to_owned(), vec!["output_config.effort".to_owned()])
    );
}

#[test]
fn a_schema_is_the_form_of_the_answer_under_either_name() {
    let format = json!({"type": "json_schema", "schema": {"type": "object"}});
    for members in [json!({"output_config": {"format": format}}), json!({"output_format": format})] {
        read(&members, |request, _| {
            let Some(Format::Schema { schema, .. }) = &request.format else { panic!("no schema") };
            assert_eq!(schema.raw(), r#"{"type":"object"}"#);
        });
    }
}

#[test]
fn signed_thinking_is_left_out_by_name_and_cache_hints_wherever_they_stand() {
    let hint = json!({"type": "ephemeral"});
    let members = json!({
        "system": [{"type": "text", "text": "S", "cache_control": hint}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}, "cache_control": hint}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": hint}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "eA=="},
                {"type": "tool_use", "id": "t", "name": "look", "input": {}, "cache_control": hint}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "cache_control": hint,
                 "content": [{"type": "text", "text": "x", "cache_control": hint}]}]},
        ],
    });
    read(&members, |request, dropped| {
        assert_eq!(request.turns[1].parts.len(), 1);
        let mut dropped = dropped.to_vec();
        dropped.sort();
        assert_eq!(
            dropped,
            [
                "messages[0].content[0].cache_control",
                "messages[1].content[0]",
                "messages[1].content[1]",
                "messages[1].content[2].cache_control",
                "messages[2].content[0].cache_control",
                "messages[2].content[0].content[0].cache_control",
                "system[0].cache_control",
                "tools[0].cache_control",
            ]
        );
    });
}

#[test]
fn what_is_not_known_is_refused_by_its_path_unless_it_is_null() {
    let unknown = |members: Value| refused(&members);
    assert_eq!(unknown(json!({"novelty": 1})), "novelty");
    assert_eq!(unknown(json!({"metadata": {"team": "x"}})), "metadata.team");
    assert_eq!(unknown(json!({"thinking": {"type": "adaptive", "novelty": 1}})), "thinking.novelty");
    assert_eq!(unknown(json!({"output_config": {"novelty": 1}})), "output_config.novelty");
    assert_eq!(unknown(json!({"tool_choice": {"type": "auto", "novelty": 1}})), "tool_choice.novelty");
    assert_eq!(
        unknown(json!({"tools": [{"name": "f", "input_schema": {}, "novelty": 1}]})),
        "tools[0].novelty"
    );
    assert_eq!(
        unknown(json!({"messages": [{"role": "user", "content": "x", "novelty": 1}]})),
        "messages[0].novelty"
    );
    assert_eq!(
        unknown(blocks(&json!([{"type": "text", "text": "x"}, {"type": "text", "text": "x", "novelty": 1}]))),
        "messages[0].content[1].novelty"
    );
    assert_eq!(
        unknown(blocks(&json!([{"type": "image", "source": {"type": "url", "url": "u", "novelty": 1}}]))),
        "messages[0].content[0].source.novelty"
    );
    for kind in ["search_result", "server_tool_use", "web_search_tool_result", "container_upload", "novelty"]
    {
        assert_eq!(unknown(blocks(&json!([{"type": kind}]))), "messages[0].content[0]", "{kind}");
    }
    read(&json!({"novelty": null, "container": null}), |_, dropped| assert!(dropped.is_empty()));
}

#[test]
fn a_result_without_its_call_is_refused_and_so_are_numbers_among_blocks() {
    let orphan = blocks(&json!([{"type": "tool_result", "tool_use_id": "t", "content": "x"}]));
    assert_eq!(refused(&orphan), "messages[0].content[0].tool_use_id");
    assert_eq!(refused(&blocks(&json!([1]))), "messages[0].content");
    assert_eq!(refused(&json!({"messages": [1]})), "messages");
    assert_eq!(refused(&json!({"messages": [{"role": "tool", "content": "x"}]})), "messages[0].role");
    assert_eq!(refused(&json!({"max_tokens": "many"})), "max_tokens");
    let tool = |name: &str| json!({"tools": [{"name": "f", "input_schema": {}, name: 1}]});
    assert_eq!(refused(&tool("description")), "tools[0].description");
    assert_eq!(refused(&tool("strict")), "tools[0].strict");
    let thinking = json!({"thinking": {"type": "adaptive", "budget_tokens": 2000}});
    assert_eq!(refused(&thinking), "thinking.budget_tokens");
}
