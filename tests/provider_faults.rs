//! Providers that are down, slow, broken or rude: the caller gets a typed error in its own protocol, and nothing of
//! what the provider said or of the credential it was shown. The simulator plays the provider; each script stands in
//! the first line of the prompt.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use flyball_testkit::simulator::Counts;
use flyball_testkit::{Answer, Client, Flyball, PROVIDER_KEY, Routes, Simulator, SseEvent};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::sleep;

const CHAT: &str = "/v1/chat/completions";

/// What the simulator's errors say; none of it may reach a caller.
const PROVIDER_WORDS: [&str; 8] = [
    "by script",
    "Incorrect API key",
    "Access was refused",
    "Rate limit reached",
    "The model does not exist.",
    "currently overloaded",
    "had an error while processing",
    "Bad Gateway</h1>",
];

/// A status, a code, a name.
type Expected = (u16, &'static str, &'static str);

const TIMEOUT: Expected = (504, "E601", "provider_timeout");
const RATE_LIMITED: Expected = (429, "E602", "provider_rate_limited");
const FAILED: Expected = (502, "E603", "provider_failed");
const UNKNOWN_TARGET: Expected = (502, "E611", "provider_unknown_target");
const UNREACHABLE: Expected = (502, "E605", "provider_unreachable");
const INVALID: Expected = (502, "E606", "provider_invalid_answer");
const REJECTED: Expected = (400, "E608", "provider_rejected");
const CREDENTIAL: Expected = (502, "E609", "provider_credential");
const BROKE_OFF: Expected = (502, "E610", "provider_broke_off");

/// A simulator and a gateway in front of it.
struct Pair {
    simulator: Simulator,
    flyball: Flyball,
    client: Client,
}

impl Pair {
    async fn start(settings: &str) -> Pair {
        let simulator = Simulator::start().await.unwrap();
        let routes = Routes::through(&simulator).section(settings).provider_at("down", closed_port());
        let routes = routes.route("down", "provider: down, model: sim");
        let start = routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball")));
        let flyball = start.start().await.unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        Pair { simulator, flyball, client }
    }

    async fn plain(&self, script: &str) -> Answer {
        self.client.post(CHAT, &ask(script, false)).await.unwrap()
    }

    /// The status and the events of a stream.
    async fn stream(&self, script: &str) -> (StatusCode, Vec<SseEvent>) {
        let events = self.client.stream(CHAT, &ask(script, true)).await.unwrap();
        (events.status, events.rest().await.unwrap_or_else(|error| panic!("{script}: {error:#}")))
    }

    /// Waits until the simulator's counts are as wanted.
    async fn counted(&self, what: &str, wanted: impl Fn(Counts) -> bool) {
        for _ in 0..500 {
            if wanted(self.simulator.counts()) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}: {:?}\n{}", self.simulator.counts(), self.flyball.stderr().unwrap());
    }
}

/// An address that refuses connections.
fn closed_port() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

fn ask(script: &str, stream: bool) -> Value {
    let prompt = format!("sim: {script}\nhello");
    json!({"model": "sim", "messages": [{"role": "user", "content": prompt}], "stream": stream})
}

#[track_caller]
fn is_refusal(what: &str, answer: &Answer, (status, flyball_code, code): Expected) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    is_error(what, &answer.json().unwrap(), flyball_code, code);
    // A repetition helps unless the request or the configuration is at fault.
    let hopeless = [REJECTED.2, CREDENTIAL.2, UNKNOWN_TARGET.2].contains(&code);
    assert_eq!(answer.header("x-should-retry"), hopeless.then_some("false"), "{what}");
    says_nothing_of_the_provider(what, &format!("{:?} {}", answer.headers, answer.text()));
}

