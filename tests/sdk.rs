//! The official SDKs of OpenAI and Anthropic, unmodified, against the real binary: the suites of `tests/python` and
//! `tests/node` run as child processes. What they expect stands in them; here they get two gateways, one of which
//! blocks personal data in prompts and answers, with routes to one simulated provider as each of four kinds.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use flyball_testkit::{Flyball, PROVIDER_KEY, Routes, Simulator};
use tokio::task::spawn_blocking;

/// Blocks personal data without a lawful basis, and no key or route here has one.
const BLOCKING_POLICY: &str = include_str!("../policies/governed-speed.yaml");

/// Blocks it in answers too.
const BLOCKED_ANSWERS: &str = "rules:
  - id: no-pii-in-answers
    description: Answers hold no personal data.
    when: output.contains_pii
    action: block
    owner: dpo
";

/// The kinds of providers: the path of their base URL, and their other settings.
const KINDS: [(&str, &str, &str); 4] = [
    ("openai", "/v1", "native: [responses, completions], api_key: \"env:PROVIDER_KEY\""),
    ("anthropic", "", "api_key: \"env:PROVIDER_KEY\""),
    ("gemini", "", "api_key: \"env:PROVIDER_KEY\""),
    (
        "bedrock",
        "",
        "region: us-east-1, access_key_id: \"env:PROVIDER_KEY\", secret_access_key: \"env:PROVIDER_KEY\"",
    ),
];

/// A gateway with the demo model, and with three routes to the simulator as each kind of provider: to a model, to the
/// one that is steered by its prompt, and to one that does not exist.
async fn gateway(simulator: &Simulator, policy: Option<String>) -> Flyball {
    // Thousands of calls, none of which is about power cuts.
    let mut routes = Routes::through(simulator)
        .section("journal: { durability: process }")
        .provider("demo", "kind: demo")
        .route("demo", "provider: demo, model: demo-1");
    for (kind, path, settings) in KINDS {
        let address = simulator.address();
        routes = routes
            .provider(kind, &format!("kind: {kind}, base_url: \"http://{address}{path}\", {settings}"))
            .route(kind, &format!("provider: {kind}, model: demo-1"))
            .route(&format!("{kind}-sim"), &format!("provider: {kind}, model: sim"))
            .route(&format!("{kind}-gone"), &format!("provider: {kind}, model: gone"));
    }
    let start =
        routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball"))).env("PROVIDER_KEY", PROVIDER_KEY);
    let start = match policy {
        Some(policy) => start.policy(policy),
        None => start,
    };
    start.start().await.unwrap()
}

/// The repository's `tests` folder.
fn tests_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests").canonicalize().unwrap()
}

/// A program that `./test` installs and names in a variable.
fn program(variable: &str) -> PathBuf {
    match env::var_os(variable) {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => panic!("{variable} is not set: run ./test, which installs what the SDK suites need"),
    }
}

/// Runs a suite against fresh gateways and shows what it says when it fails.
async fn run(mut suite: Command) {
    let simulator = Simulator::start().await.unwrap();
    let open = gateway(&simulator, None).await;
    let policy = BLOCKING_POLICY.replacen("rules:\n", BLOCKED_ANSWERS, 1);
    let blocking = gateway(&simulator, Some(policy)).await;
    suite
        .env("FLYBALL_BASE_URL", format!("{}/v1", open.base_url()))
        .env("FLYBALL_KEY", open.demo_key().unwrap())
        .env("FLYBALL_BLOCKING_BASE_URL", format!("{}/v1", blocking.base_url()))
        .env("FLYBALL_BLOCKING_KEY", blocking.demo_key().unwrap())
        .env("FLYBALL_SIMULATOR_BASE_URL", simulator.base_url())
        .env("FLYBALL_MODEL", "demo")
        .env("FLYBALL_EMBEDDING_MODEL", "demo");
    // The simulator answers meanwhile.
    let (finished, suite) = spawn_blocking(move || (suite.output().unwrap(), suite)).await.unwrap();
    assert!(
        finished.status.success(),
        "{suite:?} ended with {}\n{}\n{}\nThe gateway said:\n{}",
        finished.status,
        String::from_utf8_lossy(&finished.stdout),
        String::from_utf8_lossy(&finished.stderr),
        open.stderr().unwrap(),
    );
}

#[tokio::test]
async fn the_python_sdks_work_unmodified() {
    let folder = tests_folder().join("python");
    let mut suite = Command::new(program("FLYBALL_PYTHON"));
    suite.args(["-m", "pytest", "-q"]).arg(&folder).current_dir(&folder);
    suite.env("PYTHONDONTWRITEBYTECODE", "1");
    run(suite).await;
}

#[tokio::test]
async fn the_node_sdks_work_unmodified() {
    let mut suite = Command::new(program("FLYBALL_NODE"));
    suite.arg("--test").current_dir(tests_folder().join("node"));
    run(suite).await;
}
