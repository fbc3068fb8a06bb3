//! Files that were cut off, damaged or lost.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flyball_journal::{
    Journal, Lsn, OpenError, OpenIntent, Options, ProblemKind, Start, find_in, repair, verify,
};

use crate::support::{NOW, clock, contents, exchange, intent, number, open, settlement};

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .collect();
    files.sort();
    files
}

/// A journal of closed exchanges, many of them synced; returns where the last record ends in its file.
async fn filled(folder: &Path, options: &Options, count: u64) -> u64 {
    let (journal, _) = open(folder, options);
    for number in 1..=count {
        let lsn = journal.intend(&intent(number)).await.unwrap();
        if number % 20 == 1 {
            journal.durable(lsn).await.unwrap();
        }
        journal.settle(&settlement(number)).unwrap();
    }
    let end = journal.flush().await.unwrap();
    journal.close().await.unwrap();
    end.0
}

fn reopen(folder: &Path, options: &Options) -> Result<flyball_journal::Recovery, OpenError> {
    Journal::open(folder, options.clone(), Start::default(), clock()).map(|(_, recovery)| recovery)
}

#[tokio::test]
async fn an_end_that_was_being_written_is_cut_off_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let end = filled(folder.path(), &Options::default(), 3).await;
    let file = fs::OpenOptions::new().write(true).open(&segments(folder.path())[0]).unwrap();
    // Behind the last frame: half a frame that never was complete.
    file.write_all_at(&[0x5a; 100], end.next_multiple_of(8) + 24).unwrap();
    let recovery = reopen(folder.path(), &Options::default()).unwrap();
    let cut = recovery.truncated.unwrap();
    assert_eq!((cut.offset, cut.bytes), (end.next_multiple_of(8) + 24, 104));
    assert_eq!(contents(folder.path()), [1, -1, 2, -2, 3, -3]);
    assert_eq!(reopen(folder.path(), &Options::default()).unwrap().truncated, None);
}

#[tokio::test]
async fn damage_in_the_middle_is_refused_with_its_place_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), &Options::default(), 5).await;
    let file = fs::OpenOptions::new().write(true).open(&segments(folder.path())[0]).unwrap();
    file.write_all_at(b"?", 64 + 40).unwrap();
    let error = reopen(folder.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { offset: 64, .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("0000000000000000.journal") && message.contains("offset 64"), "{message}");
    assert!(message.contains("flyball journal repair"), "{message}");
}

#[tokio::test]
async fn a_damaged_segment_before_the_last_is_refused_wherever_it_is_hit() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, ..Options::default() };
    filled(folder.path(), &options, 2000).await;
    let files = segments(folder.path());
    assert!(files.len() > 3);
    for offset in [10, 70, 4000, 60_000] {
        let whole = fs::read(&files[1]).unwrap();
        let mut bytes = whole.clone();
        bytes[offset] ^= 1;
        fs::write(&files[1], bytes).unwrap();
        let error = reopen(folder.path(), &options).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{offset}: {error}");
        fs::write(&files[1], whole).unwrap();
    }
    reopen(folder.path(), &options).unwrap();
}

#[tokio::test]
async fn a_missing_segment_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, ..Options::default() };
    filled(folder.path(), &options, 2000).await;
    let files = segments(folder.path());
    fs::remove_file(&files[1]).unwrap();
    let error = reopen(folder.path(), &options).unwrap_err();
    let name = files[1].file_name().unwrap().to_str().unwrap();
    assert!(matches!(&error, OpenError::Missing { file } if file == name), "{error}");
}

#[tokio::test]
async fn a_missing_last_segment_is_noticed_too() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, ..Options::default() };
    filled(folder.path(), &options, 2000).await;
    let files = segments(folder.path());
    let lost = files.iter().rposition(|file| {
        let bytes = fs::read(file).unwrap();
        bytes[64..].iter().any(|byte| *byte != 0)
    });
    for file in &files[lost.unwrap()..] {
        fs::remove_file(file).unwrap();
    }
    let error = reopen(folder.path(), &options).unwrap_err();
    let name = files[lost.unwrap()].file_name().unwrap().to_str().unwrap();
    assert!(matches!(&error, OpenError::Missing { file } if file == name), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused_as_such() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), &Options::default(), 1).await;
    let file = &segments(folder.path())[0];
    let mut bytes = fs::read(file).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..60]).to_le_bytes();
    bytes[60..64].copy_from_slice(&crc);
    fs::write(file, bytes).unwrap();
    let error = reopen(folder.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Version { version: 2, known: 1, .. }), "{error}");
}

