//! `flyball completions`: scripts with which a shell completes our commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use super::Cli;
use super::output::{Failure, Outcome, Output};

/// Arguments of `completions`.
#[derive(Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(command: &Completions, output: Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Cli::command(), "flyball", &mut script);
    let script = String::from_utf8(script).map_err(|error| Failure::failed(error.to_string()))?;
    let value = json!({ "shell": command.shell.to_string(), "script": script });
    output.show(&value, || script.clone())
}
