//! Every governed route, plain and streamed, is guarded alike: what is masked, blocked or summarised, and what is
//! left byte for byte. Here: the list of routes, held against the API description, and the gateway between two
//! providers that the tests share. Removing the screen stage turns these tests red.

mod answers;
mod blocks;
mod prompts;
mod safe_mode;
mod tool_calls;
mod whole_answers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use flyball_core::{ManualClock, Timestamp};
use flyball_demo::Demo;
use flyball_testkit::sse::SseReader;
use flyball_testkit::{Canned, Client, Flyball, Simulator, SseEvent};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// Personal data as a provider might write it, and the tag that takes its place. Numbers are published test
/// numbers or reserved for examples.
const PERSONAL: [(&str, &str); 5] = [
    ("<email>", "alex.example@example.com"),
    ("<phone>", "+1 415-555-0123"),
    ("<payment_card>", "4111 1111 1111 1111"),
    ("<us_ssn>", "536-90-4399"),
    ("<iban>", "DE89370400440532013000"),
];

/// How many bytes in a row of personal data count as a leak.
const LEAK: usize = 6;

/// A text with all of it.
fn personal_text() -> String {
    let [(_, email), (_, phone), (_, card), (_, ssn), (_, iban)] = PERSONAL;
    format!(
        "Write to {email} now, or call {phone} soon; pay with {card} please; number {ssn} here; account {iban} today."
    )
}

/// What has to become of it.
fn masked_text() -> String {
    PERSONAL.iter().fold(personal_text(), |text, (tag, value)| text.replace(value, tag))
}

/// A text without any.
const CLEAN: &str =
    "A governor keeps an engine steady: 1, 22, 333 turns – no more, no fewer \"on average\"\n✓.";

/// One way to ask for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Chat,
    ChatStream,
    Completion,
    CompletionStream,
    Embeddings,
}

impl Form {
    const ALL: [Form; 5] =
        [Form::Chat, Form::ChatStream, Form::Completion, Form::CompletionStream, Form::Embeddings];
    /// Those whose answers are texts.
    const TEXTS: [Form; 4] = [Form::Chat, Form::ChatStream, Form::Completion, Form::CompletionStream];

    fn path(self) -> &'static str {
        match self {
            Form::Chat | Form::ChatStream => "/v1/chat/completions",
            Form::Completion => "/proxy/completion",
            Form::CompletionStream => "/proxy/completion/stream",
            Form::Embeddings => "/v1/embeddings",
        }
    }

    fn streams(self) -> bool {
        matches!(self, Form::ChatStream | Form::CompletionStream)
    }

    fn request(self, model: &str, prompt: &str) -> Value {
        let messages = json!([{ "role": "user", "content": prompt }]);
        match self {
            Form::Chat => json!({ "model": model, "messages": messages }),
            Form::ChatStream => json!({ "model": model, "messages": messages, "stream": true }),
            Form::Completion | Form::CompletionStream => json!({ "model": model, "prompt": prompt }),
            Form::Embeddings => json!({ "model": model, "input": prompt }),
        }
    }
}

/// An answer as it arrived.
#[derive(Debug)]
struct Heard {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
    events: Vec<SseEvent>,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Every JSON document of the answer: the body, or the data of its events.
    fn documents(&self) -> Vec<Value> {
        if self.events.is_empty() {
            vec![self.json()]
        } else {
            self.events.iter().filter_map(SseEvent::json).collect()
        }
    }

    /// Every text of the answer, put together as a reader would: a field that grows over events, the tokens of log
    /// probabilities and their bytes each make one text.
    fn texts(&self) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for document in self.documents() {
            gather("", &document, &mut texts);
        }
        texts
    }

    /// The text of one of the answers.
    fn content(&self, choice: u64) -> String {
        let texts = self.texts();
        let found = ["delta", "message"]
            .iter()
            .find_map(|part| texts.get(&format!("/choices/{choice}/{part}/content")));
        found.or_else(|| texts.get("/content")).cloned().unwrap_or_default()
    }

    /// Fails when any personal data, or a piece of it that is long enough to be one, is anywhere in the answer.
    fn assert_nothing_leaked(&self, what: &str) {
        let mut texts = self.texts();
        texts.insert("bytes".to_owned(), String::from_utf8_lossy(&self.bytes).into_owned());
        texts.retain(|path, _| path != "/id");
        for (path, text) in &texts {
            for (_, value) in PERSONAL {
                let bare: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
                for value in [value, &bare] {
                    for piece in value.as_bytes().windows(LEAK) {
                        let piece = std::str::from_utf8(piece).unwrap();
                        assert!(
                            !text.contains(piece),
                            "{what}: {piece:?} of {value:?} leaked at {path}: {text}"
                        );
                    }
                }
            }
        }
    }

    fn assert_ends_as_refused(&self, what: &str) {
        assert_eq!(self.status, StatusCode::OK, "{what}");
        let [.., last, done] = self.events.as_slice() else { panic!("{what}: no end: {self:?}") };
        assert!(done.is_done(), "{what}: {done:?}");
        assert_eq!(last.json().unwrap()["choices"][0]["finish_reason"], "content_filter", "{what}: {last:?}");
    }
}

