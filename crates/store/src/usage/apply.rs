//! The transaction that counts: sums and cursor, both or neither.

use std::collections::BTreeSet;
use std::sync::Arc;

use flyball_core::TenantId;
use sqlx::sqlite::SqlitePool;
use sqlx::{FromRow, Row, SqliteConnection};

use super::Cursor;
use super::names::{self, Others};
use super::roll_up::{Batch, Cell, NO_TAGS};
use super::totals::UsageTotals;
use crate::error::{Fault, StoreError};
use crate::writer::Write;

const CURSOR: &str = "SELECT counted, scan_from FROM journal_cursor WHERE id = 1";

// The condition makes it a compare-and-swap also where other writers exist.
const MOVE: &str = "UPDATE journal_cursor SET counted = $1, scan_from = $2 WHERE id = 1 AND counted = $3";

const ADD: &str = "\
INSERT INTO usage (tenant, bucket, key_id, end_user, model, provider, operation, tags, counting,
                   exchanges, answered, blocked, failed, abandoned, interrupted,
                   input_tokens, cached_input_tokens, output_tokens, cost_micros, unpriced)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ON CONFLICT (tenant, bucket, key_id, end_user, model, provider, operation, tags, counting) DO UPDATE SET
    exchanges           = usage.exchanges           + excluded.exchanges,
    answered            = usage.answered            + excluded.answered,
    blocked             = usage.blocked             + excluded.blocked,
    failed              = usage.failed              + excluded.failed,
    abandoned           = usage.abandoned           + excluded.abandoned,
    interrupted         = usage.interrupted         + excluded.interrupted,
    input_tokens        = usage.input_tokens        + excluded.input_tokens,
    cached_input_tokens = usage.cached_input_tokens + excluded.cached_input_tokens,
    output_tokens       = usage.output_tokens       + excluded.output_tokens,
    cost_micros         = usage.cost_micros         + excluded.cost_micros,
    unpriced            = usage.unpriced            + excluded.unpriced";

/// Adds a batch and moves the cursor.
pub(super) struct Apply(pub(super) Arc<Batch>);

impl Write for Apply {
    type Answer = ();

    async fn apply(self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let Batch { from, to, scan_from, cells } = &*self.0;
        let moved = sqlx::query(MOVE)
            .bind(place(*to)?)
            .bind(place(*scan_from)?)
            .bind(place(*from)?)
            .execute(&mut *connection)
            .await?;
        if moved.rows_affected() == 0 {
            let found: Cursor = sqlx::query_as(CURSOR).fetch_one(connection).await?;
            return Err(StoreError::CursorMoved { expected: *from, found: found.counted }.into());
        }
        let others = names::note(connection, cells.keys()).await?;
        let mut lists: BTreeSet<(&TenantId, &str)> = BTreeSet::new();
        for (cell, totals) in cells {
            let tags = add(connection, cell, &others, totals).await?;
            if tags != NO_TAGS && lists.insert((&cell.tenant, tags)) {
                note_tags(connection, &cell.tenant, tags).await?;
            }
        }
        Ok(())
    }
}

/// Adds one sum to its row; answers under which list of tags it stands.
async fn add<'c>(
    connection: &mut SqliteConnection,
    cell: &'c Cell,
    others: &Others<'c>,
    totals: &UsageTotals,
) -> Result<&'c str, Fault> {
    let (end_user, tags) = others.named(cell);
    sqlx::query(ADD)
        .bind(cell.tenant.as_str())
        .bind(cell.quarter.0)
        .bind(cell.key.0)
        .bind(end_user.cast_signed())
        .bind(&cell.model)
        .bind(&cell.provider)
        .bind(&cell.operation)
        .bind(tags)
        .bind(cell.counting.name())
        .bind(bigint(totals.exchanges))
        .bind(bigint(totals.answered))
        .bind(bigint(totals.blocked))
        .bind(bigint(totals.failed))
        .bind(bigint(totals.abandoned))
        .bind(bigint(totals.interrupted))
        .bind(bigint(totals.input_tokens))
        .bind(bigint(totals.cached_input_tokens))
        .bind(bigint(totals.output_tokens))
        .bind(totals.cost.0)
        .bind(bigint(totals.unpriced))
        .execute(connection)
        .await?;
    Ok(tags)
}

async fn note_tags(connection: &mut SqliteConnection, tenant: &TenantId, tags: &str) -> Result<(), Fault> {
    let list: Vec<String> = serde_json::from_str(tags).map_err(|error| sqlx::Error::Encode(error.into()))?;
    for tag in list {
        sqlx::query("INSERT INTO usage_tags (tenant, tags, tag) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(tenant.as_str())
            .bind(tags)
            .bind(tag)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Reads the cursor.
pub(super) async fn cursor(readers: &SqlitePool) -> Result<Cursor, Fault> {
    Ok(sqlx::query_as(CURSOR).fetch_one(readers).await?)
}

impl FromRow<'_, sqlx::sqlite::SqliteRow> for Cursor {
    fn from_row(row: &sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
        let place = |column: &str| {
            let place: i64 = row.try_get(column)?;
            u64::try_from(place)
                .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.into() })
        };
        Ok(Cursor { counted: place("counted")?, scan_from: place("scan_from")? })
    }
}

/// A place in the journal as the database holds it. A saturated one would be another place, hence the error.
fn place(lsn: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(lsn).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
