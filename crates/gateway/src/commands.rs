//! The command line: one file a command. `main` parses and calls; what a command prints and returns is decided in
//! its file. `output` prints and ends, `operator` reaches the state, `locations` finds it, `mistakes` are what `check`
//! and `policy` report, `reference` is the page made from all of it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{FILE_NAME, Overrides};
use crate::serve::Sources;

mod check;
mod completions;
mod config;
mod demo;
mod info;
mod init;
mod journal;
mod keys;
mod locations;
mod mistakes;
mod operator;
mod output;
mod policy;
mod reference;
pub mod serve;
mod tenants;
mod version;

use output::Output;
pub use reference::reference;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a test case, a file, the state, the network
  2  wrong usage, configuration or policy; or the gateway cannot start
  3  refused by the gateway: by a rule, for want of permission, or because there is no such thing";

/// The governor for AI traffic.
#[derive(Parser)]
#[command(name = "flyball", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON instead of text, errors included.
    #[arg(long, global = true)]
    json: bool,
}

/// What the binary can do.
#[derive(Subcommand)]
enum Command {
    /// Serve the gateway until SIGTERM or SIGINT. The default.
    Serve(serve::Serve),
    /// Check configuration and policy without serving: every mistake with its place, or what would be served.
    Check(check::Check),
    /// Write a commented configuration and a sample policy with its test.
    Init(init::Init),
    /// Tell what this binary is, where its state is, and whether a gateway serves it.
    Info(ConfigArgs),
    /// Talk to a model through a gateway and see what the policy does.
    Demo(demo::Demo),
    /// Tenants: create, list.
    #[command(subcommand)]
    Tenants(tenants::Tenants),
    /// API keys: create, list, revoke. Effective at once, whether or not a gateway serves.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Policies: check, test, explain, hash. Needs no gateway.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// The journal of exchanges: inspect, verify, export, repair. All but repair work beside a gateway that serves.
    #[command(subcommand)]
    Journal(journal::Journal),
    /// The configuration's schema.
    #[command(subcommand)]
    Config(config::Config),
    /// Print a completion script for a shell.
    Completions(completions::Completions),
    /// Print the version.
    Version,
}

/// Where the configuration comes from.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Configuration file. Default: flyball.yaml in the working folder, where there is one.
    #[arg(long, value_name = "FILE", env = "FLYBALL_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Folder of the gateway's state.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

impl ConfigArgs {
    /// The sources that these arguments name.
    pub fn sources(&self) -> Sources {
        let found =
            self.config.clone().or_else(|| Some(PathBuf::from(FILE_NAME)).filter(|path| path.exists()));
        Sources { file: found, flags: Overrides { data: self.data.clone(), ..Overrides::default() } }
    }
}

/// Runs a command.
pub fn run(cli: Cli) -> ExitCode {
    let output = Output::new(cli.json);
    let done = match cli.command.unwrap_or_else(|| Command::Serve(serve::Serve::default())) {
        Command::Serve(command) => return serve::run(command, output),
        Command::Check(command) => check::run(&command, output),
        Command::Init(command) => init::run(&command, output),
        Command::Info(command) => info::run(&command, output),
        Command::Demo(command) => demo::run(command, output),
        Command::Tenants(command) => tenants::run(&command, output),
        Command::Keys(command) => keys::run(&command, output),
        Command::Policy(command) => policy::run(&command, output),
        Command::Journal(command) => journal::run(&command, output),
        Command::Config(command) => config::run(&command, output),
        Command::Completions(command) => completions::run(&command, output),
        Command::Version => version::run(output),
    };
    output.end(done)
}
