//! What inspection costs by the byte: prose without findings, prose with numbers and dates, text full of findings,
//! and a stream in pieces of a few bytes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flyball_guard::{Scanner, StreamScanner};

const PROSE: &str = "The governor turns with the engine, and as it turns faster its weights fly apart and close the \
                     valve. Nobody has to watch it; that is the point of the thing. What it cannot do is to say why, \
                     and so the makers of later engines wrote down every motion that it made. ";
const DATED: &str = "In 1788 the first was fitted; by 1810 there were 75 in use, at 12.50 a piece (order 1029-33). On \
                     2026-11-24 at 10:15:30 version 2.13.4 came out, with 3 of 14 faults mended and 1,204 tests. ";
const DENSE: &str = "Ada <ada@example.org>, 415-555-2671, card 4111 1111 1111 1111, SSN 123-45-6789, \
                     DE89 3704 0044 0532 0130 00; ";

fn scan(criterion: &mut Criterion) {
    let scanner = Scanner::standard();
    let mut group = criterion.benchmark_group("scan");
    for (name, text) in [("prose", PROSE), ("dated", DATED), ("dense", DENSE)] {
        let text = text.repeat(4096 / text.len() + 1);
        group.throughput(Throughput::Bytes(text.len() as u64));
        let mut findings = Vec::with_capacity(1024);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                findings.clear();
                scanner.scan(black_box(&text), &mut findings);
                findings.len()
            });
        });
    }
    group.finish();
}

fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    for (name, text) in [("prose", PROSE), ("dense", DENSE)] {
        let text = text.repeat(4096 / text.len() + 1);
        let pieces: Vec<&str> = text.split_inclusive(' ').collect();
        group.throughput(Throughput::Elements(pieces.len() as u64));
        let mut findings = Vec::with_capacity(1024);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                findings.clear();
                let mut scanner = StreamScanner::new();
                for piece in black_box(&pieces) {
                    black_box(scanner.push(piece, &mut findings));
                }
                scanner.finish(&mut findings)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, scan, stream);
criterion_main!(benches);
