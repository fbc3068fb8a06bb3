//! Tool calls and structured answers: when a tool is called, and that what is made satisfies its schema.

use crate::support::validator::satisfies;
use crate::support::*;
use serde_json::{Value, json};

fn weather() -> Value {
    json!({"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object",
        "properties": {
            "location": {"type": "string"},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["location", "unit"], "additionalProperties": false,
    }}})
}

fn clock() -> Value {
    json!({"type": "function", "function": {"name": "read_clock"}})
}

fn asked(prompt: &str, more: Value) -> Value {
    with(with(chat("demo", prompt), json!({"tools": [weather(), clock()]})), more)
}

fn calls(request: &Value) -> Vec<(String, Value)> {
    let answer = completion(request);
    let choice = &answer["choices"][0];
    let Some(calls) = choice["message"]["tool_calls"].as_array() else { return Vec::new() };
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let calls = calls.iter().map(|call| {
        assert_eq!(call["type"], "function");
        assert!(call["id"].as_str().unwrap().starts_with("call_"));
        let arguments = call["function"]["arguments"].as_str().unwrap();
        (call["function"]["name"].as_str().unwrap().to_owned(), serde_json::from_str(arguments).unwrap())
    });
    calls.collect()
}

#[test]
fn a_mentioned_tool_is_called_with_values_from_the_prompt() {
    let request = asked("What is the weather in Paris for 3 days, in fahrenheit?", json!({}));
    let expected = json!({"location": "Paris", "days": 3, "unit": "fahrenheit"});
    assert_eq!(calls(&request), [("get_weather".to_owned(), expected)]);
}

#[test]
fn a_tool_that_nobody_mentions_is_not_called() {
    assert_eq!(calls(&asked("Hello there", json!({}))), []);
    assert_eq!(calls(&asked("use get_weather for \"Rome\"", json!({"tool_choice": "none"}))), []);
}

#[test]
fn tool_choice_forces_a_call() {
    let forced = json!({"tool_choice": {"type": "function", "function": {"name": "read_clock"}}});
    assert_eq!(calls(&asked("Hello", forced)), [("read_clock".to_owned(), json!({}))]);
    assert_eq!(calls(&asked("Hello", json!({"tool_choice": "required"}))).len(), 1);
}

#[test]
fn a_forced_tool_that_is_not_offered_is_refused() {
    let choice = json!({"tool_choice": {"type": "function", "function": {"name": "other"}}});
    let answer = post(CHAT, &asked("Hello", choice));
    assert_eq!(answer.status, 400);
    assert_eq!(error(&answer)["param"], "tool_choice");
}

#[test]
fn two_calls_are_made_when_two_are_asked_for() {
    let prompt = "Call get_weather twice, for \"Paris\" and \"Rome\"";
    let made = calls(&asked(prompt, json!({})));
    let places: Vec<_> = made.iter().map(|(_, arguments)| arguments["location"].clone()).collect();
    assert_eq!(places, ["Paris", "Rome"]);
    assert_eq!(calls(&asked(prompt, json!({"parallel_tool_calls": false}))).len(), 1);
    let names: Vec<_> =
        calls(&asked("use get_weather and read_clock", json!({}))).into_iter().map(|call| call.0).collect();
    assert_eq!(names, ["get_weather", "read_clock"]);
}

#[test]
fn streamed_calls_join_to_the_plain_ones() {
    let request = asked("Call get_weather twice, for \"Paris\" and \"Rome \\ \u{e9}\"", json!({}));
    let plain = completion(&request)["choices"][0]["message"]["tool_calls"].clone();
    let chunks = chunks(&post(CHAT, &with(request, json!({"stream": true}))));
    let mut joined: Vec<Value> = Vec::new();
    for chunk in &chunks {
        for delta in chunk["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let at = usize::try_from(delta["index"].as_u64().unwrap()).unwrap();
            if at == joined.len() {
                let mut call = delta.clone();
                call.as_object_mut().unwrap().remove("index");
                joined.push(call);
            } else {
                let arguments = joined[at]["function"]["arguments"].as_str().unwrap().to_owned();
                let more = delta["function"]["arguments"].as_str().unwrap();
                joined[at]["function"]["arguments"] = json!(arguments + more);
            }
        }
    }
    assert_eq!(Value::Array(joined), plain);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn a_tool_result_is_answered_in_words() {
    let messages = json!([
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
    ]);
    for choice in ["auto", "required"] {
        let request =
            json!({"model": "demo", "messages": messages, "tools": [weather()], "tool_choice": choice});
        let answer = completion(&request);
        assert_eq!(answer["choices"][0]["message"]["content"], "get_weather says: 21 degrees");
    }
}

#[test]
fn structured_answers_satisfy_their_schema() {
    let schemas = [
        weather()["function"]["parameters"].clone(),
        json!({"type": "object", "properties": {}}),
        json!({"type": "array", "items": {"type": "number", "exclusiveMinimum": 0.2, "exclusiveMaximum": 0.4}, "minItems": 3}),
        json!({"type": ["null", "string"], "maxLength": 3}),
        json!({"type": "string", "minLength": 40}),
        json!({"type": "object", "required": ["undeclared"]}),
        json!({"type": "integer", "multipleOf": 7, "minimum": 100}),
        json!({"type": "integer", "maximum": -5}),
        json!({"type": "array", "prefixItems": [{"type": "boolean"}, {"const": "x"}], "items": false}),
        json!({"anyOf": [{"type": "null"}, {"type": "object", "properties": {"mail": {"type": "string", "format": "email"}}}]}),
        json!({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}]}),
        json!({"$defs": {"node": {"type": "object", "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            }, "required": ["name", "children", "next"], "additionalProperties": false}},
            "$ref": "#/$defs/node"}),
    ];
    for schema in schemas {
        let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema}});
        for prompt in ["hello", "take \"one\", \"two\", 3, 4.5 and Rome"] {
            let answer = completion(&with(chat("demo", prompt), json!({"response_format": format})));
            let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
            let document: Value = serde_json::from_str(text).unwrap();
            assert!(satisfies(&document, &schema, &schema), "{document} against {schema}");
        }
    }
}

#[test]
fn a_schema_without_an_end_still_gets_an_answer() {
    let node = json!({"$ref": "#"});
    let tree = json!({"type": "object", "properties": {"a": node, "b": node}, "required": ["a", "b"]});
    let list = json!({"type": "array", "minItems": 9000, "items": {"$ref": "#"}});
    for schema in [tree, list, node] {
        let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
        completion(&with(chat("demo", "hello"), json!({"response_format": format})));
    }
}

#[test]
fn a_json_object_is_given_when_asked_for() {
    let answer =
        completion(&with(chat("demo", "what is 6*7?"), json!({"response_format": {"type": "json_object"}})));
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), json!({"answer": "6*7 = 42"}));
}
