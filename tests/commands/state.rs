//! Commands on the state, beside a serving gateway and without one; and starts that are refused because of the state.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use flyball_testkit::{Client, Flyball};
use serde_json::{Value, json};

use super::{BINARY, code, json as parsed, run, run_with, stderr, stdout};

/// Microseconds.
const DAY: i64 = 86_400_000_000;

async fn serving() -> Flyball {
    Flyball::builder(BINARY).config("drain: {delay: 0s}").start().await.unwrap()
}

async fn ask(flyball: &Flyball, key: &str) -> u16 {
    let body = json!({ "model": "demo", "messages": [{ "role": "user", "content": "Hello" }] });
    let client = flyball.client().with_key(key);
    client.post("/v1/chat/completions", &body).await.unwrap().status.as_u16()
}

fn create_key(folder: &Path, arguments: &[&str]) -> Value {
    let created = run(folder, ["keys", "create", "--json"].iter().chain(arguments));
    assert_eq!(code(&created), 0, "{}", stderr(&created));
    parsed(&created)
}

#[tokio::test]
async fn keys_made_and_revoked_beside_a_serving_gateway_take_effect_at_once() {
    let flyball = serving().await;
    let folder = flyball.folder();
    let tenant = run(folder, ["tenants", "create", "acme"]);
    assert_eq!(code(&tenant), 0, "{}", stderr(&tenant));
    let key =
        create_key(folder, &["--tenant", "acme", "--name", "ci", "--models", "demo,x*", "--expires", "30d"]);
    let (text, id) = (key["key"].as_str().unwrap(), key["id"].as_str().unwrap());
    assert!(text.starts_with("fb_"));
    assert_eq!(key["models"], json!(["demo", "x*"]));
    let lifetime = key["expires_at"].as_i64().unwrap() - key["created_at"].as_i64().unwrap();
    // Both times are taken one after the other.
    assert_eq!((lifetime + DAY / 2) / DAY, 30);
    assert_eq!(ask(&flyball, text).await, 200);

    let listed = run(folder, ["keys", "list", "--tenant", "acme"]);
    assert!(stdout(&listed).contains(id) && !stdout(&listed).contains(text), "{}", stdout(&listed));
    let revoked = run(folder, ["keys", "revoke", id]);
    assert_eq!(code(&revoked), 0, "{}", stderr(&revoked));
    assert_eq!(ask(&flyball, text).await, 401);

    let limited = create_key(folder, &["--tenant", "acme", "--models", "other"]);
    assert_eq!(ask(&flyball, limited["key"].as_str().unwrap()).await, 404);
}

#[tokio::test]
async fn the_state_reads_the_same_with_and_without_a_gateway() {
    let mut flyball = serving().await;
    let folder = flyball.folder().to_owned();
    run(&folder, ["tenants", "create", "acme"]);
    create_key(&folder, &["--tenant", "acme", "--lawful-basis", "contract"]);
    let look = || {
        let read = |arguments: &[&str]| parsed(&run(&folder, arguments));
        (read(&["tenants", "list", "--json"]), read(&["keys", "list", "--json"]))
    };
    let info = || parsed(&run(&folder, ["info", "--json"]));
    let serving = look();
    assert_eq!((&info()["serving"], &info()["tenants"]), (&json!(true), &json!(2)));
    flyball.stop().await.unwrap();
    assert_eq!(look(), serving);
    assert_eq!((&info()["serving"], &info()["live_keys"]), (&json!(false), &json!(3)));

    let key = create_key(&folder, &["--tenant", "acme"]);
    flyball.start_again().await.unwrap();
    assert_eq!(ask(&flyball, key["key"].as_str().unwrap()).await, 200);
}

#[tokio::test]
async fn check_says_whether_another_policy_is_in_force() {
    let flyball = serving().await;
    let check = |policy: &str| {
        std::fs::write(flyball.folder().join("p.yaml"), policy).unwrap();
        let checked = run(flyball.folder(), ["check", "--policy", "p.yaml"]);
        assert_eq!(code(&checked), 0, "{}", stderr(&checked));
        stdout(&checked)
    };
    let default = include_str!("../../policies/default.yaml");
    assert!(check(default).contains("has this policy in force"));
    assert!(check(super::POLICY).contains("has another policy in force"));
}

