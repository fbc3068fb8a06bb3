//! Tools in Anthropic's dialect: calls, choices, and turns with results.

use super::*;

pub(super) fn weather() -> Value {
    json!({"name": "get_weather", "description": "The weather.", "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    }})
}

pub(super) fn asked(prompt: &str, more: Value) -> Value {
    let clock = json!({"type": "custom", "name": "read_clock", "input_schema": {"type": "object"}});
    with(with(message("demo", prompt), json!({"tools": [weather(), clock]})), more)
}

fn calls(request: &Value) -> Vec<(String, Value)> {
    let plain = said(request);
    let answer = ask(&streamed(request));
    let joined = joined(&events(&answer));
    assert_eq!(anonymous(joined), anonymous(plain.clone()));
    assert_eq!(answer.counted.output.last().copied(), plain["usage"]["output_tokens"].as_u64());
    let blocks = plain["content"].as_array().unwrap();
    let calls = blocks.iter().filter(|block| block["type"] == "tool_use").map(|block| {
        assert_eq!(plain["stop_reason"], "tool_use");
        assert!(block["id"].as_str().unwrap().starts_with("toolu_"));
        (block["name"].as_str().unwrap().to_owned(), block["input"].clone())
    });
    calls.collect()
}

#[test]
fn a_mentioned_tool_is_called() {
    let request = asked("What is the weather in Paris?", json!({}));
    assert_eq!(calls(&request), [("get_weather".to_owned(), json!({"location": "Paris"}))]);
}

#[test]
fn several_calls_are_made_at_once_unless_that_is_forbidden() {
    let prompt = "Call get_weather twice, for \"Paris\" and \"Rome\"";
    assert_eq!(calls(&asked(prompt, json!({}))).len(), 2);
    let one = json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}});
    assert_eq!(calls(&asked(prompt, one)).len(), 1);
}

#[test]
fn the_choice_decides_whether_a_tool_is_called() {
    let chosen = |prompt: &str, choice: Value| calls(&asked(prompt, json!({"tool_choice": choice})));
    assert_eq!(chosen("What is the weather in Paris?", json!({"type": "none"})), []);
    assert_eq!(chosen("Hello", json!({"type": "any"})).len(), 1);
    let clock = chosen("Hello", json!({"type": "tool", "name": "read_clock"}));
    assert_eq!(clock, [("read_clock".to_owned(), json!({}))]);
}

#[test]
fn the_vendors_own_tools_are_accepted_and_not_used() {
    let tools = json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]);
    let answer = said(&with(message("demo", "say exactly: web search"), json!({"tools": tools})));
    assert_eq!(text(&answer), "web search");
}

/// A conversation in which two calls were made; `results` is the user's turn after them.
fn after_calls(results: Value) -> Value {
    let call =
        |id: &str| json!({"type": "tool_use", "id": id, "name": "get_weather", "input": {"location": "x"}});
    let turns = json!([
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, call("toolu_1"), call("toolu_2")]},
        {"role": "user", "content": results},
    ]);
    asked("", json!({"messages": turns}))
}

fn result(id: &str, content: Value) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": content})
}

#[test]
fn results_are_answered_in_words() {
    let blocks = json!([{"type": "text", "text": "rain"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]);
    let request = after_calls(json!([result("toolu_2", json!("21 degrees")), result("toolu_1", blocks)]));
    assert_eq!(text(&said(&request)), "get_weather says: 21 degrees\nget_weather says: rain");
}

#[test]
fn every_call_has_to_be_answered_at_once_and_first() {
    let (one, two) = (result("toolu_1", json!("a")), result("toolu_2", json!("b")));
    let text = json!({"type": "text", "text": "and now?"});
    assert_eq!(ask(&after_calls(json!([one, two, text]))).status, 200);
    for (results, reason) in [
        (json!([one]), "toolu_2"),
        (json!("never mind"), "toolu_1, toolu_2"),
        (json!([one, two, one]), "unexpected `tool_use_id`"),
        (json!([one, two, result("toolu_3", json!("c"))]), "toolu_3"),
        (json!([text, one, two]), "must come first"),
        (json!([one, text, two]), "must come first"),
    ] {
        let answer = ask(&after_calls(results.clone()));
        assert_eq!(answer.status, 400, "{results}");
        let message = document(&answer)["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn a_result_in_a_later_turn_comes_too_late() {
    let mut request = after_calls(json!([result("toolu_1", json!("a"))]));
    let late = json!({"role": "user", "content": [result("toolu_2", json!("b"))]});
    request["messages"].as_array_mut().unwrap().push(late);
    assert_eq!(ask(&request).status, 400);
    request["messages"].as_array_mut().unwrap().truncate(2);
    assert_eq!(ask(&request).status, 400);
}
