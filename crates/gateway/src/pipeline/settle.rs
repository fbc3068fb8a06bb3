//! Stage 10, settle: what remains of an exchange. Cost, usage, metrics, the access log; and the face of a refusal.
//! Runs exactly once for every exchange, however it ended: dropping the [`Exchange`] calls it.

use flyball_core::Money;
use flyball_store::{Counting, Outcome as Counted, Settled};
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};

use super::receive;
use crate::edge::body::Body;
use crate::edge::headers::request_id;
use crate::events;
use crate::exchange::{Exchange, Outcome};
use crate::gateway::Gateway;
use crate::intake::Intake;
use crate::protocols::openai;
use crate::refusal::{Kind, Refusal};

/// Settles an exchange.
#[tracing::instrument(level = "debug", name = "settle", skip_all)]
pub(crate) fn run(exchange: &mut Exchange) {
    let cost = cost(exchange);
    exchange.gateway.metrics.settled(exchange, cost);
    events::settled(exchange, cost);
    record(exchange, cost);
}

/// What the exchange cost; none when nobody counted or no price is known.
pub(super) fn cost(exchange: &Exchange) -> Option<Money> {
    let (usage, route) = (exchange.usage?, exchange.route.as_ref()?);
    Some(route.price?.cost(usage.input, usage.cached_input, usage.output))
}

/// Counts the exchange for its tenant, key and model. Does not wait.
fn record(exchange: &Exchange, cost: Option<Money>) {
    let (Some(principal), Some(route), Some(operation)) =
        (&exchange.principal, &exchange.route, exchange.operation)
    else {
        return;
    };
    let Some(tenant) = &principal.tenant else { return };
    let usage = exchange.usage.unwrap_or_default();
    let outcome = match exchange.outcome {
        Outcome::Answered => Counted::Answered,
        Outcome::Refused(Kind::PolicyBlockedPrompt | Kind::PolicyBlockedOutput) => Counted::Blocked,
        Outcome::Refused(_) => Counted::Failed,
        Outcome::Abandoned => Counted::Abandoned,
    };
    let settled = Settled {
        tenant: tenant.clone(),
        key: principal.key,
        end_user: 0,
        model: route.name.to_string(),
        provider: if exchange.dispatched { route.provider.name.to_string() } else { String::new() },
        operation: operation.name().to_owned(),
        tags: Vec::new(),
        counting: if exchange.usage.is_some() { Counting::Reported } else { Counting::Nothing },
        at: exchange.time,
        input_tokens: usage.input,
        cached_input_tokens: usage.cached_input,
        output_tokens: usage.output,
        cost,
        outcome,
    };
    Intake::add(&exchange.gateway, settled);
}

/// Puts our names on an answer.
pub(super) fn identify(exchange: &Exchange, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id.clone());
        headers.insert(HeaderName::from_static("x-flyball-request-id"), id);
    }
    if exchange.principal.is_none() {
        return;
    }
    headers.insert(
        HeaderName::from_static("x-flyball-action"),
        HeaderValue::from_static(exchange.action().name()),
    );
    if let Some(cost) = cost(exchange)
        && let Ok(value) = HeaderValue::from_str(&cost.to_string())
    {
        headers.insert(HeaderName::from_static("x-flyball-cost"), value);
    }
    if !exchange.dropped.is_empty()
        && let Ok(value) = HeaderValue::from_str(&exchange.dropped.join(", "))
    {
        headers.insert(HeaderName::from_static("x-flyball-dropped"), value);
    }
}

/// The answer to a refused exchange.
pub(super) fn refused(exchange: &Exchange, refusal: &Refusal) -> Response<Body> {
    events::refused(exchange, refusal);
    let mut response = refusal_response(refusal, &exchange.request_id);
    identify(exchange, response.headers_mut());
    response
}

/// The answer to a request that came too late to become an exchange.
pub(super) fn turned_away(gateway: &Gateway, headers: &HeaderMap) -> Response<Body> {
    let refusal = receive::shutting_down();
    gateway.metrics.refused(refusal.kind);
    let request_id = request_id(headers, || gateway.clock.uuid().to_string());
    refusal_response(&refusal, &request_id)
}

/// The answer that a refusal is told in, for every endpoint.
pub fn refusal_response(refusal: &Refusal, request_id: &str) -> Response<Body> {
    let row = refusal.row();
    let mut response = Response::new(Body::full(openai::error::body(refusal, request_id)));
    *response.status_mut() = row.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if !row.retryable {
        // The official SDKs repeat some statuses twice unless told otherwise.
        headers.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static("false"));
    }
    if row.status == StatusCode::UNAUTHORIZED {
        // RFC 9110, section 11.6.1: a 401 names what would be accepted.
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = refusal.retry_after {
        let seconds = wait.as_secs().max(1);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(methods) = refusal.allow {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id.clone());
        headers.insert(HeaderName::from_static("x-flyball-request-id"), id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_credential_names_what_would_be_accepted() {
        for (kind, expected) in [(Kind::MissingCredential, true), (Kind::WrongRole, false)] {
            let response = refusal_response(&Refusal::new(kind, "No."), "id");
            assert_eq!(response.headers().get(WWW_AUTHENTICATE).is_some(), expected, "{kind:?}");
        }
    }
}
