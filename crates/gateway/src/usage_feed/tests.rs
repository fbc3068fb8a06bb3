//! A real journal and a real database: what is counted, once, and which records stay needed.

use std::path::Path;
use std::sync::Arc;

use flyball_core::{Clock, ManualClock, Timestamp};
use flyball_journal::{
    Counting, Durability, Intent, Journal, Options, Outcome, Settlement, Start, Subject, Usage,
};
use flyball_store::{Cursor, Day, Span, Store, UsageFilter, UsageQuery, UsageTotals};
use tokio::task::JoinSet;

use super::UsageFeed;

const NOON: u64 = 1_795_521_600_000_000;

struct Opened {
    journal: Journal,
    store: Store,
    feed: UsageFeed,
    writer: JoinSet<()>,
}

async fn open(folder: &Path) -> Opened {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(NOON.cast_signed())));
    let (store, writer) = Store::open(&folder.join("data"), Arc::clone(&clock)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(writer.run());
    let cursor = store.operator().usage().cursor().await.unwrap();
    let start = Start { from: super::Lsn(cursor.scan_from), counted: super::Lsn(cursor.counted) };
    let options = Options { durability: Durability::Power, segment: 64 << 10, ..Options::default() };
    let (journal, recovery) = Journal::open(&folder.join("journal"), options, start, clock).unwrap();
    assert!(recovery.open.len() <= 1, "{recovery:?}");
    let feed = UsageFeed::new(store.clone(), journal.clone()).await.unwrap();
    Opened { journal, store, feed, writer: tasks }
}

impl Opened {
    async fn catch_up(&self) {
        self.feed.catch_up().await.unwrap();
    }

    async fn totals(&self) -> UsageTotals {
        let day = Day(Timestamp(NOON.cast_signed()).day());
        let spans = vec![Span::utc(day, day)];
        let query = UsageQuery { spans, only: UsageFilter::default(), by: vec![] };
        let rows = self.store.operator().usage().report(&query).await.unwrap();
        rows.first().map(|row| row.totals).unwrap_or_default()
    }

    async fn cursor(&self) -> Cursor {
        self.store.operator().usage().cursor().await.unwrap()
    }

    async fn close(mut self) {
        self.journal.close().await.unwrap();
        self.store.close().await.unwrap();
        while self.writer.join_next().await.is_some() {}
    }
}

fn subject() -> Subject {
    Subject {
        tenant: "acme".to_owned(),
        key: vec![1; 16],
        tags: vec!["nightly".to_owned()],
        operation: "chat".to_owned(),
        route: "small".to_owned(),
        provider: "sim".to_owned(),
        began: NOON,
        ..Subject::default()
    }
}

fn id(number: u64) -> Vec<u8> {
    [number.to_be_bytes(), number.to_be_bytes()].concat()
}

fn intent(number: u64) -> Intent {
    Intent { exchange: id(number), time: NOON, attempt: 1, subject: Some(subject()), ..Intent::default() }
}

fn settlement(number: u64) -> Settlement {
    Settlement {
        exchange: id(number),
        time: NOON,
        subject: Some(subject()),
        outcome: Outcome::Answered.into(),
        usage: Some(Usage {
            input: 10,
            cached_input: 4,
            output: number,
            counting: Counting::Reported.into(),
        }),
        cost: Some(7),
        attempts: 1,
        ..Settlement::default()
    }
}

async fn exchange(opened: &Opened, number: u64) {
    opened.journal.intend(&intent(number)).await.unwrap();
    opened.journal.settle(&settlement(number)).unwrap();
}

