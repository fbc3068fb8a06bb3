//! What the handles and the thread of a journal share, and the way of a batch to its segment: whoever comes first
//! writes for everybody, on its own thread, as long as the disk takes writes quickly. Syncing and preparing space are
//! the thread's business alone.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use flyball_core::Clock;

use crate::append::{Append, Batch};
use crate::disk::Disk;
use crate::error::{AppendError, Fatal};
use crate::frame;
use crate::health::Counters;
use crate::level::{Level, lock};
use crate::lsn::Lsn;
use crate::options::{Durability, Options};

/// A write that took longer is a sign that the disk hangs: the next writes are the thread's.
const SLOW_WRITE: Duration = Duration::from_millis(5);

/// A sync that has taken longer may hold up writes too.
const SLOW_SYNC: u64 = 100_000;

/// How many batches one task writes for others before it hands on to the thread.
const ROUNDS: usize = 16;

/// How the thread sleeps, so that waking it is paid for only when it is needed.
pub(crate) mod sleep {
    /// It works, or will look again before it sleeps.
    pub(crate) const AWAKE: u8 = 0;
    /// It wakes within the linger time.
    pub(crate) const SHORT: u8 = 1;
    /// It sleeps longer than that.
    pub(crate) const LONG: u8 = 2;
}

/// What the thread is asked for, as bits.
pub(crate) mod want {
    /// To write what has been gathered.
    pub(crate) const WRITE: u32 = 1;
    /// To prepare space.
    pub(crate) const SPACE: u32 = 2;
    /// To write and sync everything and end.
    pub(crate) const CLOSE: u32 = 4;
    /// To look at what it has to do.
    pub(crate) const LOOK: u32 = 8;
}

pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) append: Mutex<Append>,
    /// Everything before is with the operating system.
    pub(crate) written: Level,
    /// Everything before is on the disk.
    pub(crate) synced: Level,
    /// How often preparing space was tried.
    pub(crate) prepared: Level,
    /// 1 once the journal has failed.
    pub(crate) broken: Level,
    /// 1 once the thread has ended.
    pub(crate) ended: Level,
    pub(crate) failure: OnceLock<Fatal>,
    /// Space could not be prepared the last time.
    pub(crate) unprepared: AtomicBool,
    /// The thread has been asked to prepare space.
    pub(crate) space_asked: AtomicBool,
    /// Somebody was refused since there was last room.
    pub(crate) full: AtomicBool,
    /// Somebody waits for the disk up to here.
    pub(crate) sync_wanted: AtomicU64,
    /// Nothing before is needed by those who count.
    pub(crate) forgotten: AtomicU64,
    /// The last write was slow.
    slow: AtomicBool,
    /// When the running sync began, and when the oldest record came that is not synced; in microseconds since `born`,
    /// 0: none.
    pub(crate) syncing_since: AtomicU64,
    /// The same for the running write.
    pub(crate) writing_since: AtomicU64,
    pub(crate) unsynced_since: AtomicU64,
    pub(crate) counters: Counters,
    born: Instant,
    pub(crate) thread: OnceLock<Thread>,
    pub(crate) wants: AtomicU32,
    pub(crate) sleep: AtomicU8,
}

/// Held by whoever everybody else relies on. A panic there is a failure of the journal: without it all would wait for
/// ever.
pub(crate) struct Relied<'a>(pub(crate) &'a Shared);

impl Drop for Relied<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("go on with", "its work".to_owned(), io::Error::other("it panicked"));
        }
    }
}

