//! Google's dialect: answers, streams in both forms, tools, thoughts, and the faults of a script.

use crate::support::*;
use flyball_demo::{DemoAnswer, Step};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const GENERATE: &str = "/v1beta/models/demo:generateContent";
pub(crate) const STREAM: &str = "/v1beta/models/demo:streamGenerateContent?alt=sse";
const ARRAY: &str = "/v1beta/models/demo:streamGenerateContent";
pub(crate) const COUNT: &str = "/v1beta/models/demo:countTokens";

pub(crate) fn asked(prompt: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]})
}

fn scripted(script: &str, action: &str) -> DemoAnswer {
    post(&format!("/v1beta/models/sim:{script}:{action}"), &asked("hi"))
}

pub(crate) fn weather() -> Value {
    json!({"functionDeclarations": [{"name": "get_weather", "description": "The weather", "parameters": {
        "type": "OBJECT",
        "properties": {"location": {"type": "STRING"}, "unit": {"type": "STRING", "enum": ["celsius", "fahrenheit"]}},
        "required": ["location"]}}]})
}

fn generated(request: &Value) -> Value {
    let answer = post(GENERATE, request);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&body(&answer)));
    document(&answer)
}

/// The chunks of a stream in events.
fn chunks(answer: &DemoAnswer) -> Vec<Value> {
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(body(answer)).unwrap();
    let events = text.split("\r\n\r\n").filter(|event| !event.is_empty());
    events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

/// The parts that a list of chunks gives the candidate `index`.
fn parts(chunks: &[Value], index: u64) -> Vec<Value> {
    let candidates = chunks.iter().flat_map(|chunk| chunk["candidates"].as_array().unwrap());
    let own = candidates.filter(|candidate| candidate["index"] == index);
    own.flat_map(|candidate| candidate["content"]["parts"].as_array().cloned().unwrap_or_default()).collect()
}

fn text(parts: &[Value]) -> String {
    parts.iter().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str()).collect()
}

fn total(answer: &DemoAnswer) -> (u64, u64) {
    (answer.counted.input, answer.counted.output.last().copied().unwrap_or(0))
}

#[test]
fn a_plain_answer_has_its_text_its_reason_and_its_usage() {
    let answer = post(GENERATE, &asked("say exactly: one two three"));
    let said = document(&answer);
    let candidate = &said["candidates"][0];
    assert_eq!(candidate["content"], json!({"parts": [{"text": "one two three"}], "role": "model"}));
    assert_eq!(candidate["finishReason"], "STOP");
    let usage = &said["usageMetadata"];
    assert_eq!(usage["candidatesTokenCount"], 3);
    let (input, output) = total(&answer);
    assert_eq!(usage["promptTokenCount"], input);
    assert_eq!(usage["totalTokenCount"], input + output);
    assert_eq!(output, 3);
    assert_eq!(said["modelVersion"], "demo");
    assert!(said["responseId"].is_string());
}