#[tokio::test]
async fn what_does_not_exist_is_refused_alike_with_and_without_a_gateway() {
    let mut flyball = serving().await;
    let folder = flyball.folder().to_owned();
    for _ in 0..2 {
        for arguments in [
            ["keys", "create", "--tenant", "nobody"].as_slice(),
            &["keys", "revoke", "00000000-0000-7000-8000-000000000000"],
            &["tenants", "create", "demo"],
        ] {
            let refused = run(&folder, arguments);
            assert_eq!(code(&refused), 3, "{arguments:?}: {}", stderr(&refused));
        }
        if flyball.process_id().is_some() {
            flyball.stop().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_first_tenant_and_key_can_be_made_before_the_first_start() {
    let folder = tempfile::tempdir().unwrap();
    let created = run(folder.path(), ["tenants", "create", "acme", "--data", "state"]);
    assert_eq!(code(&created), 0, "{}", stderr(&created));
    let key = create_key(folder.path(), &["--tenant", "acme", "--data", "state"]);
    assert_eq!(key["tenant"], "acme");
    let listed = parsed(&run(folder.path(), ["keys", "list", "--data", "state", "--json"]));
    assert_eq!(listed[0]["id"], key["id"]);
    assert!(listed[0].get("key").is_none());
}

#[tokio::test]
async fn the_demo_talks_to_a_running_gateway_and_says_what_the_policy_did() {
    let policy = "version: 1\nrules:\n  - id: no-pii\n    description: No personal data.\n    \
                  when: prompt.contains_pii\n    action: block\n    owner: dpo\n";
    let flyball = Flyball::builder(BINARY).policy(policy).start().await.unwrap();
    let url = flyball.base_url();
    let key = create_key(flyball.folder(), &["--tenant", "demo"]);
    let environment = [("FLYBALL_URL", url.as_str()), ("FLYBALL_KEY", key["key"].as_str().unwrap())];
    let demo =
        |prompt: &str| run_with(flyball.folder(), ["demo", "--json", "--prompt", prompt], &environment);
    let answered = demo("What is 12*7?");
    assert_eq!(code(&answered), 0, "{}", stderr(&answered));
    let reply = parsed(&answered);
    assert!(reply["answer"].as_str().unwrap().contains("84"), "{reply}");
    assert_eq!(reply["action"], "allow");
    let blocked = demo("Write to jo@example.com");
    let reply = parsed(&blocked);
    assert_eq!((code(&blocked), &reply["rules"][0]), (3, &json!("no-pii")), "{reply}");

    let unknown = [("FLYBALL_URL", url.as_str()), ("FLYBALL_KEY", "fb_unknown")];
    let refused = run_with(flyball.folder(), ["demo", "--prompt", "Hello"], &unknown);
    assert_eq!(code(&refused), 3);
    assert!(!stderr(&refused).contains("fb_unknown"), "{}", stderr(&refused));
}

#[tokio::test]
async fn the_demo_brings_its_own_gateway_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = [("TMPDIR", folder.path().to_str().unwrap())];
    let answered = run_with(folder.path(), ["demo", "--prompt", "What is 12*7?"], &temporary);
    assert_eq!(code(&answered), 0, "{}", stderr(&answered));
    assert!(stdout(&answered).contains("84") && stdout(&answered).contains("[action allow"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_demo_converses_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(BINARY)
        .arg("demo")
        .current_dir(folder.path())
        .env_clear()
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"What is 12*7?\n\nWhat is 6*7?\n").unwrap();
    let ended = child.wait_with_output().unwrap();
    let text = stdout(&ended);
    assert_eq!(code(&ended), 0, "{text}");
    assert!(
        text.contains("84")
            && text.contains("42")
            && text.matches("[action on the prompt allow").count() == 2,
        "{text}"
    );
}

#[tokio::test]
async fn a_gateway_that_serves_with_json_prints_nothing_else() {
    let mut flyball =
        Flyball::builder(BINARY).config("drain: {delay: 0s}").args(["--json"]).start().await.unwrap();
    flyball.stop().await.unwrap();
    let shown: Value = serde_json::from_str(&flyball.stdout().unwrap()).unwrap();
    assert_eq!(shown["address"], flyball.address().to_string());
    assert!(shown["demo_key"].as_str().unwrap().starts_with("fb_"));
    let log = flyball.stderr().unwrap();
    assert!(log.lines().count() > 1);
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

#[tokio::test]
async fn an_interrupted_demo_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(BINARY)
        .arg("demo")
        .current_dir(folder.path())
        .env_clear()
        .env("TMPDIR", folder.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut greeting = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
    assert!(greeting.contains("demo at http://127.0.0.1:"), "{greeting}");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_gateway_on_a_data_folder_is_refused() {
    let flyball = serving().await;
    let data = flyball.data_dir();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let refused = run(flyball.folder(), arguments);
    assert_eq!(code(&refused), 2, "{}", stderr(&refused));
    assert!(stderr(&refused).contains("another process owns the data folder"), "{}", stderr(&refused));
    assert!(Client::new(flyball.address()).get("/health/ready").await.unwrap().status.is_success());
}

#[tokio::test]
async fn an_occupied_port_is_refused_by_name() {
    let flyball = serving().await;
    let address = flyball.address().to_string();
    let refused = run(flyball.folder(), ["serve", "--data", "other", "--listen", &address]);
    assert_eq!(code(&refused), 2, "{}", stderr(&refused));
    assert!(stderr(&refused).contains(&address), "{}", stderr(&refused));
}

#[tokio::test]
async fn a_corrupt_database_is_refused_with_the_way_to_restore() {
    let mut flyball = serving().await;
    flyball.stop().await.unwrap();
    let database = flyball.data_dir().join("flyball.sqlite3");
    std::fs::write(&database, vec![0x5a; 65_536]).unwrap();
    let data = flyball.data_dir();
    let data = data.to_str().unwrap();
    let started = run(flyball.folder(), ["serve", "--listen", "127.0.0.1:0", "--data", data]);
    assert_eq!(code(&started), 2, "{}", stderr(&started));
    assert!(stderr(&started).contains("backup"), "{}", stderr(&started));
    let listed = run(flyball.folder(), ["keys", "list", "--data", data]);
    assert_eq!(code(&listed), 1);
    assert!(stderr(&listed).contains("backup"), "{}", stderr(&listed));
}

#[tokio::test]
async fn a_command_that_finds_the_folder_held_and_nobody_answering_says_so() {
    let flyball = serving().await;
    // The gateway lives, its socket is gone: nothing answers and the folder is not free.
    std::fs::remove_file(flyball.data_dir().join("control.sock")).unwrap();
    let refused = run(flyball.folder(), ["keys", "list"]);
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("another process owns the data folder"), "{}", stderr(&refused));
}
