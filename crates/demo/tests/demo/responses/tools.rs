//! Tools in the Responses dialect: calls, choices, and turns with outputs.

use super::*;

fn tools() -> Value {
    json!([
        {"type": "function", "name": "get_weather", "description": "The weather.", "strict": true, "parameters": {
            "type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"],
            "additionalProperties": false}},
        {"type": "function", "name": "read_clock"},
    ])
}

fn asked(prompt: &str, more: Value) -> Value {
    with(with(input("demo", prompt), json!({"tools": tools()})), more)
}

fn calls(request: &Value) -> Vec<(String, Value)> {
    let response = both(request);
    let items = response["output"].as_array().unwrap();
    let calls = items.iter().filter(|item| item["type"] == "function_call").map(|item| {
        assert_eq!(item["status"], "completed");
        assert!(item["id"].as_str().unwrap().starts_with("fc_"));
        assert!(item["call_id"].as_str().unwrap().starts_with("call_"));
        let arguments = serde_json::from_str(item["arguments"].as_str().unwrap()).unwrap();
        (item["name"].as_str().unwrap().to_owned(), arguments)
    });
    calls.collect()
}

#[test]
fn a_mentioned_tool_is_called() {
    let request = asked("What is the weather in Paris?", json!({}));
    assert_eq!(calls(&request), [("get_weather".to_owned(), json!({"location": "Paris"}))]);
    let echoed = &said(&request)["tools"][1];
    let whole = json!({"description": null, "parameters": null, "strict": true, "type": "function", "name": "read_clock"});
    assert_eq!(*echoed, whole);
}

#[test]
fn several_calls_are_made_at_once_unless_that_is_forbidden() {
    let prompt = "Call get_weather twice, for \"Paris\" and \"Rome\"";
    assert_eq!(calls(&asked(prompt, json!({}))).len(), 2);
    assert_eq!(calls(&asked(prompt, json!({"parallel_tool_calls": false}))).len(), 1);
}

#[test]
fn the_choice_decides_whether_a_tool_is_called() {
    let chosen = |prompt: &str, choice: Value| calls(&asked(prompt, json!({"tool_choice": choice})));
    assert_eq!(chosen("What is the weather in Paris?", json!("none")), []);
    assert_eq!(chosen("Hello", json!("auto")), []);
    assert_eq!(chosen("Hello", json!("required")).len(), 1);
    let clock = [("read_clock".to_owned(), json!({}))];
    assert_eq!(chosen("Hello", json!({"type": "function", "name": "read_clock"})), clock);
    let allowed = json!({"type": "allowed_tools", "mode": "required",
        "tools": [{"type": "function", "name": "read_clock"}]});
    assert_eq!(chosen("What is the weather in Paris?", allowed), clock);
}

#[test]
fn the_vendors_own_tools_are_accepted_and_not_used() {
    let tools = json!([{"type": "web_search"}, {"type": "custom", "name": "shell_words"}]);
    let more = json!({"tools": tools, "tool_choice": {"type": "web_search"}});
    assert_eq!(text(&said(&with(input("demo", "say exactly: web search"), more))), "web search");
}

/// A conversation in which two calls were made, with these items after them.
fn after_calls(items: &[Value]) -> Value {
    let call = |id: &str| json!({"type": "function_call", "id": "fc_1", "call_id": id, "name": "get_weather", "arguments": "{}"});
    let mut turns =
        vec![json!({"role": "user", "content": "What is the weather?"}), call("call_1"), call("call_2")];
    turns.extend_from_slice(items);
    asked("", json!({"input": turns}))
}

fn output(id: &str, output: Value) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": output})
}

#[test]
fn outputs_are_answered_in_words() {
    let parts = json!([{"type": "input_text", "text": "rain"}]);
    let request = after_calls(&[output("call_2", json!("21 degrees")), output("call_1", parts)]);
    assert_eq!(text(&both(&request)), "get_weather says: 21 degrees\nget_weather says: rain");
}

#[test]
fn calls_and_outputs_belong_together() {
    let (one, two) = (output("call_1", json!("a")), output("call_2", json!("b")));
    for (items, reason) in [
        (vec![one.clone()], "No tool output found for function call call_2."),
        (
            vec![one.clone(), two.clone(), one.clone()],
            "No tool call found for function call output with call_id call_1.",
        ),
        (
            vec![one, two, output("call_3", json!("c"))],
            "No tool call found for function call output with call_id call_3.",
        ),
    ] {
        let answer = ask(&after_calls(&items));
        assert_eq!((answer.status.as_u16(), &document(&answer)["error"]["message"]), (400, &json!(reason)));
    }
    let before = json!([output("call_1", json!("a")), {"type": "function_call", "call_id": "call_1", "name": "a", "arguments": "{}"}]);
    assert_eq!(ask(&input("demo", before)).status, 400);
}
