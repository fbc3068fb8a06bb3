//! What happens to every request on a listener: it is an exchange, or the control API's. The accept loop, and the
//! headers that all answers carry, are the edge's; this is the function that it calls.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::admin::{self, Peer, Plane};
use crate::edge::body::{Body, BodyError};
use crate::edge::headers;
use crate::gateway::Gateway;
use crate::pipeline::{self, receive, settle};
use crate::protocols::Protocol;
use crate::refusal::{Kind, Refusal};

/// The paths of exchanges.
const EXCHANGES: [Protocol; 13] = [
    Protocol::OpenAiChat,
    Protocol::OpenAiEmbeddings,
    Protocol::OpenAiResponses,
    Protocol::OpenAiCompletions,
    Protocol::OpenAiModerations,
    Protocol::OpenAiImages,
    Protocol::OpenAiSpeech,
    Protocol::OpenAiTranscriptions,
    Protocol::Rerank,
    Protocol::AnthropicMessages,
    Protocol::AnthropicCountTokens,
    Protocol::Completion,
    Protocol::CompletionStream,
];

/// Serves one listener.
pub struct Server {
    gateway: Arc<Gateway>,
    plane: Plane,
    control: Router,
}

impl Server {
    /// A server of `plane`.
    pub fn new(gateway: Arc<Gateway>, plane: Plane) -> Self {
        let control = admin::router(Arc::clone(&gateway), plane);
        Server { gateway, plane, control }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let path = request.uri().path();
        let exchange = EXCHANGES.into_iter().find(|protocol| protocol.endpoint() == path);
        match exchange.filter(|_| self.plane != Plane::Control) {
            Some(protocol) if request.method() == Method::POST => {
                pipeline::run(Arc::clone(&self.gateway), protocol, request).await
            }
            Some(protocol) => self.wrong_method(&request, protocol, "POST".into()),
            None if self.plane != Plane::Control
                && let Some(passage) = self.gateway.snapshot().passages.at(path).cloned() =>
            {
                if passage.methods.contains(request.method()) {
                    pipeline::run(Arc::clone(&self.gateway), Protocol::Passthrough, request).await
                } else {
                    self.wrong_method(&request, Protocol::Passthrough, passage.allow().into())
                }
            }
            // Boxed, so that exchanges do not carry the room for it.
            None => Box::pin(self.control(request, peer)).await,
        }
    }

    fn wrong_method(
        &self,
        request: &Request<Incoming>,
        protocol: Protocol,
        allow: Cow<'static, str>,
    ) -> Response<Body> {
        let mut refusal = Refusal::new(Kind::WrongMethod, "This endpoint does not have this method.");
        refusal.allow = Some(allow);
        self.refuse(&refusal, &self.request_id(request), Some(protocol))
    }

    fn request_id(&self, request: &Request<Incoming>) -> String {
        headers::request_id(request.headers(), || self.gateway.clock.uuid().to_string())
    }

    fn refuse(&self, refusal: &Refusal, request_id: &str, protocol: Option<Protocol>) -> Response<Body> {
        self.gateway.metrics.refused(refusal.kind);
        crate::events::control_refused(request_id, refusal);
        settle::refusal_response(refusal, request_id, protocol)
    }

    /// The control API. Bodies are read here, within limits, so that handlers get bytes.
    async fn control(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let request_id = self.request_id(&request);
        let Some(_in_flight) = self.gateway.drain.enter() else {
            return self.refuse(&receive::shutting_down(), &request_id, None);
        };
        let snapshot = self.gateway.snapshot();
        let (mut parts, body) = request.into_parts();
        let limit = snapshot.config.limits.other_body.get();
        let bytes = match receive::body(&snapshot, &parts.headers, body, limit).await {
            Ok(bytes) => bytes,
            Err(refusal) => return self.refuse(&refusal, &request_id, None),
        };
        parts.extensions.insert(peer);
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        let mut response = match self.control.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if let Some(refusal) = response.extensions_mut().remove::<Arc<Refusal>>() {
            let mut rendered = self.refuse(&refusal, &request_id, None);
            if let Some(methods) = response.headers_mut().remove(ALLOW) {
                rendered.headers_mut().insert(ALLOW, methods);
            }
            return rendered;
        }
        if response.status().is_client_error() && is_plain_text(&response) {
            // A rejection of the framework's own: same shape as all others.
            let refusal =
                Refusal::new(Kind::InvalidField, "A parameter of the query or path is not acceptable.");
            return self.refuse(&refusal, &request_id, None);
        }
        let (mut parts, body) = response.into_parts();
        for name in ["x-request-id", "x-flyball-request-id"] {
            if let Ok(value) = HeaderValue::from_str(&request_id) {
                parts.headers.insert(name, value);
            }
        }
        Response::from_parts(parts, Body::stream(body.map_err(BodyError::new)))
    }
}

fn is_plain_text<B>(response: &Response<B>) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_none_or(|value| value.starts_with("text/plain"))
}
