//! A graceful stop under load: not ready at once, new work accepted for a while, nothing that was accepted lost,
//! the rest refused, exit 0; what outlives the limit is told so and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flyball_testkit::{Answer, Client, Events, Flyball, Simulator};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CLIENTS: usize = 64;

async fn start(simulator: &Simulator, drain: &str) -> Flyball {
    let config = format!(
        "drain: {drain}\nproviders: {{sim: {{kind: openai, base_url: '{}'}}}}\nroutes: {{sim: {{provider: sim, model: sim}}}}\n",
        simulator.base_url()
    );
    Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).start().await.unwrap()
}

fn body(script: &str, stream: bool) -> Value {
    json!({"model": "sim", "stream": stream, "messages": [{"role": "user", "content": format!("sim: {script}\nGo on.")}]})
}

const CHAT: &str = "/v1/chat/completions";

/// What 64 clients saw together.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    told_to_close: AtomicU64,
    refused: AtomicU64,
    signalled: AtomicBool,
}

/// One call. An error is a call that got nothing at all; an answer that is not whole fails the test.
async fn call(client: &Client, stream: bool, tally: &Tally) -> bool {
    let signalled = tally.signalled.load(Ordering::SeqCst);
    // Twelve deltas, five milliseconds apart: there is always something under way.
    let body = body("chunks=12,gap=5ms,delay=20ms", stream);
    let answer = match client.stream(CHAT, &body).await {
        Ok(answer) => answer,
        Err(error) => {
            assert!(tally.signalled.load(Ordering::SeqCst), "refused before the signal: {error:#}");
            tally.refused.fetch_add(1, Ordering::SeqCst);
            return false;
        }
    };
    if answer.status == 503 {
        assert!(tally.signalled.load(Ordering::SeqCst));
        tally.refused.fetch_add(1, Ordering::SeqCst);
        return false;
    }
    assert_eq!(answer.status, 200);
    let closes = answer.headers.get("connection").is_some_and(|value| value == "close");
    assert!(signalled || !closes || tally.signalled.load(Ordering::SeqCst), "told to close without a signal");
    tally.told_to_close.fetch_add(u64::from(closes), Ordering::SeqCst);
    assert_complete(answer, stream).await;
    tally.answered.fetch_add(1, Ordering::SeqCst);
    true
}

async fn assert_complete(mut answer: Events, stream: bool) {
    if stream {
        let events = answer.rest().await.expect("an accepted stream broke off");
        assert!(events.last().unwrap().is_done(), "an accepted stream did not end: {events:?}");
        let words: String = events
            .iter()
            .filter_map(|event| Some(event.json()?["choices"][0]["delta"]["content"].as_str()?.to_owned()))
            .collect();
        assert_eq!(words.split_whitespace().count(), 12, "{words}");
        return;
    }
    let mut bytes = Vec::new();
    while let Some(more) = answer.next_bytes().await.expect("an accepted answer broke off") {
        bytes.extend_from_slice(&more);
    }
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["choices"][0]["finish_reason"], "stop");
}

