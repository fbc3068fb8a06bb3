//! Headers that every answer carries: on every route, in every refusal, in both versions of HTTP, with and without
//! TLS; the API browser under its own content policy; CORS off unless configured.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flyball_testkit::client::set;
use flyball_testkit::{Answer, Client, Flyball, RawConnection, Simulator};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderMap, Method};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use super::provoked::{Provoked, chat, read};

/// Names and values that no answer goes without.
const SECURITY: [(&str, &str); 8] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("content-security-policy", "default-src 'none'"),
];

fn assert_secured(headers: &HeaderMap, what: &str) {
    let value = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    for (name, expected) in SECURITY {
        assert!(value(name).starts_with(expected), "{what}: {name} is {:?}", value(name));
        assert_eq!(headers.get_all(name).iter().count(), 1, "{what}: {name} stands there more than once");
    }
    for feature in ["camera=()", "geolocation=()", "microphone=()", "payment=()", "usb=()"] {
        assert!(value("permissions-policy").contains(feature), "{what}: {feature}");
    }
    for directive in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
        assert!(value("content-security-policy").contains(directive), "{what}: {directive}");
    }
    assert!(!headers.contains_key("server") && !headers.contains_key("x-powered-by"), "{what}");
    assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{what}: CORS is off");
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Already ended is as good as killed.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

async fn send(client: &Client, method: &Method, path: &str, body: &str) -> Answer {
    let mut request = client.request(method.clone(), path, Bytes::from(body.to_owned())).unwrap();
    set(&mut request, http::header::CONTENT_TYPE, "application/json").unwrap();
    client.send(request).await.unwrap()
}

#[tokio::test]
async fn every_route_and_every_refusal_carries_the_security_headers() {
    let provoked = Provoked::start("", "sk-sim").await;
    let flyball = &provoked.flyball;
    let description = flyball.client().get("/openapi.json").await.unwrap().json().unwrap();
    for client in [flyball.client(), flyball.client().over_http2()] {
        let mut walked = 0;
        for (path, item) in description["paths"].as_object().unwrap() {
            let described: BTreeSet<_> =
                item.as_object().unwrap().keys().map(|name| name.to_uppercase()).collect();
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                for caller in [client.clone(), provoked.tenant(&client), provoked.operator(&client)] {
                    let path = path.replace("{id}", "demo");
                    let answer = send(&caller, &method, &path, "{}").await;
                    let what = format!("{method} {path}: {}", answer.status);
                    assert_secured(&answer.headers, &what);
                    assert!(answer.header("strict-transport-security").is_none(), "{what}");
                    let known = described.contains(method.as_str())
                        || (method == Method::HEAD && described.contains("GET"));
                    assert_eq!(answer.status == 405, !known, "{what}");
                    assert!(known || answer.headers.contains_key("allow"), "{what}");
                    walked += 1;
                }
            }
        }
        assert!(walked > 200, "only {walked} answers were looked at");

        for (name, answer) in provoked.all(&client, "harmless").await {
            let what = format!("{name}: {}", answer.status);
            assert_secured(&answer.headers, &what);
            let id = answer.header("x-request-id").unwrap_or_default();
            assert!(!id.is_empty() && answer.header("x-flyball-request-id") == Some(id), "{what}");
        }

        for stream in [false, true] {
            let mut body = chat("sim", "Hello.");
            body["stream"] = json!(stream);
            let answer = provoked.tenant(&client).stream("/v1/chat/completions", &body).await.unwrap();
            assert_eq!(answer.status, 200);
            assert_secured(&answer.headers, &format!("stream {stream}"));
        }
        for path in ["/", "/nowhere", "/v1/responses", "/docs/nowhere.js", "/%00", "/v1/models/a%2Fb"] {
            let answer = provoked.tenant(&client).get(path).await.unwrap();
            assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
            if !path.starts_with("/docs") {
                assert_secured(&answer.headers, path);
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_http_is_answered_with_them_too() {
    let flyball = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).start().await.unwrap();
    let head = "GET /health HTTP/1.1\r\nhost: x\r\n";
    for (bytes, status) in [
        ("GARBAGE\r\n\r\n".to_owned(), 400),
        (format!("{head}no colon here\r\n\r\n"), 400),
        (format!("{head}{}\r\n", "a: b\r\n".repeat(200)), 431),
        (format!("{head}big: {}\r\n\r\n", "a".repeat(100_000)), 431),
    ] {
        let mut raw = RawConnection::open(flyball.address()).await.unwrap();
        raw.write(bytes.as_bytes()).await.unwrap();
        let answer = read(&raw.read_to_end(Duration::from_secs(30)).await.unwrap());
        assert_eq!(answer.status.as_u16(), status, "{}", &bytes[..40.min(bytes.len())]);
        assert_secured(&answer.headers, &format!("{status}"));
    }
}

#[tokio::test]
async fn a_gateway_that_stops_still_carries_them() {
    let config = "drain: {delay: 3s, limit: 10s}\n";
    let mut flyball = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).start().await.unwrap();
    flyball.signal("TERM").unwrap();
    let ready = loop {
        let answer = flyball.client().get("/health/ready").await.unwrap();
        if !answer.status.is_success() {
            break answer;
        }
    };
    assert_eq!(ready.status, 503);
    assert_secured(&ready.headers, "readiness while stopping");
    flyball.signal("TERM").unwrap();
    assert!(flyball.wait().await.unwrap().success());
}

#[tokio::test]
async fn the_api_browser_works_within_its_own_policy() {
    let flyball = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).start().await.unwrap();
    let client = flyball.client();
    let page = client.get("/docs/").await.unwrap();
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self';"), "scripts come from here only, none inline: {policy}");
    for (name, expected) in &SECURITY[..7] {
        assert_eq!(page.header(name), Some(*expected), "{name}");
    }
    let html = page.text();
    for (at, _) in html.match_indices("<script") {
        let tag = html[at..].split('>').next().unwrap();
        assert!(tag.contains("src="), "an inline script would not run: {tag}");
    }
    assert!(!html.contains("onload="), "an inline handler would not run");
    let mut fetched = 0;
    for attribute in ["src=\"", "href=\""] {
        for reference in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
            let path = format!("/docs/{}", reference.trim_start_matches("./"));
            assert!(!reference.contains("//"), "{reference} is elsewhere");
            let asset = client.get(&path).await.unwrap();
            assert_eq!(asset.status, 200, "{path}");
            let expected = match path.rsplit('.').next() {
                Some("js") => "javascript",
                Some("css") => "text/css",
                Some("png") => "image/png",
                other => panic!("{path}: what is {other:?}?"),
            };
            let content_type = asset.header("content-type").unwrap_or_default();
            assert!(content_type.contains(expected), "{path} is {content_type}");
            assert!(!asset.body.is_empty(), "{path}");
            fetched += 1;
        }
    }
    assert!(fetched >= 5, "{html}");
    let setup = client.get("/docs/swagger-initializer.js").await.unwrap();
    assert!(setup.text().contains("/openapi.json"), "the browser shows our own description");
    let redirect = client.get("/docs").await.unwrap();
    assert!(redirect.status.is_redirection() || redirect.status.is_success(), "{}", redirect.status);
}

