//! The data folder and its SQLite file when something is wrong with them, and what a failing disk does to usage.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flyball_core::{Counting, KeyId, ManualClock, Money, Outcome, Timestamp};
use flyball_store::{
    Batch, Day, Fingerprint, NewKey, RollUp, Settled, Span, Store, StoreError, UsageFilter, UsageQuery,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::task::JoinSet;

const NOW: Timestamp = Timestamp(1_795_521_600_000_000);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}

async fn start(folder: &Path) -> (Store, JoinSet<()>) {
    let (store, writer) = Store::open(folder, clock()).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(writer.run());
    (store, tasks)
}

async fn refusal(folder: &Path) -> StoreError {
    match Store::open(folder, clock()).await {
        Ok(_) => panic!("the store opened"),
        Err(error) => error,
    }
}

/// A second way into the database, past the store: for tests only.
async fn foreign_connection(folder: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(database(folder)).connect().await.unwrap()
}

fn database(folder: &Path) -> PathBuf {
    folder.join("flyball.sqlite3")
}

/// A closed store with enough in it to span many pages.
async fn filled(folder: &Path) {
    let (store, _writer) = start(folder).await;
    let acme = "acme".parse().unwrap();
    store.operator().tenants().create(&acme).await.unwrap();
    for seed in 0..200 {
        let new = NewKey {
            name: "x".repeat(500),
            fingerprint: Fingerprint([seed; 32]),
            models: vec![],
            lawful_basis: None,
            expires_at: None,
        };
        store.tenant(&acme).keys().create(new).await.unwrap();
    }
    store.close().await.unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_folder_and_its_files_are_private() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep/data");
    let (store, _writer) = start(&folder).await;
    store.operator().tenants().create(&"acme".parse().unwrap()).await.unwrap();
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["flyball.lock", "flyball.sqlite3", "flyball.sqlite3-shm", "flyball.sqlite3-wal"]);
}

#[tokio::test]
async fn a_folder_has_one_owner_until_it_closes() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let (store, _writer) = start(&folder).await;

    let second = refusal(&folder).await;
    assert!(matches!(&second, StoreError::Locked { folder: named } if *named == folder), "{second:?}");
    assert!(second.to_string().contains("data/control.sock"), "{second}");

    store.close().await.unwrap();
    let (again, _writer) = start(&folder).await;
    again.close().await.unwrap();
    // Closing leaves one file of data, which can be copied as it is.
    assert!(!folder.join("flyball.sqlite3-wal").exists());
}

#[tokio::test]
async fn damage_in_the_middle_of_the_database_stops_the_start() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    filled(&folder).await;
    let mut bytes = fs::read(database(&folder)).unwrap();
    let middle = bytes.len() / 2;
    assert!(middle > 16 * 4096, "too small to have a middle: {middle}");
    bytes[middle..middle + 16 * 1024].fill(0xa5);
    fs::write(database(&folder), &bytes).unwrap();

    let error = refusal(&folder).await;
    assert!(matches!(&error, StoreError::Corrupt { path, .. } if *path == database(&folder)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("flyball.sqlite3-wal") && text.contains("backup"), "{text}");
    assert_eq!(fs::read(database(&folder)).unwrap(), bytes, "a damaged file is left as it is");
}

#[tokio::test]
async fn a_truncated_database_stops_the_start() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    filled(&folder).await;
    let bytes = fs::read(database(&folder)).unwrap();
    fs::write(database(&folder), &bytes[..bytes.len() / 2]).unwrap();
    let error = refusal(&folder).await;
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_stops_the_start_and_giving_way_mends_it() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    fs::create_dir(&folder).unwrap();
    fs::write(database(&folder), "this is a text and no database. ".repeat(500)).unwrap();
    let error = refusal(&folder).await;
    assert!(matches!(&error, StoreError::Corrupt { path, .. } if *path == database(&folder)), "{error:?}");

    fs::rename(database(&folder), folder.join("aside")).unwrap();
    let (store, _writer) = start(&folder).await;
    assert_eq!(store.operator().tenants().list().await.unwrap(), []);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_not_touched() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    filled(&folder).await;
    let mut foreign = foreign_connection(&folder).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&mut foreign)
    .await
    .unwrap();
    foreign.close().await.unwrap();
    let before = fs::read(database(&folder)).unwrap();

    let error = refusal(&folder).await;
    assert!(
        matches!(&error, StoreError::NewerSchema { path, found: 9999, known } if *path == database(&folder) && *known < 9999),
        "{error:?}"
    );
    assert_eq!(fs::read(database(&folder)).unwrap(), before);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    // Whatever user runs this, even root: no folder can be made in the kernel's process table, nor a file.
    for folder in ["/proc/flyball", "/proc/self"] {
        let error = refusal(Path::new(folder)).await;
        assert!(
            matches!(&error, StoreError::Unwritable { path, .. } if path.starts_with(folder)),
            "{error:?}"
        );
        assert!(error.to_string().contains(folder), "{error}");
    }
    // A file where the folder should be, and a folder where the database should be.
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(refusal(&file).await, StoreError::Unwritable { path, .. } if path == file));
    let folder = parent.path().join("data");
    fs::create_dir_all(database(&folder)).unwrap();
    assert!(
        matches!(refusal(&folder).await, StoreError::Unwritable { path, .. } if path == database(&folder))
    );
}

