//! The data folder: created private, owned by one process at a time. What else lies in it (journal, control
//! socket) belongs to others; they may rely on this lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::StoreError;

const LOCK: &str = "flyball.lock";
const DATABASE: &str = "flyball.sqlite3";

/// A claimed data folder. The claim ends when this is dropped or the process dies: the operating system holds
/// the lock, so that a crash never leaves a stale one.
pub struct Folder {
    /// Never read: the open file is the lock.
    _lock: File,
    database: PathBuf,
}

impl Folder {
    /// Creates the folder (mode 0700) and an empty database file (0600) where there are none, and claims it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has it; [`StoreError::Unwritable`] when it cannot be written.
    pub fn claim(folder: &Path) -> Result<Folder, StoreError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| unwritable(folder, error))?;

        let lock_path = folder.join(LOCK);
        let lock = private_file(&lock_path)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Locked { folder: folder.to_owned() },
            TryLockError::Error(error) => unwritable(&lock_path, error),
        })?;

        // SQLite would create the file as the umask allows; its -wal and -shm companions copy our mode.
        let database = folder.join(DATABASE);
        private_file(&database)?;
        Ok(Folder { _lock: lock, database })
    }

    /// The database file.
    pub(crate) fn database(&self) -> &Path {
        &self.database
    }
}

fn private_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: io::Error) -> StoreError {
    StoreError::Unwritable { path: path.to_owned(), reason: Arc::new(error) }
}
