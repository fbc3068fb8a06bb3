//! The policies that were ever in force, by hash, so that a decision can be explained long after its policy is
//! gone. Policies are read and judged by `policy`; here they are documents with a name.

use flyball_core::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use crate::error::{Fault, StoreError};
use crate::scope::OperatorScope;
use crate::writer::Write;

/// A policy that was loaded at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Hash of its canonical form, as decisions name it.
    pub hash: String,
    /// When it was first loaded here.
    pub loaded_at: Timestamp,
}

/// All policy versions.
#[derive(Clone, Copy, Debug)]
pub struct PolicyVersions<'s>(pub(crate) &'s OperatorScope);

impl PolicyVersions<'_> {
    /// Notes that a policy was loaded; `document` is the canonical JSON text that `hash` names, kept to the byte.
    /// What is known already stays as it was first noted.
    ///
    /// # Errors
    /// [`StoreError::Database`] when `document` is not JSON.
    pub async fn record(self, hash: &str, document: &str) -> Result<(), StoreError> {
        let store = &self.0.store;
        let loaded_at = store.clock().now();
        store.write(Record { hash: hash.to_owned(), loaded_at, document: document.to_owned() }).await
    }

    /// Every version without its document, in the order of loading.
    ///
    /// # Errors
    /// What a read can meet.
    pub async fn list(self) -> Result<Vec<PolicyVersion>, StoreError> {
        let store = &self.0.store;
        store
            .read(async {
                let query =
                    sqlx::query_as("SELECT hash, loaded_at FROM policy_versions ORDER BY loaded_at, hash");
                Ok(query.fetch_all(store.readers()).await?)
            })
            .await
    }

    /// The document that `hash` names.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no such policy was loaded.
    pub async fn document(self, hash: &str) -> Result<String, StoreError> {
        let store = &self.0.store;
        store
            .read(async {
                let document: Option<String> =
                    sqlx::query_scalar("SELECT document FROM policy_versions WHERE hash = $1")
                        .bind(hash)
                        .fetch_optional(store.readers())
                        .await?;
                document.ok_or_else(|| StoreError::NotFound { what: "policy version" }.into())
            })
            .await
    }
}

struct Record {
    hash: String,
    loaded_at: Timestamp,
    document: String,
}

impl Write for Record {
    type Answer = ();

    async fn apply(self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        sqlx::query(
            "INSERT INTO policy_versions (hash, loaded_at, document) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(self.hash)
        .bind(self.loaded_at.0)
        .bind(self.document)
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl FromRow<'_, SqliteRow> for PolicyVersion {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(PolicyVersion { hash: row.try_get("hash")?, loaded_at: Timestamp(row.try_get("loaded_at")?) })
    }
}
