//! The real binary in a folder of its own: started, waited for, read, stopped. Only what any caller sees from
//! outside is used: arguments, files, output, signals, HTTP.

mod output;
mod setup;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use output::Output;
pub use setup::Setup;

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the printed keys may take after readiness.
const KEYS_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// How a run of the binary ended, and what it said.
#[derive(Debug)]
pub struct Exited {
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A running gateway. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct Flyball {
    setup: Setup,
    folder: TempDir,
    address: SocketAddr,
    /// Where this run's part of the output begins.
    output: Output,
    child: Option<Child>,
    demo_key: Option<String>,
    operator_key: Option<String>,
}

impl Flyball {
    /// What to start. Tests pass `env!("CARGO_BIN_EXE_flyball")`.
    pub fn builder(binary: impl Into<PathBuf>) -> Setup {
        Setup::new(binary.into())
    }

    async fn start(setup: Setup) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("flyball-").tempdir()?;
        setup.write_files(folder.path())?;
        let address = free_address()?;
        let output = Output::create(folder.path())?;
        let mut flyball =
            Flyball { setup, folder, address, output, child: None, demo_key: None, operator_key: None };
        flyball.start_again().await?;
        Ok(flyball)
    }

    /// Starts the binary again on the same folder and port, after [`stop`](Flyball::stop) or
    /// [`kill`](Flyball::kill).
    ///
    /// # Errors
    ///
    /// When it still runs, exits, or is not ready within a minute; the error shows what it said.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        if self.child.is_some() {
            bail!("the binary still runs");
        }
        let mut command = self.setup.serve(self.folder.path(), self.address);
        let (stdout, stderr) = self.output.handles()?;
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        self.child = Some(command.spawn().context("the binary does not start")?);
        self.wait_until_ready().await?;
        self.read_keys().await
    }

    /// Reads the keys that the first start prints, which may come after its readiness.
    async fn read_keys(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while self.demo_key.is_none() || self.operator_key.is_none() {
            let (demo, operator) = output::keys(&format!("{}\n{}", self.stdout()?, self.stderr()?));
            self.demo_key = self.demo_key.take().or(demo);
            self.operator_key = self.operator_key.take().or(operator);
            if started.elapsed() >= KEYS_PATIENCE {
                break;
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let client = Client::new(self.setup.readiness(self.address));
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.exited()? {
                self.child = None;
                bail!("the binary ended with {status}:\n{}\n{}", self.stdout()?, self.stderr()?);
            }
            if client.get("/health/ready").await.is_ok_and(|answer| answer.status.is_success()) {
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(anyhow!("not ready within a minute:\n{}\n{}", self.stdout()?, self.stderr()?))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that it is reached at, without `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client without a key.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// The key of the demo tenant, as the first start printed it.
    ///
    /// # Errors
    ///
    /// When no such key was printed.
    pub fn demo_key(&self) -> anyhow::Result<&str> {
        self.demo_key.as_deref().context("the first start printed no demo key")
    }

    /// The operator's key, as the first start printed it.
    ///
    /// # Errors
    ///
    /// When no such key was printed.
    pub fn operator_key(&self) -> anyhow::Result<&str> {
        self.operator_key.as_deref().context("the first start printed no operator key")
    }

    /// The folder of everything that belongs to this run: configuration, policy, data, output.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that the binary keeps its state in.
    pub fn data_dir(&self) -> PathBuf {
        self.setup.data_dir(self.folder.path())
    }

    /// Where the configuration file stands, or would stand.
    pub fn config_path(&self) -> PathBuf {
        setup::config_path(self.folder.path())
    }

    /// Where the policy file stands, or would stand.
    pub fn policy_path(&self) -> PathBuf {
        setup::policy_path(self.folder.path())
    }

    /// Standard output so far, of all starts.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn stdout(&self) -> anyhow::Result<String> {
        self.output.stdout()
    }

    /// Standard error so far, of all starts.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn stderr(&self) -> anyhow::Result<String> {
        self.output.stderr()
    }

    /// The process id while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// A command of the same binary in the same folder, to run beside the server (`keys`, `policy` ...).
    pub fn command(&self) -> Command {
        self.setup.command(self.folder.path())
    }

    /// Sends a signal, by the name that kill(1) takes: `TERM`, `HUP`, `INT`.
    ///
    /// # Errors
    ///
    /// When the process does not run.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let process = self.process_id().context("the binary does not run")?.to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &process]).status()?;
        if status.success() { Ok(()) } else { Err(anyhow!("kill -{name} failed: {status}")) }
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    ///
    /// When the process does not run or does not end within a minute.
    pub async fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal("TERM")?;
        self.wait().await
    }

    /// Waits for the end of the process.
    ///
    /// # Errors
    ///
    /// When the process does not run or does not end within a minute.
    pub async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.exited()? {
                self.child = None;
                return Ok(status);
            }
            sleep(POLL).await;
        }
        bail!("the binary did not end within a minute")
    }

    /// Kills the process at once, as a power cut would.
    ///
    /// # Errors
    ///
    /// When the process does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the binary does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    fn exited(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let child = self.child.as_mut().context("the binary does not run")?;
        Ok(child.try_wait()?)
    }
}

impl Drop for Flyball {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Already ended is as good as killed.
            let _killed = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// An address of the loopback interface that nobody listens on. Another process could take the port before the
/// binary does; then the start fails and says so.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?)
}
