//! The listener through real sockets. Here are the server and the clients that the tests use, and the plain
//! cases; limits, HTTP/2, TLS and drain have files of their own.

mod drain;
mod http2;
mod limits;
mod tls;

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;
use crate::edge::body::BodyError;
use crate::edge::drain::DrainSettings;

/// Longer than any test runs.
const LONG: Duration = Duration::from_secs(3_600);
/// Short enough not to be noticed.
const SHORT: Duration = Duration::from_millis(30);

/// Limits that no test meets by accident.
fn patient() -> ListenerSettings {
    ListenerSettings {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        handshake_timeout: LONG,
        header_timeout: LONG,
        idle_timeout: LONG,
        write_timeout: LONG,
        ..ListenerSettings::default()
    }
}

struct Server {
    address: SocketAddr,
    drain: Drain,
    tracker: TaskTracker,
    counters: Arc<Counters>,
}

impl Server {
    fn start<H, F>(settings: ListenerSettings, handler: H) -> Self
    where
        H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Server::start_with(settings, DrainSettings { delay: LONG, limit: LONG, grace: LONG }, handler)
    }

    fn start_with<H, F>(settings: ListenerSettings, drain: DrainSettings, handler: H) -> Self
    where
        H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = Listener::bind(settings).unwrap();
        let server = Server {
            address: listener.address(),
            drain: Drain::new(drain),
            tracker: TaskTracker::new(),
            counters: listener.counters(),
        };
        server.tracker.spawn(listener.serve(handler, server.drain.clone(), server.tracker.clone()));
        server
    }

    /// Sends raw bytes on a new connection.
    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }
}

/// Answers every request with its path.
async fn echo(request: Request<Incoming>, _: Peer) -> Response<Body> {
    Response::new(Body::full(request.uri().path().to_owned()))
}

const GET: &[u8] = b"GET /hello HTTP/1.1\r\nhost: test\r\n\r\n";

/// Reads what comes until the peer closes or resets.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until `end` has come.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut buffer = [0; 4_096];
        let length = stream.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}

/// Says when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Dropped {
    fn new() -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        (Dropped(Some(sender)), receiver)
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

/// A body that never ends and is always ready.
struct Endless {
    _dropped: Dropped,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16_384])))))
    }
}

/// A handler whose first answer never ends and holds `dropped`; later answers are short.
fn endless_once(
    dropped: Dropped,
) -> impl Fn(Request<Incoming>, Peer) -> std::future::Ready<Response<Body>> + Send + Sync + 'static {
    let once = std::sync::Mutex::new(Some(dropped));
    move |_: Request<Incoming>, _: Peer| {
        let body = match once.lock().unwrap().take() {
            Some(dropped) => Body::stream(Endless { _dropped: dropped }),
            None => Body::full("short"),
        };
        std::future::ready(Response::new(body))
    }
}

const SECURITY: [&str; 9] = [
    "content-security-policy:",
    "cross-origin-opener-policy:",
    "cross-origin-embedder-policy:",
    "cross-origin-resource-policy:",
    "permissions-policy:",
    "referrer-policy: no-referrer",
    "cache-control: no-store",
    "x-content-type-options: nosniff",
    "x-frame-options: DENY",
];

fn assert_secured(answer: &str) {
    for header in SECURITY {
        assert!(answer.contains(header), "{header} is missing in {answer:?}");
    }
}

