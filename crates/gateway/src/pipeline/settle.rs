//! Stage 10, settle: what remains of an exchange. Cost, usage, metrics, the access log; and the face of a refusal.
//! Runs exactly once for every exchange, however it ended: dropping the [`Exchange`] calls it.

use flyball_core::Money;
use flyball_journal::AppendError;
use flyball_translation::Dialect;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};

use super::receive;
use crate::edge::body::Body;
use crate::edge::headers::request_id;
use crate::events;
use crate::exchange::{Exchange, Outcome, Recorded};
use crate::gateway::Gateway;
use crate::protocols::Protocol;
use crate::recording;
use crate::refusal::{Kind, Refusal};

/// Settles an exchange.
#[tracing::instrument(level = "debug", name = "settle", skip_all)]
pub(crate) fn run(exchange: &mut Exchange) {
    // Whatever ended it before the answer was counted: no more of the answer is known.
    exchange.count(0);
    let cost = cost(exchange);
    record(exchange, cost);
    exchange.gateway.metrics.settled(exchange, cost);
    events::settled(exchange, cost);
}

/// What the exchange cost; none while that is not known, and where no price is.
pub(super) fn cost(exchange: &Exchange) -> Option<Money> {
    let (usage, route) = (exchange.usage?, exchange.route.as_ref()?);
    Some(route.price?.cost(usage.input, usage.cached_input, usage.output))
}

/// Records how an exchange ended that left us, or would have, had its caller stayed. Does not wait: the space was
/// set aside with the intent.
fn record(exchange: &mut Exchange, cost: Option<Money>) {
    if exchange.recorded == Recorded::Settled {
        return;
    }
    let Some(settlement) = recording::settlement(exchange, cost) else { return };
    exchange.recorded = Recorded::Settled;
    if let Err(error) = exchange.gateway.journal.settle(&settlement) {
        tracing::error!(%error, code = "E702", exchange = %exchange.id, "an exchange could not be settled");
    }
}

/// Waits until what was recorded of the exchange survives a power cut, or whatever `journal.durability` asks for.
/// The first byte of every answer passes here. When the journal has failed nothing is released any more: the wait
/// then ends with the process.
pub(super) async fn durable(exchange: &Exchange) {
    let journal = &exchange.gateway.journal;
    let held = match exchange.recorded {
        Recorded::Intended(position) => journal.durable(position).await,
        // Cut short by a stop: the intent may stand in the journal, anywhere before its end.
        Recorded::Intending => match journal.flush().await {
            Ok(end) => journal.durable(end).await,
            Err(error) => Err(error),
        },
        Recorded::Not | Recorded::Settled => Ok(()),
    };
    if held.is_err() {
        std::future::pending().await
    }
}

/// Ends an exchange that was refused before its answer began: it is recorded, and then told.
pub(super) async fn refuse(mut exchange: Exchange, mut refusal: Refusal) -> Response<Body> {
    exchange.outcome = Outcome::Refused(refusal.kind);
    if exchange.recorded != Recorded::Not {
        durable(&exchange).await;
    } else if let Err(unrecorded) = local(&mut exchange).await {
        refusal = unrecorded;
        exchange.outcome = Outcome::Refused(refusal.kind);
    }
    refused(&exchange, &refusal)
}

/// Records the end of an exchange that does not leave us, and waits until that is as safe as all records are.
///
/// # Errors
/// When there is no space for the record.
pub(super) async fn local(exchange: &mut Exchange) -> Result<(), Refusal> {
    let Some(settlement) = recording::settlement(exchange, None) else { return Ok(()) };
    // Noted first: whatever becomes of the wait, there is no second record.
    exchange.recorded = Recorded::Settled;
    let journal = &exchange.gateway.journal;
    let recorded = match journal.record(&settlement).await {
        Ok(position) => journal.durable(position).await,
        Err(error) => Err(error),
    };
    match recorded {
        Ok(()) => Ok(()),
        Err(error) => Err(unrecorded(error).await),
    }
}

/// The refusal of what cannot be recorded for want of space. When the journal has failed there is not even that: see
/// [`durable`].
pub(super) async fn unrecorded(error: AppendError) -> Refusal {
    match error {
        AppendError::Full { retry_after } => {
            Refusal::new(Kind::StateUnavailable, "The gateway cannot record this call now.")
                .retry_after(retry_after)
                .because(error)
        }
        AppendError::Failed(_) | AppendError::Closed => std::future::pending().await,
        _ => Refusal::new(Kind::Internal, "The gateway cannot record this call.").because(error),
    }
}

/// Puts our names on an answer.
pub(super) fn identify(exchange: &Exchange, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
        if exchange.protocol.dialect() == Some(Dialect::Messages) {
            // Where Anthropic's SDKs look for it.
            headers.insert(HeaderName::from_static("request-id"), id.clone());
        }
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if exchange.principal.is_none() {
        return;
    }
    if let Ok(id) = HeaderValue::from_str(&exchange.id.to_string()) {
        headers.insert(HeaderName::from_static("x-flyball-request-id"), id);
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
    let mut response = refusal_response(refusal, &exchange.request_id, Some(exchange.protocol));
    identify(exchange, response.headers_mut());
    response
}

/// The answer to a request that came too late to become an exchange.
pub(super) fn turned_away(gateway: &Gateway, protocol: Protocol, headers: &HeaderMap) -> Response<Body> {
    let refusal = receive::shutting_down();
    gateway.metrics.refused(refusal.kind);
    let request_id = request_id(headers, || gateway.clock.uuid().to_string());
    refusal_response(&refusal, &request_id, Some(protocol))
}

/// The answer that a refusal is told in: in the protocol of the endpoint, or, at endpoints of our own, in OpenAI's.
pub fn refusal_response(refusal: &Refusal, request_id: &str, protocol: Option<Protocol>) -> Response<Body> {
    let row = refusal.row();
    let protocol = protocol.unwrap_or(Protocol::OpenAiChat);
    let mut response = Response::new(Body::full(protocol.error_body(refusal, request_id)));
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
    if let Some(methods) = refusal.allow.as_deref()
        && let Ok(methods) = HeaderValue::from_str(methods)
    {
        headers.insert(ALLOW, methods);
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
            let response = refusal_response(&Refusal::new(kind, "No."), "id", None);
            assert_eq!(response.headers().get(WWW_AUTHENTICATE).is_some(), expected, "{kind:?}");
        }
    }
}
