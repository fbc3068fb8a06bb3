//! Opening, appending, reading, closing and opening again.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use flyball_journal::{AppendError, Durability, Intent, Journal, Lsn, Options, Record, Start, Verdict};

use crate::support::{NOW, clock, contents, exchange, intent, number, open, open_at, settlement, signed};

#[tokio::test]
async fn what_is_written_is_read_again_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, recovery) = open(folder.path(), &Options::default());
    assert_eq!((recovery.records, recovery.open.len(), recovery.truncated), (0, 0, None));
    let intended = journal.intend(&intent(1)).await.unwrap();
    journal.durable(intended).await.unwrap();
    journal.settle(&settlement(1)).unwrap();
    journal.record(&settlement(2)).await.unwrap();
    let mut reader = journal.reader(Lsn(0));
    let batch = reader.next_batch(1 << 20).unwrap();
    assert_eq!(batch.iter().map(|(_, _, record)| signed(record)).collect::<Vec<_>>(), [1, -1, -2]);
    assert_eq!(batch[0].1, intended, "an intent's position is the end of its record");
    assert_eq!(batch[0].2, Record::Intent(intent(1)));
    assert!(batch.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    assert!(reader.next_batch(1 << 20).unwrap().is_empty());
    assert_eq!(journal.reader(batch[1].1).next_batch(1 << 20).unwrap(), batch[2..]);
    journal.close().await.unwrap();
    assert_eq!(contents(folder.path()), [1, -1, -2]);

    let (journal, recovery) = open(folder.path(), &Options::default());
    assert_eq!((recovery.records, recovery.open.len(), recovery.truncated), (3, 0, None));
    assert_eq!(recovery.end, journal.health().written);
    journal.intend(&intent(3)).await.unwrap();
    assert_eq!(contents(folder.path()), [1, -1, -2, 3]);
    journal.close().await.unwrap();
}

#[tokio::test]
async fn an_exchange_without_a_settlement_is_open_after_a_restart_until_it_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), &Options::default());
    journal.intend(&intent(1)).await.unwrap();
    journal.settle(&settlement(1)).unwrap();
    journal.intend(&intent(2)).await.unwrap();
    let second = Intent { attempt: 2, time: NOW + 50, ..intent(2) };
    journal.intend(&second).await.unwrap();
    assert_eq!(journal.health().open, 1);
    let oldest = journal.oldest_open().unwrap();
    journal.close().await.unwrap();

    let (journal, recovery) = open(folder.path(), &Options::default());
    assert_eq!(recovery.open.len(), 1);
    let open_intent = &recovery.open[0];
    assert_eq!((&open_intent.intent, open_intent.attempts, open_intent.lsn), (&second, 2, oldest));
    assert_eq!(journal.oldest_open(), Some(oldest));
    journal
        .settle(&flyball_journal::interrupted(&open_intent.intent, open_intent.attempts, NOW + 99))
        .unwrap();
    assert_eq!(journal.oldest_open(), None);
    journal.close().await.unwrap();
    assert_eq!(open(folder.path(), &Options::default()).1.open, []);
}

#[tokio::test]
async fn recovery_reads_from_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, ..Options::default() };
    let (journal, _) = open(folder.path(), &options);
    let mut last = Lsn(0);
    for number in 1..=2000 {
        last = journal.intend(&intent(number)).await.unwrap();
        journal.settle(&settlement(number)).unwrap();
    }
    journal.close().await.unwrap();
    let start = Start { from: last, counted: last };
    let (journal, recovery) = Journal::open(folder.path(), options, start, clock()).unwrap();
    assert!(recovery.records < 1000, "{} records were read", recovery.records);
    let mut reader = journal.reader(Lsn(0));
    let mut count = 0;
    reader
        .for_each(|_, _| {
            count += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(count, 4000);
    journal.close().await.unwrap();
}

#[tokio::test]
async fn segments_follow_one_another_and_old_ones_go_when_nobody_needs_them() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, max_size: 200 << 10, ..Options::default() };
    let (journal, _) = open_at(folder.path(), &options, clock());
    journal.intend(&intent(1)).await.unwrap();
    for number in 2..2000 {
        journal.intend(&intent(number)).await.unwrap();
        journal.settle(&settlement(number)).unwrap();
    }
    let end = journal.flush().await.unwrap();
    journal.durable(end).await.unwrap();
    let before = journal.health().segments;
    assert!(before > 4, "{before} segments");
    // The first exchange is open: nothing goes, whatever is forgotten.
    journal.forget(end);
    for number in 2000..2500 {
        journal.intend(&intent(number)).await.unwrap();
        journal.settle(&settlement(number)).unwrap();
    }
    assert!(journal.health().segments > before);
    assert!(journal.find(&exchange(1), NOW).unwrap().is_some());
    journal.settle(&settlement(1)).unwrap();
    for number in 2500..3500 {
        let lsn = journal.intend(&intent(number)).await.unwrap();
        journal.durable(lsn).await.unwrap();
        journal.settle(&settlement(number)).unwrap();
        journal.forget(lsn);
    }
    assert!(journal.health().bytes <= 400 << 10, "{:?}", journal.health());
    assert_eq!(journal.find(&exchange(1), NOW).unwrap(), None);
    journal.close().await.unwrap();
    let left = contents(folder.path());
    assert_eq!(*left.last().unwrap(), -3499);
    assert_eq!(open(folder.path(), &options).1.open, []);
}

