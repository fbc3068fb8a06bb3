//! What is counted for one exchange, where it is counted, and the statement that adds sums to the database.

use std::ops::AddAssign;
use std::sync::Arc;

use flyball_core::{KeyId, Money, Operation, TenantId, Timestamp};
use sqlx::SqliteConnection;

use super::pending::Counted;
use crate::error::Fault;
use crate::writer::Write;

/// Tokens of one exchange that are counted at most, in each direction. A provider that reports more is in error,
/// and a sum must not overflow because of it: eight million such exchanges in one row would.
pub const MAX_TOKENS: u64 = 1 << 40;
/// Cost of one exchange that is counted at most: about 35 million currency units. See [`MAX_TOKENS`].
pub const MAX_COST: Money = Money(1 << 45);

/// A calendar day in UTC: whole days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i64);

impl From<Timestamp> for Day {
    fn from(time: Timestamp) -> Day {
        Day(time.day())
    }
}

/// How an exchange ended, as far as counting goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller got an answer.
    Answered,
    /// Policy stopped it.
    Blocked,
    /// It ended with any other error.
    Failed,
}

/// A settled exchange, to be counted for the tenant of the scope that it is given to.
#[derive(Clone, Debug)]
pub struct UsageRecord {
    /// The key that called.
    pub key: KeyId,
    /// The public model name of a route; never free text of the caller, which would make rows without bound.
    pub model: Arc<str>,
    /// The configured provider's name; empty when the exchange ended before one was chosen.
    pub provider: Arc<str>,
    /// What was asked for.
    pub operation: Operation,
    /// When the exchange came in: it counts for that day.
    pub at: Timestamp,
    /// Tokens that went to the model, at most [`MAX_TOKENS`].
    pub input_tokens: u64,
    /// Tokens that came from it, at most [`MAX_TOKENS`].
    pub output_tokens: u64,
    /// What it cost, from nothing to [`MAX_COST`].
    pub cost: Money,
    /// How it ended.
    pub outcome: Outcome,
}

/// Sums over exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageTotals {
    /// How many exchanges there were, whatever their outcome.
    pub exchanges: u64,
    /// Tokens that went to models.
    pub input_tokens: u64,
    /// Tokens that came from them.
    pub output_tokens: u64,
    /// What it cost.
    pub cost: Money,
    /// Exchanges that policy stopped.
    pub blocked: u64,
    /// Exchanges that failed otherwise.
    pub failed: u64,
}

impl From<&UsageRecord> for UsageTotals {
    fn from(record: &UsageRecord) -> Self {
        UsageTotals {
            exchanges: 1,
            input_tokens: record.input_tokens.min(MAX_TOKENS),
            output_tokens: record.output_tokens.min(MAX_TOKENS),
            cost: record.cost.clamp(Money::ZERO, MAX_COST),
            blocked: u64::from(record.outcome == Outcome::Blocked),
            failed: u64::from(record.outcome == Outcome::Failed),
        }
    }
}

impl AddAssign for UsageTotals {
    fn add_assign(&mut self, other: Self) {
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost += other.cost;
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.failed = self.failed.saturating_add(other.failed);
    }
}

/// The row that an exchange is counted in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    pub(crate) tenant: TenantId,
    pub(crate) day: Day,
    pub(crate) key: KeyId,
    pub(crate) model: Arc<str>,
    pub(crate) provider: Arc<str>,
    pub(crate) operation: Operation,
}

const ADD: &str = "\
INSERT INTO usage_daily (tenant, day, key_id, model, provider, operation,
                         exchanges, input_tokens, output_tokens, cost_micros, blocked, failed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (tenant, day, key_id, model, provider, operation) DO UPDATE SET
    exchanges     = usage_daily.exchanges     + excluded.exchanges,
    input_tokens  = usage_daily.input_tokens  + excluded.input_tokens,
    output_tokens = usage_daily.output_tokens + excluded.output_tokens,
    cost_micros   = usage_daily.cost_micros   + excluded.cost_micros,
    blocked       = usage_daily.blocked       + excluded.blocked,
    failed        = usage_daily.failed        + excluded.failed";

/// Adds counted usage to the rows of the database.
pub(crate) struct AddUsage<'u>(pub(crate) &'u Counted);

impl Write for AddUsage<'_> {
    type Answer = ();

    async fn apply(self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        for (cell, totals) in self.0 {
            sqlx::query(ADD)
                .bind(cell.tenant.as_str())
                .bind(cell.day.0)
                .bind(cell.key.0)
                .bind(&*cell.model)
                .bind(&*cell.provider)
                .bind(cell.operation.name())
                .bind(bigint(totals.exchanges))
                .bind(bigint(totals.input_tokens))
                .bind(bigint(totals.output_tokens))
                .bind(totals.cost.0)
                .bind(bigint(totals.blocked))
                .bind(bigint(totals.failed))
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

fn bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
