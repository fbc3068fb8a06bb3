//! Stage 9, screen: the same detectors and the policy's output rules on what comes back, whole or streamed. What
//! leaves here is what the caller sees. `plain` judges whole answers, `stream` events, `body` plays streams to the
//! caller; `verbatim` and `summary` are measures and treatments.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use tracing::{Instrument as _, debug_span};

use flyball_translation::{Dialect, Envelope};

use super::decide::Basis;
use super::dispatch::Dispatched;
use crate::edge::body::Body;
use crate::exchange::{Exchange, Outcome};
use crate::protocols::Protocol;
use crate::providers::Framing;
use crate::recording::SaltedHash;
use crate::refusal::{Kind, Refusal};

pub mod body;
pub mod events;
pub mod plain;
pub mod stream;
pub mod summary;
pub mod verbatim;

/// An answer that may be released.
#[derive(Debug)]
pub enum Reply {
    /// A whole one.
    Plain(Bytes),
    /// A whole one that is no JSON.
    Other(HeaderValue, Bytes),
    /// A whole one of which nothing else is known than that the provider was content.
    Passed(StatusCode, Option<HeaderValue>, Bytes),
    /// Events, screened as they come.
    Stream(Box<body::Inflow>),
}

/// Screens the answer: a whole one at once, a stream from here on.
pub(super) async fn run(exchange: &mut Exchange, dispatched: Dispatched) -> Result<Reply, Refusal> {
    steps(exchange, dispatched).instrument(debug_span!("screen")).await
}

async fn steps(exchange: &mut Exchange, dispatched: Dispatched) -> Result<Reply, Refusal> {
    let Dispatched { basis, inbound, dialect, echo, deadline } = dispatched;
    let way = way(exchange, dialect, &basis, echo);
    // Only the answer itself tells whether what is passed on comes in events.
    let streams = match exchange.protocol {
        Protocol::Passthrough => inbound.framing() == Some(Framing::Sse),
        _ => basis.call.stream,
    };
    exchange.stream = streams;
    if streams {
        let Some(framing) = inbound.framing() else {
            plain::count(exchange, inbound, deadline, way).await;
            return Err(Refusal::new(
                Kind::ProviderInvalidAnswer,
                "The provider answered a streaming request without a stream.",
            ));
        };
        let screen = stream::StreamScreen::new(exchange.protocol, Arc::clone(&exchange.snapshot), basis);
        let events = events::Inbox::new(framing, exchange.snapshot.config.limits.event.get(), way);
        return Ok(Reply::Stream(Box::new(body::Inflow::new(exchange, inbound, events, screen, deadline))));
    }
    plain::run(exchange, basis, inbound, deadline, way).await
}

/// From one dialect into another, and what the answer says of itself.
#[derive(Debug)]
pub struct Way {
    from: Dialect,
    to: Dialect,
    envelope: Envelope,
}

/// How the answer comes to the caller's dialect; none where it is in it.
fn way(exchange: &Exchange, dialect: Option<Dialect>, basis: &Basis, echo: String) -> Option<Way> {
    let (from, to) = (dialect?, exchange.protocol.dialect()?);
    let target = exchange.route.as_deref().unwrap_or(&basis.route);
    (from != to).then(|| Way {
        from,
        to,
        envelope: Envelope {
            id: exchange.id.to_string(),
            created: u64::try_from(exchange.time.seconds()).unwrap_or(0),
            model: target.model.clone(),
            echo,
            stream_usage: basis.call.stream_usage,
        },
    })
}

impl Reply {
    /// The answer to the caller. The exchange ends with its last byte.
    pub(super) fn into_response(self, mut exchange: Exchange) -> Response<Body> {
        match self {
            Reply::Plain(bytes) => whole(&mut exchange, HeaderValue::from_static("application/json"), bytes),
            Reply::Other(content_type, bytes) => whole(&mut exchange, content_type, bytes),
            Reply::Passed(status, content_type, bytes) => {
                let json = HeaderValue::from_static("application/json");
                let bare = content_type.is_none();
                let mut response = whole(&mut exchange, content_type.unwrap_or(json), bytes);
                if bare {
                    response.headers_mut().remove(CONTENT_TYPE);
                }
                *response.status_mut() = status;
                response
            }
            Reply::Stream(inflow) => {
                let mut response =
                    head(&exchange, HeaderValue::from_static("text/event-stream; charset=utf-8"));
                *response.body_mut() = Body::stream(body::Screened::new(exchange, *inflow));
                response
            }
        }
    }
}

fn head(exchange: &Exchange, content_type: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    super::settle::identify(exchange, response.headers_mut());
    if let Some(route) = &exchange.route
        && let Ok(name) = HeaderValue::from_str(&route.name)
    {
        response.headers_mut().insert(HeaderName::from_static("x-flyball-model"), name);
    }
    response
}

/// The answer that is a body and nothing after it.
fn whole(exchange: &mut Exchange, content_type: HeaderValue, bytes: Bytes) -> Response<Body> {
    exchange.outcome = Outcome::Answered;
    exchange.output_hash = Some(SaltedHash::of(&exchange.salt, &bytes));
    let mut response = head(exchange, content_type);
    *response.body_mut() = Body::full(bytes);
    response
}

/// Texts of the request that an answer may not copy.
fn sources(snapshot: &crate::snapshot::Snapshot, basis: &Basis) -> verbatim::Sources {
    let mut call = verbatim::Shingles::default();
    for text in &basis.call.texts {
        if let Some(text) = basis.call.document.value(text.node).text() {
            call.add(&text);
        }
    }
    verbatim::Sources { call, protected: Arc::clone(&snapshot.protected) }
}
