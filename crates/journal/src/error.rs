//! What can go wrong, by what was being done. Nothing here decides what follows from it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::lsn::Lsn;

/// A journal could not be opened, verified or repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The operating system refused something.
    #[error("cannot {action} {file} of the journal: {source}")]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file's name; `the folder` for the folder itself.
        file: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Bytes that had been synced are damaged. Only an operator can give them up.
    #[error(
        "the journal is damaged: {file} cannot be read from offset {offset} (position {lsn}), and what follows shows \
         that this had been on the disk; restore the file from a backup, or look at the loss with `flyball journal \
         verify` and give it up with `flyball journal repair`"
    )]
    Corrupt {
        /// The segment's file name.
        file: String,
        /// Offset in the file.
        offset: u64,
        /// Position in the journal.
        lsn: Lsn,
    },
    /// A segment is missing between two others, or behind what was counted.
    #[error(
        "the journal is damaged: {file} is missing; restore it from a backup, or give up its records with `flyball \
         journal repair`"
    )]
    Missing {
        /// The name of the file that should be there.
        file: String,
    },
    /// A newer program wrote the journal.
    #[error("{file} of the journal has format version {version}; this program reads up to {known}")]
    Version {
        /// The segment's file name.
        file: String,
        /// Its version.
        version: u32,
        /// The newest version that is read.
        known: u32,
    },
}

impl OpenError {
    pub(crate) fn io(action: &'static str, file: impl Into<String>) -> impl FnOnce(io::Error) -> OpenError {
        let file = file.into();
        move |source| OpenError::Io { action, file, source }
    }
}

/// A write of records or a sync failed. Nothing that was not acknowledged before is safe, and nothing more is accepted:
/// the process has to end, and the next start recovers what is there.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the journal cannot {action} {file}: {source}")]
pub struct Fatal {
    /// What failed: `write` or `sync`; `go on with` after a panic.
    pub action: &'static str,
    /// The segment's file name.
    pub file: String,
    /// Why.
    pub source: Arc<io::Error>,
}

/// A record was not accepted, or what it waited for will never come.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// There is no space for another exchange, and none can be had at present.
    #[error("the journal has no space for another exchange")]
    Full {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The journal failed.
    #[error(transparent)]
    Failed(#[from] Fatal),
    /// The journal has been closed.
    #[error("the journal is closed")]
    Closed,
    /// The record is longer than a record may be, although its lists were shortened.
    #[error("a journal record of {length} bytes is too long; at most {limit} are allowed")]
    TooLong {
        /// Its encoded length in bytes.
        length: usize,
        /// The greatest length in bytes.
        limit: usize,
    },
    /// The exchange's id is not 16 bytes long.
    #[error("a journal record without the id of its exchange")]
    NoExchange,
}

/// The journal could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused something.
    #[error("cannot read {file} of the journal: {source}")]
    Io {
        /// The file's name.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The bytes at a position are not what was written there.
    #[error(
        "the journal cannot be read from position {lsn}: {file} is damaged there; see `flyball journal verify`"
    )]
    Damaged {
        /// The segment's file name.
        file: String,
        /// Where.
        lsn: Lsn,
    },
    /// The segment that should hold a position does not exist, or not any more.
    #[error("the journal no longer holds position {lsn}")]
    Missing {
        /// Which.
        lsn: Lsn,
    },
}

impl ReadError {
    pub(crate) fn io(file: impl Into<String>) -> impl FnOnce(io::Error) -> ReadError {
        let file = file.into();
        move |source| ReadError::Io { file, source }
    }
}