impl Shared {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        options: Options,
        clock: Arc<dyn Clock>,
        append: Append,
    ) -> Shared {
        let end = append.end().0;
        Shared {
            disk,
            options,
            clock,
            append: Mutex::new(append),
            written: Level::at(end),
            synced: Level::at(end),
            prepared: Level::at(0),
            broken: Level::at(0),
            ended: Level::at(0),
            failure: OnceLock::new(),
            unprepared: AtomicBool::new(false),
            space_asked: AtomicBool::new(false),
            full: AtomicBool::new(false),
            sync_wanted: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
            slow: AtomicBool::new(false),
            syncing_since: AtomicU64::new(0),
            writing_since: AtomicU64::new(0),
            unsynced_since: AtomicU64::new(0),
            counters: Counters::default(),
            born: Instant::now(),
            thread: OnceLock::new(),
            wants: AtomicU32::new(0),
            sleep: AtomicU8::new(sleep::AWAKE),
        }
    }

    /// Microseconds since the journal was opened; never 0.
    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    /// How long ago the time was that `since` holds.
    pub(crate) fn elapsed(&self, since: &AtomicU64) -> Option<Duration> {
        match since.load(Ordering::Relaxed) {
            0 => None,
            then => Some(Duration::from_micros(self.micros().saturating_sub(then))),
        }
    }

    /// Asks the thread for something.
    pub(crate) fn ask(&self, wants: u32) {
        self.wants.fetch_or(wants, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        if self.sleep.load(Ordering::SeqCst) != sleep::AWAKE
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Makes sure that what has been gathered is written within the linger time.
    pub(crate) fn write_soon(&self) {
        if self.sleep.load(Ordering::SeqCst) == sleep::LONG {
            self.ask(want::LOOK);
        }
    }

    /// Makes sure that the disk follows up to `lsn`.
    pub(crate) fn want_sync(&self, lsn: u64) {
        if self.sync_wanted.fetch_max(lsn, Ordering::SeqCst) < lsn {
            self.wake();
        }
    }

    /// The error that everybody gets once the journal has failed or was closed.
    pub(crate) fn gone(&self) -> AppendError {
        self.failure.get().cloned().map_or(AppendError::Closed, AppendError::Failed)
    }

    /// Gives up: wakes everybody who waits for something that will not come.
    pub(crate) fn fail(&self, action: &'static str, file: String, source: io::Error) {
        let _first_failure_counts = self.failure.set(Fatal { action, file, source: Arc::new(source) });
        self.broken.raise(1);
        for level in [&self.written, &self.synced, &self.prepared] {
            level.abandon();
        }
        self.ask(want::LOOK);
    }

    /// Whether the disk takes so long that a task must not write.
    fn hangs(&self) -> bool {
        let since = self.syncing_since.load(Ordering::Relaxed);
        self.slow.load(Ordering::Relaxed) || (since != 0 && self.micros().saturating_sub(since) > SLOW_SYNC)
    }

    /// Writes what has been gathered, unless somebody does so already, who then writes it too. To be called by tasks.
    pub(crate) fn write_here(&self) {
        if self.hangs() {
            self.counters.handed_over.fetch_add(1, Ordering::Relaxed);
            self.ask(want::WRITE);
        } else {
            self.write();
        }
    }

    /// Writes what has been gathered, unless somebody does so already, who then writes it too.
    pub(crate) fn write(&self) {
        let mut batch = {
            let mut append = lock(&self.append);
            if append.writing || append.is_empty() || self.failure.get().is_some() {
                return;
            }
            append.writing = true;
            append.take()
        };
        let _relied = Relied(self);
        for round in 1.. {
            let began = Instant::now();
            self.writing_since.store(self.micros(), Ordering::Relaxed);
            let Some(end) = self.write_batch(&mut batch) else { return };
            self.writing_since.store(0, Ordering::Relaxed);
            self.slow.store(began.elapsed() > SLOW_WRITE, Ordering::Relaxed);
            let urgent = batch.urgent;
            let more = {
                let mut append = lock(&self.append);
                self.note_unsynced(&mut append, &batch);
                append.recycle(std::mem::take(&mut batch));
                if append.is_empty() || round == ROUNDS {
                    append.writing = false;
                    !append.is_empty()
                } else {
                    batch = append.take();
                    false
                }
            };
            // Only now: who sees the new level may rely on the segments that have to be synced being known.
            self.written.raise(end.0);
            if urgent && self.options.durability == Durability::Power {
                self.want_sync(end.0);
            }
            if more {
                self.ask(want::WRITE);
            }
            if batch.pieces.is_empty() {
                return;
            }
        }
    }

    fn write_batch(&self, batch: &mut Batch) -> Option<Lsn> {
        let synced = Lsn(self.synced.get());
        let mut end = Lsn(0);
        for piece in &mut batch.pieces {
            let lsn = piece.lsn();
            frame::seal(&mut piece.bytes, lsn, synced);
            if let Err(error) = piece.slot.file.write_at(&piece.bytes, piece.offset) {
                // Nobody writes after this: `writing` stays set.
                self.fail("write", piece.slot.meta.name(), error);
                return None;
            }
            self.counters.writes.fetch_add(1, Ordering::Relaxed);
            self.counters.bytes.fetch_add(piece.bytes.len() as u64, Ordering::Relaxed);
            end = piece.end();
        }
        Some(end)
    }

    fn note_unsynced(&self, append: &mut Append, batch: &Batch) {
        for piece in &batch.pieces {
            append.noted = piece.end().0;
            if append.dirty.last().is_none_or(|last| last.meta.base() != piece.slot.meta.base()) {
                append.dirty.push(piece.slot.clone());
            }
        }
        if self.unsynced_since.load(Ordering::Relaxed) == 0 {
            self.unsynced_since.store(self.micros(), Ordering::Relaxed);
        }
    }
}