#[track_caller]
fn is_error(what: &str, body: &Value, flyball_code: &str, code: &str) {
    let error = &body["error"];
    assert_eq!(
        (error["flyball_code"].as_str(), error["code"].as_str()),
        (Some(flyball_code), Some(code)),
        "{what}: {body}"
    );
    assert!(
        error["message"].is_string() && error["type"].is_string() && error["request_id"].is_string(),
        "{what}"
    );
}

#[track_caller]
fn says_nothing_of_the_provider(what: &str, said: &str) {
    for word in PROVIDER_WORDS.iter().chain([&PROVIDER_KEY, &"127.0.0.1"]) {
        assert!(!said.contains(word), "{what}: the caller sees {word:?}: {said}");
    }
}

/// Checks that a stream that had begun ends with a typed error and without `[DONE]`.
#[track_caller]
fn breaks(
    what: &str,
    (status, events): &(StatusCode, Vec<SseEvent>),
    deltas: usize,
    (_, flyball_code, code): Expected,
) {
    assert_eq!(*status, StatusCode::OK, "{what}");
    assert!(!events.iter().any(SseEvent::is_done), "{what}: a broken answer looks complete");
    let Some((last, before)) = events.split_last() else { panic!("{what}: no event") };
    is_error(what, &last.json().unwrap(), flyball_code, code);
    assert_eq!(contents(before).len(), deltas, "{what}: what had come is passed on");
    for event in events {
        says_nothing_of_the_provider(what, &String::from_utf8_lossy(&event.raw));
    }
}

