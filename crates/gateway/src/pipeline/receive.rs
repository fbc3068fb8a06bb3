//! Stage 1, receive: bytes to a decoded [`Call`]. Ids, sizes, content encoding, JSON depth. Knows nothing of who
//! is calling.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flyball_core::json::{Document, JsonError};
use flyball_core::{Call, Decision, ExchangeId};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Request};
use hyper::body::Incoming;
use tokio::time::Instant;
use tracing::{Instrument as _, debug_span};

use crate::edge;
use crate::edge::form::{self, FormError};
use crate::edge::request_body::{RequestBodyError, RequestBodyLimits};
use crate::exchange::{Exchange, Outcome, Recorded};
use crate::gateway::Gateway;
use crate::protocols::{Protocol, openai, passthrough};
use crate::recording::{self, Tally};
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;

/// A body may take as long as so many of the longest allowed pauses.
const BODY_PAUSES: u32 = 5;

/// A compressed body may grow to so many times its size.
const EXPANSION: usize = 100;

/// A decoded request of somebody.
#[derive(Debug)]
pub struct Received {
    call: Call,
}

impl Received {
    /// The request.
    pub(super) fn into_call(self) -> Call {
        self.call
    }

    /// The request.
    pub(super) fn call(&self) -> &Call {
        &self.call
    }
}

/// Opens the exchange's record; none when no new work is accepted.
pub(super) fn begin(gateway: Arc<Gateway>, protocol: Protocol, headers: &HeaderMap) -> Option<Exchange> {
    let in_flight = gateway.drain.enter()?;
    let id = ExchangeId::new(gateway.clock.as_ref());
    Some(Exchange {
        snapshot: gateway.snapshot(),
        request_id: edge::headers::request_id(headers, || id.to_string()),
        id,
        protocol,
        time: gateway.clock.now(),
        started: Instant::now(),
        stage: "receive",
        principal: None,
        end_user: 0,
        session: 0,
        tags: Vec::new(),
        caller_headers: caller_headers(headers),
        recording: None,
        passing: None,
        passes_media: false,
        operation: None,
        stream: false,
        route: None,
        decision: Decision::default(),
        dropped: Vec::new(),
        prompt_findings: Tally::default(),
        output_findings: Tally::default(),
        salt: recording::salt(&gateway.salts, id),
        received: None,
        output_hash: None,
        attempts: 0,
        recorded: Recorded::Not,
        first_byte_micros: None,
        sent: None,
        usage: None,
        outcome: Outcome::Abandoned,
        in_flight,
        gateway,
    })
}

/// Headers that say how a provider should read the request. Which of them a provider gets is said in its own file; no
/// other header of a caller's ever leaves us.
const FOR_PROVIDERS: [HeaderName; 3] = [
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("openai-beta"),
];

fn caller_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in &FOR_PROVIDERS {
        for value in headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// What is said while the gateway stops.
pub fn shutting_down() -> Refusal {
    Refusal::new(Kind::ShuttingDown, "The gateway is stopping.").retry_after(Duration::from_secs(1))
}

/// Reads and decodes the request.
pub(super) async fn run(exchange: &mut Exchange, request: Request<Incoming>) -> Result<Received, Refusal> {
    steps(exchange, request).instrument(debug_span!("receive")).await
}

async fn steps(exchange: &mut Exchange, request: Request<Incoming>) -> Result<Received, Refusal> {
    let snapshot = Arc::clone(&exchange.snapshot);
    let (parts, incoming) = request.into_parts();
    let limit = snapshot.config.limits.model_body.get();
    let bytes = body(&snapshot, &parts.headers, incoming, limit).await?;
    exchange.received = Some(bytes.clone());
    let bytes = match exchange.protocol {
        Protocol::OpenAiTranscriptions => {
            let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let parts = form::read(content_type, bytes).await.map_err(form_refusal)?;
            let (document, recording) = openai::transcriptions::open(parts)?;
            exchange.recording = Some(recording);
            document.into()
        }
        Protocol::Passthrough => pass(exchange, &parts, bytes)?,
        _ => bytes,
    };
    let document = Document::parse(bytes, snapshot.config.limits.json()).map_err(json_refusal)?;
    let call = exchange.protocol.decode(document)?;
    exchange.operation = Some(call.operation);
    exchange.stream = call.stream;
    Ok(Received { call })
}

/// The document of a request that is passed on.
fn pass(exchange: &mut Exchange, head: &Parts, body: Bytes) -> Result<Bytes, Refusal> {
    let snapshot = Arc::clone(&exchange.snapshot);
    let path = head.uri.path();
    // The configuration may have changed since the path was looked up.
    let found = snapshot.passages.at(path).and_then(|passage| Some((passage, passage.below(path)?)));
    let Some((passage, below)) = found.filter(|(passage, _)| passage.methods.contains(&head.method)) else {
        return Err(Refusal::new(Kind::UnknownEndpoint, "There is no such endpoint."));
    };
    exchange.passes_media = passage.media;
    let limits = snapshot.config.limits.json();
    let target = (below, head.uri.query());
    let (document, passing) = passthrough::open(
        &passage.route.name,
        &head.method,
        target,
        &head.headers,
        body,
        passage.media,
        limits,
    )?;
    exchange.passing = Some(passing);
    Ok(document.into())
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// A refusal that says what was wrong with it.
pub async fn body(
    snapshot: &Snapshot,
    headers: &HeaderMap,
    incoming: Incoming,
    limit: usize,
) -> Result<Bytes, Refusal> {
    let pause = snapshot.config.limits.body_timeout.get();
    let limits = RequestBodyLimits {
        size: limit,
        read_timeout: pause,
        total_timeout: pause * BODY_PAUSES,
        expansion: EXPANSION,
    };
    edge::request_body::read(headers, incoming, &limits).await.map_err(body_refusal)
}

fn body_refusal(error: RequestBodyError) -> Refusal {
    use RequestBodyError as E;
    match error {
        E::TooLarge { limit } => {
            Refusal::new(Kind::BodyTooLarge, format!("The body is larger than {limit} bytes."))
        }
        E::Expands { limit } => {
            Refusal::new(Kind::BodyTooLarge, format!("The body grows to more than {limit} times its size."))
        }
        E::Slow => Refusal::new(Kind::BodyTimeout, "The body did not arrive in time."),
        E::UnsupportedEncoding { .. } => {
            Refusal::new(Kind::UnsupportedEncoding, "This content-encoding is not supported.")
        }
        E::Corrupt { encoding } => {
            Refusal::new(Kind::BodyBroken, format!("The body is not valid {encoding}."))
        }
        error => Refusal::new(Kind::BodyBroken, "The body could not be read.").because(error),
    }
}

fn form_refusal(error: FormError) -> Refusal {
    let kind = match error {
        FormError::FieldTooLarge => Kind::BodyTooLarge,
        _ => Kind::MalformedForm,
    };
    Refusal::new(kind, format!("The body is not acceptable: {error}.")).at("body").because(error)
}

fn json_refusal(error: JsonError) -> Refusal {
    Refusal::new(Kind::MalformedJson, format!("The body is not acceptable JSON: {error}.")).at("body")
}
