//! `GET /v1/exchanges/{id}`: what the journal says of one exchange. A tenant's key sees its own tenant's exchanges;
//! the operator sees all. There is no text in it, because there is none in the journal.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use flyball_core::{Counting, ExchangeId, KeyId, Money, Outcome, Principal, Role};
use flyball_journal::{
    Count, Exchange, Intent, Journal, ReadError, Reservation, Settlement, Subject, Verdict,
};
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Caller;
use crate::gateway::Gateway;
use crate::refusal::{Kind, Refusal};

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(exchange))
}

/// One exchange as the journal knows it. Times are microseconds since 1970, hashes and pseudonyms hexadecimal,
/// amounts in units of the currency with six decimals.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExchangeView {
    /// Its id.
    id: String,
    /// `open` while it runs, `settled` when it has ended.
    state: &'static str,
    /// Whose it is, and what it asks for.
    #[serde(flatten)]
    subject: SubjectView,
    /// What was sent to providers, in the order of the attempts. Empty: nothing left the gateway.
    attempts: Vec<AttemptView>,
    /// The policy that decided: its SHA-256.
    policy_hash: String,
    /// The number of the configuration that it ran with.
    snapshot: u64,
    /// What was decided on request and answer together; on the request alone while it is open.
    decision: DecisionView,
    /// The salt of this exchange's hashes. Whoever has a text can prove with it that it was this one.
    salt: String,
    /// SHA-256 of the salt and the request's body where nothing was sent; absent when there was no body, or when an
    /// attempt says what was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_hash: Option<String>,
    /// How it ended; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement: Option<SettlementView>,
}

/// Whose an exchange is, and what it asks for.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SubjectView {
    /// The tenant.
    tenant: String,
    /// The id of the key that called.
    key: String,
    /// A fingerprint of the principal as it was.
    principal: String,
    /// The pseudonym of the end user, when one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The pseudonym of the session, when one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// The tags that it is counted under.
    tags: Vec<String>,
    /// `chat` or `embeddings`; empty when it was refused before that was known.
    operation: String,
    /// Whether the answer is a stream.
    stream: bool,
    /// The public model name; empty when none was found.
    model: String,
    /// The provider; empty when none was called.
    provider: String,
    /// The provider's name of the model; empty when none was called.
    provider_model: String,
    /// When it began.
    began: u64,
}

/// One call of a provider.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct AttemptView {
    /// Which one it is, from 1.
    attempt: u32,
    /// When its intent was written.
    time: u64,
    /// The provider.
    provider: String,
    /// The provider's name of the model.
    provider_model: String,
    /// SHA-256 of the salt and the body that was sent.
    input_hash: String,
    /// What was held for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation: Option<ReservationView>,
}

/// The bound on tokens and cost that was held.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct ReservationView {
    /// Tokens read at most.
    input_tokens: u64,
    /// Tokens written at most.
    output_tokens: u64,
    /// Their price; absent when no price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<String>,
}

/// What was seen and decided.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
struct DecisionView {
    /// The strictest action.
    action: String,
    /// The rules that matched.
    rules: Vec<String>,
    /// Findings in what was sent.
    input_findings: Vec<FindingsView>,
    /// Findings in what came back.
    output_findings: Vec<FindingsView>,
    /// Controls that failed and were configured to let the exchange go on.
    failed_open: Vec<String>,
}

/// How many findings of one kind.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct FindingsView {
    /// The kind.
    kind: String,
    /// How many.
    count: u32,
}

/// How an exchange ended.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SettlementView {
    /// When it was written.
    time: u64,
    /// `answered`, `blocked`, `failed`, `abandoned` or `interrupted`.
    outcome: &'static str,
    /// The code of the refusal, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// Tokens read, cached ones included.
    input_tokens: u64,
    /// Tokens read from the provider's cache.
    cached_input_tokens: u64,
    /// Tokens written.
    output_tokens: u64,
    /// How the tokens became known: `reported` by the provider, `counted` by our own tokenizer, `estimated` as the
    /// reservation because the process died, or `nothing` when no provider did any work.
    counting: &'static str,
    /// What they cost; absent when no price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<String>,
    /// How often a provider was called.
    attempts: u32,
    /// Microseconds from the beginning to the head of the provider's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_micros: Option<u64>,
    /// Microseconds from the beginning to the end.
    total_micros: u64,
    /// SHA-256 of the salt and the bytes that the caller got; absent when it got none.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_hash: Option<String>,
}

