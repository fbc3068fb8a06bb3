//! The way from a file to a sound, current database: connection settings, the check for damage, migrations.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqliteConnection};

use crate::error::{Fault, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a statement waits for a lock that a foreign tool (a backup, the `sqlite3` shell) holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Reads at a time. They are administrative; the governed path reads memory.
const READERS: u32 = 4;

/// Opens the one writing connection and makes sure of the database: sound and migrated.
pub(crate) async fn open_writer(path: &Path) -> Result<SqliteConnection, Fault> {
    let mut connection = connect_writer(path).await?;
    check(&mut connection, path).await?;
    migrate(&mut connection, path).await?;
    Ok(connection)
}

/// Opens a writing connection on a database that has been made sure of.
pub(crate) async fn connect_writer(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL syncs the log at each commit. NORMAL would be safe against damage but could forget the last
        // commits when the power fails, and a key whose revocation is forgotten works again. The price is one
        // sync per batch, and no exchange waits for it.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .connect()
        .await
}

/// A pool of connections that cannot write, opened as they are needed.
pub(crate) fn open_readers(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
    SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options)
}

/// Looks at every page (`quick_check` leaves out only the comparison of indexes with their tables), so that
/// damage stops the start and is not found months later, when no sound backup is left.
async fn check(connection: &mut SqliteConnection, path: &Path) -> Result<(), Fault> {
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Corrupt { path: path.to_owned(), detail: verdict }.into())
}

/// Brings the schema up to date. A database with a version that is not ours is refused before anything is
/// changed in it.
async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), Fault> {
    MIGRATIONS.run(connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => {
            let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
            Fault::Refused(StoreError::NewerSchema { path: path.to_owned(), found, known })
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Fault::Sql(error),
        other => Fault::Refused(StoreError::Database(Arc::new(other))),
    })
}
