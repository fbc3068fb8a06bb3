//! The provider simulator: the demo model behind an HTTP/1.1 and HTTP/2 listener that plays its steps in real
//! time. What a script does is documented in [`flyball_demo::script`].

mod playing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use flyball_demo::{Demo, Received};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many requests the log of [`Simulator::start`] keeps.
const LOG_CAPACITY: usize = 4096;

/// What happened so far. Every request that started is sooner or later either completed or cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Requests whose head arrived.
    pub started: u64,
    /// Requests whose answer was played to its end; a scripted cut is an end.
    pub completed: u64,
    /// Requests whose peer went away before that.
    pub cancelled: u64,
}

/// What a provider would bill so far. `GET /counted` tells it to other processes, with the counts of requests.
///
/// A call's input counts as soon as the whole request was read, unless the answer is an error status: that counts
/// as a call and no tokens. Output counts with the write that completes it: an event's with its last byte, a
/// document's with the document's. So a stream that breaks off counts the events before the break, a plain answer
/// that does counts no output, and a peer that goes away is billed what had been written to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Calls of which the whole request was read.
    pub calls: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    started: AtomicU64,
    completed: AtomicU64,
    cancelled: AtomicU64,
    calls: AtomicU64,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
}

impl Counters {
    fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.load(Ordering::SeqCst),
            started: self.started.load(Ordering::SeqCst),
            completed: self.completed.load(Ordering::SeqCst),
            cancelled: self.cancelled.load(Ordering::SeqCst),
        }
    }

    fn counted(&self) -> Counted {
        Counted {
            calls: self.calls.load(Ordering::SeqCst),
            input_tokens: self.input_tokens.load(Ordering::SeqCst),
            output_tokens: self.output_tokens.load(Ordering::SeqCst),
        }
    }
}

/// A running simulator. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    demo: Arc<Demo>,
    counters: Arc<Counters>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Serves a demo model that logs what it receives, on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub async fn start() -> anyhow::Result<Self> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Simulator::serve(loopback, Demo::new().with_log(LOG_CAPACITY)).await
    }

    /// Serves `demo` at `address`.
    ///
    /// # Errors
    ///
    /// When the address cannot be had.
    pub async fn serve(address: SocketAddr, demo: Demo) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let simulator = Simulator {
            address: listener.local_addr()?,
            demo: Arc::new(demo),
            counters: Arc::new(Counters::default()),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let accepting = accept(
            listener,
            Arc::clone(&simulator.demo),
            Arc::clone(&simulator.counters),
            simulator.stop.clone(),
            simulator.tasks.clone(),
        );
        simulator.tasks.spawn(accepting);
        Ok(simulator)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL that an OpenAI SDK takes, with `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// A text as the value of the script key `text`: every byte percent-encoded, so that neither a script's commas
    /// nor a detector on the way sees it.
    pub fn script_text(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    /// The logged requests, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.demo.received()
    }

    /// Forgets the logged requests.
    pub fn forget(&self) {
        self.demo.forget();
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counters.counts()
    }

    /// What a provider would bill so far. Complete once every request that started is completed or cancelled.
    pub fn counted(&self) -> Counted {
        self.counters.counted()
    }

    /// Closes the listener and every connection, and waits until they are closed.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    demo: Arc<Demo>,
    counters: Arc<Counters>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        // A connection that failed before it was accepted concerns nobody.
        let Ok((stream, _)) = accepted else { continue };
        counters.connections.fetch_add(1, Ordering::SeqCst);
        let (demo, counters, stop) = (Arc::clone(&demo), Arc::clone(&counters), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = connection(stream, demo, counters) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

async fn connection(stream: TcpStream, demo: Arc<Demo>, counters: Arc<Counters>) {
    // Without it small writes wait for the peer's acknowledgement, which would distort every measurement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        playing::answer(request, Arc::clone(&demo), Arc::clone(&counters))
    });
    let server = auto::Builder::new(TokioExecutor::new());
    // How a connection ends is what the scripts are about; the counters have seen it.
    let _ended = server.serve_connection(TokioIo::new(stream), service).await;
}

/// The error that makes hyper break a connection.
#[derive(Debug)]
pub(crate) struct ScriptedCut;

impl std::fmt::Display for ScriptedCut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the script cuts the connection here")
    }
}

impl std::error::Error for ScriptedCut {}
