//! Coding agents, editors and frameworks as clients: conversations as they hold them, written after their vendors'
//! public protocols, replayed through the real binary against every provider dialect, plain and streamed. What each
//! says stands in `agents/*.json`, how its protocol is spoken in `speech`, what a provider must see in `upstream`.

mod speech;
mod upstream;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use flyball_core::{ManualClock, Timestamp};
use flyball_demo::Demo;
use flyball_testkit::{Client, Flyball, Simulator, SseEvent};
use http::{HeaderName, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use speech::{Heard, Protocol};
use tokio_util::task::TaskTracker;
use upstream::Seen;

/// Personal data that tools tell; published numbers and reserved names.
const PERSONAL: [&str; 3] = ["alex.example@example.com", "4111 1111 1111 1111", "DE89370400440532013000"];

const OPEN: &str = "  - {id: never, when: request.model == \"none\", action: block}\n";
const MASK: &str = "  - {id: mask, when: prompt.contains_pii, action: mask}\n";

/// A conversation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transcript {
    /// What it is written after.
    client: String,
    protocol: Protocol,
    path: String,
    /// Headers that the client sends.
    headers: Map<String, Value>,
    /// Members of every request.
    settings: Map<String, Value>,
    /// Members of every request that asks for a stream.
    streamed: Map<String, Value>,
    /// Whether the newest block is marked as the end of what is cached, as some clients do.
    #[serde(default)]
    marks_newest: bool,
    /// Whether the client asks for the number of tokens first.
    #[serde(default)]
    counts: bool,
    turns: Vec<Turn>,
    /// What becomes of it at each of the routes.
    ways: Map<String, Value>,
}

/// What the client does next.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    /// What its tools told, by their names, in answer to the calls of the turn before.
    #[serde(default)]
    results: Map<String, Value>,
    /// Whether a tool showed a picture: where a result has no place for one it stands behind it, and what is answered
    /// differs.
    #[serde(default)]
    pictured: bool,
    /// What it says.
    #[serde(default)]
    say: Vec<Value>,
    /// The calls that must come back: names, and arguments that must be among theirs. None: a text.
    #[serde(default)]
    calls: Vec<(String, Value)>,
}

/// What becomes of a conversation at a route.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Way {
    /// The provider gets every byte.
    #[serde(default)]
    verbatim: bool,
    /// The field by which the first request is refused.
    refused: Option<String>,
    /// The fields that are left out, without numbers.
    #[serde(default)]
    dropped: BTreeSet<String>,
}

fn transcripts() -> Vec<Transcript> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/agents");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let read = |path: &PathBuf| {
        let mut value: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        expand(&mut value);
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let all: Vec<Transcript> = files.iter().map(read).collect();
    assert!(!all.is_empty());
    all
}

/// Writes out what a transcript says in short: `{"$repeat": [text, times]}` is that text so many times.
fn expand(value: &mut Value) {
    if let Some(Value::Array(short)) = value.get("$repeat") {
        let (text, times) = (short[0].as_str().unwrap(), short[1].as_u64().unwrap());
        *value = json!(text.repeat(usize::try_from(times).unwrap()));
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(expand),
        Value::Object(members) => members.values_mut().for_each(expand),
        _ => {}
    }
}

/// A gateway with a route to each dialect of one simulator.
struct Gateway {
    flyball: Flyball,
    simulator: Simulator,
}

