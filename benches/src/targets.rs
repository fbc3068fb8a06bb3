//! What can be measured: the simulator itself, nginx, Flyball in several configurations, peers. A target is a
//! process that answers at an address, and the headers that a call needs there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::http1::Message;
use crate::process::Process;
use crate::way::Way;

pub(crate) mod flyball;
pub(crate) mod nginx;
pub(crate) mod peers;
pub(crate) mod simulator;

/// The cores of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// Client and simulator.
    pub(crate) load: usize,
    /// The proxy, alone.
    pub(crate) proxy: usize,
}

/// What every start of a proxy needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    /// Where configuration, state and output go.
    pub(crate) folder: &'a Path,
    /// Where the simulator listens.
    pub(crate) simulator: SocketAddr,
    /// The core of the proxy.
    pub(crate) core: usize,
}

/// Something that answers calls.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its name in tables and filters.
    pub(crate) name: String,
    /// The version that it gives.
    pub(crate) version: String,
    /// Where calls go.
    pub(crate) address: SocketAddr,
    /// Whether it has models of providers that speak other protocols than chat, and serves other protocols.
    pub(crate) translates: bool,
    /// Headers of each call.
    pub(crate) headers: Vec<(String, String)>,
    /// The process that is measured.
    pub(crate) process: Process,
}

impl Target {
    /// Whether calls can go this way there.
    pub(crate) fn goes(&self, way: Way) -> bool {
        self.translates || way == Way::ChatToChat
    }
}

/// The name of calls straight to the simulator.
pub(crate) const DIRECT: &str = "direct";
/// The name of the bare reverse proxy.
pub(crate) const NGINX: &str = "nginx";

/// The header with a key, as SDKs send it.
pub(crate) fn bearer(key: &str) -> Vec<(String, String)> {
    vec![("authorization".to_owned(), format!("Bearer {key}"))]
}

/// Asks for a page; gives status and body. For readiness and counters, not for measuring.
pub(crate) fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = Message::default();
    let mut bytes = [0; 4096];
    while !answer.is_done() {
        let count = socket.read(&mut bytes)?;
        ensure!(count > 0, "{address} closed the connection");
        answer.feed(bytes.get(..count).unwrap_or_default())?;
    }
    let status = answer.status().context("an answer without a status")?;
    Ok((status, String::from_utf8_lossy(answer.body()).into_owned()))
}

/// The first line that a command prints, on either output; for versions.
pub(crate) fn first_line(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned())
}
