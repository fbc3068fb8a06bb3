//! What is written to a provider.

use super::*;
use crate::conversation::{Format, Reasoning, Source, Tool, ToolChoice};

#[test]
fn the_cap_is_the_callers_or_else_the_targets() {
    let mut request = said(vec![turn(Speaker::User, vec![text("Hi")])]);
    assert_eq!(write(&request).unwrap().0["max_tokens"], 4096);
    request.max_output_tokens = Some(7);
    let (body, dropped) = write(&request).unwrap();
    assert_eq!(
        body,
        json!({"model": "m", "max_tokens": 7, "stream": false, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})
    );
    assert!(dropped.is_empty());
}

#[test]
fn turns_of_one_side_become_one_message_and_empty_texts_none() {
    let request = Request {
        system: vec!["A".into(), "".into(), "B".into()],
        turns: vec![
            turn(Speaker::User, vec![text("1")]),
            turn(Speaker::User, vec![text("2"), text("")]),
            turn(Speaker::Assistant, vec![text("")]),
            turn(Speaker::System, vec![text("3")]),
            turn(Speaker::Assistant, vec![text("4")]),
            turn(Speaker::Assistant, vec![Part::Refusal("5".into()), Part::Reasoning("6".into())]),
        ],
        ..Request::default()
    };
    let (body, _) = write(&request).unwrap();
    let t = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(body["system"], json!([t("A"), t("B")]));
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [t("1"), t("2"), t("<system>3</system>")]},
            {"role": "assistant", "content": [t("4"), t("5")]},
        ])
    );
}

#[test]
fn instructions_that_nothing_follows_are_said_by_the_user() {
    let request = Request { system: vec!["Say hello.".into()], ..Request::default() };
    let (body, _) = write(&request).unwrap();
    assert!(body.get("system").is_none());
    assert_eq!(body["messages"][0]["content"][0]["text"], "<system>Say hello.</system>");
}

