//! Journals that were cut off, damaged or lost while no gateway ran: what a start makes of them, and the way out.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flyball_testkit::{Client, Flyball};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Export;
use super::commands::{code, journal, parsed, stderr, stdout};
use super::export::usage;

/// Where the frames of a segment begin.
const FRAMES: u64 = 64;

async fn serving(settings: &str) -> Flyball {
    let config = format!("drain: {{delay: 0s}}\n{settings}");
    Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).start().await.unwrap()
}

fn tenant(flyball: &Flyball) -> Client {
    flyball.client().with_key(flyball.demo_key().unwrap())
}

/// Asks and waits until the exchange is settled; its id.
async fn ask(client: &Client) -> String {
    let body = json!({"model": "demo", "messages": [{"role": "user", "content": "What is 12*7?"}]});
    let answer = client.post("/v1/chat/completions", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let exchange = answer.header("x-flyball-request-id").unwrap().to_owned();
    while state(client, &exchange).await != "settled" {}
    exchange
}

async fn state(client: &Client, exchange: &str) -> Value {
    client.get(&format!("/v1/exchanges/{exchange}")).await.unwrap().json().unwrap()["state"].clone()
}

/// How many exchanges usage counts.
async fn exchanges(client: &Client) -> u64 {
    usage(client).await.values().map(|sums| sums.0).sum()
}

fn folder(flyball: &Flyball) -> PathBuf {
    flyball.data_dir().join("journal")
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "journal")).collect();
    paths.sort();
    paths
}

/// Where the last byte of a file stands that is not zero.
fn used(file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
}

fn flip(file: &Path, offset: u64) {
    let opened = fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    opened.read_exact_at(&mut byte, offset).unwrap();
    opened.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

/// A start that must be refused, and what it says.
async fn refused(flyball: &mut Flyball) -> String {
    let before = flyball.stderr().unwrap().len();
    let error = flyball.start_again().await.unwrap_err().to_string();
    assert!(error.contains("exit status: 2"), "{error}");
    flyball.stderr().unwrap()[before..].to_owned()
}

#[tokio::test]
async fn half_a_record_behind_the_last_is_cut_off_and_told() {
    let mut flyball = serving("").await;
    let client = tenant(&flyball);
    let mut asked = vec![ask(&client).await, ask(&client).await];
    flyball.kill().unwrap();
    let file = segments(&folder(&flyball)).pop().unwrap();
    let end = used(&file).next_multiple_of(8);
    fs::OpenOptions::new().write(true).open(&file).unwrap().write_all_at(&[0x5a; 300], end).unwrap();
    let found = parsed(&flyball, &["verify"]);
    assert_eq!(
        (&found["whole"], &found["problems"][0]["kind"]),
        (&json!(true), &json!("unfinished")),
        "{found}"
    );
    flyball.start_again().await.unwrap();
    let log = flyball.stderr().unwrap();
    assert!(log.contains("the journal ended in a record that was not whole"), "{log}");
    asked.push(ask(&client).await);
    for exchange in &asked {
        assert_eq!(state(&client, exchange).await, "settled");
    }
    assert_eq!(exchanges(&client).await, 3);
    assert_eq!(usage(&client).await, Export::of(&flyball).sums());
    assert_eq!(parsed(&flyball, &["verify"])["problems"], json!([]));
}

#[tokio::test]
async fn an_answered_exchange_whose_settlement_was_cut_off_is_still_known_and_counted_once() {
    let mut flyball = serving("").await;
    let client = tenant(&flyball);
    let asked = [ask(&client).await, ask(&client).await, ask(&client).await];
    flyball.kill().unwrap();
    let file = segments(&folder(&flyball)).pop().unwrap();
    let length = used(&file) - 5;
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length).unwrap();
    flyball.start_again().await.unwrap();
    for exchange in &asked {
        assert!(["settled", "open"].map(Value::from).contains(&state(&client, exchange).await), "{exchange}");
    }
    assert_eq!(exchanges(&client).await, 3);
    ask(&client).await;
    assert_eq!(exchanges(&client).await, 4);
}

