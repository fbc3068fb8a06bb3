//! Providers of models: one file each. A provider turns a finished body into an HTTP call and hands back the head
//! and the bytes that come; what the bytes mean is the protocols' business, whether they may pass the screen's.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flyball_core::{Operation, Timestamp};
use flyball_translation::Dialect;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body::{Body as _, Frame};
use http_body_util::Full;
use tokio_util::task::TaskTracker;

use crate::edge::egress::{AnswerBody, Bounds, Egress, EgressError, Why};
use crate::protocols::Protocol;
use crate::protocols::passthrough::address::Address;

pub mod anthropic;
pub mod bedrock;
pub mod demo;
pub mod gemini;
mod keys;
pub mod openai;
pub mod quirks;

pub use keys::KeyError;

/// A place that answers calls.
pub struct Provider {
    /// Its name in the configuration.
    pub name: std::sync::Arc<str>,
    /// How to talk to it.
    pub kind: ProviderKind,
}

/// How to talk to a provider.
pub enum ProviderKind {
    /// The built-in demo model.
    Demo(demo::DemoProvider),
    /// Anything that speaks OpenAI's protocol.
    OpenAi(Box<openai::OpenAi>),
    /// Anything that speaks Anthropic's messages.
    Anthropic(Box<anthropic::Anthropic>),
    /// Google's `generateContent`.
    Gemini(Box<gemini::Gemini>),
    /// Amazon Bedrock.
    Bedrock(Box<bedrock::Bedrock>),
}

/// What leaves us.
#[derive(Debug)]
pub struct Outbound<'a> {
    /// What is wanted.
    pub operation: Operation,
    /// What the body is written in; none where it is no conversation.
    pub dialect: Option<Dialect>,
    /// The provider's name of the model.
    pub model: &'a str,
    /// The body.
    pub body: Bytes,
    /// What the body is; none: JSON.
    pub content_type: Option<HeaderValue>,
    /// Where below the provider's base it goes, and with which method; none: where the operation is done.
    pub address: Option<&'a Address>,
    /// Extra headers of the route.
    pub headers: &'a HeaderMap,
    /// Headers of the caller's that may concern a provider: each takes those that it allows. None where the body was
    /// translated.
    pub caller: &'a HeaderMap,
    /// Whether events are expected.
    pub stream: bool,
    /// When it is made.
    pub time: Timestamp,
    /// What the call may cost in time and bytes.
    pub bounds: Bounds,
}

/// The head of what comes back, and the body still to be read.
#[derive(Debug)]
pub struct Inbound {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. Dropping it cancels the call.
    pub body: InboundBody,
}

/// How events follow each other in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// Amazon's event stream encoding.
    Frames,
}

impl Inbound {
    /// How the events are framed that the provider says it sends; none when it sends none.
    pub fn framing(&self) -> Option<Framing> {
        let content_type = self.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok())?;
        let content_type = content_type.trim_start().to_ascii_lowercase();
        if content_type.starts_with("text/event-stream") {
            Some(Framing::Sse)
        } else if content_type.starts_with("application/vnd.amazon.eventstream") {
            Some(Framing::Frames)
        } else {
            None
        }
    }

    /// How long the provider asks to wait, if it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
        value.trim().parse().ok().map(Duration::from_secs)
    }
}

impl Provider {
    /// The dialect in which this provider is asked what came in as `protocol`; none where that is no conversation.
    pub fn dialect(&self, protocol: Protocol) -> Option<Dialect> {
        let spoken = protocol.dialect()?;
        Some(match &self.kind {
            ProviderKind::Demo(_) => Dialect::Chat,
            ProviderKind::OpenAi(openai) => openai.dialect(spoken),
            ProviderKind::Anthropic(_) => Dialect::Messages,
            ProviderKind::Gemini(_) => Dialect::Gemini,
            ProviderKind::Bedrock(_) => Dialect::Converse,
        })
    }

    /// Whether it does what is no conversation.
    pub fn offers(&self, operation: Operation) -> bool {
        match &self.kind {
            ProviderKind::OpenAi(openai) => openai.offers(operation),
            ProviderKind::Demo(_) => {
                matches!(operation, Operation::Chat | Operation::Embeddings | Operation::CountTokens)
            }
            ProviderKind::Anthropic(_) | ProviderKind::Gemini(_) => {
                matches!(operation, Operation::Chat | Operation::CountTokens | Operation::Passthrough)
            }
            ProviderKind::Bedrock(_) => matches!(operation, Operation::Chat | Operation::CountTokens),
        }
    }

    /// Whether it tells how many tokens a conversation has. Where it does not, we count.
    pub fn counts_tokens(&self) -> bool {
        matches!(self.kind, ProviderKind::Anthropic(_))
    }

    /// Sends a call and waits for the head of the answer.
    ///
    /// # Errors
    /// When no head comes.
    pub async fn call(&self, egress: &Egress, outbound: Outbound<'_>) -> Result<Inbound, EgressError> {
        match &self.kind {
            ProviderKind::Demo(demo) => demo.call(outbound).await,
            ProviderKind::OpenAi(openai) => openai.call(egress, outbound).await,
            ProviderKind::Anthropic(anthropic) => anthropic.call(egress, outbound).await,
            ProviderKind::Gemini(gemini) => gemini.call(egress, outbound).await,
            ProviderKind::Bedrock(bedrock) => bedrock.call(egress, outbound).await,
        }
    }
}

