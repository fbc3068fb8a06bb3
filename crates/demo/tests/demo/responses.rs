//! OpenAI's Responses dialect: how the tests speak it, and that answers, plain and streamed, have its shape. Its
//! tools, its refusals and its faults have files of their own.

mod faults;
mod refusals;
mod tools;

use crate::support::{body, document, post, with};
use flyball_demo::DemoAnswer;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const RESPONSES: &str = "/v1/responses";

pub(crate) fn ask(request: &Value) -> DemoAnswer {
    post(RESPONSES, request)
}

pub(crate) fn input(model: &str, input: impl Into<Value>) -> Value {
    json!({"model": model, "input": input.into()})
}

pub(crate) fn streamed(request: &Value) -> Value {
    with(request.clone(), json!({"stream": true}))
}

/// The response to a request which must succeed.
pub(crate) fn said(request: &Value) -> Value {
    let answer = ask(request);
    let document = document(&answer);
    assert_eq!(answer.status, 200, "{document}");
    let usage = &document["usage"];
    let counted = (Some(answer.counted.input), answer.counted.output.last().copied());
    assert_eq!((usage["input_tokens"].as_u64(), usage["output_tokens"].as_u64()), counted);
    assert_eq!(usage["total_tokens"].as_u64(), Some(counted.0.unwrap() + counted.1.unwrap()));
    assert_eq!(usage["input_tokens_details"]["cached_tokens"], 0);
    document
}

/// The text of the last item.
pub(crate) fn text(response: &Value) -> &str {
    response["output"].as_array().unwrap().last().unwrap()["content"][0]["text"].as_str().unwrap()
}

/// The events of a stream, each under the name that its data repeats, and numbered from zero.
pub(crate) fn events(answer: &DemoAnswer) -> Vec<Value> {
    let text = String::from_utf8(body(answer)).unwrap();
    let events = text.split("\n\n").filter(|event| !event.is_empty()).enumerate().map(|(at, event)| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], name.strip_prefix("event: ").unwrap());
        assert_eq!(data["sequence_number"], at);
        data
    });
    events.collect()
}

/// The output that the deltas of a whole stream say, after checking that the later events repeat it.
pub(crate) fn joined(events: &[Value]) -> Vec<Value> {
    let mut output: Vec<Value> = Vec::new();
    let add = |target: &mut Value, delta: &Value| {
        *target = json!(format!("{}{}", target.as_str().unwrap(), delta.as_str().unwrap()));
    };
    for event in events {
        let at = event["output_index"].as_u64().map(|at| usize::try_from(at).unwrap());
        let kind = event["type"].as_str().unwrap();
        if let Some(id) = event["item_id"].as_str() {
            assert_eq!(output[at.unwrap()]["id"], id);
        }
        match kind {
            "response.output_item.added" => {
                assert_eq!(at, Some(output.len()));
                output.push(event["item"].clone());
            }
            "response.content_part.added" => {
                output[at.unwrap()]["content"].as_array_mut().unwrap().push(event["part"].clone());
            }
            "response.reasoning_summary_part.added" => {
                output[at.unwrap()]["summary"].as_array_mut().unwrap().push(event["part"].clone());
            }
            "response.output_text.delta" => {
                add(&mut output[at.unwrap()]["content"][0]["text"], &event["delta"]);
            }
            "response.reasoning_summary_text.delta" => {
                add(&mut output[at.unwrap()]["summary"][0]["text"], &event["delta"]);
            }
            "response.function_call_arguments.delta" => {
                add(&mut output[at.unwrap()]["arguments"], &event["delta"]);
            }
            "response.output_text.done" => {
                assert_eq!(output[at.unwrap()]["content"][0]["text"], event["text"])
            }
            "response.content_part.done" => assert_eq!(output[at.unwrap()]["content"][0], event["part"]),
            "response.reasoning_summary_text.done" => {
                assert_eq!(output[at.unwrap()]["summary"][0]["text"], event["text"]);
            }
            "response.reasoning_summary_part.done" => {
                assert_eq!(output[at.unwrap()]["summary"][0], event["part"]);
            }
            "response.function_call_arguments.done" => {
                assert_eq!(output[at.unwrap()]["arguments"], event["arguments"]);
            }
            "response.output_item.done" => {
                let item = &mut output[at.unwrap()];
                for late in ["status", "encrypted_content"] {
                    if let Some(value) = event["item"].get(late) {
                        item[late] = value.clone();
                    }
                }
                assert_eq!(*item, event["item"]);
            }
            "response.created" | "response.in_progress" => assert_eq!(event["response"]["output"], json!([])),
            "response.completed" | "response.incomplete" => {
                assert_eq!(event["response"]["output"], json!(output));
            }
            other => panic!("no event {other} here"),
        }
    }
    output
}

