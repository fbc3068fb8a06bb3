//! What a record says, for each way that an exchange can take: whose it was, what was decided, what was held for it,
//! hashes of what went to the provider and to the caller; and that what was not authenticated leaves none.

use std::time::Duration;

use bytes::Bytes;
use flyball_testkit::client::set;
use flyball_testkit::{Client, Flyball, Routes, Simulator};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, Method};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::Export;

const CHAT: &str = "/v1/chat/completions";
const EMBEDDINGS: &str = "/v1/embeddings";

const POLICY: &str = "version: 1\nmeta: {name: records}\nrules:\n  \
    - {id: mask-in, when: prompt.contains_pii, action: mask}\n  \
    - {id: mask-out, when: output.contains_pii, action: mask}\n  \
    - {id: no-pii-in, when: prompt.contains_pii && request.model == 'strict', action: block}\n  \
    - {id: no-pii-out, when: output.contains_pii && request.model == 'strict', action: block}\n";

struct Pair {
    simulator: Simulator,
    flyball: Flyball,
    client: Client,
}

/// What a caller got.
struct Got {
    status: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Got {
    fn exchange(&self) -> &str {
        self.headers["x-flyball-request-id"].to_str().unwrap()
    }
}

impl Pair {
    async fn start() -> Pair {
        let simulator = Simulator::start().await.unwrap();
        let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let routes = Routes::through(&simulator)
            .section(
                "prices: { overrides: { \"sim/*\": { input_per_million: 1.5, output_per_million: 4 }, } }",
            )
            .route("strict", "provider: sim, model: sim")
            .route("capped", "provider: sim, model: sim, caps: { max_output_tokens: 300 }")
            .route("vectors", "provider: sim, model: sim, operations: [embeddings]")
            .route("ill", "provider: sim, model: 'sim:status=500'")
            .route("slow", "provider: sim, model: 'sim:chunks=40,gap=50ms'")
            .provider("untold", &format!("kind: mistral, base_url: {:?}", simulator.base_url()))
            .route("untold", "provider: untold, model: sim")
            .provider("claude", &format!("kind: anthropic, base_url: \"http://{}\"", simulator.address()))
            .route("claude", "provider: claude, model: sim")
            .provider_at("down", closed)
            .route("down", "provider: down, model: sim");
        let flyball = routes
            .setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball")))
            .policy(POLICY)
            .start()
            .await
            .unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        Pair { simulator, flyball, client }
    }

