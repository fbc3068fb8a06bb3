//! The journal as its users see it. What happens behind each call is in the modules that this one calls.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use flyball_core::Clock;

use crate::append::{Append, NoRoom};
use crate::disk::{Disk, Folder};
use crate::error::{AppendError, Fatal, OpenError, ReadError};
use crate::find::{self, Exchange};
use crate::health::{Health, Stats};
use crate::level::{Abandoned, lock, yield_once};
use crate::lsn::Lsn;
use crate::options::{Durability, Options, Start};
use crate::raw::{self, Bounded, INTENT_LIMIT, Id, RECORD_LIMIT};
use crate::reader::Reader;
use crate::record::{Intent, Settlement};
use crate::recover::{self, Recovery};
use crate::shared::{Shared, want};
use crate::worker::{RETRY, Worker};

/// A journal that is open. Cheap to clone; all clones are the same journal. One process may have a folder open, once:
/// to see to that is the caller's business.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    thread: Arc<Thread>,
}

/// The thread, asked to end when the last handle goes. It still writes and syncs what it was given.
struct Thread {
    shared: Arc<Shared>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.shared.ask(want::CLOSE);
    }
}

/// A record was accepted; when its task goes before it is written, the thread writes it.
struct Unwritten<'a> {
    shared: &'a Shared,
    lsn: Lsn,
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        if self.shared.written.get() < self.lsn.0 {
            self.shared.ask(want::WRITE);
        }
    }
}

