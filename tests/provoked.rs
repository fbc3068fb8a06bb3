//! One way to provoke each kind of refusal over HTTP, for the tests that look at all of them: [`headers`] and
//! [`secrecy`]. What each of them says is tested where it belongs.
//!
//! [`headers`]: super::headers
//! [`secrecy`]: super::secrecy

use std::time::Duration;

use bytes::Bytes;
use flyball_gateway::refusal::KINDS;
use flyball_testkit::client::set;
use flyball_testkit::{Answer, Canned, Client, Flyball, RawConnection, Simulator};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::sleep;

/// What only a gateway that stops, is overrun or is broken says.
const NOT_PROVOKED: [&str; 4] = ["shutting_down", "overloaded", "state_unavailable", "internal"];

/// A gateway that can be made to refuse in every way.
pub(super) struct Provoked {
    pub(super) flyball: Flyball,
    pub(super) simulator: Simulator,
    pub(super) canned: Canned,
}

impl Provoked {
    /// With more configuration and the environment that it needs.
    pub(super) async fn start(config: &str, provider_key: &str) -> Self {
        let simulator = Simulator::start().await.unwrap();
        let canned = Canned::start().await.unwrap();
        let config = format!(
            "limits: {{model_body: 16KiB, other_body: 4KiB, body_timeout: 300ms}}\n\
             timeouts: {{first_byte: 2s, first_event: 2s}}\n\
             providers:\n  sim: {{kind: openai, base_url: '{}', api_key: 'env:SIM_KEY'}}\n  \
             canned: {{kind: openai, base_url: '{}'}}\n  \
             gone: {{kind: openai, base_url: 'http://127.0.0.1:9/v1'}}\n\
             routes:\n  sim: {{provider: sim, model: sim}}\n  canned: {{provider: canned}}\n  \
             gone: {{provider: gone}}\n  words: {{provider: sim, model: sim, operations: [chat]}}\n\
             passthrough:\n  raw: {{path: /raw, provider: canned}}\n{config}",
            simulator.base_url(),
            canned.base_url(),
        );
        let policy = "version: 1\nmeta: {name: provoked}\nrules:\n  \
                      - {id: no-pii-in, when: prompt.contains_pii, action: block}\n  \
                      - {id: no-pii-out, when: output.contains_pii, action: block}\n";
        let setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).policy(policy);
        let flyball = setup.env("SIM_KEY", provider_key).start().await.unwrap();
        Provoked { flyball, simulator, canned }
    }

    pub(super) fn tenant(&self, client: &Client) -> Client {
        client.clone().with_key(self.flyball.demo_key().unwrap())
    }

    pub(super) fn operator(&self, client: &Client) -> Client {
        client.clone().with_key(self.flyball.operator_key().unwrap())
    }

    /// Provokes every kind that can be, each with `said` wherever a caller can say something. Fails when a kind of
    /// the table is missing.
    pub(super) async fn all(&self, client: &Client, said: &str) -> Vec<(String, Answer)> {
        let mut answers = self.bad_requests(client, said).await;
        answers.extend(self.bad_credentials(client, said).await);
        answers.extend(self.policy(client, said).await);
        answers.extend(self.resources(client, said).await);
        answers.extend(self.provider_faults(client, said).await);
        answers.push(("body_timeout".to_owned(), self.slow_body(said).await));
        for row in KINDS {
            let provoked = answers.iter().any(|(name, _)| name == row.name);
            assert_eq!(provoked, !NOT_PROVOKED.contains(&row.name), "{} is not provoked", row.name);
        }
        for (name, answer) in &answers {
            let row = KINDS.iter().find(|row| row.name == name).unwrap();
            let error = &answer.json().unwrap()["error"];
            assert_eq!(
                (answer.status, error["flyball_code"].as_str()),
                (row.status, Some(row.code)),
                "{name}: {error}"
            );
        }
        answers
    }

    async fn bad_requests(&self, client: &Client, said: &str) -> Vec<(String, Answer)> {
        let client = self.tenant(client);
        let mut answers = Vec::new();
        let broken = format!("{{\"model\":\"sim\",\"{said}\":");
        let wrong = json!({"model": "sim", "messages": [{"role": said, "content": said}]}).to_string();
        let missing = json!({ said: said }).to_string();
        let large = json!({"model": "sim", "messages": [{"role": "user", "content": said.repeat(16 * 1024 / said.len() + 1)}]});
        for (name, body, encoding) in [
            ("malformed_json", broken.clone(), None),
            ("invalid_value", wrong, None),
            ("missing_required_parameter", missing, None),
            ("body_too_large", large.to_string(), None),
            ("unsupported_encoding", chat("sim", said).to_string(), Some("br")),
            ("body_broken", broken, Some("gzip")),
        ] {
            let mut request = client.request(Method::POST, "/v1/chat/completions", body.into()).unwrap();
            note(&mut request, said);
            if let Some(encoding) = encoding {
                set(&mut request, CONTENT_ENCODING, encoding).unwrap();
            }
            answers.push((name.to_owned(), client.send(request).await.unwrap()));
        }
        let mut media = client.request(Method::POST, "/raw/files", said.to_owned().into()).unwrap();
        set(&mut media, CONTENT_TYPE, "text/plain").unwrap();
        answers.push(("unsupported_media".to_owned(), client.send(media).await.unwrap()));
        let form = client.post("/v1/audio/transcriptions", &chat("sim", said)).await.unwrap();
        answers.push(("malformed_form".to_owned(), form));
        let unknown = client.post("/v1/chat/completions", &chat(said, said)).await.unwrap();
        answers.push(("model_not_found".to_owned(), unknown));
        let not_offered = json!({"model": "words", "input": said});
        let not_offered = client.post("/v1/embeddings", &not_offered).await.unwrap();
        answers.push(("unsupported_operation".to_owned(), not_offered));
        let mut foreign =
            json!({"model": "sim", "max_tokens": 9, "messages": [{"role": "user", "content": said}]});
        foreign[said] = json!(said);
        answers.push(("untranslatable".to_owned(), client.post("/v1/messages", &foreign).await.unwrap()));
        let kept = json!({"model": "sim", "input": said, "previous_response_id": said});
        answers.push(("stored_state".to_owned(), client.post("/v1/responses", &kept).await.unwrap()));
        let unknown = client.post(&format!("/v1/{said}?q={said}"), &json!({ said: said })).await.unwrap();
        answers.push(("unknown_endpoint".to_owned(), unknown));
        let wrong = client.get(&format!("/v1/chat/completions?q={said}")).await.unwrap();
        answers.push(("method_not_allowed".to_owned(), wrong));
        answers
    }

    async fn bad_credentials(&self, client: &Client, said: &str) -> Vec<(String, Answer)> {
        let body = chat("sim", said);
        let path = "/v1/chat/completions";
        let mut answers = vec![
            ("missing_api_key".to_owned(), client.post(path, &body).await.unwrap()),
            (
                "invalid_api_key".to_owned(),
                client.clone().with_key(format!("fb_{said}")).post(path, &body).await.unwrap(),
            ),
            ("role_not_allowed".to_owned(), self.operator(client).post(path, &body).await.unwrap()),
        ];
        let mut two = self.tenant(client).request(Method::POST, path, body.to_string().into()).unwrap();
        set(&mut two, HeaderName::from_static("x-api-key"), said).unwrap();
        answers.push(("ambiguous_api_key".to_owned(), client.send(two).await.unwrap()));
        let short = json!({"tenant": "demo", "name": "short", "expires_in": 1});
        let short = self.operator(client).post("/v1/keys", &short).await.unwrap().json().unwrap();
        let short = client.clone().with_key(short["key"].as_str().unwrap());
        let expired = loop {
            let answer = short.post(path, &body).await.unwrap();
            if answer.status == StatusCode::UNAUTHORIZED {
                break answer;
            }
            sleep(Duration::from_millis(50)).await;
        };
        answers.push(("expired_api_key".to_owned(), expired));
        answers
    }

    async fn policy(&self, client: &Client, said: &str) -> Vec<(String, Answer)> {
        let client = self.tenant(client);
        let prompt = chat("sim", &format!("Write to {said}@example.com."));
        let text = Simulator::script_text(&format!("Write to {said}@example.com."));
        let output = chat("sim", &format!("sim: text={text}\n{said}"));
        let path = "/v1/chat/completions";
        vec![
            ("policy_blocked".to_owned(), client.post(path, &prompt).await.unwrap()),
            ("policy_blocked_output".to_owned(), client.post(path, &output).await.unwrap()),
        ]
    }

    async fn resources(&self, client: &Client, said: &str) -> Vec<(String, Answer)> {
        let client = self.operator(client);
        let gone = client.request(Method::DELETE, &format!("/v1/keys/{said}"), Bytes::new()).unwrap();
        let twice = json!({"id": "demo"});
        vec![
            ("not_found".to_owned(), client.send(gone).await.unwrap()),
            ("conflict".to_owned(), client.post("/v1/tenants", &twice).await.unwrap()),
        ]
    }

    async fn provider_faults(&self, client: &Client, said: &str) -> Vec<(String, Answer)> {
        let client = self.tenant(client);
        let mut answers = Vec::new();
        for (name, script) in [
            ("provider_timeout", "hang"),
            ("provider_rate_limited", "status=429"),
            ("provider_invalid_answer", "garbage"),
            ("provider_failed", "status=500"),
            ("provider_unknown_target", "status=404"),
            ("provider_broke_off", "cut=body"),
        ] {
            let text = Simulator::script_text(said);
            let body = chat("sim", &format!("sim: {script},text={text}\n{said}"));
            answers.push((name.to_owned(), client.post("/v1/chat/completions", &body).await.unwrap()));
        }
        // Providers like to quote the request, or a part of the key.
        let quoting = json!({"error": {"message": format!("Wrong: {said}"), "code": said, "param": said, "type": said}});
        for (name, status) in [
            ("provider_rejected", StatusCode::BAD_REQUEST),
            ("provider_credential", StatusCode::UNAUTHORIZED),
            ("provider_failed", StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            self.canned.fail(status, quoting.to_string());
            answers.push((
                name.to_owned(),
                client.post("/v1/chat/completions", &chat("canned", said)).await.unwrap(),
            ));
        }
        let gone = client.post("/v1/chat/completions", &chat("gone", said)).await.unwrap();
        answers.push(("provider_unreachable".to_owned(), gone));
        answers
    }

    /// A body that stops arriving.
    async fn slow_body(&self, said: &str) -> Answer {
        let mut raw = RawConnection::open(self.flyball.address()).await.unwrap();
        let key = self.flyball.demo_key().unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nx-note: {said}\r\n\
             content-type: application/json\r\ncontent-length: 500\r\n\r\n{{\"{said}\":"
        );
        raw.write(head.as_bytes()).await.unwrap();
        let bytes = raw.read_until(b"}}", Duration::from_secs(30)).await.unwrap();
        read(&bytes)
    }
}

/// Reads a whole answer from its bytes, as far as a test needs it.
pub(super) fn read(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        headers.append(HeaderName::try_from(name).unwrap(), value.trim().parse().unwrap());
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    Answer { status: status.unwrap_or_else(|| panic!("no status: {text}")), headers, body }
}

pub(super) fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// Adds headers that a caller may send along.
fn note(request: &mut Request<Full<Bytes>>, said: &str) {
    set(request, CONTENT_TYPE, "application/json").unwrap();
    for name in ["x-note", "user-agent", "x-forwarded-for", "referer"] {
        set(request, HeaderName::from_static(name), said).unwrap();
    }
}
