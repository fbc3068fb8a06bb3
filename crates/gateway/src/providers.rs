//! Providers of models: one file each. A provider turns a finished body into an HTTP call and hands back the head
//! and the bytes that come; what the bytes mean is the protocols' business, whether they may pass the screen's.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flyball_core::Operation;
use http::{HeaderMap, StatusCode};
use http_body::{Body as _, Frame};

use crate::edge::egress::{AnswerBody, Bounds, Egress, EgressError};

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
    /// The provider's name of the model.
    pub model: &'a str,
    /// The body.
    pub body: Bytes,
    /// Extra headers of the route.
    pub headers: &'a HeaderMap,
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

impl Inbound {
    /// Whether the provider says that it sends events.
    pub fn is_event_stream(&self) -> bool {
        let content_type = self.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        content_type
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
    }

    /// How long the provider asks to wait, if it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
        value.trim().parse().ok().map(Duration::from_secs)
    }
}

impl Provider {
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
    pub fn let_end(mut self, cx: &mut Context<'_>) {
        loop {
            match self.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(_) => return,
                Poll::Pending => break,
            }
        }
        #[expect(clippy::disallowed_methods, reason = "nobody waits for it: a stop need not either")]
        tokio::spawn(tokio::time::timeout(LINGER, async move { self.data().await }));
    }
}
