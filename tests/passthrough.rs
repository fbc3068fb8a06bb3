//! Calls that are passed to one provider as they are: nothing of them is modelled, and all of it is governed.

use bytes::Bytes;
use flyball_testkit::client::set;
use flyball_testkit::{Answer, Canned, Client, Flyball, SseEvent};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// Personal data, reserved for examples, and the tag that takes its place.
const PERSONAL: &str = "alex.example@example.com";
const TAG: &str = "<email>";

const MASK: &str = "  - {id: mask, when: prompt.contains_pii, action: mask}\n  - {id: mask-out, when: output.contains_pii, action: mask}\n";

/// A gateway before a provider with prepared answers, which is reached below three paths.
struct Passing {
    flyball: Flyball,
    canned: Canned,
    client: Client,
}

impl Passing {
    async fn start(rules: Option<&str>) -> Self {
        Self::with("", rules).await
    }

    async fn with(config: &str, rules: Option<&str>) -> Self {
        let canned = Canned::start().await.unwrap();
        let base = canned.base_url();
        let config = format!(
            "providers:\n  open: {{kind: openai, base_url: '{base}', api_key: 'env:SIM_KEY', headers: {{x-ours: a}}}}\n  \
             other: {{kind: anthropic, base_url: '{base}', api_key: 'env:SIM_KEY'}}\n  \
             google: {{kind: gemini, base_url: '{base}', api_key: 'env:SIM_KEY'}}\n\
             passthrough:\n  vendor: {{path: /vendor, provider: open, methods: [GET, POST, DELETE], headers: {{x-route: b}}}}\n  \
             media: {{path: /media, provider: open, methods: [GET, POST], media: true, stored_state: true}}\n  \
             anthropic: {{path: /anthropic/raw, provider: other}}\n  google: {{path: /google, provider: google}}\n{config}",
        );
        let mut setup =
            Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).env("SIM_KEY", "sk-sim");
        if let Some(rules) = rules {
            setup = setup.policy(format!("version: 1\nmeta: {{name: test}}\nrules:\n{rules}"));
        }
        let flyball = setup.start().await.unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        Passing { flyball, canned, client }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = self.client.request(method, path, body.into()).unwrap();
        for (name, value) in headers {
            set(&mut request, HeaderName::from_static(name), value).unwrap();
        }
        self.client.send(request).await.unwrap()
    }

    /// What the provider received last.
    fn received(&self) -> String {
        String::from_utf8_lossy(self.canned.received().last().unwrap()).into_owned()
    }

    async fn recorded(&self, answer: &Answer) -> Value {
        let path = format!("/v1/exchanges/{}", answer.header("x-flyball-request-id").unwrap());
        loop {
            let record = self.client.get(&path).await.unwrap().json().unwrap();
            if record["settlement"].is_object() {
                return record;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// The events of a streamed call.
    async fn events(&self, path: &str, body: &Value) -> Vec<SseEvent> {
        self.client.stream(path, body).await.unwrap().rest().await.unwrap()
    }
}

#[tokio::test]
async fn what_is_clean_passes_to_the_byte_in_both_directions() {
    let passing = Passing::start(None).await;
    let said = "{ \"model\": \"any\",\n \"odd\": [1, \"\\u0061\"]}";
    let answered = " {\"ok\": [true, \"\\u0062\"]}\n";
    passing.canned.answer(answered);
    let answer = passing.send(Method::POST, "/vendor/fine-tunes/a%20b?limit=2&x=%C3%A9", &[], said).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!((answer.text(), passing.received()), (answered.to_owned(), said.to_owned()));
    assert_eq!(answer.header("x-flyball-model"), Some("vendor"));
    let head = passing.canned.heads().pop().unwrap();
    assert_eq!((head.method, head.target.as_str()), (Method::POST, "/v1/fine-tunes/a%20b?limit=2&x=%C3%A9"));
    for method in [Method::GET, Method::DELETE] {
        let answer = passing.send(method.clone(), "/vendor/files/f-1", &[], "").await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, answered.to_owned()));
        let head = passing.canned.heads().pop().unwrap();
        assert_eq!(
            (&head.method, head.target.as_str(), passing.received()),
            (&method, "/v1/files/f-1", String::new())
        );
        assert!(head.headers.get("content-type").is_none());
    }
    let answer = passing.send(Method::GET, "/vendor", &[], "").await;
    assert_eq!(
        (answer.status, passing.canned.heads().pop().unwrap().target),
        (StatusCode::OK, "/v1".to_owned())
    );
}