/// Lookups at a time: each reads files.
static LOOKUPS: Semaphore = Semaphore::const_new(2);

/// Callers that may wait for one.
static WAITING: Semaphore = Semaphore::const_new(64);

/// What is recorded of an exchange.
///
/// A tenant's key sees its own tenant's exchanges; the operator sees all. An id that is none, one that nothing has and
/// one of another tenant are answered alike.
#[utoipa::path(get, path = "/v1/exchanges/{id}", tag = "usage", security(("key" = [])),
    params(("id" = String, Path, description = "The exchange, as `x-flyball-request-id` told it.")),
    responses((status = 200, body = ExchangeView), (status = 404)))]
async fn exchange(
    Caller(principal): Caller,
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
) -> Result<Json<ExchangeView>, Refusal> {
    answer(&principal, &id, &gateway.journal).await
}

/// Answers `principal`, who asks for the exchange that is called `id`.
///
/// # Errors
/// One and the same refusal for what is no id, an id that nothing has, and an exchange of another tenant; another when
/// the journal cannot be read.
async fn answer(principal: &Principal, id: &str, journal: &Journal) -> Result<Json<ExchangeView>, Refusal> {
    let unknown = || Refusal::new(Kind::NotFound, "There is no such resource.");
    let id: ExchangeId = id.parse().map_err(|_| unknown())?;
    let found = find(journal, id).await?.ok_or_else(unknown)?;
    let view = shown(&found.intents, found.settlement.as_ref()).ok_or_else(unknown)?;
    if is_visible(principal, &view.subject.tenant) { Ok(Json(view)) } else { Err(unknown()) }
}

/// Reads the records of an exchange. Its id says when it began.
async fn find(journal: &Journal, id: ExchangeId) -> Result<Option<Exchange>, Refusal> {
    let Some((seconds, nanos)) = id.0.get_timestamp().map(|time| time.to_unix()) else { return Ok(None) };
    let began = seconds.saturating_mul(1_000_000).saturating_add(u64::from(nanos / 1_000));
    // What has just ended may wait to be written. Where that fails, what is written can be shown all the same.
    let _ = journal.flush().await;
    let journal = journal.clone();
    let Ok(_waiting) = WAITING.try_acquire() else {
        let refusal = Refusal::new(Kind::Overloaded, "Too many exchanges are being looked up.");
        return Err(refusal.retry_after(Duration::from_secs(1)));
    };
    let turn = LOOKUPS.acquire().await;
    let read = tokio::task::spawn_blocking(move || {
        // Reading goes on when the caller goes away, and takes its turn with it.
        let _turn = turn;
        journal.find(id.0.as_bytes(), began)
    })
    .await;
    let failed = || Refusal::new(Kind::StateUnavailable, "The journal cannot be read.");
    match read {
        Ok(Ok(found)) => Ok(found),
        // Retention has taken the segment while it was looked for.
        Ok(Err(ReadError::Missing { .. })) => Ok(None),
        Ok(Err(error)) => Err(failed().because(error)),
        Err(stopped) => Err(failed().because(stopped)),
    }
}

/// Whether `principal` may see an exchange of `owner`.
fn is_visible(principal: &Principal, owner: &str) -> bool {
    match (principal.role, &principal.tenant) {
        (Role::Operator, _) => true,
        (_, Some(tenant)) => tenant.as_str() == owner,
        (_, None) => false,
    }
}

/// Shows what the journal holds of one exchange: its intents in the order of the attempts, and its settlement. None
/// when that is nothing, or nothing that says whose it is.
fn shown(intents: &[Intent], settlement: Option<&Settlement>) -> Option<ExchangeView> {
    let first = intents.first();
    let settled = settlement.map(|settlement| &settlement.exchange);
    let id = settled.or(first.map(|intent| &intent.exchange))?;
    // The settlement knows best which provider it was in the end.
    let subject = settlement.and_then(|settlement| settlement.subject.as_ref());
    let subject = subject.or(intents.last().and_then(|intent| intent.subject.as_ref()))?;
    let policy = first.map(|intent| &intent.policy).or(settlement.map(|settlement| &settlement.policy))?;
    let salt = first.map(|intent| &intent.salt).or(settlement.map(|settlement| &settlement.salt))?;
    let snapshot = first.map(|intent| intent.snapshot).or(settlement.map(|settlement| settlement.snapshot))?;
    let unsent = settlement.filter(|_| first.is_none()).map(|settlement| &settlement.input_hash);
    Some(ExchangeView {
        id: id_text(id),
        state: if settlement.is_some() { "settled" } else { "open" },
        subject: SubjectView::from(subject),
        attempts: intents.iter().map(AttemptView::from).collect(),
        policy_hash: hex(policy),
        snapshot,
        decision: decision(first, settlement),
        salt: hex(salt),
        input_hash: unsent.and_then(|hash| some_hex(hash)),
        settlement: settlement.map(SettlementView::from),
    })
}

