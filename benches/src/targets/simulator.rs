//! The simulator as a process: this same binary, on the core of the client. Calls straight to it are the floor that
//! others are compared with.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::{DIRECT, Target, bearer, get};
use crate::poll::Waiting;
use crate::process::Process;
use crate::sockets::free_address;

/// Starts it.
///
/// # Errors
///
/// When it does not start.
pub(crate) fn start(folder: &Path, core: usize, waiting: Waiting) -> anyhow::Result<Target> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["simulator", "--listen", &address.to_string()]);
    if waiting == Waiting::Spin {
        command.arg("--spin");
    }
    Ok(Target {
        name: DIRECT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        address,
        translates: false,
        headers: bearer("fb_no_key_is_needed_here_but_the_request_is_as_long"),
        process: Process::start(&command, core, address, &folder.join("simulator.log"))?,
    })
}

/// How many calls it answered so far.
///
/// # Errors
///
/// When it does not say.
pub(crate) fn count(address: SocketAddr) -> anyhow::Result<u64> {
    let (_, body) = get(address, "/count")?;
    body.parse().context("the simulator's count is not a number")
}
