//! Input that is wrong in every way a caller can be wrong: each gets its documented answer, and the process lives.
//! The tables here are about what is said; `wire` is about how it arrives.

use bytes::Bytes;
use flyball_testkit::client::set;
use flyball_testkit::{Answer, Client, Flyball};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{Method, StatusCode};
use serde_json::{Value, json};

mod wire;

const CHAT: &str = "/v1/chat/completions";

/// Names and values.
type Headers<'h> = &'h [(&'static str, &'h str)];

/// Small limits and short patience, so that each is reached soon.
const CONFIG: &str = "
drain: { delay: 0s, limit: 10s }
limits: { model_body: 4MiB, other_body: 4KiB, json_values: 5000, header_timeout: 1s, body_timeout: 1s }
routes:
  demo: { provider: demo, model: demo-1 }
  words: { provider: demo, model: demo-1, operations: [chat] }
";

async fn gateway() -> Flyball {
    Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(CONFIG).start().await.unwrap()
}

/// Checks that a refusal is what the reference says of its kind.
#[track_caller]
fn refused(what: &str, answer: &Answer, status: u16, flyball_code: &str, code: &str, param: Option<&str>) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    let body = answer.json().unwrap();
    let error = &body["error"];
    assert_eq!(
        (error["flyball_code"].as_str(), error["code"].as_str()),
        (Some(flyball_code), Some(code)),
        "{what}"
    );
    assert_eq!(error["param"].as_str(), param, "{what}: {error}");
    for key in ["message", "type", "remedy"] {
        assert!(error[key].as_str().is_some_and(|text| !text.is_empty()), "{what}: {key} of {error}");
    }
    assert_eq!(error["request_id"].as_str(), answer.header("x-flyball-request-id"), "{what}");
    assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}");
}

/// Checks that the process that was started still answers.
async fn lives(flyball: &Flyball, process: Option<u32>) {
    assert_eq!(flyball.client().get("/health").await.unwrap().status, StatusCode::OK);
    let key = flyball.demo_key().unwrap();
    let hello = json!({"model": "demo", "messages": [{"role": "user", "content": "Say exactly: alive"}]});
    let answer = flyball.client().with_key(key).post(CHAT, &hello).await.unwrap();
    assert_eq!(answer.json().unwrap()["choices"][0]["message"]["content"], "alive");
    assert!(process.is_some() && flyball.process_id() == process);
}

async fn send(client: &Client, path: &str, body: impl Into<Bytes>) -> Answer {
    let mut request = client.request(Method::POST, path, body.into()).unwrap();
    set(&mut request, CONTENT_TYPE, "application/json").unwrap();
    client.send(request).await.unwrap()
}

