//! The load bench: one command that prints what Flyball costs beside nginx and other gateways, in one run, on one
//! machine. The method and the meaning of the columns: `docs/explanation/measuring.md`.

mod accounting;
mod cell;
mod check;
mod cli;
mod closed;
mod commands;
mod compare;
mod connection;
mod disk;
mod frontier;
mod http1;
mod machine;
mod open;
mod percentiles;
mod poll;
mod process;
mod profile;
mod progress;
mod record;
mod report;
mod run;
mod script;
mod simulator;
mod sockets;
mod table;
mod targets;
mod way;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use poll::Waiting;

fn main() -> ExitCode {
    run_command(Cli::parse().command).unwrap_or_else(|error| {
        // Nobody who closed standard error wants to read it.
        let _written = writeln!(io::stderr().lock(), "flyball-bench: {error:#}");
        ExitCode::FAILURE
    })
}

fn run_command(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Load(command) => commands::load(&command),
        Command::Peers(command) => commands::peers(&command),
        Command::Profile(command) => profile::profile(&command),
        Command::Simulator { listen, spin } => {
            simulator::serve(listen, if spin { Waiting::Spin } else { Waiting::Sleep })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
