//! HTTP/2 with prior knowledge: service, floods, and streams whose reader stands still.

use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::*;

/// A client on a new connection.
pub(super) async fn connect(server: &Server) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    server.tracker.spawn(connection);
    client
}

pub(super) fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://test{path}")).body(Empty::new()).unwrap()
}

async fn text(answer: Response<Incoming>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn streams_of_one_connection_are_served_at_the_same_time() {
    let server = Server::start(patient(), echo);
    let client = connect(&server).await;
    let (mut one, mut two) = (client.clone(), client);
    let (one, two) = tokio::join!(one.send_request(get("/one")), two.send_request(get("/two")));
    let one = one.unwrap();
    assert_eq!(one.status(), StatusCode::OK);
    assert_eq!(one.headers()["x-frame-options"], "DENY");
    assert_eq!(text(one).await, "/one");
    assert_eq!(text(two.unwrap()).await, "/two");
    assert_eq!(server.counters.accepted.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_stream_whose_caller_does_not_read_is_reset_and_the_others_go_on() {
    let (dropped, gone) = Dropped::new();
    let server = Server::start(ListenerSettings { write_timeout: SHORT, ..patient() }, endless_once(dropped));
    let mut client = connect(&server).await;
    let unread = client.send_request(get("/endless")).await.unwrap();
    gone.await.unwrap();
    assert_eq!(server.counters.slow_readers.load(Ordering::Relaxed), 1);
    assert_eq!(text(client.send_request(get("/short")).await.unwrap()).await, "short");
    // What was sent before the reset can be read; then comes the reset, not an end.
    assert!(unread.into_body().collect().await.is_err());
}

#[tokio::test]
async fn one_large_buffer_that_nobody_reads_is_not_kept_either() {
    // Long enough for a reader on a machine that has much else to do.
    let settings = ListenerSettings { write_timeout: Duration::from_secs(2), ..patient() };
    let server = Server::start(settings, |_: Request<Incoming>, _: Peer| {
        std::future::ready(Response::new(Body::full(vec![b'x'; 8 << 20])))
    });
    let mut client = connect(&server).await;
    let unread = client.send_request(get("/")).await.unwrap();
    assert_eq!(unread.headers()["content-length"], "8388608");
    while server.counters.slow_readers.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(unread.into_body().collect().await.is_err());
    // Read as it comes, the same answer is whole.
    let read = client.send_request(get("/")).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(read.to_bytes().len(), 8 << 20);
}

#[tokio::test]
async fn a_caller_that_waits_for_us_is_not_taken_for_one_that_does_not_read() {
    struct Late(Option<Pin<Box<tokio::time::Sleep>>>);
    impl http_body::Body for Late {
        type Data = Bytes;
        type Error = BodyError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            let Some(sleep) = &mut self.0 else { return Poll::Ready(None) };
            std::task::ready!(sleep.as_mut().poll(cx));
            self.0 = None;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"late")))))
        }
    }
    let settings = ListenerSettings { write_timeout: SHORT, ..patient() };
    let server = Server::start(settings, |_: Request<Incoming>, _: Peer| async {
        Response::new(Body::stream(Late(Some(Box::pin(tokio::time::sleep(SHORT * 5))))))
    });
    let answer = connect(&server).await.send_request(get("/")).await.unwrap();
    assert_eq!(text(answer).await, "late");
    assert_eq!(server.counters.slow_readers.load(Ordering::Relaxed), 0);
}

/// A frame of RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Kinds and payloads of the frames in `bytes`.
fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((payload, next)) = rest.split_at_checked(length) else { break };
        frames.push((*kind, payload));
        bytes = next;
    }
    frames
}

#[tokio::test]
async fn a_rapid_reset_flood_ends_its_connection_and_the_gateway_serves_on() {
    let server = Server::start(patient(), echo);
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    flood.extend(frame(4, 0, 0, &[]));
    for stream in (1..4_000).step_by(2) {
        // :method GET, :scheme http, :path /, :authority a (RFC 7541 appendix A); END_STREAM and END_HEADERS.
        flood.extend(frame(1, 0x5, stream, &[0x82, 0x86, 0x84, 0x01, 0x01, b'a']));
        // RST_STREAM with CANCEL.
        flood.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    }
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The server may close while we still write.
    let _ = stream.write_all(&flood).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    // GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 sections 6.8 and 7).
    let calm =
        frames(&answer).into_iter().any(|(kind, payload)| kind == 7 && payload[4..8] == [0, 0, 0, 0xb]);
    assert!(calm, "{answer:?}");
    while server.counters.open.load(Ordering::Relaxed) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(text(connect(&server).await.send_request(get("/on")).await.unwrap()).await, "/on");
}

#[tokio::test]
async fn a_header_list_above_the_limit_is_refused() {
    let server = Server::start(ListenerSettings { max_head_bytes: 8_192, ..patient() }, echo);
    let mut client = connect(&server).await;
    let mut large = get("/");
    large.headers_mut().insert("x-large", "y".repeat(12_000).parse().unwrap());
    let outcome = client.send_request(large).await;
    let refused =
        outcome.map_or(true, |answer| answer.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(refused);
}
