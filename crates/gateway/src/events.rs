//! What the gateway says in its log, one function an event. Lines carry ids, names, counts, codes and times; never
//! text of a request or answer, never a key. Metrics of the same moments are in `metrics`.

use flyball_core::Money;
use tracing::{info, warn};

use crate::exchange::{Exchange, Outcome};
use crate::refusal::Refusal;

/// An exchange ended: the access log.
pub fn settled(exchange: &Exchange, cost: Option<Money>) {
    let (outcome, code) = match exchange.outcome {
        Outcome::Answered => ("answered", ""),
        Outcome::Refused(kind) => (kind.row().name, kind.row().code),
        Outcome::Abandoned => ("abandoned", ""),
    };
    let principal = exchange.principal.as_deref();
    let usage = exchange.usage.unwrap_or_default();
    info!(
        name: "exchange",
        exchange = %exchange.id,
        request = exchange.request_id,
        endpoint = exchange.protocol.endpoint(),
        tenant = principal.and_then(|p| p.tenant.as_ref()).map_or("", |t| t.as_str()),
        key = principal.map(|p| tracing::field::display(p.key)),
        model = exchange.route.as_ref().map_or("", |route| route.name.as_ref()),
        provider = exchange.route.as_ref().map_or("", |route| route.provider.name.as_ref()),
        stream = exchange.stream,
        stage = exchange.stage,
        action = exchange.action().name(),
        prompt_findings = exchange.prompt_findings.total(),
        output_findings = exchange.output_findings.total(),
        input_tokens = usage.input,
        output_tokens = usage.output,
        counting = exchange.usage.map(|usage| usage.how.name()),
        cost = cost.map(tracing::field::display),
        outcome,
        code,
        first_byte_us = exchange.first_byte_micros,
        total_us = u64::try_from(exchange.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "exchange"
    );
}

/// An exchange was refused: the inner cause, which the caller does not see.
pub fn refused(exchange: &Exchange, refusal: &Refusal) {
    let Some(cause) = &refusal.cause else { return };
    warn!(
        exchange = %exchange.id,
        request = exchange.request_id,
        code = refusal.row().code,
        cause = %Chain(cause.as_ref()),
        "refused"
    );
}

/// The control API refused a request: the inner cause, which the caller does not see.
pub fn control_refused(request_id: &str, refusal: &Refusal) {
    let Some(cause) = &refusal.cause else { return };
    warn!(request = request_id, code = refusal.row().code, cause = %Chain(cause.as_ref()), "refused");
}

/// An error with all its causes in one line.
struct Chain<'e>(&'e (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
