//! One connection from its handshake to its end: HTTP/1.1 or HTTP/2, the deadlines that hyper does not keep,
//! and what the phases of a drain mean for it.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::exchange::{ExchangeBody, Terms};
use super::executor::TrackedExecutor;
use super::io::Watched;
use super::pulse::{Pulse, Verdict};
use super::{Counters, ListenerSettings, Peer};
use crate::edge::body::Body;
use crate::edge::drain::{Drain, Phase};

/// The smallest head buffer that hyper accepts.
const MIN_HEAD_BYTES: u32 = 8_192;

/// How many header fields hyper accepts when it is not told: part of its documented interface.
const DEFAULT_MAX_HEADERS: usize = 100;

/// What all connections of a listener share.
pub(super) struct Shared<H> {
    handler: H,
    drain: Drain,
    settings: ListenerSettings,
    counters: Arc<Counters>,
    acceptor: Option<TlsAcceptor>,
    http: auto::Builder<TrackedExecutor>,
}

impl<H> Shared<H> {
    pub(super) fn new(
        handler: H,
        drain: Drain,
        tracker: TaskTracker,
        settings: ListenerSettings,
        counters: Arc<Counters>,
    ) -> Self {
        let executor = TrackedExecutor {
            tracker,
            write_timeout: settings.write_timeout,
            counters: Arc::clone(&counters),
        };
        let acceptor = settings.tls.as_ref().map(|files| files.acceptor());
        Shared { http: http(executor, &settings), handler, drain, settings, counters, acceptor }
    }
}

fn http(executor: TrackedExecutor, settings: &ListenerSettings) -> auto::Builder<TrackedExecutor> {
    let head = settings.max_head_bytes.max(MIN_HEAD_BYTES);
    let mut builder = auto::Builder::new(executor);
    let mut http1 = builder.http1();
    http1
        // The pulse keeps this deadline, without a timer set and dropped for each request.
        .header_read_timeout(None)
        .max_buf_size(head as usize);
    // Its own default costs it less than the same number given.
    if settings.max_headers != DEFAULT_MAX_HEADERS {
        http1.max_headers(settings.max_headers);
    }
    let limits = settings.http2;
    builder
        .http2()
        .timer(TokioTimer::new())
        .adaptive_window(true)
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_pending_accept_reset_streams(limits.max_pending_reset_streams)
        .max_local_error_reset_streams(limits.max_local_reset_streams)
        .max_header_list_size(head)
        .max_send_buf_size(limits.send_buffer)
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout);
    builder
}

/// Counts an open connection.
struct Open(Arc<Counters>);

impl Open {
    fn new(counters: &Arc<Counters>) -> Self {
        counters.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves an accepted socket. `slot` is given back when the connection has ended.
pub(super) async fn run<H, F>(
    shared: Arc<Shared<H>>,
    socket: TcpStream,
    address: SocketAddr,
    slot: OwnedSemaphorePermit,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _slot = slot;
    let _open = Open::new(&shared.counters);
    let _unsent = shared.drain.attach();
    // Small events must not wait for an acknowledgement. A socket that cannot do it is served without.
    let _ = socket.set_nodelay(true);
    match &shared.acceptor {
        None => serve(&shared, socket, Peer { address, tls: false }).await,
        Some(acceptor) => {
            let handshake = timeout(shared.settings.handshake_timeout, acceptor.accept(socket));
            let outcome = tokio::select! {
                // Nothing was asked yet, so that nothing is lost.
                () = shared.drain.token(Phase::Refusing).cancelled() => return,
                outcome = handshake => outcome,
            };
            if let Ok(Ok(socket)) = outcome {
                serve(&shared, socket, Peer { address, tls: true }).await;
            } else {
                shared.counters.handshake_errors.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn serve<H, F, S>(shared: &Arc<Shared<H>>, socket: S, peer: Peer)
where
    H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let settings = &shared.settings;
    let pulse = Pulse::new();
    let socket = Watched::new(
        socket,
        peer.tls,
        Arc::clone(&pulse),
        Arc::clone(&shared.counters),
        settings.write_timeout,
    );
    let service = {
        let shared = Arc::clone(shared);
        let pulse = Arc::clone(&pulse);
        service_fn(move |request: Request<Incoming>| {
            let beat = pulse.begin(request.version() == Version::HTTP_2);
            let shared = Arc::clone(&shared);
            let mut terms = Terms::of(&request, peer, &shared.settings);
            async move {
                let mut answer = match terms.take_preflight() {
                    Some(preflight) => preflight,
                    // Called in here, so that what it returns is not moved.
                    None => (shared.handler)(request, peer).await,
                };
                terms.finish(&mut answer, &shared.settings, &shared.drain);
                Ok::<_, Infallible>(answer.map(|body| ExchangeBody::new(body, &terms, beat)))
            }
        })
    };
    let mut connection = pin!(shared.http.serve_connection(TokioIo::new(socket), service));
    let mut phase = Phase::Draining;
    let mut signal = pin!(shared.drain.token(phase).child_token().cancelled_owned());
    let mut look = pin!(sleep(settings.header_timeout));
    let mut closing = false;
    poll_fn(|cx| {
        loop {
            // How it ended, well or with an error of the peer, makes no difference to anybody.
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if signal.as_mut().poll(cx).is_ready() {
                let next = match phase {
                    Phase::Running | Phase::Draining => Phase::Refusing,
                    Phase::Refusing if pulse.is_untouched() => return Poll::Ready(()),
                    Phase::Refusing => Phase::Done,
                    Phase::Ending | Phase::Done => return Poll::Ready(()),
                };
                signal.set(shared.drain.token(next).child_token().cancelled_owned());
                phase = next;
                continue;
            }
            // HTTP/2 says GOAWAY as soon as the drain begins and loses nothing by it. On HTTP/1.1 a close
            // could cross a request that is on its way, so that answers say `Connection: close` first.
            let leave = match phase {
                Phase::Running | Phase::Draining => false,
                Phase::Refusing => pulse.is_http2(),
                Phase::Ending | Phase::Done => true,
            };
            if leave && !closing {
                closing = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            if look.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let wait = match pulse.verdict(settings.header_timeout, settings.idle_timeout) {
                Verdict::Wait(wait) => wait,
                Verdict::Overdue => {
                    shared.counters.slow_heads.fetch_add(1, Ordering::Relaxed);
                    return Poll::Ready(());
                }
                // Bytes of an answer may still be on their way. On HTTP/1.1 the socket watches them; on
                // HTTP/2 they are a last piece that the peer took no part of all the while.
                Verdict::Idle if closing && pulse.is_http2() => return Poll::Ready(()),
                Verdict::Idle if closing => settings.idle_timeout,
                Verdict::Idle => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                    settings.idle_timeout
                }
            };
            look.as_mut().reset(Instant::now() + wait);
        }
    })
    .await;
}
