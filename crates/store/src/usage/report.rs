//! Questions about usage. One SQL text answers every grouping: a dimension that is not asked for is null in all
//! rows, and so groups nothing.

use flyball_core::{KeyId, Money, TenantId};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::record::{Day, UsageTotals};
use crate::decode::decoded;
use crate::error::{Fault, StoreError};

/// Rows of a report at most.
pub const MAX_ROWS: u32 = 10_000;

/// What usage is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The tenant; within a tenant's scope always the same.
    Tenant,
    /// The day in UTC.
    Day,
    /// The key that called.
    Key,
    /// The public model name.
    Model,
    /// The provider's name.
    Provider,
    /// The operation's name.
    Operation,
}

/// Which days to sum, and what to tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// The first day.
    pub from: Day,
    /// The last day, included.
    pub to: Day,
    /// The dimensions to tell apart, in any order; none asks for one sum.
    pub by: Vec<Dimension>,
}

/// One row of a report. A dimension is present exactly when the query asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// The tenant.
    pub tenant: Option<TenantId>,
    /// The day.
    pub day: Option<Day>,
    /// The key.
    pub key: Option<KeyId>,
    /// The public model name.
    pub model: Option<String>,
    /// The provider's name; empty for exchanges that ended before one was chosen.
    pub provider: Option<String>,
    /// The operation's name.
    pub operation: Option<String>,
    /// The sums.
    pub totals: UsageTotals,
}

// PostgreSQL sums BIGINT to NUMERIC, hence the casts. The tenant's parameter stands last because a database may
// refuse parameters that a text does not mention.
macro_rules! report {
    ($where:literal) => {
        concat!(
            "SELECT CASE WHEN $1 THEN tenant    END AS by_tenant,
                    CASE WHEN $2 THEN day       END AS by_day,
                    CASE WHEN $3 THEN key_id    END AS by_key,
                    CASE WHEN $4 THEN model     END AS by_model,
                    CASE WHEN $5 THEN provider  END AS by_provider,
                    CASE WHEN $6 THEN operation END AS by_operation,
                    CAST(SUM(exchanges)     AS BIGINT) AS exchanges,
                    CAST(SUM(input_tokens)  AS BIGINT) AS input_tokens,
                    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
                    CAST(SUM(cost_micros)   AS BIGINT) AS cost_micros,
                    CAST(SUM(blocked)       AS BIGINT) AS blocked,
                    CAST(SUM(failed)        AS BIGINT) AS failed
             FROM usage_daily WHERE day >= $7 AND day <= $8",
            $where,
            " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6 LIMIT $9"
        )
    };
}

const OF_ALL: &str = report!("");
const OF_TENANT: &str = report!(" AND tenant = $10");

type Bound<'q> = sqlx::query::QueryAs<'q, sqlx::Sqlite, UsageRow, sqlx::sqlite::SqliteArguments>;

fn bound(text: &'static str, query: &UsageQuery) -> Bound<'static> {
    let by = |dimension| query.by.contains(&dimension);
    sqlx::query_as(text)
        .bind(by(Dimension::Tenant))
        .bind(by(Dimension::Day))
        .bind(by(Dimension::Key))
        .bind(by(Dimension::Model))
        .bind(by(Dimension::Provider))
        .bind(by(Dimension::Operation))
        .bind(query.from.0)
        .bind(query.to.0)
        .bind(i64::from(MAX_ROWS) + 1)
}

pub(super) async fn of_tenant(
    readers: &SqlitePool,
    tenant: &TenantId,
    query: &UsageQuery,
) -> Result<Vec<UsageRow>, Fault> {
    within_limit(bound(OF_TENANT, query).bind(tenant.as_str().to_owned()).fetch_all(readers).await?)
}

pub(super) async fn of_all(readers: &SqlitePool, query: &UsageQuery) -> Result<Vec<UsageRow>, Fault> {
    within_limit(bound(OF_ALL, query).fetch_all(readers).await?)
}

fn within_limit(rows: Vec<UsageRow>) -> Result<Vec<UsageRow>, Fault> {
    if u32::try_from(rows.len()).is_ok_and(|count| count <= MAX_ROWS) {
        Ok(rows)
    } else {
        Err(StoreError::TooLarge { limit: MAX_ROWS }.into())
    }
}

impl FromRow<'_, SqliteRow> for UsageRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let count = |column: &str| {
            let sum: i64 = row.try_get(column)?;
            u64::try_from(sum)
                .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.into() })
        };
        let tenant: Option<String> = row.try_get("by_tenant")?;
        Ok(UsageRow {
            tenant: tenant.map(|name| decoded("by_tenant", &name)).transpose()?,
            day: row.try_get::<Option<i64>, _>("by_day")?.map(Day),
            key: row.try_get::<Option<Uuid>, _>("by_key")?.map(KeyId),
            model: row.try_get("by_model")?,
            provider: row.try_get("by_provider")?,
            operation: row.try_get("by_operation")?,
            totals: UsageTotals {
                exchanges: count("exchanges")?,
                input_tokens: count("input_tokens")?,
                output_tokens: count("output_tokens")?,
                cost: Money(row.try_get("cost_micros")?),
                blocked: count("blocked")?,
                failed: count("failed")?,
            },
        })
    }
}