#[tokio::test]
async fn one_connection_serves_one_request_after_another() {
    let server = Server::start(patient(), echo);
    let mut stream = server.send(GET).await;
    let first = until(&mut stream, "/hello").await;
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n") && first.contains("content-length: 6\r\n"), "{first}");
    assert_secured(&first);
    assert!(!first.contains("strict-transport-security"));
    stream.write_all(GET).await.unwrap();
    until(&mut stream, "/hello").await;
    assert_eq!(server.counters.accepted.load(Ordering::Relaxed), 1);
    assert_eq!(server.counters.open.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_handler_learns_who_calls() {
    let server = Server::start(patient(), |_: Request<Incoming>, peer: Peer| async move {
        Response::new(Body::full(format!("{} {}", peer.address, peer.tls)))
    });
    let mut stream = server.send(GET).await;
    let address = stream.local_addr().unwrap();
    until(&mut stream, &format!("{address} false")).await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_drops_the_work_for_it() {
    let (dropped, gone) = Dropped::new();
    let once = std::sync::Mutex::new(Some(dropped));
    let server = Server::start(patient(), move |_: Request<Incoming>, _: Peer| {
        let dropped = once.lock().unwrap().take();
        async move {
            let _dropped = dropped;
            pending().await
        }
    });
    let stream = server.send(GET).await;
    drop(stream);
    gone.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_cannot_be_finished_is_cut_so_that_the_caller_sees_it() {
    struct Fails(bool);
    impl http_body::Body for Fails {
        type Data = Bytes;
        type Error = BodyError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            let first = !std::mem::replace(&mut self.0, true);
            Poll::Ready(Some(match first {
                true => Ok(Frame::data(Bytes::from_static(b"begun"))),
                false => Err(BodyError::new("gone")),
            }))
        }
    }
    let server = Server::start(patient(), |_: Request<Incoming>, _: Peer| async {
        Response::new(Body::stream(Fails(false)))
    });
    let answer = rest(&mut server.send(GET).await).await;
    assert!(!answer.ends_with("0\r\n\r\n") && !answer.contains("gone"), "{answer}");
}

#[tokio::test]
async fn preflights_are_answered_by_the_edge_and_answers_permit_the_origin() {
    let cors = Cors::new(&["https://app.example".to_owned()], false).unwrap();
    let server = Server::start(ListenerSettings { cors: Some(cors), ..patient() }, echo);
    let preflight = b"OPTIONS /v1/x HTTP/1.1\r\nhost: test\r\norigin: https://app.example\r\n\
        access-control-request-method: POST\r\n\r\n";
    let mut stream = server.send(preflight).await;
    let answer = until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: https://app.example\r\n"), "{answer}");
    assert_secured(&answer);
    stream.write_all(b"GET /y HTTP/1.1\r\nhost: test\r\norigin: https://evil.example\r\n\r\n").await.unwrap();
    let answer = until(&mut stream, "/y").await;
    assert!(!answer.contains("access-control-allow-origin"), "{answer}");
}

#[tokio::test]
async fn without_configured_origins_a_preflight_is_a_request_like_any_other() {
    let server = Server::start(patient(), echo);
    let preflight = b"OPTIONS /x HTTP/1.1\r\nhost: test\r\norigin: https://app.example\r\n\
        access-control-request-method: POST\r\n\r\n";
    let answer = until(&mut server.send(preflight).await, "/x").await;
    assert!(!answer.contains("access-control-"), "{answer}");
}

#[tokio::test]
async fn only_listed_pages_may_run_scripts() {
    let server = Server::start(ListenerSettings { scripted: vec!["/docs".to_owned()], ..patient() }, echo);
    let mut stream = server.send(b"GET /docs/ HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert!(until(&mut stream, "/docs/").await.contains("script-src 'self'"));
    stream.write_all(GET).await.unwrap();
    assert!(!until(&mut stream, "/hello").await.contains("script-src"));
}

#[tokio::test]
async fn an_occupied_port_is_named_with_a_remedy() {
    let server = Server::start(patient(), echo);
    let error = Listener::bind(ListenerSettings { address: server.address, ..patient() }).unwrap_err();
    assert!(matches!(error, BindError::InUse { address } if address == server.address));
    let text = error.to_string();
    assert!(text.contains(&server.address.to_string()) && text.contains("--listen"), "{text}");
}

#[tokio::test]
async fn an_address_of_another_machine_is_named() {
    let address = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = Listener::bind(ListenerSettings { address, ..patient() }).unwrap_err();
    assert!(matches!(error, BindError::NotOurs { .. }), "{error}");
}
