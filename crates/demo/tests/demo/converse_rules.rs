//! Bedrock's dialect: every rule that it refuses by, and who may ask.

use crate::converse::{asked, converse, tools};
use crate::support::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a request is refused with: the kind of error and its message.
fn refused(request: &Value) -> (String, String) {
    let plain = converse("/model/demo/converse", request);
    let stream = converse("/model/demo/converse-stream", request);
    assert_eq!(
        (plain.status, stream.status),
        (400.try_into().unwrap(), 400.try_into().unwrap()),
        "{request}"
    );
    assert_eq!(body(&plain), body(&stream));
    let kind = plain.headers.iter().find(|(name, _)| name == "x-amzn-errortype");
    let kind = kind.map(|(_, value)| value.to_str().unwrap().to_owned()).unwrap_or_default();
    (kind, document(&plain)["message"].as_str().unwrap().to_owned())
}

#[test]
fn a_request_without_credentials_is_refused() {
    let answer = post("/model/demo/converse", &asked("hi"));
    assert_eq!(answer.status, 403);
    let kind = answer.headers.iter().find(|(name, _)| name == "x-amzn-errortype").unwrap();
    assert_eq!(kind.1, "UnrecognizedClientException");
    assert_eq!(answer.counted, flyball_demo::Counted::default());
}

#[test]
fn an_unknown_model_is_invalid() {
    let answer = converse("/model/anthropic.claude-v2%3A1/converse", &asked("hi"));
    assert_eq!(answer.status, 400);
    assert_eq!(document(&answer)["message"], "The provided model identifier is invalid.");
    assert_eq!(converse("/model/demo/invoke", &asked("hi")).status, 404);
}

