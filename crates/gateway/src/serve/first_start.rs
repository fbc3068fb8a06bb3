//! The first start on a new data folder: a tenant `demo` with a key, and a key for the operator. Both are returned
//! once and can never be read again.

use flyball_core::TenantId;
use flyball_store::{Fingerprint, NewKey, Store, StoreError};

use super::ServeError;
use crate::keyring;

/// The tenant of the tour.
pub const DEMO_TENANT: &str = "demo";

/// What was made.
pub struct FirstKeys {
    /// A key of the tenant `demo`, for every model.
    pub demo: String,
    /// The operator's key.
    pub operator: String,
}

/// Makes tenant and keys if the folder is new; nothing otherwise.
///
/// # Errors
/// When state cannot be written, or there is no randomness.
pub async fn prepare(store: &Store) -> Result<Option<FirstKeys>, ServeError> {
    let operator = store.operator();
    if !operator.keys().list().await?.is_empty() || !operator.tenants().list().await?.is_empty() {
        return Ok(None);
    }
    let Ok(tenant) = DEMO_TENANT.parse::<TenantId>() else { return Ok(None) };
    let keys = FirstKeys { demo: keyring::generate()?, operator: keyring::generate()? };
    // The operator's key comes last: a start that was cut short before it finds a tenant and makes no keys twice.
    match operator.tenants().create(&tenant).await {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let new = NewKey {
        name: "first start".to_owned(),
        fingerprint: Fingerprint(keyring::fingerprint(&keys.demo)),
        models: vec!["*".to_owned()],
        lawful_basis: None,
        expires_at: None,
    };
    store.tenant(&tenant).keys().create(new).await?;
    let fingerprint = Fingerprint(keyring::fingerprint(&keys.operator));
    operator.keys().create_operator("first start".to_owned(), fingerprint, None).await?;
    Ok(Some(keys))
}
