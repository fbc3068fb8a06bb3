//! TLS on the listener.

use std::fs;

use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::edge::tls::TlsSettings;

/// Fresh certificate files for localhost, loaded, and the certificate to trust.
fn files() -> (tempfile::TempDir, TlsFiles, CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let settings =
        TlsSettings { certificates: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
    fs::write(&settings.certificates, pair.cert.pem()).unwrap();
    fs::write(&settings.key, pair.signing_key.serialize_pem()).unwrap();
    (folder, TlsFiles::load(settings).unwrap(), pair.cert.der().clone())
}

async fn connect(server: &Server, trusted: CertificateDer<'static>, protocol: &[u8]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(server.address).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_protocol_is_agreed_in_the_handshake_and_transport_security_is_sent() {
    let (_folder, files, trusted) = files();
    let server =
        Server::start(ListenerSettings { tls: Some(files), ..patient() }, |_: Request<Incoming>, peer| {
            std::future::ready(Response::new(Body::full(if peer.tls { "encrypted" } else { "plain" })))
        });

    let stream = connect(&server, trusted.clone(), b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    server.tracker.spawn(connection);
    let request = Request::get("https://localhost/").body(Empty::<Bytes>::new()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert!(answer.headers().contains_key("strict-transport-security"));

    let mut stream = connect(&server, trusted, b"http/1.1").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("encrypted") && answer.contains("strict-transport-security:"), "{answer}");
    assert_secured(&answer);
}

#[tokio::test]
async fn plain_text_and_silence_end_in_the_handshake() {
    let (_folder, files, _) = files();
    let settings = ListenerSettings { tls: Some(files), handshake_timeout: SHORT, ..patient() };
    let server = Server::start(settings, echo);
    assert!(!rest(&mut server.send(GET).await).await.contains("HTTP"));
    assert_eq!(rest(&mut server.send(b"").await).await, "");
    while server.counters.open.load(Ordering::Relaxed) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.counters.handshake_errors.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_cut_under_tls_too() {
    let (_folder, files, trusted) = files();
    let (dropped, gone) = Dropped::new();
    let settings = ListenerSettings { tls: Some(files), write_timeout: SHORT, ..patient() };
    let server = Server::start(settings, endless_once(dropped));
    let mut stream = connect(&server, trusted, b"http/1.1").await;
    stream.write_all(GET).await.unwrap();
    gone.await.unwrap();
    assert_eq!(server.counters.slow_readers.load(Ordering::Relaxed), 1);
}
