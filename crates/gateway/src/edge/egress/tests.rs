//! The outbound client against real servers on the loopback. Here are the servers; what may be called is
//! tested in `destinations`, what goes wrong on the way in `failures`, how long connections live in
//! `connections`.

mod connections;
mod destinations;
mod failures;

use std::fs;
use std::net::SocketAddr;

use http::{StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::*;
use crate::edge::body::{Body, BodyError};
use crate::edge::drain::{Drain, DrainSettings};
use crate::edge::listener::{Listener, ListenerSettings, Peer};
use crate::edge::tls::{TlsFiles, TlsSettings};

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(30);

const OPERATOR: Bounds =
    Bounds { named_by: NamedBy::Operator, head_timeout: LONG, idle_timeout: LONG, body_limit: 1 << 20 };
const TENANT: Bounds = Bounds { named_by: NamedBy::Tenant, ..OPERATOR };

/// A provider on a free port of the loopback.
fn provider<F>(
    tls: Option<TlsFiles>,
    handler: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(ListenerSettings { address, tls, ..ListenerSettings::default() }).unwrap();
    let address = listener.address();
    let tracker = TaskTracker::new();
    let drain = Drain::new(DrainSettings { delay: LONG, limit: LONG, grace: LONG });
    let handler = move |request: Request<Incoming>, _: Peer| handler(request);
    tracker.spawn(listener.serve(handler, drain, tracker.clone()));
    address
}

/// Answers with what came.
async fn mirror(request: Request<Incoming>) -> Response<Body> {
    let host = request
        .uri()
        .authority()
        .map(ToString::to_string)
        .or_else(|| request.headers().get("host").and_then(|host| host.to_str().ok()).map(str::to_owned));
    let head = format!("{} {} {} ", request.method(), host.unwrap_or_default(), request.uri().path());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Response::new(Body::full([head.as_bytes(), &body[..]].concat()))
}

fn post(url: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::post(url).body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

fn egress() -> Egress {
    Egress::new(EgressSettings::default()).unwrap()
}

async fn text(answer: Response<AnswerBody>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// A certificate for localhost in files; the first is also the authority to trust.
fn certificate() -> (tempfile::TempDir, TlsSettings) {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files =
        TlsSettings { certificates: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
    fs::write(&files.certificates, pair.cert.pem()).unwrap();
    fs::write(&files.key, pair.signing_key.serialize_pem()).unwrap();
    (folder, files)
}

#[tokio::test]
async fn a_call_to_an_operators_private_address_goes_through() {
    let address = provider(None, mirror);
    let answer = egress().send(post(&format!("http://{address}/v1/x"), "hello"), OPERATOR).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_11));
    assert_eq!(text(answer).await, format!("POST {address} /v1/x hello"));
}

#[tokio::test]
async fn over_tls_http2_is_agreed_unless_it_is_switched_off() {
    let (_folder, files) = certificate();
    let address = provider(Some(TlsFiles::load(files.clone()).unwrap()), mirror);
    for (http2, version) in [(true, Version::HTTP_2), (false, Version::HTTP_11)] {
        let authorities = vec![files.certificates.clone()];
        let egress = Egress::new(EgressSettings { http2, authorities, ..EgressSettings::default() }).unwrap();
        let url = format!("https://localhost:{}/", address.port());
        let answer = egress.send(post(&url, "sealed"), OPERATOR).await.unwrap();
        assert_eq!(answer.version(), version);
        assert!(text(answer).await.ends_with(" / sealed"));
    }
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_not_followed() {
    let address = provider(None, |_| async {
        let mut answer = Response::new(Body::Empty);
        *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        answer.headers_mut().insert("location", "http://127.0.0.1:1/".parse().unwrap());
        answer
    });
    let answer = egress().send(post(&format!("http://{address}/"), ""), OPERATOR).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authorities.pem");
    let make =
        || Egress::new(EgressSettings { authorities: vec![path.clone()], ..EgressSettings::default() });
    assert!(make().unwrap_err().to_string().contains("authorities.pem"));
    fs::write(&path, "no certificate").unwrap();
    assert!(make().unwrap_err().to_string().contains("authorities.pem"));
}
