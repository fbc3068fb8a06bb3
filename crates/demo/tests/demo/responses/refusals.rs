//! Refusals in the Responses dialect: each is OpenAI's error object and names the field at fault.

use super::*;
use crate::support::{error, send};

fn user(part: Value) -> Value {
    json!({"input": [{"role": "user", "content": [part]}]})
}

fn tool(more: Value) -> Value {
    json!({"tools": [with(json!({"type": "function", "name": "a"}), more)]})
}

fn item(item: Value) -> Value {
    json!({"input": [item]})
}

#[test]
fn a_wrong_field_is_named() {
    let closed =
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let cases = [
        (json!({"model": null}), "model", "missing_required_parameter"),
        (json!({"model": 5}), "model", "invalid_type"),
        (json!({"input": null}), "input", "missing_required_parameter"),
        (json!({"input": []}), "input", "missing_required_parameter"),
        (json!({"input": 5}), "input", "invalid_type"),
        (json!({"instructions": []}), "instructions", "invalid_type"),
        (item(json!("hi")), "input[0]", "invalid_type"),
        (item(json!({"content": "hi"})), "input[0].type", "missing_required_parameter"),
        (item(json!({"type": "wish"})), "input[0].type", "invalid_value"),
        (item(json!({"role": "tool", "content": "hi"})), "input[0].role", "invalid_value"),
        (item(json!({"role": "user"})), "input[0].content", "missing_required_parameter"),
        (item(json!({"role": "user", "content": "hi", "name": "x"})), "input[0].name", "unknown_parameter"),
        (item(json!({"role": "user", "content": "hi", "id": "x"})), "input[0].id", "invalid_value"),
        (
            item(json!({"role": "assistant", "content": [{"type": "input_text", "text": "hi"}]})),
            "input[0].content[0].type",
            "invalid_value",
        ),
        (user(json!({"type": "text", "text": "hi"})), "input[0].content[0].type", "invalid_value"),
        (
            user(json!({"type": "image_url", "image_url": {"url": "x"}})),
            "input[0].content[0].type",
            "invalid_value",
        ),
        (user(json!({"type": "input_text"})), "input[0].content[0].text", "missing_required_parameter"),
        (user(json!({"type": "input_image"})), "input[0].content[0].image_url", "missing_required_parameter"),
        (
            user(json!({"type": "input_image", "image_url": {"url": "https://a"}})),
            "input[0].content[0].image_url",
            "invalid_type",
        ),
        (
            user(json!({"type": "input_image", "image_url": "data:image/png;base64,%"})),
            "input[0].content[0].image_url",
            "invalid_value",
        ),
        (
            user(json!({"type": "input_file", "file_data": "data:a/b;base64,AAAA"})),
            "input[0].content[0].filename",
            "missing_required_parameter",
        ),
        (
            item(json!({"type": "function_call", "name": "a", "arguments": "{}"})),
            "input[0].call_id",
            "missing_required_parameter",
        ),
        (
            item(json!({"type": "function_call", "call_id": "a", "name": "a", "arguments": {}})),
            "input[0].arguments",
            "invalid_type",
        ),
        (
            item(
                json!({"type": "function_call", "call_id": "a", "id": "call_a", "name": "a", "arguments": "{}"}),
            ),
            "input[0].id",
            "invalid_value",
        ),
        (
            item(json!({"type": "function_call", "call_id": "a".repeat(65), "name": "a", "arguments": "{}"})),
            "input[0].call_id",
            "invalid_value",
        ),
        (json!({"max_output_tokens": 15}), "max_output_tokens", "invalid_value"),
        (json!({"temperature": 2.5}), "temperature", "invalid_value"),
        (json!({"top_p": 1.5}), "top_p", "invalid_value"),
        (json!({"stream": "yes"}), "stream", "invalid_type"),
        (json!({"stream_options": {"include_obfuscation": false}}), "stream_options", "invalid_value"),
        (
            json!({"stream": true, "stream_options": {"include_usage": true}}),
            "stream_options.include_usage",
            "unknown_parameter",
        ),
        (json!({"metadata": {"a": 1}}), "metadata.a", "invalid_type"),
        (json!({"metadata": {"a": "x".repeat(513)}}), "metadata", "invalid_value"),
        (json!({"include": ["everything"]}), "include[0]", "invalid_value"),
        (json!({"reasoning": {"effort": "most"}}), "reasoning.effort", "invalid_value"),
        (json!({"reasoning_effort": "low"}), "reasoning_effort", "unknown_parameter"),
        (json!({"messages": []}), "messages", "unknown_parameter"),
        (json!({"max_tokens": 16}), "max_tokens", "unknown_parameter"),
        (json!({"stop": "x"}), "stop", "unknown_parameter"),
        (json!({"response_format": {"type": "text"}}), "response_format", "unknown_parameter"),
        (json!({"text": {"format": {"type": "yaml"}}}), "text.format.type", "invalid_value"),
        (
            json!({"text": {"format": {"type": "json_schema", "schema": {}}}}),
            "text.format.name",
            "missing_required_parameter",
        ),
        (
            json!({"text": {"format": {"type": "json_schema", "name": "a", "json_schema": {}}}}),
            "text.format.json_schema",
            "unknown_parameter",
        ),
        (
            json!({"text": {"format": {"type": "json_schema", "name": "a", "strict": true, "schema": {"type": "object"}}}}),
            "text.format.schema",
            "invalid_value",
        ),
        (tool(json!({"strict": true, "parameters": closed})), "tools[0].parameters", "invalid_value"),
        (tool(json!({"type": "tool"})), "tools[0].type", "invalid_value"),
        (tool(json!({"name": "a b"})), "tools[0].name", "invalid_value"),
        (tool(json!({"input_schema": {}})), "tools[0].input_schema", "unknown_parameter"),
        (tool(json!({"parameters": {"type": "string"}})), "tools[0].parameters", "invalid_value"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "a"}}]}),
            "tools[0].name",
            "missing_required_parameter",
        ),
        (json!({"tool_choice": "required"}), "tool_choice", "invalid_value"),
        (with(tool(json!({})), json!({"tool_choice": "any"})), "tool_choice", "invalid_value"),
        (
            with(tool(json!({})), json!({"tool_choice": {"type": "function", "name": "b"}})),
            "tool_choice",
            "invalid_value",
        ),
        (
            with(tool(json!({})), json!({"tool_choice": {"type": "function", "function": {"name": "a"}}})),
            "tool_choice.function",
            "unknown_parameter",
        ),
        (json!({"previous_response_id": "resp_1"}), "previous_response_id", "previous_response_not_found"),
        (json!({"background": true}), "background", "unsupported_parameter"),
    ];
    for (more, param, code) in cases {
        let answer = ask(&with(input("demo", "hi"), more.clone()));
        assert_eq!(answer.status, 400, "{more}");
        let error = error(&answer);
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)), "{more}: {error}");
        assert_eq!(error["type"], "invalid_request_error");
    }
}

#[test]
fn a_strict_schema_requires_all_its_properties() {
    let schema = |required: Value| {
        let parameters = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": required,
            "additionalProperties": false});
        ask(&with(input("demo", "hi"), tool(json!({"strict": true, "parameters": parameters}))))
            .status
            .as_u16()
    };
    assert_eq!((schema(json!(["a"])), schema(json!([]))), (200, 400));
}

#[test]
fn what_is_not_there_is_not_found() {
    assert_eq!(error(&ask(&input("gpt-9", "hi")))["code"], "model_not_found");
    for more in [
        json!({"conversation": "conv_1"}),
        json!({"prompt": {"id": "pmpt_1"}}),
        json!({"input": [{"type": "item_reference", "id": "msg_1"}]}),
        json!({"input": [{"id": "msg_1"}]}),
    ] {
        assert_eq!(ask(&with(input("demo", "hi"), more)).status, 404);
    }
    assert_eq!(send("GET", RESPONSES, b"").status, 405);
    assert_eq!(send("GET", "/v1/responses/resp_1", b"").status, 404);
}

proptest! {
    #[test]
    fn any_bytes_get_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let answer = send("POST", RESPONSES, &bytes);
        prop_assert_eq!(answer.status, 400);
        error(&answer);
    }
}
