//! Finding one exchange. There is no index: the time when it began says which segments can hold it, and those are read.

use std::ops::ControlFlow;
use std::path::Path;

use crate::error::{OpenError, ReadError};
use crate::lsn::Lsn;
use crate::raw::{Id, RecordKind};
use crate::reader::{Reader, read_folder};
use crate::record::{Intent, Record, Settlement};
use crate::segment::Meta;

/// How much longer than this after its beginning an exchange has no records, in microseconds: a day.
const LONGEST: u64 = 24 * 3_600_000_000;

/// So many records in a row that are too young end a search.
const MANY: u32 = 100_000;

/// How far clocks may have been apart, in microseconds: an hour.
const SLACK: u64 = 3_600_000_000;

/// The records of one exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Its intents, one for each attempt.
    pub intents: Vec<Intent>,
    /// Its settlement, if it has ended.
    pub settlement: Option<Settlement>,
}

/// Where to begin looking for an exchange that began at `began`: the first segment whose youngest record is not older.
/// `None` when no segment can hold it.
pub(crate) fn begin(segments: &[std::sync::Arc<Meta>], began: u64) -> Option<Lsn> {
    let can_hold = |at: usize, meta: &Meta| match meta.times() {
        Some((_, newest)) => newest.saturating_add(SLACK) >= began,
        // Not read since the start: it was complete before the segment after the next was made.
        None => segments.get(at + 2).is_none_or(|after| after.header.created.saturating_add(SLACK) >= began),
    };
    segments.iter().enumerate().find(|(at, meta)| can_hold(*at, meta)).map(|(_, meta)| meta.base())
}

/// Reads until the exchange's settlement, or until records are too young to be its.
pub(crate) fn find(reader: &mut Reader, exchange: Id, began: u64) -> Result<Option<Exchange>, ReadError> {
    let mut found = Exchange::default();
    let mut younger = 0u32;
    reader.for_each(|_, raw| {
        let Some((id, time)) = raw.head() else { return ControlFlow::Continue(()) };
        if id != exchange {
            // Records that are too young may come from a clock that was ahead for a while: many in a row do not.
            younger = if time > began.saturating_add(LONGEST) { younger + 1 } else { 0 };
            return if younger < MANY { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        }
        match (raw.kind, raw.decode()) {
            (RecordKind::Intent, Ok(Record::Intent(intent))) => found.intents.push(intent),
            (RecordKind::Settlement, Ok(Record::Settlement(settlement))) => {
                found.settlement = Some(settlement);
                return ControlFlow::Break(());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok((!found.intents.is_empty() || found.settlement.is_some()).then_some(found))
}

/// Finds one exchange in the journal in `folder`, beside a process that writes it or without one: all of it is read.
///
/// # Errors
/// When it cannot be read.
pub fn find_in(folder: &Path, exchange: &[u8; 16]) -> Result<Option<Exchange>, FindError> {
    Ok(find(&mut read_folder(folder, Lsn(0))?, *exchange, u64::MAX)?)
}

/// A folder could not be searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}
