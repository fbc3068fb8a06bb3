//! Summing settlements in memory, before they go to the database.

use std::collections::HashMap;

use flyball_core::{Counting, KeyId, TenantId};

use super::settled::Settled;
use super::time::Quarter;
use super::totals::UsageTotals;

/// The list of no tags.
pub(super) const NO_TAGS: &str = "[]";

/// The row that an exchange is counted in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    pub(super) tenant: TenantId,
    pub(super) quarter: Quarter,
    pub(super) key: KeyId,
    pub(super) end_user: u64,
    pub(super) model: String,
    pub(super) provider: String,
    pub(super) operation: String,
    /// A JSON array of strings, sorted, none twice.
    pub(super) tags: String,
    pub(super) counting: Counting,
}

/// Settlements of one stretch of the journal, summed. Its size is that of the cells that they fall into, at most
/// one for each settlement: whoever reads a long journal ends a batch from time to time.
#[derive(Debug)]
pub struct RollUp {
    from: u64,
    cells: HashMap<Cell, UsageTotals>,
}

impl RollUp {
    /// Nothing summed yet, of the journal from `from` on: the [`Cursor`](super::Cursor)'s `counted`, or the end of
    /// the batch before.
    pub fn new(from: u64) -> RollUp {
        RollUp { from, cells: HashMap::new() }
    }

    /// Counts one exchange.
    pub fn add(&mut self, settled: Settled) {
        let totals = UsageTotals::from(&settled);
        let cell = Cell {
            quarter: Quarter::from(settled.at),
            tags: list(settled.tags),
            tenant: settled.tenant,
            key: settled.key,
            end_user: settled.end_user,
            model: settled.model,
            provider: settled.provider,
            operation: settled.operation,
            counting: settled.counting,
        };
        *self.cells.entry(cell).or_default() += totals;
    }

    /// How many rows the sums go into.
    pub fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Ends the stretch before `to`, at or after its beginning. `scan_from` is where the oldest exchange begins that
    /// is open then; `to`, when none is.
    pub fn until(self, to: u64, scan_from: u64) -> Batch {
        Batch { from: self.from, to: to.max(self.from), scan_from, cells: self.cells }
    }
}

/// Sums that belong to a stretch of the journal, to be applied once.
#[derive(Debug)]
pub struct Batch {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) scan_from: u64,
    pub(super) cells: HashMap<Cell, UsageTotals>,
}

fn list(mut tags: Vec<String>) -> String {
    if tags.is_empty() {
        return NO_TAGS.to_owned();
    }
    tags.sort_unstable();
    tags.dedup();
    serde_json::Value::from(tags).to_string()
}
