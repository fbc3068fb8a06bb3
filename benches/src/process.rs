//! Processes under measurement: started on one core with their output in a file, waited for, checked to be the one
//! that answers, stopped. What is started is said by `targets`.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::accounting::{CpuTimes, resident, tree};
use crate::sockets;

/// How long a process may take until it listens.
const START: Duration = Duration::from_secs(120);
/// How long it may take to end before it is killed.
const STOP: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// A process that was started here. Dropping it ends it and its children.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    core: usize,
    address: SocketAddr,
    log: PathBuf,
    /// The process and its children, once it listens.
    tree: Vec<u32>,
}

/// Keeps the calling thread, and the processes that it starts, on one core.
///
/// # Errors
///
/// When there is no such core, or it is not ours.
pub(crate) fn pin_to(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    if core >= CpuSet::MAX_CPU {
        return Err(io::Error::other(format!("there is no core {core}")));
    }
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Allows this process, and those that it starts, as many open files as the system lets it: 512 connections take a
/// proxy more than the usual 1024.
///
/// # Errors
///
/// When the limit cannot be raised.
pub(crate) fn allow_many_files() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}

impl Process {
    /// Starts it on the core, and waits until it listens at the address.
    ///
    /// # Errors
    ///
    /// When it does not start, ends, or does not listen in time; the error shows what it said.
    pub(crate) fn start(
        command: &Command,
        core: usize,
        address: SocketAddr,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let file = File::create(log)?;
        let mut command = ending_with_us(command);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = on_core(core, || command.spawn()).with_context(|| format!("cannot start {name}"))?;
        let mut process = Process { child, core, address, log: log.to_owned(), tree: Vec::new() };
        process.wait_until_it_listens().with_context(|| format!("{name} is not to be had"))?;
        Ok(process)
    }

    fn wait_until_it_listens(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            self.is_alive()?;
            let tree = tree(self.child.id())?;
            // A child that ended between the two readings is no reason to give up.
            if sockets::listens(&tree, self.address.port()).unwrap_or(false) {
                self.tree = tree;
                return Ok(());
            }
            ensure!(begin.elapsed() < START, "it does not listen at {}:\n{}", self.address, self.said());
            sleep(POLL);
        }
    }

    fn is_alive(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("it ended with {status}:\n{}", self.said());
        }
        Ok(())
    }

    /// The end of its output.
    pub(crate) fn said(&self) -> String {
        let text = fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.unwrap_or_else(|error| format!("({}: {error})", self.log.display()));
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    /// That the process that was started lives, holds the port, and that all its threads are kept on its core.
    ///
    /// # Errors
    ///
    /// When one of these is not so.
    pub(crate) fn verify(&mut self) -> anyhow::Result<()> {
        self.is_alive()?;
        self.tree = tree(self.child.id())?;
        let port = self.address.port();
        ensure!(
            sockets::listens(&self.tree, port)?,
            "port {port} is not held by the process that was started"
        );
        for pid in &self.tree {
            for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
                let name = entry?.file_name();
                let tid = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
                // A thread that ended meanwhile has no cores.
                let Ok(set) = sched_getaffinity(tid) else { continue };
                ensure!(
                    set.count() == 1 && set.is_set(self.core),
                    "thread {} of process {pid} is not kept on core {}",
                    name.display(),
                    self.core
                );
            }
        }
        Ok(())
    }

    /// Its CPU times.
    pub(crate) fn cpu_times(&self) -> io::Result<CpuTimes> {
        CpuTimes::read(&self.tree)
    }

    /// Its resident memory, bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        resident(&self.tree)
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn end(&mut self) -> io::Result<()> {
        let all = tree(self.child.id()).unwrap_or_default();
        send(self.child.id(), Signal::TERM);
        let begin = Instant::now();
        while self.child.try_wait()?.is_none() && begin.elapsed() < STOP {
            sleep(POLL);
        }
        if self.child.try_wait()?.is_none() {
            for pid in all {
                send(pid, Signal::KILL);
            }
            self.child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.end();
    }
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended already.
        let _sent = kill_process(pid, signal);
    }
}

/// Runs something while the calling thread is kept on a core: what it starts stays there.
fn on_core<T>(core: usize, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let own = sched_getaffinity(None)?;
    pin_to(core)?;
    let started = start();
    sched_setaffinity(None, &own)?;
    started
}

/// The command under setpriv(1), which has the kernel end it when the bench is killed.
fn ending_with_us(command: &Command) -> Command {
    let mut wrapped = Command::new("setpriv");
    wrapped.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_at_once_is_reported_with_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such luck; exit 3"]);
        let address = sockets::free_address().unwrap();
        let core = (0..CpuSet::MAX_CPU).find(|&core| sched_getaffinity(None).unwrap().is_set(core)).unwrap();
        let error = Process::start(&command, core, address, &folder.path().join("log")).unwrap_err();
        assert!(format!("{error:#}").contains("no such luck"), "{error:#}");
    }
}
