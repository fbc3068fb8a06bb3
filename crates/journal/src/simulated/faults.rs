//! A disk that refuses: at each operation once, or for good.

use std::io::ErrorKind;

use super::disk::{Mishap, Simulated};
use super::rig::{Fate, Rig, check, contents, open};
use crate::error::OpenError;

fn scenario(rig: &mut Rig) {
    for number in 1..=30 {
        rig.intend(number, 2900);
        if number % 3 == 0 {
            rig.make_durable();
        }
        if number % 7 != 0 {
            rig.settle(number, 1500);
        }
    }
    rig.flush();
}

#[test]
fn an_error_at_any_operation_is_never_answered_with_an_acknowledgement_that_does_not_hold() {
    for kind in [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem, ErrorKind::Other] {
        let mut failures = 0;
        for at in 0.. {
            let disk = Simulated::default();
            disk.arm(at, Mishap::Error(kind), at as u64);
            let Ok(mut rig) = open(&disk) else {
                disk.restart();
                check(
                    &disk,
                    &[],
                    &Default::default(),
                    &format!("{kind} at operation {at} of the first start"),
                );
                continue;
            };
            scenario(&mut rig);
            if !disk.met() {
                break;
            }
            if rig.journal.health().failed {
                failures += 1;
                assert!(
                    matches!(rig.intend(900, 10), Fate::Unknown),
                    "nothing is acknowledged after a failure"
                );
                rig.appended.pop();
                assert!(matches!(rig.settle(1, 10), Fate::Unknown));
            }
            disk.restart();
            let what = format!("{kind} at operation {at}");
            check(&disk.after_a_power_cut(1), &rig.appended, &rig.durable, &format!("{what}, power cut"));
            check(&disk, &rig.appended, &rig.written, &what);
        }
        assert!(failures > 10, "writes and syncs are among the operations");
    }
}

#[test]
fn on_a_full_disk_new_exchanges_are_refused_while_all_that_were_accepted_are_settled() {
    for at in [20, 25, 30, 40, 50] {
        let disk = Simulated::default();
        disk.arm(at, Mishap::Full, 1);
        let mut rig = open(&disk).unwrap();
        let mut open_ones = Vec::new();
        let mut number = 0;
        loop {
            number += 1;
            match rig.intend(number, 3000) {
                Fate::Acknowledged => open_ones.push(number),
                Fate::Refused => break,
                Fate::Unknown => panic!("a full disk is no failure"),
            }
            assert!(number < 1000, "the disk is full");
            if number % 3 == 0 {
                assert!(matches!(rig.settle(open_ones.remove(0), 3900), Fate::Acknowledged));
            }
        }
        assert!(rig.journal.health().full);
        // An exchange that never left us takes room only once; then there is none for it either.
        while matches!(rig.record(500, 3900), Fate::Acknowledged) {}
        for number in open_ones {
            assert!(matches!(rig.settle(number, 3900), Fate::Acknowledged), "room was set aside");
        }
        rig.make_durable();
        assert!(!rig.journal.health().failed);
        assert_eq!(contents(&disk), rig.appended);
        check(&disk.after_a_power_cut(1), &rig.appended, &rig.durable, "full disk");
        // Space comes back: the thread sees by itself, or at once when there is nothing to wait for.
        disk.make_space();
        rig.retry_now();
        assert!(matches!(rig.intend(501, 100), Fate::Acknowledged));
        assert!(!rig.journal.health().full);
    }
}

#[test]
fn a_failed_sync_is_final_and_the_next_start_puts_on_the_disk_what_it_finds() {
    let disk = Simulated::default();
    let mut rig = open(&disk).unwrap();
    rig.turn();
    rig.intend(1, 100);
    rig.make_durable();
    rig.intend(2, 100);
    disk.arm(0, Mishap::Error(ErrorKind::Other), 1);
    rig.make_durable();
    assert!(disk.met() && rig.journal.health().failed);
    assert!(!rig.durable.contains(&2));
    let mut failed = Box::pin(rig.journal.failed());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(fatal) = failed.as_mut().poll(&mut context) else { panic!("it has failed") };
    assert_eq!(fatal.action, "sync");
    // The operating system shows the record, but the disk does not have it, and another sync would not write it.
    disk.restart();
    let there = check(&disk, &rig.appended, &rig.written, "after a failed sync");
    assert_eq!(there, [1, 2]);
}

#[test]
fn a_thread_that_panics_is_a_failure_that_everybody_is_told_of() {
    let disk = Simulated::default();
    let clock = std::sync::Arc::new(flyball_core::ManualClock::at(flyball_core::Timestamp(7)));
    let (journal, _, mut worker) = crate::journal::Journal::on(
        std::sync::Arc::new(disk.clone()),
        super::rig::options(),
        crate::Start::default(),
        clock,
    )
    .unwrap();
    while worker.turn() == crate::worker::Pause::None {}
    let mut waits = Box::pin(journal.sync());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let record = crate::Settlement { exchange: vec![1; 16], time: 7, ..crate::Settlement::default() };
    journal.settle(&record).unwrap();
    while waits.as_mut().poll(&mut context).is_pending()
        && journal.health().written == journal.health().synced
    {}
    assert!(waits.as_mut().poll(&mut context).is_pending());
    disk.arm(0, Mishap::Panic, 1);
    assert!(std::thread::spawn(move || worker.run()).join().is_err());
    let gone = |outcome: &std::task::Poll<Result<_, crate::AppendError>>| {
        matches!(outcome, std::task::Poll::Ready(Err(crate::AppendError::Failed(_))))
    };
    assert!(gone(&waits.as_mut().poll(&mut context)), "who waits is told");
    let later = journal.settle(&record);
    assert!(matches!(later, Err(crate::AppendError::Failed(_))), "who comes later too");
    let closed = Box::pin(journal.close()).as_mut().poll(&mut context);
    assert!(
        matches!(closed, std::task::Poll::Ready(Err(_))),
        "closing does not wait for a thread that is gone"
    );
    assert!(Box::pin(journal.failed()).as_mut().poll(&mut context).is_ready());
}

#[test]
fn damage_that_had_been_synced_is_refused_in_every_segment() {
    let disk = Simulated::default();
    let mut rig = open(&disk).unwrap();
    scenario(&mut rig);
    rig.close();
    for (name, offset) in [("0000000000000000.journal", 64 + 30), ("0000000000010000.journal", 64 + 4000)] {
        let damaged = disk.copy();
        damaged.damage(name, offset, &[0xee]);
        assert!(matches!(open(&damaged), Err(OpenError::Corrupt { file, .. }) if file == name));
    }
}
