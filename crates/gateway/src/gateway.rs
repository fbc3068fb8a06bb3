//! The installation: what all exchanges of one process share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use flyball_core::Clock;
use flyball_demo::Demo;
use flyball_store::{Store, StoreError};
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::edge::drain::Drain;
use crate::edge::egress::Egress;
use crate::keyring::KeyRing;
use crate::metrics::Metrics;
use crate::snapshot::{Snapshot, SnapshotError};

/// What all exchanges share.
pub struct Gateway {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Live API keys.
    pub keys: KeyRing,
    /// The one way out.
    pub egress: Egress,
    /// Counters.
    pub metrics: Metrics,
    /// State.
    pub store: Store,
    /// The stop.
    pub drain: Drain,
    /// Every task, so that a stop can wait for them.
    pub tracker: TaskTracker,
    demo: Arc<Demo>,
    snapshot: ArcSwap<Snapshot>,
}

/// What a gateway is made of.
pub struct Parts {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The settings.
    pub config: Config,
    /// The one way out.
    pub egress: Egress,
    /// State.
    pub store: Store,
    /// The stop.
    pub drain: Drain,
    /// Every task.
    pub tracker: TaskTracker,
}

impl Gateway {
    /// Builds the first snapshot and loads the keys.
    ///
    /// # Errors
    /// When configuration or policy cannot be used, or the store cannot be read.
    pub async fn start(parts: Parts) -> Result<Arc<Gateway>, StartError> {
        let demo = Arc::new(Demo::new().with_clock(Arc::clone(&parts.clock)));
        let snapshot = Snapshot::build(1, parts.config, &demo)?;
        let gateway = Arc::new(Gateway {
            clock: parts.clock,
            keys: KeyRing::default(),
            egress: parts.egress,
            metrics: Metrics::default(),
            store: parts.store,
            drain: parts.drain,
            tracker: parts.tracker,
            demo,
            snapshot: ArcSwap::from_pointee(snapshot),
        });
        gateway.reload_keys().await?;
        gateway.note_policy().await?;
        Ok(gateway)
    }

    /// The state of now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Reads the keys from the store; a revocation acts from here on.
    ///
    /// # Errors
    /// When the store cannot be read; the keys stay as they were.
    pub async fn reload_keys(&self) -> Result<(), StoreError> {
        let keys = self.store.operator().keys().unrevoked().await?;
        self.keys.replace(keys.iter().map(|key| (key.fingerprint.0, key.principal())));
        Ok(())
    }

    /// Builds a snapshot of `config` and swaps it in.
    ///
    /// # Errors
    /// When it cannot be built; the old one stays in force.
    pub async fn replace(&self, config: Config) -> Result<u64, StartError> {
        let number = self.snapshot.load().number + 1;
        let snapshot = Snapshot::build(number, config, &self.demo)?;
        self.snapshot.store(Arc::new(snapshot));
        self.note_policy().await?;
        Ok(number)
    }

    /// Notes in the store which policy came into force.
    async fn note_policy(&self) -> Result<(), StoreError> {
        let snapshot = self.snapshot();
        let document = snapshot.policy.document().to_string();
        self.store.operator().policies().record(snapshot.policy.hash(), &document).await
    }
}

/// Why a gateway does not start, or a reload is refused.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Configuration or policy.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// State.
    #[error(transparent)]
    Store(#[from] StoreError),
}
