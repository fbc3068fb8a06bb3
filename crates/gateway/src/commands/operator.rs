//! The operator's hand on the state of one data folder: through the control socket while a gateway serves it,
//! otherwise on the store itself. A command does not know which it was.

mod offline;
mod rows;
mod socket;

use std::path::Path;
use std::time::Duration;

use flyball_core::{KeyId, TenantId};
use flyball_store::StoreError;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use offline::OpenStore;
pub(super) use rows::{CreatedKey, KeyRow, TenantRow, WantedKey};
use socket::ControlSocket;

use super::ConfigArgs;
use super::locations::Locations;
use super::output::Failure;
use crate::config;

/// How long to wait for a gateway that holds the folder and does not answer: it is starting or stopping.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to do about a data folder that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// Make it.
    Make,
    /// Say so: a slip in the folder's name should not make another one.
    Refuse,
}

/// The way to the state.
pub(super) enum Operator {
    /// A gateway serves it.
    Serving(ControlSocket),
    /// Nobody does: this process has claimed the folder.
    Offline(OpenStore),
}

/// Does `work` on the state that `arguments` name.
pub(super) fn act<T>(
    arguments: &ConfigArgs,
    absent: Absent,
    work: impl AsyncFnOnce(&Operator) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let data = Locations::find(&arguments.sources(), config::environment())?.data;
    runtime()?.block_on(async {
        let operator = Operator::open(&data, absent).await?;
        let done = work(&operator).await;
        let closed = operator.close().await;
        closed.and(Ok(done?))
    })
}

/// What the gateway that serves `data` says of itself; none when none does. Claims nothing.
pub(super) fn serving(data: &Path) -> Result<Option<Value>, Failure> {
    runtime()?.block_on(async {
        match ControlSocket::find(data).await {
            Some(socket) => Operator::Serving(socket).health().await,
            None => Ok(None),
        }
    })
}

/// A runtime for a command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))
}

impl Operator {
    /// Finds the way to the state in `data`.
    pub(super) async fn open(data: &Path, absent: Absent) -> Result<Operator, Failure> {
        if absent == Absent::Refuse && !data.exists() {
            return Err(Failure::wrong(format!(
                "there is no data folder {}; --data names another",
                data.display()
            )));
        }
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(socket) = ControlSocket::find(data).await {
                return Ok(Operator::Serving(socket));
            }
            match OpenStore::open(data).await {
                Ok(store) => return Ok(Operator::Offline(store)),
                Err(StoreError::Locked { .. }) if Instant::now() < give_up => {
                    sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(Failure::failed(error.to_string())),
            }
        }
    }

    /// Every tenant.
    pub(super) async fn tenants(&self) -> Result<Vec<TenantRow>, Failure> {
        match self {
            Operator::Serving(socket) => socket.get("/v1/tenants").await,
            Operator::Offline(store) => store.tenants().await,
        }
    }

    /// Creates a tenant.
    pub(super) async fn create_tenant(&self, id: &TenantId) -> Result<TenantRow, Failure> {
        match self {
            Operator::Serving(socket) => {
                let created = socket.post("/v1/tenants", &json!({ "id": id.as_str() })).await;
                created.map_err(|failure| failure.saying(&format!("tenant '{id}'")))
            }
            Operator::Offline(store) => store.create_tenant(id).await,
        }
    }

    /// Keys of a tenant, or all.
    pub(super) async fn keys(&self, tenant: Option<&TenantId>) -> Result<Vec<KeyRow>, Failure> {
        match (self, tenant) {
            (Operator::Serving(socket), Some(tenant)) => {
                socket.get(&format!("/v1/keys?tenant={tenant}")).await
            }
            (Operator::Serving(socket), None) => socket.get("/v1/keys").await,
            (Operator::Offline(store), tenant) => store.keys(tenant).await,
        }
    }

    /// Creates a key.
    pub(super) async fn create_key(&self, wanted: &WantedKey) -> Result<CreatedKey, Failure> {
        match self {
            Operator::Serving(socket) => {
                let body =
                    serde_json::to_value(wanted).map_err(|error| Failure::failed(error.to_string()))?;
                let created = socket.post("/v1/keys", &body).await;
                created.map_err(|failure| failure.saying(&format!("a key of tenant '{}'", wanted.tenant)))
            }
            Operator::Offline(store) => store.create_key(wanted).await,
        }
    }

    /// Revokes a key.
    pub(super) async fn revoke_key(&self, id: KeyId) -> Result<KeyRow, Failure> {
        match self {
            Operator::Serving(socket) => {
                let revoked = socket.delete(&format!("/v1/keys/{id}")).await;
                revoked.map_err(|failure| failure.saying(&format!("key {id}")))
            }
            Operator::Offline(store) => store.revoke_key(id).await,
        }
    }

    /// What the gateway says of itself; none when none serves.
    pub(super) async fn health(&self) -> Result<Option<Value>, Failure> {
        match self {
            Operator::Serving(socket) => socket.get("/health/detailed").await.map(Some),
            Operator::Offline(_) => Ok(None),
        }
    }

    /// Gives up the folder.
    pub(super) async fn close(self) -> Result<(), Failure> {
        match self {
            Operator::Serving(_) => Ok(()),
            Operator::Offline(store) => store.close().await,
        }
    }
}
