//! `GET /v1/usage`: what was used, by time, key, end user, model, provider, operation, tag and way of counting. A
//! tenant's key sees its own tenant; the operator sees all of them, or one.

mod asked;
mod calendar;
mod csv;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use flyball_core::{Counting, Role};
use flyball_store::UsageRow;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, VARY};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::asked::{Asked, UsageParameters, end_user_text, invalid};
use self::calendar::{Zone, date_text};
use super::Caller;
use super::tenants::tenant_id;
use crate::gateway::Gateway;
use crate::refusal::{Kind, Refusal};

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(usage))
}

/// What was used.
#[derive(Serialize, ToSchema)]
pub struct Usage {
    /// First day, or the time from which on it is summed.
    from: String,
    /// Last day, or the time up to which it is summed.
    to: String,
    /// The time zone of days and hours.
    zone: String,
    /// The currency of all amounts.
    currency: String,
    /// One row for each combination, in order.
    rows: Vec<Row>,
}

/// Sums over exchanges. Every exchange ended in one of five ways: answered, blocked, failed, abandoned, interrupted.
#[derive(Serialize, ToSchema)]
pub struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// As YYYY-MM-DD, in the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    /// When the hour begins, in the zone, as RFC 3339 writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The end user's pseudonym; empty when none was named, `*` for those beyond 10,000 on one day.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Empty when none was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// Empty for exchanges without tags, `*` for those beyond 1,000 combinations of tags on one day.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    /// How the tokens became known.
    #[serde(skip_serializing_if = "Option::is_none")]
    counting: Option<String>,
    /// All exchanges, however they ended.
    exchanges: u64,
    /// The caller got the whole answer.
    answered: u64,
    /// Stopped by the policy.
    blocked: u64,
    /// Ended by another refusal or a fault.
    failed: u64,
    /// The caller went away.
    abandoned: u64,
    /// The gateway died while they ran.
    interrupted: u64,
    /// The provider told the tokens.
    reported: u64,
    /// The provider did not tell them, or not to the end: counted by our own tokenizer.
    counted: u64,
    /// Nobody knows the tokens: the bound that was reserved stands for them.
    estimated: u64,
    /// Cached ones included.
    input_tokens: u64,
    /// Read from the provider's prompt cache.
    cached_input_tokens: u64,
    output_tokens: u64,
    /// In units of the currency, six decimals. Exchanges without a known price cost nothing here.
    cost: String,
    /// Exchanges with tokens and without a known price.
    unpriced: u64,
}

/// What was used. Counts what is known of every exchange that ended before the call.
#[utoipa::path(get, path = "/v1/usage", tag = "usage", security(("key" = [])), params(UsageParameters),
    responses((status = 200, content((Usage = "application/json"), (String = "text/csv"))), (status = 400)))]
async fn usage(
    Caller(principal): Caller,
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Query(parameters): Query<UsageParameters>,
) -> Result<Response, Refusal> {
    let operator = principal.role == Role::Operator;
    let csv = wants_csv(&parameters, &headers)?;
    let Asked { from, to, zone, query } = parameters.asked(operator, gateway.clock.now())?;
    gateway.usage_feed.catch_up().await?;
    let rows = match (operator, &parameters.tenant, &principal.tenant) {
        (true, None, _) => gateway.store.operator().usage().report(&query).await?,
        (true, Some(name), _) => {
            gateway.store.tenant(&tenant_id(name, "tenant")?).usage().report(&query).await?
        }
        (false, Some(_), _) | (false, None, None) => {
            return Err(Refusal::new(Kind::WrongRole, "Only the operator's key may name a tenant."));
        }
        (false, None, Some(tenant)) => gateway.store.tenant(tenant).usage().report(&query).await?,
    };
    let usage = Usage {
        from: from.text(&zone),
        to: to.text(&zone),
        zone: zone.name().to_owned(),
        currency: gateway.snapshot().config.prices.currency.clone(),
        rows: rows.into_iter().map(|row| shown(row, &zone)).collect(),
    };
    Ok(if csv {
        ([(CONTENT_TYPE, csv::MEDIA_TYPE), (VARY, "accept")], csv::text(&usage, &query)).into_response()
    } else {
        ([(VARY, "accept")], Json(usage)).into_response()
    })
}

fn wants_csv(parameters: &UsageParameters, headers: &HeaderMap) -> Result<bool, Refusal> {
    match parameters.format.as_deref() {
        Some("csv") => Ok(true),
        Some("json") => Ok(false),
        Some(_) => Err(invalid("format", "must be json or csv")),
        None => {
            let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
            Ok(csv::is_wanted(&accept.collect::<Vec<_>>().join(",")))
        }
    }
}

fn shown(row: UsageRow, zone: &Zone) -> Row {
    let UsageRow { group, totals } = row;
    Row {
        tenant: group.tenant.map(|tenant| tenant.to_string()),
        day: group.day.map(date_text),
        hour: group.hour.map(|hour| zone.time(hour)),
        key: group.key.map(|key| key.to_string()),
        user: group.end_user.map(end_user_text),
        model: group.model,
        provider: group.provider,
        operation: group.operation,
        tag: group.tag,
        counting: group.counting.map(|counting| Counting::name(counting).to_owned()),
        exchanges: totals.exchanges,
        answered: totals.answered,
        blocked: totals.blocked,
        failed: totals.failed,
        abandoned: totals.abandoned,
        interrupted: totals.interrupted,
        reported: totals.reported,
        counted: totals.counted,
        estimated: totals.estimated,
        input_tokens: totals.input_tokens,
        cached_input_tokens: totals.cached_input_tokens,
        output_tokens: totals.output_tokens,
        cost: totals.cost.to_string(),
        unpriced: totals.unpriced,
    }
}