#[test]
fn results_stand_first_after_their_calls_and_ids_fit_alike() {
    let request = said(vec![
        turn(Speaker::User, vec![text("Look")]),
        turn(Speaker::Assistant, vec![text("Well"), call("a.1", ""), call("b", r#" {"x":1} "#)]),
        turn(Speaker::System, vec![text("Hurry")]),
        turn(Speaker::User, vec![result("a.1", "r1")]),
        turn(Speaker::User, vec![text("and"), result("b", "r2")]),
    ]);
    let (body, _) = write(&request).unwrap();
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3);
    let calls = messages[1]["content"].as_array().unwrap();
    assert_eq!(calls[1]["input"], json!({}));
    assert_eq!(calls[2]["input"], json!({"x": 1}));
    assert_eq!(calls[2]["id"], "b");
    let after: Vec<_> = messages[2]["content"].as_array().unwrap().iter().collect();
    let kinds: Vec<_> = after.iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text", "text"]);
    assert_eq!(after[0]["tool_use_id"], calls[1]["id"]);
    assert_eq!(after[0]["content"], json!([{"type": "text", "text": "r1"}]));
}

#[test]
fn a_result_apart_from_its_call_and_arguments_that_are_no_object_are_refused() {
    let orphan = said(vec![
        turn(Speaker::Assistant, vec![call("a", "{}")]),
        turn(Speaker::User, vec![result("a", "x")]),
        turn(Speaker::Assistant, vec![text("y")]),
        turn(Speaker::User, vec![result("a", "z")]),
    ]);
    assert_eq!(write(&orphan).unwrap_err().field, "messages[7]");
    for arguments in ["[1]", "{\"cut", "7", "{\"a\":1,\"a\":2}"] {
        let request = said(vec![turn(Speaker::Assistant, vec![call("a", arguments)])]);
        assert_eq!(write(&request).unwrap_err().field, "messages[7]", "{arguments}");
    }
}

#[test]
fn temperatures_are_lowered_to_one_and_named() {
    let with = |temperature| {
        let request =
            Request { temperature: Some(temperature), ..said(vec![turn(Speaker::User, vec![text("Hi")])]) };
        let (body, dropped) = write(&request).unwrap();
        (body["temperature"].to_string(), dropped)
    };
    assert_eq!(with("0.70"), ("0.7".to_owned(), vec![]));
    assert_eq!(with("1"), ("1".to_owned(), vec![]));
    assert_eq!(with("1.5"), ("1".to_owned(), vec!["temperature".to_owned()]));
}

/// The thinking that is written, and what is left out for it.
fn thinking(change: impl FnOnce(&mut Request<'static>)) -> (Value, Vec<String>) {
    let mut request = Request {
        reasoning: Some(Reasoning::Effort("high".into())),
        max_output_tokens: Some(32_000),
        ..said(vec![turn(Speaker::User, vec![text("Hi")])])
    };
    change(&mut request);
    let (body, dropped) = write(&request).unwrap();
    for forbidden in ["temperature", "top_k"] {
        assert!(body["thinking"]["type"] != "enabled" || body.get(forbidden).is_none());
    }
    (body.get("thinking").cloned().unwrap_or_default(), dropped)
}

#[test]
fn effort_becomes_a_budget_below_the_cap() {
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    for (word, tokens) in
        [("minimal", 1024), ("low", 1024), ("medium", 4096), ("high", 16_384), ("xhigh", 30_976)]
    {
        let written = thinking(|request| request.reasoning = Some(Reasoning::Effort(word.into())));
        assert_eq!(written, (budget(tokens), vec![]), "{word}");
    }
    assert_eq!(thinking(|request| request.max_output_tokens = Some(3000)).0, budget(1976));
    assert_eq!(thinking(|request| request.reasoning = Some(Reasoning::Budget(10))).0, budget(1024));
    assert_eq!(thinking(|request| request.reasoning = Some(Reasoning::Off)).0, json!({"type": "disabled"}));
}

#[test]
fn thinking_is_left_out_by_name_where_the_provider_would_refuse_it() {
    let left_out = (Value::Null, vec!["output_config.effort".to_owned()]);
    assert_eq!(thinking(|request| request.max_output_tokens = Some(2047)), left_out);
    assert_eq!(thinking(|request| request.tool_choice = Some(ToolChoice::Any)), left_out);
    assert_eq!(thinking(|request| request.turns.push(turn(Speaker::Assistant, vec![text("So")]))), left_out);
    let results = |request: &mut Request<'static>| {
        request.turns.push(turn(Speaker::Assistant, vec![call("a", "{}")]));
        request.turns.push(turn(Speaker::User, vec![result("a", "x")]));
    };
    assert_eq!(thinking(results), left_out);
    // Once it has answered the results, it may think again.
    let answered = |request: &mut Request<'static>| {
        results(request);
        request.turns.push(turn(Speaker::Assistant, vec![text("Done")]));
        request.turns.push(turn(Speaker::User, vec![text("More")]));
    };
    assert_eq!(thinking(answered).0["budget_tokens"], 16_384);
}

#[test]
fn newer_models_think_adaptively_with_an_effort_also_after_results_and_take_no_sampling() {
    let mut request = Request {
        reasoning: Some(Reasoning::Effort("high".into())),
        max_output_tokens: Some(100),
        temperature: Some("1"),
        top_p: Some("0.5"),
        top_k: Some("5"),
        ..said(vec![
            turn(Speaker::Assistant, vec![call("a", "{}")]),
            turn(Speaker::User, vec![result("a", "x")]),
        ])
    };
    let write = |request: &Request<'_>| {
        let mut gate = gate();
        let wanted = Wanted { model: "claude-opus-4-8", ..WANTED };
        let body = super::super::write_request(request, wanted, &mut gate).unwrap();
        (serde_json::from_slice::<Value>(&body).unwrap(), gate.into_dropped())
    };
    let (body, dropped) = write(&request);
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "high"}));
    assert_eq!(dropped, ["temperature", "top_p", "top_k"]);
    assert!(dropped.iter().all(|name| body.get(name).is_none()));
    request.tool_choice = Some(ToolChoice::Any);
    assert_eq!(write(&request).0.get("thinking"), None);
    request.reasoning = Some(Reasoning::Off);
    assert_eq!(write(&request).0.get("thinking"), None);
}

