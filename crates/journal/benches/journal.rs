//! What one exchange costs the journal in CPU time: an intent and a settlement, made, encoded, framed, checksummed and
//! written to a file, with 1, 32 and 128 exchanges that share a write. `task` is the time of the thread that does all
//! that, `process` that of the journal's own threads too, which prepare the space. Waiting for the disk does not count.
#![expect(clippy::expect_used, reason = "a bench that cannot set up has nothing to measure")]

#[path = "../examples/records/mod.rs"]
mod records;

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flyball_core::SystemClock;
use flyball_journal::{AppendError, Durability, Intent, Journal, Lsn, Options, Start};
use rustix::time::{ClockId, clock_gettime};

type Call<'a> = Pin<Box<dyn Future<Output = Result<Lsn, AppendError>> + 'a>>;

/// Polls calls in turn, as a runtime does with tasks that are ready, until all are written.
fn run(mut calls: Vec<Call<'_>>) {
    let mut context = Context::from_waker(Waker::noop());
    while !calls.is_empty() {
        calls.retain_mut(|call| call.as_mut().poll(&mut context).is_pending());
    }
}

/// CPU time used so far.
fn used(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).expect("a clock that counts from 0")
}

/// One round: as many exchanges as share a write.
fn round(journal: &Journal, numbers: Range<u64>) {
    let intents: Vec<Intent> = numbers.clone().map(records::intent).collect();
    run(intents.iter().map(|intent| Box::pin(journal.intend(intent)) as Call<'_>).collect());
    for number in numbers {
        journal.settle(&records::settlement(number)).expect("room was set aside");
    }
}

fn exchanges(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = Options {
        durability: Durability::Process,
        max_size: 256 << 20,
        background_sync: Duration::from_secs(60),
        ..Options::default()
    };
    let (journal, _) =
        Journal::open(folder.path(), options, Start::default(), Arc::new(SystemClock)).expect("a journal");
    let mut number = 0;
    for (name, clock) in [("task", ClockId::ThreadCPUTime), ("process", ClockId::ProcessCPUTime)] {
        let mut group = criterion.benchmark_group(name);
        for batch in [1, 32, 128] {
            group.throughput(Throughput::Elements(batch));
            group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
                bencher.iter_custom(|rounds| {
                    let begun = used(clock);
                    for _ in 0..rounds {
                        round(&journal, number..number + batch);
                        number += batch;
                    }
                    journal.forget(journal.health().written);
                    used(clock) - begun
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, exchanges);
criterion_main!(benches);
