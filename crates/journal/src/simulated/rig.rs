//! Drives a journal on a simulated disk step by step, keeps what it acknowledged, and checks that against what is there
//! afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use flyball_core::{ManualClock, Timestamp};

use super::disk::Simulated;
use crate::error::AppendError;
use crate::journal::Journal;
use crate::lsn::Lsn;
use crate::options::{Durability, Options, Start};
use crate::reader::Reader;
use crate::record::{Intent, Record, Settlement, Verdict};
use crate::recover::Recovery;
use crate::worker::{Pause, Worker};

/// Small segments, and nothing that happens by itself after a time.
pub(crate) fn options() -> Options {
    Options {
        durability: Durability::Power,
        segment: 64 << 10,
        linger: Duration::from_secs(3600),
        background_sync: Duration::from_secs(3600),
        ..Options::default()
    }
}

pub(crate) fn exchange(number: i64) -> Vec<u8> {
    let mut id = vec![0x55; 16];
    id[8..].copy_from_slice(&number.unsigned_abs().to_le_bytes());
    id
}

fn verdict(size: usize) -> Option<Verdict> {
    Some(Verdict { action: "x".repeat(size), ..Verdict::default() })
}

/// Whether the long form was asked for: more cases of the same.
pub(crate) fn long() -> bool {
    std::env::var_os("FLYBALL_LONG").is_some()
}

/// What an attempt to append came to.
pub(crate) enum Fate {
    Acknowledged,
    Refused,
    Unknown,
}

/// A journal under test. Records are numbers: positive for an intent, negative for the settlement of the same number.
pub(crate) struct Rig {
    pub(crate) journal: Journal,
    worker: Worker,
    ended: bool,
    pub(crate) recovery: Recovery,
    /// What may be there, in order.
    pub(crate) appended: Vec<i64>,
    /// What a dead process leaves, and what a power cut leaves.
    pub(crate) written: BTreeSet<i64>,
    pub(crate) durable: BTreeSet<i64>,
    last: Vec<(i64, Lsn)>,
}

pub(crate) fn open(disk: &Simulated) -> Result<Rig, crate::OpenError> {
    let clock = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000_000)));
    let (journal, recovery, worker) =
        Journal::on(Arc::new(disk.clone()), options(), Start::default(), clock)?;
    Ok(Rig {
        journal,
        worker,
        ended: false,
        recovery,
        appended: Vec::new(),
        written: BTreeSet::new(),
        durable: BTreeSet::new(),
        last: Vec::new(),
    })
}

impl Rig {
    /// Runs a future; the thread gets a turn whenever it has to wait.
    fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10_000 {
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return done;
            }
            self.turn();
        }
        panic!("nothing happens any more");
    }

    /// Gives the thread a turn.
    pub(crate) fn turn(&mut self) {
        if !self.ended {
            self.ended = self.worker.turn() == Pause::Ended;
        }
    }

    /// Lets the thread try again to prepare space before its time.
    pub(crate) fn retry_now(&mut self) {
        self.worker.retry_now();
        self.turn();
    }

    fn keep(&mut self, number: i64, outcome: Result<Lsn, AppendError>) -> Fate {
        match outcome {
            Ok(lsn) => {
                self.written.insert(number);
                self.last.push((number, lsn));
                Fate::Acknowledged
            }
            Err(AppendError::Full { .. }) => {
                self.appended.pop();
                Fate::Refused
            }
            Err(_) => Fate::Unknown,
        }
    }

    pub(crate) fn intend(&mut self, number: i64, size: usize) -> Fate {
        self.appended.push(number);
        let intent =
            Intent { exchange: exchange(number), time: 7, verdict: verdict(size), ..Intent::default() };
        let journal = self.journal.clone();
        let outcome = self.run(journal.intend(&intent));
        self.keep(number, outcome)
    }

    /// An exchange that never left us: a settlement alone.
    pub(crate) fn record(&mut self, number: i64, size: usize) -> Fate {
        self.appended.push(-number);
        let settlement = Settlement {
            exchange: exchange(number),
            time: 7,
            verdict: verdict(size),
            ..Settlement::default()
        };
        let journal = self.journal.clone();
        let outcome = self.run(journal.record(&settlement));
        self.keep(-number, outcome)
    }

    /// Settles; the record counts as written only after a flush.
    pub(crate) fn settle(&mut self, number: i64, size: usize) -> Fate {
        self.appended.push(-number);
        let settlement = Settlement {
            exchange: exchange(number),
            time: 7,
            verdict: verdict(size),
            ..Settlement::default()
        };
        match self.journal.settle(&settlement) {
            Ok(lsn) => {
                self.last.push((-number, lsn));
                Fate::Acknowledged
            }
            Err(AppendError::Full { .. }) => {
                self.appended.pop();
                Fate::Refused
            }
            Err(_) => {
                self.appended.pop();
                Fate::Unknown
            }
        }
    }

    pub(crate) fn flush(&mut self) {
        let journal = self.journal.clone();
        if let Ok(end) = self.run(journal.flush()) {
            self.written.extend(self.last.iter().filter(|(_, lsn)| *lsn <= end).map(|(number, _)| *number));
        }
    }

    /// Waits until everything that was acknowledged is durable.
    pub(crate) fn make_durable(&mut self) {
        let Some(&(_, last)) = self.last.last() else { return };
        let journal = self.journal.clone();
        if self.run(journal.durable(last)).is_ok() {
            let all: Vec<i64> = self.last.iter().map(|(number, _)| *number).collect();
            self.written.extend(&all);
            self.durable.extend(&all);
        }
    }

    pub(crate) fn close(&mut self) {
        let journal = self.journal.clone();
        if self.run(journal.close()).is_ok() {
            let all: Vec<i64> = self.last.iter().map(|(number, _)| *number).collect();
            self.written.extend(&all);
            self.durable.extend(&all);
        }
    }
}

