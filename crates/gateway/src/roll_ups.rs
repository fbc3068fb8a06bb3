//! From the journal to the sums of usage: reads what the journal holds and the database has not counted, and counts
//! it together with the place up to which it was read. The sums and their transaction are the store's.

#[cfg(test)]
mod tests;

use flyball_core::{KeyId, Money, TenantId, Timestamp};
use flyball_journal::{AppendError, Counting, Journal, Lsn, Outcome, ReadError, Record, Settlement};
use flyball_store::{self as store, Cursor, RollUp, Settled, Store, StoreError};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How many bytes of records go into one transaction, about.
const BATCH: usize = 4 << 20;

/// Counts the journal. One for each journal.
#[derive(Debug, Default)]
pub struct RollUps {
    /// Whose turn it is, and the mark that the counting has not reached yet.
    turn: Mutex<Option<Mark>>,
}

/// What was open when the journal ended at `end`. An exchange that was open before, and is not any more, has its
/// settlement before `end`: once that is counted, nobody needs its intent.
#[derive(Clone, Copy, Debug)]
struct Mark {
    oldest_open: Option<Lsn>,
    end: Lsn,
}

/// Why the journal could not be counted. What was counted before stays so; the rest is counted by the next turn.
#[derive(Debug, thiserror::Error)]
pub enum RollUpError {
    /// The journal has failed.
    #[error(transparent)]
    Journal(#[from] AppendError),
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime stops.
    #[error("the reading of the journal was cut short")]
    Stopped,
}

impl RollUps {
    /// Counts every exchange that was settled before the call and whose settlement is on the disk: a sum must not
    /// hold what a power cut can take from the journal. In `power` durability that is all of them; in `process`
    /// durability those of the last moments, up to the journal's background sync, come with a later call.
    ///
    /// # Errors
    /// When the journal or the database fails.
    pub async fn catch_up(&self, journal: &Journal, store: &Store) -> Result<(), RollUpError> {
        let mut mark = self.turn.lock().await;
        // In this order: what is open is looked up before the end is.
        let oldest_open = journal.oldest_open();
        let end = journal.flush().await?;
        journal.durable(end).await?;
        let reached = *mark.get_or_insert(Mark { oldest_open, end });

        let operator = store.operator();
        let mut cursor = operator.usage().cursor().await?;
        loop {
            let part = next(journal.clone(), Lsn(cursor.counted)).await?;
            let mut next = Cursor { counted: part.to.0, ..cursor };
            let is_reached = part.to >= reached.end || part.is_last;
            if is_reached {
                // What was opened behind the mark may be open still.
                let needed = reached.oldest_open.unwrap_or(reached.end).min(reached.end).min(part.to);
                next.scan_from = next.scan_from.max(needed.0);
            }
            if next != cursor {
                let mut roll_up = RollUp::new(cursor.counted);
                part.settlements.into_iter().filter_map(settled).for_each(|settled| roll_up.add(settled));
                operator.usage().apply(roll_up.until(next.counted, next.scan_from)).await?;
                journal.forget(Lsn(next.scan_from));
                cursor = next;
            }
            if part.is_empty {
                if is_reached {
                    *mark = None;
                }
                return Ok(());
            }
        }
    }
}

/// A part of the journal, read.
struct Part {
    settlements: Vec<Settlement>,
    /// The position behind it.
    to: Lsn,
    /// Nothing more is on the disk.
    is_empty: bool,
    /// Nothing more has even been written.
    is_last: bool,
}

/// Reads the records that follow `from`. Reads files, hence not on the runtime's threads.
async fn next(journal: Journal, from: Lsn) -> Result<Part, RollUpError> {
    let read = move || {
        let mut reader = journal.reader(from).synced_only();
        let records = reader.next_batch(BATCH)?;
        let (is_empty, to) = (records.is_empty(), reader.position());
        let is_last = is_empty && journal.reader(to).next_batch(1)?.is_empty();
        let settlements = records.into_iter().filter_map(|(_, _, record)| match record {
            Record::Settlement(settlement) => Some(settlement),
            Record::Intent(_) => None,
        });
        Ok(Part { settlements: settlements.collect(), to, is_empty, is_last })
    };
    tokio::task::spawn_blocking(read).await.map_err(|_| RollUpError::Stopped)?
}

/// What of a settlement is counted; none for an exchange that belongs to no tenant.
fn settled(settlement: Settlement) -> Option<Settled> {
    let usage = settlement.usage.unwrap_or_default();
    let outcome = match settlement.outcome() {
        Outcome::Answered => store::Outcome::Answered,
        Outcome::Blocked => store::Outcome::Blocked,
        Outcome::Failed => store::Outcome::Failed,
        Outcome::Abandoned => store::Outcome::Abandoned,
        Outcome::Interrupted => store::Outcome::Interrupted,
    };
    let subject = settlement.subject?;
    let tenant: TenantId = subject.tenant.parse().ok()?;
    Some(Settled {
        tenant,
        key: KeyId(Uuid::from_slice(&subject.key).ok()?),
        end_user: subject.end_user,
        model: subject.route,
        provider: subject.provider,
        operation: subject.operation,
        tags: subject.tags,
        counting: match usage.counting() {
            Counting::Nothing => store::Counting::Nothing,
            Counting::Reported => store::Counting::Reported,
            Counting::Counted => store::Counting::Counted,
            Counting::Estimated => store::Counting::Estimated,
        },
        at: Timestamp(i64::try_from(subject.began).unwrap_or(i64::MAX)),
        input_tokens: usage.input,
        cached_input_tokens: usage.cached_input,
        output_tokens: usage.output,
        cost: settlement.cost.map(Money),
        outcome,
    })
}
