//! Files that were cut off, damaged or lost.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flyball_journal::{Journal, OpenError, Options, Start};

use crate::support::{clock, contents, intent, open, settlement};

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
