//! The journal's thread: writes what nobody else writes, syncs, has space prepared and old segments removed. It works
//! in turns, so that tests can take them one at a time. How space is prepared and what may be removed is not here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::append::ROOM;
use crate::level::lock;
use crate::prepare::{self, Step};
use crate::retention;
use crate::shared::{Relied, Shared, sleep, want};

/// How long the thread waits after a failed preparation before it tries again.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// The longest sleep: retention by age needs no more.
const NAP: Duration = Duration::from_secs(600);

/// What a turn leaves to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// There is more to do.
    None,
    /// Nothing to do for so long, unless somebody asks.
    For(Duration),
    /// The journal is closed or has failed.
    Ended,
}

pub(crate) struct Worker {
    shared: Arc<Shared>,
    closing: bool,
    /// When to try again to prepare space after a failure.
    retry: Option<Instant>,
    /// The number of segments at the last look at retention, and when that was.
    looked: Option<(usize, Instant)>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Worker {
        Worker { shared, closing: false, retry: None, looked: None }
    }

    /// Works until the journal is closed or fails.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        // Dropped last to first: the failure is told before the end.
        let _ended = Ended(&shared);
        let _relied = Relied(&shared);
        loop {
            match self.turn() {
                Pause::None => {}
                Pause::Ended => break,
                Pause::For(pause) => self.sleep(pause),
            }
        }
    }

    /// Tries again to prepare space at the next turn.
    #[cfg(test)]
    pub(crate) fn retry_now(&mut self) {
        self.retry = None;
    }

    fn sleep(&self, pause: Duration) {
        let shared = &self.shared;
        let kind = if pause <= shared.options.linger { sleep::SHORT } else { sleep::LONG };
        shared.sleep.store(kind, Ordering::SeqCst);
        // Whoever wants something says so before looking whether we sleep; we look after saying that we do.
        if shared.wants.load(Ordering::SeqCst) == 0 && !self.sync_is_wanted() && self.pause() >= pause / 2 {
            std::thread::park_timeout(pause);
        }
        shared.sleep.store(sleep::AWAKE, Ordering::SeqCst);
    }

    fn sync_is_wanted(&self) -> bool {
        self.shared.sync_wanted.load(Ordering::SeqCst) > self.shared.synced.get()
    }

    /// One turn: everything that is due, and at most one step of preparation.
    pub(crate) fn turn(&mut self) -> Pause {
        let shared = Arc::clone(&self.shared);
        let wants = shared.wants.swap(0, Ordering::SeqCst);
        if shared.failure.get().is_some() {
            return self.end();
        }
        if wants & want::CLOSE != 0 && !self.closing {
            self.closing = true;
            lock(&shared.append).closed = true;
        }
        let sync_wanted = shared.sync_wanted.load(Ordering::SeqCst);
        let lingered =
            lock(&shared.append).since.is_some_and(|since| since.elapsed() >= shared.options.linger);
        if self.closing || lingered || wants & want::WRITE != 0 || sync_wanted > shared.written.get() {
            shared.write();
        }
        let overdue =
            shared.elapsed(&shared.unsynced_since).is_some_and(|age| age >= shared.options.background_sync);
        if self.closing || overdue || self.sync_is_wanted() {
            self.sync();
        }
        if self.closing {
            return self.close();
        }
        if wants & want::SPACE != 0 || self.retry.is_none_or(|at| Instant::now() >= at) {
            self.prepare(wants & want::SPACE != 0);
        }
        self.retain();
        if shared.wants.load(Ordering::SeqCst) != 0 || self.sync_is_wanted() {
            return Pause::None;
        }
        match self.pause() {
            Duration::ZERO => Pause::None,
            pause => Pause::For(pause),
        }
    }

    /// How long there is nothing to do.
    fn pause(&self) -> Duration {
        let shared = &self.shared;
        let options = &shared.options;
        if shared.failure.get().is_some() {
            return Duration::ZERO;
        }
        let (since, writing) = {
            let append = lock(&shared.append);
            (append.since, append.writing)
        };
        let written = since.map(|since| options.linger.saturating_sub(since.elapsed()));
        // Whoever writes will be done soon, and looks after the rest.
        let written = written.map(|left| if writing { left.max(Duration::from_millis(1)) } else { left });
        let synced =
            shared.elapsed(&shared.unsynced_since).map(|age| options.background_sync.saturating_sub(age));
        let prepared = self.retry.map(|at| at.saturating_duration_since(Instant::now()));
        [written, synced, prepared].into_iter().flatten().fold(NAP, Duration::min)
    }

    /// Syncs everything that was written when it began.
    fn sync(&self) {
        let shared = &self.shared;
        let (target, dirty) = {
            let append = lock(&shared.append);
            (append.noted, append.dirty.clone())
        };
        if target <= shared.synced.get() {
            return;
        }
        let began = shared.micros();
        shared.syncing_since.store(began, Ordering::Relaxed);
        for slot in &dirty {
            let start = Instant::now();
            // After an error nobody knows what is on the disk, and asking again would get a lie: never repeated.
            if let Err(error) = slot.file.sync() {
                shared.fail("sync", slot.meta.name(), error);
                return;
            }
            shared.counters.synced(start.elapsed());
        }
        shared.syncing_since.store(0, Ordering::Relaxed);
        {
            let mut append = lock(&shared.append);
            // The last segment is written to yet; those before it are complete.
            let complete = dirty.len().saturating_sub(1).min(append.dirty.len());
            append.dirty.drain(..complete);
            let left = if append.noted > target { began } else { 0 };
            shared.unsynced_since.store(left, Ordering::Relaxed);
        }
        shared.synced.raise(target);
    }

    fn prepare(&mut self, asked: bool) {
        let shared = &self.shared;
        let step = prepare::step(shared);
        shared.space_asked.store(false, Ordering::SeqCst);
        match &step {
            Ok(Step::Done) => {
                shared.unprepared.store(false, Ordering::SeqCst);
                self.retry = None;
                // More may be needed: the next turn sees.
                shared.wants.fetch_or(want::SPACE, Ordering::SeqCst);
            }
            Ok(Step::Enough) => self.retry = Some(Instant::now() + NAP),
            Err(_) => {
                shared.unprepared.store(true, Ordering::SeqCst);
                self.retry = Some(Instant::now() + RETRY);
            }
        }
        if step.is_ok() && shared.full.load(Ordering::Relaxed) {
            // Nobody may be asking any more: a replica that says it is full gets no traffic.
            let free = lock(&shared.append).free();
            shared.full.store(free < 2 * ROOM, Ordering::Relaxed);
        }
        if asked || matches!(step, Ok(Step::Done)) {
            shared.prepared.raise(shared.prepared.get() + 1);
        }
    }

    fn retain(&mut self) {
        let shared = &self.shared;
        let segments = lock(&shared.append).segments.len();
        if self.looked.is_some_and(|(before, when)| before == segments && when.elapsed() < NAP) {
            return;
        }
        retention::remove_old(shared);
        self.looked = Some((lock(&shared.append).segments.len(), Instant::now()));
    }

    /// The end of an orderly close: a last frame says that everything before it is on the disk.
    fn close(&mut self) -> Pause {
        let shared = Arc::clone(&self.shared);
        if shared.failure.get().is_some() {
            return self.end();
        }
        {
            let mut append = lock(&shared.append);
            if !append.is_empty() || append.writing || shared.synced.get() < append.noted {
                drop(append);
                std::thread::yield_now();
                return Pause::None;
            }
            // Without room for it the mark is left out: it only helps to tell damage from an interrupted write.
            let _marked = append.mark();
        }
        shared.write();
        self.sync();
        self.end()
    }

    fn end(&self) -> Pause {
        drop(Ended(&self.shared));
        Pause::Ended
    }
}

/// Says when it goes that the thread has ended.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let shared = self.0;
        lock(&shared.append).closed = true;
        for level in [&shared.written, &shared.synced, &shared.prepared] {
            level.abandon();
        }
        shared.ended.raise(1);
    }
}