/// The output without ids, which follow from the request's bytes.
pub(crate) fn anonymous(output: &[Value]) -> Vec<Value> {
    let mut output = output.to_vec();
    output.iter_mut().for_each(|item| {
        item.as_object_mut().unwrap().remove("id");
    });
    output
}

/// Checks that the plain and the streamed answer to a request say the same, and returns the plain one.
pub(crate) fn both(request: &Value) -> Value {
    let plain = said(request);
    let answer = ask(&streamed(request));
    let events = events(&answer);
    assert_eq!(anonymous(&joined(&events)), anonymous(plain["output"].as_array().unwrap()));
    let last = events.last().unwrap();
    assert_eq!(last["type"], format!("response.{}", plain["status"].as_str().unwrap()));
    assert_eq!(last["response"]["usage"], plain["usage"]);
    assert_eq!(answer.counted.output.last().copied(), plain["usage"]["output_tokens"].as_u64());
    plain
}

#[test]
fn a_response_has_the_vendors_fields() {
    let request = with(
        input("demo", "say exactly: to be"),
        json!({"instructions": "Be brief.", "metadata": {"a": "b"}, "store": false, "temperature": 0.5}),
    );
    let mut response = said(&request);
    for id in ["id", "/output/0/id"] {
        let id = if id == "id" { response["id"].take() } else { response.pointer_mut(id).unwrap().take() };
        assert!(id.as_str().unwrap().starts_with("resp_") || id.as_str().unwrap().starts_with("msg_"));
    }
    assert_eq!(
        response,
        json!({
            "id": null, "object": "response", "created_at": 1_767_225_600, "status": "completed",
            "background": false, "completed_at": 1_767_225_600, "error": null, "incomplete_details": null,
            "instructions": "Be brief.", "max_output_tokens": null, "max_tool_calls": null, "model": "demo",
            "output": [{"id": null, "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "annotations": [], "logprobs": [], "text": "to be"}]}],
            "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": null,
            "prompt_cache_retention": null, "reasoning": {"effort": null, "summary": null},
            "safety_identifier": null, "service_tier": "default", "store": false, "temperature": 0.5,
            "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tool_choice": "auto", "tools": [],
            "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled",
            "usage": {"input_tokens": 16, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 18},
            "user": null, "metadata": {"a": "b"},
        })
    );
}

#[test]
fn a_stream_begins_and_ends_as_the_vendors_does() {
    let answer = ask(&streamed(&input("demo", "say exactly: hi there")));
    let kinds: Vec<_> =
        events(&answer).iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert!(!String::from_utf8(body(&answer)).unwrap().contains("[DONE]"));
}

#[test]
fn the_cap_leaves_a_response_incomplete() {
    let words = "a b c d e f g h i j k l m n o p q r s t";
    let request = with(input("demo", format!("say exactly: {words}")), json!({"max_output_tokens": 16}));
    let response = both(&request);
    assert_eq!(response["status"], "incomplete");
    assert_eq!(response["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(response["output"][0]["status"], "incomplete");
    assert_eq!(text(&response), "a b c d e f g h i j k l m n o p");
}

#[test]
fn earlier_turns_are_read() {
    let turns = json!([
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "Hello!", "annotations": []}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"type": "message", "role": "user", "content": "say exactly: done"},
    ]);
    assert_eq!(text(&both(&input("demo", turns))), "done");
}

#[test]
fn images_and_files_are_seen() {
    let content = json!([
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        {"type": "input_text", "text": "say exactly: seen"},
    ]);
    let response = said(&input("demo", json!([{"role": "user", "content": content}])));
    assert_eq!(text(&response), "You gave me 2 images and 1 file. seen");
}

#[test]
fn a_format_shapes_the_answer() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    let format = json!({"type": "json_schema", "name": "place", "schema": schema, "strict": true});
    let response = both(&with(input("demo", "take \"Rome\""), json!({"text": {"format": format}})));
    assert_eq!(serde_json::from_str::<Value>(text(&response)).unwrap(), json!({"city": "Rome"}));
    assert_eq!(response["text"]["format"], format);
    let object = json!({"text": {"format": {"type": "json_object"}, "verbosity": "low"}});
    let response = said(&with(input("demo", "what is 6*7?"), object));
    assert_eq!(serde_json::from_str::<Value>(text(&response)).unwrap(), json!({"answer": "6*7 = 42"}));
}

#[test]
fn reasoning_comes_first_in_the_wanted_forms_and_is_billed() {
    for (summary, include) in
        [(json!(null), json!([])), (json!("auto"), json!(["reasoning.encrypted_content"]))]
    {
        let more = json!({"reasoning": {"effort": "low", "summary": summary}, "include": include});
        let response = both(&with(input("demo", "say exactly: done"), more));
        let [reasoning, _] = response["output"].as_array().unwrap().as_slice() else { panic!("{response}") };
        assert_eq!((&reasoning["type"], text(&response)), (&json!("reasoning"), "done"));
        assert_eq!(reasoning["summary"].as_array().unwrap().len(), usize::from(summary.is_string()));
        assert_eq!(reasoning.get("encrypted_content").is_some(), summary.is_string());
        let tokens = |path| response["usage"].pointer(path).and_then(Value::as_u64).unwrap();
        assert_eq!(tokens("/output_tokens"), tokens("/output_tokens_details/reasoning_tokens") + 1);
    }
    let none = with(input("demo", "say exactly: done"), json!({"reasoning": {"effort": "none"}}));
    assert_eq!(both(&none)["output"].as_array().unwrap().len(), 1);
}

#[test]
fn reasoning_comes_back_unaltered_or_not_at_all() {
    let more = json!({"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]});
    let mut item = said(&with(input("demo", "hello"), more))["output"][0].clone();
    let again = |item: &Value| {
        ask(&input(
            "demo",
            json!([{"role": "user", "content": "hello"}, item,
            {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "say exactly: more"}]),
        ))
    };
    assert_eq!(text(&document(&again(&item))), "more");
    let altered = item["encrypted_content"].as_str().unwrap().replacen(['e', 'm'], "x", 1);
    assert_ne!(item["encrypted_content"], altered);
    item["encrypted_content"] = json!(altered);
    assert_eq!(document(&again(&item))["error"]["code"], "invalid_encrypted_content");
    item.as_object_mut().unwrap().remove("encrypted_content");
    assert_eq!(again(&item).status, 404);
}

proptest! {
    #[test]
    fn a_stream_says_what_the_plain_answer_says(
        said_text in "\\PC{1,60}", chunk in 1usize..9, raw in 1usize..50, count in 1usize..20,
    ) {
        let encoded: String = said_text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for split in [String::new(), format!(",chunk_bytes={chunk}"), format!(",chunks={count}"),
            format!(",chunk_bytes={chunk},raw_split={raw}")]
        {
            let plain = both(&input(&format!("sim:text={encoded}{split}"), "hi"));
            prop_assert_eq!(text(&plain), said_text.as_str());
        }
    }
}
