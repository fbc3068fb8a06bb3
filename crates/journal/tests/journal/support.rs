//! Records and journals for the tests.

use std::path::Path;
use std::sync::Arc;

use flyball_core::{Clock, ManualClock, Timestamp};
use flyball_journal::{
    Intent, Journal, Lsn, Options, Record, Recovery, Reservation, Settlement, Start, Subject, read_folder,
};

/// When the tests' clocks start, in microseconds since 1970.
pub(crate) const NOW: u64 = 1_790_000_000_000_000;

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp(NOW as i64)))
}

pub(crate) fn exchange(number: u64) -> [u8; 16] {
    let mut id = [0x77; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

pub(crate) fn number(exchange: &[u8]) -> u64 {
    u64::from_be_bytes(exchange[8..].try_into().unwrap())
}

pub(crate) fn intent(number: u64) -> Intent {
    Intent {
        exchange: exchange(number).to_vec(),
        time: NOW + number,
        attempt: 1,
        subject: Some(Subject { tenant: "demo".into(), began: NOW + number, ..Subject::default() }),
        reservation: Some(Reservation { input: 100, output: 200, cost: Some(300) }),
        ..Intent::default()
    }
}

pub(crate) fn settlement(number: u64) -> Settlement {
    Settlement {
        exchange: exchange(number).to_vec(),
        time: NOW + number + 1,
        subject: Some(Subject { tenant: "demo".into(), began: NOW + number, ..Subject::default() }),
        attempts: 1,
        ..Settlement::default()
    }
}

pub(crate) fn open(folder: &Path, options: &Options) -> (Journal, Recovery) {
    Journal::open(folder, options.clone(), Start::default(), clock()).unwrap()
}

pub(crate) fn open_at(folder: &Path, options: &Options, clock: Arc<dyn Clock>) -> (Journal, Recovery) {
    Journal::open(folder, options.clone(), Start::default(), clock).unwrap()
}

/// All records of a folder, as the numbers of their exchanges: positive for intents, negative for settlements.
pub(crate) fn contents(folder: &Path) -> Vec<i64> {
    let mut reader = read_folder(folder, Lsn(0)).unwrap();
    let mut all = Vec::new();
    loop {
        let batch = reader.next_batch(1 << 16).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch.iter().map(|(_, _, record)| signed(record)));
    }
}

pub(crate) fn signed(record: &Record) -> i64 {
    match record {
        Record::Intent(intent) => number(&intent.exchange) as i64,
        Record::Settlement(settlement) => -(number(&settlement.exchange) as i64),
    }
}
