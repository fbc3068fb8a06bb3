//! The accept loop. It owns the listening socket and the number of open connections; what happens on a
//! connection is in `connection`, what a request means is the handler's business.

mod connection;
mod exchange;
mod executor;
mod io;
mod pulse;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use connection::Shared;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::body::Body;
use super::drain::{Drain, Phase};
use super::headers::Cors;
use super::tls::TlsFiles;

/// Where and how to listen. [`Default`] gives the bounds that the gateway uses when nothing is configured.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Port 0 takes a free one.
    pub address: SocketAddr,
    /// TLS; without it the listener speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Connections waiting in the operating system's queue to be accepted.
    pub backlog: u32,
    /// Open connections. Above it nothing is accepted, so that the queue fills and callers wait.
    pub max_connections: usize,
    /// For the TLS handshake.
    pub handshake_timeout: Duration,
    /// For the head of a request from its first byte, and for the first request of a connection. A connection
    /// is cut after it and before twice its length.
    pub header_timeout: Duration,
    /// After which a connection without an exchange is closed.
    pub idle_timeout: Duration,
    /// How long a peer may take no byte that waits for it, on a connection or an HTTP/2 stream.
    pub write_timeout: Duration,
    /// Header fields of a request (HTTP/1.1).
    pub max_headers: usize,
    /// Bytes of the head of a request; at least 8192. On HTTP/1.1 it bounds the buffer, which may pass it by
    /// one growth.
    pub max_head_bytes: u32,
    /// Bounds that only HTTP/2 needs.
    pub http2: Http2Settings,
    /// Origins that may read answers; `None` leaves CORS off.
    pub cors: Option<Cors>,
    /// Path prefixes of pages that run their own scripts.
    pub scripted: Vec<String>,
}

/// Bounds of an HTTP/2 connection.
#[derive(Clone, Copy, Debug)]
pub struct Http2Settings {
    /// Exchanges at the same time on one connection.
    pub max_concurrent_streams: u32,
    /// Streams that the peer reset before we took them up; more end the connection (CVE-2023-44487).
    pub max_pending_reset_streams: usize,
    /// Streams that we reset because of the peer's errors; more end the connection (CVE-2025-8671).
    pub max_local_reset_streams: usize,
    /// Between pings on a connection that says nothing.
    pub ping_interval: Duration,
    /// For the answer to a ping.
    pub ping_timeout: Duration,
    /// Bytes buffered per stream towards a peer that does not read.
    pub send_buffer: usize,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        ListenerSettings {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            backlog: 1_024,
            max_connections: 10_000,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(90),
            write_timeout: Duration::from_secs(60),
            max_headers: 100,
            max_head_bytes: 64 << 10,
            http2: Http2Settings {
                max_concurrent_streams: 256,
                max_pending_reset_streams: 20,
                max_local_reset_streams: 256,
                ping_interval: Duration::from_secs(30),
                ping_timeout: Duration::from_secs(20),
                send_buffer: 64 << 10,
            },
            cors: None,
            scripted: Vec::new(),
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address of the socket, which is a proxy's where there is one.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody else listens there.
    #[error("{address} is in use by another process: stop that process, or listen elsewhere with --listen")]
    InUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The operating system keeps the port for privileged processes.
    #[error("listening on {address} is not permitted: choose a port above 1023 with --listen")]
    NotPermitted {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// This machine does not have the address.
    #[error("{address} is not an address of this machine: choose another with --listen")]
    NotOurs {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// What a listener counted since its start. Read for metrics.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections open now.
    pub open: AtomicU64,
    /// Times that accepting paused because too many connections were open.
    pub saturated: AtomicU64,
    /// Times that the operating system could not accept (out of descriptors and the like).
    pub accept_errors: AtomicU64,
    /// TLS handshakes that failed or took too long.
    pub handshake_errors: AtomicU64,
    /// Connections cut because a request head did not arrive in time.
    pub slow_heads: AtomicU64,
    /// Connections and streams cut because the peer did not read.
    pub slow_readers: AtomicU64,
}

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    settings: ListenerSettings,
    counters: Arc<Counters>,
}

impl Listener {
    /// Binds the address. Must be called within a runtime.
    ///
    /// # Errors
    /// See [`BindError`]; every error names the address.
    pub fn bind(settings: ListenerSettings) -> Result<Self, BindError> {
        let asked = settings.address;
        let bound = open(asked, settings.backlog).and_then(|socket| {
            let address = socket.local_addr()?;
            Ok((socket, address))
        });
        match bound {
            Ok((socket, address)) => {
                Ok(Listener { socket, address, settings, counters: Arc::new(Counters::default()) })
            }
            Err(source) => Err(match source.kind() {
                std::io::ErrorKind::AddrInUse => BindError::InUse { address: asked },
                std::io::ErrorKind::PermissionDenied => BindError::NotPermitted { address: asked },
                std::io::ErrorKind::AddrNotAvailable => BindError::NotOurs { address: asked },
                _ => BindError::Other { address: asked, source },
            }),
        }
    }

    /// The bound address, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is counted; stays valid after [`Listener::serve`].
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Accepts connections until `drain` refuses new work, then closes the socket and returns. Connections
    /// are tasks of `tracker` and go on; the drain waits for them.
    ///
    /// `handler` gets each request and gives its answer. When the caller hangs up, its future and the body it
    /// returned are dropped.
    pub async fn serve<H, F>(self, handler: H, drain: Drain, tracker: TaskTracker)
    where
        H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let refusing = drain.token(Phase::Refusing).clone();
        let slots = Arc::new(Semaphore::new(self.settings.max_connections.min(Semaphore::MAX_PERMITS)));
        let shared =
            Arc::new(Shared::new(handler, drain, tracker.clone(), self.settings, Arc::clone(&self.counters)));
        let mut backoff = Backoff::default();
        loop {
            let slot = match Arc::clone(&slots).try_acquire_owned() {
                Ok(slot) => slot,
                Err(_) => {
                    self.counters.saturated.fetch_add(1, Ordering::Relaxed);
                    tokio::select! {
                        biased;
                        () = refusing.cancelled() => return,
                        slot = Arc::clone(&slots).acquire_owned() => match slot {
                            Ok(slot) => slot,
                            // Only a closed semaphore fails, and nobody closes it.
                            Err(_) => return,
                        },
                    }
                }
            };
            let accepted = tokio::select! {
                biased;
                () = refusing.cancelled() => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    backoff = Backoff::default();
                    self.counters.accepted.fetch_add(1, Ordering::Relaxed);
                    tracker.spawn(connection::run(Arc::clone(&shared), stream, address, slot));
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    self.counters.accept_errors.fetch_add(1, Ordering::Relaxed);
                    let pause = backoff.next();
                    tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "cannot accept connections");
                    tokio::select! {
                        () = refusing.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
    }
}

fn open(address: SocketAddr, backlog: u32) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Unix this lets a restart bind while old connections wait out their last minutes; elsewhere it would
    // let two processes share the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// Errors of `accept` that say something about the connection that was waiting, not about us.
fn concerns_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Pauses between failed accepts: doubling from 10 ms to one second.
#[derive(Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let pause = Duration::from_millis(10 << self.failures.min(7)).min(Duration::from_secs(1));
        self.failures += 1;
        pause
    }
}

#[cfg(test)]
mod tests;