#[test]
fn vertex_paths_and_snake_case_say_the_same() {
    let path = "/v1/projects/p/locations/europe-west4/publishers/google/models/demo:generateContent";
    let request = json!({
        "contents": [{"parts": [{"text": "count to 30"}, {"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]}],
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generation_config": {"max_output_tokens": "5", "stop_sequences": ["zz"]},
    });
    let said = document(&post(path, &request));
    assert_eq!(said["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(said["usageMetadata"]["candidatesTokenCount"], 5);
}

#[test]
fn a_stream_ends_in_a_chunk_with_reason_and_usage() {
    for prompt in ["say exactly: one two three", "count to 40"] {
        let answer = post(STREAM, &asked(prompt));
        let chunks = chunks(&answer);
        assert_eq!(text(&parts(&chunks, 0)), text(&parts(&[generated(&asked(prompt))], 0)));
        let (last, others) = chunks.split_last().unwrap();
        assert!(others.iter().all(|chunk| chunk["candidates"][0].get("finishReason").is_none()));
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        let counts: Vec<_> = chunks
            .iter()
            .map(|chunk| chunk["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap())
            .collect();
        assert!(counts.is_sorted());
        let (input, output) = total(&answer);
        assert_eq!(counts.last(), Some(&output));
        assert_eq!(last["usageMetadata"]["totalTokenCount"], input + output);
    }
}

#[test]
fn without_alt_sse_a_stream_is_one_array() {
    let answer = post(ARRAY, &asked("say exactly: one two"));
    let array = document(&answer);
    let elements = array.as_array().unwrap();
    assert_eq!(text(&parts(elements, 0)), "one two");
    assert_eq!(elements.last().unwrap()["candidates"][0]["finishReason"], "STOP");
    let refused = post(ARRAY, &json!({}));
    assert_eq!(document(&refused)[0]["error"]["code"], 400);
    let failed = document(&scripted("chunks=4,error_event=2", "streamGenerateContent"));
    assert_eq!(failed.as_array().unwrap().len(), 3);
    assert_eq!(failed[2]["error"]["status"], "INTERNAL");
}

#[test]
fn candidates_are_told_apart_by_their_index() {
    let request = with(asked("invent a customer record"), json!({"generationConfig": {"candidateCount": 3}}));
    let plain = generated(&request);
    let chunks = chunks(&post(STREAM, &request));
    for index in 0..3 {
        assert_eq!(text(&parts(&chunks, index)), text(&parts(std::slice::from_ref(&plain), index)));
    }
    assert_ne!(text(&parts(&chunks, 0)), text(&parts(&chunks, 1)));
}

#[test]
fn a_stop_sequence_and_a_limit_end_the_text() {
    let config = json!({"generationConfig": {"stopSequences": [" two"], "maxOutputTokens": 50}});
    let said = generated(&with(asked("say exactly: one two"), config));
    assert_eq!(said["candidates"][0]["content"]["parts"][0]["text"], "one");
    assert_eq!(said["candidates"][0]["finishReason"], "STOP");
    let config = json!({"generationConfig": {"maxOutputTokens": 2}});
    let said = generated(&with(asked("say exactly: one two three"), config));
    assert_eq!(said["candidates"][0]["finishReason"], "MAX_TOKENS");
}

#[test]
fn media_are_seen_and_counted() {
    let media = json!([
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://bucket/file.pdf"}},
        {"text": "say exactly: seen"},
    ]);
    let said = generated(&json!({"contents": [{"parts": media}]}));
    assert_eq!(text(&parts(std::slice::from_ref(&said), 0)), "You gave me 1 image and 1 file. seen");
    let alone = generated(&asked("say exactly: seen"));
    let tokens = |said: &Value| said["usageMetadata"]["promptTokenCount"].as_u64().unwrap();
    assert_eq!(tokens(&said), tokens(&alone) + 2 * 85);
}

#[test]
fn functions_are_called_and_their_responses_answered() {
    let prompt = "Call get_weather twice, for \"Paris\" and \"Rome\"";
    let mut request = with(asked(prompt), json!({"tools": [weather()]}));
    let plain = generated(&request);
    let called = parts(std::slice::from_ref(&plain), 0);
    let streamed = post(STREAM, &request);
    let chunks = chunks(&streamed);
    let calls = |parts: &[Value]| -> Vec<Value> {
        parts.iter().filter_map(|part| part.get("functionCall").cloned()).collect()
    };
    assert_eq!(calls(&parts(&chunks, 0)), calls(&called));
    let places: Vec<_> = calls(&called).iter().map(|call| call["args"]["location"].clone()).collect();
    assert_eq!(places, ["Paris", "Rome"]);
    assert_eq!(plain["usageMetadata"]["candidatesTokenCount"], total(&streamed).1);

    let responses: Vec<_> = ["21 degrees", "25 degrees"]
        .map(|text| json!({"functionResponse": {"name": "get_weather", "response": {"result": text}}}))
        .into();
    let contents = request["contents"].as_array_mut().unwrap();
    contents.push(plain["candidates"][0]["content"].clone());
    contents.push(json!({"role": "user", "parts": responses}));
    let said = generated(&request);
    let expected = "get_weather says: 21 degrees\nget_weather says: 25 degrees";
    assert_eq!(said["candidates"][0]["content"]["parts"][0]["text"], expected);
}

#[test]
fn the_calling_mode_decides_whether_a_function_is_called() {
    let called = |prompt: &str, config: Value| {
        let config = json!({"tools": [weather()], "toolConfig": {"functionCallingConfig": config}});
        let said = generated(&with(asked(prompt), config));
        said["candidates"][0]["content"]["parts"][0].get("functionCall").is_some()
    };
    assert!(called("Hello", json!({"mode": "ANY"})));
    assert!(called("Hello", json!({"mode": "ANY", "allowedFunctionNames": ["get_weather"]})));
    assert!(!called("Hello", json!({"mode": "AUTO"})));
    assert!(!called("the weather in Rome", json!({"mode": "NONE"})));
}

#[test]
fn a_schema_is_satisfied() {
    let schema = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER"}},
        "required": ["city", "days"], "propertyOrdering": ["city", "days"]});
    let plain = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"], "additionalProperties": false});
    for (name, schema) in [("responseSchema", &schema), ("responseJsonSchema", &plain)] {
        let config = json!({"generationConfig": {"responseMimeType": "application/json", name: schema}});
        let said = generated(&with(asked("to Rome for 3 days"), config));
        let text = said["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
        assert!(validator::satisfies(&serde_json::from_str(text).unwrap(), &plain, &plain), "{text}");
    }
}

#[test]
fn thoughts_are_shown_counted_and_known_again() {
    let thinking =
        json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true}}, "tools": [weather()]});
    let request = with(asked("say exactly: hello there"), thinking.clone());
    let answer = post(GENERATE, &request);
    let said = document(&answer);
    let own = parts(std::slice::from_ref(&said), 0);
    assert_eq!(own[0]["thought"], true);
    assert!(own[1]["thoughtSignature"].is_string());
    let usage = &said["usageMetadata"];
    let thought = usage["thoughtsTokenCount"].as_u64().unwrap();
    assert_eq!(usage["candidatesTokenCount"].as_u64().unwrap() + thought, total(&answer).1);

    let streamed = post(STREAM, &request);
    let chunks = chunks(&streamed);
    let parts = parts(&chunks, 0);
    assert_eq!(text(&parts), "hello there");
    assert_eq!(parts[0], own[0]);
    assert_eq!(parts.last().unwrap()["thoughtSignature"], own[1]["thoughtSignature"]);
    assert_eq!(total(&streamed), total(&answer));

    let back = |signature: Value| {
        let model =
            json!({"role": "model", "parts": [{"text": "hello there", "thoughtSignature": signature}]});
        json!({"contents": [{"parts": [{"text": "hi"}]}, model, {"parts": [{"text": "and now?"}]}]})
    };
    generated(&back(own[1]["thoughtSignature"].clone()));
    assert_eq!(post(GENERATE, &back(json!("AAAAAAAAAAAAAAAAAAAAAA=="))).status, 400);

    let called = generated(&with(asked("the weather in \"Rome\""), thinking));
    assert!(called["candidates"][0]["content"]["parts"][1]["thoughtSignature"].is_string());
}

#[test]
fn counting_tokens_agrees_with_usage() {
    let request = with(asked("say exactly: hello"), json!({"tools": [weather()]}));
    let counted = document(&post(COUNT, &request))["totalTokens"].clone();
    assert_eq!(counted, generated(&request)["usageMetadata"]["promptTokenCount"]);
    let wrapped = json!({"generateContentRequest": with(request, json!({"model": "models/demo"}))});
    assert_eq!(document(&post(COUNT, &wrapped))["totalTokens"], counted);
}

#[test]
fn a_script_in_the_model_or_the_first_line_steers() {
    let model = document(&scripted("text=a%2520b", "generateContent"));
    assert_eq!(model["candidates"][0]["content"]["parts"][0]["text"], "a b");
    let answer = post("/v1beta/models/sim:generateContent", &asked("sim: status=429, retry_after=7\nhi"));
    assert_eq!(answer.status, 429);
    assert_eq!(document(&answer)["error"]["status"], "RESOURCE_EXHAUSTED");
    assert!(answer.headers.iter().any(|(name, value)| name == "retry-after" && value == "7"));
    assert_eq!(total(&answer), (0, 0));
}

#[test]
fn every_fault_has_its_form_in_events() {
    let stream = "streamGenerateContent?alt=sse";
    assert_eq!(sends(&scripted("chunks=5,cut=0", stream)).len(), 0);
    let cut = scripted("chunks=5,cut=3", stream);
    assert_eq!((sends(&cut).len(), cut.steps.last()), (3, Some(&Step::Cut)));
    let hang = scripted("chunks=5,hang=2", stream);
    assert_eq!((sends(&hang).len(), hang.steps.last()), (2, Some(&Step::Wait(std::time::Duration::MAX))));
    let events = |script: &str| -> Vec<String> {
        let text = String::from_utf8(body(&scripted(script, stream))).unwrap();
        text.split("\r\n\r\n").filter(|event| !event.is_empty()).map(|event| event[6..].to_owned()).collect()
    };
    let broken = events("chunks=4,malformed=2");
    let unreadable: Vec<_> =
        broken.iter().map(|event| serde_json::from_str::<Value>(event).is_err()).collect();
    assert_eq!(unreadable, [false, false, true, false, false, false]);
    let failed = events("chunks=4,error_event=1");
    assert_eq!(failed.len(), 2);
    assert!(failed[1].contains("\"INTERNAL\""));
    assert!(events("chunks=4,no_done").iter().all(|event| !event.contains("finishReason")));
    assert!(events("chunks=4,no_usage").iter().all(|event| !event.contains("usageMetadata")));
    assert_eq!(document(&scripted("ignore_stream,text=x", stream))["candidates"][0]["finishReason"], "STOP");
    let whole = body(&scripted("text=abc", stream)).len();
    let split = scripted("text=abc,raw_split=7", stream);
    assert!(sends(&split).iter().rev().skip(1).all(|send| send.len() == 7));
    assert_eq!(body(&split).len(), whole);
    assert_eq!(text(&parts(&chunks(&scripted("huge=1000", stream)), 0)).len(), 1000);
    for (script, kind) in
        [("wrong_content_type", "text/plain"), ("garbage", "text/html"), ("text=x", "text/event-stream")]
    {
        let answer = scripted(script, stream);
        let (_, value) = answer.headers.iter().find(|(name, _)| name == "content-type").unwrap();
        assert!(value.to_str().unwrap().starts_with(kind), "{script}");
    }
    assert_eq!(scripted("delay=5ms,gap=1ms,chunks=2", stream).steps.len(), 7);
    assert_eq!(scripted("empty", stream).steps, [Step::Head]);
}

#[test]
fn every_fault_has_its_form_in_a_document() {
    assert_eq!(document(&scripted("error_event=0", "generateContent"))["error"]["code"], 500);
    let malformed = body(&scripted("malformed=0", "generateContent"));
    assert!(serde_json::from_slice::<Value>(&malformed).is_err());
    assert!(document(&scripted("no_usage", "generateContent")).get("usageMetadata").is_none());
    assert_eq!(scripted("cut=head", "generateContent").steps, [Step::Cut]);
    for status in [400, 401, 403, 404, 408, 429, 500, 502, 503] {
        let answer = scripted(&format!("status={status}"), "generateContent");
        assert_eq!(answer.status, status);
        assert_eq!(document(&answer)["error"]["code"], status);
    }
}

proptest! {
    #[test]
    fn a_stream_joins_to_the_plain_answer(prompt in "\\PC{0,80}", chunk in 1usize..9, limit in 1u64..40) {
        let request = with(asked(&prompt), json!({"generationConfig": {"maxOutputTokens": limit}}));
        let plain = generated(&request);
        let streamed = post(STREAM, &request);
        prop_assert_eq!(text(&parts(&chunks(&streamed), 0)), text(&parts(std::slice::from_ref(&plain), 0)));
        prop_assert_eq!(&plain["usageMetadata"]["candidatesTokenCount"], total(&streamed).1);
        let encoded: String = prompt.bytes().map(|byte| format!("%25{byte:02x}")).collect();
        let split = scripted(&format!("text={encoded},chunk_bytes={chunk}"), "streamGenerateContent?alt=sse");
        prop_assert_eq!(text(&parts(&chunks(&split), 0)), prompt);
    }
}
