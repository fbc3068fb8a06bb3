//! Random lives of a journal with a random mishap.

use std::io::ErrorKind;

use proptest::prelude::*;

use super::disk::{Mishap, Simulated};
use super::rig::{Fate, check, long, open};

#[derive(Clone, Debug)]
enum Deed {
    Intend(usize),
    Settle(prop::sample::Index, usize),
    Record(usize),
    Durable,
    Flush,
    Turn,
    Close,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..3000usize).prop_map(Deed::Intend),
        4 => (any::<prop::sample::Index>(), 0..3000usize).prop_map(|(which, size)| Deed::Settle(which, size)),
        1 => (0..3000usize).prop_map(Deed::Record),
        2 => Just(Deed::Durable),
        1 => Just(Deed::Flush),
        2 => Just(Deed::Turn),
        1 => (0..20u8).prop_map(|rare| if rare == 0 { Deed::Close } else { Deed::Turn }),
    ]
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        Just(Mishap::Crash),
        Just(Mishap::Full),
        Just(Mishap::Error(ErrorKind::StorageFull)),
        Just(Mishap::Error(ErrorKind::Other)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if long() { 10_000 } else { 150 }, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_what_was_acknowledged_is_there_and_nothing_else(
        deeds in proptest::collection::vec(deed(), 1..120), at in 10..200usize, mishap in mishap(), seed: u64
    ) {
        let disk = Simulated::default();
        disk.arm(at, mishap, seed);
        if let Ok(mut rig) = open(&disk) {
            let mut unsettled = Vec::new();
            for (number, deed) in (1..).zip(&deeds) {
                match deed {
                    Deed::Intend(size) => {
                        if matches!(rig.intend(number, *size), Fate::Acknowledged) {
                            unsettled.push(number);
                        }
                    }
                    Deed::Settle(which, size) if !unsettled.is_empty() => {
                        let number = unsettled.remove(which.index(unsettled.len()));
                        let fate = rig.settle(number, *size);
                        prop_assert!(!matches!(fate, Fate::Refused), "a settlement always has room");
                    }
                    Deed::Settle(..) => {}
                    Deed::Record(size) => {
                        rig.record(number, *size);
                    }
                    Deed::Durable => rig.make_durable(),
                    Deed::Flush => rig.flush(),
                    Deed::Turn => rig.turn(),
                    Deed::Close => rig.close(),
                }
            }
            disk.restart();
            check(&disk.after_a_power_cut(seed), &rig.appended, &rig.durable, "power cut");
            check(&disk, &rig.appended, &rig.written, "process dead");
        }
    }
}