/// What every call to a provider carries: only headers made here leave us, and those that a provider's file lets
/// through.
#[derive(Debug)]
struct Headers {
    /// What is sent with calls that expect a whole answer.
    plain: HeaderMap,
    /// What is sent with calls that expect events.
    stream: HeaderMap,
}

impl Headers {
    /// Ours, and the operator's `extra` ones.
    fn new(extra: &HeaderMap) -> Self {
        let mut plain = extra.clone();
        plain.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Compressed events could not be passed on as they come.
        plain.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut stream = plain.clone();
        plain.insert(ACCEPT, HeaderValue::from_static("application/json"));
        stream.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        Headers { plain, stream }
    }

    /// Those of one call, the route's included.
    fn of(&self, outbound: &Outbound<'_>) -> HeaderMap {
        let mut headers = if outbound.stream { &self.stream } else { &self.plain }.clone();
        for (name, value) in outbound.headers {
            headers.insert(name, value.clone());
        }
        if let Some(content_type) = &outbound.content_type {
            headers.insert(CONTENT_TYPE, content_type.clone());
        }
        if outbound.address.is_some() {
            if outbound.body.is_empty() {
                headers.remove(CONTENT_TYPE);
            }
            headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream, */*"));
        }
        if matches!(outbound.operation, Operation::Speech | Operation::Transcriptions) {
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        }
        headers
    }
}

/// Sends a body and waits for the head of the answer.
async fn post(
    egress: &Egress,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    bounds: Bounds,
) -> Result<Inbound, EgressError> {
    let mut request = Request::new(Full::<Bytes>::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let (parts, body) = egress.send(request, bounds).await?.into_parts();
    Ok(Inbound { status: parts.status, headers: parts.headers, body: InboundBody::Wire(body) })
}

/// Sends a call to `uri` and waits for the head of the answer.
async fn send(
    egress: &Egress,
    uri: Uri,
    headers: HeaderMap,
    outbound: Outbound<'_>,
) -> Result<Inbound, EgressError> {
    let Some(address) = outbound.address else {
        return post(egress, uri, headers, outbound.body, outbound.bounds).await;
    };
    let mut request = Request::new(Full::<Bytes>::new(outbound.body));
    *request.method_mut() = address.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let (parts, body) = egress.send(request, outbound.bounds).await?.into_parts();
    Ok(Inbound { status: parts.status, headers: parts.headers, body: InboundBody::Wire(body) })
}

/// An address below `base`. What `address` holds was checked: it changes neither host nor scheme.
fn below(base: &str, address: &Address) -> Result<Uri, EgressError> {
    format!("{base}{}", address.target()).parse().map_err(|_| EgressError::Refused { why: Why::Host })
}

/// RFC 3986 section 2.1, for one path segment.
fn path_segment(segment: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(segment.len());
    for &byte in segment.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// How long an answer that has said everything is given to end.
const LINGER: Duration = Duration::from_secs(1);

/// A body on its way in.
#[derive(Debug)]
pub enum InboundBody {
    /// From a connection.
    Wire(AnswerBody),
    /// From the demo model.
    Demo(demo::Steps),
}

impl InboundBody {
    /// The next bytes; none at the end. Trailers are passed over.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, EgressError>>> {
        match self {
            InboundBody::Wire(answer) => loop {
                let frame = std::task::ready!(Pin::new(&mut *answer).poll_frame(cx));
                match frame.map(|frame| frame.map(Frame::into_data)) {
                    None => return Poll::Ready(None),
                    Some(Ok(Ok(data))) => return Poll::Ready(Some(Ok(data))),
                    Some(Ok(Err(_trailers))) => {}
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                }
            },
            InboundBody::Demo(steps) => steps.poll_data(cx),
        }
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// When the connection breaks or the provider falls silent.
    pub async fn data(&mut self) -> Option<Result<Bytes, EgressError>> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// The body has said everything: lets it end, so that its connection serves the next call. One whose end has
    /// not come yet is waited for aside, and not for long.
    pub fn let_end(mut self, cx: &mut Context<'_>, tracker: &TaskTracker) {
        loop {
            match self.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(_) => return,
                Poll::Pending => break,
            }
        }
        tracker.spawn(tokio::time::timeout(LINGER, async move { self.data().await }));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::edge::egress::NamedBy;

    static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

    /// A call without a body.
    pub(super) fn outbound(model: &str, operation: Operation, dialect: Option<Dialect>) -> Outbound<'_> {
        Outbound {
            operation,
            dialect,
            model,
            body: Bytes::new(),
            content_type: None,
            address: None,
            headers: &NO_HEADERS,
            caller: &NO_HEADERS,
            stream: false,
            time: Timestamp(1_440_938_160_000_000),
            bounds: Bounds {
                named_by: NamedBy::Operator,
                head_timeout: Duration::MAX,
                idle_timeout: Duration::MAX,
                body_limit: 0,
            },
        }
    }
}