#[tokio::test]
async fn damage_in_the_middle_stops_a_start_until_an_operator_gives_it_up() {
    let mut flyball = serving("").await;
    let client = tenant(&flyball);
    let first = ask(&client).await;
    for _ in 0..3 {
        ask(&client).await;
    }
    let counted = usage(&client).await;
    flyball.stop().await.unwrap();
    let file = segments(&folder(&flyball)).remove(0);
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    flip(&file, FRAMES + 40);
    let damaged = fs::read(&file).unwrap();

    let log = refused(&mut flyball).await;
    for part in [name.as_str(), "offset 64", "flyball journal repair", "backup"] {
        assert!(log.contains(part), "no {part} in {log}");
    }
    assert_eq!(fs::read(&file).unwrap(), damaged, "a start that is refused changes nothing");
    let found = journal(&flyball, &["verify", "--json"]);
    let report: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!((code(&found), &report["whole"]), (1, &json!(false)), "{report}");
    let problem = &report["problems"][0];
    assert_eq!(
        (&problem["file"], &problem["offset"], &problem["kind"]),
        (&json!(name), &json!(64), &json!("damaged"))
    );
    let told = journal(&flyball, &["verify"]);
    assert!(stdout(&told).contains("offset 64") && stdout(&told).ends_with("damaged\n"), "{}", stdout(&told));
    assert_eq!(code(&journal(&flyball, &["export"])), 1, "an export passes over damage in silence");

    let repaired = journal(&flyball, &["repair"]);
    assert_eq!(code(&repaired), 0, "{}", stderr(&repaired));
    assert!(
        stdout(&repaired).contains(&name) && stdout(&repaired).contains("offset 64"),
        "{}",
        stdout(&repaired)
    );
    assert_eq!(fs::read(folder(&flyball).join("damaged").join(&name)).unwrap(), damaged, "no copy was kept");
    let report = parsed(&flyball, &["verify"]);
    assert_eq!((&report["whole"], report["given_up"].as_array().unwrap().len()), (&json!(true), 1));
    flyball.start_again().await.unwrap();
    assert_eq!(usage(&client).await, counted, "what was counted stays so");
    let export = Export::of(&flyball);
    assert!(!export.intents.contains_key(&first), "the damaged frame held the first intent");
    assert_eq!(export.settlements.len(), 4);
    ask(&client).await;
    assert_eq!(exchanges(&client).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_segment_stops_a_start_until_an_operator_gives_it_up() {
    let mut flyball = serving("journal: {segment: 1MiB}").await;
    let client = tenant(&flyball);
    fill(&flyball, 4).await;
    let counted = exchanges(&client).await;
    flyball.stop().await.unwrap();
    let files = segments(&folder(&flyball));
    let lost = files[1].file_name().unwrap().to_str().unwrap().to_owned();
    fs::remove_file(&files[1]).unwrap();

    let log = refused(&mut flyball).await;
    assert!(
        log.contains(&lost) && log.contains("is missing") && log.contains("flyball journal repair"),
        "{log}"
    );
    let told = journal(&flyball, &["verify"]);
    assert_eq!(code(&told), 1);
    assert!(stdout(&told).contains(&format!("{lost}: is missing")), "{}", stdout(&told));
    let repaired = journal(&flyball, &["repair", "--json"]);
    let given_up: Value = serde_json::from_slice(&repaired.stdout).unwrap();
    assert_eq!((code(&repaired), &given_up["given_up"][0]["file"]), (0, &json!(lost)));

    flyball.start_again().await.unwrap();
    assert_eq!(exchanges(&client).await, counted);
    let exchange = ask(&client).await;
    assert_eq!(state(&client, &exchange).await, "settled");
    assert_eq!(exchanges(&client).await, counted + 1);
}

/// Makes a journal of at least so many segments, with calls that carry as many tags as they may.
async fn fill(flyball: &Flyball, count: usize) {
    let tags: Vec<String> = (0..8).map(|number| format!("{:x<47}{number}", "t")).collect();
    let tags = tags.join(",");
    while segments(&folder(flyball)).len() < count {
        let mut callers = JoinSet::new();
        for _ in 0..16 {
            let (client, tags) = (tenant(flyball), tags.clone());
            callers.spawn(async move {
                for _ in 0..10 {
                    let body = json!({"model": "unknown", "messages": [{"role": "user", "content": "x"}]});
                    let mut request = client
                        .request(http::Method::POST, "/v1/chat/completions", body.to_string().into())
                        .unwrap();
                    let name = http::HeaderName::from_static("x-flyball-tags");
                    flyball_testkit::client::set(&mut request, name, &tags).unwrap();
                    let name = http::header::CONTENT_TYPE;
                    flyball_testkit::client::set(&mut request, name, "application/json").unwrap();
                    assert_eq!(client.send(request).await.unwrap().status, 404);
                }
            });
        }
        callers.join_all().await;
    }
}

#[tokio::test]
async fn a_journal_that_is_gone_takes_nothing_from_usage_and_adds_nothing() {
    let mut flyball = serving("").await;
    let client = tenant(&flyball);
    ask(&client).await;
    ask(&client).await;
    let counted = usage(&client).await;
    flyball.stop().await.unwrap();
    fs::remove_dir_all(folder(&flyball)).unwrap();
    flyball.start_again().await.unwrap();
    let log = flyball.stderr().unwrap();
    assert!(log.contains("E702") && log.contains("no longer in the journal"), "{log}");
    assert_eq!(usage(&client).await, counted);
    let exchange = ask(&client).await;
    assert_eq!((state(&client, &exchange).await, exchanges(&client).await), (json!("settled"), 3));
    // And it stays so over another start, which has nothing to tell.
    flyball.kill().unwrap();
    let before = flyball.stderr().unwrap().len();
    flyball.start_again().await.unwrap();
    assert_eq!(exchanges(&client).await, 3);
    assert!(!flyball.stderr().unwrap()[before..].contains("no longer in the journal"));
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_left_alone() {
    let mut flyball = serving("").await;
    ask(&tenant(&flyball)).await;
    flyball.stop().await.unwrap();
    let file = segments(&folder(&flyball)).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[8] = 2;
    let sum = crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&sum.to_le_bytes());
    fs::write(&file, &bytes).unwrap();
    let log = refused(&mut flyball).await;
    assert!(log.contains("format version 2") && log.contains("reads up to 1"), "{log}");
    for command in ["verify", "repair", "export", "inspect"] {
        let output = journal(&flyball, &[command]);
        assert_eq!(code(&output), 1, "{command}");
        assert!(stderr(&output).contains("format version 2"), "{command}: {}", stderr(&output));
    }
    assert_eq!(fs::read(&file).unwrap(), bytes, "it was written to");
}

/// CRC-32C as RFC 3720, appendix B.4, defines it, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg()))
    })
}
