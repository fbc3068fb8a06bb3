//! Providers of models: one file each. A provider turns a finished body into an HTTP call and hands back the head
//! and the bytes that come; what the bytes mean is the protocols' business, whether they may pass the screen's.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flyball_core::Operation;
use flyball_translation::Dialect;
use http::{HeaderMap, StatusCode};
use http_body::{Body as _, Frame};
use tokio_util::task::TaskTracker;

use crate::edge::egress::{AnswerBody, Bounds, Egress, EgressError};
use crate::protocols::Protocol;

pub mod demo;
pub mod openai;

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
    /// Extra headers of the route.
    pub headers: &'a HeaderMap,
    /// Headers of the caller's that may concern a provider: each takes those that it allows.
    pub caller: &'a HeaderMap,
    /// Whether events are expected.
    pub stream: bool,
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
            ProviderKind::Demo(_) | ProviderKind::OpenAi(_) => match spoken {
                Dialect::Chat => spoken,
                _ => Dialect::Chat,
            },
        })
    }

    /// Whether it tells how many tokens a conversation has. Where it does not, we count.
    pub fn counts_tokens(&self) -> bool {
        false
    }

    /// Sends a call and waits for the head of the answer.
    ///
    /// # Errors
    /// When no head comes.
    pub async fn call(&self, egress: &Egress, outbound: Outbound<'_>) -> Result<Inbound, EgressError> {
        match &self.kind {
            ProviderKind::Demo(demo) => demo.call(outbound).await,
            ProviderKind::OpenAi(openai) => openai.call(egress, outbound).await,
        }
    }
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