/// All records that a disk holds.
pub(crate) fn contents(disk: &Simulated) -> Vec<i64> {
    let mut reader = Reader::offline(Arc::new(disk.clone()), Lsn(0)).unwrap();
    let batch = reader.next_batch(usize::MAX).unwrap();
    let number = |id: &[u8]| i64::from_le_bytes(id[8..].try_into().unwrap());
    let signed = |record: &Record| match record {
        Record::Intent(intent) => number(&intent.exchange),
        Record::Settlement(settlement) => -number(&settlement.exchange),
    };
    batch.iter().map(|(_, _, record)| signed(record)).collect()
}

/// Opens what is there after a mishap and checks it: a beginning of what was appended, with at least what `must` be
/// there, the right exchanges open, the same when opened again, and fit to go on with. Returns the contents.
pub(crate) fn check(disk: &Simulated, appended: &[i64], must: &BTreeSet<i64>, what: &str) -> Vec<i64> {
    let first = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let there = contents(disk);
    assert!(appended.starts_with(&there), "{what}: {there:?} is no beginning of {appended:?}");
    let lost: Vec<_> = must.iter().filter(|number| !there.contains(number)).collect();
    assert!(lost.is_empty(), "{what}: lost {lost:?} of {appended:?}");
    let open_then = there.iter().filter(|number| **number > 0 && !there.contains(&-**number)).copied();
    let open_now: Vec<i64> = open_numbers(&first.recovery);
    assert_eq!(open_now, open_then.collect::<Vec<_>>(), "{what}");
    assert_eq!(first.recovery.records, there.len() as u64, "{what}");
    drop(first);
    // What a start found stays, even if the power goes right after it.
    let (same, cut) = (disk.copy(), disk.after_a_power_cut(99));
    for (disk, fate) in [(same, "opened again"), (cut, "power cut after opening")] {
        let what = format!("{what}, {fate}");
        let mut again = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(again.recovery.truncated, None, "{what}: nothing is left to cut off");
        assert_eq!(contents(&disk), there, "{what}");
        assert_eq!(open_numbers(&again.recovery), open_now, "{what}");
        again.record(1_000_000, 10);
        again.make_durable();
        assert!(again.durable.contains(&-1_000_000), "{what}: no record can be added");
        let mut more = there.clone();
        more.push(-1_000_000);
        let cut = disk.after_a_power_cut(100);
        open(&cut).unwrap_or_else(|error| panic!("{what}, after going on: {error}"));
        assert_eq!(contents(&cut), more, "{what}, after going on");
    }
    there
}

fn open_numbers(recovery: &Recovery) -> Vec<i64> {
    let id = |id: &[u8]| i64::from_le_bytes(id[8..].try_into().unwrap());
    recovery.open.iter().map(|open| id(&open.intent.exchange)).collect()
}
