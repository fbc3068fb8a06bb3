//! Answering questions about usage. One SQL text answers every grouping: a dimension that is not asked for is null
//! in all rows, and so groups nothing. It is asked once for each span, in which local time is a fixed distance from
//! UTC; the answers are added up.

use std::collections::BTreeMap;

use flyball_core::{Counting, KeyId, Money, TenantId};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::query::{Dimension, MAX_ROWS, UsageGroup, UsageQuery, UsageRow};
use super::time::{DAY, Day, HOUR, Quarter, Span};
use super::totals::UsageTotals;
use crate::decode::decoded;
use crate::error::{Fault, StoreError};

// PostgreSQL sums BIGINT to NUMERIC, hence the casts. The tenant's parameter stands last because a database may
// refuse parameters that a text does not mention. A filter is a switch and a value. The join multiplies rows by
// their tags, and only when tags are told apart.
macro_rules! report {
    ($where:literal) => {
        concat!(
            "SELECT CASE WHEN $1  THEN usage.tenant END AS by_tenant,
                    CASE WHEN $2  THEN (usage.bucket + $3) / $4 END AS by_period,
                    CASE WHEN $5  THEN usage.key_id END AS by_key,
                    CASE WHEN $6  THEN usage.end_user END AS by_end_user,
                    CASE WHEN $7  THEN usage.model END AS by_model,
                    CASE WHEN $8  THEN usage.provider END AS by_provider,
                    CASE WHEN $9  THEN usage.operation END AS by_operation,
                    CASE WHEN $10 THEN COALESCE(tags.tag, '') END AS by_tag,
                    CASE WHEN $11 THEN usage.counting END AS by_counting,
                    CAST(SUM(usage.exchanges)           AS BIGINT) AS exchanges,
                    CAST(SUM(usage.answered)            AS BIGINT) AS answered,
                    CAST(SUM(usage.blocked)             AS BIGINT) AS blocked,
                    CAST(SUM(usage.failed)              AS BIGINT) AS failed,
                    CAST(SUM(usage.abandoned)           AS BIGINT) AS abandoned,
                    CAST(SUM(usage.interrupted)         AS BIGINT) AS interrupted,
                    CAST(SUM(usage.input_tokens)        AS BIGINT) AS input_tokens,
                    CAST(SUM(usage.cached_input_tokens) AS BIGINT) AS cached_input_tokens,
                    CAST(SUM(usage.output_tokens)       AS BIGINT) AS output_tokens,
                    CAST(SUM(usage.cost_micros)         AS BIGINT) AS cost_micros,
                    CAST(SUM(usage.unpriced)            AS BIGINT) AS unpriced,
                    CAST(SUM(CASE WHEN usage.counting = 'reported'  THEN usage.exchanges ELSE 0 END) AS BIGINT)
                        AS reported,
                    CAST(SUM(CASE WHEN usage.counting = 'counted'   THEN usage.exchanges ELSE 0 END) AS BIGINT)
                        AS counted,
                    CAST(SUM(CASE WHEN usage.counting = 'estimated' THEN usage.exchanges ELSE 0 END) AS BIGINT)
                        AS estimated
             FROM usage
             LEFT JOIN usage_tags AS tags
                  ON $10 AND tags.tenant = usage.tenant AND tags.tags = usage.tags
                     AND (NOT $12 OR tags.tag = $13)
             WHERE usage.bucket >= $14 AND usage.bucket < $15
               AND (NOT $12 OR EXISTS (SELECT 1 FROM usage_tags AS has
                                       WHERE has.tenant = usage.tenant AND has.tags = usage.tags
                                         AND has.tag = $13))
               AND (NOT $16 OR usage.key_id = $17)
               AND (NOT $18 OR usage.end_user = $19)
               AND (NOT $20 OR usage.model = $21)
               AND (NOT $22 OR usage.provider = $23)
               AND (NOT $24 OR usage.operation = $25)
               AND (NOT $26 OR usage.counting = $27)",
            $where,
            " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9 LIMIT $28"
        )
    };
}

const OF_ALL: &str = report!("");
const OF_TENANT: &str = report!(" AND usage.tenant = $29");

type Bound<'q> = sqlx::query::QueryAs<'q, sqlx::Sqlite, Found, sqlx::sqlite::SqliteArguments>;

