//! What exchanges used, summed by tenant, key, model, provider, operation and day. Counting never waits for the
//! disk; reports read what is on disk after a flush, so that everybody reads their own writes. Prices and
//! budgets are decided elsewhere.

mod pending;
mod record;
mod report;

pub(crate) use pending::{Counted, Pending};
pub(crate) use record::AddUsage;
pub use record::{Day, MAX_COST, MAX_TOKENS, Outcome, UsageRecord, UsageTotals};
pub use report::{Dimension, MAX_ROWS, UsageQuery, UsageRow};

use crate::error::StoreError;
use crate::scope::{OperatorScope, TenantScope};

/// One tenant's usage.
#[derive(Clone, Copy, Debug)]
pub struct TenantUsage<'s>(pub(crate) &'s TenantScope);

impl TenantUsage<'_> {
    /// Counts a settled exchange. Returns at once: the sum is kept in memory and written within about a second,
    /// before any report, and on close. A crash in between loses it here; the journal has it.
    ///
    /// # Errors
    /// [`StoreError::Closed`] after the store was closed.
    pub fn record(self, record: UsageRecord) -> Result<(), StoreError> {
        self.0.store.pending().add(self.0.tenant.clone(), record)
    }

    /// The tenant's sums over the days of `query`, sorted by its dimensions.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when there are more than [`MAX_ROWS`] rows; what a flush or a read can meet.
    pub async fn report(self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let store = &self.0.store;
        store.flush().await?;
        store.read(report::of_tenant(store.readers(), &self.0.tenant, query)).await
    }
}

/// Usage of all tenants.
#[derive(Clone, Copy, Debug)]
pub struct AllUsage<'s>(pub(crate) &'s OperatorScope);

impl AllUsage<'_> {
    /// Sums of all tenants over the days of `query`, sorted by its dimensions.
    ///
    /// # Errors
    /// As [`TenantUsage::report`].
    pub async fn report(self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let store = &self.0.store;
        store.flush().await?;
        store.read(report::of_all(store.readers(), query)).await
    }
}