impl Gateway {
    async fn start(rules: &str) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000)));
        let demo = Demo::new().with_log(4096).with_clock(clock);
        let simulator = Simulator::serve(([127, 0, 0, 1], 0).into(), demo).await.unwrap();
        let here = format!("http://{}", simulator.address());
        let config = format!(
            "drain: {{delay: 0s, limit: 10s}}\nproviders:\n  \
             openai: {{kind: openai, base_url: '{here}/v1', api_key: 'env:KEY', native: [responses, completions]}}\n  \
             compatible: {{kind: openai, base_url: '{here}/v1', api_key: 'env:KEY'}}\n  \
             anthropic: {{kind: anthropic, base_url: '{here}', api_key: 'env:KEY'}}\n  \
             gemini: {{kind: gemini, base_url: '{here}', api_key: 'env:KEY'}}\n  \
             bedrock: {{kind: bedrock, region: us-east-1, base_url: '{here}', access_key_id: 'env:KEY', \
             secret_access_key: 'env:KEY'}}\nroutes:\n  \
             openai: {{provider: openai, model: demo}}\n  \
             compatible: {{provider: compatible, model: demo}}\n  \
             anthropic: {{provider: anthropic, model: demo, caps: {{max_output_tokens: 32000}}}}\n  \
             gemini: {{provider: gemini, model: demo}}\n  \
             bedrock: {{provider: bedrock, model: demo}}\n  \
             bedrock-lenient: {{provider: bedrock, model: demo, drop_params: [parallel_tool_calls]}}\n"
        );
        let setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).env("KEY", "sk-sim");
        let policy = format!("version: 1\nmeta: {{name: test}}\nrules:\n{rules}");
        Gateway { flyball: setup.policy(policy).start().await.unwrap(), simulator }
    }

    fn client(&self) -> Client {
        self.flyball.client().with_key(self.flyball.demo_key().unwrap())
    }

    /// Sends what a client sends, and hears the answer out.
    async fn send(&self, transcript: &Transcript, path: &str, body: &Value) -> Reply {
        let client = self.client();
        let mut request = client.request(Method::POST, path, Bytes::from(body.to_string())).unwrap();
        for (name, value) in &transcript.headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.as_str().unwrap().parse().unwrap());
        }
        let stream = body["stream"] == true;
        let events = client.open(request).await.unwrap();
        let (status, headers) = (events.status, events.headers.clone());
        let dropped = headers.get("x-flyball-dropped").map_or("", |value| value.to_str().unwrap());
        let dropped = dropped.split(',').map(|name| without_numbers(name.trim()));
        let dropped = dropped.filter(|name| !name.is_empty()).collect();
        if stream && status == StatusCode::OK {
            let events = events.rest().await.unwrap();
            return Reply { status, dropped, text: String::new(), events };
        }
        let mut events = events;
        let mut text = Vec::new();
        while let Some(more) = events.next_bytes().await.unwrap() {
            text.extend_from_slice(&more);
        }
        Reply { status, dropped, text: String::from_utf8(text).unwrap(), events: Vec::new() }
    }
}

struct Reply {
    status: StatusCode,
    dropped: BTreeSet<String>,
    text: String,
    events: Vec<SseEvent>,
}

fn without_numbers(path: &str) -> String {
    path.chars().filter(|character| !character.is_ascii_digit()).collect()
}

/// One replay of a conversation.
struct Replay {
    gateway: Arc<Gateway>,
    transcript: Arc<Transcript>,
    route: String,
    stream: bool,
    masked: bool,
}

impl Replay {
    fn named(&self) -> String {
        let form = if self.stream { "streamed" } else { "plain" };
        format!("{} at {}, {form}", self.transcript.client, self.route)
    }

    fn body(&self, conversation: &[Value], stream: bool) -> Value {
        let mut body = json!({ "model": self.route });
        let members = body.as_object_mut().unwrap();
        members.extend(self.transcript.settings.clone());
        let mut conversation = conversation.to_vec();
        if self.transcript.marks_newest {
            speech::mark_newest(&mut conversation);
        }
        members.insert(self.transcript.protocol.conversation().to_owned(), conversation.into());
        if stream {
            members.extend(self.transcript.streamed.clone());
        }
        body
    }

    /// The answers, turn by turn.
    async fn run(&self) -> Vec<Heard> {
        let what = self.named();
        let Replay { transcript, gateway, .. } = self;
        let way: Way = serde_json::from_value(transcript.ways[&self.route].clone()).unwrap();
        let mut conversation = Vec::new();
        let mut heard: Vec<Heard> = Vec::new();
        let mut dropped = BTreeSet::new();
        let mut before: Option<Seen> = None;
        for (number, turn) in transcript.turns.iter().enumerate() {
            let what = format!("{what}, turn {number}");
            let calls = heard.last().map_or(&[][..], |heard| &heard.calls);
            conversation.extend(transcript.protocol.next(calls, &turn.results, &turn.say));
            let body = self.body(&conversation, self.stream);
            gateway.simulator.forget();
            let reply = gateway.send(transcript, &transcript.path, &body).await;
            if let Some(field) = &way.refused {
                assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{what}: {}", reply.text);
                assert!(reply.text.contains(&format!("\"param\":\"{field}\"")), "{what}: {}", reply.text);
                assert!(gateway.simulator.received().is_empty(), "{what}");
                return heard;
            }
            assert_eq!(reply.status, StatusCode::OK, "{what}: {}", reply.text);
            dropped.extend(reply.dropped);
            let received = gateway.simulator.received();
            let [received] = received.as_slice() else { panic!("{what}: {} calls", received.len()) };
            let seen = Seen::new(received.clone());
            if way.verbatim && !self.masked {
                let own = body.to_string().replacen(
                    &format!("\"model\":\"{}\"", self.route),
                    "\"model\":\"demo\"",
                    1,
                );
                assert_eq!(std::str::from_utf8(&received.body).unwrap(), own, "{what}");
                upstream::assert_headers(transcript, received, &what);
            }
            // A client that moves its mark has changed what it said before.
            if !(way.verbatim && transcript.marks_newest)
                && let Some(before) = &before
            {
                before.assert_begins(&seen, &what);
            }
            if self.masked {
                seen.assert_untold(&PERSONAL, &what);
            }
            before = Some(seen);
            let document = if self.stream {
                transcript.protocol.assemble(&reply.events)
            } else {
                serde_json::from_str(&reply.text).unwrap()
            };
            let said = transcript.protocol.read(&document);
            assert!(said.calls_are(&turn.calls), "{what}: {document}");
            assert_eq!(said.calls.is_empty(), said.ended, "{what}: {document}");
            assert!(!said.calls.is_empty() || !said.text.is_empty(), "{what}: {document}");
            conversation.extend(said.items.clone());
            heard.push(if turn.pictured { Heard { text: String::new(), ..said } } else { said });
        }
        assert_eq!(dropped, way.dropped, "{what}: what is left out");
        heard
    }
}

