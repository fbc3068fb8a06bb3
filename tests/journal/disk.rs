//! A disk that fails, hangs or is full while the gateway serves.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flyball_testkit::faults::{Fault, Faults};
use flyball_testkit::{Client, Flyball, Routes, Simulator};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Export;
use super::export::usage;

const POLICY: &str = "version: 1\nmeta: {name: journal}\nrules:\n  \
                      - {id: no-pii-in, when: prompt.contains_pii, action: block}\n";

fn question(model: &str, content: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": content}]})
}

async fn start(simulator: &Simulator, faults: &Faults) -> Flyball {
    let routes = Routes::through(simulator).route("slow", "provider: sim, model: 'sim:chunks=40,gap=50ms'");
    let mut setup = routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball"))).policy(POLICY);
    for (name, value) in faults.environment() {
        setup = setup.env(name, value);
    }
    setup.start().await.unwrap()
}

fn tenant(flyball: &Flyball) -> Client {
    flyball.client().with_key(flyball.demo_key().unwrap())
}

async fn chat(client: &Client, content: &str) -> anyhow::Result<flyball_testkit::Answer> {
    client.post("/v1/chat/completions", &question("sim", content)).await
}

/// Waits until readiness says `expected`.
async fn becomes(flyball: &Flyball, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = flyball.client().get("/health/ready").await.unwrap();
        let status = answer.json().unwrap()["status"].as_str().unwrap().to_owned();
        if status == expected {
            assert_eq!(answer.status.is_success(), expected == "ready");
            return;
        }
        assert!(Instant::now() < deadline, "readiness says {status}, not {expected}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_sync_that_hangs_holds_answers_back_and_changes_no_verdict() {
    let simulator = Simulator::start().await.unwrap();
    let faults = Faults::new().unwrap();
    let flyball = start(&simulator, &faults).await;
    let client = tenant(&flyball);
    assert_eq!(chat(&client, "What is 12*7?").await.unwrap().status, 200);
    faults.begin(Fault::SyncHangs).unwrap();
    let mut waiting = JoinSet::new();
    for content in ["What is 12*7?", "write to me@example.org"] {
        let client = client.clone();
        waiting.spawn(async move { (content, chat(&client, content).await.unwrap()) });
    }
    becomes(&flyball, "journal_stalled").await;
    assert!(timeout(Duration::from_millis(300), waiting.join_next()).await.is_err(), "an answer got out");
    assert_eq!(simulator.received().len(), 2, "the sync is waited for before the call");
    assert!(flyball.client().get("/health/live").await.unwrap().status.is_success());
    faults.end(Fault::SyncHangs).unwrap();
    for (content, answer) in waiting.join_all().await {
        let expected = if content.contains('@') { 403 } else { 200 };
        assert_eq!(answer.status, expected, "{content}: {}", answer.text());
    }
    becomes(&flyball, "ready").await;
    assert_eq!(usage(&client).await, Export::of(&flyball).sums());
}

#[tokio::test]
async fn a_write_that_hangs_leaves_the_gateway_responsive() {
    let simulator = Simulator::start().await.unwrap();
    let faults = Faults::new().unwrap();
    let flyball = start(&simulator, &faults).await;
    let client = tenant(&flyball);
    assert_eq!(chat(&client, "What is 12*7?").await.unwrap().status, 200);
    faults.begin(Fault::WriteHangs).unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        waiting.spawn(async move { chat(&client, "What is 12*7?").await.unwrap() });
    }
    sleep(Duration::from_millis(300)).await;
    for _ in 0..20 {
        let live = timeout(Duration::from_secs(5), flyball.client().get("/health/live")).await;
        assert!(live.unwrap().unwrap().status.is_success());
    }
    assert_eq!(simulator.received().len(), 1, "a call left before its record was written");
    becomes(&flyball, "journal_stalled").await;
    faults.end(Fault::WriteHangs).unwrap();
    for answer in waiting.join_all().await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_sync_or_write_that_fails_ends_the_process_and_releases_nothing() {
    for fault in [Fault::SyncFails, Fault::WriteFails] {
        let simulator = Simulator::start().await.unwrap();
        let faults = Faults::new().unwrap();
        let mut flyball = start(&simulator, &faults).await;
        let client = tenant(&flyball);
        assert_eq!(chat(&client, "What is 12*7?").await.unwrap().status, 200);
        faults.begin(fault).unwrap();
        assert!(chat(&client, "What is 12*7?").await.is_err(), "{fault:?}: an answer got out");
        let status = flyball.wait().await.unwrap();
        assert_eq!(status.code(), Some(1), "{fault:?}");
        let told = flyball.stderr().unwrap();
        assert!(told.contains("the journal failed"), "{fault:?}: {told}");
        faults.end(fault).unwrap();
        flyball.start_again().await.unwrap();
        assert_eq!(chat(&client, "What is 12*7?").await.unwrap().status, 200, "{fault:?}");
        let export = Export::of(&flyball);
        assert_eq!(usage(&client).await, export.sums(), "{fault:?}");
        assert!(export.settlements.len() >= 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_sync_that_fails_while_the_gateway_stops_ends_it_at_once_and_as_a_failure() {
    let simulator = Simulator::start().await.unwrap();
    let faults = Faults::new().unwrap();
    let mut flyball = start(&simulator, &faults).await;
    let client = tenant(&flyball);
    let mut stream = client
        .stream(
            "/v1/chat/completions",
            &json!({"model": "slow", "stream": true,
            "messages": [{"role": "user", "content": "Go on."}]}),
        )
        .await
        .unwrap();
    assert!(stream.next().await.unwrap().is_some());
    faults.begin(Fault::SyncFails).unwrap();
    flyball.signal("TERM").unwrap();
    let status = flyball.wait().await.unwrap();
    assert_eq!(status.code(), Some(1));
    let told = flyball.stderr().unwrap();
    assert!(told.contains("the journal failed"), "{told}");
}

#[tokio::test]
async fn a_clock_that_goes_back_loses_nothing() {
    let simulator = Simulator::start().await.unwrap();
    let faults = Faults::new().unwrap();
    let mut flyball = start(&simulator, &faults).await;
    let client = tenant(&flyball);
    let ask = async || {
        let answer = chat(&client, "What is 12*7?").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header("x-flyball-request-id").unwrap().to_owned()
    };
    let mut ids = vec![ask().await];
    faults.begin(Fault::ClockBack).unwrap();
    ids.push(ask().await);
    flyball.kill().unwrap();
    flyball.start_again().await.unwrap();
    ids.push(ask().await);
    faults.end(Fault::ClockBack).unwrap();
    ids.push(ask().await);
    for id in &ids {
        let answer = client.get(&format!("/v1/exchanges/{id}")).await.unwrap();
        assert_eq!(answer.status, 200, "{id}: {}", answer.text());
    }
    let export = Export::of(&flyball);
    assert_eq!(export.settlements.len(), ids.len());
    assert_eq!(usage(&client).await, export.sums());
}

/// A file system of so many MiB, for as long as this lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", &format!("size={size}m"), "tmpfs"];
        let status = Command::new("mount").args(mount).arg(folder.path()).status().unwrap();
        assert!(status.success(), "a small disk needs the right to mount");
        SmallDisk(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A failed test has said why; the folder under the mount is removed all the same.
        let _unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_new_calls_and_finishes_those_in_hand() {
    let disk = SmallDisk::new(24);
    let simulator = Simulator::start().await.unwrap();
    let routes = Routes::through(&simulator)
        .route("slow", "provider: sim, model: 'sim:chunks=60,gap=50ms'")
        .section("journal: { segment: 1MiB, max_size: 16MiB }");
    let data = disk.path().join("data");
    let setup = routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball")));
    let flyball = setup.data(&data).start().await.unwrap();
    let client = tenant(&flyball);
    let mut stream = client
        .stream(
            "/v1/chat/completions",
            &json!({"model": "slow", "stream": true,
            "messages": [{"role": "user", "content": "Go on."}]}),
        )
        .await
        .unwrap();
    assert!(stream.next().await.unwrap().is_some());
    let filler = disk.path().join("filler");
    // dd fills what is left, and fails because it does.
    let _full =
        Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", filler.display())).output();
    let deadline = Instant::now() + Duration::from_secs(60);
    let refused = loop {
        let answer = chat(&client, "What is 12*7?").await.unwrap();
        if answer.status != 200 {
            break answer;
        }
        assert!(Instant::now() < deadline, "the disk does not fill");
    };
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.json().unwrap()["error"]["flyball_code"], "E702");
    assert!(refused.header("retry-after").is_some());
    becomes(&flyball, "journal_full").await;
    let events = stream.rest().await.unwrap();
    assert!(events.last().unwrap().is_done(), "the stream in hand did not finish");
    std::fs::remove_file(&filler).unwrap();
    becomes(&flyball, "ready").await;
    assert_eq!(chat(&client, "What is 12*7?").await.unwrap().status, 200);
    let export = Export::of(&flyball);
    assert_eq!(usage(&client).await, export.sums());
    assert!(export.settlements.values().any(|s| s["route"] == "slow" && s["outcome"] == "answered"));
}
