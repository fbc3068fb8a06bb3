//! What is started and with which files.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

use super::output::Output;
use super::{Exited, Flyball, PATIENCE, POLL, free_address};

/// A start to be made. Nothing of the test's own environment reaches the binary but `PATH` and `HOME`.
#[derive(Clone, Debug)]
pub struct Setup {
    binary: PathBuf,
    config: Option<String>,
    policy: Option<String>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    ready_at: Option<SocketAddr>,
    data: Option<PathBuf>,
}

impl Setup {
    pub(super) fn new(binary: PathBuf) -> Self {
        Setup {
            binary,
            config: None,
            policy: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            ready_at: None,
            data: None,
        }
    }

    /// The configuration, as YAML. Without it and without a policy the embedded default is used.
    #[must_use]
    pub fn config(mut self, yaml: impl Into<String>) -> Self {
        self.config = Some(yaml.into());
        self
    }

    /// The policy, as YAML. It is written to `policy.yaml` beside the configuration, which is made to name it
    /// unless it names one itself.
    #[must_use]
    pub fn policy(mut self, yaml: impl Into<String>) -> Self {
        self.policy = Some(yaml.into());
        self
    }

    /// More arguments of `serve`.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// A variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Where the state lies. Without it a folder beside the configuration, which goes away with it.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Where readiness is asked for when it is not on the first listener (`admin.listen`).
    #[must_use]
    pub fn ready_at(mut self, address: SocketAddr) -> Self {
        self.ready_at = Some(address);
        self
    }

    /// The address of readiness, the first listener being at `address`.
    pub(super) fn readiness(&self, address: SocketAddr) -> SocketAddr {
        self.ready_at.unwrap_or(address)
    }

    /// Starts the binary and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it exits or is not ready within a minute; the error shows what it said.
    pub async fn start(self) -> anyhow::Result<Flyball> {
        Flyball::start(self).await
    }

    /// Starts the binary and waits until it exits: for starts that must be refused.
    ///
    /// # Errors
    ///
    /// When it does not start, or still runs after a minute.
    pub async fn run_to_exit(self) -> anyhow::Result<Exited> {
        let folder = tempfile::Builder::new().prefix("flyball-").tempdir()?;
        self.write_files(folder.path())?;
        let output = Output::create(folder.path())?;
        let (stdout, stderr) = output.handles()?;
        let mut command = self.serve(folder.path(), free_address()?);
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let mut child = command.spawn().context("the binary does not start")?;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = child.try_wait()? {
                return Ok(Exited { status, stdout: output.stdout()?, stderr: output.stderr()? });
            }
            sleep(POLL).await;
        }
        child.kill()?;
        child.wait()?;
        bail!("the binary still runs after a minute:\n{}\n{}", output.stdout()?, output.stderr()?)
    }

    pub(super) fn write_files(&self, folder: &Path) -> anyhow::Result<()> {
        if let Some(policy) = &self.policy {
            std::fs::write(policy_path(folder), policy)?;
        }
        if let Some(config) = self.config_text() {
            std::fs::write(config_path(folder), config)?;
        }
        Ok(())
    }

    /// `flyball serve` with the files of `folder`.
    pub(super) fn serve(&self, folder: &Path, address: SocketAddr) -> Command {
        let mut command = self.command(folder);
        command.arg("serve");
        if self.config_text().is_some() {
            command.arg("--config").arg(config_path(folder));
        }
        command.arg("--data").arg(self.data_dir(folder));
        command.arg("--listen").arg(address.to_string());
        command.args(&self.arguments);
        command
    }

    /// The binary in `folder`, without arguments.
    pub(super) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(folder).env_clear();
        for name in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The folder of the state.
    pub(super) fn data_dir(&self, folder: &Path) -> PathBuf {
        self.data.clone().unwrap_or_else(|| folder.join("data"))
    }

    fn config_text(&self) -> Option<String> {
        let config = self.config.as_deref();
        match (config, &self.policy) {
            (None, None) => None,
            (Some(config), None) => Some(config.to_owned()),
            (Some(config), Some(_)) if config.lines().any(|line| line.starts_with("policy:")) => {
                Some(config.to_owned())
            }
            (config, Some(_)) => Some(format!("policy: policy.yaml\n{}", config.unwrap_or_default())),
        }
    }
}

pub(super) fn config_path(folder: &Path) -> PathBuf {
    folder.join("flyball.yaml")
}

pub(super) fn policy_path(folder: &Path) -> PathBuf {
    folder.join("policy.yaml")
}
