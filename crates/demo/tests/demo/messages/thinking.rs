//! Thinking in Anthropic's dialect: it comes first, is billed, and comes back unaltered.

use super::*;

const BUDGET: &str = r#"{"thinking": {"type": "enabled", "budget_tokens": 1024}}"#;

fn thinking(prompt: &str) -> Value {
    with(message("demo", prompt), serde_json::from_str(BUDGET).unwrap())
}

#[test]
fn a_thought_comes_first_and_is_billed() {
    for display in ["summarized", "omitted"] {
        let mut request = thinking("say exactly: done");
        request["thinking"]["display"] = json!(display);
        let plain = said(&request);
        let [thought, answer] = plain["content"].as_array().unwrap().as_slice() else { panic!("{plain}") };
        assert_eq!((&thought["type"], &answer["text"]), (&json!("thinking"), &json!("done")));
        assert_eq!(thought["thinking"].as_str().unwrap().contains("done"), display == "summarized");
        assert!(!thought["signature"].as_str().unwrap().is_empty());
        let thinking = plain["usage"]["output_tokens_details"]["thinking_tokens"].as_u64().unwrap();
        assert!(thinking > 1);
        assert_eq!(plain["usage"]["output_tokens"], thinking + 1);
        let answer = ask(&streamed(&request));
        assert_eq!(anonymous(joined(&events(&answer))), anonymous(plain.clone()));
        assert_eq!(answer.counted.output.last().copied(), plain["usage"]["output_tokens"].as_u64());
    }
}

#[test]
fn a_redacted_thought_is_shown_in_encrypted_form() {
    let request = thinking("redacted thinking, please");
    let plain = said(&request);
    assert_eq!(plain["content"][0]["type"], "redacted_thinking");
    let joined = joined(&events(&ask(&streamed(&request))));
    assert_eq!(anonymous(joined), anonymous(plain));
}

#[test]
fn adaptive_thinking_leaves_room_for_the_answer() {
    let request = |cap: u64| {
        let more = json!({"thinking": {"type": "adaptive"}, "max_tokens": cap});
        said(&with(message("demo", "say exactly: done"), more))["content"].as_array().unwrap().len()
    };
    assert_eq!((request(1000), request(4)), (2, 1));
    let off = with(message("demo", "hi"), json!({"thinking": {"type": "disabled"}}));
    assert_eq!(said(&off)["content"].as_array().unwrap().len(), 1);
}

#[test]
fn an_altered_thought_is_refused() {
    for prompt in ["say exactly: done", "redacted thinking, please"] {
        let mut block = said(&thinking(prompt))["content"][0].clone();
        let mut request = thinking("");
        let turns = |block: &Value| {
            json!([{"role": "user", "content": "hi"},
                {"role": "assistant", "content": [block, {"type": "text", "text": "done"}]},
                {"role": "user", "content": "say exactly: more"}])
        };
        request["messages"] = turns(&block);
        assert_eq!(text(&said(&request)), "more");
        let member = if block.get("data").is_some() { "data" } else { "thinking" };
        let altered = block[member].as_str().unwrap().replacen(['e', 'm'], "x", 1);
        assert_ne!(block[member], altered);
        block[member] = json!(altered);
        request["messages"] = turns(&block);
        assert_eq!(ask(&request).status, 400);
    }
}

#[test]
fn calls_that_go_on_need_their_thought() {
    let thought = said(&thinking("hello"))["content"][0].clone();
    let call = json!({"type": "tool_use", "id": "toolu_1", "name": "read_clock", "input": {}});
    let turns = |blocks: Value| {
        json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": blocks},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}]}])
    };
    let mut request = thinking("");
    request["messages"] = turns(json!([thought, call]));
    assert_eq!(text(&said(&request)), "read_clock says: noon");
    request["messages"] = turns(json!([call]));
    assert_eq!(ask(&request).status, 400);
    request["thinking"] = json!({"type": "disabled"});
    assert_eq!(ask(&request).status, 200);
}

#[test]
fn thinking_limits_what_else_may_be_asked() {
    let tools = json!([{"name": "read_clock", "input_schema": {"type": "object"}}]);
    assert_eq!(ask(&with(thinking("hi"), json!({"temperature": 1, "top_p": 0.95}))).status, 200);
    for more in [
        json!({"temperature": 0.5}),
        json!({"top_p": 0.9}),
        json!({"top_k": 5}),
        json!({"max_tokens": 1024}),
        json!({"thinking": {"type": "enabled", "budget_tokens": 1023}}),
        json!({"thinking": {"type": "enabled"}}),
        json!({"tools": tools, "tool_choice": {"type": "any"}}),
    ] {
        assert_eq!(ask(&with(thinking("hi"), more.clone())).status, 400, "{more}");
    }
}
