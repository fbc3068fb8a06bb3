//! What each stage of an exchange costs in instructions, which a busy machine does not change: counted by valgrind.
//! CONTRIBUTING.md says what to install and how to run it.
#![expect(clippy::expect_used, reason = "a bench that cannot set up has nothing to measure")]
#![expect(clippy::disallowed_methods, reason = "the harness makes a main that exits")]
#![expect(missing_docs, reason = "the macros of the harness make public modules")]

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use flyball_core::{Call, Clock, Decision, Finding, SystemClock};
use flyball_gateway::pipeline::decide::Basis;
use flyball_gateway::pipeline::screen::stream::StreamScreen;
use flyball_gateway::recording::SaltedHash;
use flyball_journal::{Journal, Options, Outcome, Settlement, Start, Subject, Usage, Verdict};
use gungraun::{library_benchmark, library_benchmark_group, main};
use tempfile::TempDir;
use work::{Work, answer, events, message, message_events, model, request};

mod work;

/// A prompt that is short.
const SHORT: usize = 70;
/// A prompt of a kilobyte.
const LONG: usize = 1_000;

/// An open journal in a folder of its own.
struct Records {
    journal: Journal,
    _folder: TempDir,
}

impl Records {
    /// An empty journal with the default options.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (journal, _) =
            Journal::open(folder.path(), Options::default(), Start::default(), Arc::new(SystemClock))
                .expect("the journal opens");
        Records { journal, _folder: folder }
    }

    /// The record of how an exchange ended, with the hash of what was released.
    fn settle(&self, released: &[u8]) {
        let salt = [7; 16];
        let settlement = Settlement {
            exchange: SystemClock.uuid().as_bytes().to_vec(),
            time: 1_700_000_000_000_000,
            subject: Some(Subject {
                tenant: "demo".to_owned(),
                key: vec![1; 16],
                principal: 1,
                operation: "chat".to_owned(),
                route: "demo".to_owned(),
                provider: "demo".to_owned(),
                model: "concrete".to_owned(),
                began: 1_700_000_000_000_000,
                ..Subject::default()
            }),
            verdict: Some(Verdict { action: "allow".to_owned(), ..Verdict::default() }),
            outcome: Outcome::Answered.into(),
            usage: Some(Usage::default()),
            total: 1_000,
            output_hash: SaltedHash::of(&salt, released).to_vec(),
            policy: vec![2; 32],
            snapshot: 1,
            salt: salt.to_vec(),
            ..Settlement::default()
        };
        self.journal.settle(&settlement).expect("the journal takes the record");
    }
}

fn body(length: usize) -> (Work, Bytes) {
    (Work::new(), request(length, false))
}

fn call(length: usize) -> (Work, Call) {
    let work = Work::new();
    let call = work.receive(request(length, false));
    assert_eq!(model(&call).as_deref(), Some("demo"));
    // Once, so that what is made at the first use is there.
    work.inspect(&call);
    (work, call)
}

fn basis() -> (Work, Basis) {
    let (work, call) = call(SHORT);
    let basis = work.basis(call);
    work.decide(&basis);
    (work, basis)
}

fn translated_stream() -> (Work, StreamScreen, Bytes) {
    let (work, screen, _) = stream();
    (work, screen, message_events())
}

fn received() -> (Work, Bytes) {
    (Work::new(), message())
}

fn stream() -> (Work, StreamScreen, Bytes) {
    let work = Work::new();
    let screen = || work.screen(work.receive(request(SHORT, true)));
    work.screen_stream(screen(), events());
    let screen = screen();
    (work, screen, events())
}

fn records() -> (Records, Bytes) {
    let records = Records::new();
    records.settle(&answer());
    (records, answer())
}

#[library_benchmark]
#[bench::short(body(SHORT))]
#[bench::kilobyte(body(LONG))]
fn receive((work, body): (Work, Bytes)) -> (Work, Call) {
    let call = work.receive(black_box(body));
    (work, call)
}

#[library_benchmark]
#[bench::kilobyte(call(LONG))]
fn inspect((work, call): (Work, Call)) -> (Work, Call, Vec<Finding>) {
    let findings = work.inspect(black_box(&call));
    (work, call, findings)
}

#[library_benchmark]
#[bench::default_policy(basis())]
fn decide((work, basis): (Work, Basis)) -> (Work, Basis, Decision) {
    let decision = work.decide(black_box(&basis));
    (work, basis, decision)
}

#[library_benchmark]
#[bench::another_model(call(LONG))]
fn prepare((work, call): (Work, Call)) -> (Work, Call, Bytes) {
    let body = work.prepare(black_box(&call));
    (work, call, body)
}

#[library_benchmark]
#[bench::chat_to_messages(call(LONG))]
fn translate((work, call): (Work, Call)) -> (Work, Call, Bytes) {
    let body = work.translate(black_box(&call));
    (work, call, body)
}

#[library_benchmark]
#[bench::messages_to_chat(received())]
fn translate_answer((work, body): (Work, Bytes)) -> (Work, Bytes) {
    let answer = work.translate_answer(black_box(body));
    (work, answer)
}

#[library_benchmark]
#[bench::short(basis())]
fn screen_plain((work, basis): (Work, Basis)) -> (Work, Basis, Bytes, Decision) {
    let (body, decision) = work.screen_plain(&basis, black_box(answer()));
    (work, basis, body, decision)
}

#[library_benchmark]
#[bench::of_32_events(stream())]
fn screen_stream((work, screen, events): (Work, StreamScreen, Bytes)) -> (Work, Bytes) {
    let released = work.screen_stream(screen, black_box(events));
    (work, released)
}

#[library_benchmark]
#[bench::of_32_events(translated_stream())]
fn screen_translated((work, screen, events): (Work, StreamScreen, Bytes)) -> (Work, Bytes) {
    let released = work.screen_translated(screen, black_box(events));
    (work, released)
}

#[library_benchmark]
#[bench::settlement(records())]
fn record((records, released): (Records, Bytes)) -> Records {
    records.settle(black_box(&released));
    records
}

library_benchmark_group!(
    name = stages,
    benchmarks = [
        receive,
        inspect,
        decide,
        prepare,
        translate,
        translate_answer,
        screen_plain,
        screen_stream,
        screen_translated,
        record
    ]
);
main!(library_benchmark_groups = stages);