fn gather(path: &str, value: &Value, texts: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => texts.entry(path.to_owned()).or_default().push_str(text),
        Value::Array(items) if path.ends_with("/bytes") => {
            let bytes: Vec<u8> = items.iter().filter_map(|item| u8::try_from(item.as_u64()?).ok()).collect();
            texts.entry(path.to_owned()).or_default().push_str(&String::from_utf8_lossy(&bytes));
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                // Answers and tool calls say which they are; tokens follow each other.
                let number = item.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
                let tokens = path.ends_with("/logprobs/content");
                let step = if tokens { "token".to_owned() } else { number.to_string() };
                gather(&format!("{path}/{step}"), item, texts);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                gather(&format!("{path}/{key}"), member, texts);
            }
        }
        _ => {}
    }
}

/// A gateway before the simulator (`sim`) and before a provider with prepared answers (`canned`).
struct Governed {
    flyball: Flyball,
    simulator: Simulator,
    canned: Canned,
}

impl Governed {
    /// With the policy that is built in.
    async fn start() -> Self {
        Self::with("", None).await
    }

    async fn with_policy(rules: &str) -> Self {
        Self::with("", Some(rules)).await
    }

    /// With more configuration, and a policy of these rules.
    async fn with(config: &str, rules: Option<&str>) -> Self {
        // Time stands still at the provider, so that the same question has the same answer, to the byte.
        let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000)));
        let demo = Demo::new().with_log(4096).with_clock(clock);
        let simulator = Simulator::serve(([127, 0, 0, 1], 0).into(), demo).await.unwrap();
        let canned = Canned::start().await.unwrap();
        let config = format!(
            "providers:\n  sim: {{kind: openai, base_url: '{}', api_key: 'env:SIM_KEY'}}\n  \
             canned: {{kind: openai, base_url: '{}'}}\n\
             routes:\n  sim: {{provider: sim, model: sim}}\n  canned: {{provider: canned, model: m}}\n  \
             other: {{provider: sim, model: demo-2}}\n{config}",
            simulator.base_url(),
            canned.base_url(),
        );
        let mut setup =
            Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).env("SIM_KEY", "sk-sim");
        if let Some(rules) = rules {
            setup = setup.policy(format!("version: 1\nmeta: {{name: test}}\nrules:\n{rules}"));
        }
        Governed { flyball: setup.start().await.unwrap(), simulator, canned }
    }

    fn client(&self) -> Client {
        self.flyball.client().with_key(self.flyball.demo_key().unwrap())
    }

    async fn ask(&self, form: Form, model: &str, prompt: &str) -> Heard {
        self.send(form.path(), &form.request(model, prompt)).await
    }

    async fn send(&self, path: &str, body: &Value) -> Heard {
        hear(&self.client(), path, body).await
    }

    /// The last body that the simulator received.
    fn received(&self) -> Value {
        serde_json::from_slice(&self.simulator.received().last().unwrap().body).unwrap()
    }
}

async fn hear(client: &Client, path: &str, body: &Value) -> Heard {
    let mut answer = client.stream(path, body).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(more) = answer.next_bytes().await.unwrap() {
        bytes.extend_from_slice(&more);
    }
    let mut reader = SseReader::default();
    let mut events = Vec::new();
    let content_type = answer.headers.get("content-type").map(|value| value.as_bytes().to_vec());
    if content_type.is_some_and(|value| value.starts_with(b"text/event-stream")) {
        reader.push(&bytes);
        events.extend(std::iter::from_fn(|| reader.next_event()));
        assert!(reader.rest().is_empty(), "the stream ends within an event: {bytes:?}");
    }
    Heard { status: answer.status, headers: answer.headers, bytes: bytes.into(), events }
}

/// A prompt that makes the simulator say `text` in pieces of `size` bytes.
fn says(text: &str, size: usize) -> String {
    format!("sim: chunk_bytes={size},text={}\nGo on.", Simulator::script_text(text))
}

#[tokio::test]
async fn the_list_of_governed_routes_is_complete() {
    let governed = Governed::start().await;
    let description = governed.flyball.client().get("/openapi.json").await.unwrap().json().unwrap();
    let paths = description["paths"].as_object().unwrap();
    let exchanges = paths.iter().filter(|(_, item)| item["post"]["tags"][0] == "exchanges");
    let described: BTreeSet<_> = exchanges.map(|(path, _)| path.as_str()).collect();
    let mut listed: BTreeSet<_> = Form::ALL.iter().map(|form| form.path()).collect();
    listed.extend(crate::endpoints::GUARDED.iter().map(|endpoint| endpoint.path));
    listed.extend(crate::endpoints::sound::GUARDED);
    assert_eq!(described, listed, "a route that calls models is missing in Form and in GUARDED");
}
