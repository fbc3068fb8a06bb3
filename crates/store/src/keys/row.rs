//! The SQL of the table `api_keys`.

use std::sync::Arc;

use flyball_core::{KeyId, TenantId, Timestamp};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::types::Json;
use sqlx::{FromRow, Row, SqliteConnection};
use uuid::Uuid;

use super::{ApiKey, Fingerprint};
use crate::decode::decoded;
use crate::error::{Fault, StoreError};
use crate::writer::Write;

// Ids are UUID version 7, so ordering by id is ordering by creation.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant, role, name, fingerprint, models, lawful_basis,
                    created_at, expires_at, revoked_at
             FROM api_keys ",
            $rest,
            " ORDER BY id"
        )
    };
}

macro_rules! revoke {
    ($where:literal) => {
        concat!(
            "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $1) WHERE ",
            $where,
            " RETURNING id, tenant, role, name, fingerprint, models, lawful_basis,
                        created_at, expires_at, revoked_at"
        )
    };
}

pub(super) async fn of_tenant(readers: &SqlitePool, tenant: &TenantId) -> Result<Vec<ApiKey>, Fault> {
    Ok(sqlx::query_as(select!("WHERE tenant = $1")).bind(tenant.as_str()).fetch_all(readers).await?)
}

pub(super) async fn all(readers: &SqlitePool) -> Result<Vec<ApiKey>, Fault> {
    Ok(sqlx::query_as(select!("")).fetch_all(readers).await?)
}

pub(super) async fn unrevoked(readers: &SqlitePool) -> Result<Vec<ApiKey>, Fault> {
    Ok(sqlx::query_as(select!("WHERE revoked_at IS NULL")).fetch_all(readers).await?)
}

pub(super) struct Create(pub(super) ApiKey);

impl Write for Create {
    type Answer = ApiKey;

    async fn apply(self, connection: &mut SqliteConnection) -> Result<ApiKey, Fault> {
        let Create(key) = self;
        if let Some(tenant) = &key.tenant {
            let known: Option<i64> = sqlx::query_scalar("SELECT created_at FROM tenants WHERE tenant = $1")
                .bind(tenant.as_str())
                .fetch_optional(&mut *connection)
                .await?;
            if known.is_none() {
                return Err(StoreError::NotFound { what: "tenant" }.into());
            }
        }
        let inserted = sqlx::query(
            "INSERT INTO api_keys (id, tenant, role, name, fingerprint, models, lawful_basis,
                                   created_at, expires_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (fingerprint) DO NOTHING",
        )
        .bind(key.id.0)
        .bind(key.tenant.as_ref().map(TenantId::as_str))
        .bind(key.role.name())
        .bind(&key.name)
        .bind(&key.fingerprint.0[..])
        .bind(Json(&key.models[..]))
        .bind(key.lawful_basis.map(|basis| basis.name()))
        .bind(key.created_at.0)
        .bind(key.expires_at.map(|time| time.0))
        .bind(key.revoked_at.map(|time| time.0))
        .execute(connection)
        .await?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::AlreadyExists { what: "key" }.into());
        }
        Ok(key)
    }
}

pub(super) struct RevokeOfTenant {
    pub(super) tenant: TenantId,
    pub(super) key: KeyId,
    pub(super) at: Timestamp,
}

impl Write for RevokeOfTenant {
    type Answer = ApiKey;

    async fn apply(self, connection: &mut SqliteConnection) -> Result<ApiKey, Fault> {
        let revoked = sqlx::query_as(revoke!("tenant = $2 AND id = $3"))
            .bind(self.at.0)
            .bind(self.tenant.as_str())
            .bind(self.key.0)
            .fetch_optional(connection)
            .await?;
        found(revoked)
    }
}

pub(super) struct RevokeAny {
    pub(super) key: KeyId,
    pub(super) at: Timestamp,
}

impl Write for RevokeAny {
    type Answer = ApiKey;

    async fn apply(self, connection: &mut SqliteConnection) -> Result<ApiKey, Fault> {
        let revoked = sqlx::query_as(revoke!("id = $2"))
            .bind(self.at.0)
            .bind(self.key.0)
            .fetch_optional(connection)
            .await?;
        found(revoked)
    }
}

fn found(key: Option<ApiKey>) -> Result<ApiKey, Fault> {
    key.ok_or_else(|| StoreError::NotFound { what: "key" }.into())
}

impl FromRow<'_, SqliteRow> for ApiKey {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let tenant: Option<&str> = row.try_get("tenant")?;
        let lawful_basis: Option<&str> = row.try_get("lawful_basis")?;
        let Json(models): Json<Vec<String>> = row.try_get("models")?;
        let fingerprint: &[u8] = row.try_get("fingerprint")?;
        let fingerprint = fingerprint.try_into().map_err(|_| sqlx::Error::ColumnDecode {
            index: "fingerprint".to_owned(),
            source: "a SHA-256 has 32 bytes".into(),
        })?;
        let time = |column: &str| row.try_get::<Option<i64>, _>(column).map(|time| time.map(Timestamp));
        Ok(ApiKey {
            id: KeyId(row.try_get::<Uuid, _>("id")?),
            tenant: tenant.map(|name| decoded("tenant", name)).transpose()?,
            role: decoded("role", row.try_get("role")?)?,
            name: row.try_get("name")?,
            fingerprint: Fingerprint(fingerprint),
            models: Arc::from(models),
            lawful_basis: lawful_basis.map(|name| decoded("lawful_basis", name)).transpose()?,
            created_at: Timestamp(row.try_get("created_at")?),
            expires_at: time("expires_at")?,
            revoked_at: time("revoked_at")?,
        })
    }
}
