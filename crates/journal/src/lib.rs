//! The journal: what is about to leave us and what became of it, durable before anybody sees an answer.
//!
//! A journal is a folder of segments to which records are appended in frames, one frame for each write. An
//! [`Intent`] is written before a provider is called, a [`Settlement`] when an exchange has ended; a start finds the
//! exchanges that have the one and not the other. Records hold ids, names, counts, amounts and salted hashes, never
//! text. The format is described in `docs/reference/journal-format.md`.
//!
//! Deliberately absent: what is counted from the records (the store), how exchanges make them and when an answer may
//! be released (the gateway), an async runtime, and any decision that depends on how long something took, but one:
//! who performs a write when the disk is slow.

mod append;
mod disk;
mod error;
mod find;
mod folder;
mod frame;
pub mod fuzz;
mod health;
mod interrupted;
mod journal;
mod level;
mod lsn;
mod options;
mod prepare;
mod raw;
mod reader;
mod record;
mod recover;
mod repair;
mod retention;
mod scan;
mod segment;
mod shared;
#[cfg(test)]
mod simulated;
mod tail;
mod verify;
mod words;
mod worker;

pub use error::{AppendError, Fatal, OpenError, ReadError};
pub use find::{Exchange, FindError, find_in};
pub use health::{Health, SYNC_BOUNDS, Stats};
pub use interrupted::interrupted;
pub use journal::Journal;
pub use lsn::Lsn;
pub use options::{Durability, Options, Start};
pub use raw::{INTENT_LIMIT, RECORD_LIMIT, RawRecord, RecordKind};
pub use reader::{Reader, read_folder};
pub use record::{
    Count, Counting, Intent, Outcome, Record, Reservation, Settlement, Subject, Usage, Verdict,
};
pub use recover::{OpenIntent, Recovery, Truncated};
pub use repair::repair;
pub use segment::FORMAT_VERSION;
pub use verify::{Problem, ProblemKind, Report, verify};
