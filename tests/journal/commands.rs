//! `flyball journal` as its users meet it, beside a serving gateway and without one.

use std::process::{Command, Output};

use flyball_testkit::{Client, Flyball};
use serde_json::{Value, json};

use super::Export;

/// A gateway that has served these prompts, and the ids of their exchanges.
async fn served(prompts: &[&str]) -> (Flyball, Client, Vec<String>) {
    let policy = "version: 1\nrules:\n  - {id: no-pii, when: prompt.contains_pii, action: block}\n";
    let setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config("drain: {delay: 0s}").policy(policy);
    let flyball = setup.start().await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let mut exchanges = Vec::new();
    for prompt in prompts {
        exchanges.push(ask(&client, prompt).await);
    }
    (flyball, client, exchanges)
}

async fn ask(client: &Client, prompt: &str) -> String {
    let body = json!({"model": "demo", "messages": [{"role": "user", "content": prompt}]});
    let answer = client.post("/v1/chat/completions", &body).await.unwrap();
    let exchange = answer.header("x-flyball-request-id").unwrap().to_owned();
    // Settlements wait a moment for company; what is asked for by name does not.
    while client.get(&format!("/v1/exchanges/{exchange}")).await.unwrap().json().unwrap()["state"]
        != "settled"
    {}
    exchange
}

pub(super) fn journal(flyball: &Flyball, arguments: &[&str]) -> Output {
    let mut command: Command = flyball.command();
    command.arg("journal").args(arguments).arg("--data").arg(flyball.data_dir()).output().unwrap()
}

pub(super) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(super) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a command that succeeds prints with `--json`.
pub(super) fn parsed(flyball: &Flyball, arguments: &[&str]) -> Value {
    let output = journal(flyball, &[arguments, &["--json"]].concat());
    assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_last_exchanges_are_shown_the_same_with_and_without_a_gateway() {
    let (mut flyball, _, exchanges) = served(&["What is 12*7?", "I am me@example.org", "Hello"]).await;
    let mut looks = Vec::new();
    for _ in 0..2 {
        let all = parsed(&flyball, &["inspect"]);
        let ids: Vec<_> =
            all.as_array().unwrap().iter().map(|row| row["exchange"].as_str().unwrap()).collect();
        assert_eq!(ids, exchanges, "the youngest is the last");
        let outcomes: Vec<_> = all.as_array().unwrap().iter().map(|row| row["outcome"].clone()).collect();
        assert_eq!(outcomes, ["answered", "blocked", "answered"]);
        assert_eq!(parsed(&flyball, &["inspect", "--last", "2"]), json!([all[1], all[2]]));
        assert_eq!(parsed(&flyball, &["inspect", "--last", "0"]), json!([]));
        let text = journal(&flyball, &["inspect", "--last", "1"]);
        let lines: Vec<_> = stdout(&text).lines().map(str::to_owned).collect();
        assert!(
            lines.len() == 2 && lines[0].starts_with("EXCHANGE") && lines[1].starts_with(&exchanges[2]),
            "{lines:?}"
        );
        looks.push((
            all,
            parsed(&flyball, &["inspect", &exchanges[0]]),
            parsed(&flyball, &["verify"])["records"].clone(),
        ));
        if flyball.process_id().is_some() {
            flyball.stop().await.unwrap();
        }
    }
    assert_eq!(looks[0], looks[1]);
}

#[tokio::test]
async fn one_exchange_is_shown_as_the_gateway_tells_it() {
    let (flyball, client, exchanges) = served(&["What is 12*7?", "I am me@example.org"]).await;
    for exchange in &exchanges {
        let records = parsed(&flyball, &["inspect", exchange]);
        let told = client.get(&format!("/v1/exchanges/{exchange}")).await.unwrap().json().unwrap();
        let records = records.as_array().unwrap();
        let (settlement, intents) = records.split_last().unwrap();
        assert_eq!(told["attempts"].as_array().unwrap().len(), intents.len());
        let first = intents.first().unwrap_or(settlement);
        for (name, ours, theirs) in [
            ("id", &settlement["exchange"], &told["id"]),
            ("tenant", &settlement["tenant"], &told["tenant"]),
            ("key", &settlement["key"], &told["key"]),
            ("principal", &settlement["principal"], &told["principal"]),
            ("model", &settlement["route"], &told["model"]),
            ("operation", &settlement["operation"], &told["operation"]),
            ("tags", &settlement["tags"], &told["tags"]),
            ("salt", &first["salt"], &told["salt"]),
            ("snapshot", &first["snapshot"], &told["snapshot"]),
            ("action", &settlement["action"], &told["decision"]["action"]),
            ("rules", &settlement["rules"], &told["decision"]["rules"]),
            ("outcome", &settlement["outcome"], &told["settlement"]["outcome"]),
            ("input", &settlement["usage"]["input_tokens"], &told["settlement"]["input_tokens"]),
            ("output", &settlement["usage"]["output_tokens"], &told["settlement"]["output_tokens"]),
            ("counting", &settlement["usage"]["counting"], &told["settlement"]["counting"]),
            ("total", &settlement["total_us"], &told["settlement"]["total_micros"]),
        ] {
            assert_eq!(ours, theirs, "{name} of {exchange}");
        }
        if let Some(intent) = intents.first() {
            assert_eq!(intent["input_hash"], told["attempts"][0]["input_hash"]);
            assert_eq!(settlement["output_hash"], told["settlement"]["output_hash"]);
        } else {
            assert_eq!(
                (&settlement["input_hash"], &settlement["refusal"]),
                (&told["input_hash"], &told["settlement"]["refusal"])
            );
        }
        let text = stdout(&journal(&flyball, &["inspect", exchange]));
        assert!(text.contains("\"record\": \"settlement\"") && text.contains(exchange), "{text}");
    }
}

#[tokio::test]
async fn an_exchange_that_the_journal_does_not_have_is_refused() {
    let (flyball, _, _) = served(&["Hello"]).await;
    let unknown = "01900000-0000-7000-8000-000000000000";
    let refused = journal(&flyball, &["inspect", unknown]);
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains(unknown), "{}", stderr(&refused));
    let refused = journal(&flyball, &["inspect", unknown, "--json"]);
    let error: Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!((code(&refused), &error["error"]["kind"]), (3, &json!("refused")));
    assert_eq!(code(&journal(&flyball, &["inspect", "no-id"])), 2);
}

