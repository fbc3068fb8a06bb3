//! Usage that is counted and not yet on disk. Bounded by what can be counted apart between two flushes: keys
//! times configured models and providers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flyball_core::TenantId;

use super::record::{Cell, Day, UsageRecord, UsageTotals};
use crate::error::StoreError;

/// Sums by the row that they belong to.
pub(crate) type Counted = HashMap<Cell, UsageTotals>;

/// The sums in memory. Recorders add, the writer takes; the lock is held for one look-up or one swap.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    counted: Counted,
    closed: bool,
}

impl Pending {
    /// Counts one exchange.
    pub(crate) fn add(&self, tenant: TenantId, record: UsageRecord) -> Result<(), StoreError> {
        let totals = UsageTotals::from(&record);
        let UsageRecord { key, model, provider, operation, at, .. } = record;
        let cell = Cell { tenant, day: Day::from(at), key, model, provider, operation };
        let mut state = self.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        *state.counted.entry(cell).or_default() += totals;
        Ok(())
    }

    /// Takes all that is counted.
    pub(crate) fn take(&self) -> Counted {
        std::mem::take(&mut self.lock().counted)
    }

    /// Gives back what was taken and could not be written.
    pub(crate) fn put_back(&self, counted: Counted) {
        let mut state = self.lock();
        for (cell, totals) in counted {
            *state.counted.entry(cell).or_default() += totals;
        }
    }

    /// Refuses further counting. What is counted stays to be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
