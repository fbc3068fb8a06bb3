//! Crashes at each operation of appending, changing segments, recovering and closing: as the death of the process and
//! as a power cut, each with two outcomes.

use std::collections::BTreeSet;

use super::disk::{Mishap, Simulated};
use super::rig::{Rig, check, contents, long, open};

/// Appends, syncs and settles within one segment.
fn append(rig: &mut Rig) {
    for number in 1..=6 {
        rig.intend(number, 20 * number as usize);
        if number % 2 == 1 {
            rig.make_durable();
        }
        if number != 3 {
            rig.settle(number, 10);
        }
        if number == 4 {
            rig.record(40, 700);
            rig.flush();
        }
    }
    rig.make_durable();
    rig.close();
}

/// Fills several segments.
fn rotate(rig: &mut Rig) {
    for number in 1..=45 {
        rig.intend(number, 2900);
        if number % 5 == 0 {
            rig.make_durable();
        }
        if number % 7 != 0 {
            rig.settle(number, 1500);
        }
        if number % 11 == 0 {
            rig.turn();
        }
    }
    rig.flush();
}

/// Lets the scenario crash at each operation, from the opening of an empty folder on.
fn crash_everywhere(scenario: fn(&mut Rig), least: usize) {
    for at in 0.. {
        let disk = Simulated::default();
        disk.arm(at, Mishap::Crash, at as u64);
        let (mut appended, mut written, mut durable) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        if let Ok(mut rig) = open(&disk) {
            scenario(&mut rig);
            (appended, written, durable) = (rig.appended, rig.written, rig.durable);
        }
        let met = disk.met();
        disk.restart();
        if !met {
            assert!(at > least, "the scenario has only {at} operations");
            assert_eq!(contents(&disk), appended, "without a crash everything is there");
            return;
        }
        for seed in 0..if long() { 20 } else { 2 } {
            let cut = disk.after_a_power_cut(seed);
            check(&cut, &appended, &durable, &format!("power cut at operation {at}, outcome {seed}"));
        }
        check(&disk, &appended, &written, &format!("process dead at operation {at}"));
    }
}

#[test]
fn a_crash_at_any_operation_of_appending_loses_nothing_that_was_acknowledged() {
    crash_everywhere(append, 20);
}

#[test]
fn a_crash_at_any_operation_of_changing_segments_loses_nothing_that_was_acknowledged() {
    crash_everywhere(rotate, 100);
}

#[test]
fn a_segment_whose_name_a_crash_left_unsynced_loses_nothing_to_a_later_power_cut() {
    for at in 0.. {
        let disk = Simulated::default();
        disk.arm(at, Mishap::Crash, at as u64);
        let Ok(mut rig) = open(&disk) else {
            disk.restart();
            continue;
        };
        rotate(&mut rig);
        let met = disk.met();
        disk.restart();
        if !met {
            assert!(at > 100);
            return;
        }
        let before = contents(&disk);
        let mut rig = open(&disk).unwrap();
        // Fills what the segments in place have to give, so that those made last are written to.
        for number in 100..140 {
            rig.record(number, 3000);
            rig.make_durable();
            let must: BTreeSet<i64> = before.iter().copied().chain(rig.durable.iter().copied()).collect();
            let cut = disk.after_a_power_cut(number.unsigned_abs());
            let there: BTreeSet<i64> = {
                drop(open(&cut).unwrap_or_else(|error| panic!("crash at {at}, record {number}: {error}")));
                contents(&cut).into_iter().collect()
            };
            let lost: Vec<_> = must.difference(&there).collect();
            assert!(lost.is_empty(), "crash at {at}, record {number}: lost {lost:?}");
        }
    }
}

#[test]
fn a_crash_at_any_operation_of_recovery_changes_nothing_of_what_it_finds() {
    // Crashes of the first life that leave different things to recover.
    let lives: Vec<usize> = if long() { (40..120).step_by(8).collect() } else { vec![47, 83, 110] };
    for first in lives {
        let disk = Simulated::default();
        disk.arm(first, Mishap::Crash, first as u64);
        let mut rig = open(&disk).unwrap();
        rotate(&mut rig);
        assert!(disk.met());
        disk.restart();
        for image in [disk.copy(), disk.after_a_power_cut(1)] {
            let expected = {
                let image = image.copy();
                open(&image).unwrap();
                contents(&image)
            };
            for at in 0.. {
                let disk = image.copy();
                disk.arm(at, Mishap::Crash, 5);
                let opened = open(&disk).is_ok();
                let met = disk.met();
                assert!(opened != met, "a start that meets with a crash does not succeed");
                disk.restart();
                let what = format!("first life until {first}, recovery until {at}");
                check(&disk.after_a_power_cut(3), &rig.appended, &rig.durable, &format!("{what}, power cut"));
                assert_eq!(check(&disk, &rig.appended, &rig.durable, &what), expected, "{what}");
                if !met {
                    assert!(at > 10);
                    break;
                }
            }
        }
    }
}
