//! `flyball policy`: policies as files, without a gateway. `test` runs the cases beside one, `explain` says what one
//! makes of a call.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::mistakes::{self, Mistake};
use super::output::{Ending, Failure, Outcome, Output};
use crate::snapshot::load_policy;

mod explain;
mod test;

/// Subcommands of `policy`.
#[derive(Subcommand)]
pub(super) enum Policy {
    /// Check policy files: every mistake with file, line and column.
    Check {
        /// Policy files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Run the test cases that stand beside policies: those of rules.yaml are in rules.test.yaml.
    Test {
        /// Policy files, or their test files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Say for a call which rules fire, which nearly do, and why.
    Explain(Box<explain::Explain>),
    /// Print the hash that names a policy in decisions.
    Hash {
        /// Policy file.
        file: PathBuf,
    },
}

pub(super) fn run(command: &Policy, output: Output) -> Outcome {
    match command {
        Policy::Check { files } => check(files, output),
        Policy::Test { files } => test::run(files, output),
        Policy::Explain(explain) => explain::run(explain, output),
        Policy::Hash { file } => {
            let hash = load(file).map_err(|found| mistakes::failure(&found))?.hash().to_owned();
            output.show(&json!({ "file": file, "policy_hash": hash }), || hash.clone())
        }
    }
}

fn load(path: &Path) -> Result<flyball_policy::Policy, Vec<Mistake>> {
    load_policy(Some(path)).map_err(|error| Mistake::of_snapshot(&error))
}

fn check(files: &[PathBuf], output: Output) -> Outcome {
    let mut sound: Vec<Value> = Vec::new();
    let mut found = Vec::new();
    let mut text = String::new();
    for file in files {
        match load(file) {
            Ok(policy) => {
                let rules = policy.rules().len();
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{}: no mistakes, rules: {rules}, {}", file.display(), policy.hash());
                sound.push(json!({ "file": file, "policy_hash": policy.hash(), "rules": rules }));
            }
            Err(mistakes) => {
                for mistake in &mistakes {
                    let _ = writeln!(text, "{mistake}");
                }
                found.extend(mistakes);
            }
        }
    }
    output.show(&json!({ "valid": found.is_empty(), "policies": sound, "mistakes": found }), || text)?;
    if found.is_empty() { Ok(()) } else { Err(Failure::told(Ending::Wrong)) }
}
