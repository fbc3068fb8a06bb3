//! Headers towards providers: ours, and of the caller's only those that say how its request is to be read.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use super::*;

/// What a caller might send beside its key, with values that must not be seen at a provider.
const OF_THE_CALLER: [(&str, &str); 14] = [
    ("anthropic-beta", "beta-of-the-caller"),
    ("anthropic-dangerous-direct-browser-access", "true"),
    ("anthropic-version", "2024-01-01"),
    ("cookie", "session=of-the-caller"),
    ("forwarded", "for=192.0.2.1"),
    ("openai-beta", "assistants=of-the-caller"),
    ("openai-organization", "org-of-the-caller"),
    ("openai-project", "project-of-the-caller"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("user-agent", "agent-of-the-caller"),
    ("x-amz-security-token", "of-the-caller"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-goog-api-key", "key-of-the-caller"),
    ("x-request-id", "id-of-the-caller"),
];

#[tokio::test]
async fn of_a_callers_headers_a_provider_gets_those_that_its_own_protocol_means() {
    const CHAT: &str = "/v1/chat/completions";
    const MESSAGES: &str = "/v1/messages";
    let canned = Canned::start().await.unwrap();
    let url = canned.root();
    let vertex = "vertex, project: p, location: global, access_token: env:ONE";
    let bedrock = "bedrock, region: us-east-1, api_key: env:ONE";
    let azure = "azure-openai, api_version: 2024-10-21, api_key: env:ONE";
    let anthropic = ["anthropic-beta", "anthropic-version"];
    // What passes does so when the caller speaks the provider's own protocol.
    for (kind, answer, credential, spoken, passes) in [
        ("openai, api_key: env:ONE", CHAT_ANSWER, "authorization", CHAT, &["openai-beta"][..]),
        ("groq, api_key: env:ONE", CHAT_ANSWER, "authorization", CHAT, &[]),
        ("openrouter, api_key: env:ONE", CHAT_ANSWER, "authorization", CHAT, &[]),
        (azure, CHAT_ANSWER, "api-key", CHAT, &[]),
        ("anthropic, api_key: env:ONE", MESSAGES_ANSWER, "x-api-key", MESSAGES, &anthropic),
        ("gemini, api_key: env:ONE", GEMINI_ANSWER, "x-goog-api-key", "", &[]),
        (vertex, GEMINI_ANSWER, "authorization", "", &[]),
        (bedrock, CONVERSE_ANSWER, "authorization", "", &[]),
    ] {
        canned.answer(answer);
        let (_flyball, client) = gateway(&format!("kind: {kind}, base_url: \"{url}\"")).await;
        for path in [CHAT, MESSAGES] {
            let mut body = hello();
            body["max_tokens"] = json!(100);
            let body = Bytes::from(body.to_string());
            let mut request = client.request(Method::POST, path, body).unwrap();
            request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
            for (name, value) in OF_THE_CALLER {
                request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let answer = client.send(request).await.unwrap();
            assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
            let passes = if path == spoken { passes } else { &[] };
            let sent = last(&canned);
            let mut names: Vec<_> = sent.headers.keys().map(HeaderName::as_str).collect();
            // A version is named to Anthropic in any case.
            if kind.starts_with("anthropic") && passes.is_empty() {
                assert_eq!(sent.header("anthropic-version"), Some("2023-06-01"));
                names.retain(|name| *name != "anthropic-version");
            }
            let ours = ["accept", "accept-encoding", "content-length", "content-type", "host", credential];
            let mut expected = [&ours[..], passes].concat();
            names.sort_unstable();
            expected.sort_unstable();
            assert_eq!(names, expected, "{kind} {path}");
            for (name, value) in OF_THE_CALLER {
                let passed = passes.contains(&name);
                assert_eq!(sent.headers.values().any(|sent| sent == value), passed, "{kind} {path}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_version_is_named_to_anthropic_also_where_the_caller_names_none() {
    let canned = Canned::start().await.unwrap();
    canned.answer(MESSAGES_ANSWER);
    let (_flyball, client) = gateway(&format!("kind: anthropic, base_url: \"{}\"", canned.root())).await;
    assert_eq!(chat(&client, &hello()).await.status, 200);
    let sent = last(&canned);
    assert_eq!(
        (sent.header("anthropic-version"), sent.target.as_str()),
        (Some("2023-06-01"), "/v1/messages")
    );
    assert_eq!(sent.header("x-api-key"), None, "no key is set");
}
