//! The arguments.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cell::Filter;

/// Measures what Flyball costs: beside nginx and beside other gateways.
#[derive(Debug, Parser)]
#[command(name = "flyball-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Flyball in its configurations beside nginx.
    Load(Load),
    /// The same with other gateways, which are installed first (`LiteLLM`, Portkey).
    Peers(Peers),
    /// Where Flyball spends its time in one cell: samples of perf(1), or instructions counted by valgrind(1).
    Profile(Profile),
    /// The provider that the others start. Its model names say how it behaves.
    #[command(hide = true)]
    Simulator {
        /// Where it listens.
        #[arg(long)]
        listen: SocketAddr,
        /// Looks for work all the time instead of sleeping.
        #[arg(long)]
        spin: bool,
    },
}

/// Arguments of `load`.
#[derive(Debug, Args)]
pub(crate) struct Load {
    #[command(flatten)]
    pub(crate) common: Common,
    /// A few seconds a cell, 1 and 128 connections, one repetition, no fixed rates: for use while optimising.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Whether rates are fixed too, to find requests/s at p99 below 1, 5 and 10 ms. Default: yes, with --quick no.
    #[arg(long, value_name = "WHETHER")]
    pub(crate) frontier: Option<WithFrontier>,
}

/// Whether the open loop is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WithFrontier {
    /// After the closed loop.
    Yes,
    /// Not.
    No,
    /// Alone.
    Only,
}

/// Arguments of `peers`.
#[derive(Debug, Args)]
pub(crate) struct Peers {
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Arguments of `profile`.
#[derive(Debug, Args)]
pub(crate) struct Profile {
    /// The binary. Default: that of this workspace, built first.
    #[arg(long, value_name = "PATH")]
    pub(crate) flyball: Option<PathBuf>,
    /// The cargo profile that the binary is built with.
    #[arg(long, value_name = "NAME", default_value = "release")]
    pub(crate) profile: String,
    /// The cell; the first that matches.
    #[arg(long, value_name = "CELL", default_value = "plain-1k@128")]
    pub(crate) cells: Filter,
    /// The configuration, by its name in the tables.
    #[arg(long, value_name = "TARGET", default_value = "flyball-pass")]
    pub(crate) only: String,
    /// How long is looked at.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// Counts instructions also where perf(1) is installed.
    #[arg(long)]
    pub(crate) instructions: bool,
    #[command(flatten)]
    pub(crate) cores: CoreArgs,
}

/// Which core is whose.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CoreArgs {
    /// The core of client and simulator.
    #[arg(long, value_name = "CORE", default_value_t = 0)]
    pub(crate) load_core: usize,
    /// The core of the proxy, alone.
    #[arg(long, value_name = "CORE", default_value_t = 1)]
    pub(crate) proxy_core: usize,
}

/// What both tables take.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The binary. Default: that of this workspace, built first.
    #[arg(long, value_name = "PATH")]
    pub(crate) flyball: Option<PathBuf>,
    /// The cargo profile that the binary is built with; `dist` is what is shipped.
    #[arg(long, value_name = "NAME", default_value = "release")]
    pub(crate) profile: String,
    /// Only these targets, and the direct way.
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Only these cells: SHAPE, SHAPE+DELAYms, SHAPE@CONNECTIONS, @CONNECTIONS, each after WAY: or without; what is
    /// not said is free. Ways are chat-to-chat, messages-to-messages, chat-to-messages, responses-to-chat,
    /// chat-to-gemini.
    #[arg(long, value_name = "CELL", value_delimiter = ',')]
    pub(crate) cells: Vec<Filter>,
    /// Time of each cell that is counted. Default: 2, with --quick 1, peers 4.
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
    /// Time before it. Default: 0.5, peers 2.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) warm_up: Option<f64>,
    /// How often each cell is measured. Default: 3, with --quick 1.
    #[arg(long, value_name = "TIMES")]
    pub(crate) repetitions: Option<usize>,
    /// Client and simulator sleep while they have nothing to do. The proxy then pays for waking them, as it would not
    /// if they were on other machines.
    #[arg(long)]
    pub(crate) sleep: bool,
    /// Writes everything to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Compares with the file of an earlier run; ends with 2 when a figure is worse by more than a tenth.
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cores: CoreArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn filters_are_lists() {
        let cli =
            Cli::parse_from(["bench", "load", "--quick", "--cells", "plain-1k@128,@1", "--only", "nginx,a"]);
        let Command::Load(load) = cli.command else { panic!() };
        assert_eq!(load.common.cells.len(), 2);
        assert_eq!(load.common.only, ["nginx", "a"]);
        assert!(load.quick);
    }
}
