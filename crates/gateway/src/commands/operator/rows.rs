//! Tenants and keys as commands show them and as the control API sends them.

use flyball_core::{LawfulBasis, TenantId};
use flyball_store::{ApiKey, Tenant};
use serde::{Deserialize, Serialize};

/// A tenant.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::commands) struct TenantRow {
    /// Its name.
    pub(in crate::commands) id: String,
    /// Microseconds since 1970.
    pub(in crate::commands) created_at: i64,
}

impl From<Tenant> for TenantRow {
    fn from(tenant: Tenant) -> Self {
        TenantRow { id: tenant.id.to_string(), created_at: tenant.created_at.0 }
    }
}

/// A key, without its text. Times are microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::commands) struct KeyRow {
    pub(in crate::commands) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) tenant: Option<String>,
    pub(in crate::commands) role: String,
    pub(in crate::commands) name: String,
    pub(in crate::commands) models: Vec<String>,
    pub(in crate::commands) lawful_basis: Option<String>,
    pub(in crate::commands) created_at: i64,
    pub(in crate::commands) expires_at: Option<i64>,
    pub(in crate::commands) revoked_at: Option<i64>,
}

impl From<ApiKey> for KeyRow {
    fn from(key: ApiKey) -> Self {
        KeyRow {
            id: key.id.to_string(),
            tenant: key.tenant.map(|tenant| tenant.to_string()),
            role: key.role.name().to_owned(),
            name: key.name,
            models: key.models.to_vec(),
            lawful_basis: key.lawful_basis.map(|basis| basis.name().to_owned()),
            created_at: key.created_at.0,
            expires_at: key.expires_at.map(|time| time.0),
            revoked_at: key.revoked_at.map(|time| time.0),
        }
    }
}

/// A key that was just made. No `Debug`: it holds the key's text.
#[derive(Serialize, Deserialize)]
pub(in crate::commands) struct CreatedKey {
    /// The key's text, for this once.
    pub(in crate::commands) key: String,
    #[serde(flatten)]
    pub(in crate::commands) details: KeyRow,
}

/// A key to make.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct WantedKey {
    #[serde(serialize_with = "as_text")]
    pub(in crate::commands) tenant: TenantId,
    pub(in crate::commands) name: String,
    pub(in crate::commands) models: Vec<String>,
    /// Seconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) lawful_basis: Option<LawfulBasis>,
}

fn as_text<S: serde::Serializer>(tenant: &TenantId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(tenant.as_str())
}
