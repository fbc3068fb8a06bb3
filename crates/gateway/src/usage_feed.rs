//! From the journal to usage: reads settlements in their order, sums them, and adds the sums to the store together
//! with the place up to which it read, in one transaction. So every settlement counts once, whatever happens in
//! between. What usage looks like is the store's business.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flyball_core::{KeyId, Money, TenantId, Timestamp};
use flyball_journal::{AppendError, Journal, Lsn, ReadError, Reader, Record, Settlement};
use flyball_store::{RollUp, Store, StoreError};
use tokio::sync::Mutex;

use crate::gateway::Gateway;
use crate::refusal::{Kind, Refusal};

/// How often usage is brought up to date when nobody asks.
const PACE: Duration = Duration::from_secs(1);

/// Bytes of the journal that are counted in one transaction.
const PORTION: u64 = 4 << 20;

/// Bytes of the journal that are held in memory for it.
const PIECE: usize = 64 << 10;

/// The way from a journal to usage.
pub struct UsageFeed {
    store: Store,
    journal: Journal,
    /// Held while counting, so that there is one at a time.
    place: Mutex<Place>,
    /// The same, for those who only look.
    position: Arc<AtomicU64>,
}

/// How far counting is.
struct Place {
    /// Up to where everything is counted.
    counted: Lsn,
    /// Where the oldest record stands that a recovery needs.
    needed: Lsn,
    /// Stands there; none: a new one has to be made.
    reader: Option<Box<Reader>>,
}

/// Why usage could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum UsageFeedError {
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The journal does not take what is to be counted.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task that read ended early.
    #[error("reading the journal was cut short")]
    CutShort,
}

impl UsageFeed {
    /// Counts on from where the store is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn new(store: Store, journal: Journal) -> Result<Self, StoreError> {
        let counted = store.operator().usage().cursor().await?.counted;
        Ok(UsageFeed {
            store,
            journal,
            place: Mutex::new(Place { counted: Lsn(counted), needed: Lsn(0), reader: None }),
            position: Arc::new(counted.into()),
        })
    }

    /// Up to where usage is counted, as it moves.
    pub fn position(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.position)
    }

    /// Counts everything that was settled before the call.
    ///
    /// # Errors
    /// When the journal cannot be read or the store not be written; what is not counted yet is counted later.
    pub async fn catch_up(&self) -> Result<(), UsageFeedError> {
        // In this order: what began before `unsettled` has its settlement before `end`, on the disk. What begins from
        // now on lies behind `unsettled`, though counting may go on beyond it.
        let unsettled = self.journal.unsettled_from();
        let end = self.journal.sync().await?;
        let mut place = self.place.lock().await;
        while place.counted < end {
            // Taken: after an error the next attempt begins afresh at the store's place.
            let reader = match place.reader.take() {
                Some(reader) => reader,
                None => {
                    place.counted = Lsn(self.store.operator().usage().cursor().await?.counted);
                    Box::new(self.journal.reader(place.counted).synced_only())
                }
            };
            let (reader, sums, next) = portion(reader, place.counted).await?;
            if next == place.counted {
                place.reader = Some(reader);
                break;
            }
            let needed = unsettled.min(next).max(place.needed);
            self.store.operator().usage().apply(sums.until(next.0, needed.0)).await?;
            self.journal.forget(needed);
            *place = Place { counted: next, needed, reader: Some(reader) };
            self.position.store(next.0, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Sums a portion of the journal that begins at `from`; also where it ends. Only what is on the disk counts: the store
/// must never know more than a power cut leaves of the journal.
async fn portion(mut reader: Box<Reader>, from: Lsn) -> Result<(Box<Reader>, RollUp, Lsn), UsageFeedError> {
    let read = tokio::task::spawn_blocking(move || {
        let mut sums = RollUp::new(from.0);
        let mut end = from;
        // In pieces: records take several times their bytes in memory.
        while end.0 - from.0 < PORTION {
            let records = reader.next_batch(PIECE)?;
            if records.is_empty() {
                break;
            }
            for (_, after, record) in records {
                end = after;
                if let Record::Settlement(settlement) = record {
                    match settled(&settlement) {
                        Some(settled) => sums.add(settled),
                        None => {
                            tracing::error!(
                                code = "E702",
                                position = after.0,
                                "a settlement cannot be counted"
                            )
                        }
                    }
                }
            }
        }
        Ok::<_, ReadError>((reader, sums, end))
    });
    Ok(read.await.map_err(|_| UsageFeedError::CutShort)??)
}

impl From<UsageFeedError> for Refusal {
    fn from(error: UsageFeedError) -> Self {
        Refusal::new(Kind::StateUnavailable, "Usage cannot be told now.").because(error)
    }
}

/// Keeps usage up to date until the gateway stops.
pub fn start(gateway: &Arc<Gateway>) {
    let gateway = Arc::clone(gateway);
    let tracker = gateway.tracker.clone();
    tracker.spawn(async move {
        let stop = gateway.drain.token(crate::edge::drain::Phase::Ending).clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PACE) => {}
            }
            if let Err(error) = gateway.usage_feed.catch_up().await {
                tracing::error!(%error, code = "E702", "usage is not up to date");
            }
        }
    });
}

/// What usage wants to know of a settlement; none when it does not say whose it is.
fn settled(settlement: &Settlement) -> Option<flyball_store::Settled> {
    let subject = settlement.subject.as_ref()?;
    let usage = settlement.usage.unwrap_or_default();
    Some(flyball_store::Settled {
        tenant: subject.tenant.parse::<TenantId>().ok()?,
        key: KeyId(uuid::Uuid::from_slice(&subject.key).ok()?),
        end_user: subject.end_user,
        model: subject.route.clone(),
        provider: subject.provider.clone(),
        operation: subject.operation.clone(),
        tags: subject.tags.clone(),
        counting: usage.counting().into(),
        at: Timestamp(i64::try_from(subject.began).unwrap_or(i64::MAX)),
        input_tokens: usage.input,
        cached_input_tokens: usage.cached_input,
        output_tokens: usage.output,
        cost: settlement.cost.map(Money),
        outcome: settlement.outcome().into(),
    })
}
