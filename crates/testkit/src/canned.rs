//! A provider that answers with prepared bytes, for answers that the demo model never gives: unknown fields,
//! reasoning, annotations, wrong shapes, another vendor's words. What it was asked is kept.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Asked {
    /// The value of a header, when it is there once and visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }
}

#[derive(Debug)]
struct Shared {
    answer: Mutex<(StatusCode, HeaderMap, Bytes)>,
    asked: Mutex<Vec<Asked>>,
}

/// A running provider. Dropping it closes the listener.
#[derive(Debug)]
pub struct Canned {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl Canned {
    /// Listens on a free port of the loopback interface. Until told otherwise it answers `{}`.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            answer: Mutex::new((StatusCode::OK, of_type("application/json"), Bytes::from_static(b"{}"))),
            asked: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let accepting = accept(listener, Arc::clone(&shared), tasks.clone());
        let stopped = stop.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = accepting => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Canned { address, shared, _stop: stop.drop_guard() })
    }

    /// The base URL that an OpenAI SDK takes, with `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The address without a path, for dialects whose paths begin at the root.
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers from now on with this JSON document.
    pub fn answer(&self, document: impl Into<Bytes>) {
        self.set(StatusCode::OK, of_type("application/json"), document.into());
    }

    /// Answers from now on with an error.
    pub fn fail(&self, status: StatusCode, document: impl Into<Bytes>) {
        self.set(status, of_type("application/json"), document.into());
    }

    /// Answers from now on with an error that asks to wait.
    pub fn fail_for(&self, seconds: u64, status: StatusCode, document: impl Into<Bytes>) {
        let mut headers = of_type("application/json");
        headers.insert(HeaderName::from_static("retry-after"), HeaderValue::from(seconds));
        self.set(status, headers, document.into());
    }

    /// Answers from now on with these bytes, said to be of this type.
    pub fn answer_as(&self, content_type: &'static str, body: impl Into<Bytes>) {
        self.set(StatusCode::OK, of_type(content_type), body.into());
    }

    /// Answers from now on with these events, each the data of one, and `[DONE]`.
    pub fn answer_events<E: AsRef<str>>(&self, events: impl IntoIterator<Item = E>) {
        let mut body = String::new();
        for event in events {
            body.push_str("data: ");
            body.push_str(event.as_ref());
            body.push_str("\n\n");
        }
        body.push_str("data: [DONE]\n\n");
        self.answer_as("text/event-stream", body);
    }

    /// The bodies that arrived, oldest first.
    pub fn received(&self) -> Vec<Bytes> {
        self.asked().into_iter().map(|asked| asked.body).collect()
    }

    /// The requests that arrived, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, status: StatusCode, headers: HeaderMap, body: Bytes) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = (status, headers, body);
    }
}

fn of_type(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
        tasks.spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            // How a connection ends is the caller's affair.
            let _ended = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let asked = Asked { method: head.method, target: head.uri.to_string(), headers: head.headers, body };
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    let (status, headers, body) = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