#[tokio::test]
async fn transport_security_is_announced_on_tls_only() {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // The harness looks for readiness without TLS, so that this process is started by hand.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let yaml = format!("tls: {{cert: '{}', key: '{}'}}\n", cert.display(), key.display());
    std::fs::write(folder.path().join("flyball.yaml"), yaml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_flyball"));
    command.current_dir(folder.path()).args([
        "serve",
        "--config",
        "flyball.yaml",
        "--data",
        "data",
        "--listen",
    ]);
    command.arg(address.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
    let _process = Killed(command.spawn().unwrap());
    while TcpStream::connect(address).await.is_err() {
        sleep(Duration::from_millis(20)).await;
    }
    for path in ["/health", "/nowhere", "/v1/models"] {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config.clone())).connect(name, stream).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let answer = read(&bytes);
        assert_secured(&answer.headers, path);
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"), "{path}");
    }
}

#[tokio::test]
async fn only_configured_origins_may_read_answers_in_a_browser() {
    let simulator = Simulator::start().await.unwrap();
    let config = format!(
        "cors: {{origins: ['https://app.example']}}\nproviders: {{sim: {{kind: openai, base_url: '{}'}}}}\n\
         routes: {{sim: {{provider: sim}}}}\n",
        simulator.base_url()
    );
    let flyball = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).start().await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    for (origin, allowed) in [
        ("https://app.example", true),
        ("https://app.example.evil", false),
        ("http://app.example", false),
        ("null", false),
    ] {
        for (method, path, body) in [
            (Method::GET, "/health", Value::Null),
            (Method::POST, "/v1/chat/completions", chat("sim", "Hello.")),
            (Method::GET, "/nowhere", Value::Null),
        ] {
            let mut request = client.request(method, path, body.to_string().into()).unwrap();
            set(&mut request, ORIGIN, origin).unwrap();
            let answer = client.send(request).await.unwrap();
            let given = answer.header("access-control-allow-origin");
            assert_eq!(given, allowed.then_some(origin), "{origin} {path}");
            assert!(answer.header("vary").unwrap_or_default().contains("origin"), "{origin} {path}");
        }
        let mut preflight = client.request(Method::OPTIONS, "/v1/chat/completions", Bytes::new()).unwrap();
        set(&mut preflight, ORIGIN, origin).unwrap();
        set(&mut preflight, ACCESS_CONTROL_REQUEST_METHOD, "POST").unwrap();
        let answer = client.send(preflight).await.unwrap();
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), allowed.then_some(origin));
        assert_eq!(answer.header("access-control-allow-methods").is_some(), allowed);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}
