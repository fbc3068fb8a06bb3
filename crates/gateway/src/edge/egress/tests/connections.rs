//! How long connections live, and whom they serve.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that counts its connections, answers `answers` requests on each, and closes it. It says when a
/// connection is over.
async fn counting(answers: usize) -> (SocketAddr, Arc<AtomicUsize>, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let (over, ended) = mpsc::unbounded_channel();
    let tracker = TaskTracker::new();
    tracker.clone().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let over = over.clone();
            tracker.spawn(async move {
                let mut buffer = [0; 4_096];
                for _ in 0..answers {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(_) => stream.write_all(OK).await.unwrap(),
                    }
                }
                drop(stream);
                let _ = over.send(());
            });
        }
    });
    (address, connections, ended)
}

async fn call(egress: &Egress, address: SocketAddr) -> String {
    text(egress.send(post(&format!("http://{address}/"), ""), OPERATOR).await.unwrap()).await
}

#[tokio::test]
async fn one_connection_serves_call_after_call() {
    let (address, connections, _ended) = counting(usize::MAX).await;
    let egress = egress();
    for _ in 0..5 {
        assert_eq!(call(&egress, address).await, "ok");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn calls_at_the_same_time_do_not_share_a_connection_of_http1() {
    let (address, connections, _ended) = counting(usize::MAX).await;
    let egress = egress();
    let url = format!("http://{address}/");
    let (first, second) =
        tokio::join!(egress.send(post(&url, ""), OPERATOR), egress.send(post(&url, ""), OPERATOR));
    assert_eq!((text(first.unwrap()).await, text(second.unwrap()).await), ("ok".into(), "ok".into()));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_that_its_peer_closed_is_not_used_again() {
    let (address, connections, mut ended) = counting(1).await;
    let egress = egress();
    for count in 1..=3 {
        assert_eq!(call(&egress, address).await, "ok");
        assert_eq!(connections.load(Ordering::SeqCst), count);
        ended.recv().await.unwrap();
        // Until the close is known here: nobody waits for it but the operating system's queue.
        tokio::time::sleep(SHORT).await;
    }
}

#[tokio::test]
async fn a_connection_whose_answer_was_not_read_to_its_end_is_closed() {
    let (address, connections, mut ended) = counting(usize::MAX).await;
    let egress = egress();
    drop(egress.send(post(&format!("http://{address}/"), ""), OPERATOR).await.unwrap());
    ended.recv().await.unwrap();
    assert_eq!(call(&egress, address).await, "ok");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_that_nobody_takes_up_is_closed() {
    let (address, _connections, mut ended) = counting(usize::MAX).await;
    let egress =
        Egress::new(EgressSettings { pool_idle_timeout: SHORT, ..EgressSettings::default() }).unwrap();
    assert_eq!(call(&egress, address).await, "ok");
    ended.recv().await.unwrap();
    assert_eq!(call(&egress, address).await, "ok");
}

#[tokio::test]
async fn no_more_connections_are_kept_than_allowed() {
    let (address, connections, mut ended) = counting(usize::MAX).await;
    let settings = EgressSettings { pool_max_idle_per_host: 1, ..EgressSettings::default() };
    let egress = Egress::new(settings).unwrap();
    let url = format!("http://{address}/");
    let (first, second) =
        tokio::join!(egress.send(post(&url, ""), OPERATOR), egress.send(post(&url, ""), OPERATOR));
    text(first.unwrap()).await;
    text(second.unwrap()).await;
    ended.recv().await.unwrap();
    assert_eq!(call(&egress, address).await, "ok");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn calls_over_http2_share_one_connection() {
    let (_folder, files) = certificate();
    let accepted = Arc::new(AtomicUsize::new(0));
    let listener = Listener::bind(ListenerSettings {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: Some(TlsFiles::load(files.clone()).unwrap()),
        ..ListenerSettings::default()
    })
    .unwrap();
    let (address, counters) = (listener.address(), listener.counters());
    let tracker = TaskTracker::new();
    let drain = Drain::new(DrainSettings { delay: LONG, limit: LONG, grace: LONG });
    let served = Arc::clone(&accepted);
    let handler = move |request: Request<Incoming>, _: Peer| {
        served.fetch_add(1, Ordering::SeqCst);
        mirror(request)
    };
    tracker.spawn(listener.serve(handler, drain, tracker.clone()));
    let authorities = vec![files.certificates.clone()];
    let egress = Egress::new(EgressSettings { authorities, ..EgressSettings::default() }).unwrap();
    let url = format!("https://localhost:{}/", address.port());
    for _ in 0..3 {
        let (first, second) =
            tokio::join!(egress.send(post(&url, "a"), OPERATOR), egress.send(post(&url, "b"), OPERATOR));
        assert!(text(first.unwrap()).await.ends_with(" / a"));
        assert!(text(second.unwrap()).await.ends_with(" / b"));
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 6);
    // Two that began together, while none was open yet, may each have made one.
    assert!(counters.accepted.load(Ordering::SeqCst) <= 2);
}