/// Joins what was decided on the request and on the whole.
fn decision(first: Option<&Intent>, settlement: Option<&Settlement>) -> DecisionView {
    let asked = first.and_then(|intent| intent.verdict.as_ref());
    let ended = settlement.and_then(|settlement| settlement.verdict.as_ref());
    let Some(whole) = ended.or(asked) else { return DecisionView::default() };
    let findings = |verdict: Option<&Verdict>| {
        verdict.map(|verdict| verdict.findings.iter().map(FindingsView::from).collect()).unwrap_or_default()
    };
    // Without an intent, the settlement's findings are those of the request.
    let (input, output) = if first.is_some() { (asked, ended) } else { (ended, None) };
    DecisionView {
        action: whole.action.clone(),
        rules: whole.rules.clone(),
        input_findings: findings(input),
        output_findings: findings(output),
        failed_open: whole.failed_open.clone(),
    }
}

impl From<&Subject> for SubjectView {
    fn from(subject: &Subject) -> Self {
        let pseudonym = |number: u64| (number != 0).then(|| format!("{number:016x}"));
        SubjectView {
            tenant: subject.tenant.clone(),
            key: Uuid::from_slice(&subject.key)
                .map_or_else(|_| hex(&subject.key), |id| KeyId(id).to_string()),
            principal: format!("{:016x}", subject.principal),
            user: pseudonym(subject.end_user),
            session: pseudonym(subject.session),
            tags: subject.tags.clone(),
            operation: subject.operation.clone(),
            stream: subject.stream,
            model: subject.route.clone(),
            provider: subject.provider.clone(),
            provider_model: subject.model.clone(),
            began: subject.began,
        }
    }
}

impl From<&Intent> for AttemptView {
    fn from(intent: &Intent) -> Self {
        let of =
            |field: fn(&Subject) -> &String| intent.subject.as_ref().map(field).cloned().unwrap_or_default();
        AttemptView {
            attempt: intent.attempt,
            time: intent.time,
            provider: of(|subject| &subject.provider),
            provider_model: of(|subject| &subject.model),
            input_hash: hex(&intent.input_hash),
            reservation: intent.reservation.as_ref().map(ReservationView::from),
        }
    }
}

impl From<&Reservation> for ReservationView {
    fn from(reservation: &Reservation) -> Self {
        ReservationView {
            input_tokens: reservation.input,
            output_tokens: reservation.output,
            cost: reservation.cost.map(|micros| Money(micros).to_string()),
        }
    }
}

impl From<&Count> for FindingsView {
    fn from(count: &Count) -> Self {
        FindingsView { kind: count.kind.clone(), count: count.count }
    }
}

impl From<&Settlement> for SettlementView {
    fn from(settlement: &Settlement) -> Self {
        let usage = settlement.usage.unwrap_or_default();
        SettlementView {
            time: settlement.time,
            outcome: Outcome::from(settlement.outcome()).name(),
            refusal: Some(settlement.refusal.clone()).filter(|code| !code.is_empty()),
            input_tokens: usage.input,
            cached_input_tokens: usage.cached_input,
            output_tokens: usage.output,
            counting: Counting::from(usage.counting()).name(),
            cost: settlement.cost.map(|micros| Money(micros).to_string()),
            attempts: settlement.attempts,
            first_byte_micros: settlement.first_byte,
            total_micros: settlement.total,
            output_hash: some_hex(&settlement.output_hash),
        }
    }
}

fn id_text(id: &[u8]) -> String {
    Uuid::from_slice(id).map_or_else(|_| hex(id), |id| ExchangeId(id).to_string())
}

fn some_hex(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| hex(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