#[tokio::test]
async fn one_exchange_is_found_by_its_id_and_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), &Options { segment: 64 << 10, ..Options::default() });
    for number in 1..1000 {
        journal.intend(&intent(number)).await.unwrap();
        if number != 700 {
            journal.settle(&settlement(number)).unwrap();
        }
    }
    journal.flush().await.unwrap();
    let found = journal.find(&exchange(500), NOW + 500).unwrap().unwrap();
    assert_eq!((found.intents, found.settlement), (vec![intent(500)], Some(settlement(500))));
    let found = journal.find(&exchange(700), NOW + 700).unwrap().unwrap();
    assert_eq!((found.intents, found.settlement), (vec![intent(700)], None));
    assert_eq!(journal.find(&exchange(5000), NOW).unwrap(), None);
    journal.close().await.unwrap();
}

#[tokio::test]
async fn a_settlement_is_written_soon_although_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) =
        open(folder.path(), &Options { linger: Duration::from_millis(1), ..Options::default() });
    journal.intend(&intent(1)).await.unwrap();
    let end = journal.settle(&settlement(1)).unwrap();
    while journal.health().written < end {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // And the disk follows.
    while journal.health().synced < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    journal.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_journal_refuses_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), &Options::default());
    journal.close().await.unwrap();
    journal.close().await.unwrap();
    assert!(matches!(journal.intend(&intent(1)).await, Err(AppendError::Closed)));
    assert!(matches!(journal.settle(&settlement(1)), Err(AppendError::Closed)));
    assert!(matches!(journal.record(&settlement(1)).await, Err(AppendError::Closed)));
}

#[tokio::test]
async fn a_record_that_cannot_be_one_is_refused_and_a_long_list_is_shortened() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), &Options::default());
    let nameless = Intent { exchange: vec![1; 15], ..intent(1) };
    assert!(matches!(journal.intend(&nameless).await, Err(AppendError::NoExchange)));
    let long = Intent { policy: vec![0; 5000], ..intent(1) };
    assert!(matches!(journal.intend(&long).await, Err(AppendError::TooLong { .. })));
    assert_eq!(journal.health().open, 0);
    let verdict = Verdict { rules: vec!["a-rule-with-a-long-name".into(); 1000], ..Verdict::default() };
    journal.intend(&Intent { verdict: Some(verdict), ..intent(1) }).await.unwrap();
    let found = journal.find(&exchange(1), NOW).unwrap().unwrap();
    let rules = &found.intents[0].verdict.as_ref().unwrap().rules;
    assert!(rules.len() > 50 && rules.len() < 1000);
    assert_eq!(rules.last().unwrap(), "...");
    assert_eq!(journal.stats().shortened, 1);
    journal.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_is_recorded_all_the_same_once_it_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), &Options::default());
    let (first, second) = (intent(1), intent(2));
    {
        let mut call = Box::pin(journal.intend(&first));
        let waker = std::task::Waker::noop();
        assert!(call.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    drop(journal.intend(&second));
    assert_eq!(journal.health().open, 1, "only what was polled was accepted");
    journal.flush().await.unwrap();
    assert_eq!(contents(folder.path()), [1]);
    journal.close().await.unwrap();
}

#[tokio::test]
async fn only_the_owner_can_read_what_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/journal");
    let (journal, _) = open(&path, &Options::default());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let files: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty() && files.iter().all(|file| mode(file) == 0o600));
    journal.close().await.unwrap();
}

#[tokio::test]
async fn positions_that_were_counted_are_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), &Options::default());
    let lsn = journal.intend(&intent(1)).await.unwrap();
    journal.close().await.unwrap();
    // Counted within the segment, far beyond it, and with the folder emptied.
    let mut counted = lsn;
    for further in [1 << 20, 1 << 40] {
        counted = Lsn(counted.0 + further);
        let start = Start { from: lsn, counted };
        let (journal, recovery) = Journal::open(folder.path(), Options::default(), start, clock()).unwrap();
        let missing = recovery.missing.clone().unwrap();
        assert_eq!(missing.end, counted);
        let next = journal.record(&settlement(9)).await.unwrap();
        assert!(next > counted, "{next} {counted}");
        journal.close().await.unwrap();
        let (journal, recovery) =
            Journal::open(folder.path(), Options::default(), Start { from: Lsn(0), counted }, clock())
                .unwrap();
        assert_eq!(recovery.missing, None);
        journal.close().await.unwrap();
    }
    assert_eq!(contents(folder.path()), [1, -9, -9]);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let start = Start { from: counted, counted };
    let (journal, recovery) = Journal::open(folder.path(), Options::default(), start, clock()).unwrap();
    assert_eq!(recovery.missing, Some(Lsn(0)..counted));
    assert!(journal.record(&settlement(3)).await.unwrap() > counted);
    journal.close().await.unwrap();
}

#[tokio::test]
async fn in_process_durability_nobody_waits_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        durability: Durability::Process,
        background_sync: Duration::from_secs(3600),
        ..Options::default()
    };
    let (journal, _) = open(folder.path(), &options);
    for at in 1..100 {
        let lsn = journal.intend(&intent(at)).await.unwrap();
        journal.durable(lsn).await.unwrap();
    }
    assert_eq!(journal.stats().syncs, 0);
    journal.close().await.unwrap();
    assert!(journal.stats().syncs > 0, "closing syncs");
    assert_eq!(number(&intent(7).exchange), 7);
}
