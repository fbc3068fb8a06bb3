//! The tenants. Only an operator sees more than one.

use flyball_core::{TenantId, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use crate::decode::decoded;
use crate::error::{Fault, StoreError};
use crate::scope::OperatorScope;
use crate::writer::Write;

/// A tenant as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name, which is its id.
    pub id: TenantId,
    /// When it was created.
    pub created_at: Timestamp,
}

/// All tenants.
#[derive(Clone, Copy, Debug)]
pub struct Tenants<'s>(pub(crate) &'s OperatorScope);

impl Tenants<'_> {
    /// Creates a tenant.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the name is taken.
    pub async fn create(self, id: &TenantId) -> Result<Tenant, StoreError> {
        let store = &self.0.store;
        store.write(Create(Tenant { id: id.clone(), created_at: store.clock().now() })).await
    }

    /// Every tenant, by name.
    ///
    /// # Errors
    /// What a read can meet.
    pub async fn list(self) -> Result<Vec<Tenant>, StoreError> {
        let store = &self.0.store;
        store
            .read(async {
                let query = sqlx::query_as("SELECT tenant, created_at FROM tenants ORDER BY tenant");
                Ok(query.fetch_all(store.readers()).await?)
            })
            .await
    }
}

struct Create(Tenant);

impl Write for Create {
    type Answer = Tenant;

    async fn apply(self, connection: &mut SqliteConnection) -> Result<Tenant, Fault> {
        let Create(tenant) = self;
        let inserted =
            sqlx::query("INSERT INTO tenants (tenant, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(tenant.id.as_str())
                .bind(tenant.created_at.0)
                .execute(connection)
                .await?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::AlreadyExists { what: "tenant" }.into());
        }
        Ok(tenant)
    }
}

impl FromRow<'_, SqliteRow> for Tenant {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Tenant {
            id: decoded("tenant", row.try_get("tenant")?)?,
            created_at: Timestamp(row.try_get("created_at")?),
        })
    }
}
