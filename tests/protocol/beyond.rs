//! What in a request reaches beyond it: what a provider keeps of other calls, and other models than the route's.

use flyball_testkit::{Answer, Routes, Simulator};
use http::StatusCode;
use serde_json::{Value, json};

use super::Pair;

/// A route to a provider that speaks responses itself, and the same for one that serves one tenant alone.
fn routes(simulator: &Simulator, routes: Routes) -> Routes {
    let native = format!("kind: openai, base_url: {:?}, native: [responses]", simulator.base_url());
    let anthropic = format!("kind: anthropic, base_url: \"http://{}\"", simulator.address());
    routes
        .provider("native", &native)
        .provider("anthropic", &anthropic)
        .route("shared", "provider: native, model: sim")
        .route("alone", "provider: native, model: sim, stored_state: true")
        .route("claude", "provider: anthropic, model: sim")
        .route("lenient", "provider: sim, model: sim, drop_params: [models]")
}

#[track_caller]
fn refused(answer: &Answer, code: &str, field: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    let error = &answer.json().unwrap()["error"];
    assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(field)), "{error}");
}

fn message(content: Value) -> Value {
    json!([{"role": "user", "content": content}])
}

#[tokio::test]
async fn what_a_provider_keeps_is_out_of_reach_unless_the_route_allows_it() {
    let pair = Pair::start(routes).await;
    let file = json!([{"type": "file", "file": {"file_id": "file-1"}}]);
    let source = json!([{"type": "document", "source": {"type": "file", "file_id": "file-1"}}]);
    for (path, body, field) in [
        (
            "/v1/responses",
            json!({"model": "shared", "input": "And then?", "previous_response_id": "resp_1"}),
            "previous_response_id",
        ),
        (
            "/v1/responses",
            json!({"model": "shared", "input": "Hi", "conversation": "conv_1"}),
            "conversation",
        ),
        (
            "/v1/responses",
            json!({"model": "shared", "input": [{"type": "item_reference", "id": "msg_1"}]}),
            "input[0]",
        ),
        (
            "/v1/chat/completions",
            json!({"model": "sim", "messages": message(file)}),
            "messages[0].content[0].file.file_id",
        ),
        (
            "/v1/messages",
            json!({"model": "claude", "max_tokens": 9, "messages": message(source)}),
            "messages[0].content[0].source.file_id",
        ),
    ] {
        refused(&pair.client.post(path, &body).await.unwrap(), "stored_state", field);
    }
    assert!(pair.simulator.received().is_empty(), "nothing of it left");
    // The simulator stores nothing and says so; that it was asked is what counts.
    let body = json!({"model": "alone", "input": "And then?", "previous_response_id": "resp_1"});
    let answer = pair.client.post("/v1/responses", &body).await.unwrap();
    assert_eq!(pair.received()["previous_response_id"], "resp_1", "{}", answer.text());
}

#[tokio::test]
async fn answers_are_not_kept_unless_the_route_allows_it() {
    let pair = Pair::start(routes).await;
    for (model, said, sent, dropped) in [
        ("shared", None, Some(false), None),
        ("shared", Some(false), Some(false), None),
        ("shared", Some(true), Some(false), Some("store")),
        ("alone", None, None, None),
        ("alone", Some(true), Some(true), None),
    ] {
        let mut body = json!({"model": model, "input": "What is 12*7?"});
        if let Some(store) = said {
            body["store"] = json!(store);
        }
        let answer = pair.client.post("/v1/responses", &body).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(pair.received().get("store").and_then(Value::as_bool), sent, "{model} {said:?}");
        assert_eq!(answer.header("x-flyball-dropped"), dropped, "{model} {said:?}");
    }
}

#[tokio::test]
async fn a_request_names_no_other_models_than_the_one_it_asks_for() {
    let pair = Pair::start(routes).await;
    let body = json!({"model": "sim", "messages": message(json!("Hi")), "models": ["other/model"]});
    refused(&pair.client.post(super::CHAT, &body).await.unwrap(), "invalid_value", "models");
    let body = json!({"model": "claude", "max_tokens": 9, "messages": message(json!("Hi")), "fallbacks": [{"model": "m"}]});
    refused(&pair.client.post("/v1/messages", &body).await.unwrap(), "invalid_value", "fallbacks");
    assert!(pair.simulator.received().is_empty(), "nothing of it left");
    let body = json!({"model": "lenient", "messages": message(json!("Hi")), "models": ["other/model"]});
    let answer = pair.client.post(super::CHAT, &body).await.unwrap();
    assert_eq!((answer.status, answer.header("x-flyball-dropped")), (StatusCode::OK, Some("models")));
    assert_eq!(pair.received().get("models"), None);
}
