//! The response object: what it repeats of the request, with the vendor's defaults for what the request leaves out.

use serde_json::{Map, Value, json};

/// What changes while a response is made.
#[derive(Debug)]
pub(super) struct State {
    /// `in_progress`, `completed`, `incomplete` or `failed`.
    pub(super) status: &'static str,
    pub(super) error: Value,
    pub(super) output: Vec<Value>,
    pub(super) usage: Value,
}

/// The response of this id to `request`.
pub(super) fn response(id: &str, created: u64, model: &str, request: &Value, state: State) -> Value {
    let or = |key: &str, default: Value| {
        request.get(key).filter(|value| !value.is_null()).cloned().unwrap_or(default)
    };
    let incomplete = match state.status {
        "incomplete" => json!({"reason": "max_output_tokens"}),
        _ => Value::Null,
    };
    let member = |object: &str, key: &str| {
        request.get(object).and_then(|object| object.get(key)).cloned().unwrap_or(Value::Null)
    };
    let verbosity = Some(member("text", "verbosity")).filter(|value| !value.is_null());
    let format = Some(member("text", "format")).filter(|value| !value.is_null());
    let done = matches!(state.status, "completed");
    json!({
        "id": id,
        "object": "response",
        "created_at": created,
        "status": state.status,
        "background": false,
        "completed_at": done.then_some(created),
        "error": state.error,
        "incomplete_details": incomplete,
        "instructions": or("instructions", Value::Null),
        "max_output_tokens": or("max_output_tokens", Value::Null),
        "max_tool_calls": or("max_tool_calls", Value::Null),
        "model": model,
        "output": state.output,
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": null,
        "prompt_cache_key": or("prompt_cache_key", Value::Null),
        "prompt_cache_retention": or("prompt_cache_retention", Value::Null),
        "reasoning": {"effort": member("reasoning", "effort"), "summary": member("reasoning", "summary")},
        "safety_identifier": or("safety_identifier", Value::Null),
        "service_tier": "default",
        "store": or("store", json!(true)),
        "temperature": or("temperature", json!(1.0)),
        "text": {
            "format": format.unwrap_or_else(|| json!({"type": "text"})),
            "verbosity": verbosity.unwrap_or_else(|| json!("medium")),
        },
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": tools(request),
        "top_logprobs": or("top_logprobs", json!(0)),
        "top_p": or("top_p", json!(1.0)),
        "truncation": or("truncation", json!("disabled")),
        "usage": state.usage,
        "user": or("user", Value::Null),
        "metadata": or("metadata", json!({})),
    })
}

/// The tools of the request; functions with all their fields.
fn tools(request: &Value) -> Value {
    let tools = request.get("tools").and_then(Value::as_array).into_iter().flatten();
    let whole = tools.map(|tool| match tool.as_object() {
        Some(function) if tool.get("type").is_some_and(|kind| kind == "function") => {
            let mut whole = Map::new();
            for (key, default) in
                [("description", Value::Null), ("parameters", Value::Null), ("strict", json!(true))]
            {
                whole.insert(key.to_owned(), default);
            }
            whole.extend(function.clone());
            Value::Object(whole)
        }
        _ => tool.clone(),
    });
    Value::Array(whole.collect())
}
