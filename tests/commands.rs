//! The command line as its users meet it: what commands print, what they return, and that they reach the state
//! whether or not a gateway serves it.

mod files;
mod state;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_flyball");

/// A policy with one rule that needs two things.
const POLICY: &str = "\
version: 1
rules:
  - id: jailbreak
    description: Attempts to lift restrictions stop here.
    when: prompt.jailbreak_score > 0.8 && request.has_tools
    action: block
    owner: security
";

/// Runs the binary in `folder`, with nothing of the test's own environment.
fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Output {
    run_with(folder, arguments, &[])
}

fn run_with<A: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = A>,
    environment: &[(&str, &str)],
) -> Output {
    let mut command = Command::new(BINARY);
    command.current_dir(folder).env_clear().envs(environment.iter().copied()).args(arguments);
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What was printed, as JSON; the whole of it must be one value.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", stdout(output), stderr(output)))
}
