//! Providers that are away, slow, broken, or talk too much; callers that lose interest.

use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;

/// A server that reads one request, says `answer`, and closes.
async fn raw(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    TaskTracker::new().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4_096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

async fn failure(address: SocketAddr, bounds: Bounds) -> EgressError {
    match egress().send(post(&format!("http://{address}/?key=secret"), "body-secret"), bounds).await {
        Err(error) => error,
        Ok(answer) => answer.into_body().collect().await.unwrap_err(),
    }
}

/// A body that gives one piece and then nothing more.
struct Stalls {
    begun: bool,
    _dropped: Option<Dropped>,
}

struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

impl http_body::Body for Stalls {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if std::mem::replace(&mut self.begun, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"begun")))))
    }
}

#[tokio::test]
async fn nobody_at_the_port_is_a_failed_connection_and_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = failure(address, OPERATOR).await;
    assert_eq!(error, EgressError::Connect(std::io::ErrorKind::ConnectionRefused));
    assert!(error.nothing_was_sent());
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_a_tls_error() {
    let (_folder, files) = certificate();
    let address = provider(Some(TlsFiles::load(files).unwrap()), mirror);
    let url = format!("https://localhost:{}/?key=secret", address.port());
    let error = egress().send(post(&url, ""), OPERATOR).await.unwrap_err();
    assert!(matches!(error, EgressError::Tls(_)), "{error}");
    assert!(error.nothing_was_sent() && !error.to_string().contains("secret"));
}

#[tokio::test]
async fn each_wait_has_its_limit_and_its_name() {
    let never: Lookup = Arc::new(|_| Box::pin(pending()));
    let settings = EgressSettings { connect_timeout: SHORT, ..EgressSettings::default() };
    let outcome =
        Egress::with_lookup(settings, never).unwrap().send(post("https://api.example/", ""), OPERATOR).await;
    assert_eq!(outcome.unwrap_err(), EgressError::Timeout { phase: TimeoutPhase::Connect });

    let silent = provider(None, |_| pending());
    let error = failure(silent, Bounds { head_timeout: SHORT, ..OPERATOR }).await;
    assert_eq!(error, EgressError::Timeout { phase: TimeoutPhase::Head });
    assert!(!error.nothing_was_sent());

    let stalling =
        provider(None, |_| async { Response::new(Body::stream(Stalls { begun: false, _dropped: None })) });
    let error = failure(stalling, Bounds { idle_timeout: SHORT, ..OPERATOR }).await;
    assert_eq!(error, EgressError::Timeout { phase: TimeoutPhase::Body });
}

#[tokio::test]
async fn an_answer_longer_than_its_limit_is_refused_announced_or_not() {
    let limited = Bounds { body_limit: 9, ..OPERATOR };
    let too_large = EgressError::BodyTooLarge { limit: 9 };
    assert_eq!(failure(raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").await, limited).await, too_large);
    let chunked =
        raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nfghij\r\n0\r\n\r\n")
            .await;
    assert_eq!(failure(chunked, limited).await, too_large);
    let answer = egress()
        .send(post(&format!("http://{chunked}/"), ""), Bounds { body_limit: 10, ..OPERATOR })
        .await
        .unwrap();
    assert_eq!(text(answer).await, "abcdefghij");
}

#[tokio::test]
async fn broken_answers_are_sorted_by_what_is_wrong_and_tell_no_secret() {
    let large: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1_000_000)).into_boxed_str());
    for (answer, expected) in [
        ("", EgressError::Reset),
        ("HTTP/1.1 200 OK\r\nx-cut", EgressError::Reset),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", EgressError::Reset),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", EgressError::Reset),
        ("SSH-2.0-server\r\n\r\n", EgressError::Protocol),
        (large, EgressError::HeadTooLarge),
    ] {
        let error = failure(raw(answer).await, OPERATOR).await;
        assert_eq!(error, expected, "for {:?}", &answer[..answer.len().min(60)]);
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn dropping_the_answer_stops_the_provider_on_both_protocols() {
    let (_folder, files) = certificate();
    for tls in [None, Some(TlsFiles::load(files.clone()).unwrap())] {
        let (sender, gone) = oneshot::channel();
        let once = std::sync::Mutex::new(Some(Dropped(Some(sender))));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = provider(tls, move |_| {
            let dropped = once.lock().unwrap().take();
            std::future::ready(Response::new(Body::stream(Stalls { begun: false, _dropped: dropped })))
        });
        let authorities = vec![files.certificates.clone()];
        let egress = Egress::new(EgressSettings { authorities, ..EgressSettings::default() }).unwrap();
        let url = format!("{scheme}://localhost:{}/", address.port());
        let answer = egress.send(post(&url, ""), OPERATOR).await.unwrap();
        drop(answer);
        gone.await.unwrap();
    }
}

#[tokio::test]
async fn dropping_the_call_stops_the_provider_before_it_answers() {
    let (sender, gone) = oneshot::channel();
    let once = std::sync::Mutex::new(Some(Dropped(Some(sender))));
    let address = provider(None, move |_| {
        let dropped = once.lock().unwrap().take();
        async move {
            let _dropped = dropped;
            pending().await
        }
    });
    let bounds = Bounds { head_timeout: SHORT, ..OPERATOR };
    let outcome = egress().send(post(&format!("http://{address}/"), ""), bounds).await;
    assert!(outcome.is_err());
    gone.await.unwrap();
}
