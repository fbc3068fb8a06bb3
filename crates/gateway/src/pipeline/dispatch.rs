//! Stage 8, dispatch: reserves (`reservation`), records the intent, calls the provider and judges the head of its
//! answer. One target for now; retries and breakers join here.

use std::sync::Arc;
use std::time::Duration;

use flyball_core::Operation;
use flyball_core::json::{Document, Limits, Value};
use flyball_journal::Reservation;
use flyball_translation::Dialect;
use http::StatusCode;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument as _, debug_span};

use super::decide::Basis;
use super::prepare::Prepared;
use super::settle;
use crate::edge::egress::{Bounds, EgressError, NamedBy};
use crate::exchange::{Exchange, Recorded};
use crate::providers::{Inbound, Outbound};
use crate::recording;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Route;

mod reservation;

/// An error body is read up to this many bytes.
const ERROR_BODY: usize = 64 * 1024;

/// A provider that has begun to answer.
#[derive(Debug)]
pub struct Dispatched {
    pub(super) basis: Basis,
    pub(super) inbound: Inbound,
    /// What it answers in; none where it is no conversation.
    pub(super) dialect: Option<Dialect>,
    /// What the answer repeats of the request, where it is translated.
    pub(super) echo: String,
    /// Until when the first bytes of the body must come.
    pub(super) deadline: Instant,
}

/// Calls the provider.
pub(super) async fn run(exchange: &mut Exchange, prepared: Prepared) -> Result<Dispatched, Refusal> {
    steps(exchange, prepared).instrument(debug_span!("dispatch")).await
}

async fn steps(exchange: &mut Exchange, prepared: Prepared) -> Result<Dispatched, Refusal> {
    let Prepared { basis, target, body, content_type, address, spoken, dialect, echo, output_bound } =
        prepared;
    let call = &basis.call;
    let gateway = Arc::clone(&exchange.gateway);
    let timeouts = &exchange.snapshot.config.timeouts;
    let patience = if call.stream { timeouts.first_event } else { timeouts.first_byte };
    let reservation = reservation::bound(call, &target, body.len(), output_bound);
    // Taken out, so that the record can change while they are lent.
    let mut caller = std::mem::take(&mut exchange.caller_headers);
    // They speak of the body that came; a translated one is ours.
    if exchange.protocol.dialect() != dialect {
        caller.clear();
    }
    let outbound = Outbound {
        operation: call.operation,
        dialect,
        model: &target.model,
        body,
        content_type,
        address: address.as_ref(),
        headers: &target.headers,
        caller: &caller,
        stream: call.stream,
        time: gateway.clock.now(),
        bounds: Bounds {
            named_by: NamedBy::Operator,
            head_timeout: patience.get(),
            // The screen keeps the times between events; the first may take longer than those after it.
            idle_timeout: if call.stream {
                patience.get().max(timeouts.between_events.get())
            } else {
                patience.get()
            },
            body_limit: exchange.snapshot.config.limits.answer.bytes(),
        },
    };
    intend(exchange, &target, &outbound.body, reservation).await?;
    // Nobody bills the counting of tokens.
    exchange.sent = (call.operation != Operation::CountTokens).then_some(spoken);
    // From here on: how long our own disk took is not the provider's affair.
    let deadline = Instant::now() + patience.get();
    let inbound = match timeout_at(deadline, target.provider.call(&gateway.egress, outbound)).await {
        Ok(Ok(inbound)) => inbound,
        Ok(Err(error)) => {
            if error.nothing_was_sent() {
                exchange.sent = None;
            }
            return Err(failed(error));
        }
        Err(_elapsed) => {
            return Err(Refusal::new(Kind::ProviderTimeout, "The provider did not answer in time."));
        }
    };
    let waited = exchange.started.elapsed().as_micros();
    exchange.first_byte_micros = Some(u64::try_from(waited).unwrap_or(u64::MAX));
    if !inbound.status.is_success() {
        exchange.sent = None;
        return Err(provider_refusal(inbound, deadline).await);
    }
    Ok(Dispatched { basis, inbound, dialect, echo, deadline })
}

