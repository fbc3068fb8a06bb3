//! Settlements on their way to the database, which sums them. Settling does not wait for the disk: what is settled
//! is kept here until the next transaction. What a crash takes with it is not counted.

use std::sync::{Arc, Mutex, PoisonError};

use flyball_store::{RollUp, Settled, Store, StoreError};
use tokio::runtime::Handle;

use crate::gateway::Gateway;

/// What is settled and not counted yet.
#[derive(Debug, Default)]
pub struct Intake {
    waiting: Mutex<Vec<Settled>>,
    /// Held while a batch is on its way, so that batches follow each other.
    counting: tokio::sync::Mutex<()>,
}

impl Intake {
    /// Takes a settlement, and sees to it that it is counted.
    pub fn add(gateway: &Arc<Gateway>, settled: Settled) {
        let mut waiting = gateway.settled.waiting();
        waiting.push(settled);
        if waiting.len() == 1
            && let Ok(runtime) = Handle::try_current()
        {
            let gateway = Arc::clone(gateway);
            gateway.tracker.clone().spawn_on(
                async move {
                    if let Err(error) = gateway.settled.catch_up(&gateway.store).await {
                        tracing::error!(%error, code = "E702", "usage could not be counted");
                    }
                },
                &runtime,
            );
        }
    }

    /// Counts what has been taken so far.
    ///
    /// # Errors
    /// When the store cannot be written; the settlements stay to be counted.
    pub async fn catch_up(&self, store: &Store) -> Result<(), StoreError> {
        let _turn = self.counting.lock().await;
        let batch = std::mem::take(&mut *self.waiting());
        if batch.is_empty() {
            return Ok(());
        }
        let counted = count(store, &batch).await;
        if counted.is_err() {
            self.waiting().extend(batch);
        }
        counted
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Settled>> {
        // Nothing panics while it holds the lock half way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn count(store: &Store, batch: &[Settled]) -> Result<(), StoreError> {
    let operator = store.operator();
    let from = operator.usage().cursor().await?.counted;
    let mut roll_up = RollUp::new(from);
    for settled in batch {
        roll_up.add(settled.clone());
    }
    let to = from.saturating_add(u64::try_from(batch.len()).unwrap_or(u64::MAX));
    operator.usage().apply(roll_up.until(to, to)).await
}
