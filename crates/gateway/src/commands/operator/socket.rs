//! The control API over the socket in the data folder: HTTP/1.1, one connection a request.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::commands::output::Failure;
use crate::serve::control_socket_path;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read: lists of many keys.
const LARGEST: usize = 256 << 20;

/// The socket of a serving gateway.
pub(in crate::commands) struct ControlSocket {
    path: PathBuf,
}

impl ControlSocket {
    /// The socket in `data`, when somebody listens on it.
    pub(super) async fn find(data: &Path) -> Option<Self> {
        let path = control_socket_path(data);
        UnixStream::connect(&path).await.ok()?;
        Some(ControlSocket { path })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failure> {
        self.send(Method::POST, path, Bytes::from(body.to_string())).await
    }

    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.send(Method::DELETE, path, Bytes::new()).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, Failure> {
        let failed = |what: &str| Failure::failed(format!("{}: {what}", self.path.display()));
        let (status, answer) = match timeout(PATIENCE, self.exchange(method, path, body)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(failed(&format!("the gateway does not answer: {error}"))),
            Err(_) => return Err(failed("the gateway does not answer in time")),
        };
        // An unhealthy gateway still says what it is made of.
        if status.is_success() || (status == StatusCode::SERVICE_UNAVAILABLE && path.starts_with("/health")) {
            return serde_json::from_slice(&answer)
                .map_err(|_| failed("the gateway's answer is not understood"));
        }
        let value: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let message =
            value.pointer("/error/message").and_then(Value::as_str).unwrap_or("no reason was given");
        if status.is_server_error() { Err(Failure::failed(message)) } else { Err(Failure::refused(message)) }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = UnixStream::connect(&self.path).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let mut request = Request::builder().method(method).uri(path).body(Full::new(body))?;
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let exchange = async move {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LARGEST).collect().await?;
            Ok((status, body.to_bytes()))
        };
        // The connection ends when the exchange lets go of it; what it fails with, the exchange fails with too.
        let (answer, _) = tokio::join!(exchange, connection);
        answer
    }
}
