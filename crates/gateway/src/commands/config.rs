//! `flyball config`: what the configuration may hold. Whether one is right is the business of `check`.

use clap::Subcommand;

use super::output::{Outcome, Output};
use crate::config;

/// Subcommands of `config`.
#[derive(Subcommand)]
pub(super) enum Config {
    /// Print the JSON Schema of flyball.yaml, for editors.
    Schema,
}

pub(super) fn run(command: &Config, output: Output) -> Outcome {
    match command {
        Config::Schema => {
            let schema = config::schema();
            output.show(&schema, || format!("{schema:#}"))
        }
    }
}
