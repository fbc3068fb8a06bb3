//! One gateway process: opens its state, binds its listeners, serves, reloads, stops. `first_start` makes the demo
//! tenant, `control_socket` serves the commands of this machine, `reload` watches files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flyball_core::SystemClock;
use flyball_journal::{AppendError, OpenError};
use flyball_store::{Store, StoreError};
use tokio_util::task::TaskTracker;

use crate::admin::{Peer, Plane};
use crate::config::{self, Config, Overrides};
use crate::edge::drain::{Drain, DrainReport, DrainSettings};
use crate::edge::egress::{Egress, EgressSettings, SetupError};
use crate::edge::headers::{Cors, CorsError};
use crate::edge::listener::{BindError, Http2Settings, Listener, ListenerSettings};
use crate::edge::tls::{TlsError, TlsFiles, TlsSettings};
use crate::gateway::{Gateway, Parts, StartError};
use crate::pseudonyms::{Pseudonyms, PseudonymsError, Salts};
use crate::server::Server;
use crate::usage_feed::{self, UsageFeed};

pub mod control_socket;
pub mod first_start;
pub mod journal;
pub mod reload;

/// How long work that was told to end may take to send its last event.
const GRACE: Duration = Duration::from_secs(5);

/// How long the disk may take for the last of the state.
const CLOSING: Duration = Duration::from_secs(30);

/// Where a process's configuration comes from: kept, so that it can be read again.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file; none: defaults.
    pub file: Option<PathBuf>,
    /// Flags of the command line.
    pub flags: Overrides,
}

impl Sources {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub fn load(&self) -> Result<Config, config::ConfigErrors> {
        Config::load(self.file.as_deref(), config::environment(), &self.flags)
    }
}

