//! A small HTTP client for tests: one connection per request, whole answers or events, a hang-up by dropping.
//! For bytes that are no HTTP, see [`RawConnection`](crate::RawConnection).

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::sse::{SseEvent, SseReader};

/// How long an answer may take before a test is taken to hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where requests go, and with what.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    key: Option<String>,
    http2: bool,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The value of a header, when it is there and visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// When it is none; the error shows the body.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// A client of the server at `address`, over HTTP/1.1 and without a credential.
    pub fn new(address: SocketAddr) -> Self {
        Client { address, key: None, http2: false }
    }

    /// Sends this key as bearer token.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Speaks HTTP/2 without TLS, by prior knowledge.
    #[must_use]
    pub fn over_http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// Fetches `path`.
    ///
    /// # Errors
    ///
    /// When no whole answer comes.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(self.request(Method::GET, path, Bytes::new())?).await
    }

    /// Posts a JSON document.
    ///
    /// # Errors
    ///
    /// When no whole answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(self.json_request(path, body)?).await
    }

    /// Posts a JSON document and reads the answer event by event.
    ///
    /// # Errors
    ///
    /// When no head comes.
    pub async fn stream(&self, path: &str, body: &Value) -> anyhow::Result<Events> {
        self.open(self.json_request(path, body)?).await
    }

    /// A request to this server, with the client's key, for the caller to change before it is sent.
    ///
    /// # Errors
    ///
    /// When path or key cannot stand in a request.
    pub fn request(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
        let target = if self.http2 { format!("http://{}{path}", self.address) } else { path.to_owned() };
        let mut request = Request::builder().method(method).uri(target).body(Full::new(body))?;
        if !self.http2 {
            request.headers_mut().insert(HOST, HeaderValue::from_str(&self.address.to_string())?);
        }
        if let Some(key) = &self.key {
            let value = HeaderValue::from_str(&format!("Bearer {key}"))?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    ///
    /// When no whole answer comes: a broken connection, a body that is too short, a minute without an end.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let exchange = async {
            let (response, _connection) = self.exchange(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.context("the body broke off")?.to_bytes();
            anyhow::Ok(Answer { status: head.status, headers: head.headers, body })
        };
        timeout(PATIENCE, exchange).await.context("no answer within a minute")?
    }

    /// Sends a request and leaves the body of the answer to be read. Dropping [`Events`] hangs up.
    ///
    /// # Errors
    ///
    /// When no head comes.
    pub async fn open(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Events> {
        let (response, connection) =
            timeout(PATIENCE, self.exchange(request)).await.context("no head within a minute")??;
        let (head, body) = response.into_parts();
        Ok(Events {
            status: head.status,
            headers: head.headers,
            body,
            reader: SseReader::default(),
            _connection: connection,
        })
    }

    fn json_request(&self, path: &str, body: &Value) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = self.request(Method::POST, path, Bytes::from(body.to_string()))?;
        set(&mut request, CONTENT_TYPE, "application/json")?;
        Ok(request)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(Response<Incoming>, AbortOnDropHandle<()>)> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let io = TokioIo::new(stream);
        let tasks = TaskTracker::new();
        // How the connection ends shows in the answer; its own result adds nothing.
        if self.http2 {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
            let driver = tasks.spawn(async move { drop(connection.await) });
            let response = sender.send_request(request).await?;
            Ok((response, AbortOnDropHandle::new(driver)))
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            let driver = AbortOnDropHandle::new(tasks.spawn(async move { drop(connection.await) }));
            let response = sender.send_request(request).await?;
            Ok((response, driver))
        }
    }
}

/// Sets a header of a request.
///
/// # Errors
///
/// When the value cannot stand in a header.
pub fn set(request: &mut Request<Full<Bytes>>, name: HeaderName, value: &str) -> anyhow::Result<()> {
    request.headers_mut().insert(name, HeaderValue::from_str(value)?);
    Ok(())
}

/// An answer whose body is read piece by piece. Dropping it closes the connection.
#[derive(Debug)]
pub struct Events {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    reader: SseReader,
    _connection: AbortOnDropHandle<()>,
}

impl Events {
    /// The next bytes as they arrive; `None` at a proper end. Not to be mixed with [`Events::next`].
    ///
    /// # Errors
    ///
    /// When the connection breaks, or nothing comes for a minute.
    pub async fn next_bytes(&mut self) -> anyhow::Result<Option<Bytes>> {
        loop {
            let frame = timeout(PATIENCE, self.body.frame()).await.context("nothing for a minute")?;
            let Some(frame) = frame else { return Ok(None) };
            if let Ok(data) = frame.context("the stream broke off")?.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// The next event, comments included; `None` at a proper end.
    ///
    /// # Errors
    ///
    /// When the connection breaks, nothing comes for a minute, or the body ends within an event.
    pub async fn next(&mut self) -> anyhow::Result<Option<SseEvent>> {
        loop {
            if let Some(event) = self.reader.next_event() {
                return Ok(Some(event));
            }
            match self.next_bytes().await? {
                Some(bytes) => self.reader.push(&bytes),
                None if self.reader.rest().is_empty() => return Ok(None),
                None => bail!("the body ends within an event"),
            }
        }
    }

    /// All events that are left.
    ///
    /// # Errors
    ///
    /// As [`Events::next`].
    pub async fn rest(mut self) -> anyhow::Result<Vec<SseEvent>> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            events.push(event);
        }
        Ok(events)
    }
}
