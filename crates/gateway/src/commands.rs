//! The command line: one file a command. `main` parses and calls; what a command prints and returns is decided in
//! its file. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the gateway refused.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{FILE_NAME, Overrides};
use crate::serve::Sources;

pub mod serve;

/// The governor for AI traffic.
#[derive(Parser)]
#[command(name = "flyball", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the binary can do.
#[derive(Subcommand)]
pub enum Command {
    /// Serve the gateway.
    Serve(serve::Serve),
}

/// Where the configuration comes from.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Configuration file. Default: flyball.yaml in the working folder, where there is one.
    #[arg(long, value_name = "FILE", env = "FLYBALL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder of the gateway's state.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

impl ConfigArgs {
    /// The sources that these arguments name.
    pub fn sources(&self) -> Sources {
        let found = self.config.clone().or_else(|| Some(PathBuf::from(FILE_NAME)).filter(|path| path.exists()));
        Sources { file: found, flags: Overrides { data: self.data.clone(), ..Overrides::default() } }
    }
}

/// Runs a command.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command.unwrap_or_else(|| Command::Serve(serve::Serve::default())) {
        Command::Serve(command) => serve::run(command),
    }
}