#[tokio::test]
async fn our_credential_goes_along_and_only_listed_headers_of_the_callers() {
    let passing = Passing::start(None).await;
    let sent = [
        ("anthropic-version", "2024-01-01"),
        ("anthropic-beta", "b"),
        ("openai-beta", "c"),
        ("cookie", "d"),
        ("openai-organization", "e"),
        ("x-note", "f"),
        ("accept", "g/h"),
        ("host", "elsewhere.example"),
    ];
    for (path, credential, expected) in [
        ("/vendor/x", "authorization", vec![("openai-beta", "c"), ("x-ours", "a"), ("x-route", "b")]),
        (
            "/anthropic/raw/v1/x",
            "x-api-key",
            vec![("anthropic-beta", "b"), ("anthropic-version", "2024-01-01")],
        ),
        ("/google/v1beta/x:count", "x-goog-api-key", vec![]),
    ] {
        let answer = passing.send(Method::POST, path, &sent, "{}").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        let head = passing.canned.heads().pop().unwrap();
        assert!(head.headers[credential].to_str().unwrap().ends_with("sk-sim"), "{path}");
        let ordinary = [credential, "host", "accept", "accept-encoding", "content-type", "content-length"];
        let mut others: Vec<(&str, &str)> =
            head.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        others.retain(|(name, _)| !ordinary.contains(name));
        others.sort_unstable();
        assert_eq!(others, expected, "{path}");
        assert!(head.headers["host"].to_str().unwrap().starts_with("127.0.0.1:"), "{path}");
        assert!(!format!("{:?}", head.headers).contains("fb_"), "{path}: the caller's key leaves");
    }
}

#[tokio::test]
async fn a_path_leads_nowhere_else() {
    let passing = Passing::start(None).await;
    for path in [
        "/vendor/../x",
        "/vendor/%2e%2e/x",
        "/vendor/a/..%2f..%2fx",
        "/vendor/%252e%252e/x",
        "/vendor//host.example/x",
        "/vendor/.",
        "/vendor/a%5c..%5cx",
        "/vendor/x?key=fb_secret",
        "/vendor/x?a=1&access_token=b",
        "/vendor/%ff",
    ] {
        let answer = passing.send(Method::POST, path, &[], "{}").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text());
        let error = answer.json().unwrap()["error"].clone();
        assert!(["path", "query"].contains(&error["param"].as_str().unwrap()), "{error}");
        assert!(!error.to_string().contains("secret"));
    }
    for path in ["/vendorx", "/vendor.", "/anthropic", "/anthropic/rawx"] {
        assert_eq!(passing.send(Method::POST, path, &[], "{}").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for (path, allowed) in [("/vendor/x", "GET, POST, DELETE"), ("/google/x", "POST")] {
        let answer = passing.send(Method::PUT, path, &[], "{}").await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some(allowed)));
    }
    assert_eq!(passing.canned.received().len(), 0);
}

#[tokio::test]
async fn only_keys_whose_models_match_the_name_pass() {
    let passing = Passing::start(None).await;
    let operator = passing.flyball.client().with_key(passing.flyball.operator_key().unwrap());
    for (models, allowed) in
        [(json!(["vendor"]), true), (json!(["v*"]), true), (json!(["*"]), true), (json!(["media"]), false)]
    {
        let wanted = json!({"tenant": "demo", "name": "limited", "models": models});
        let created = operator.post("/v1/keys", &wanted).await.unwrap().json().unwrap();
        let client = passing.flyball.client().with_key(created["key"].as_str().unwrap());
        let answer = client.post("/vendor/x", &json!({})).await.unwrap();
        let expected = if allowed { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(answer.status, expected, "{models}: {}", answer.text());
    }
    let stranger = passing.flyball.client().post("/vendor/x", &json!({})).await.unwrap();
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    assert_eq!(operator.post("/vendor/x", &json!({})).await.unwrap().status, StatusCode::FORBIDDEN);
    let models = passing.client.get("/v1/models").await.unwrap().text();
    assert!(!models.contains("vendor"), "what is passed on is no model: {models}");
    let chat = json!({"model": "vendor", "messages": [{"role": "user", "content": "Hi"}]});
    let answer = passing.client.post("/v1/chat/completions", &chat).await.unwrap();
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text());
}

