//! Which version of its protocol, and which of its novelties, a provider is asked in: the caller's where its body goes
//! on as it came, the configured one where it is translated.

use bytes::Bytes;
use flyball_testkit::{Routes, Simulator};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::Pair;

const SENT: [(&str, &str); 3] =
    [("anthropic-version", "2026-10-21"), ("anthropic-beta", "novelty-1"), ("openai-beta", "novelty-2")];

fn routes(simulator: &Simulator, routes: Routes) -> Routes {
    let address = simulator.address();
    let anthropic = format!("kind: anthropic, base_url: \"http://{address}\", version: \"2023-01-01\"");
    routes
        .provider("anthropic", &anthropic)
        .provider("gemini", &format!("kind: gemini, base_url: \"http://{address}\""))
        .route("claude", "provider: anthropic, model: demo-1")
        .route("gemini", "provider: gemini, model: demo-1")
}

/// What the provider received of the headers that the caller sent.
async fn arrives(pair: &Pair, path: &str, body: &Value) -> Vec<(&'static str, String)> {
    let mut request = pair.client.request(Method::POST, path, Bytes::from(body.to_string())).unwrap();
    for (name, value) in SENT {
        request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let answer = pair.client.send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    let received = pair.simulator.received();
    let received = received.last().unwrap();
    SENT.iter().filter_map(|(name, _)| Some((*name, received.header(name)?.to_owned()))).collect()
}

#[tokio::test]
async fn a_callers_version_goes_where_its_body_goes_untranslated() {
    let pair = Pair::start(routes).await;
    let messages = |model: &str| json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Say exactly: hi"}]});
    let theirs = [SENT[0], SENT[1]].map(|(name, value)| (name, value.to_owned()));
    let ours = [("anthropic-version", "2023-01-01".to_owned())];
    for stream in [false, true] {
        let with = |mut body: Value| {
            body["stream"] = json!(stream);
            body
        };
        assert_eq!(arrives(&pair, "/v1/messages", &with(messages("claude"))).await, theirs);
        assert_eq!(arrives(&pair, "/v1/chat/completions", &with(messages("claude"))).await, ours);
        let responses = json!({"model": "claude", "input": "Say exactly: hi"});
        assert_eq!(arrives(&pair, "/v1/responses", &with(responses)).await, ours);
        assert_eq!(arrives(&pair, "/v1/messages", &with(messages("gemini"))).await, []);
        assert_eq!(arrives(&pair, "/v1/messages", &with(messages("sim"))).await, []);
        assert_eq!(arrives(&pair, "/v1/chat/completions", &with(messages("sim"))).await, []);
    }
    let mut counted = messages("claude");
    counted.as_object_mut().unwrap().remove("max_tokens");
    assert_eq!(arrives(&pair, "/v1/messages/count_tokens", &counted).await, theirs);
}
