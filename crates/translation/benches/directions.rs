//! What translation costs in time, by direction: `cargo bench -p flyball-translation`. Requests and answers are read
//! already, as they are when they come here; the reading of an event is in its figure.
#![expect(clippy::expect_used, reason = "a bench that cannot set up has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flyball_translation::Dialect::{Chat, Converse, Gemini, Messages, Responses};
use talk::{answer, answered, conversation, push, question, request, stream, word};

mod talk;

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request");
    for (from, to) in [(Chat, Messages), (Messages, Chat), (Chat, Gemini), (Chat, Converse)] {
        for (what, document) in [("1 KB", question(from)), ("agent, 10 turns", conversation(from))] {
            group.throughput(Throughput::Bytes(document.source().len() as u64));
            group.bench_function(format!("{} to {}, {what}", from.name(), to.name()), |b| {
                b.iter(|| request(from, black_box(&document), to));
            });
        }
    }
}

fn answers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("answer");
    for (from, to) in
        [(Messages, Chat), (Chat, Messages), (Chat, Responses), (Gemini, Chat), (Converse, Chat)]
    {
        let document = answer(from);
        group.bench_function(format!("{} to {}", from.name(), to.name()), |b| {
            b.iter(|| answered(from, black_box(&document), to));
        });
    }
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    for (from, to) in
        [(Messages, Chat), (Chat, Messages), (Chat, Responses), (Gemini, Chat), (Converse, Chat)]
    {
        let words: Vec<_> = (100..200).map(|number| word(from, number)).collect();
        let (mut events, mut written, mut next) = (stream(from, to), Vec::new(), words.iter().cycle());
        group.bench_function(format!("{} to {}", from.name(), to.name()), |b| {
            b.iter(|| {
                written.clear();
                if let Some(data) = next.next() {
                    push(&mut events, from, black_box(data), &mut written);
                }
                written.len()
            });
        });
    }
}

criterion_group!(benches, requests, answers, events);
criterion_main!(benches);