/// Records that the exchange is about to leave us. The provider is called only after the write returned; the sync
/// runs beside the call.
async fn intend(
    exchange: &mut Exchange,
    target: &Route,
    body: &[u8],
    reservation: Reservation,
) -> Result<(), Refusal> {
    let Some(intent) = recording::intent(exchange, target, body, reservation) else {
        return Err(Refusal::new(Kind::Internal, "The gateway does not know who is calling."));
    };
    exchange.recorded = Recorded::Intending;
    match exchange.gateway.journal.intend(&intent).await {
        Ok(position) => {
            exchange.recorded = Recorded::Intended(position);
            exchange.attempts += 1;
            exchange.received = None;
            Ok(())
        }
        Err(error) => {
            // It did not leave us, and there is no room to say so.
            exchange.recorded = Recorded::Settled;
            Err(settle::unrecorded(error).await)
        }
    }
}

/// What a failed call looks like to the caller.
pub(super) fn failed(error: EgressError) -> Refusal {
    let (kind, message) = match &error {
        EgressError::Timeout { .. } => (Kind::ProviderTimeout, "The provider did not answer in time."),
        EgressError::Reset => (Kind::ProviderBrokeOff, "The provider's answer broke off."),
        EgressError::Protocol | EgressError::HeadTooLarge | EgressError::BodyTooLarge { .. } => {
            (Kind::ProviderInvalidAnswer, "The provider's answer is not valid, or too large.")
        }
        _ => (Kind::ProviderUnreachable, "The provider could not be reached."),
    };
    Refusal::new(kind, message).because(error)
}

/// Reads an error answer. The provider's own message is not passed on: it may quote the request, or a part of our
/// credential. Code and field name are, when they look like such.
async fn provider_refusal(mut inbound: Inbound, deadline: Instant) -> Refusal {
    let status = inbound.status;
    let wait = inbound.retry_after();
    let kind = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::ProviderCredential,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Kind::ProviderTimeout,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            Kind::ProviderUnknownTarget
        }
        StatusCode::TOO_MANY_REQUESTS => Kind::ProviderRateLimited,
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => Kind::ProviderRejected,
        _ => Kind::ProviderFailed,
    };
    let mut refusal = Refusal::new(kind, format!("The provider answered with status {}.", status.as_u16()));
    if kind == Kind::ProviderRejected {
        let body = timeout_at(deadline, read_some(&mut inbound)).await.unwrap_or_default();
        if let Ok(document) = Document::parse(body.into(), Limits { depth: 16, nodes: 1000 })
            && let Some(error) = document.root().get("error")
        {
            let word = |key: &str| error.get(key).and_then(Value::text).filter(|text| is_word(text));
            if let Some(code) = word("code") {
                refusal.message = format!("The provider rejected the request with '{code}'.").into();
            }
            refusal.field = word("param").map(|word| word.as_ref().into());
        }
    }
    match kind {
        Kind::ProviderRateLimited => refusal.retry_after(wait.unwrap_or(Duration::from_secs(1))),
        _ => refusal,
    }
}

async fn read_some(inbound: &mut Inbound) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(Ok(data)) = inbound.body.data().await {
        let room = ERROR_BODY.saturating_sub(body.len());
        body.extend_from_slice(data.get(..data.len().min(room)).unwrap_or_default());
        if data.len() >= room {
            break;
        }
    }
    body
}

/// Whether a text looks like a code or a path of field names, and nothing that a person wrote.
pub(super) fn is_word(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.[]".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(plain) && !text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_word;

    #[test]
    fn only_codes_and_paths_pass() {
        for good in ["invalid_value", "messages[0].role", "max_tokens"] {
            assert!(is_word(good), "{good}");
        }
        for bad in ["", "4111111111111111", "me@x.org", "Hello there", "sk-abc", &"a".repeat(65)] {
            assert!(!is_word(bad), "{bad}");
        }
    }
}
