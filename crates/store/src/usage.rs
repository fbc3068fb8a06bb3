//! What exchanges used, summed from the journal's settlements. Settlements are summed in memory ([`RollUp`]) and
//! added to the database together with the place in the journal up to which they are counted, in one transaction:
//! so each is counted exactly once, whatever dies in between. Prices, budgets, time zones and the journal itself
//! are elsewhere.

mod apply;
mod names;
mod query;
mod report;
mod roll_up;
mod settled;
mod time;
mod totals;

use std::sync::Arc;

pub use names::{MAX_END_USERS, MAX_TAG_LISTS, OTHER_TAG, OTHER_USERS};
pub use query::{Dimension, MAX_ROWS, UsageFilter, UsageGroup, UsageQuery, UsageRow};
pub use roll_up::{Batch, RollUp};
pub use settled::{MAX_COST, MAX_TOKENS, Settled};
pub use time::{Day, Quarter, Span};
pub use totals::UsageTotals;

use crate::error::StoreError;
use crate::scope::{OperatorScope, TenantScope};

/// How far the journal is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// All settlements before this place in the journal are counted, and none from here on.
    pub counted: u64,
    /// Where the intent of the oldest exchange stands that was open at `counted`: who wants to know all open ones
    /// reads from here.
    pub scan_from: u64,
}

/// One tenant's usage.
#[derive(Clone, Copy, Debug)]
pub struct TenantUsage<'s>(pub(crate) &'s TenantScope);

impl TenantUsage<'_> {
    /// The tenant's sums, sorted by group. It holds what was applied before the call.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when there are more than [`MAX_ROWS`] rows; what a read can meet.
    pub async fn report(self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let store = &self.0.store;
        store.read(report::of_tenant(store.readers(), &self.0.tenant, query)).await
    }
}

/// Usage of all tenants.
#[derive(Clone, Copy, Debug)]
pub struct AllUsage<'s>(pub(crate) &'s OperatorScope);

impl AllUsage<'_> {
    /// Sums of all tenants, sorted by group.
    ///
    /// # Errors
    /// As [`TenantUsage::report`].
    pub async fn report(self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let store = &self.0.store;
        store.read(report::of_all(store.readers(), query)).await
    }

    /// Up to where the journal is counted. A new database has counted nothing: both places are 0.
    ///
    /// # Errors
    /// What a read can meet.
    pub async fn cursor(self) -> Result<Cursor, StoreError> {
        let store = &self.0.store;
        store.read(apply::cursor(store.readers())).await
    }

    /// Adds a batch of sums and moves the cursor to its end, both or neither. The batch can be kept and offered
    /// again after an error: when the first attempt did happen after all, the second is [`StoreError::CursorMoved`].
    ///
    /// # Errors
    /// [`StoreError::CursorMoved`] when the cursor is not where the batch begins; what a write can meet. Nothing was
    /// counted then.
    pub async fn apply(self, batch: impl Into<Arc<Batch>>) -> Result<(), StoreError> {
        self.0.store.write(apply::Apply(batch.into())).await
    }
}