#[tokio::test]
async fn what_is_no_acceptable_json_is_malformed_on_every_endpoint() {
    let flyball = gateway().await;
    let process = flyball.process_id();
    let caller = flyball.client().with_key(flyball.demo_key().unwrap());
    let operator = flyball.client().with_key(flyball.operator_key().unwrap());
    let deep = |depth: usize| format!(r#"{{"x":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let many = format!(r#"{{"x":[{}""]}}"#, r#""","#.repeat(5000));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", b"".to_vec()),
        ("white space", b"  \r\n".to_vec()),
        ("words", b"hello".to_vec()),
        ("an HTML page", b"<html></html>".to_vec()),
        ("cut in an object", br#"{"model":"demo","messages":[{"role":"user""#.to_vec()),
        ("cut in a string", br#"{"model":"de"#.to_vec()),
        ("cut in an escape", br#"{"model":"\u00"#.to_vec()),
        ("two values", b"{}{}".to_vec()),
        ("a comma too many", br#"{"model":"demo",}"#.to_vec()),
        ("a comment", br#"{/* x */"model":"demo"}"#.to_vec()),
        ("single quotes", b"{'model':'demo'}".to_vec()),
        ("a number that is none", br#"{"x":NaN}"#.to_vec()),
        ("a number with a zero ahead", br#"{"x":012}"#.to_vec()),
        ("a control character", b"{\"x\":\"a\nb\"}".to_vec()),
        ("an unknown escape", br#"{"x":"\q"}"#.to_vec()),
        ("bytes that are not UTF-8", b"{\"x\":\"\xff\xfe\"}".to_vec()),
        ("an overlong encoding", b"{\"x\":\"\xc0\xaf\"}".to_vec()),
        ("an encoded surrogate", b"{\"x\":\"\xed\xa0\x80\"}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("a high surrogate alone", br#"{"x":"\ud83d"}"#.to_vec()),
        ("a low surrogate alone", br#"{"x":"\ude00 and more"}"#.to_vec()),
        ("surrogates in the wrong order", br#"{"x":"\ude00\ud83d"}"#.to_vec()),
        ("a key twice", br#"{"model":"demo","messages":[],"model":"demo"}"#.to_vec()),
        ("a key twice, once escaped", br#"{"model":"demo","mod\u0065l":"demo"}"#.to_vec()),
        (
            "a key twice further in",
            br#"{"model":"demo","messages":[{"role":"user","role":"user"}]}"#.to_vec(),
        ),
        ("nesting beyond the limit", deep(64).into_bytes()),
        ("nesting without an end", "[".repeat(100_000).into_bytes()),
    ];
    for path in [CHAT, "/v1/embeddings", "/proxy/completion", "/proxy/completion/stream"] {
        for (what, body) in &bodies {
            let answer = send(&caller, path, body.clone()).await;
            refused(&format!("{what} at {path}"), &answer, 400, "E109", "malformed_json", Some("body"));
        }
        let answer = send(&caller, path, many.clone()).await;
        refused("more values than the limit", &answer, 400, "E109", "malformed_json", Some("body"));
    }
    for (path, client) in [
        ("/filter/prompt", &caller),
        ("/filter/output", &caller),
        ("/process", &caller),
        ("/v1/keys", &operator),
        ("/v1/tenants", &operator),
    ] {
        for (what, body) in bodies.iter().filter(|(_, body)| body.len() < 4096) {
            let answer = send(client, path, body.clone()).await;
            // The typed bodies of administration may find fault with a field before they reach the syntax.
            let typed = path.starts_with("/v1/") && answer.json().unwrap()["error"]["flyball_code"] == "E110";
            if !typed {
                refused(&format!("{what} at {path}"), &answer, 400, "E109", "malformed_json", Some("body"));
            }
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what} at {path}");
        }
    }
    lives(&flyball, process).await;
}

#[tokio::test]
async fn a_field_of_a_wrong_type_or_value_is_named() {
    let flyball = gateway().await;
    let process = flyball.process_id();
    let caller = flyball.client().with_key(flyball.demo_key().unwrap());
    let chat = |change: Value| {
        let mut body = json!({"model": "demo", "messages": [{"role": "user", "content": "hello"}]});
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    let message = |message: Value| chat(json!({"messages": [message]}));
    let wrong = [
        (CHAT, json!([]), "body"),
        (CHAT, json!("hello"), "body"),
        (CHAT, json!(null), "body"),
        (CHAT, chat(json!({"model": 7})), "model"),
        (CHAT, chat(json!({"model": {"name": "demo"}})), "model"),
        (CHAT, chat(json!({"model": ""})), "model"),
        (CHAT, chat(json!({"model": "m".repeat(257)})), "model"),
        (CHAT, chat(json!({"messages": "hello"})), "messages"),
        (CHAT, chat(json!({"messages": {}})), "messages"),
        (CHAT, chat(json!({"messages": []})), "messages"),
        (CHAT, chat(json!({"messages": [1, 2]})), "messages"),
        (CHAT, chat(json!({"messages": ["hello"]})), "messages[0]"),
        (CHAT, message(json!({"role": "king", "content": "x"})), "messages[0].role"),
        (CHAT, message(json!({"role": 1, "content": "x"})), "messages[0].role"),
        (CHAT, message(json!({"role": "user", "content": 5})), "messages[0].content"),
        (CHAT, message(json!({"role": "user", "content": {"text": "x"}})), "messages[0].content"),
        (CHAT, message(json!({"role": "user", "content": ["x"]})), "messages[0].content[0]"),
        (CHAT, chat(json!({"stream": "yes"})), "stream"),
        (CHAT, chat(json!({"stream": 1})), "stream"),
        (CHAT, chat(json!({"stream": true, "stream_options": true})), "stream_options"),
        (CHAT, chat(json!({"stream": true, "stream_options": {"include_usage": "yes"}})), "include_usage"),
        (CHAT, chat(json!({"n": 0})), "n"),
        (CHAT, chat(json!({"n": 129})), "n"),
        (CHAT, chat(json!({"n": "two"})), "n"),
        (CHAT, chat(json!({"n": 1.5})), "n"),
        (CHAT, chat(json!({"max_tokens": -1})), "max_tokens"),
        (CHAT, chat(json!({"max_tokens": "many"})), "max_tokens"),
        (CHAT, chat(json!({"max_completion_tokens": []})), "max_completion_tokens"),
        (CHAT, chat(json!({"tools": {}})), "tools"),
        (CHAT, chat(json!({"tools": [7]})), "tools"),
        ("/v1/embeddings", json!({"model": "demo", "input": 7}), "input"),
        ("/v1/embeddings", json!({"model": "demo", "input": []}), "input"),
        ("/v1/embeddings", json!({"model": "demo", "input": {}}), "input"),
        ("/v1/embeddings", json!({"model": [], "input": "x"}), "model"),
        ("/proxy/completion", json!({"prompt": 7}), "prompt"),
        ("/proxy/completion", json!({"prompt": ""}), "prompt"),
        ("/proxy/completion", json!({"prompt": "x", "model": 1}), "model"),
        ("/proxy/completion", json!({"prompt": "x", "max_tokens": "all"}), "max_tokens"),
        ("/proxy/completion/stream", json!([]), "body"),
        ("/filter/prompt", json!([]), "body"),
        ("/filter/prompt", json!({"prompt": 1}), "prompt"),
        ("/filter/prompt", json!({"prompt": "x", "context": 1}), "context"),
        ("/filter/prompt", json!({"prompt": "x", "context": {"contains_pii": 1}}), "context.contains_pii"),
        (
            "/filter/prompt",
            json!({"prompt": "x", "context": {"jailbreak_score": 2}}),
            "context.jailbreak_score",
        ),
        (
            "/filter/output",
            json!({"output": "x", "context": {"verbatim_ratio": "x"}}),
            "context.verbatim_ratio",
        ),
        ("/filter/output", json!({"output": []}), "output"),
        ("/process", json!({"prompt": false}), "prompt"),
    ];
    for (path, body, field) in wrong {
        let answer = caller.post(path, &body).await.unwrap();
        refused(&format!("{body} at {path}"), &answer, 400, "E110", "invalid_value", Some(field));
    }
    let absent = [
        (CHAT, json!({}), "model"),
        (CHAT, json!({"model": null, "messages": []}), "model"),
        (CHAT, json!({"model": "demo"}), "messages"),
        (CHAT, message(json!({"content": "x"})), "messages[0].role"),
        ("/v1/embeddings", json!({"model": "demo"}), "input"),
        ("/v1/embeddings", json!({"input": "x"}), "model"),
        ("/proxy/completion", json!({}), "prompt"),
        ("/filter/prompt", json!({}), "prompt"),
        ("/filter/output", json!({"prompt": "x"}), "output"),
        ("/process", json!({}), "prompt"),
    ];
    for (path, body, field) in absent {
        let answer = caller.post(path, &body).await.unwrap();
        let what = format!("{body} at {path}");
        refused(&what, &answer, 400, "E111", "missing_required_parameter", Some(field));
    }
    for path in [CHAT, "/v1/embeddings", "/proxy/completion"] {
        let body = json!({"model": "no-such", "prompt": "x", "input": "x", "messages": [{"role": "user"}]});
        let answer = caller.post(path, &body).await.unwrap();
        refused(path, &answer, 404, "E607", "model_not_found", Some("model"));
    }
    let answer = caller.post("/v1/embeddings", &json!({"model": "words", "input": "x"})).await.unwrap();
    refused("embeddings of a chat model", &answer, 400, "E115", "unsupported_operation", Some("model"));
    lives(&flyball, process).await;
}

#[tokio::test]
async fn null_is_as_good_as_absent() {
    let flyball = gateway().await;
    let caller = flyball.client().with_key(flyball.demo_key().unwrap());
    let mut body = json!({"model": "demo", "messages": [{"role": "user", "content": "Say exactly: yes"}]});
    for key in
        ["n", "stream", "stream_options", "max_tokens", "max_completion_tokens", "tools", "temperature"]
    {
        body[key] = Value::Null;
    }
    let answer = caller.post(CHAT, &body).await.unwrap();
    assert_eq!(answer.json().unwrap()["choices"][0]["message"]["content"], "yes", "{}", answer.text());
}

#[tokio::test]
async fn wrong_methods_and_unknown_endpoints_are_told_apart() {
    let flyball = gateway().await;
    let process = flyball.process_id();
    let caller = flyball.client().with_key(flyball.demo_key().unwrap());
    for (method, path, allowed) in [
        (Method::GET, CHAT, "POST"),
        (Method::PUT, CHAT, "POST"),
        (Method::DELETE, "/v1/embeddings", "POST"),
        (Method::GET, "/proxy/completion", "POST"),
        (Method::GET, "/proxy/completion/stream", "POST"),
        (Method::GET, "/filter/prompt", "POST"),
        (Method::PATCH, "/process", "POST"),
        (Method::POST, "/v1/models", "GET"),
        (Method::POST, "/health", "GET"),
        (Method::DELETE, "/rules", "GET"),
        (Method::PUT, "/v1/keys", "GET"),
        (Method::PUT, "/v1/keys", "POST"),
    ] {
        let what = format!("{method} {path}");
        let answer = caller.send(caller.request(method, path, Bytes::new()).unwrap()).await.unwrap();
        refused(&what, &answer, 405, "E906", "method_not_allowed", None);
        let allow = answer.header("allow").unwrap_or_default();
        assert!(allow.split(',').any(|method| method.trim() == allowed), "{what}: allow: {allow}");
    }
    for path in ["/v1/messages/batches", "/v1/responses/compact", "/v1/nothing", "/nothing", "/v1"] {
        for method in [Method::POST, Method::GET] {
            let answer = caller.send(caller.request(method, path, Bytes::new()).unwrap()).await.unwrap();
            refused(path, &answer, 404, "E905", "unknown_endpoint", None);
            let message = answer.json().unwrap()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains(&format!("'{path}'")), "{message}");
        }
    }
    for path in ["/v1/users/ada@example.org", "/v1/4111111111111111", "/a%0d%0ab"] {
        let answer = caller.get(path).await.unwrap();
        refused(path, &answer, 404, "E905", "unknown_endpoint", None);
        assert!(!answer.text().contains(path), "somebody's data is repeated: {}", answer.text());
    }
    lives(&flyball, process).await;
}

#[tokio::test]
async fn only_one_live_key_of_the_right_role_opens_an_endpoint() {
    let flyball = gateway().await;
    let process = flyball.process_id();
    let (key, operator_key) = (flyball.demo_key().unwrap(), flyball.operator_key().unwrap());
    let operator = flyball.client().with_key(operator_key);
    let expired = operator.post("/v1/keys", &json!({"tenant": "demo", "expires_in": 0})).await.unwrap();
    let expired = expired.json().unwrap()["key"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {key}");
    let chat = json!({"model": "demo", "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let ask = async |path: &str, headers: Headers<'_>| {
        let method = if path == "/v1/models" { Method::GET } else { Method::POST };
        let mut request = flyball.client().request(method, path, Bytes::from(chat.clone())).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
        }
        flyball.client().send(request).await.unwrap()
    };
    let other = format!("{}x", key.split_at(key.len() - 1).0);
    let wrong: [(&str, Headers<'_>, &str, &str); 12] = [
        ("nothing", &[], "E206", "missing_api_key"),
        ("an empty key", &[("x-api-key", "")], "E206", "missing_api_key"),
        ("another scheme", &[("authorization", "Basic ZGVtbzpkZW1v")], "E204", "invalid_api_key"),
        ("a key without a scheme", &[("authorization", key)], "E204", "invalid_api_key"),
        ("the scheme alone", &[("authorization", "Bearer")], "E204", "invalid_api_key"),
        ("a foreign key", &[("authorization", "Bearer sk-abc")], "E204", "invalid_api_key"),
        ("almost the key", &[("x-api-key", &other)], "E204", "invalid_api_key"),
        ("the key in other letters", &[("x-api-key", &key.to_uppercase())], "E204", "invalid_api_key"),
        ("two keys", &[("authorization", &bearer), ("x-api-key", &other)], "E207", "ambiguous_api_key"),
        (
            "two tokens",
            &[("authorization", &bearer), ("authorization", "Bearer x")],
            "E207",
            "ambiguous_api_key",
        ),
        (
            "two live keys",
            &[("authorization", &bearer), ("x-api-key", operator_key)],
            "E207",
            "ambiguous_api_key",
        ),
        ("an expired key", &[("x-api-key", &expired)], "E202", "expired_api_key"),
    ];
    for path in [CHAT, "/v1/embeddings", "/proxy/completion", "/filter/prompt", "/v1/models"] {
        for (what, headers, flyball_code, code) in wrong {
            let answer = ask(path, headers).await;
            refused(&format!("{what} at {path}"), &answer, 401, flyball_code, code, None);
            assert!(!answer.text().contains(key.split_at(12).0), "{what}: {}", answer.text());
        }
        let answer = ask(path, &[("x-api-key", operator_key)]).await;
        refused(path, &answer, 403, "E205", "role_not_allowed", None);
    }
    let right: [Headers<'_>; 4] = [
        &[("x-api-key", key)],
        &[("authorization", &bearer)],
        &[("authorization", &bearer.replace("Bearer", "bEARER"))],
        &[("authorization", &bearer), ("x-api-key", key)],
    ];
    for headers in right {
        assert_eq!(ask(CHAT, headers).await.status, StatusCode::OK, "{headers:?}");
    }
    let caller = flyball.client().with_key(key);
    let answer = caller.post("/v1/keys", &json!({"tenant": "demo"})).await.unwrap();
    refused("a tenant's key at administration", &answer, 403, "E205", "role_not_allowed", None);
    let mut request = caller.request(Method::GET, "/v1/models", Bytes::new()).unwrap();
    request.headers_mut().insert(AUTHORIZATION, http::HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap());
    let answer = caller.send(request).await.unwrap();
    refused("a key that is no text", &answer, 401, "E204", "invalid_api_key", None);
    lives(&flyball, process).await;
}
