//! Bedrock's dialect: answers, streams in frames, tools, thinking, and the faults of a script.

use crate::support::frames::{self, Read};
use crate::support::*;
use bytes::Bytes;
use flyball_demo::{Demo, DemoAnswer, DemoRequest, Step};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The answer to a signed POST.
pub(crate) fn converse(path: &str, request: &Value) -> DemoAnswer {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("AWS4-HMAC-SHA256 Credential=x"));
    let body = Bytes::from(request.to_string());
    Demo::new().answer(DemoRequest { method: "POST", path, headers: &headers, body })
}

pub(crate) fn asked(prompt: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": prompt}]}]})
}

fn plain(request: &Value) -> Value {
    let answer = converse("/model/demo/converse", request);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&body(&answer)));
    document(&answer)
}

fn stream(request: &Value) -> DemoAnswer {
    converse("/model/demo/converse-stream", request)
}

fn scripted(script: &str, action: &str) -> DemoAnswer {
    converse(&format!("/model/sim%3A{script}/{action}"), &asked("hi"))
}

fn header(answer: &DemoAnswer, name: &str) -> String {
    let found = answer.headers.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

pub(crate) fn tools() -> Value {
    json!({"tools": [{"toolSpec": {"name": "get_weather", "description": "The weather", "inputSchema": {"json": {
        "type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}}}}]})
}

/// The kinds and payloads of a stream's events; padding taken off.
fn events(answer: &DemoAnswer) -> Vec<(String, Value)> {
    let read = |frame: Read| {
        assert_eq!(frame.header(":message-type"), "event");
        assert_eq!(frame.header(":content-type"), "application/json");
        let mut payload: Value = serde_json::from_slice(&frame.payload).unwrap();
        payload.as_object_mut().unwrap().remove("p");
        (frame.header(":event-type").to_owned(), payload)
    };
    frames::all(&body(answer)).into_iter().map(read).collect()
}

/// The content that a stream's events join to.
fn joined(events: &[(String, Value)]) -> Vec<Value> {
    let mut content: Vec<Value> = Vec::new();
    let mut open: Option<(Value, Value, String)> = None;
    for (kind, payload) in events {
        match kind.as_str() {
            "contentBlockStart" => {
                open = Some((payload["contentBlockIndex"].clone(), payload["start"].clone(), String::new()));
            }
            "contentBlockDelta" => {
                let fresh = || (payload["contentBlockIndex"].clone(), Value::Null, String::new());
                let (index, start, text) = open.get_or_insert_with(fresh);
                assert_eq!(index, &payload["contentBlockIndex"]);
                let delta = &payload["delta"];
                text.push_str(
                    delta["text"].as_str().or(delta["toolUse"]["input"].as_str()).unwrap_or_default(),
                );
                if let Some(reasoning) = delta.get("reasoningContent") {
                    if start.is_null() {
                        *start = json!({"reasoningContent": {"reasoningText": {}}});
                    }
                    let known = start["reasoningContent"]["reasoningText"].as_object_mut().unwrap();
                    known.extend(reasoning.as_object().unwrap().clone());
                }
            }
            "contentBlockStop" => {
                let (index, mut block, text) = open.take().unwrap();
                assert_eq!(index, payload["contentBlockIndex"]);
                assert_eq!(index, content.len());
                if block.is_null() {
                    block = json!({"text": text});
                } else if block.get("toolUse").is_some() {
                    block["toolUse"]["input"] = serde_json::from_str(&text).unwrap();
                }
                content.push(block);
            }
            _ => {}
        }
    }
    assert!(open.is_none());
    content
}

fn total(answer: &DemoAnswer) -> (u64, u64) {
    (answer.counted.input, answer.counted.output.last().copied().unwrap_or(0))
}

#[test]
fn a_plain_answer_has_its_message_its_reason_and_its_usage() {
    let answer = converse("/model/demo/converse", &asked("say exactly: one two three"));
    let said = document(&answer);
    assert_eq!(
        said["output"]["message"],
        json!({"role": "assistant", "content": [{"text": "one two three"}]})
    );
    assert_eq!(said["stopReason"], "end_turn");
    let (input, output) = total(&answer);
    assert_eq!(output, 3);
    assert_eq!(said["usage"]["inputTokens"], input);
    assert_eq!(said["usage"]["outputTokens"], output);
    assert_eq!(said["usage"]["totalTokens"], input + output);
    assert!(said["metrics"]["latencyMs"].is_u64());
    assert!(!header(&answer, "x-amzn-requestid").is_empty());
}

#[test]
fn a_stream_tells_the_same_in_order() {
    for prompt in ["say exactly: one two three", "count to 40"] {
        let request = asked(prompt);
        let answer = stream(&request);
        assert_eq!(header(&answer, "content-type"), "application/vnd.amazon.eventstream");
        let events = events(&answer);
        let said = plain(&request);
        assert_eq!(Value::Array(joined(&events)), said["output"]["message"]["content"]);
        let kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds[..2], ["messageStart", "contentBlockDelta"]);
        assert_eq!(kinds[kinds.len() - 3..], ["contentBlockStop", "messageStop", "metadata"]);
        let [.., (_, stop), (_, metadata)] = events.as_slice() else { panic!("too few events") };
        assert_eq!(stop["stopReason"], said["stopReason"]);
        assert_eq!(metadata["usage"], said["usage"]);
        assert_eq!(said["usage"]["outputTokens"], total(&answer).1);
    }
}

#[test]
fn every_reason_to_stop_is_told() {
    let reason = |config: Value| {
        let more =
            json!({"inferenceConfig": config, "additionalModelResponseFieldPaths": ["/stop_sequence"]});
        let said = plain(&with(asked("say exactly: one two three"), more));
        (said["stopReason"].clone(), said["additionalModelResponseFields"]["stop_sequence"].clone())
    };
    assert_eq!(reason(json!({"maxTokens": 2})), (json!("max_tokens"), Value::Null));
    assert_eq!(reason(json!({"stopSequences": [" two", "x"]})), (json!("stop_sequence"), json!(" two")));
    assert_eq!(reason(json!({"stopSequences": ["x"], "maxTokens": 3})), (json!("end_turn"), Value::Null));
}

#[test]
fn media_are_seen_and_counted() {
    let media = json!([
        {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
        {"document": {"format": "pdf", "name": "a report", "source": {"bytes": "AAAA"}}},
        {"text": "say exactly: seen"},
    ]);
    let said = plain(&json!({"messages": [{"role": "user", "content": media}]}));
    assert_eq!(said["output"]["message"]["content"][0]["text"], "You gave me 1 image and 1 file. seen");
    let alone = plain(&asked("say exactly: seen"));
    let tokens = |said: &Value| said["usage"]["inputTokens"].as_u64().unwrap();
    assert_eq!(tokens(&said), tokens(&alone) + 2 * 85);
}

#[test]
fn tools_are_used_and_their_results_answered() {
    let prompt = "Call get_weather twice, for \"Paris\" and \"Rome\"";
    let mut request = with(asked(prompt), json!({"toolConfig": tools()}));
    let said = plain(&request);
    assert_eq!(said["stopReason"], "tool_use");
    let content = said["output"]["message"]["content"].as_array().unwrap();
    let places: Vec<_> = content.iter().map(|block| block["toolUse"]["input"]["location"].clone()).collect();
    assert_eq!(places, ["Paris", "Rome"]);
    let streamed = stream(&request);
    assert_eq!(&joined(&events(&streamed)), content);
    assert_eq!(said["usage"]["outputTokens"], total(&streamed).1);

    let result = |block: &Value, content: Value| json!({"toolResult": {"toolUseId": block["toolUse"]["toolUseId"], "content": [content], "status": "success"}});
    let results = json!([
        result(&content[1], json!({"text": "25 degrees"})),
        result(&content[0], json!({"json": {"degrees": 21}})),
    ]);
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(said["output"]["message"].clone());
    messages.push(json!({"role": "user", "content": results}));
    let said = plain(&request);
    let expected = "get_weather says: 25 degrees\nget_weather says: {\"degrees\":21}";
    assert_eq!(said["output"]["message"]["content"][0]["text"], expected);
}

#[test]
fn a_tool_choice_forces_a_use() {
    for choice in [json!({"any": {}}), json!({"tool": {"name": "get_weather"}})] {
        let config = with(tools(), json!({"toolChoice": choice}));
        assert_eq!(plain(&with(asked("Hello"), json!({"toolConfig": config})))["stopReason"], "tool_use");
    }
    let config = with(tools(), json!({"toolChoice": {"auto": {}}}));
    assert_eq!(plain(&with(asked("Hello"), json!({"toolConfig": config})))["stopReason"], "end_turn");
}

#[test]
fn a_schema_is_satisfied() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let format = json!({"type": "json_schema", "structure": {"jsonSchema": {"schema": schema.to_string(), "name": "a"}}});
    let said = plain(&with(asked("to Rome"), json!({"outputConfig": {"textFormat": format}})));
    let text = said["output"]["message"]["content"][0]["text"].as_str().unwrap();
    assert!(validator::satisfies(&serde_json::from_str(text).unwrap(), &schema, &schema), "{text}");
}

#[test]
fn reasoning_is_shown_counted_and_known_again() {
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 1024}});
    let more = json!({"additionalModelRequestFields": thinking, "inferenceConfig": {"maxTokens": 2000}});
    let request = with(asked("say exactly: hello there"), more);
    let answer = converse("/model/demo/converse", &request);
    let said = document(&answer);
    let content = said["output"]["message"]["content"].as_array().unwrap();
    assert!(content[0]["reasoningContent"]["reasoningText"]["signature"].is_string());
    assert_eq!(content[1], json!({"text": "hello there"}));
    assert_eq!(said["usage"]["outputTokens"], total(&answer).1);
    let streamed = stream(&request);
    assert_eq!(&joined(&events(&streamed)), content);
    assert_eq!(total(&streamed), total(&answer));

    let mut back = asked("hi");
    let messages = back["messages"].as_array_mut().unwrap();
    messages.push(said["output"]["message"].clone());
    messages.push(json!({"role": "user", "content": [{"text": "and now?"}]}));
    plain(&back);
    for member in ["text", "signature"] {
        let mut altered = back.clone();
        altered["messages"][1]["content"][0]["reasoningContent"]["reasoningText"][member] = json!("AAAA");
        assert_eq!(converse("/model/demo/converse", &altered).status, 400, "{member}");
    }
}

#[test]
fn every_fault_has_its_form_in_frames() {
    let action = "converse-stream";
    let cut = scripted("chunks=5,cut=3", action);
    assert_eq!((sends(&cut).len(), cut.steps.last()), (4, Some(&Step::Cut)));
    assert_eq!(sends(&scripted("chunks=5,hang=0", action)).len(), 1);
    let payloads: Vec<bool> = frames::all(&body(&scripted("chunks=3,malformed=2", action)))
        .iter()
        .map(|frame| serde_json::from_slice::<Value>(&frame.payload).is_ok())
        .collect();
    assert_eq!(payloads, [true, true, true, false, true, true, true, true]);
    let failed = frames::all(&body(&scripted("chunks=4,error_event=1", action)));
    let [start, delta, exception] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!(start.header(":event-type"), "messageStart");
    assert_eq!(delta.header(":event-type"), "contentBlockDelta");
    assert_eq!(exception.header(":message-type"), "exception");
    assert_eq!(exception.header(":exception-type"), "modelStreamErrorException");
    assert!(serde_json::from_slice::<Value>(&exception.payload).unwrap()["message"].is_string());
    assert!(events(&scripted("no_done", action)).iter().all(|(kind, _)| kind != "messageStop"));
    assert!(events(&scripted("no_usage", action)).iter().all(|(_, payload)| payload.get("usage").is_none()));
    assert_eq!(document(&scripted("ignore_stream,text=x", action))["stopReason"], "end_turn");
    let split = scripted("text=abc,raw_split=7", action);
    assert!(sends(&split).iter().rev().skip(1).all(|send| send.len() == 7));
    assert_eq!(joined(&events(&split)), [json!({"text": "abc"})]);
    assert_eq!(joined(&events(&scripted("huge=1000", action)))[0]["text"].as_str().unwrap().len(), 1000);
    assert_eq!(header(&scripted("wrong_content_type", action), "content-type"), "text/plain; charset=utf-8");
    assert!(header(&scripted("garbage", action), "content-type").starts_with("text/html"));
    assert_eq!(scripted("delay=5ms,gap=1ms,chunks=2", action).steps.len(), 13);
    assert_eq!(scripted("empty", action).steps, [Step::Head]);
}

#[test]
fn every_fault_has_its_form_in_a_document() {
    assert!(document(&scripted("error_event=0", "converse"))["message"].is_string());
    assert!(serde_json::from_slice::<Value>(&body(&scripted("malformed=0", "converse"))).is_err());
    assert!(document(&scripted("no_usage", "converse")).get("usage").is_none());
    assert_eq!(scripted("cut=head", "converse").steps, [Step::Cut]);
    for (status, kind) in [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ] {
        for action in ["converse", "converse-stream"] {
            let answer = scripted(&format!("status={status},retry_after=3"), action);
            assert_eq!(answer.status, status);
            assert_eq!(header(&answer, "x-amzn-errortype"), kind);
            assert_eq!(header(&answer, "retry-after"), "3");
            assert!(document(&answer)["message"].is_string());
        }
    }
    let steered = converse("/model/sim/converse", &asked("sim: text=abc\nhi"));
    assert_eq!(document(&steered)["output"]["message"]["content"][0]["text"], "abc");
}

proptest! {
    #[test]
    fn a_stream_joins_to_the_plain_answer(prompt in "[a-z]\\PC{0,80}", chunk in 1usize..9, limit in 1u64..40) {
        let request = with(asked(&prompt), json!({"inferenceConfig": {"maxTokens": limit}}));
        let said = plain(&request);
        let streamed = stream(&request);
        prop_assert_eq!(&Value::Array(joined(&events(&streamed))), &said["output"]["message"]["content"]);
        prop_assert_eq!(&said["usage"]["outputTokens"], total(&streamed).1);
        let encoded: String = prompt.bytes().map(|byte| format!("%25{byte:02x}")).collect();
        let split = scripted(&format!("text={encoded},chunk_bytes={chunk}"), "converse-stream");
        prop_assert_eq!(joined(&events(&split)), vec![json!({"text": prompt})]);
    }
}