impl Journal {
    /// Opens the journal in `folder`, which is made if it is missing, and recovers what is there.
    ///
    /// # Errors
    /// When the disk refuses, a newer program wrote the journal, or what had been on the disk is damaged.
    pub fn open(
        folder: &Path,
        options: Options,
        start: Start,
        clock: Arc<dyn Clock>,
    ) -> Result<(Journal, Recovery), OpenError> {
        let (journal, recovery, worker) = Journal::on(Arc::new(Folder::new(folder)), options, start, clock)?;
        let handle = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || worker.run())
            .map_err(OpenError::io("start the thread of", "the folder"))?;
        // Set once, here: the cell is empty.
        let _is_first = journal.shared.thread.set(handle.thread().clone());
        *lock(&journal.thread.handle) = Some(handle);
        Ok((journal, recovery))
    }

    /// Opens a journal on any disk, without starting its thread.
    pub(crate) fn on(
        disk: Arc<dyn Disk>,
        options: Options,
        start: Start,
        clock: Arc<dyn Clock>,
    ) -> Result<(Journal, Recovery, Worker), OpenError> {
        let now = clock.now().0.max(0).unsigned_abs();
        let (append, recovery) = recover::recover(&*disk, &options, start, now)?;
        let shared = Arc::new(Shared::new(disk, options, clock, append));
        let thread = Thread { shared: Arc::clone(&shared), handle: Mutex::new(None) };
        let worker = Worker::new(Arc::clone(&shared));
        Ok((Journal { shared, thread: Arc::new(thread) }, recovery, worker))
    }

    /// Records that an exchange is about to leave us; resolves when it is written, which survives the death of the
    /// process, with the position behind it. The disk follows beside: see [`Journal::durable`]. From the first poll on
    /// the exchange may be open, also when the future is dropped, and is to be settled.
    ///
    /// # Errors
    /// [`AppendError::Full`] when no space can be had, also for the settlement that must follow; others when the
    /// journal has failed or is closed, or the record cannot be one.
    pub async fn intend(&self, intent: &Intent) -> Result<Lsn, AppendError> {
        let id = id(&intent.exchange)?;
        let (intent, length) = self.bounded(intent, INTENT_LIMIT)?;
        let lsn = self.place(|append| append.intend(id, &*intent, length, intent.time)).await?;
        self.written(lsn).await
    }

    /// Records how an exchange ended, and never waits: space was set aside for it. It is written together with other
    /// records, at the latest after [`Options::linger`]. Returns the position behind it.
    ///
    /// # Errors
    /// When the journal has failed or is closed, or the record cannot be one; [`AppendError::Full`] only when the
    /// exchange has no intent.
    pub fn settle(&self, settlement: &Settlement) -> Result<Lsn, AppendError> {
        let id = id(&settlement.exchange)?;
        let (settlement, length) = self.bounded(settlement, RECORD_LIMIT)?;
        let placed =
            self.try_place(|append| append.settle(id, &*settlement, length, settlement.time, false))?;
        match placed {
            Ok(lsn) => {
                self.shared.write_soon();
                Ok(lsn)
            }
            Err(_) => Err(self.full()),
        }
    }

    /// Records an exchange that never left us; resolves when it is written.
    ///
    /// # Errors
    /// As [`Journal::intend`].
    pub async fn record(&self, settlement: &Settlement) -> Result<Lsn, AppendError> {
        let id = id(&settlement.exchange)?;
        let (settlement, length) = self.bounded(settlement, RECORD_LIMIT)?;
        let lsn = self.place(|append| append.settle(id, &*settlement, length, settlement.time, true)).await?;
        self.written(lsn).await
    }

    /// Resolves when everything before `lsn` is as durable as the journal's [`Durability`] says.
    ///
    /// # Errors
    /// When that will never be: the journal has failed or was closed before.
    pub async fn durable(&self, lsn: Lsn) -> Result<(), AppendError> {
        let shared = &self.shared;
        match shared.options.durability {
            Durability::Process => self.written(lsn).await.map(|_| ()),
            Durability::Power => {
                shared.want_sync(lsn.0);
                shared.synced.reach(lsn.0).await.map_err(|Abandoned| shared.gone())
            }
        }
    }

    /// Writes everything that has been accepted; resolves with the position behind it.
    ///
    /// # Errors
    /// When the journal has failed.
    pub async fn flush(&self) -> Result<Lsn, AppendError> {
        let end = lock(&self.shared.append).end();
        self.written(end).await
    }

    /// Brings everything that has been accepted to the disk, whatever the durability; resolves with the position behind
    /// it.
    ///
    /// # Errors
    /// When the journal has failed or was closed before.
    pub async fn sync(&self) -> Result<Lsn, AppendError> {
        let shared = &self.shared;
        let end = self.flush().await?;
        shared.want_sync(end.0);
        shared.synced.reach(end.0).await.map_err(|Abandoned| shared.gone())?;
        Ok(end)
    }

    /// Reads the written records from `from` on.
    pub fn reader(&self, from: Lsn) -> Reader {
        Reader::live(Arc::clone(&self.shared), from)
    }

    /// The records of one exchange that began at `began`, in microseconds since 1970. Reads files: not for a runtime's
    /// thread.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn find(&self, exchange: &[u8; 16], began: u64) -> Result<Option<Exchange>, ReadError> {
        let segments: Vec<_> = lock(&self.shared.append).segments.iter().cloned().collect();
        let Some(from) = find::begin(&segments, began) else { return Ok(None) };
        find::find(&mut self.reader(from), *exchange, began)
    }

    /// Says that nothing before `before` is needed by those who count: retention may remove it. What open exchanges
    /// need is kept all the same.
    pub fn forget(&self, before: Lsn) {
        self.shared.forgotten.fetch_max(before.0, Ordering::SeqCst);
    }

    /// The position of the first record of any exchange that is not settled: where a recovery would have to begin.
    pub fn oldest_open(&self) -> Option<Lsn> {
        lock(&self.shared.append).oldest_open()
    }

    /// Every exchange that began before this position is settled: the position of the first record of any that is not,
    /// or where the next record goes when there is none.
    pub fn unsettled_from(&self) -> Lsn {
        let append = lock(&self.shared.append);
        append.oldest_open().unwrap_or_else(|| append.end())
    }

    /// Resolves when the journal fails, and only then.
    pub async fn failed(&self) -> Fatal {
        loop {
            // Never abandoned: the level outlives every reason to abandon it.
            let _broken = self.shared.broken.reach(1).await;
            if let Some(fatal) = self.failure() {
                return fatal;
            }
            std::future::pending::<()>().await;
        }
    }

    /// What [`Journal::failed`] waits for, if it has come.
    pub fn failure(&self) -> Option<Fatal> {
        self.shared.failure.get().cloned()
    }

    /// The state at this moment.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// What was done since the journal was opened.
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    /// Writes and syncs everything, and ends the thread. Later records are refused.
    ///
    /// # Errors
    /// When the journal has failed, now or before.
    pub async fn close(&self) -> Result<(), AppendError> {
        self.shared.ask(want::CLOSE);
        let _ended = self.shared.ended.reach(1).await;
        let handle = lock(&self.thread.handle).take();
        if let Some(handle) = handle {
            // It has ended but for its return.
            let _joined = handle.join();
        }
        self.shared.failure.get().cloned().map_or(Ok(()), |fatal| Err(fatal.into()))
    }

    fn bounded<'a, M: Bounded>(
        &self,
        record: &'a M,
        limit: usize,
    ) -> Result<(std::borrow::Cow<'a, M>, usize), AppendError> {
        let (record, length) = raw::bounded(record, limit);
        if length > limit {
            return Err(AppendError::TooLong { length, limit });
        }
        if matches!(record, std::borrow::Cow::Owned(_)) {
            self.shared.counters.shortened.fetch_add(1, Ordering::Relaxed);
        }
        Ok((record, length))
    }

    /// Puts a record into the buffer; waits for space if some can be prepared.
    async fn place(
        &self,
        mut put: impl FnMut(&mut Append) -> Result<Lsn, NoRoom>,
    ) -> Result<Lsn, AppendError> {
        loop {
            let tried = self.shared.prepared.get();
            if let Ok(lsn) = self.try_place(&mut put)? {
                return Ok(lsn);
            }
            if self.shared.unprepared.load(Ordering::SeqCst) {
                return Err(self.full());
            }
            self.shared.counters.space_waits.fetch_add(1, Ordering::Relaxed);
            self.shared.ask(want::SPACE);
            self.shared.prepared.reach(tried + 1).await.map_err(|Abandoned| self.shared.gone())?;
        }
    }

    fn try_place(
        &self,
        put: impl FnOnce(&mut Append) -> Result<Lsn, NoRoom>,
    ) -> Result<Result<Lsn, NoRoom>, AppendError> {
        let shared = &self.shared;
        let (placed, low) = {
            let mut append = lock(&shared.append);
            if append.closed || shared.failure.get().is_some() {
                return Err(shared.gone());
            }
            (put(&mut append), append.plan().is_some())
        };
        if placed.is_ok() {
            shared.counters.records.fetch_add(1, Ordering::Relaxed);
            if shared.full.load(Ordering::Relaxed) {
                shared.full.store(false, Ordering::Relaxed);
            }
        }
        // While space cannot be had, the thread tries again by itself from time to time.
        if low
            && !shared.unprepared.load(Ordering::Relaxed)
            && !shared.space_asked.swap(true, Ordering::SeqCst)
        {
            shared.ask(want::SPACE);
        }
        Ok(placed)
    }

    fn full(&self) -> AppendError {
        self.shared.full.store(true, Ordering::Relaxed);
        self.shared.counters.refused.fetch_add(1, Ordering::Relaxed);
        AppendError::Full { retry_after: RETRY }
    }

    /// Sees to it that everything before `lsn` is written.
    async fn written(&self, lsn: Lsn) -> Result<Lsn, AppendError> {
        let shared = &*self.shared;
        let unwritten = Unwritten { shared, lsn };
        // Tasks that are ready now put their records into the same write.
        yield_once().await;
        if shared.written.get() < lsn.0 {
            shared.write_here();
        }
        let reached = shared.written.reach(lsn.0).await;
        drop(unwritten);
        reached.map_err(|Abandoned| shared.gone())?;
        Ok(lsn)
    }
}

fn id(exchange: &[u8]) -> Result<Id, AppendError> {
    exchange.try_into().map_err(|_| AppendError::NoExchange)
}
