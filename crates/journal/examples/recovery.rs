//! Writes a journal of as many records as are asked for, half of them intents and half settlements, opens it again and
//! tells how long that took. Arguments: a folder for temporary files and the number of records. The journal is deleted
//! afterwards; 10 million records take about 3 GB of disk.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

mod records;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use flyball_core::SystemClock;
use flyball_journal::{AppendError, Durability, Journal, Lsn, Options, Recovery, Start};

/// How many exchanges are in hand at a time.
const BATCH: u64 = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(parent), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: recovery FOLDER RECORDS".into());
    };
    let count: u64 = count.parse()?;
    let folder = tempfile::tempdir_in(parent)?;
    let began = Instant::now();
    let bytes = write(folder.path(), count / 2)?;
    println!("wrote {count} records, {bytes} bytes, in {:.2} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let (journal, recovery) = open(folder.path())?;
    let took = began.elapsed();
    println!(
        "recovered {} records in {:.2} s: {:.2} million a second, {} exchanges open",
        recovery.records,
        took.as_secs_f64(),
        recovery.records as f64 / took.as_secs_f64() / 1e6,
        recovery.open.len()
    );
    wait(journal.close())?;
    Ok(())
}

fn open(folder: &Path) -> Result<(Journal, Recovery), Box<dyn Error>> {
    let options = Options {
        durability: Durability::Process,
        max_size: u64::MAX,
        background_sync: Duration::from_secs(1),
        ..Options::default()
    };
    Ok(Journal::open(folder, options, Start::default(), Arc::new(SystemClock))?)
}

/// Writes exchanges whose calls overlap; returns how many bytes that are.
fn write(folder: &Path, exchanges: u64) -> Result<u64, Box<dyn Error>> {
    let (journal, _) = open(folder)?;
    for begin in (0..exchanges).step_by(BATCH as usize) {
        let numbers = begin..exchanges.min(begin + BATCH);
        let intents: Vec<_> = numbers.clone().map(records::intent).collect();
        let mut calls: Vec<_> = intents.iter().map(|intent| Box::pin(journal.intend(intent))).collect();
        let mut context = Context::from_waker(Waker::noop());
        let mut failed: Result<Lsn, AppendError> = Ok(Lsn(0));
        while !calls.is_empty() {
            calls.retain_mut(|call| match call.as_mut().poll(&mut context) {
                Poll::Ready(Ok(_)) => false,
                Poll::Ready(error) => {
                    failed = error;
                    false
                }
                Poll::Pending => true,
            });
        }
        failed?;
        for number in numbers {
            journal.settle(&records::settlement(number))?;
        }
    }
    wait(journal.close())?;
    Ok(journal.stats().bytes)
}

/// Waits for a future by asking again and again: nothing else runs here.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
