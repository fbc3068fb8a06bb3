//! Many tasks at once, on several threads of a runtime.

use std::collections::HashMap;
use std::time::Duration;

use flyball_journal::{Durability, Options};
use tokio::task::JoinSet;

use crate::support::{contents, intent, open, settlement};

async fn hammer(durability: Durability) {
    let folder = tempfile::tempdir().unwrap();
    let options =
        Options { durability, segment: 256 << 10, linger: Duration::from_millis(2), ..Options::default() };
    let (journal, _) = open(folder.path(), &options);
    let mut tasks = JoinSet::new();
    for task in 0..64u64 {
        let journal = journal.clone();
        tasks.spawn(async move {
            for round in 0..100 {
                let number = task * 1000 + round + 1;
                let lsn = journal.intend(&intent(number)).await.unwrap();
                let health = journal.health();
                assert!(health.written >= lsn);
                if round % 3 == 0 {
                    journal.durable(lsn).await.unwrap();
                    assert!(durability == Durability::Process || journal.health().synced >= lsn);
                }
                journal.settle(&settlement(number)).unwrap();
                if round % 10 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(journal.health().open, 0);
    journal.close().await.unwrap();
    let mut seen: HashMap<i64, usize> = HashMap::new();
    for number in contents(folder.path()) {
        if number < 0 {
            assert_eq!(seen.get(&-number), Some(&1), "a settlement follows its intent");
        }
        *seen.entry(number).or_default() += 1;
    }
    assert_eq!(seen.len(), 2 * 64 * 100);
    assert!(seen.values().all(|count| *count == 1), "nothing is there twice");
    let stats = journal.stats();
    assert_eq!(stats.records, 2 * 64 * 100);
    assert_eq!(stats.sync_times.iter().sum::<u64>(), stats.syncs);
    assert!(stats.writes < stats.records, "records are written together");
    assert_eq!(open(folder.path(), &options).1.open, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_on_two_threads_lose_nothing_with_power_durability() {
    hammer(Durability::Power).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_on_two_threads_lose_nothing_with_process_durability() {
    hammer(Durability::Process).await;
}

#[tokio::test]
async fn many_tasks_on_one_thread_lose_nothing() {
    hammer(Durability::Power).await;
}
