//! How a journal is to behave: what its user decides.

use std::time::Duration;

use crate::lsn::Lsn;

/// What `durable` waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Until the record is on the disk: it survives a power cut.
    #[default]
    Power,
    /// Until the record is with the operating system: it survives the death of the process, not a power cut. The
    /// disk follows within [`Options::background_sync`].
    Process,
}

/// A journal's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What `durable` waits for.
    pub durability: Durability,
    /// Size of a segment in bytes. At least 64 KiB; rounded up to a multiple of 4096. Holds for new segments.
    pub segment: u64,
    /// How long segments are kept, by the youngest of their records.
    pub retention: Duration,
    /// How much the segments may hold together, in bytes, before the oldest go although they are younger than
    /// `retention`. What is still needed is kept all the same.
    pub max_size: u64,
    /// How long a settlement may wait for company before it is written.
    pub linger: Duration,
    /// How long a written record may wait for the disk when nobody waits for it.
    pub background_sync: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            durability: Durability::Power,
            segment: 64 << 20,
            retention: Duration::from_secs(30 * 24 * 3600),
            max_size: 10 << 30,
            linger: Duration::from_millis(10),
            background_sync: Duration::from_secs(1),
        }
    }
}

impl Options {
    /// The size of new segments.
    pub(crate) fn segment_size(&self) -> u64 {
        self.segment.clamp(64 << 10, 1 << 40).next_multiple_of(4096)
    }
}

/// Where recovery begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// Recovery reads from the segment that holds this position: not behind the first record of any exchange that was
    /// open. Zero: everything.
    pub from: Lsn,
    /// Up to here records have been counted elsewhere. New records never get a position before it.
    pub counted: Lsn,
}