/// A batch of one answered chat, at the beginning of the journal or behind `from` others.
fn batch(from: u64) -> Arc<Batch> {
    let mut roll_up = RollUp::new(from);
    roll_up.add(Settled {
        tenant: "acme".parse().unwrap(),
        key: KeyId::new(&*clock()),
        end_user: 0,
        model: "demo".to_owned(),
        provider: "demo".to_owned(),
        operation: "chat".to_owned(),
        tags: vec!["nightly".to_owned()],
        counting: Counting::Reported,
        at: NOW,
        input_tokens: 10,
        cached_input_tokens: 0,
        output_tokens: 5,
        cost: Some(Money(7)),
        outcome: Outcome::Answered,
    });
    Arc::new(roll_up.until(from + 1, from + 1))
}

async fn exchanges(store: &Store) -> u64 {
    let today = Span::utc(Day::from(NOW), Day::from(NOW));
    let query = UsageQuery { spans: vec![today], only: UsageFilter::default(), by: vec![] };
    let rows = store.operator().usage().report(&query).await.unwrap();
    rows.first().map_or(0, |row| row.totals.exchanges)
}

#[tokio::test]
async fn a_batch_that_cannot_be_written_leaves_nothing_and_counts_when_it_is_offered_again() {
    let parent = tempfile::tempdir().unwrap();
    let (store, _writer) = start(parent.path()).await;
    let operator = store.operator();
    operator.usage().apply(batch(0)).await.unwrap();

    // The cursor is moved first and the tags are written last: whatever fails, all of it is undone.
    let second = batch(1);
    for table in ["usage", "usage_tags", "journal_cursor"] {
        let mut foreign = foreign_connection(parent.path()).await;
        let trigger = format!(
            "CREATE TRIGGER fails_i BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END;
             CREATE TRIGGER fails_u BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END;"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(trigger)).execute(&mut foreign).await.unwrap();
        for _ in 0..2 {
            let failed = operator.usage().apply(Arc::clone(&second)).await;
            assert!(matches!(failed, Err(StoreError::Database(_))), "{table}: {failed:?}");
            assert_eq!((operator.usage().cursor().await.unwrap().counted, exchanges(&store).await), (1, 1));
        }
        // Other writes go on meanwhile.
        operator.tenants().create(&table.replace('_', "-").parse().unwrap()).await.unwrap();
        sqlx::raw_sql("DROP TRIGGER fails_i; DROP TRIGGER fails_u").execute(&mut foreign).await.unwrap();
        foreign.close().await.unwrap();
    }

    operator.usage().apply(Arc::clone(&second)).await.unwrap();
    assert_eq!((operator.usage().cursor().await.unwrap().counted, exchanges(&store).await), (2, 2));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_lost_transaction_is_told_to_its_callers_and_leaves_nothing_half_done() {
    let parent = tempfile::tempdir().unwrap();
    let (store, _writer) = start(parent.path()).await;
    store.operator().usage().apply(batch(0)).await.unwrap();

    // A trigger that ends the whole transaction stands for what a full disk does: no savepoint survives it.
    let mut foreign = foreign_connection(parent.path()).await;
    sqlx::query(
        "CREATE TRIGGER full BEFORE INSERT ON tenants WHEN NEW.tenant = 'unlucky'
         BEGIN SELECT RAISE(ROLLBACK, 'the whole transaction'); END",
    )
    .execute(&mut foreign)
    .await
    .unwrap();
    foreign.close().await.unwrap();

    let mut waiting = JoinSet::new();
    for name in ["lucky-1", "unlucky", "lucky-2"] {
        let store = store.clone();
        waiting.spawn(async move { (name, store.operator().tenants().create(&name.parse().unwrap()).await) });
    }
    // A batch shares the fate of its transaction: counted with its cursor, or not at all.
    let counted = store.operator().usage().apply(batch(1)).await;
    let mut created = Vec::new();
    while let Some(answer) = waiting.join_next().await {
        let (name, answer) = answer.unwrap();
        assert!(name != "unlucky" || matches!(answer, Err(StoreError::Database(_))), "{answer:?}");
        if answer.is_ok() {
            created.push(name.to_owned());
        }
    }
    created.sort();
    let listed = store.operator().tenants().list().await.unwrap();
    assert_eq!(listed.iter().map(|tenant| tenant.id.to_string()).collect::<Vec<_>>(), created);
    let expected = if counted.is_ok() { 2 } else { 1 };
    assert_eq!(exchanges(&store).await, expected);
    assert_eq!(store.operator().usage().cursor().await.unwrap().counted, expected);
    store.operator().tenants().create(&"after".parse().unwrap()).await.unwrap();
    store.close().await.unwrap();
}
