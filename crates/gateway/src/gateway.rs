//! The installation: what all exchanges of one process share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use flyball_core::Clock;
use flyball_demo::Demo;
use flyball_journal::Journal;
use flyball_store::{Store, StoreError};
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::edge::drain::Drain;
use crate::edge::egress::Egress;
use crate::keyring::KeyRing;
use crate::metrics::Metrics;
use crate::pseudonyms::{Pseudonyms, Salts};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::usage_feed::UsageFeed;

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
    /// What leaves us and what became of it.
    pub journal: Journal,
    /// The way from the journal to usage.
    pub usage_feed: UsageFeed,
    /// Names for end users and sessions.
    pub pseudonyms: Pseudonyms,
    /// Salts of hashes.
    pub salts: Salts,
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
    /// What leaves us and what became of it.
    pub journal: Journal,
    /// The way from the journal to usage.
    pub usage_feed: UsageFeed,
    /// Names for end users and sessions.
    pub pseudonyms: Pseudonyms,
    /// Salts of hashes.
    pub salts: Salts,
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
        let mut metrics = Metrics::default();
        metrics.watch(parts.journal.clone(), parts.usage_feed.position());
        let gateway = Arc::new(Gateway {
            clock: parts.clock,
            keys: KeyRing::default(),
            egress: parts.egress,
            metrics,
            store: parts.store,
            journal: parts.journal,
            usage_feed: parts.usage_feed,
            pseudonyms: parts.pseudonyms,
            salts: parts.salts,
            drain: parts.drain,
            tracker: parts.tracker,
            demo,
            snapshot: ArcSwap::from_pointee(snapshot),
        });
        gateway.reload_keys().await?;
        note_policy(&gateway.store, &gateway.snapshot()).await?;
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

    /// Builds the snapshot that would follow the present one and notes its policy in the store. Nothing changes
    /// until it is installed.
    ///
    /// # Errors
    /// When it cannot be built, or the store cannot be written.
    pub async fn prepare(&self, config: Config) -> Result<Snapshot, StartError> {
        let snapshot = Snapshot::build(self.snapshot.load().number + 1, config, &self.demo)?;
        note_policy(&self.store, &snapshot).await?;
        Ok(snapshot)
    }

    /// Puts a snapshot in force for every exchange that begins from now on.
    pub fn install(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }
}

/// Notes in the store which policy comes into force.
async fn note_policy(store: &Store, snapshot: &Snapshot) -> Result<(), StoreError> {
    let document = snapshot.policy.document().to_string();
    store.operator().policies().record(snapshot.policy.hash(), &document).await
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