#[test]
fn a_rule_that_is_broken_is_named() {
    let content = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let config = |config: Value| with(asked("hi"), json!({"inferenceConfig": config}));
    let tool = |spec: Value| with(asked("hi"), json!({"toolConfig": {"tools": [{"toolSpec": spec}]}}));
    let user = json!({"role": "user", "content": [{"text": "hi"}]});
    let using = |id: &str| json!({"toolUse": {"toolUseId": id, "name": "get_weather", "input": {}}});
    let assistant = |content: Value| json!({"role": "assistant", "content": content});
    let result = |id: &str| json!({"toolResult": {"toolUseId": id, "content": [{"text": "x"}]}});
    let answering = |content: Value| json!({"role": "user", "content": content});
    let turns = |messages: Value| json!({"messages": messages, "toolConfig": tools()});
    let thinking = |budget: u64, config: Value| {
        let fields = json!({"thinking": {"type": "enabled", "budget_tokens": budget}});
        with(asked("hi"), json!({"additionalModelRequestFields": fields, "inferenceConfig": config}))
    };
    let cases = [
        (json!({}), "start with a user message"),
        (json!({"messages": []}), "start with a user message"),
        (json!({"messages": [assistant(json!([{"text": "x"}]))]}), "start with a user message"),
        (json!({"messages": [user, user]}), "alternate"),
        (json!({"messages": [{"role": "system", "content": [{"text": "x"}]}]}), "messages.0.role"),
        (json!({"messages": [{"content": [{"text": "x"}]}]}), "messages.0.role"),
        (json!({"messages": [{"role": "user"}]}), "messages.0.content"),
        (json!({"messages": [{"role": "user", "content": []}]}), "messages.0 is empty"),
        (content(json!({"text": " "})), "messages.0.content.0 is blank"),
        (content(json!({"type": "text", "text": "a"})), "union at 'messages.0.content.0'"),
        (content(json!({"input_text": "a"})), "union at 'messages.0.content.0'"),
        (content(json!({"image": {"format": "tiff", "source": {"bytes": "AAAA"}}})), "image.format"),
        (content(json!({"image": {"source": {"bytes": "AAAA"}}})), "image.format"),
        (content(json!({"image": {"format": "png"}})), "image.source"),
        (
            content(json!({"image": {"format": "png", "source": {"url": "https://example.com"}}})),
            "image.source",
        ),
        (
            content(json!({"document": {"format": "pdf", "name": "a.pdf", "source": {"bytes": "AAAA"}}})),
            "document.name",
        ),
        (
            content(json!({"document": {"format": "pdf", "name": "a", "source": {"bytes": "AAAA"}}})),
            "text block",
        ),
        (content(json!({"toolUse": {"toolUseId": "a b", "name": "f", "input": {}}})), "toolUse.toolUseId"),
        (content(json!({"toolUse": {"toolUseId": "a", "name": "f", "input": {}}})), "User messages cannot"),
        (content(json!({"toolResult": {"toolUseId": "a"}})), "toolResult.content"),
        (content(result("a")), "messages.0.content must answer"),
        (
            turns(json!([user, assistant(json!([using("a")])), user])),
            "messages.2.content for the following Ids: a",
        ),
        (
            turns(json!([user, assistant(json!([using("a"), using("b")])), answering(json!([result("a")]))])),
            "Ids: b",
        ),
        (
            turns(json!([
                user,
                assistant(json!([using("a")])),
                answering(json!([result("a"), result("a")]))
            ])),
            "each of them once",
        ),
        (turns(json!([user, assistant(json!([using("a"), using("a")]))])), "unique Ids"),
        (turns(json!([user, assistant(json!([using("a")]))])), "messages.2.content for the following Ids: a"),
        (turns(json!([user, assistant(json!([result("a")])), user])), "Assistant messages cannot"),
        (
            json!({"messages": [user, assistant(json!([using("a")])), answering(json!([result("a")]))]}),
            "toolConfig field must be defined",
        ),
        (with(asked("hi"), json!({"system": [{"text": ""}]})), "system.0 is blank"),
        (config(json!({"temperature": 1.5})), "inferenceConfig.temperature"),
        (config(json!({"topP": -0.5})), "inferenceConfig.topP"),
        (config(json!({"maxTokens": 0})), "inferenceConfig.maxTokens"),
        (config(json!({"stopSequences": [""]})), "inferenceConfig.stopSequences.0"),
        (with(asked("hi"), json!({"toolConfig": {"tools": []}})), "toolConfig.tools"),
        (with(asked("hi"), json!({"toolConfig": {}})), "toolConfig.tools"),
        (tool(json!({"name": "a.b", "inputSchema": {"json": {"type": "object"}}})), "toolSpec.name"),
        (
            tool(json!({"name": "a", "description": "", "inputSchema": {"json": {"type": "object"}}})),
            "toolSpec.description",
        ),
        (tool(json!({"name": "a"})), "toolSpec.inputSchema"),
        (
            tool(json!({"name": "a", "inputSchema": {"type": "object", "properties": {}}})),
            "toolSpec.inputSchema",
        ),
        (tool(json!({"name": "a", "inputSchema": {"json": {"type": "string"}}})), "inputSchema.json.type"),
        (
            with(
                asked("hi"),
                json!({"toolConfig": with(tools(), json!({"toolChoice": {"tool": {"name": "other"}}}))}),
            ),
            "toolChoice.tool.name",
        ),
        (
            with(asked("hi"), json!({"toolConfig": with(tools(), json!({"toolChoice": {"none": {}}}))})),
            "toolConfig.toolChoice",
        ),
        (
            with(
                asked("hi"),
                json!({"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "no"}}}}}),
            ),
            "jsonSchema.schema",
        ),
        (thinking(1000, json!({})), "budget_tokens"),
        (thinking(1024, json!({"maxTokens": 1024})), "max_tokens"),
        (thinking(1024, json!({"temperature": 0.5})), "temperature"),
    ];
    for (request, place) in cases {
        let (kind, message) = refused(&request);
        assert_eq!(kind, "ValidationException", "{message}");
        assert!(message.contains(place), "{place}: {message}");
    }
}

#[test]
fn a_value_of_another_type_is_named() {
    for (request, place) in [
        (json!({"messages": "hi"}), "messages"),
        (json!({"messages": [{"role": "user", "content": "hi"}]}), "messages.0.content"),
        (json!({"messages": [{"role": "user", "content": ["hi"]}]}), "messages.0.content.0"),
        (with(asked("hi"), json!({"system": "Be brief."})), "system"),
        (with(asked("hi"), json!({"inferenceConfig": {"maxTokens": "5"}})), "inferenceConfig.maxTokens"),
        (with(asked("hi"), json!({"requestMetadata": {"a": 1}})), "requestMetadata"),
        (
            json!({"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "%%"}}}]}]}),
            "source.bytes",
        ),
    ] {
        let (kind, message) = refused(&request);
        assert_eq!(kind, "SerializationException", "{message}");
        assert!(message.contains(place), "{place}: {message}");
    }
}

proptest! {
    #[test]
    fn any_value_gets_an_answer(text in "\\PC{0,40}", number in any::<i32>()) {
        for body in [json!(text), json!(number), json!([text]), json!({"messages": number, "system": text})] {
            prop_assert_eq!(converse("/model/demo/converse", &body).status, 400);
        }
    }
}
