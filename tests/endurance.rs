//! What only shows with time: kills while work is in hand, and a long run under load. The short form kills twice and
//! runs for seconds; with `FLYBALL_LONG` set it kills twenty times and runs for minutes.

use std::time::{Duration, Instant};

use flyball_testkit::{Client, Flyball};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Callers at a time.
const CALLERS: usize = 16;

fn long() -> bool {
    std::env::var_os("FLYBALL_LONG").is_some()
}

fn question(stream: bool) -> Value {
    let content = "Say exactly: write to me@example.org today.";
    json!({"model": "demo", "stream": stream, "messages": [{"role": "user", "content": content}]})
}

/// Asks once, whole or streamed. Whether the answer came and was what it should be; none when the gateway went away.
async fn ask(client: &Client, stream: bool) -> Option<bool> {
    let body = question(stream);
    if stream {
        let events = client.stream("/v1/chat/completions", &body).await.ok()?.rest().await.ok()?;
        let text: String = events
            .iter()
            .filter_map(flyball_testkit::SseEvent::json)
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
            .collect();
        return events
            .iter()
            .any(flyball_testkit::SseEvent::is_done)
            .then(|| text == "write to <email> today.");
    }
    let answer = client.post("/v1/chat/completions", &body).await.ok()?;
    let answer = answer.json().ok()?;
    Some(answer["choices"][0]["message"]["content"] == "write to <email> today.")
}

/// Lets callers ask until `until`. How many answers were right.
async fn load(client: &Client, until: Instant) -> u64 {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let client = client.clone();
        callers.spawn(async move {
            let mut answered = 0;
            while Instant::now() < until {
                match ask(&client, caller % 2 == 0).await {
                    Some(right) => {
                        assert!(right, "a wrong answer");
                        answered += 1;
                    }
                    None => break,
                }
            }
            answered
        });
    }
    let answered = callers.join_all().await;
    answered.into_iter().sum()
}

async fn counted(client: &Client) -> u64 {
    let usage = client.get("/v1/usage?by=model").await.unwrap().json().unwrap();
    usage["rows"][0]["exchanges"].as_u64().unwrap_or(0)
}

#[tokio::test]
async fn a_killed_gateway_starts_again_with_all_it_had_written() {
    let mut gateway = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).start().await.unwrap();
    let client = gateway.client().with_key(gateway.demo_key().unwrap());
    let operator = gateway.client().with_key(gateway.operator_key().unwrap());
    let rounds = if long() { 20 } else { 2 };
    let mut known = 0;
    for round in 0..rounds {
        let tenant = format!("round-{round}");
        assert_eq!(operator.post("/v1/tenants", &json!({ "id": tenant })).await.unwrap().status, 201);
        let mut busy = JoinSet::new();
        let callers = client.clone();
        busy.spawn(async move { load(&callers, Instant::now() + Duration::from_secs(30)).await });
        sleep(Duration::from_millis(1500)).await;
        // A report writes what it reports: so much must be there after the kill.
        let reported = counted(&client).await;
        assert!(reported > known, "nothing was counted in round {round}");
        gateway.kill().unwrap();
        assert!(busy.join_all().await.iter().all(|answered| *answered > 0));
        gateway.start_again().await.unwrap();
        known = counted(&client).await;
        assert!(known >= reported, "round {round}: {reported} were reported, {known} are left");
        let tenants = operator.get("/v1/tenants").await.unwrap().text();
        assert!(tenants.contains(&tenant), "the tenant of round {round} is lost");
        assert_eq!(ask(&client, false).await, Some(true));
    }
}

/// Resident memory in KiB and open files of a process.
fn appetite(process: u32) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let resident = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (resident, std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count())
}

#[tokio::test]
async fn a_long_run_neither_grows_nor_leaks() {
    let gateway =
        Flyball::builder(env!("CARGO_BIN_EXE_flyball")).args(["--log-level", "warn"]).start().await.unwrap();
    let client = gateway.client().with_key(gateway.demo_key().unwrap());
    let process = gateway.process_id().unwrap();
    let (warm, measured) = if long() { (20, 180) } else { (2, 4) };
    assert!(load(&client, Instant::now() + Duration::from_secs(warm)).await > 0);
    let (before, files_before) = appetite(process);
    let answered = load(&client, Instant::now() + Duration::from_secs(measured)).await;
    let (after, files_after) = appetite(process);
    assert!(answered > 100, "only {answered} answers");
    // Allocators keep some slack; a leak of a hundred bytes an exchange would show in the long form.
    assert!(after < before + 16 * 1024, "{before} KiB before and {after} KiB after {answered} exchanges");
    assert!(files_after <= files_before + 2 * CALLERS, "{files_before} files before and {files_after} after");
    println!("{answered} exchanges: {before} -> {after} KiB, {files_before} -> {files_after} files");
}