#[tokio::test]
async fn personal_data_is_masked_in_path_query_body_and_answer() {
    let passing = Passing::start(Some(MASK)).await;
    let body = |text: &str| json!({"a": [text, {"b": text}], "n": 1});
    let answered = |text: &str| json!({"x": {"y": [text]}, "choices": [{"text": "t", "logprobs": {"tokens": ["alex", ".example@example.com"]}}]});
    passing.canned.answer(answered(PERSONAL).to_string());
    let path = format!("/vendor/users/{PERSONAL}?mail={}&page=2", PERSONAL.replace('@', "%40"));
    let answer = passing.send(Method::POST, &path, &[], body(PERSONAL).to_string()).await;
    assert_eq!((answer.status, answer.header("x-flyball-action")), (StatusCode::OK, Some("mask")));
    assert_eq!(serde_json::from_str::<Value>(&passing.received()).unwrap(), body(TAG));
    assert_eq!(passing.canned.heads().pop().unwrap().target, "/v1/users/%3Cemail%3E?mail=%3Cemail%3E&page=2");
    let mut expected = answered(TAG);
    expected["choices"][0]["logprobs"] = Value::Null;
    assert_eq!(answer.json().unwrap(), expected);
}

#[tokio::test]
async fn what_the_policy_blocks_does_not_pass() {
    let rules = "  - {id: in, when: prompt.contains_pii, action: block}\n  - {id: out, when: output.contains_pii, action: block}\n";
    let passing = Passing::start(Some(rules)).await;
    for (path, body) in [
        ("/vendor/x".to_owned(), json!({"a": PERSONAL})),
        (format!("/vendor/{PERSONAL}"), json!({})),
        (format!("/vendor/x?q={PERSONAL}"), json!({})),
    ] {
        let answer = passing.client.post(&path, &body).await.unwrap();
        assert_eq!(answer.json().unwrap()["error"]["rules"], json!(["in"]), "{path}");
    }
    assert_eq!(passing.canned.received().len(), 0);
    passing.canned.answer(json!({"a": PERSONAL}).to_string());
    let answer = passing.client.post("/vendor/x", &json!({})).await.unwrap();
    assert_eq!((answer.status, answer.text().contains("alex")), (StatusCode::FORBIDDEN, false));
    for (rule, body, blocked) in [
        ("request.operation == \"passthrough\"", json!({}), true),
        ("request.model == \"vendor\"", json!({}), true),
        ("request.server_tools", json!({"tools": [{"type": "web_search"}]}), true),
        ("request.server_tools", json!({"tools": [{"type": "function"}]}), false),
        ("request.unseen_input", json!({"image": "A".repeat(300)}), true),
        ("request.unseen_input", json!({"text": "A short one."}), false),
    ] {
        for action in ["block", "safe_mode"] {
            let passing =
                Passing::start(Some(&format!("  - {{id: no, when: '{rule}', action: {action}}}\n"))).await;
            let answer = passing.client.post("/vendor/x", &body).await.unwrap();
            assert_eq!(answer.status == StatusCode::FORBIDDEN, blocked, "{rule} {action}: {}", answer.text());
            assert_eq!(passing.canned.received().is_empty(), blocked);
        }
    }
}

/// The bytes of a stream of named events.
fn stream(events: &[(&str, Value)]) -> String {
    events.iter().map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).collect()
}

/// A text in pieces, as a vendor of our own invention would stream it.
fn told(text: &str, size: usize) -> Vec<(&'static str, Value)> {
    let letters: Vec<char> = text.chars().collect();
    let mut events = vec![("begin", json!({"type": "begin", "id": "r-1", "usage": {"input_tokens": 3}}))];
    for piece in letters.chunks(size) {
        let piece: String = piece.iter().collect();
        events.push((
            "piece",
            json!({"type": "piece", "index": 0, "delta": {"type": "text_delta", "words": piece}}),
        ));
        events.push((
            "piece",
            json!({"type": "piece", "index": 1, "delta": {"type": "text_delta", "words": "turn "}}),
        ));
    }
    events.push(("end", json!({"type": "end", "usage": {"output_tokens": 9}, "whole": text})));
    events
}