/// A gateway that serves.
pub struct Running {
    /// What its exchanges share.
    pub gateway: Arc<Gateway>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its control API listens, when apart.
    pub admin_address: Option<SocketAddr>,
    /// The keys that were made because the data folder was new.
    pub first_keys: Option<first_start::FirstKeys>,
    tls: Option<TlsFiles>,
    /// The folder that this process claimed, whatever a later configuration says.
    data: PathBuf,
}

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener's certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Allowed origins.
    #[error("cors.origins: {0}")]
    Cors(#[from] CorsError),
    /// The way out.
    #[error(transparent)]
    Egress(#[from] SetupError),
    /// State.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Configuration or policy.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The control socket.
    #[error("{}: the control socket cannot be made: {source}; choose a data folder with a shorter path, on a disk that can be written", path.display())]
    ControlSocket {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// What a crash cut off cannot be settled.
    #[error("the journal takes no records: {0}")]
    Unsettled(#[from] AppendError),
    /// Recovery of the journal ended early.
    #[error("the recovery of the journal was cut short; start again")]
    Recovery,
    /// The secret of pseudonyms.
    #[error(transparent)]
    Pseudonyms(#[from] PseudonymsError),
    /// No randomness for keys.
    #[error("the operating system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

/// Starts serving.
///
/// # Errors
/// Whatever stands in the way, each naming what to change. Nothing is left running.
pub async fn start(config: Config) -> Result<Running, ServeError> {
    let tls = match &config.tls {
        Some(files) => {
            Some(TlsFiles::load(TlsSettings { certificates: files.cert.clone(), key: files.key.clone() })?)
        }
        None => None,
    };
    let settings = listener_settings(&config, tls.clone())?;
    let listener = Listener::bind(settings.clone())?;
    let admin_listener = match config.admin.listen {
        Some(address) => Some(Listener::bind(ListenerSettings { address, ..settings })?),
        None => None,
    };
    let clock = Arc::new(SystemClock);
    let (store, writer) = Store::open(&config.data, clock.clone()).await?;
    let tracker = TaskTracker::new();
    tracker.spawn(writer.run());
    let first_keys = first_start::prepare(&store).await?;
    let drain = Drain::new(DrainSettings {
        delay: config.drain.delay.get(),
        limit: config.drain.delay.get() + config.drain.limit.get(),
        grace: GRACE,
    });
    let egress = Egress::new(EgressSettings {
        connect_timeout: config.timeouts.connect.get(),
        ..EgressSettings::default()
    })?;
    let data = config.data.clone();
    let journal = journal::open(&store, &data, &config.journal, clock.clone()).await?;
    let usage_feed = UsageFeed::new(store.clone(), journal.clone()).await?;
    let parts = Parts {
        clock,
        config,
        egress,
        store,
        journal,
        usage_feed,
        pseudonyms: Pseudonyms::open(&data)?,
        salts: Salts::new()?,
        drain,
        tracker,
    };
    let gateway = Gateway::start(parts).await?;
    usage_feed::start(&gateway);
    control_socket::serve(&gateway, &data).await?;
    let (address, admin_address) = (listener.address(), admin_listener.as_ref().map(Listener::address));
    let plane = if admin_listener.is_some() { Plane::Data } else { Plane::Both };
    listen(&gateway, listener, plane);
    if let Some(listener) = admin_listener {
        listen(&gateway, listener, Plane::Control);
    }
    Ok(Running { gateway, address, admin_address, first_keys, tls, data })
}

fn listen(gateway: &Arc<Gateway>, listener: Listener, plane: Plane) {
    let server = Arc::new(Server::new(Arc::clone(gateway), plane));
    let handler = move |request, peer: crate::edge::listener::Peer| {
        let server = Arc::clone(&server);
        async move { server.answer(request, Peer::Address(peer.address)).await }
    };
    let (drain, tracker) = (gateway.drain.clone(), gateway.tracker.clone());
    gateway.tracker.spawn(listener.serve(handler, drain, tracker));
}

fn listener_settings(config: &Config, tls: Option<TlsFiles>) -> Result<ListenerSettings, CorsError> {
    let limits = &config.limits;
    let defaults = ListenerSettings::default();
    let cors =
        if config.cors.origins.is_empty() { None } else { Some(Cors::new(&config.cors.origins, false)?) };
    Ok(ListenerSettings {
        address: config.listen,
        tls,
        max_connections: limits.connections as usize,
        header_timeout: limits.header_timeout.get(),
        idle_timeout: limits.idle_timeout.get(),
        write_timeout: limits.write_timeout.get(),
        max_headers: limits.headers as usize,
        max_head_bytes: u32::try_from(limits.header_bytes.bytes()).unwrap_or(u32::MAX),
        http2: Http2Settings {
            max_concurrent_streams: limits.http2_streams,
            max_pending_reset_streams: limits.http2_resets as usize,
            ..defaults.http2
        },
        cors,
        scripted: vec!["/docs".to_owned()],
        ..defaults
    })
}

impl Running {
    /// Reads the configuration again and puts it in force, certificates included. What only a start can change
    /// (addresses, the data folder, limits of connections) stays as it is.
    ///
    /// # Errors
    /// What is wrong with it; everything stays as it was.
    pub async fn reload(&self, sources: &Sources) -> Result<u64, ReloadError> {
        let snapshot = self.gateway.prepare(sources.load()?).await?;
        // The last step that can fail; the one after it cannot.
        if let Some(tls) = &self.tls {
            tls.reload()?;
        }
        let number = snapshot.number;
        self.gateway.install(snapshot);
        Ok(number)
    }

    /// Stops gracefully: readiness falls, work in hand finishes, state is written. `hurry` cuts it short.
    ///
    /// # Errors
    /// When the last of the state could not be written.
    pub async fn stop(self, hurry: impl Future<Output = ()>) -> Result<DrainReport, StopError> {
        let report = self.gateway.drain.run(hurry).await;
        control_socket::remove(&self.data);
        // What was cut off settles when its connection is gone, which is soon, and needs the journal for it.
        let _ = tokio::time::timeout(GRACE, self.gateway.drain.until_idle()).await;
        tokio::time::timeout(CLOSING, self.close_books()).await.map_err(|_| StopError::Stalled)??;
        self.gateway.tracker.close();
        // Connections that were dropped end at once; the wait is bounded all the same.
        let _ = tokio::time::timeout(GRACE, self.gateway.tracker.wait()).await;
        Ok(report)
    }
}

impl Running {
    /// Counts everything, then closes the books. What cannot be counted now is counted at the next start.
    async fn close_books(&self) -> Result<(), StopError> {
        if let Err(error) = self.gateway.usage_feed.catch_up().await {
            tracing::error!(%error, code = "E702", "usage is not up to date");
        }
        self.gateway.journal.close().await?;
        Ok(self.gateway.store.close().await?)
    }
}

/// Why the last of the state could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] AppendError),
    /// The disk.
    #[error("the disk does not take what is left to write; the next start recovers it")]
    Stalled,
}

/// Why a reload was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config::ConfigErrors),
    /// The listener's certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The policy, or what the configuration points to.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// The path of the control socket in a data folder.
pub fn control_socket_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}