async fn usage(flyball: &Flyball) -> Value {
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let usage = client.get("/v1/usage").await.unwrap().json().unwrap();
    usage["rows"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_no_accepted_request() {
    let simulator = Simulator::start().await.unwrap();
    let mut flyball = start(&simulator, "{delay: 3s, limit: 20s}").await;
    let tally = Arc::new(Tally::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        let tally = Arc::clone(&tally);
        clients.spawn(async move { while call(&client, number % 2 == 0, &tally).await {} });
    }
    while tally.answered.load(Ordering::SeqCst) < CLIENTS as u64 {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let client = flyball.client();
    assert_eq!(client.get("/health/ready").await.unwrap().status, 200);
    tally.signalled.store(true, Ordering::SeqCst);
    flyball.signal("TERM").unwrap();
    // Readiness falls with the first look that the process takes at its signals, while health stays.
    while client.get("/health/ready").await.unwrap().status == 200 {}
    let ready = client.get("/health/ready").await.unwrap();
    assert_eq!((ready.status.as_u16(), ready.json().unwrap()["status"].as_str()), (503, Some("draining")));
    assert_eq!(client.get("/health/live").await.unwrap().status, 200);
    let status = flyball.wait().await.unwrap();
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    assert!(status.success(), "{status}\n{}", flyball.stderr().unwrap());
    let answered = tally.answered.load(Ordering::SeqCst);
    assert!(
        tally.told_to_close.load(Ordering::SeqCst) > 0,
        "new work was accepted and connections told to close"
    );
    assert_eq!(
        tally.refused.load(Ordering::SeqCst),
        CLIENTS as u64,
        "every client was turned away in the end"
    );
    assert!(client.get("/health").await.is_err(), "nobody listens any more");

    flyball.start_again().await.unwrap();
    let usage = usage(&flyball).await;
    assert_eq!((&usage["exchanges"], &usage["failed"]), (&json!(answered), &json!(0)), "{usage}");
    // Twelve words, and the space at the end.
    assert_eq!(usage["output_tokens"], json!(answered * 13));
    assert!(flyball.stop().await.unwrap().success());
}

#[tokio::test]
async fn what_outlives_the_limit_is_told_so_and_counted() {
    let simulator = Simulator::start().await.unwrap();
    let mut flyball = start(&simulator, "{delay: 0s, limit: 1s}").await;
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let mut stream = client.stream(CHAT, &body("chunks=5,hang=2", true)).await.unwrap();
    let mut before = Vec::new();
    while before.len() < 2 {
        before.push(stream.next().await.unwrap().unwrap());
    }
    let plain = {
        let client = client.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { client.post(CHAT, &body("hang", false)).await });
        while simulator.counts().started < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        tasks
    };
    flyball.signal("TERM").unwrap();
    let events = stream.rest().await.unwrap();
    let last = events.last().unwrap().json().unwrap();
    assert_eq!(
        (&last["error"]["flyball_code"], &last["error"]["code"]),
        (&json!("E705"), &json!("shutting_down"))
    );
    assert!(!events.iter().any(flyball_testkit::SseEvent::is_done), "no client takes it for a whole answer");
    let plain: Answer = plain.join_all().await.remove(0).unwrap();
    assert_eq!(
        (plain.status.as_u16(), &plain.json().unwrap()["error"]["flyball_code"]),
        (503, &json!("E705"))
    );
    assert!(plain.headers.contains_key("retry-after"));
    assert!(flyball.wait().await.unwrap().success());
    flyball.start_again().await.unwrap();
    let usage = usage(&flyball).await;
    assert_eq!((&usage["exchanges"], &usage["failed"]), (&json!(2), &json!(2)), "{usage}");
}

#[tokio::test]
async fn a_second_signal_hurries_the_stop() {
    let simulator = Simulator::start().await.unwrap();
    // Left alone this would take longer than the test may.
    let mut flyball = start(&simulator, "{delay: 10m, limit: 1h}").await;
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let mut stream = client.stream(CHAT, &body("chunks=5,hang=2", true)).await.unwrap();
    assert!(stream.next().await.unwrap().is_some());
    flyball.signal("TERM").unwrap();
    while client.get("/health/ready").await.unwrap().status == 200 {}
    let late = client.post(CHAT, &body("chunks=2", false)).await.unwrap();
    assert_eq!(
        (late.status.as_u16(), late.header("connection")),
        (200, Some("close")),
        "new work is still accepted"
    );
    flyball.signal("INT").unwrap();
    let events = stream.rest().await.unwrap();
    assert_eq!(events.last().unwrap().json().unwrap()["error"]["flyball_code"], "E705");
    assert!(flyball.wait().await.unwrap().success());
    flyball.start_again().await.unwrap();
    let usage = usage(&flyball).await;
    assert_eq!((&usage["exchanges"], &usage["failed"]), (&json!(2), &json!(1)), "{usage}");
}

#[tokio::test]
async fn a_gateway_without_work_stops_at_once() {
    let simulator = Simulator::start().await.unwrap();
    let mut flyball = start(&simulator, "{delay: 0s, limit: 1h}").await;
    let socket = flyball.data_dir().join("control.sock");
    assert!(socket.exists());
    assert!(flyball.stop().await.unwrap().success());
    assert!(!socket.exists(), "nothing is left that looks like a running gateway");
}
