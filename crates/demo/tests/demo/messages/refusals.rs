//! Refusals in Anthropic's dialect: each has its shape and names the field at fault.

use super::*;

/// The error object, after checking what is around it.
fn error(answer: &DemoAnswer) -> Value {
    let document = document(answer);
    let fields: Vec<_> = document.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["type", "error", "request_id"]);
    assert_eq!(document["type"], "error");
    let id = answer.headers.iter().find(|(name, _)| name == "request-id").unwrap();
    assert_eq!(document["request_id"], id.1.to_str().unwrap());
    document["error"].clone()
}

fn user(content: Value) -> Value {
    json!({"messages": [{"role": "user", "content": content}]})
}

fn tool(more: Value) -> Value {
    json!({"tools": [with(json!({"name": "a", "input_schema": {"type": "object"}}), more)]})
}

fn image(source: Value) -> Value {
    user(json!([{"type": "image", "source": source}]))
}

#[test]
fn a_wrong_field_is_named() {
    let cases = [
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (json!({"max_tokens": 0}), "max_tokens: Input should be greater than or equal to 1"),
        (json!({"max_tokens": "5"}), "max_tokens: Input should be a valid integer"),
        (json!({"model": 5}), "model: Input should be a valid string"),
        (json!({"messages": null}), "messages: Field required"),
        (json!({"messages": "hi"}), "messages: Input should be a valid list"),
        (json!({"messages": []}), "messages: at least one message is required"),
        (json!({"messages": [{"content": "hi"}]}), "messages.0.role: Field required"),
        (json!({"messages": [{"role": "king", "content": "hi"}]}), "messages.0.role: "),
        (json!({"messages": [{"role": "system", "content": "hi"}]}), "messages: Unexpected role \"system\""),
        (json!({"messages": [{"role": "assistant", "content": "hi"}]}), "messages: first message must"),
        (
            json!({"messages": [{"role": "user", "content": "hi", "name": "x"}]}),
            "messages.0.name: Extra inputs",
        ),
        (user(json!("")), "messages.0: all messages must have non-empty content"),
        (user(json!([])), "messages.0: all messages must have non-empty content"),
        (user(json!(" \n")), "messages: text content blocks must contain non-whitespace text"),
        (user(json!([{"type": "text", "text": ""}])), "messages.0.content.0.text: "),
        (user(json!([{"text": "hi"}])), "messages.0.content.0.type: Field required"),
        (user(json!([{"type": "image_url", "image_url": {"url": "x"}}])), "messages.0.content.0: Input tag"),
        (user(json!([{"type": "text", "text": "hi", "more": 1}])), "messages.0.content.0.more: Extra inputs"),
        (user(json!([{"type": "tool_use", "id": "a", "name": "b", "input": {}}])), "messages.0.content.0: "),
        (
            image(json!({"type": "base64", "media_type": "image/png", "data": "%"})),
            "messages.0.content.0.source.data: ",
        ),
        (
            image(json!({"type": "base64", "media_type": "image/bmp", "data": "AAAA"})),
            "messages.0.content.0.source.media_type: ",
        ),
        (image(json!({"type": "url", "url": "file:///a"})), "messages.0.content.0.source.url: "),
        (json!({"system": 5}), "system: Input should be a valid list"),
        (json!({"system": [{"type": "image"}]}), "system.0.type: "),
        (json!({"temperature": 1.5}), "temperature: Input should be less than or equal to 1"),
        (json!({"temperature": -0.5}), "temperature: "),
        (json!({"top_p": 2}), "top_p: "),
        (json!({"top_k": -1}), "top_k: "),
        (json!({"stop_sequences": "x"}), "stop_sequences: Input should be a valid list"),
        (json!({"stop_sequences": [""]}), "stop_sequences.0: "),
        (json!({"stream": "yes"}), "stream: Input should be a valid boolean"),
        (json!({"metadata": {"user": "x"}}), "metadata.user: Extra inputs are not permitted"),
        (json!({"service_tier": "flex"}), "service_tier: "),
        (json!({"n": 2}), "n: Extra inputs are not permitted"),
        (json!({"max_completion_tokens": 2}), "max_completion_tokens: Extra inputs are not permitted"),
        (json!({"stop": ["a"]}), "stop: Extra inputs are not permitted"),
        (tool(json!({"name": "a b"})), "tools.0.name: "),
        (tool(json!({"input_schema": null})), "tools.0.input_schema: Field required"),
        (tool(json!({"input_schema": {"type": "string"}})), "tools.0.input_schema.type: "),
        (tool(json!({"input_schema": {"properties": {}}})), "tools.0.input_schema.type: Field required"),
        (tool(json!({"input_schema": {"type": "object", "anyOf": []}})), "tools.0.input_schema: "),
        (tool(json!({"parameters": {}})), "tools.0.parameters: Extra inputs"),
        (tool(json!({"type": "function"})), "tools.0: Input tag 'function'"),
        (json!({"tool_choice": {"type": "auto"}}), "tool_choice: "),
        (
            with(tool(json!({})), json!({"tool_choice": "auto"})),
            "tool_choice: Input should be a valid dictionary",
        ),
        (with(tool(json!({})), json!({"tool_choice": {"type": "required"}})), "tool_choice.type: "),
        (with(tool(json!({})), json!({"tool_choice": {"type": "tool", "name": "b"}})), "Tool 'b' not found"),
        (
            json!({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
            "output_config.format.schema: ",
        ),
        (json!({"output_format": {"type": "json_object"}}), "output_format.type: "),
        (json!({"thinking": {"type": "on"}}), "thinking.type: "),
        (json!({"cache_control": {"type": "forever"}}), "cache_control.type: "),
    ];
    for (more, reason) in cases {
        let answer = ask(&with(message("demo", "hi"), more.clone()));
        assert_eq!(answer.status, 400, "{more}");
        let error = error(&answer);
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["message"].as_str().unwrap().starts_with(reason), "{more}: {error}");
    }
}

#[test]
fn a_prefill_may_not_end_in_a_space() {
    for content in [json!("I say "), json!([{"type": "text", "text": "I say\n"}])] {
        let turns = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": content}]);
        assert_eq!(ask(&with(message("demo", ""), json!({"messages": turns}))).status, 400);
    }
}

#[test]
fn five_marked_caches_are_one_too_many() {
    let block = json!({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    for (count, status) in [(4, 200), (5, 400)] {
        let blocks = vec![block.clone(); count];
        assert_eq!(ask(&with(message("demo", ""), user(json!(blocks)))).status, status);
    }
}

#[test]
fn ids_of_calls_are_unique_and_plain() {
    let turns = |first: &str, second: &str| {
        let turn = |id: &str| {
            let call = json!([{"type": "tool_use", "id": id, "name": "a", "input": {}}]);
            let result = json!([{"type": "tool_result", "tool_use_id": id}]);
            [json!({"role": "assistant", "content": call}), json!({"role": "user", "content": result})]
        };
        let mut all = vec![json!({"role": "user", "content": "hi"})];
        all.extend(turn(first).into_iter().chain(turn(second)));
        with(message("demo", ""), json!({"messages": all}))
    };
    assert_eq!(ask(&turns("call_1", "call-2")).status, 200);
    assert_eq!(ask(&turns("same", "same")).status, 400);
    assert_eq!(ask(&turns("a:b", "c")).status, 400);
}

#[test]
fn names_of_tools_are_unique() {
    let one = json!({"name": "a", "input_schema": {"type": "object"}});
    assert_eq!(ask(&with(message("demo", "hi"), json!({"tools": [one, one]}))).status, 400);
}

#[test]
fn the_version_has_to_be_named() {
    let request = message("demo", "hi").to_string();
    for version in [None, Some("2026-01-01"), Some("")] {
        let mut headers = HeaderMap::new();
        version.map(|version| headers.insert("anthropic-version", version.parse().unwrap()));
        let body = request.clone().into();
        let answer =
            Demo::new().answer(DemoRequest { method: "POST", path: MESSAGES, headers: &headers, body });
        assert_eq!(answer.status, 400);
        assert!(error(&answer)["message"].as_str().unwrap().starts_with("anthropic-version: "));
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    for answer in [ask(&message("claude-9", "hi")), sent("GET", "/v1/models/claude-9", b"")] {
        assert_eq!(answer.status, 404);
        assert_eq!(error(&answer), json!({"type": "not_found_error", "message": "model: claude-9"}));
    }
    assert_eq!(sent("GET", MESSAGES, b"").status, 405);
    error(&sent("GET", "/v1/messages/count_tokens", b""));
}

#[test]
fn counting_takes_no_cap() {
    let answer = sent("POST", "/v1/messages/count_tokens", message("demo", "hi").to_string().as_bytes());
    assert_eq!(answer.status, 400);
    assert_eq!(error(&answer)["message"], "max_tokens: Extra inputs are not permitted");
}

proptest! {
    #[test]
    fn any_bytes_get_an_error_of_the_dialect(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let answer = sent("POST", MESSAGES, &bytes);
        prop_assert_eq!(answer.status, 400);
        error(&answer);
    }
}
