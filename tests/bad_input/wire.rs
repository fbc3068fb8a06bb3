//! What goes wrong on the way: sizes, encodings, slowness, callers that vanish, bytes that are no HTTP.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use flyball_testkit::client::set;
use flyball_testkit::{Answer, Flyball, RawConnection};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde_json::json;

use super::{CHAT, gateway, lives, refused, send};

/// Until when a peer has to do what is expected of it; far beyond every limit of the configuration.
const PATIENCE: Duration = Duration::from_secs(30);

const MEBIBYTE: usize = 1 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 9).unwrap()
}

/// Sends a body under a `content-encoding`.
async fn encoded(flyball: &Flyball, path: &str, encoding: &str, body: Vec<u8>) -> Answer {
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let mut request = client.request(Method::POST, path, body.into()).unwrap();
    set(&mut request, CONTENT_TYPE, "application/json").unwrap();
    set(&mut request, CONTENT_ENCODING, encoding).unwrap();
    client.send(request).await.unwrap()
}

/// A request head with the demo key and these further lines.
fn head(flyball: &Flyball, lines: &str) -> Vec<u8> {
    let key = flyball.demo_key().unwrap();
    format!("POST {CHAT} HTTP/1.1\r\nhost: flyball\r\nauthorization: Bearer {key}\r\n{lines}\r\n\r\n")
        .into_bytes()
}