/// The content deltas of a stream.
fn contents(events: &[SseEvent]) -> Vec<String> {
    let delta =
        |event: &SseEvent| event.json()?["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
    events.iter().filter_map(delta).filter(|text| !text.is_empty()).collect()
}

#[tokio::test]
async fn what_goes_wrong_before_an_answer_begins_is_a_typed_error() {
    let pair = Pair::start("limits: { answer: 1MiB, event: 64KiB }").await;
    // What a script does to plain calls and to streams whose head tells it already.
    let both = [
        ("status=300", FAILED),
        ("status=302", FAILED),
        ("status=307", FAILED),
        ("status=400", REJECTED),
        ("status=401", CREDENTIAL),
        ("status=403", CREDENTIAL),
        ("status=404", UNKNOWN_TARGET),
        ("status=405", UNKNOWN_TARGET),
        ("status=501", UNKNOWN_TARGET),
        ("status=408", TIMEOUT),
        ("status=413", REJECTED),
        ("status=418", FAILED),
        ("status=422", REJECTED),
        ("status=429", RATE_LIMITED),
        ("status=500", FAILED),
        ("status=502", FAILED),
        ("status=503", FAILED),
        ("status=504", TIMEOUT),
        ("status=599", FAILED),
        ("status=500,garbage", FAILED),
        ("status=400,garbage", REJECTED),
        ("status=429,empty", RATE_LIMITED),
        ("status=400,cut=body", REJECTED),
        ("garbage", INVALID),
        ("empty", INVALID),
        ("cut=head", BROKE_OFF),
    ];
    for (script, expected) in both {
        is_refusal(script, &pair.plain(script).await, expected);
        let streamed = pair.client.post(CHAT, &ask(script, true)).await.unwrap();
        is_refusal(&format!("{script}, streamed"), &streamed, expected);
    }
    for (script, expected) in [
        ("cut=body", BROKE_OFF),
        ("malformed=0", INVALID),
        ("error_event=0", INVALID),
        ("huge=2000000", INVALID),
    ] {
        is_refusal(script, &pair.plain(script).await, expected);
    }
    for script in ["ignore_stream", "wrong_content_type"] {
        let answer = pair.client.post(CHAT, &ask(script, true)).await.unwrap();
        is_refusal(script, &answer, INVALID);
    }
    for stream in [false, true] {
        let mut body = ask("", stream);
        body["model"] = json!("down");
        is_refusal("nobody listens", &pair.client.post(CHAT, &body).await.unwrap(), UNREACHABLE);

        let mut body = ask("status=429,retry_after=7", stream);
        let answer = pair.client.post(CHAT, &body).await.unwrap();
        assert_eq!(answer.header("retry-after"), Some("7"));
        body["messages"][0]["content"] = json!("sim: status=429\nhello");
        let answer = pair.client.post(CHAT, &body).await.unwrap();
        assert_eq!(answer.header("retry-after"), Some("1"), "somebody who is told to wait is told how long");

        // The provider names the field; its own words stay behind.
        let mut body = ask("", stream);
        body["temperature"] = json!(9);
        let answer = pair.client.post(CHAT, &body).await.unwrap();
        is_refusal("a value the provider refuses", &answer, REJECTED);
        assert_eq!(answer.json().unwrap()["error"]["param"], "temperature");
    }
    let embeddings = json!({"model": "down", "input": "hello"});
    is_refusal("embeddings", &pair.client.post("/v1/embeddings", &embeddings).await.unwrap(), UNREACHABLE);
    assert_eq!(pair.plain("text=fine").await.json().unwrap()["choices"][0]["message"]["content"], "fine");
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_a_typed_error_and_never_looks_complete() {
    let pair = Pair::start("limits: { answer: 1MiB, event: 64KiB }").await;
    for (script, deltas, expected) in [
        ("chunks=6,cut=0", 0, BROKE_OFF),
        ("chunks=6,cut=3", 3, BROKE_OFF),
        ("chunks=6,malformed=2", 2, INVALID),
        ("chunks=6,error_event=2", 2, FAILED),
        ("chunks=6,error_event=0", 0, FAILED),
        ("huge=100000", 0, INVALID),
        ("chunks=6,cut=3,no_done", 3, BROKE_OFF),
        ("chunks=6,cut=3,raw_split=1", 3, BROKE_OFF),
    ] {
        breaks(script, &pair.stream(script).await, deltas, expected);
    }
    // Cut within an event: how many whole ones came before does not matter, only that the end is told.
    let (status, events) = pair.stream("chunks=6,cut=body").await;
    assert_eq!(status, StatusCode::OK);
    is_error("cut=body", &events.last().unwrap().json().unwrap(), BROKE_OFF.1, BROKE_OFF.2);
    // More than an answer may hold, in small events; the pause keeps the length from being announced.
    let (_, events) = pair.stream("huge=2000000,chunk_bytes=4000,delay=1ms").await;
    is_error("a huge stream", &events.last().unwrap().json().unwrap(), INVALID.1, INVALID.2);
    assert!(contents(&events).len() > 100, "what came before the limit is passed on");
    assert!(!events.iter().any(SseEvent::is_done));
    // The same through the other spelling of a streamed call.
    let body = json!({"model": "sim", "prompt": "sim: chunks=6,cut=3\nhello"});
    let events = pair.client.stream("/proxy/completion/stream", &body).await.unwrap();
    breaks("proxy", &(events.status, events.rest().await.unwrap()), 3, BROKE_OFF);
}

#[tokio::test]
async fn what_a_provider_leaves_out_without_harm_is_no_fault() {
    let pair = Pair::start("").await;
    let plain = pair.plain("text=fine,no_usage").await;
    assert_eq!(plain.status, StatusCode::OK, "{}", plain.text());
    assert_eq!(plain.json().unwrap()["choices"][0]["message"]["content"], "fine");
    for script in
        ["chunks=5", "chunks=5,no_usage", "chunks=5,no_done", "chunks=5,no_usage,no_done,raw_split=3"]
    {
        let (status, events) = pair.stream(script).await;
        assert_eq!((status, contents(&events).len()), (StatusCode::OK, 5), "{script}");
        assert_eq!(events.iter().filter(|event| event.is_done()).count(), 1, "{script}");
        assert!(events.last().unwrap().is_done(), "{script}");
    }
    let plain = pair.plain("text=fine,wrong_content_type").await;
    assert_eq!(
        plain.status,
        StatusCode::OK,
        "the content type of a plain answer says nothing that its body does not"
    );
}

#[tokio::test]
async fn a_provider_that_is_too_slow_is_not_waited_for() {
    let pair = Pair::start("timeouts: { first_byte: 1s, first_event: 1s, between_events: 1s }").await;
    for script in ["delay=3600s", "slow_head=3600s", "hang", "hang=body"] {
        is_refusal(script, &pair.plain(script).await, TIMEOUT);
    }
    for script in ["slow_head=3600s", "hang"] {
        let answer = pair.client.post(CHAT, &ask(script, true)).await.unwrap();
        is_refusal(script, &answer, TIMEOUT);
    }
    breaks("no first event", &pair.stream("delay=3600s").await, 0, TIMEOUT);
    breaks("silence between events", &pair.stream("chunks=6,hang=2").await, 2, TIMEOUT);
    breaks("no end", &pair.stream("chunks=6,hang=6").await, 6, TIMEOUT);
    pair.counted("every call that was given up is cancelled", |counts| counts.started == counts.cancelled)
        .await;
}

#[tokio::test]
async fn silence_is_filled_with_comments_while_there_is_still_time() {
    let settings = "timeouts: { first_event: 1m, between_events: 1m, keep_alive_comment: 100ms }";
    let pair = Pair::start(settings).await;
    let (status, events) = pair.stream("chunks=3,delay=700ms,gap=700ms").await;
    assert_eq!((status, contents(&events).len()), (StatusCode::OK, 3));
    assert!(events.last().unwrap().is_done());
    let comments = events.iter().filter(|event| event.comment.is_some() && event.data.is_none()).count();
    assert!(comments >= 3, "{comments} comments");
    assert!(events.first().unwrap().comment.is_some(), "a slow first event is silence too");
}

#[tokio::test]
async fn the_first_event_may_take_longer_than_the_pauses_after_it() {
    let pair = Pair::start("timeouts: { first_event: 1m, between_events: 1s }").await;
    let (status, events) = pair.stream("chunks=3,delay=2500ms").await;
    assert_eq!((status, contents(&events).len()), (StatusCode::OK, 3), "{events:?}");
    assert!(events.last().unwrap().is_done());
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels_the_providers_call() {
    let pair = Pair::start("").await;
    let callers = [pair.client.clone(), pair.client.clone().over_http2()];
    let mut given_up = 0;
    for client in &callers {
        // Before the head: the caller does not wait for its plain answer, nor for the head of its stream.
        for (script, stream) in [("delay=3600s", false), ("slow_head=3600s", true), ("hang=body", false)] {
            let call = client.open(request(client, script, stream));
            let started = pair.simulator.counts().started;
            tokio::select! {
                answered = call => panic!("{script} was answered: {answered:?}"),
                () = pair.counted("the provider is called", |counts| counts.started > started) => {}
            }
            given_up += 1;
            pair.counted(script, |counts| counts.cancelled == given_up).await;
        }
        // Within the stream.
        let mut events = client.open(request(client, "chunks=100000,gap=20ms", true)).await.unwrap();
        for _ in 0..3 {
            assert!(events.next().await.unwrap().is_some());
        }
        drop(events);
        given_up += 1;
        pair.counted("a stream", |counts| counts.cancelled == given_up).await;
        // While the provider is silent.
        let mut events = client.open(request(client, "chunks=6,hang=2", true)).await.unwrap();
        assert!(events.next().await.unwrap().is_some());
        drop(events);
        given_up += 1;
        pair.counted("a silent stream", |counts| counts.cancelled == given_up).await;
    }
    assert_eq!(pair.plain("text=fine").await.status, StatusCode::OK);
    assert_eq!(pair.simulator.counts().completed, 1);
}

fn request(client: &Client, script: &str, stream: bool) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    let body = ask(script, stream).to_string();
    client.request(http::Method::POST, CHAT, body.into()).unwrap()
}
