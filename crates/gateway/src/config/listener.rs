//! Settings of the side that callers see: where it listens, TLS, limits, patience with callers, browsers.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Period, Size};

pub(super) fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))
}

/// The second listener.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// IP address and port for everything but model calls: health, metrics, documentation, administration.
    /// Absent: all of it shares the first listener.
    #[schemars(with = "Option<String>", extend("format" = "socket-address"))]
    pub listen: Option<SocketAddr>,
}

/// TLS on the listeners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate and those that lead to the root, the server's own first.
    #[schemars(with = "String", extend("format" = "path"))]
    pub cert: PathBuf,
    /// PEM file with the certificate's private key.
    #[schemars(with = "String", extend("format" = "path"))]
    pub key: PathBuf,
}

/// What a caller may send and how long it may take. Each limit has its error in `docs/reference/errors.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest body of a request to a model, after decompression.
    #[schemars(extend("x-minimum" = "1KiB", "x-maximum" = "1GiB"))]
    pub model_body: Size,
    /// Largest body of any other request, after decompression.
    #[schemars(extend("x-minimum" = "1KiB", "x-maximum" = "1GiB"))]
    pub other_body: Size,
    /// Largest head of a request: request line and all headers.
    #[schemars(extend("x-minimum" = "8KiB", "x-maximum" = "1MiB"))]
    pub header_bytes: Size,
    /// Most headers of a request.
    #[schemars(range(min = 16, max = 1000))]
    pub headers: u32,
    /// How deep arrays and objects of a body may nest.
    #[schemars(range(min = 8, max = 512))]
    pub json_depth: u32,
    /// Most values in a body, keys included; numbers within arrays do not count.
    #[schemars(range(min = 1000, max = 16_000_000))]
    pub json_values: u32,
    /// How long the head of a request may take from its first byte.
    #[schemars(extend("x-minimum" = "100ms", "x-maximum" = "10m"))]
    pub header_timeout: Period,
    /// Longest pause within the body of a request.
    #[schemars(extend("x-minimum" = "100ms", "x-maximum" = "10m"))]
    pub body_timeout: Period,
    /// How long a connection without a request is kept.
    #[schemars(extend("x-minimum" = "100ms", "x-maximum" = "1h"))]
    pub idle_timeout: Period,
    /// How long a caller may take nothing of an answer that is ready for it before it is cut off.
    #[schemars(extend("x-minimum" = "100ms", "x-maximum" = "10m"))]
    pub write_timeout: Period,
    /// Most connections at a time; further ones wait in the operating system's queue.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: u32,
    /// Most requests at a time on one HTTP/2 connection.
    #[schemars(range(min = 1, max = 10_000))]
    pub http2_streams: u32,
    /// Most streams that a caller may open and reset before the gateway has answered, on one HTTP/2 connection
    /// (the rapid reset of CVE-2023-44487); beyond it the connection ends.
    #[schemars(range(min = 1, max = 10_000))]
    pub http2_resets: u32,
    /// Largest answer of a provider, streamed or not.
    #[schemars(extend("x-minimum" = "1KiB", "x-maximum" = "1GiB"))]
    pub answer: Size,
    /// Largest single event in a provider's stream.
    #[schemars(extend("x-minimum" = "1KiB", "x-maximum" = "256MiB"))]
    pub event: Size,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            model_body: Size::from_mib(32),
            other_body: Size::from_mib(1),
            header_bytes: Size::from_kib(64),
            headers: 100,
            json_depth: 64,
            json_values: 1_000_000,
            header_timeout: Period::from_secs(10),
            body_timeout: Period::from_secs(60),
            idle_timeout: Period::from_secs(75),
            write_timeout: Period::from_secs(60),
            connections: 4096,
            http2_streams: 128,
            http2_resets: 100,
            answer: Size::from_mib(64),
            event: Size::from_mib(8),
        }
    }
}

impl Limits {
    /// The limits of JSON bodies, as the document parser takes them.
    pub fn json(&self) -> flyball_core::json::Limits {
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        flyball_core::json::Limits { depth: size(self.json_depth), nodes: size(self.json_values) }
    }
}

/// How the gateway stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// How long new requests are still accepted after the signal, while readiness already says no: the time that
    /// a load balancer needs to notice.
    #[schemars(extend("x-maximum" = "10m"))]
    pub delay: Period,
    /// How long requests in hand may take after that; what is unfinished then ends with an error event.
    #[schemars(extend("x-maximum" = "1h"))]
    pub limit: Period,
}

impl Default for Drain {
    fn default() -> Self {
        Drain { delay: Period::from_secs(5), limit: Period::from_secs(30) }
    }
}

/// Which web pages may call the gateway (CORS).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Origins as browsers send them, as `https://app.example`; `"*"` for any. Empty: CORS is off.
    #[schemars(extend("items" = { "type": "string", "format": "origin" }))]
    pub origins: Vec<String>,
}
