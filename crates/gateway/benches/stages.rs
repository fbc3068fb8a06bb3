//! What each stage of an exchange costs in time: `cargo bench -p flyball-gateway --bench stages`.
#![expect(clippy::expect_used, reason = "a bench that cannot set up has nothing to measure")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use work::{Work, answer, events, message, message_events, model, request};

mod work;

fn stages(criterion: &mut Criterion) {
    let work = Work::new();
    let (short, long) = (request(70, false), request(1_000, false));
    assert_eq!(model(&work.receive(short.clone())).as_deref(), Some("demo"));
    criterion.bench_function("receive, short prompt", |b| b.iter(|| work.receive(black_box(short.clone()))));
    criterion.bench_function("receive, 1 KB prompt", |b| b.iter(|| work.receive(black_box(long.clone()))));
    let call = work.receive(long);
    criterion.bench_function("inspect, 1 KB prompt", |b| b.iter(|| work.inspect(black_box(&call))));
    let basis = work.basis(work.receive(short.clone()));
    criterion.bench_function("decide, default policy", |b| b.iter(|| work.decide(black_box(&basis))));
    criterion.bench_function("prepare, another model name", |b| b.iter(|| work.prepare(black_box(&call))));
    criterion.bench_function("translate, chat to messages", |b| b.iter(|| work.translate(black_box(&call))));
    let received = message();
    criterion.bench_function("translate, an answer of messages", |b| {
        b.iter(|| work.translate_answer(black_box(received.clone())));
    });
    let plain = answer();
    criterion.bench_function("screen, plain answer", |b| {
        b.iter(|| work.screen_plain(&basis, black_box(plain.clone())));
    });
    let (asked, stream) = (request(70, true), events());
    criterion.bench_function("screen, stream of 32 events", |b| {
        b.iter_batched(
            || work.screen(work.receive(asked.clone())),
            |screen| work.screen_stream(screen, black_box(stream.clone())),
            BatchSize::SmallInput,
        );
    });
    let stream = message_events();
    criterion.bench_function("screen, stream of 32 events translated from messages", |b| {
        b.iter_batched(
            || work.screen(work.receive(asked.clone())),
            |screen| work.screen_translated(screen, black_box(stream.clone())),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, stages);
criterion_main!(benches);