/// What `verify` says, as kind and offset.
fn problems(folder: &Path) -> Vec<(ProblemKind, u64)> {
    let mut all = Vec::new();
    verify(folder, |problem| all.push((problem.kind, problem.offset))).unwrap();
    all
}

#[tokio::test]
async fn a_whole_journal_verifies_also_while_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, ..Options::default() };
    filled(folder.path(), &options, 2000).await;
    assert_eq!(problems(folder.path()), []);
    let (journal, _) = open(folder.path(), &options);
    journal.intend(&intent(5000)).await.unwrap();
    assert_eq!(problems(folder.path()), []);
    let report = verify(folder.path(), |_| {}).unwrap();
    assert_eq!((report.records, report.damages), (4001, 0));
    assert_eq!(find_in(folder.path(), &exchange(5000)).unwrap().unwrap().intents, [intent(5000)]);
    journal.close().await.unwrap();
}

#[tokio::test]
async fn damage_is_given_up_by_a_repair_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, ..Options::default() };
    filled(folder.path(), &options, 2000).await;
    let all = contents(folder.path());
    let files = segments(folder.path());
    let whole: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for offset in [20, 64 + 30, 30_000, 65_000] {
        let mut bytes = whole[1].clone();
        bytes[offset] ^= 0x40;
        fs::write(&files[1], &bytes).unwrap();
        let found = problems(folder.path());
        assert_eq!(found.len(), 1, "{offset}: {found:?}");
        assert!(reopen(folder.path(), &options).is_err());
        let lost = repair(folder.path(), NOW).unwrap();
        assert_eq!(problems(folder.path()), [], "{offset}");
        let left = contents(folder.path());
        let is_header = found[0].0 == ProblemKind::Header;
        assert_eq!(lost.is_empty(), is_header, "a header alone loses no record");
        assert_eq!(left.len() == all.len(), is_header, "{offset}");
        assert!(left.len() > all.len() - 50, "{offset}: {} of {}", left.len(), all.len());
        assert!(left.iter().all(|number| all.contains(number)));
        reopen(folder.path(), &options).unwrap();
        assert_eq!(
            fs::read(folder.path().join("damaged").join(files[1].file_name().unwrap())).unwrap(),
            bytes
        );
        fs::remove_dir_all(folder.path().join("damaged")).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        fs::create_dir(folder.path()).unwrap();
        for (file, whole) in files.iter().zip(&whole) {
            fs::write(file, whole).unwrap();
        }
    }
}

#[tokio::test]
async fn lost_segments_are_given_up_by_a_repair() {
    for lost in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { segment: 64 << 10, ..Options::default() };
        filled(folder.path(), &options, 2000).await;
        let files = segments(folder.path());
        let gone = if lost == 3 { lost..files.len() } else { lost..lost + 1 };
        for file in &files[gone] {
            fs::remove_file(file).unwrap();
        }
        assert_eq!(problems(folder.path()), [(ProblemKind::Missing, 0)]);
        let given_up = repair(folder.path(), NOW).unwrap();
        assert_eq!(given_up.len(), 1);
        assert_eq!(problems(folder.path()), []);
        reopen(folder.path(), &options).unwrap();
        assert!(contents(folder.path()).len() > 1000);
    }
}

#[tokio::test]
async fn what_may_have_been_settled_and_counted_in_a_gap_is_not_settled_again() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), &Options::default());
    journal.intend(&intent(1)).await.unwrap();
    let before = journal.flush().await.unwrap();
    journal.settle(&settlement(1)).unwrap();
    let gap = journal.flush().await.unwrap();
    journal.durable(gap).await.unwrap();
    journal.intend(&intent(2)).await.unwrap();
    journal.close().await.unwrap();
    let file = fs::OpenOptions::new().write(true).open(&segments(folder.path())[0]).unwrap();
    file.write_all_at(&[0xff], before.0.next_multiple_of(8) + 30).unwrap();
    assert_eq!(repair(folder.path(), NOW).unwrap().len(), 1);
    let numbers =
        |list: &[OpenIntent]| list.iter().map(|open| number(&open.intent.exchange)).collect::<Vec<_>>();
    // Counted up to before the gap: the settlement was not counted, and its loss is made good by an estimate.
    for (counted, open, unknown) in [(before, vec![1, 2], vec![]), (gap, vec![2], vec![1])] {
        let start = Start { from: Lsn(0), counted };
        let (journal, recovery) = Journal::open(folder.path(), Options::default(), start, clock()).unwrap();
        assert_eq!((numbers(&recovery.open), numbers(&recovery.unknown)), (open, unknown));
        journal.close().await.unwrap();
    }
}
