//! The binary `flyball`. No logic: arguments in, a command's exit code out.

use std::process::ExitCode;

use clap::Parser;
use flyball_gateway::commands::{Cli, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Cli::parse())
}
