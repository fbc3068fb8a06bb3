//! What callers see of a graceful stop.

use http_body_util::BodyExt;
use tokio::sync::Notify;

use super::http2::{connect, get};
use super::*;
use crate::edge::drain::{DrainReport, InFlight};

fn settings(delay: Duration, limit: Duration) -> DrainSettings {
    DrainSettings { delay, limit, grace: LONG }
}

/// A body that waits for the word to end, says so, and ends.
struct Told {
    told: Pin<Box<dyn Future<Output = ()> + Send>>,
    said: bool,
    _work: InFlight,
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.said {
            return Poll::Ready(None);
        }
        std::task::ready!(self.told.as_mut().poll(cx));
        self.said = true;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data: the end\n\n")))))
    }
}

#[tokio::test]
async fn while_draining_kept_connections_are_served_and_asked_to_close() {
    let server = Server::start(patient(), echo);
    let mut stream = server.send(GET).await;
    assert!(!until(&mut stream, "/hello").await.contains("connection: close"));
    let drain = server.drain.clone();
    server.tracker.spawn(async move { drain.run(pending()).await });
    server.drain.token(Phase::Draining).cancelled().await;
    stream.write_all(GET).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("/hello"), "{answer}");
    // New connections are served too, until the delay is over.
    let answer = rest(&mut server.send(GET).await).await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("/hello"), "{answer}");
}

#[tokio::test]
async fn while_draining_http2_is_told_to_go_away_and_its_streams_finish() {
    let (release, reached) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (release, reached) = (Arc::clone(&release), Arc::clone(&reached));
        move |request: Request<Incoming>, peer: Peer| {
            let release = Arc::clone(&release);
            reached.notify_one();
            async move {
                release.notified().await;
                echo(request, peer).await
            }
        }
    };
    let server = Server::start(patient(), handler);
    let mut client = connect(&server).await;
    let answer = client.send_request(get("/finish"));
    let answer = server.tracker.spawn(answer);
    reached.notified().await;
    let drain = server.drain.clone();
    server.tracker.spawn(async move { drain.run(pending()).await });
    server.drain.token(Phase::Draining).cancelled().await;
    release.notify_one();
    let body = answer.await.unwrap().unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "/finish");
    // The connection ends by itself, though the drain still accepts new ones.
    while server.counters.open.load(Ordering::Relaxed) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.drain.phase(), Phase::Draining);
    assert!(client.send_request(get("/more")).await.is_err());
}

#[tokio::test]
async fn after_the_delay_the_port_is_closed_and_idle_connections_end() {
    let server = Server::start_with(patient(), settings(Duration::ZERO, LONG), echo);
    let mut idle = server.send(GET).await;
    until(&mut idle, "/hello").await;
    let untouched = server.send(b"").await;
    while server.counters.open.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    let report = server.drain.run(pending()).await;
    assert_eq!(report, DrainReport { told_to_end: 0, abandoned: 0 });
    assert_eq!(rest(&mut idle).await, "");
    drop(untouched);
    server.tracker.close();
    server.tracker.wait().await;
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn the_drain_waits_until_an_answer_has_left_and_not_only_until_it_was_made() {
    const LENGTH: usize = 32 << 20;
    let server =
        Server::start_with(patient(), settings(Duration::ZERO, LONG), |_: Request<Incoming>, _: Peer| {
            std::future::ready(Response::new(Body::full(vec![b'x'; LENGTH])))
        });
    let mut stream = server.send(GET).await;
    until(&mut stream, "x").await;
    let (report, answer) = tokio::join!(server.drain.run(pending()), rest(&mut stream));
    assert_eq!(report.abandoned, 0);
    assert!(answer.len() > LENGTH - 8_192, "{}", answer.len());
    assert!(answer.bytes().all(|byte| byte == b'x'));
}

#[tokio::test]
async fn streams_that_are_left_at_the_limit_send_their_terminal_event() {
    let drain = settings(Duration::ZERO, SHORT);
    let shared = Arc::new(std::sync::OnceLock::<Drain>::new());
    let handler = {
        let shared = Arc::clone(&shared);
        move |_: Request<Incoming>, _: Peer| {
            let drain = shared.get().unwrap().clone();
            let work = drain.enter();
            std::future::ready(match work {
                Some(work) => {
                    let told = Box::pin(drain.token(Phase::Ending).clone().cancelled_owned());
                    Response::new(Body::stream(Told { told, said: false, _work: work }))
                }
                None => {
                    let mut refusal = Response::new(Body::Empty);
                    *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    refusal
                }
            })
        }
    };
    let server = Server::start_with(patient(), drain, handler);
    shared.set(server.drain.clone()).unwrap();
    let mut http1 = server.send(GET).await;
    until(&mut http1, "\r\n\r\n").await;
    let mut client = connect(&server).await;
    let http2 = client.send_request(get("/")).await.unwrap();
    let (report, http1, http2) =
        tokio::join!(server.drain.run(pending()), rest(&mut http1), http2.into_body().collect());
    assert_eq!(report, DrainReport { told_to_end: 2, abandoned: 0 });
    assert!(http1.contains("data: the end\n\n") && http1.ends_with("0\r\n\r\n"), "{http1:?}");
    assert_eq!(http2.unwrap().to_bytes(), "data: the end\n\n");
}

#[tokio::test]
async fn what_is_left_when_the_grace_is_over_is_dropped() {
    let (dropped, gone) = Dropped::new();
    let once = std::sync::Mutex::new(Some(dropped));
    let drain = DrainSettings { delay: Duration::ZERO, limit: Duration::ZERO, grace: SHORT };
    let server = Server::start_with(patient(), drain, move |_: Request<Incoming>, _: Peer| {
        let dropped = once.lock().unwrap().take();
        async move {
            let _dropped = dropped;
            pending::<Infallible>().await;
            Response::new(Body::Empty)
        }
    });
    let mut stream = server.send(GET).await;
    while server.counters.open.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    server.drain.run(pending()).await;
    gone.await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
}