fn bound(text: &'static str, query: &UsageQuery, span: Span) -> Bound<'static> {
    let hours = query.tells(Dimension::Hour);
    let only = query.only.clone();
    sqlx::query_as(text)
        .bind(query.tells(Dimension::Tenant))
        .bind(hours || query.tells(Dimension::Day))
        .bind(span.offset)
        .bind(if hours { HOUR } else { DAY })
        .bind(query.tells(Dimension::Key))
        .bind(query.tells(Dimension::EndUser))
        .bind(query.tells(Dimension::Model))
        .bind(query.tells(Dimension::Provider))
        .bind(query.tells(Dimension::Operation))
        .bind(query.tells(Dimension::Tag))
        .bind(query.tells(Dimension::Counting))
        .bind(only.tag.is_some())
        .bind(only.tag.unwrap_or_default())
        .bind(span.from.0)
        .bind(span.until.0)
        .bind(only.key.is_some())
        .bind(only.key.map_or_else(Uuid::nil, |key| key.0))
        .bind(only.end_user.is_some())
        .bind(only.end_user.unwrap_or_default().cast_signed())
        .bind(only.model.is_some())
        .bind(only.model.unwrap_or_default())
        .bind(only.provider.is_some())
        .bind(only.provider.unwrap_or_default())
        .bind(only.operation.is_some())
        .bind(only.operation.unwrap_or_default())
        .bind(only.counting.is_some())
        .bind(only.counting.map_or("", Counting::name))
        .bind(i64::from(MAX_ROWS) + 1)
}

pub(super) async fn of_tenant(
    readers: &SqlitePool,
    tenant: &TenantId,
    query: &UsageQuery,
) -> Result<Vec<UsageRow>, Fault> {
    let mut sums = Sums::default();
    for span in &query.spans {
        let bound = bound(OF_TENANT, query, *span).bind(tenant.as_str().to_owned());
        sums.add(query, *span, bound.fetch_all(readers).await?)?;
    }
    Ok(sums.rows())
}

pub(super) async fn of_all(readers: &SqlitePool, query: &UsageQuery) -> Result<Vec<UsageRow>, Fault> {
    let mut sums = Sums::default();
    for span in &query.spans {
        sums.add(query, *span, bound(OF_ALL, query, *span).fetch_all(readers).await?)?;
    }
    Ok(sums.rows())
}

/// What the spans gave, added up: the day on which clocks are changed lies in two of them.
#[derive(Default)]
struct Sums(BTreeMap<UsageGroup, UsageTotals>);

impl Sums {
    fn add(&mut self, query: &UsageQuery, span: Span, found: Vec<Found>) -> Result<(), Fault> {
        for Found { mut group, period, totals } in found {
            if query.tells(Dimension::Hour) {
                group.hour = period.map(|hour| Quarter(hour * HOUR - span.offset).max(span.from));
                group.day = period.filter(|_| query.tells(Dimension::Day)).map(|hour| Day(hour * HOUR / DAY));
            } else {
                group.day = period.map(Day);
            }
            *self.0.entry(group).or_default() += totals;
        }
        if u32::try_from(self.0.len()).is_ok_and(|count| count <= MAX_ROWS) {
            Ok(())
        } else {
            Err(StoreError::TooLarge { limit: MAX_ROWS }.into())
        }
    }

    fn rows(self) -> Vec<UsageRow> {
        self.0.into_iter().map(|(group, totals)| UsageRow { group, totals }).collect()
    }
}

/// A row of one span.
struct Found {
    /// All but the time.
    group: UsageGroup,
    /// The number of the local day, or of the local hour, since 1970.
    period: Option<i64>,
    totals: UsageTotals,
}

impl FromRow<'_, SqliteRow> for Found {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let count = |column: &str| {
            let sum: i64 = row.try_get(column)?;
            u64::try_from(sum)
                .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.into() })
        };
        let tenant: Option<String> = row.try_get("by_tenant")?;
        let counting: Option<String> = row.try_get("by_counting")?;
        Ok(Found {
            group: UsageGroup {
                tenant: tenant.map(|name| decoded("by_tenant", &name)).transpose()?,
                day: None,
                hour: None,
                key: row.try_get::<Option<Uuid>, _>("by_key")?.map(KeyId),
                end_user: row.try_get::<Option<i64>, _>("by_end_user")?.map(i64::cast_unsigned),
                model: row.try_get("by_model")?,
                provider: row.try_get("by_provider")?,
                operation: row.try_get("by_operation")?,
                tag: row.try_get("by_tag")?,
                counting: counting.map(|name| decoded("by_counting", &name)).transpose()?,
            },
            period: row.try_get("by_period")?,
            totals: UsageTotals {
                exchanges: count("exchanges")?,
                answered: count("answered")?,
                blocked: count("blocked")?,
                failed: count("failed")?,
                abandoned: count("abandoned")?,
                interrupted: count("interrupted")?,
                input_tokens: count("input_tokens")?,
                cached_input_tokens: count("cached_input_tokens")?,
                output_tokens: count("output_tokens")?,
                cost: Money(row.try_get("cost_micros")?),
                unpriced: count("unpriced")?,
                reported: count("reported")?,
                counted: count("counted")?,
                estimated: count("estimated")?,
            },
        })
    }
}
