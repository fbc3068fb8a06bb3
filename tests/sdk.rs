//! The official OpenAI SDKs, unmodified, against the real binary: the suites of `tests/python` and `tests/node` run
//! as child processes. What they expect stands in them; here they get two gateways, one of which blocks personal
//! data in prompts.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use flyball_testkit::Flyball;

/// Blocks personal data without a lawful basis, and no key or route of the default configuration has one.
const BLOCKING_POLICY: &str = include_str!("../policies/governed-speed.yaml");

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
    let binary = env!("CARGO_BIN_EXE_flyball");
    let open = Flyball::builder(binary).start().await.unwrap();
    let blocking = Flyball::builder(binary).policy(BLOCKING_POLICY).start().await.unwrap();
    suite
        .env("FLYBALL_BASE_URL", format!("{}/v1", open.base_url()))
        .env("FLYBALL_KEY", open.demo_key().unwrap())
        .env("FLYBALL_BLOCKING_BASE_URL", format!("{}/v1", blocking.base_url()))
        .env("FLYBALL_BLOCKING_KEY", blocking.demo_key().unwrap())
        .env("FLYBALL_MODEL", "demo")
        .env("FLYBALL_EMBEDDING_MODEL", "demo");
    let finished = suite.output().unwrap();
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
async fn the_python_sdk_works_unmodified() {
    let folder = tests_folder().join("python");
    let mut suite = Command::new(program("FLYBALL_PYTHON"));
    suite.args(["-m", "pytest", "-q"]).arg(&folder).current_dir(&folder);
    suite.env("PYTHONDONTWRITEBYTECODE", "1");
    run(suite).await;
}

#[tokio::test]
async fn the_node_sdk_works_unmodified() {
    let mut suite = Command::new(program("FLYBALL_NODE"));
    suite.arg("--test").current_dir(tests_folder().join("node"));
    run(suite).await;
}
