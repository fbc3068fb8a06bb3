//! Kills and power cuts while work is in hand. The short form is a part of the long one (`FLYBALL_LONG`): twenty kills
//! of a thousand exchanges each.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flyball_testkit::client::set;
use flyball_testkit::faults::{Fault, Faults};
use flyball_testkit::{Client, Flyball, Routes, Simulator};
use http::header::CONTENT_TYPE;
use http::{HeaderName, Method};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Export;
use super::export::usage;

fn long() -> bool {
    std::env::var_os("FLYBALL_LONG").is_some()
}

/// Routes of every kind that take a while.
fn routes(simulator: &Simulator) -> Routes {
    Routes::through(simulator)
        .route("plain", "provider: sim, model: 'sim:delay=60ms'")
        .route("prompt", "provider: sim, model: 'sim:'")
        .route("stream", "provider: sim, model: 'sim:chunks=20,gap=8ms'")
        .route("vectors", "provider: sim, model: 'sim:delay=40ms', operations: [embeddings]")
}

/// One of four kinds of request, which says its mark where the provider sees it.
fn request(number: u64, mark: &str) -> (&'static str, Value) {
    let content = format!("Please repeat: {mark}");
    let messages = json!([{"role": "user", "content": content}]);
    match number % 5 {
        0 => ("/v1/chat/completions", json!({"model": "plain", "messages": messages})),
        1 => ("/v1/chat/completions", json!({"model": "stream", "stream": true, "messages": messages})),
        2 => {
            let tool = json!({"type": "function", "function": {"name": "look_up",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}});
            let body =
                json!({"model": "plain", "messages": messages, "tools": [tool], "tool_choice": "required"});
            ("/v1/chat/completions", body)
        }
        3 => ("/v1/embeddings", json!({"model": "vectors", "input": content})),
        _ => ("/v1/chat/completions", json!({"model": "prompt", "messages": messages})),
    }
}

/// Sends one request under a mark and notes the mark as soon as a byte of the answer is there.
async fn ask(client: Client, number: u64, mark: String, seen: Arc<Mutex<HashSet<String>>>) {
    let (path, body) = request(number, &mark);
    let mut request = client.request(Method::POST, path, Bytes::from(body.to_string())).unwrap();
    set(&mut request, CONTENT_TYPE, "application/json").unwrap();
    set(&mut request, HeaderName::from_static("x-flyball-tags"), &mark).unwrap();
    // The gateway dies in the middle: whatever fails then is expected.
    let Ok(mut events) = client.open(request).await else { return };
    if events.status.is_success() {
        seen.lock().unwrap().insert(mark);
    }
    while let Ok(Some(_)) = events.next_bytes().await {}
}

/// The marks in what the simulator received.
fn received(simulator: &Simulator) -> HashSet<String> {
    let marks = simulator.received().into_iter().filter_map(|request| {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let (_, rest) = text.split_once("repeat: ")?;
        Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect())
    });
    marks.collect()
}

/// Sends `count` requests, each `apart` from the one before, waits until some are answered and the rest is in hand, and ends the process.
async fn kill_in_the_middle(
    flyball: &mut Flyball,
    round: u64,
    count: u64,
    pause: Duration,
    apart: Duration,
) -> HashSet<String> {
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let mut callers = JoinSet::new();
    for number in 0..count {
        let mark = format!("mark-{round}-{number}");
        let asked = ask(client.clone(), number, mark, Arc::clone(&seen));
        callers.spawn(async move {
            sleep(apart * u32::try_from(number).unwrap()).await;
            asked.await;
        });
    }
    sleep(pause).await;
    flyball.kill().unwrap();
    timeout(Duration::from_secs(30), callers.join_all()).await.unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

/// What must hold after every start: the journal is whole, and usage is its sums.
async fn books_agree(flyball: &Flyball) -> Export {
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let counted = usage(&client).await;
    let export = Export::of(flyball);
    assert_eq!(counted, export.sums(), "usage is not the sum of the journal");
    for exchange in export.intents.keys() {
        assert!(export.settlements.contains_key(exchange), "{exchange} was never settled");
    }
    export
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_no_call_and_counts_none_twice() {
    let (rounds, count) = if long() { (20, 1000) } else { (2, 200) };
    let simulator = Simulator::start().await.unwrap();
    let setup = routes(&simulator).setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball")));
    let mut flyball = setup.args(["--log-level", "warn"]).start().await.unwrap();
    let (mut estimated, mut answered) = (0, 0);
    for round in 0..rounds {
        simulator.forget();
        let pause = Duration::from_millis(60 + 37 * (round % 12));
        let seen = kill_in_the_middle(&mut flyball, round, count, pause, Duration::ZERO).await;
        let left = received(&simulator);
        flyball.start_again().await.unwrap();
        let export = books_agree(&flyball).await;
        let intended = export.intended_tags();
        for mark in left.iter().chain(&seen) {
            assert!(intended.contains(mark.as_str()), "round {round}: {mark} left us unrecorded");
        }
        answered += seen.len();
        estimated = export.settlements.values().filter(|s| s["outcome"] == "interrupted").count();
    }
    assert!(estimated > 0, "no kill found work in hand");
    assert!(answered > 0, "no answer was seen before a kill");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_power_cut_takes_the_record_of_an_answer_that_was_seen() {
    let seen_without_record = power_cut("power").await;
    assert_eq!(seen_without_record, 0, "answers left before their records were safe");
}

/// What the test above would miss if it could not see a missing wait: this is that wait, left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_wait_a_power_cut_takes_records_of_answers_that_were_seen() {
    let seen_without_record = power_cut("process").await;
    assert!(seen_without_record > 0, "the missing wait did not show");
}

/// Cuts the power under load, a few times, with syncs that take long and calls that begin up to the cut; how many answers were seen whose record is gone.
async fn power_cut(durability: &str) -> usize {
    let (rounds, count) = if long() { (10, 500) } else { (3, 200) };
    let simulator = Simulator::start().await.unwrap();
    let faults = Faults::new().unwrap();
    let routes = routes(&simulator).section(&format!("journal: {{ durability: {durability} }}"));
    let mut setup = routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball")));
    for (name, value) in faults.environment() {
        setup = setup.env(name, value);
    }
    let mut flyball = setup.args(["--log-level", "warn"]).start().await.unwrap();
    faults.begin(Fault::SyncSlow).unwrap();
    let mut missing = 0;
    for round in 0..rounds {
        let pause = Duration::from_millis(150 + 50 * (round % 4));
        let seen = kill_in_the_middle(&mut flyball, round, count, pause, Duration::from_millis(2)).await;
        faults.cut_power().unwrap();
        flyball.start_again().await.unwrap();
        let export = books_agree(&flyball).await;
        let intended = export.intended_tags();
        missing += seen.iter().filter(|mark| !intended.contains(mark.as_str())).count();
    }
    missing
}
