//! Google's dialect: every rule that it refuses by.

use crate::gemini::{COUNT, GENERATE, STREAM, asked, weather};
use crate::support::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn refused(path: &str, request: &Value) -> String {
    let answer = post(path, request);
    assert_eq!(answer.status, 400, "{request}");
    let error = document(&answer)["error"].clone();
    assert_eq!(error["code"], 400);
    assert_eq!(error["status"], "INVALID_ARGUMENT");
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_wrong_field_is_refused_by_its_place() {
    let config = |config: Value| with(asked("hi"), json!({"generationConfig": config}));
    let part = |part: Value| json!({"contents": [{"parts": [part]}]});
    let declared =
        |declaration: Value| with(asked("hi"), json!({"tools": [{"functionDeclarations": [declaration]}]}));
    let call = json!({"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]});
    let response = json!({"parts": [{"functionResponse": {"name": "f", "response": {"result": "x"}}}]});
    let user = json!({"parts": [{"text": "hi"}]});
    let cases = [
        (json!({}), "contents"),
        (json!({"contents": []}), "contents"),
        (json!({"contents": "hi"}), "contents"),
        (json!({"contents": [{"parts": []}]}), "contents[0].parts"),
        (json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}), "valid role"),
        (part(json!({})), "contents[0].parts[0].data"),
        (part(json!({"text": "a", "fileData": {"fileUri": "gs://a/b"}})), "contents[0].parts[0]"),
        (part(json!({"text": 5})), "contents[0].parts[0].text"),
        (part(json!({"type": "text", "text": "a"})), "\"type\" at 'contents[0].parts[0]'"),
        (part(json!({"inlineData": {"data": "AAAA"}})), "inline_data.mime_type"),
        (part(json!({"inlineData": {"mimeType": "image/png", "data": "%%"}})), "inline_data.data"),
        (part(json!({"inlineData": {"mimeType": "image/tiff", "data": "AAAA"}})), "MIME type"),
        (part(json!({"fileData": {"mimeType": "image/png"}})), "file_data.file_uri"),
        (part(json!({"functionCall": {"name": "f", "args": "{}"}})), "function_call.args"),
        (
            json!({"contents": [user, {"role": "model", "parts": [{"functionCall": {"name": "", "args": {}}}]}]}),
            "function_call.name",
        ),
        (json!({"contents": [call, response]}), "function call turn comes"),
        (json!({"contents": [user, response]}), "response turn comes"),
        (json!({"contents": [user, call, user]}), "number of function response"),
        (json!({"contents": [user, call]}), "number of function response"),
        (
            json!({"contents": [user, call, {"parts": [{"functionResponse": {"name": "g", "response": {}}}]}]}),
            "answers no",
        ),
        (
            json!({"contents": [user, call, {"parts": [{"functionResponse": {"name": "f", "response": "x"}}]}]}),
            "function_response.response",
        ),
        (
            with(asked("hi"), json!({"systemInstruction": {"parts": [{"fileData": {"fileUri": "a"}}]}})),
            "system_instruction",
        ),
        (with(asked("hi"), json!({"messages": []})), "Unknown name \"messages\""),
        (config(json!({"max_tokens": 1})), "Unknown name \"max_tokens\" at 'generation_config'"),
        (config(json!({"temperature": 2.5})), "generation_config.temperature"),
        (config(json!({"temperature": "warm"})), "generation_config.temperature"),
        (config(json!({"topP": 1.5})), "generation_config.top_p"),
        (config(json!({"topK": 0})), "generation_config.top_k"),
        (config(json!({"maxOutputTokens": 0})), "generation_config.max_output_tokens"),
        (
            config(json!({"stopSequences": ["a", "b", "c", "d", "e", "f"]})),
            "generation_config.stop_sequences",
        ),
        (config(json!({"candidateCount": 9})), "generation_config.candidate_count"),
        (config(json!({"seed": 5_000_000_000_u64})), "generation_config.seed"),
        (config(json!({"frequencyPenalty": 3})), "generation_config.frequency_penalty"),
        (config(json!({"responseMimeType": "text/html"})), "generation_config.response_mime_type"),
        (config(json!({"responseSchema": {"type": "STRING"}})), "generation_config.response_schema"),
        (
            config(
                json!({"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "$schema": "x"}}),
            ),
            "\"$schema\"",
        ),
        (config(json!({"responseLogprobs": true})), "Logprobs"),
        (config(json!({"responseModalities": ["IMAGE"]})), "modalities"),
        (config(json!({"thinkingConfig": {"thinkingBudget": 40_000}})), "thinking budget"),
        (config(json!({"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}})), "thinking level"),
        (declared(json!({"name": "1st"})), "function_declarations[0].name"),
        (
            declared(
                json!({"name": "f", "parameters": {"type": "OBJECT", "properties": {}, "additionalProperties": false}}),
            ),
            "\"additionalProperties\" at 'tools[0].function_declarations[0].parameters'",
        ),
        (
            declared(
                json!({"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}}),
            ),
            "items",
        ),
        (declared(json!({"name": "f", "parameters": {"type": "THING"}})), "parameters.type"),
        (
            declared(json!({"name": "f", "parameters": {"type": "OBJECT"}, "parametersJsonSchema": {}})),
            "cannot both",
        ),
        (with(asked("hi"), json!({"tools": [weather(), weather()]})), "Duplicate"),
        (
            with(asked("hi"), json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}})),
            "function_declarations",
        ),
        (
            with(
                asked("hi"),
                json!({"tools": [weather()], "toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}),
            ),
            "mode",
        ),
        (
            with(
                asked("hi"),
                json!({"tools": [weather()], "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["get_weather"]}}}),
            ),
            "allowed_function_names",
        ),
        (
            with(asked("hi"), json!({"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}]})),
            "safety_settings[0].threshold",
        ),
    ];
    for (request, place) in cases {
        for path in [GENERATE, STREAM, COUNT] {
            let message = refused(path, &request);
            assert!(message.contains(place), "{place}: {message}");
        }
    }
    assert_eq!(post(GENERATE, &with(asked("hi"), json!({"cachedContent": "cachedContents/a"}))).status, 403);
    assert_eq!(send("POST", GENERATE, b"{").status, 400);
}

#[test]
fn an_unknown_model_is_not_found() {
    let answer = post("/v1beta/models/gemini-pro:generateContent", &asked("hi"));
    assert_eq!(answer.status, 404);
    assert_eq!(document(&answer)["error"]["status"], "NOT_FOUND");
    assert_eq!(post("/v1beta/models/demo:predict", &asked("hi")).status, 404);
}

proptest! {
    #[test]
    fn any_bytes_get_an_error_object(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(send("POST", GENERATE, &bytes).status, 400);
    }
}