#[tokio::test]
async fn an_export_is_the_same_into_a_file_and_overwrites_none() {
    let (mut flyball, _, _) = served(&["What is 12*7?", "I am me@example.org"]).await;
    let file = flyball.folder().join("export.jsonl");
    let path = file.to_str().unwrap().to_owned();
    let whole = journal(&flyball, &["export"]);
    assert_eq!(code(&whole), 0, "{}", stderr(&whole));
    assert_eq!(stdout(&whole).lines().count(), 3, "an intent and two settlements");
    let written = journal(&flyball, &["export", "--to", &path]);
    assert_eq!((code(&written), stdout(&written)), (0, String::new()));
    assert_eq!(std::fs::read(&file).unwrap(), whole.stdout);
    std::fs::write(&file, "mine").unwrap();
    let refused = journal(&flyball, &["export", "--to", &path]);
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains(&path), "{}", stderr(&refused));
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    flyball.stop().await.unwrap();
    assert_eq!(journal(&flyball, &["export"]).stdout, whole.stdout);
}

#[tokio::test]
async fn an_export_goes_on_from_a_position() {
    let (flyball, client, _) = served(&["Hello"]).await;
    let end = parsed(&flyball, &["verify"])["end"].to_string();
    assert!(journal(&flyball, &["export", "--from", &end]).stdout.is_empty());
    let later = ask(&client, "Hello").await;
    let exported = stdout(&journal(&flyball, &["export", "--from", &end]));
    let records: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        records.iter().map(|record| record["record"].clone()).collect::<Vec<_>>(),
        ["intent", "settlement"]
    );
    assert!(records.iter().all(|record| record["exchange"] == later.as_str()), "{exported}");
    assert_eq!(Export::of(&flyball).settlements.len(), 2);
}

#[tokio::test]
async fn a_whole_journal_is_verified_and_has_nothing_to_repair() {
    let (mut flyball, _, _) = served(&["Hello", "I am me@example.org"]).await;
    let report = parsed(&flyball, &["verify"]);
    assert_eq!(
        (&report["whole"], &report["records"], &report["problems"]),
        (&json!(true), &json!(3), &json!([]))
    );
    let refused = journal(&flyball, &["repair"]);
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("another process owns the data folder"), "{}", stderr(&refused));
    flyball.stop().await.unwrap();
    assert_eq!(parsed(&flyball, &["repair"]), json!({"given_up": []}));
    assert!(stdout(&journal(&flyball, &["verify"])).ends_with("whole\n"));
    assert_eq!(Export::of(&flyball).settlements.len(), 2);
    let nowhere = flyball.folder().join("nowhere");
    let output = flyball.command().args(["journal", "repair", "--data"]).arg(&nowhere).output().unwrap();
    assert_eq!(code(&output), 1);
    assert!(!nowhere.exists(), "a repair makes no journal");
}
