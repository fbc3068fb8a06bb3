//! `GET /v1/usage`: what was used, by day, key, model, provider and operation. A tenant's key sees its own tenant;
//! the operator sees all of them, or one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use flyball_core::Role;
use flyball_store::{Day, Dimension, UsageQuery, UsageRow};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Caller;
use super::tenants::tenant_id;
use crate::gateway::Gateway;
use crate::refusal::{Kind, Refusal};

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(usage))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct UsageParameters {
    /// First day, UTC, as YYYY-MM-DD. Default: 29 days before `to`.
    from: Option<String>,
    /// Last day, included. Default: today.
    to: Option<String>,
    /// What to tell apart, joined by commas: day, key, model, provider, operation; for the operator also tenant.
    /// Default: model.
    by: Option<String>,
    /// Only this tenant. For the operator.
    tenant: Option<String>,
}

/// What was used.
#[derive(Serialize, ToSchema)]
pub struct Usage {
    /// First day.
    from: String,
    /// Last day.
    to: String,
    /// The currency of all amounts.
    currency: String,
    /// One row for each combination, in order.
    rows: Vec<Row>,
}

/// Sums over exchanges.
#[derive(Serialize, ToSchema)]
pub struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// All exchanges, however they ended.
    exchanges: u64,
    /// Stopped by the policy.
    blocked: u64,
    /// Ended by another refusal, a fault, or the caller's going away.
    failed: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// In units of the currency, six decimals.
    cost: String,
}

/// What was used. Counts what is known of every exchange that ended before the call.
#[utoipa::path(get, path = "/v1/usage", tag = "usage", security(("key" = [])), params(UsageParameters),
    responses((status = 200, body = Usage), (status = 400)))]
async fn usage(
    Caller(principal): Caller,
    State(gateway): State<Arc<Gateway>>,
    Query(parameters): Query<UsageParameters>,
) -> Result<Json<Usage>, Refusal> {
    let operator = principal.role == Role::Operator;
    let today = Day::from(gateway.clock.now());
    let to = parameters.to.as_deref().map(|text| day(text, "to")).transpose()?.unwrap_or(today);
    let from =
        parameters.from.as_deref().map(|text| day(text, "from")).transpose()?.unwrap_or(Day(to.0 - 29));
    if from > to {
        return Err(Refusal::new(Kind::InvalidField, "'from' lies after 'to'.").at("from"));
    }
    let by = dimensions(parameters.by.as_deref().unwrap_or("model"), operator)?;
    let query = UsageQuery { from, to, by };
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
    let currency = gateway.snapshot().config.prices.currency.clone();
    Ok(Json(Usage { from: date(from), to: date(to), currency, rows: rows.into_iter().map(shown).collect() }))
}

fn dimensions(names: &str, operator: bool) -> Result<Vec<Dimension>, Refusal> {
    let dimension = |name: &str| match name {
        "day" => Some(Dimension::Day),
        "key" => Some(Dimension::Key),
        "model" => Some(Dimension::Model),
        "provider" => Some(Dimension::Provider),
        "operation" => Some(Dimension::Operation),
        "tenant" if operator => Some(Dimension::Tenant),
        _ => None,
    };
    let unknown = || {
        let message = "'by' takes day, key, model, provider and operation, joined by commas.";
        Refusal::new(Kind::InvalidField, message).at("by")
    };
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| dimension(name).ok_or_else(unknown)).collect()
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

fn day(text: &str, field: &str) -> Result<Day, Refusal> {
    let invalid =
        || Refusal::new(Kind::InvalidField, format!("'{field}' must be a date as YYYY-MM-DD.")).at(field);
    let date: Date = text.parse().map_err(|_| invalid())?;
    let days = date.since(EPOCH).map_err(|_| invalid())?.get_days();
    Ok(Day(i64::from(days)))
}

fn date(day: Day) -> String {
    let span = jiff::Span::new().try_days(day.0);
    span.and_then(|days| EPOCH.checked_add(days)).map_or_else(|_| String::new(), |date| date.to_string())
}

fn shown(row: UsageRow) -> Row {
    Row {
        tenant: row.tenant.map(|tenant| tenant.to_string()),
        day: row.day.map(date),
        key: row.key.map(|key| key.to_string()),
        model: row.model,
        provider: row.provider,
        operation: row.operation,
        exchanges: row.totals.exchanges,
        blocked: row.totals.blocked,
        failed: row.totals.failed,
        input_tokens: row.totals.input_tokens,
        output_tokens: row.totals.output_tokens,
        cost: row.totals.cost.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_reverse() {
        for text in ["1970-01-01", "2000-02-29", "2026-11-24"] {
            assert_eq!(date(day(text, "from").unwrap()), text);
        }
        assert!(day("24.11.2026", "from").is_err());
    }
}