/// Replays conversations one after the other, and tells the faults of all together: what each heard.
async fn all(replays: Vec<Replay>) -> Vec<(String, String, Vec<Heard>)> {
    let mut heard = Vec::new();
    let mut faults = Vec::new();
    let tasks = TaskTracker::new();
    for replay in replays {
        let (client, what) = (replay.transcript.client.clone(), replay.named());
        match tasks.spawn(async move { replay.run().await }).await {
            Ok(said) => heard.push((client, what, said)),
            Err(fault) => faults.push(format!("{what}: {fault}")),
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    heard
}

#[tokio::test]
async fn every_agent_converses_with_every_provider_plain_and_streamed() {
    let gateway = Arc::new(Gateway::start(OPEN).await);
    let mut replays = Vec::new();
    for transcript in transcripts().into_iter().map(Arc::new) {
        let ways = transcript.ways.keys().flat_map(|route| [(route, false), (route, true)]);
        replays.extend(ways.map(|(route, stream)| Replay {
            gateway: Arc::clone(&gateway),
            transcript: Arc::clone(&transcript),
            route: route.clone(),
            stream,
            masked: false,
        }));
    }
    // Whoever answers says the same; refused ones are told nothing.
    let mut first: HashMap<String, Vec<(String, Vec<Value>)>> = HashMap::new();
    for (client, what, said) in all(replays).await {
        if !said.is_empty() {
            let gist: Vec<_> = said.iter().map(Heard::gist).collect();
            assert_eq!(*first.entry(client).or_insert_with(|| gist.clone()), gist, "{what}");
        }
    }
    assert_eq!(first.len(), transcripts().len(), "one is refused everywhere");
}

#[tokio::test]
async fn what_tools_told_is_masked_alike_in_every_turn() {
    let gateway = Arc::new(Gateway::start(MASK).await);
    let mut replays = Vec::new();
    for transcript in transcripts().into_iter().map(Arc::new) {
        let mut results = transcript.turns.iter().flat_map(|turn| turn.results.values());
        if results.any(|result| result.to_string().contains(PERSONAL[0])) {
            replays.extend(transcript.ways.keys().map(|route| Replay {
                gateway: Arc::clone(&gateway),
                transcript: Arc::clone(&transcript),
                route: route.clone(),
                stream: false,
                masked: true,
            }));
        }
    }
    assert!(replays.len() > 10, "no tool told anything personal");
    all(replays).await;
}

#[tokio::test]
async fn agents_may_ask_for_the_number_of_tokens_of_every_provider() {
    let gateway = Arc::new(Gateway::start(OPEN).await);
    let mut asked = 0;
    for transcript in transcripts().into_iter().map(Arc::new).filter(|transcript| transcript.counts) {
        for route in transcript.ways.keys() {
            let replay = Replay {
                gateway: Arc::clone(&gateway),
                transcript: Arc::clone(&transcript),
                route: route.clone(),
                stream: false,
                masked: false,
            };
            let mut body = replay.body(&transcript.turns[0].say, false);
            for answered in ["max_tokens", "metadata", "temperature"] {
                body.as_object_mut().unwrap().remove(answered);
            }
            let (path, query) = transcript.path.split_once('?').unwrap();
            let path = format!("{path}/count_tokens?{query}");
            let reply = gateway.send(&transcript, &path, &body).await;
            assert_eq!(reply.status, StatusCode::OK, "{}: {}", replay.named(), reply.text);
            let counted: Value = serde_json::from_str(&reply.text).unwrap();
            assert!(counted["input_tokens"].as_u64().unwrap() > 100, "{}: {counted}", replay.named());
            asked += 1;
        }
    }
    assert!(asked > 0);
}