#[tokio::test]
async fn every_settlement_is_counted_once_across_turns_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut counted = 0;
    for start in 0..4 {
        let opened = open(folder.path()).await;
        for turn in 0..3 {
            for number in 0..200 {
                exchange(&opened, start * 1000 + turn * 200 + number).await;
            }
            counted += 200;
            opened.catch_up().await;
            let (totals, cursor) = (opened.totals().await, opened.cursor().await);
            assert_eq!((totals.exchanges, totals.answered, totals.reported), (counted, counted, counted));
            assert_eq!((totals.input_tokens, totals.cost.0.unsigned_abs()), (counted * 10, counted * 7));
            assert_eq!(cursor.scan_from, cursor.counted, "nothing is open");
            opened.catch_up().await;
            assert_eq!((opened.totals().await, opened.cursor().await), (totals, cursor));
        }
        // These are settled, and left for the next start to count.
        exchange(&opened, start * 1000 + 900).await;
        counted += 1;
        opened.close().await;
    }
    let opened = open(folder.path()).await;
    opened.catch_up().await;
    assert_eq!(opened.totals().await.exchanges, counted);
    opened.close().await;
}

#[tokio::test]
async fn many_turns_at_once_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    let mut expected = 0;
    for round in 0..10 {
        for number in 0..20 {
            exchange(&opened, round * 20 + number).await;
            expected += round * 20 + number;
        }
        tokio::join!(opened.catch_up(), opened.catch_up(), opened.catch_up(), opened.catch_up());
    }
    let totals = opened.totals().await;
    assert_eq!((totals.exchanges, totals.output_tokens), (200, expected));
    opened.close().await;
}

#[tokio::test]
async fn the_intent_of_an_open_exchange_stays_needed_until_it_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    exchange(&opened, 1).await;
    opened.catch_up().await;
    let before = opened.cursor().await;
    opened.journal.intend(&intent(2)).await.unwrap();
    for number in 3..50 {
        exchange(&opened, number).await;
    }
    opened.catch_up().await;
    let held = opened.cursor().await;
    assert!(held.scan_from >= before.counted && held.scan_from < held.counted, "{before:?} {held:?}");
    assert_eq!(opened.totals().await.exchanges, 48);
    opened.close().await;

    // A start from there finds the open exchange, and settling it lets go of it.
    let again = open(folder.path()).await;
    assert_eq!(again.journal.oldest_open().map(|lsn| lsn.0), Some(held.scan_from));
    again.journal.settle(&settlement(2)).unwrap();
    again.catch_up().await;
    let cursor = again.cursor().await;
    assert_eq!((again.totals().await.exchanges, cursor.scan_from), (49, cursor.counted));
    again.close().await;
}

#[tokio::test]
async fn an_exchange_that_begins_while_usage_is_counted_is_found_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    exchange(&opened, 1).await;
    // Counting has looked at what is open, and waits for its turn while more than a segment is written.
    let turn = opened.feed.place.lock().await;
    let (counted, ()) = tokio::join!(opened.feed.catch_up(), async {
        opened.journal.intend(&intent(2)).await.unwrap();
        for number in 3..1000 {
            exchange(&opened, number).await;
        }
        opened.journal.sync().await.unwrap();
        drop(turn);
    });
    counted.unwrap();
    let begun = opened.journal.oldest_open().unwrap();
    assert!(opened.cursor().await.scan_from <= begun.0);
    opened.catch_up().await;
    assert_eq!(opened.totals().await.exchanges, 998);
    opened.close().await;

    let again = open(folder.path()).await;
    assert_eq!(again.journal.oldest_open(), Some(begun), "nobody would settle it");
    again.close().await;
}

#[tokio::test]
async fn what_belongs_to_no_tenant_moves_the_cursor_only() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    opened.journal.record(&Settlement { subject: None, ..settlement(1) }).await.unwrap();
    let nobody = Subject { tenant: String::new(), ..subject() };
    opened.journal.record(&Settlement { subject: Some(nobody), ..settlement(2) }).await.unwrap();
    opened.catch_up().await;
    assert_eq!(opened.totals().await, UsageTotals::default());
    assert!(opened.cursor().await.counted > 0);
    opened.close().await;
}
