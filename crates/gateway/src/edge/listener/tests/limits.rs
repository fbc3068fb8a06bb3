//! Callers that are slow, greedy or malformed.

use super::*;

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_is_cut() {
    let server = Server::start(ListenerSettings { header_timeout: SHORT, ..patient() }, echo);
    for begun in [&b"GET / HTTP/1.1\r\nhost: te"[..], b"", b"PRI * HTTP/2.0\r\n"] {
        assert_eq!(rest(&mut server.send(begun).await).await, "");
    }
    assert_eq!(server.counters.slow_heads.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_slow_head_after_a_good_request_is_cut_too() {
    let server = Server::start(ListenerSettings { header_timeout: SHORT, ..patient() }, echo);
    let mut stream = server.send(GET).await;
    until(&mut stream, "/hello").await;
    stream.write_all(b"GET / HT").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(server.counters.slow_heads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server =
        Server::start(ListenerSettings { idle_timeout: SHORT, header_timeout: SHORT, ..patient() }, echo);
    let mut stream = server.send(GET).await;
    let answer = rest(&mut stream).await;
    assert!(answer.ends_with("/hello"), "{answer}");
    assert_eq!(server.counters.slow_heads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_long_exchange_is_neither_idle_nor_a_slow_head() {
    let settings = ListenerSettings { idle_timeout: SHORT, header_timeout: SHORT, ..patient() };
    let server = Server::start(settings, |request: Request<Incoming>, peer: Peer| async move {
        tokio::time::sleep(SHORT * 5).await;
        echo(request, peer).await
    });
    until(&mut server.send(GET).await, "/hello").await;
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_cut_and_its_answer_is_dropped() {
    let (dropped, gone) = Dropped::new();
    let server = Server::start(ListenerSettings { write_timeout: SHORT, ..patient() }, endless_once(dropped));
    let _stream = server.send(GET).await;
    gone.await.unwrap();
    assert_eq!(server.counters.slow_readers.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn too_many_and_too_long_headers_are_refused_with_the_security_headers() {
    let settings = ListenerSettings { max_headers: 10, max_head_bytes: 8_192, ..patient() };
    let server = Server::start(settings, echo);
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(11));
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(10_000));
    for head in [many, long] {
        let answer = rest(&mut server.send(head.as_bytes()).await).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
        assert_secured(&answer);
    }
}

#[tokio::test]
async fn what_is_not_http_is_refused_with_the_security_headers_and_nothing_else_is_touched() {
    let server = Server::start(patient(), echo);
    for garbage in ["GET /\x01 HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n"]
    {
        let answer = rest(&mut server.send(garbage.as_bytes()).await).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{garbage:?}: {answer:?}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer:?}");
        assert_secured(&answer);
    }
    let mut stream = server.send(GET).await;
    until(&mut stream, "/hello").await;
    stream.write_all(b"broken\r\n\r\n").await.unwrap();
    assert_secured(&rest(&mut stream).await);
    // Behind a request in the same packet, too.
    let answers = rest(&mut server.send(&[GET, b"broken\r\n\r\n"].concat()).await).await;
    let (_, refusal) = answers.split_once("/helloHTTP/1.1 400 ").unwrap();
    assert_secured(refusal);
}

#[tokio::test]
async fn a_body_that_looks_like_a_refusal_is_sent_as_it_is() {
    const BODY: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let server =
        Server::start(patient(), |_: Request<Incoming>, _: Peer| async { Response::new(Body::full(BODY)) });
    let answer = until(&mut server.send(GET).await, BODY).await;
    assert!(answer.contains(&format!("content-length: {}\r\n", BODY.len())), "{answer}");
}

#[tokio::test]
async fn above_the_connection_limit_callers_wait_until_a_place_is_free() {
    let server = Server::start(ListenerSettings { max_connections: 1, ..patient() }, echo);
    let mut first = server.send(GET).await;
    until(&mut first, "/hello").await;
    let mut second = server.send(GET).await;
    while server.counters.saturated.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.counters.accepted.load(Ordering::Relaxed), 1);
    drop(first);
    until(&mut second, "/hello").await;
    assert_eq!(server.counters.accepted.load(Ordering::Relaxed), 2);
}

#[test]
fn pauses_between_failed_accepts_grow_to_a_second() {
    let mut backoff = Backoff::default();
    let pauses = std::iter::repeat_with(|| backoff.next()).take(20).collect::<Vec<_>>();
    assert!(pauses.is_sorted());
    assert_eq!(pauses.first(), Some(&Duration::from_millis(10)));
    assert_eq!(pauses.last(), Some(&Duration::from_secs(1)));
}

#[tokio::test]
async fn a_connection_costs_little_before_its_buffers() {
    let listener = Listener::bind(patient()).unwrap();
    let stream = TcpStream::connect(listener.address()).await.unwrap();
    let slot = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
    let drain = Drain::new(DrainSettings { delay: LONG, limit: LONG, grace: LONG });
    let shared = Arc::new(Shared::new(echo, drain, TaskTracker::new(), patient(), Arc::default()));
    let connection = connection::run(shared, stream, listener.address(), slot);
    assert!(size_of_val(&connection) <= 8 << 10, "{}", size_of_val(&connection));
}
