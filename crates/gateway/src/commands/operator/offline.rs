//! The state without a gateway: this process claims the data folder for as long as the command takes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flyball_core::{Clock, KeyId, SystemClock, TenantId};
use flyball_store::{Fingerprint, NewKey, Store, StoreError};
use tokio_util::task::TaskTracker;

use super::{CreatedKey, KeyRow, TenantRow, WantedKey};
use crate::commands::output::{Ending, Failure};
use crate::keyring;

/// A store that belongs to this command.
pub(in crate::commands) struct OpenStore {
    store: Store,
    clock: Arc<SystemClock>,
    tracker: TaskTracker,
}

impl OpenStore {
    pub(super) async fn open(data: &Path) -> Result<Self, StoreError> {
        let clock = Arc::new(SystemClock);
        let (store, writer) = Store::open(data, clock.clone()).await?;
        let tracker = TaskTracker::new();
        tracker.spawn(writer.run());
        Ok(OpenStore { store, clock, tracker })
    }

    pub(super) async fn tenants(&self) -> Result<Vec<TenantRow>, Failure> {
        let tenants = self.store.operator().tenants().list().await.map_err(|error| failure(&error))?;
        Ok(tenants.into_iter().map(TenantRow::from).collect())
    }

    pub(super) async fn create_tenant(&self, id: &TenantId) -> Result<TenantRow, Failure> {
        let created = self.store.operator().tenants().create(id).await;
        created.map(TenantRow::from).map_err(|error| failure(&error).saying(&format!("tenant '{id}'")))
    }

    pub(super) async fn keys(&self, tenant: Option<&TenantId>) -> Result<Vec<KeyRow>, Failure> {
        let keys = match tenant {
            Some(tenant) => self.store.tenant(tenant).keys().list().await,
            None => self.store.operator().keys().list().await,
        };
        Ok(keys.map_err(|error| failure(&error))?.into_iter().map(KeyRow::from).collect())
    }

    pub(super) async fn create_key(&self, wanted: &WantedKey) -> Result<CreatedKey, Failure> {
        let key = keyring::generate()
            .map_err(|error| Failure::failed(format!("the operating system gives no randomness: {error}")))?;
        let new = NewKey {
            name: wanted.name.clone(),
            fingerprint: Fingerprint(keyring::fingerprint(&key)),
            models: wanted.models.clone(),
            lawful_basis: wanted.lawful_basis,
            expires_at: wanted.expires_in.map(|seconds| self.clock.now().after(Duration::from_secs(seconds))),
        };
        let created = self.store.tenant(&wanted.tenant).keys().create(new).await;
        let created = created
            .map_err(|error| failure(&error).saying(&format!("a key of tenant '{}'", wanted.tenant)))?;
        Ok(CreatedKey { key, details: created.into() })
    }

    pub(super) async fn revoke_key(&self, id: KeyId) -> Result<KeyRow, Failure> {
        let revoked = self.store.operator().keys().revoke(id).await;
        revoked.map(KeyRow::from).map_err(|error| failure(&error).saying(&format!("key {id}")))
    }

    pub(super) async fn close(self) -> Result<(), Failure> {
        self.store.close().await.map_err(|error| failure(&error))?;
        self.tracker.close();
        self.tracker.wait().await;
        Ok(())
    }
}

/// The same ending as the control API's answer would have.
fn failure(error: &StoreError) -> Failure {
    let ending = match error {
        StoreError::NotFound { .. } | StoreError::AlreadyExists { .. } => Ending::Refused,
        _ => Ending::Failed,
    };
    Failure::new(ending, error.to_string())
}