#[test]
fn sampling_that_thinking_forbids_is_left_out_by_name() {
    let (_, dropped) = thinking(|request| {
        request.temperature = Some("0.5");
        request.top_p = Some("0.5");
        request.top_k = Some("5");
    });
    assert_eq!(dropped, ["temperature", "top_p", "top_k"]);
    let (_, dropped) = thinking(|request| request.top_p = Some("0.95"));
    assert!(dropped.is_empty());
}

#[test]
fn tools_have_a_schema_of_an_object_and_choices_their_words() {
    let schemas = document(&json!([{"type": "object", "x": 1}, {"properties": {"a": {}}}, {}]));
    let mut schemas: Vec<_> = schemas.root().items().map(Some).collect();
    schemas.push(None);
    let tools = schemas.into_iter().map(|parameters| Tool {
        name: "f".into(),
        description: None,
        parameters,
        strict: None,
    });
    let request = Request { tools: tools.collect(), ..Request::default() };
    let (body, _) = write(&request).unwrap();
    let written: Vec<_> =
        body["tools"].as_array().unwrap().iter().map(|tool| &tool["input_schema"]).collect();
    let empty = json!({"type": "object", "properties": {}});
    assert_eq!(
        written,
        [
            &json!({"type": "object", "x": 1}),
            &json!({"type": "object", "properties": {"a": {}}}),
            &empty,
            &empty
        ]
    );
    let choice = |tool_choice, parallel_tool_calls| {
        let request = Request { tool_choice, parallel_tool_calls, ..Request::default() };
        write(&request).unwrap().0.get("tool_choice").cloned()
    };
    assert_eq!(choice(None, Some(true)), None);
    assert_eq!(choice(None, Some(false)), Some(json!({"type": "auto", "disable_parallel_tool_use": true})));
    assert_eq!(choice(Some(ToolChoice::None), Some(false)), Some(json!({"type": "none"})));
    assert_eq!(choice(Some(ToolChoice::Any), None), Some(json!({"type": "any"})));
    assert_eq!(choice(Some(ToolChoice::Named("f".into())), None), Some(json!({"type": "tool", "name": "f"})));
}

#[test]
fn media_a_schema_and_a_name_for_the_user_find_their_places() {
    let schema = document(&json!({"type": "object"}));
    let request = Request {
        format: Some(Format::Schema {
            name: Some("n".into()),
            description: None,
            schema: schema.root(),
            strict: Some(true),
        }),
        end_user: Some("u".into()),
        stop: vec!["END".into()],
        stream: true,
        ..said(vec![turn(
            Speaker::User,
            vec![
                Part::Image { source: Source::Link("https://example.com/a".into()), detail: None },
                Part::Document { source: Source::Text("words".into()), name: Some("w".into()) },
                Part::Document {
                    source: Source::Bytes { media_type: "application/pdf".into(), data: "JVBERi0=".into() },
                    name: None,
                },
            ],
        )])
    };
    let (body, _) = write(&request).unwrap();
    assert_eq!(
        body["output_config"],
        json!({"format": {"type": "json_schema", "schema": {"type": "object"}}})
    );
    assert_eq!(body["metadata"], json!({"user_id": "u"}));
    assert_eq!(body["stop_sequences"], json!(["END"]));
    assert_eq!(body["stream"], true);
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, "title": "w"},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
        ])
    );
    for part in [
        Part::Audio { format: "wav".into(), data: "".into() },
        Part::Image { source: Source::Text("x".into()), detail: None },
        Part::Document {
            source: Source::Bytes { media_type: "application/zip".into(), data: "".into() },
            name: None,
        },
    ] {
        assert_eq!(write(&said(vec![turn(Speaker::User, vec![part])])).unwrap_err().field, "messages[7]");
    }
}
