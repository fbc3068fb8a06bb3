//! What a journal tells of its state: for readiness, metrics and people. Nothing here decides anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::level::lock;
use crate::lsn::Lsn;
use crate::shared::Shared;

/// The state of a journal at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How long the oldest written record has been waiting for the disk; `None`: everything is synced. Up to
    /// [`crate::Options::background_sync`] is normal when nobody waits for a sync.
    pub unsynced: Option<Duration>,
    /// How long the running sync has taken; `None`: none runs.
    pub syncing: Option<Duration>,
    /// How long the running write has taken; `None`: none runs.
    pub writing: Option<Duration>,
    /// An exchange was refused because there was no space, and there has been none since.
    pub full: bool,
    /// Space could not be prepared the last time that it was tried. There may be enough yet.
    pub unprepared: bool,
    /// The journal failed.
    pub failed: bool,
    /// Exchanges whose intent was accepted and that are not settled.
    pub open: u64,
    /// Everything before is with the operating system.
    pub written: Lsn,
    /// Everything before is on the disk.
    pub synced: Lsn,
    /// Number of segments.
    pub segments: u64,
    /// Bytes that the segments take on the disk.
    pub bytes: u64,
}

/// Upper bounds of the histogram of sync times, in microseconds; what takes longer is counted behind the last.
pub const SYNC_BOUNDS: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000];

/// What a journal has done since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records accepted.
    pub records: u64,
    /// Records whose lists were shortened because they were too long.
    pub shortened: u64,
    /// Bytes written, frames and padding included, preparation excluded.
    pub bytes: u64,
    /// Writes of batches.
    pub writes: u64,
    /// Syncs of segments with records.
    pub syncs: u64,
    /// How many of them took at most so many microseconds, by [`SYNC_BOUNDS`], each counted once; the last counts
    /// those beyond.
    pub sync_times: [u64; SYNC_BOUNDS.len() + 1],
    /// How long they took together, in microseconds.
    pub sync_micros: u64,
    /// How often a task left a write to the thread because the disk was slow.
    pub handed_over: u64,
    /// How often an exchange had to wait for space to be prepared.
    pub space_waits: u64,
    /// How often an exchange was refused for want of space.
    pub refused: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) records: AtomicU64,
    pub(crate) shortened: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) syncs: AtomicU64,
    sync_times: [AtomicU64; SYNC_BOUNDS.len() + 1],
    sync_micros: AtomicU64,
    pub(crate) handed_over: AtomicU64,
    pub(crate) space_waits: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Counters {
    /// Counts a sync.
    pub(crate) fn synced(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = SYNC_BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.sync_times.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.sync_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            records: get(&self.records),
            shortened: get(&self.shortened),
            bytes: get(&self.bytes),
            writes: get(&self.writes),
            syncs: get(&self.syncs),
            sync_times: self.sync_times.each_ref().map(get),
            sync_micros: get(&self.sync_micros),
            handed_over: get(&self.handed_over),
            space_waits: get(&self.space_waits),
            refused: get(&self.refused),
        }
    }
}

impl Shared {
    /// The state at this moment.
    pub(crate) fn health(&self) -> Health {
        let (open, segments, bytes) = {
            let append = lock(&self.append);
            let bytes = append.segments.iter().map(|meta| meta.prepared()).sum();
            (append.open_count() as u64, append.segments.len() as u64, bytes)
        };
        Health {
            unsynced: self.elapsed(&self.unsynced_since),
            syncing: self.elapsed(&self.syncing_since),
            writing: self.elapsed(&self.writing_since),
            full: self.full.load(Ordering::Relaxed),
            unprepared: self.unprepared.load(Ordering::Relaxed),
            failed: self.failure.get().is_some(),
            open,
            written: Lsn(self.written.get()),
            synced: Lsn(self.synced.get()),
            segments,
            bytes,
        }
    }
}
