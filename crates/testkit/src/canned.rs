//! A provider that answers with prepared bytes, for answers that the demo model never gives: unknown fields,
//! reasoning, annotations, wrong shapes. What it was asked is kept.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

#[derive(Debug)]
struct Shared {
    answer: Mutex<(StatusCode, HeaderValue, Bytes)>,
    received: Mutex<Vec<Bytes>>,
    heads: Mutex<Vec<Head>>,
}

/// What stood before a body that arrived.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// Path and query, as they came.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
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
        let json = HeaderValue::from_static("application/json");
        let shared = Arc::new(Shared {
            answer: Mutex::new((StatusCode::OK, json, Bytes::from_static(b"{}"))),
            received: Mutex::default(),
            heads: Mutex::default(),
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

    /// Answers from now on with this JSON document.
    pub fn answer(&self, document: impl Into<Bytes>) {
        self.set(StatusCode::OK, "application/json", document.into());
    }

    /// Answers from now on with these bytes, whatever they are.
    pub fn answer_as(&self, content_type: &'static str, body: impl Into<Bytes>) {
        self.set(StatusCode::OK, content_type, body.into());
    }

    /// Answers from now on with an error.
    pub fn fail(&self, status: StatusCode, document: impl Into<Bytes>) {
        self.set(status, "application/json", document.into());
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
        self.set(StatusCode::OK, "text/event-stream", body.into());
    }

    /// The bodies that arrived, oldest first.
    pub fn received(&self) -> Vec<Bytes> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What stood before these bodies, oldest first.
    pub fn heads(&self) -> Vec<Head> {
        self.shared.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, status: StatusCode, content_type: &'static str, body: Bytes) {
        let answer = (status, HeaderValue::from_static(content_type), body);
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
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
    let head = Head {
        method: request.method().clone(),
        target: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
        headers: request.headers().clone(),
    };
    let body = request.into_body().collect().await?.to_bytes();
    shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    shared.heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    let (status, content_type, body) = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}