/// Writes bytes and reads until the mark or the end.
async fn exchange(flyball: &Flyball, bytes: &[u8], mark: &str) -> String {
    let mut connection = RawConnection::open(flyball.address()).await.unwrap();
    connection.write(bytes).await.unwrap();
    String::from_utf8(connection.read_until(mark.as_bytes(), PATIENCE).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_however_it_comes() {
    let flyball = gateway().await;
    let process = flyball.process_id();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let text = |length: usize| {
        let body = json!({"model": "demo", "messages": [{"role": "user", "content": ""}]}).to_string();
        let filler = "a b ".repeat(length.saturating_sub(body.len()) / 4);
        body.replace(r#""content":"""#, &format!(r#""content":"{filler}""#))
    };
    let answer = send(&client, CHAT, text(4 * MEBIBYTE - 4096)).await;
    assert_eq!(answer.status, StatusCode::OK, "a body below the limit passes");
    let answer = send(&client, "/filter/prompt", json!({"prompt": "a ".repeat(3000)}).to_string()).await;
    refused("other endpoints take less", &answer, 413, "E108", "body_too_large", None);

    // Announced: refused before a byte of it is sent.
    let said =
        exchange(&flyball, &head(&flyball, "content-length: 5000000000"), "\"flyball_code\":\"E108\"").await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    // Not announced: refused when the limit is passed.
    let mut bytes = head(&flyball, "transfer-encoding: chunked");
    for size in [4 * MEBIBYTE, 1] {
        bytes.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        bytes.resize(bytes.len() + size, b' ');
        bytes.extend_from_slice(b"\r\n");
    }
    let said = exchange(&flyball, &bytes, "\"flyball_code\":\"E108\"").await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    lives(&flyball, process).await;
}

#[tokio::test]
async fn compressed_bodies_are_read_within_limits() {
    let flyball = gateway().await;
    let process = flyball.process_id();
    let hello = json!({"model": "demo", "messages": [{"role": "user", "content": "Say exactly: packed"}]})
        .to_string();
    for (encoding, body) in [
        ("gzip", gzip(hello.as_bytes())),
        ("GZIP", gzip(hello.as_bytes())),
        ("x-gzip", gzip(hello.as_bytes())),
        ("zstd", zstd(hello.as_bytes())),
        ("identity", hello.clone().into_bytes()),
    ] {
        let answer = encoded(&flyball, CHAT, encoding, body).await;
        let said = &answer.json().unwrap()["choices"][0]["message"]["content"];
        assert_eq!(said, "packed", "{encoding}: {}", answer.text());
    }
    let prompt = json!({"prompt": "hello"}).to_string();
    let answer = encoded(&flyball, "/filter/prompt", "gzip", gzip(prompt.as_bytes())).await;
    assert_eq!(answer.json().unwrap()["output"], "hello", "{}", answer.text());

    for encoding in ["br", "deflate", "compress", "gzip, gzip", "zstd, gzip", "nonsense"] {
        let answer = encoded(&flyball, CHAT, encoding, gzip(hello.as_bytes())).await;
        refused(encoding, &answer, 415, "E112", "unsupported_encoding", None);
    }
    let whole = gzip(hello.as_bytes());
    for (what, encoding, body) in [
        ("plain text called gzip", "gzip", hello.clone().into_bytes()),
        ("plain text called zstd", "zstd", hello.clone().into_bytes()),
        ("gzip called zstd", "zstd", whole.clone()),
        ("half a gzip", "gzip", whole[..whole.len() / 2].to_vec()),
        ("half a zstd", "zstd", zstd(hello.as_bytes())[..20].to_vec()),
    ] {
        let answer = encoded(&flyball, CHAT, encoding, body).await;
        refused(what, &answer, 400, "E114", "body_broken", None);
    }
    // Within the limit of size the ratio gives the bomb away; beyond it the size does.
    for zeros in [3 * MEBIBYTE, 200 * MEBIBYTE] {
        for (encoding, body) in [("gzip", gzip(&vec![0; zeros])), ("zstd", zstd(&vec![0; zeros]))] {
            assert!(body.len() < MEBIBYTE);
            for path in [CHAT, "/filter/prompt"] {
                let answer = encoded(&flyball, path, encoding, body.clone()).await;
                // What is small enough for the endpoint on the wire is refused for what it becomes.
                refused(
                    &format!("{zeros} zeros in {encoding}"),
                    &answer,
                    413,
                    "E108",
                    "body_too_large",
                    None,
                );
            }
        }
    }
    lives(&flyball, process).await;
}

#[tokio::test]
async fn slow_callers_are_cut_and_early_hang_ups_leave_nothing_behind() {
    let flyball = gateway().await;
    let process = flyball.process_id();
    for bytes in [&b"P"[..], b"POST /v1/chat/completions HTTP/1.1\r\nhost: fly", b"GET / HTTP/1.1\r\n"] {
        let mut connection = RawConnection::open(flyball.address()).await.unwrap();
        connection.write(bytes).await.unwrap();
        assert_eq!(connection.read_to_end(PATIENCE).await.unwrap(), b"", "a head that does not end is cut");
    }
    // One byte at a time does not help: the head has a time, not each byte.
    let mut connection = RawConnection::open(flyball.address()).await.unwrap();
    let drip = head(&flyball, &format!("x-filler: {}", "a".repeat(200)));
    let written = connection.write_slowly(&drip, 1, Duration::from_millis(30)).await;
    assert!(written.is_err() || connection.read_to_end(PATIENCE).await.unwrap().is_empty());

    for announced in ["content-length: 100", "transfer-encoding: chunked"] {
        let mut bytes = head(&flyball, announced);
        bytes.extend_from_slice(if announced.ends_with("chunked") { b"5\r\n{\"mod" } else { b"{\"mod" });
        let said = exchange(&flyball, &bytes, "\"flyball_code\":\"E113\"").await;
        assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("\"code\":\"body_timeout\""), "{said}");
    }
    // A stranger is not waited for: the answer comes without a byte of the body.
    let stranger = format!("POST {CHAT} HTTP/1.1\r\nhost: flyball\r\ncontent-length: 1000\r\n\r\n");
    let said = exchange(&flyball, stranger.as_bytes(), "\"flyball_code\":\"E206\"").await;
    assert!(said.starts_with("HTTP/1.1 401 "), "{said}");

    // Callers that vanish: within the head, within the body, before the answer.
    let hello = json!({"model": "demo", "messages": [{"role": "user", "content": "tell me a story"}], "stream": true});
    let hello = hello.to_string();
    let mut whole = head(&flyball, &format!("content-length: {}", hello.len()));
    let body_begins = whole.len();
    whole.extend_from_slice(hello.as_bytes());
    for round in 0..20 {
        for end in [1 + round, body_begins / 2, body_begins, body_begins + 1 + round, whole.len()] {
            let mut connection = RawConnection::open(flyball.address()).await.unwrap();
            connection.write(&whole[..end]).await.unwrap();
        }
    }
    // A body that ends before its announced length, on a connection that stays open to be answered.
    let mut connection = RawConnection::open(flyball.address()).await.unwrap();
    connection.write(&whole[..whole.len() - 1]).await.unwrap();
    connection.finish_writing().await.unwrap();
    let said = String::from_utf8(connection.read_to_end(PATIENCE).await.unwrap()).unwrap();
    assert!(said.is_empty() || said.contains("\"flyball_code\":\"E114\""), "{said}");
    lives(&flyball, process).await;
}

#[tokio::test]
async fn bytes_that_are_no_http_end_the_connection_and_nothing_else() {
    let flyball = gateway().await;
    let process = flyball.process_id();
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100 * 1024));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(2000));
    let garbage: [&[u8]; 10] = [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, nonsense\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthese are no frames at all",
        long.as_bytes(),
        many.as_bytes(),
    ];
    for bytes in garbage {
        let mut connection = RawConnection::open(flyball.address()).await.unwrap();
        // The peer may close before everything is written.
        let _written = connection.write(bytes).await;
        let _finished = connection.finish_writing().await;
        let said = connection.read_to_end(PATIENCE).await.unwrap();
        let said = String::from_utf8_lossy(&said);
        let begun = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
        assert!(!said.starts_with("HTTP/1.1 2"), "{begun:?} was answered {said}");
    }
    // A chunk that says it is what it is not.
    let mut bytes = head(&flyball, "transfer-encoding: chunked");
    bytes.extend_from_slice(b"zz\r\nhello\r\n0\r\n\r\n");
    let said = exchange(&flyball, &bytes, "\"flyball_code\":\"E114\"").await;
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    lives(&flyball, process).await;
}
