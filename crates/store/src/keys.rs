//! API keys. The store knows a key by its id and by the SHA-256 of its secret; the secret itself never comes
//! here. Verifying a credential happens in memory, over what [`AllKeys::unrevoked`] loaded.

mod row;

use std::fmt;
use std::sync::Arc;

use flyball_core::{KeyId, LawfulBasis, Principal, Role, TenantId, Timestamp};

use crate::error::StoreError;
use crate::scope::{OperatorScope, TenantScope};

/// SHA-256 (FIPS 180-4) of a key's secret. Enough to recognise a key, useless to call with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Debug for Fingerprint {
    /// Hides the bytes: credentials, even hashed, have no business in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public id.
    pub id: KeyId,
    /// The tenant that it belongs to; none for an operator's key.
    pub tenant: Option<TenantId>,
    /// What it may do.
    pub role: Role,
    /// What people call it.
    pub name: String,
    /// How its secret is recognised.
    pub fingerprint: Fingerprint,
    /// Patterns of the public model names that it may use.
    pub models: Arc<[String]>,
    /// The lawful basis that the operator noted on it.
    pub lawful_basis: Option<LawfulBasis>,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when on it is dead; none: never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it may be used at `now`: neither revoked nor expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }

    /// Who calls with this key.
    pub fn principal(&self) -> Principal {
        Principal {
            tenant: self.tenant.clone(),
            key: self.id,
            role: self.role,
            models: self.models.clone(),
            expires: self.expires_at,
            lawful_basis: self.lawful_basis,
        }
    }
}

/// A caller's key to be created.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people call it; need not be unique.
    pub name: String,
    /// SHA-256 of the secret that was made for it.
    pub fingerprint: Fingerprint,
    /// Patterns of the public model names that it may use. Empty: none.
    pub models: Vec<String>,
    /// The lawful basis to note on it.
    pub lawful_basis: Option<LawfulBasis>,
    /// From when on it is dead.
    pub expires_at: Option<Timestamp>,
}

/// One tenant's keys.
#[derive(Clone, Copy, Debug)]
pub struct TenantKeys<'s>(pub(crate) &'s TenantScope);

impl TenantKeys<'_> {
    /// Creates a caller's key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the tenant does not exist, [`StoreError::AlreadyExists`] when any key has
    /// this fingerprint.
    pub async fn create(self, new: NewKey) -> Result<ApiKey, StoreError> {
        let TenantScope { store, tenant } = self.0;
        let clock = store.clock();
        let key = ApiKey {
            id: KeyId::new(clock),
            tenant: Some(tenant.clone()),
            role: Role::Caller,
            name: new.name,
            fingerprint: new.fingerprint,
            models: new.models.into(),
            lawful_basis: new.lawful_basis,
            created_at: clock.now(),
            expires_at: new.expires_at,
            revoked_at: None,
        };
        store.write(row::Create(key)).await
    }

    /// Every key of the tenant, dead ones included, in the order of creation.
    ///
    /// # Errors
    /// What a read can meet.
    pub async fn list(self) -> Result<Vec<ApiKey>, StoreError> {
        let TenantScope { store, tenant } = self.0;
        store.read(row::of_tenant(store.readers(), tenant)).await
    }

    /// Revokes a key of the tenant. A key that was revoked before keeps the time of that.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the tenant has no such key; another's is no such key.
    pub async fn revoke(self, key: KeyId) -> Result<ApiKey, StoreError> {
        let TenantScope { store, tenant } = self.0;
        let at = store.clock().now();
        store.write(row::RevokeOfTenant { tenant: tenant.clone(), key, at }).await
    }
}

/// The keys of all tenants and of the operator.
#[derive(Clone, Copy, Debug)]
pub struct AllKeys<'s>(pub(crate) &'s OperatorScope);

impl AllKeys<'_> {
    /// Creates an operator's key. It calls no models, so it has no patterns and no lawful basis. Keys of callers
    /// are created in their tenant's scope.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when any key has this fingerprint.
    pub async fn create_operator(
        self,
        name: String,
        fingerprint: Fingerprint,
        expires_at: Option<Timestamp>,
    ) -> Result<ApiKey, StoreError> {
        let store = &self.0.store;
        let clock = store.clock();
        let key = ApiKey {
            id: KeyId::new(clock),
            tenant: None,
            role: Role::Operator,
            name,
            fingerprint,
            models: Arc::default(),
            lawful_basis: None,
            created_at: clock.now(),
            expires_at,
            revoked_at: None,
        };
        store.write(row::Create(key)).await
    }

    /// Every key, dead ones included, in the order of creation.
    ///
    /// # Errors
    /// What a read can meet.
    pub async fn list(self) -> Result<Vec<ApiKey>, StoreError> {
        let store = &self.0.store;
        store.read(row::all(store.readers())).await
    }

    /// Every key that is not revoked, to be held in memory. Holders check the expiry at each use, and can say that a
    /// key has expired where they would otherwise not know it.
    ///
    /// # Errors
    /// What a read can meet.
    pub async fn unrevoked(self) -> Result<Vec<ApiKey>, StoreError> {
        let store = &self.0.store;
        store.read(row::unrevoked(store.readers())).await
    }

    /// Revokes any key. A key that was revoked before keeps the time of that.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such key.
    pub async fn revoke(self, key: KeyId) -> Result<ApiKey, StoreError> {
        let store = &self.0.store;
        let at = store.clock().now();
        store.write(row::RevokeAny { key, at }).await
    }
}