fn said(events: &[SseEvent], index: u64) -> String {
    let documents = events.iter().filter_map(SseEvent::json);
    documents
        .filter(|document| document["index"] == index)
        .map(|document| document["delta"]["words"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_stream_is_held_and_masked_like_any_other() {
    let passing = Passing::start(None).await;
    let text = format!("Write to {PERSONAL} now.");
    for size in [1, 3, 7, 1000] {
        passing.canned.answer_as("text/event-stream", stream(&told(&text, size)));
        let events = passing.events("/vendor/x", &json!({"stream": true})).await;
        assert_eq!(said(&events, 0), text.replace(PERSONAL, TAG), "{size}");
        assert!(said(&events, 1).starts_with("turn "));
        let last = events.last().unwrap().json().unwrap();
        assert_eq!(last["whole"], text.replace(PERSONAL, TAG), "{size}");
        let shown: String =
            events.iter().map(|event| String::from_utf8_lossy(&event.raw).into_owned()).collect();
        assert!(!shown.contains("example@") && !shown.contains("[DONE]"), "{shown}");
    }
}

#[tokio::test]
async fn a_clean_stream_stays_to_the_byte_also_where_nobody_asked_for_one() {
    let passing = Passing::start(None).await;
    let sent = stream(&told("A clean text \u{e9}.", 2));
    for end in ["", "data: [DONE]\n\n"] {
        let sent = format!("{sent}{end}");
        passing.canned.answer_as("text/event-stream", sent.clone());
        for body in [json!({"stream": true}), json!({})] {
            let answer = passing.send(Method::POST, "/vendor/x", &[], body.to_string()).await;
            assert_eq!(answer.text(), sent);
            assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
            let settled = passing.recorded(&answer).await["settlement"].clone();
            assert_eq!(
                (&settled["counting"], &settled["input_tokens"], &settled["output_tokens"]),
                (&json!("reported"), &json!(3), &json!(9))
            );
        }
    }
    // One who asks for events and gets a whole answer gets just that.
    passing.canned.answer(r#"{"whole": 1}"#);
    let answer = passing.send(Method::POST, "/vendor/x", &[], r#"{"stream":true}"#).await;
    assert_eq!(answer.text(), r#"{"whole": 1}"#);
    // Names of events that are no words of kind stay behind.
    passing.canned.answer_as("text/event-stream", format!("event: {PERSONAL}\ndata: {{}}\n\n"));
    let answer = passing.send(Method::POST, "/vendor/x", &[], "{}").await;
    assert_eq!(answer.text(), "data: {}\n\n");
}

#[tokio::test]
async fn a_stream_that_is_blocked_or_broken_ends_with_an_error() {
    let rules = "  - {id: out, when: output.contains_pii, action: block}\n";
    let passing = Passing::start(Some(rules)).await;
    let ends_with = |events: &[SseEvent], code: &str| {
        let last = events.last().unwrap().json().unwrap();
        assert_eq!(last["error"]["code"], code, "{events:?}");
        let shown: String =
            events.iter().map(|event| String::from_utf8_lossy(&event.raw).into_owned()).collect();
        assert!(!shown.contains("alex.example"), "{shown}");
    };
    for size in [1, 5, 1000] {
        passing.canned.answer_as("text/event-stream", stream(&told(&format!("It is {PERSONAL}."), size)));
        ends_with(&passing.events("/vendor/x", &json!({})).await, "policy_blocked");
    }
    for data in [json!({"type": "error", "message": PERSONAL}), json!({"error": {"message": PERSONAL}})] {
        passing.canned.answer_as("text/event-stream", stream(&[("error", data)]));
        ends_with(&passing.events("/vendor/x", &json!({})).await, "provider_failed");
    }
    passing.canned.answer_as("text/event-stream", "data: no JSON alex.example\n\n");
    ends_with(&passing.events("/vendor/x", &json!({})).await, "provider_invalid_answer");
}

#[tokio::test]
async fn rules_about_the_whole_answer_hold_for_streams_too() {
    let rules = "  - {id: long, when: output.length > 100, action: block}\n";
    for how in ["buffer", "running"] {
        let passing = Passing::with(&format!("stream: {{on_whole_answer: {how}}}\n"), Some(rules)).await;
        passing.canned.answer_as("text/event-stream", stream(&told(&"word ".repeat(60), 10)));
        let events = passing.events("/vendor/x", &json!({})).await;
        assert_eq!(events.last().unwrap().json().unwrap()["error"]["code"], "policy_blocked", "{how}");
        let shown: usize = said(&events, 0).len() + said(&events, 1).len();
        assert!(shown <= 100, "{how}: {shown}");
    }
}

#[tokio::test]
async fn what_is_no_json_passes_only_where_media_may() {
    let passing = Passing::start(Some(MASK)).await;
    let sound = b"\xFF\xFB\x00".as_slice();
    for (kind, body) in
        [("audio/mpeg", sound), ("text/plain", b"words"), ("multipart/form-data; boundary=b", b"--b--\r\n")]
    {
        let answer = passing.send(Method::POST, "/vendor/x", &[("content-type", kind)], body).await;
        let error = answer.json().unwrap()["error"].clone();
        assert_eq!(
            (answer.status, &error["code"]),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!("unsupported_media"))
        );
    }
    assert_eq!(passing.canned.received().len(), 0);
    for (kind, body) in [("audio/mpeg", sound), ("text/plain", b"words")] {
        let answer = passing.send(Method::POST, "/media/x", &[("content-type", kind)], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(passing.canned.received().last().unwrap(), body);
        assert_eq!(passing.canned.heads().pop().unwrap().headers[CONTENT_TYPE], kind);
    }
    let lines = |text: &str| format!("{{\"a\":\"{text}\"}}\n{{\"b\":1}}\n");
    let answer = passing
        .send(Method::POST, "/media/x", &[("content-type", "application/jsonl")], lines(PERSONAL))
        .await;
    assert_eq!((answer.status, passing.received()), (StatusCode::OK, lines(TAG)));

    for (kind, body, expected) in [
        ("audio/mpeg", sound.to_vec(), sound.to_vec()),
        ("application/octet-stream", lines(PERSONAL).into_bytes(), lines(TAG).into_bytes()),
        ("text/csv", format!("a,{PERSONAL}").into_bytes(), format!("a,{TAG}").into_bytes()),
    ] {
        passing.canned.answer_as(kind, body);
        let answer = passing.send(Method::GET, "/media/x", &[], "").await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some(kind)));
        assert_eq!(answer.body, expected, "{kind}");
        let answer = passing.send(Method::GET, "/vendor/x", &[], "").await;
        assert_eq!(answer.json().unwrap()["error"]["code"], "provider_invalid_answer", "{kind}");
    }
    let passing = Passing::start(Some("  - {id: no, when: request.unseen_input, action: block}\n")).await;
    for (kind, body) in [("audio/mpeg", sound), ("text/plain", b"words")] {
        let answer = passing.send(Method::POST, "/media/x", &[("content-type", kind)], body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{kind}");
    }
}

#[tokio::test]
async fn it_is_recorded_billed_and_refused_like_any_call() {
    let passing = Passing::start(None).await;
    passing.canned.answer(r#"{"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 5}}"#);
    let answer =
        passing.client.post("/google/v1beta/models/g:generate", &json!({"contents": ["Hi"]})).await.unwrap();
    let record = passing.recorded(&answer).await;
    assert_eq!(
        (&record["operation"], &record["model"], &record["provider"]),
        (&json!("passthrough"), &json!("google"), &json!("google"))
    );
    let settled = &record["settlement"];
    assert_eq!(
        (&settled["counting"], &settled["input_tokens"], &settled["output_tokens"]),
        (&json!("reported"), &json!(4), &json!(5))
    );
    let answer = passing.client.post("/vendor/x", &json!({"previous_response_id": "resp_1"})).await.unwrap();
    assert_eq!(answer.json().unwrap()["error"]["code"], "stored_state");
    let answer = passing.client.post("/media/x", &json!({"previous_response_id": "resp_1"})).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "the operator says that the account serves one tenant");
    passing.canned.answer(r#"{"text": "A sentence of one two three four five six seven."}"#);
    let answer = passing.client.post("/vendor/x", &json!({"a": "one two", "b": ["three"]})).await.unwrap();
    let settled = passing.recorded(&answer).await["settlement"].clone();
    assert_eq!((&settled["counting"], &settled["input_tokens"]), (&json!("counted"), &json!(3)));
    assert!(settled["output_tokens"].as_u64().unwrap() >= 10, "{settled}");
    for (status, code) in [
        (StatusCode::UNAUTHORIZED, "provider_credential"),
        (StatusCode::NOT_FOUND, "provider_unknown_target"),
        (StatusCode::TOO_MANY_REQUESTS, "provider_rate_limited"),
    ] {
        passing.canned.fail(status, json!({"error": {"message": PERSONAL}}).to_string());
        let answer = passing.client.post("/vendor/x", &json!({})).await.unwrap();
        assert_eq!(answer.json().unwrap()["error"]["code"], code);
        assert!(!answer.text().contains("alex"));
    }
    let answer = passing.send(Method::POST, "/vendor/x", &[], "{\"a\":1,\"a\":2}").await;
    assert_eq!(answer.json().unwrap()["error"]["code"], "malformed_json");
}