    async fn send(&self, client: &Client, path: &str, body: &str, headers: &[(&'static str, &str)]) -> Got {
        let mut request = client.request(Method::POST, path, Bytes::from(body.to_owned())).unwrap();
        set(&mut request, CONTENT_TYPE, "application/json").unwrap();
        for (name, value) in headers {
            set(&mut request, HeaderName::from_static(name), value).unwrap();
        }
        let mut events = client.open(request).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = events.next_bytes().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        Got { status: events.status.as_u16(), headers: events.headers.clone(), bytes }
    }

    async fn ask(&self, path: &str, body: &Value) -> Got {
        self.send(&self.client, path, &body.to_string(), &[]).await
    }

    /// Intents and settlement of an exchange that has ended.
    async fn records(&self, exchange: &str) -> (Vec<Value>, Value) {
        let operator = self.flyball.client().with_key(self.flyball.operator_key().unwrap());
        for _ in 0..500 {
            let answer = operator.get(&format!("/v1/exchanges/{exchange}")).await.unwrap();
            if answer.status == 200 && answer.json().unwrap()["state"] == "settled" {
                let mut export = Export::of(&self.flyball);
                let intents = export.intents.remove(exchange).unwrap_or_default();
                return (intents, export.settlements.remove(exchange).unwrap());
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("{exchange} is never settled: {}", self.flyball.stderr().unwrap());
    }
}

fn question(model: &str, content: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": content}]})
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The hash of content under the salt that `record` carries.
fn hash(record: &Value, content: &[u8]) -> Vec<u8> {
    let salt = bytes(&record["salt"]);
    assert_eq!(salt.len(), 16);
    Sha256::new().chain_update(salt).chain_update(content).finalize().to_vec()
}

#[tokio::test]
async fn hashes_are_those_of_what_the_provider_and_the_caller_received() {
    let pair = Pair::start().await;
    let personal = "Please repeat: write to alex.example@example.com today";
    let mut stream = question("sim", personal);
    stream["stream"] = json!(true);
    let mut salts = Vec::new();
    for (path, body) in [
        (CHAT, question("sim", personal)),
        (CHAT, stream),
        (EMBEDDINGS, json!({"model": "vectors", "input": [personal]})),
    ] {
        pair.simulator.forget();
        let got = pair.ask(path, &body).await;
        assert_eq!(got.status, 200, "{}", String::from_utf8_lossy(&got.bytes));
        let (intents, settlement) = pair.records(got.exchange()).await;
        let [intent] = intents.as_slice() else { panic!("{intents:?}") };
        let received = pair.simulator.received();
        let [received] = received.as_slice() else { panic!("{received:?}") };
        assert!(memchr::memmem::find(&received.body, b"alex").is_none(), "nothing was masked");
        assert_eq!(bytes(&intent["input_hash"]), hash(intent, &received.body), "{path}");
        assert_ne!(bytes(&intent["input_hash"]), hash(intent, body.to_string().as_bytes()));
        assert_eq!(bytes(&settlement["output_hash"]), hash(intent, &got.bytes), "{path}");
        assert_eq!((&intent["findings"]["email"], &intent["action"]), (&json!(1), &json!("mask")), "{path}");
        assert_eq!(intent["rules"], json!(["mask-in"]), "{path}");
        salts.push(intent["salt"].as_str().unwrap().to_owned());
    }
    salts.sort();
    salts.dedup();
    assert_eq!(salts.len(), 3, "a salt serves one exchange");
}

#[tokio::test]
async fn the_reservation_is_the_bound_of_bytes_and_caps_at_its_price() {
    let pair = Pair::start().await;
    let with = |model: &str, extra: Value| {
        let mut body = question(model, "What is 12*7?");
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    for (path, body, output) in [
        (CHAT, with("sim", json!({"max_tokens": 50})), 50),
        (CHAT, with("sim", json!({"max_completion_tokens": 50, "n": 3, "stream": true})), 150),
        (CHAT, with("sim", json!({})), 16_384),
        (CHAT, with("capped", json!({})), 300),
        (CHAT, with("capped", json!({"max_tokens": 5000, "n": 2})), 600),
        (EMBEDDINGS, json!({"model": "vectors", "input": "What is 12*7?"}), 0),
    ] {
        pair.simulator.forget();
        let got = pair.ask(path, &body).await;
        assert_eq!(got.status, 200, "{body}: {}", String::from_utf8_lossy(&got.bytes));
        let (intents, settlement) = pair.records(got.exchange()).await;
        let sent = pair.simulator.received()[0].body.len() as u64;
        let held = &intents[0]["reservation"];
        assert_eq!(
            (&held["input_tokens"], &held["output_tokens"]),
            (&json!(sent + 64), &json!(output)),
            "{body}"
        );
        // 1.5 and 4 units a million tokens are 1.5 and 4 millionths a token, rounded up once.
        assert_eq!(held["cost_micros"], json!((3 * (sent + 64)).div_ceil(2) + 4 * output), "{body}");
        let used = &settlement["usage"];
        assert!(used["input_tokens"].as_u64().unwrap() <= sent + 64, "{settlement}");
        assert!(used["output_tokens"].as_u64().unwrap() <= output, "{settlement}");
        let (read, written) =
            (used["input_tokens"].as_u64().unwrap(), used["output_tokens"].as_u64().unwrap());
        assert_eq!(settlement["cost_micros"], json!((3 * read).div_ceil(2) + 4 * written), "{body}");
    }
}

#[tokio::test]
async fn a_refused_exchange_has_one_settlement_that_says_why() {
    let pair = Pair::start().await;
    let out = format!("sim: text={}", Simulator::script_text("write to alex.example@example.com"));
    // Path, body, status, outcome, E-code, attempts, how it was counted.
    for (body, status, outcome, code, attempts, counting) in [
        (question("strict", "I am me@example.org").to_string(), 403, "blocked", "E301", 0, "nothing"),
        (question("strict", &out).to_string(), 403, "blocked", "E305", 1, "reported"),
        (question("ill", "Hello").to_string(), 502, "failed", "", 1, "nothing"),
        (question("down", "Hello").to_string(), 502, "failed", "", 1, "nothing"),
        (question("unknown", "Hello").to_string(), 404, "failed", "", 0, "nothing"),
        ("{\"model\": \"sim\", ".to_owned(), 400, "failed", "", 0, "nothing"),
    ] {
        let got = pair.send(&pair.client, CHAT, &body, &[("x-flyball-tags", "why")]).await;
        assert_eq!(got.status, status, "{body}: {}", String::from_utf8_lossy(&got.bytes));
        let told: Value = serde_json::from_slice(&got.bytes).unwrap();
        let (intents, settlement) = pair.records(got.exchange()).await;
        assert_eq!(settlement["outcome"], outcome, "{body}");
        assert_eq!(settlement["refusal"], told["error"]["flyball_code"], "{body}");
        if !code.is_empty() {
            assert_eq!(settlement["refusal"], code, "{body}");
        }
        assert_eq!((&settlement["attempts"], intents.len()), (&json!(attempts), attempts), "{body}");
        assert_eq!(settlement["usage"]["counting"], counting, "{body}");
        assert_eq!((&settlement["tenant"], &settlement["tags"]), (&json!("demo"), &json!(["why"])), "{body}");
        assert_eq!(settlement["output_hash"], "", "an answer of the model was released: {body}");
        if attempts == 0 {
            assert!(settlement["policy"].as_str().unwrap().starts_with("sha256:"), "{settlement}");
            assert_eq!(settlement["provider"], "", "{body}");
        }
    }
    let got = pair.ask(CHAT, &question("strict", "I am me@example.org")).await;
    let (_, settlement) = pair.records(got.exchange()).await;
    assert_eq!(settlement["rules"], json!(["mask-in", "no-pii-in"]));
    assert_eq!((&settlement["findings"], &settlement["action"]), (&json!({"email": 1}), &json!("block")));
    let body = question("strict", "I am me@example.org").to_string();
    assert_eq!(bytes(&settlement["input_hash"]), hash(&settlement, body.as_bytes()));
}

#[tokio::test]
async fn a_stream_that_the_policy_ends_is_recorded_as_blocked_with_what_was_released() {
    let pair = Pair::start().await;
    let text =
        Simulator::script_text("This is quite a long beginning. Write to alex.example@example.com today.");
    let mut body = question("strict", &format!("sim: chunk_bytes=4,text={text}"));
    body["stream"] = json!(true);
    let got = pair.ask(CHAT, &body).await;
    assert!(String::from_utf8_lossy(&got.bytes).contains("content_filter"));
    let (intents, settlement) = pair.records(got.exchange()).await;
    assert_eq!((&settlement["outcome"], &settlement["refusal"]), (&json!("blocked"), &json!("E305")));
    assert_eq!(bytes(&settlement["output_hash"]), hash(&intents[0], &got.bytes));
    assert_eq!((&settlement["findings"]["email"], &settlement["stream"]), (&json!(1), &json!(true)));
    assert_ne!(settlement["usage"]["counting"], "nothing");
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_a_settlement_of_what_had_come() {
    let pair = Pair::start().await;
    let mut body = question("slow", "Count to forty.");
    body["stream"] = json!(true);
    let mut events = pair.client.stream(CHAT, &body).await.unwrap();
    assert!(events.next().await.unwrap().is_some());
    let exchange = events.headers["x-flyball-request-id"].to_str().unwrap().to_owned();
    drop(events);
    let (intents, settlement) = pair.records(&exchange).await;
    assert_eq!((intents.len(), &settlement["outcome"]), (1, &json!("abandoned")));
    assert_eq!(settlement["usage"]["counting"], "counted");
    assert!(settlement["usage"]["input_tokens"].as_u64().unwrap() > 0, "{settlement}");
}

#[tokio::test]
async fn usage_is_that_of_the_provider_or_is_counted_whatever_dialects_it_passes() {
    let pair = Pair::start().await;
    // Nobody asks Mistral's kind for usage in streams, and the simulator does not tell it unasked: the numbers that
    // the caller's protocol must have are nobody's.
    for (path, model, counting) in [
        ("/v1/messages", "untold", "counted"),
        ("/v1/responses", "untold", "counted"),
        ("/v1/messages", "sim", "reported"),
        (CHAT, "claude", "reported"),
        ("/v1/responses", "claude", "reported"),
    ] {
        let mut body = json!({"model": model, "max_tokens": 50, "stream": true,
                              "messages": [{"role": "user", "content": "Please repeat: one two three"}]});
        if path == "/v1/responses" {
            body = json!({"model": model, "input": "Please repeat: one two three", "stream": true});
        }
        let got = pair.ask(path, &body).await;
        assert_eq!(got.status, 200, "{}", String::from_utf8_lossy(&got.bytes));
        if path == CHAT {
            assert!(!String::from_utf8_lossy(&got.bytes).contains("prompt_tokens"), "the caller did not ask");
        }
        let (_, settlement) = pair.records(got.exchange()).await;
        let usage = &settlement["usage"];
        assert_eq!(usage["counting"], counting, "{path} {model}");
        let told = |key: &str| usage[key].as_u64().is_some_and(|tokens| tokens > 0);
        assert!(told("input_tokens") && told("output_tokens"), "{path} {model}: {usage}");
    }
}

#[tokio::test]
async fn what_was_not_authenticated_leaves_no_record() {
    let pair = Pair::start().await;
    let body = question("sim", "Hello").to_string();
    for client in [pair.flyball.client(), pair.flyball.client().with_key("fb_of_nobody")] {
        assert_eq!(pair.send(&client, CHAT, &body, &[]).await.status, 401);
    }
    let operator = pair.flyball.client().with_key(pair.flyball.operator_key().unwrap());
    assert_eq!(pair.send(&operator, CHAT, &body, &[]).await.status, 403);
    let known = pair.ask(CHAT, &question("sim", "Hello")).await;
    pair.records(known.exchange()).await;
    let export = Export::of(&pair.flyball);
    assert_eq!((export.intents.len(), export.settlements.len()), (1, 1));
}

#[tokio::test]
async fn people_and_sessions_are_pseudonyms_that_hold_within_a_tenant() {
    let mut pair = Pair::start().await;
    let mut bodies = [question("sim", "Hello"), question("sim", "Hello")];
    bodies[0]["user"] = json!("ada");
    bodies[1]["safety_identifier"] = json!("ada");
    let session = [("x-flyball-session", "ada")];
    let mut names = Vec::new();
    for body in &bodies {
        let got = pair.send(&pair.client, CHAT, &body.to_string(), &session).await;
        let (intents, settlement) = pair.records(got.exchange()).await;
        assert_eq!(
            (&intents[0]["end_user"], &intents[0]["session"]),
            (&settlement["end_user"], &settlement["session"])
        );
        names.push((settlement["end_user"].clone(), settlement["session"].clone()));
    }
    assert_eq!(names[0], names[1], "both fields name the same person");
    assert_ne!(names[0].0, names[0].1, "a session is no person");
    assert!(names[0].0.as_str().is_some_and(|name| name.len() == 16 && !name.contains("ada")), "{names:?}");

    let operator = pair.flyball.client().with_key(pair.flyball.operator_key().unwrap());
    operator.post("/v1/tenants", &json!({"id": "other"})).await.unwrap();
    let made =
        operator.post("/v1/keys", &json!({"tenant": "other", "name": "k"})).await.unwrap().json().unwrap();
    let other = pair.flyball.client().with_key(made["key"].as_str().unwrap());
    let got = pair.send(&other, CHAT, &bodies[0].to_string(), &session).await;
    assert_eq!(got.status, 200, "{}", String::from_utf8_lossy(&got.bytes));
    let (_, elsewhere) = pair.records(got.exchange()).await;
    assert_ne!(elsewhere["end_user"], names[0].0, "tenants share a pseudonym");
    assert_ne!(elsewhere["session"], names[0].1, "tenants share a pseudonym");

    pair.flyball.stop().await.unwrap();
    pair.flyball.start_again().await.unwrap();
    let got = pair.send(&pair.client, CHAT, &bodies[0].to_string(), &session).await;
    let (_, later) = pair.records(got.exchange()).await;
    assert_eq!((later["end_user"].clone(), later["session"].clone()), names[0], "a restart renames people");
    let got = pair.ask(CHAT, &question("sim", "Hello")).await;
    let (_, nobody) = pair.records(got.exchange()).await;
    assert_eq!((&nobody["end_user"], &nobody["session"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_record_names_policy_configuration_and_tags_of_its_time() {
    let pair = Pair::start().await;
    let detail = async || pair.flyball.client().get("/health/detailed").await.unwrap().json().unwrap();
    let record = async || {
        let tags = [("x-flyball-tags", "team:b, app=a,team:b")];
        let got = pair.send(&pair.client, CHAT, &question("sim", "Hello").to_string(), &tags).await;
        pair.records(got.exchange()).await.0.remove(0)
    };
    let (before, first) = (detail().await, record().await);
    assert_eq!((&first["policy"], &first["snapshot"]), (&before["policy_hash"], &before["snapshot"]));
    assert_eq!(first["tags"], json!(["app=a", "team:b"]));
    std::fs::write(pair.flyball.policy_path(), POLICY.replace("no-pii-in,", "nothing-in,")).unwrap();
    pair.flyball.signal("HUP").unwrap();
    while detail().await["policy_hash"] == before["policy_hash"] {
        sleep(Duration::from_millis(20)).await;
    }
    let (after, second) = (detail().await, record().await);
    assert_eq!((&second["policy"], &second["snapshot"]), (&after["policy_hash"], &after["snapshot"]));
    assert_ne!(second["policy"], first["policy"]);
}
