//! What can go wrong with stored state, and the one place where a database error gets its meaning. How an error
//! is shown to a caller is the gateway's business.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqliteError;

/// Why the store did not do what was asked. Cheap to clone: one failed transaction answers many writes. The text
/// is complete in itself, causes included, so none is given as `source`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the data folder open.
    #[error(
        "another process owns the data folder {}: stop it, or act through its control socket {}",
        folder.display(), folder.join("control.sock").display()
    )]
    Locked {
        /// The data folder.
        folder: PathBuf,
    },

    /// The database file is damaged, is no database, or holds a value that cannot be read.
    #[error(
        "the database {path} is damaged ({detail}): move {path}, {path}-wal and {path}-shm away and put a \
         backup in their place; with none there, the next start begins with an empty database",
        path = path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What the database engine found; no stored content.
        detail: String,
    },

    /// A newer version of Flyball has changed the database.
    #[error(
        "the database {} has schema version {found}, this binary knows versions up to {known}: \
         start the newer version, or restore a backup made before the upgrade",
        path.display()
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// A version in the database that this binary does not know.
        found: i64,
        /// The newest version that it knows.
        known: i64,
    },

    /// A file or folder cannot be created or written: permissions, a full disk, a failing device.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system or the database engine said.
        reason: Arc<dyn Error + Send + Sync>,
    },

    /// There is no such thing within the scope; another tenant's looks exactly like none.
    #[error("no such {what}")]
    NotFound {
        /// `tenant`, `key` or `policy version`.
        what: &'static str,
    },

    /// The name or fingerprint is taken.
    #[error("this {what} already exists")]
    AlreadyExists {
        /// `tenant` or `key`.
        what: &'static str,
    },

    /// A report would be longer than is ever answered.
    #[error("the report would have more than {limit} rows: ask for fewer days or group by less")]
    TooLarge {
        /// The most rows that a report may have.
        limit: u32,
    },

    /// The journal is counted up to another place than a batch begins at: somebody has counted the batch already,
    /// or records before it are missing. Nothing of it was counted.
    #[error("usage is counted up to record {found} of the journal, and the batch begins at {expected}")]
    CursorMoved {
        /// Where the batch begins.
        expected: u64,
        /// Up to where the database has counted.
        found: u64,
    },

    /// The store is closed, or its writer is not running any more.
    #[error("the store is closed")]
    Closed,

    /// Any other failure of the database.
    #[error("the database failed: {0}")]
    Database(Arc<dyn Error + Send + Sync>),
}

/// A failure inside the crate, before it is known which file it is about. Only [`Fault::at`] makes a
/// [`StoreError`] of a database error, so that none leaves the crate unclassified.
pub(crate) enum Fault {
    /// The database said so.
    Sql(sqlx::Error),
    /// We said so.
    Refused(StoreError),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Refused(error)
    }
}

impl Fault {
    /// The public error for a failure of the database at `path`.
    pub(crate) fn at(self, path: &Path) -> StoreError {
        match self {
            Fault::Refused(error) => error,
            Fault::Sql(error) => classify(error, path),
        }
    }
}

fn classify(error: sqlx::Error, path: &Path) -> StoreError {
    let path = path.to_owned();
    match &error {
        sqlx::Error::PoolClosed => StoreError::Closed,
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            StoreError::Corrupt { path, detail: error.to_string() }
        }
        _ => match primary_code(&error) {
            // https://www.sqlite.org/rescode.html: CORRUPT, NOTADB
            Some(11 | 26) => StoreError::Corrupt { path, detail: error.to_string() },
            // PERM, READONLY, IOERR, FULL, CANTOPEN
            Some(3 | 8 | 10 | 13 | 14) => StoreError::Unwritable { path, reason: Arc::new(error) },
            _ => StoreError::Database(Arc::new(error)),
        },
    }
}

/// SQLite's primary result code: the low byte of the extended one.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let sqlite = error.as_database_error()?.try_downcast_ref::<SqliteError>()?;
    let extended: i32 = sqlx::error::DatabaseError::code(sqlite)?.parse().ok()?;
    Some(extended & 0xff)
}
