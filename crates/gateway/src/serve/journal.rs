//! The journal of a data folder as a process takes it over: opened, recovered, and what a crash cut off settled at
//! its reservation. How recovery works is the journal's own affair.

use std::path::Path;
use std::sync::Arc;

use flyball_core::Clock;
use flyball_journal::{AppendError, Durability, Journal, Lsn, Options, Recovery, Start, interrupted};
use flyball_store::Store;

use super::ServeError;
use crate::config;

/// The journal's folder within the data folder.
pub const FOLDER: &str = "journal";

/// Opens the journal. When it returns, no exchange of an earlier process is open.
///
/// # Errors
/// When the journal cannot be read or written, or is damaged; the message says what to do.
pub async fn open(
    store: &Store,
    data: &Path,
    settings: &config::Journal,
    clock: Arc<dyn Clock>,
) -> Result<Journal, ServeError> {
    let counted = store.operator().usage().cursor().await?;
    let begin = Start { from: Lsn(counted.scan_from), counted: Lsn(counted.counted) };
    let folder = data.join(FOLDER);
    let options = Options {
        durability: match settings.durability {
            config::Durability::Power => Durability::Power,
            config::Durability::Process => Durability::Process,
        },
        segment: settings.segment.bytes(),
        retention: settings.retention.get(),
        max_size: settings.max_size.bytes(),
        ..Options::default()
    };
    let now = u64::try_from(clock.now().0).unwrap_or(0);
    let opened = tokio::task::spawn_blocking(move || Journal::open(&folder, options, begin, clock)).await;
    let (journal, recovery) = opened.map_err(|_| ServeError::Recovery)??;
    tell(&recovery);
    for open in &recovery.open {
        let settlement = interrupted(&open.intent, open.attempts, now);
        match journal.settle(&settlement) {
            // The space that was set aside for it went with the end of a file that was cut off; more can be had.
            Err(AppendError::Full { .. }) => journal.record(&settlement).await?,
            settled => settled?,
        };
    }
    journal.flush().await?;
    Ok(journal)
}

fn tell(recovery: &Recovery) {
    if let Some(cut) = &recovery.truncated {
        tracing::warn!(
            file = cut.segment,
            offset = cut.offset,
            bytes = cut.bytes,
            "the journal ended in a record that was not whole; nothing that was answered is in it"
        );
    }
    if let Some(missing) = &recovery.missing {
        tracing::error!(
            code = "E702",
            from = missing.start.0,
            to = missing.end.0,
            "records that were counted are no longer in the journal; it goes on behind them"
        );
    }
    if !recovery.open.is_empty() {
        tracing::warn!(
            exchanges = recovery.open.len(),
            "exchanges that the last process did not finish are settled at their reservation"
        );
    }
    if !recovery.unknown.is_empty() {
        tracing::error!(
            code = "E702",
            exchanges = recovery.unknown.len(),
            "of some exchanges it is not known whether they were counted: their records were in a part of the \
             journal that was lost"
        );
    }
}
