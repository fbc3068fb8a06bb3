//! Recovery: what a start finds out from the segments, and how it makes them fit to be continued. A tail that was
//! being written when the process or the power went is cut off; damage to what had been on the disk is refused.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::append::{Append, ByExchange};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::folder::{self, Found};
use crate::lsn::Lsn;
use crate::options::{Options, Start};
use crate::raw::{RawRecord, RecordKind};
use crate::record::{Intent, Record};
use crate::scan::{Scanner, Step};
use crate::segment::{self, Meta, Slot};
use crate::tail;

/// What a start found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Exchanges that were not settled, by the position of their first intent. They are to be settled, at what was
    /// reserved.
    pub open: Vec<OpenIntent>,
    /// Exchanges without a settlement that may have had one: in a part of the journal that was given up, of which some
    /// had been counted elsewhere. They must not be settled again.
    pub unknown: Vec<OpenIntent>,
    /// What was cut off at the end.
    pub truncated: Option<Truncated>,
    /// Positions from which the caller wanted to read, or up to which it had counted, and that are not there.
    pub missing: Option<Range<Lsn>>,
    /// The position behind the last record.
    pub end: Lsn,
    /// How many records were read.
    pub records: u64,
}

/// An exchange without a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its last intent.
    pub intent: Intent,
    /// How many intents it has.
    pub attempts: u32,
    /// Position of the first.
    pub lsn: Lsn,
}

/// An end that was cut off because it had not been written completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// The segment's file name.
    pub segment: String,
    /// Offset in the file from which everything was removed.
    pub offset: u64,
    /// How many bytes that were.
    pub bytes: u64,
}

/// Where an open exchange stands.
#[derive(Clone, Copy)]
struct Trace {
    first: Lsn,
    last: Lsn,
    length: usize,
    attempts: u32,
}

/// What scanning has found so far.
#[derive(Default)]
pub(crate) struct Seen {
    records: u64,
    /// The greatest position that a frame says had been synced.
    pub(crate) witnessed: Lsn,
    open: ByExchange<Trace>,
    gaps: Vec<Range<Lsn>>,
}

/// A segment that was read.
pub(crate) struct Read {
    pub(crate) slot: Slot,
    /// Offset behind its last valid frame.
    pub(crate) end: u64,
    /// Whether it is complete.
    pub(crate) done: bool,
}

/// Reads the journal and makes it ready for appending.
pub(crate) fn recover(
    disk: &dyn Disk,
    options: &Options,
    start: Start,
    now: u64,
) -> Result<(Append, Recovery), OpenError> {
    disk.make().map_err(OpenError::io("make", "the folder"))?;
    for name in folder::names(disk)?.iter().filter(|name| segment::is_unfinished(name)) {
        disk.remove(name).map_err(OpenError::io("remove", name))?;
    }
    // A process that died between giving a segment its name and syncing the folder has left a name that a power cut
    // takes away, with every record that is acknowledged in it from now on.
    disk.sync().map_err(OpenError::io("sync", "the folder"))?;
    let all = folder::segments(disk)?;
    let first = all.iter().rposition(|found| found.base <= start.from).unwrap_or(0);
    let mut seen = Seen::default();
    let mut segments = VecDeque::new();
    let mut reads: Vec<Read> = Vec::new();
    let mut previous: Option<segment::Header> = None;
    for (at, found) in all.iter().enumerate() {
        let header = found.usable()?;
        if let Some(missing) = previous.and_then(|previous| folder::missing_between(&previous, &header)) {
            return Err(OpenError::Missing { file: missing });
        }
        if let Some(previous) = previous.filter(|previous| previous.end() < header.base) {
            seen.gaps.push(previous.end()..header.base);
        }
        previous = Some(header);
        let meta = Meta::new(header, found.length.min(header.size));
        segments.push_back(Arc::clone(&meta));
        if at >= first && reads.last().is_none_or(|read| read.done) {
            reads.push(read(disk, &meta, found, &mut seen)?);
        }
    }
    let rest: Vec<Arc<Meta>> = segments.iter().skip(first + reads.len()).cloned().collect();
    let tail = tail::mend(disk, options, start, now, &seen, &reads, &rest)?;
    segments.truncate(first + reads.len());
    segments.extend(tail.added);
    if tail.end < start.counted {
        seen.gaps.push(tail.end..start.counted);
    }
    let (open, unknown) = collect(disk, &seen, &segments, start)?;
    let traces = open.iter().filter_map(|open| Some((id(&open.intent)?, open.lsn))).collect();
    let append = Append::new(tail.active, tail.position, tail.next, segments, traces);
    let end = append.end();
    let oldest = all.first().map_or(end, |found| found.base);
    let missing = if start.from.0 > 0 && start.from < oldest && !all.is_empty() {
        Some(start.from..oldest)
    } else {
        (tail.end < start.counted).then_some(tail.end..start.counted)
    };
    let records = seen.records;
    Ok((append, Recovery { open, unknown, truncated: tail.truncated, missing, end, records }))
}

fn id(intent: &Intent) -> Option<[u8; 16]> {
    intent.exchange.as_slice().try_into().ok()
}

/// Reads one segment up to its end or to the first frame that is not valid.
fn read(disk: &dyn Disk, meta: &Arc<Meta>, found: &Found, seen: &mut Seen) -> Result<Read, OpenError> {
    let name = meta.name();
    let file = disk.open(&name, true).map_err(OpenError::io("open", &name))?;
    let mut scanner = Scanner::new(Arc::clone(&file), meta.header);
    let done = loop {
        let from = scanner.lsn();
        match scanner.step(found.length).map_err(OpenError::io("read", &name))? {
            Step::Frame(frame) => {
                seen.witnessed = seen.witnessed.max(frame.header.synced);
                for record in frame.records() {
                    let whole = record.ok().and_then(|(start, _, raw)| seen.take(start, raw, meta));
                    if whole.is_none() {
                        let offset = from.0 - meta.base().0;
                        return Err(OpenError::Corrupt { file: name, offset, lsn: from });
                    }
                }
            }
            Step::Gap(to) => seen.gaps.push(from..to),
            Step::Invalid => break false,
            Step::Done => break true,
        }
    };
    Ok(Read { end: scanner.position(), slot: Slot { meta: Arc::clone(meta), file }, done })
}

impl Seen {
    fn take(&mut self, start: Lsn, raw: RawRecord<'_>, meta: &Meta) -> Option<()> {
        let (id, time) = raw.head()?;
        self.records += 1;
        meta.saw(time);
        match raw.kind {
            RecordKind::Intent => {
                let trace = self.open.entry(id).or_insert(Trace {
                    first: start,
                    last: start,
                    length: 0,
                    attempts: 0,
                });
                trace.last = start;
                trace.length = crate::raw::framed_length(raw.bytes.len());
                trace.attempts += 1;
            }
            RecordKind::Settlement => {
                self.open.remove(&id);
            }
        }
        Some(())
    }
}

/// The open exchanges with their last intents: those to be settled, and those of which it is not known.
fn collect(
    disk: &dyn Disk,
    seen: &Seen,
    segments: &VecDeque<Arc<Meta>>,
    start: Start,
) -> Result<(Vec<OpenIntent>, Vec<OpenIntent>), OpenError> {
    let mut traces: Vec<Trace> = seen.open.values().copied().collect();
    traces.sort_unstable_by_key(|trace| trace.first);
    let (mut open, mut unknown) = (Vec::new(), Vec::new());
    for trace in traces {
        let Some(meta) = segments.iter().rfind(|meta| meta.base() <= trace.last) else { continue };
        let name = meta.name();
        let offset = trace.last.0 - meta.base().0;
        let file = disk.open(&name, false).map_err(OpenError::io("open", &name))?;
        let mut bytes = vec![0; trace.length];
        file.read_at(&mut bytes, offset).map_err(OpenError::io("read", &name))?;
        let record = crate::raw::Records::of(&bytes).next().and_then(Result::ok);
        let Some(Ok(Record::Intent(intent))) = record.map(|(_, _, raw)| raw.decode()) else {
            return Err(OpenError::Corrupt { file: name, offset, lsn: trace.last });
        };
        let counted_in_a_gap = |gap: &Range<Lsn>| trace.first < gap.start && gap.start < start.counted;
        let list = if seen.gaps.iter().any(counted_in_a_gap) { &mut unknown } else { &mut open };
        list.push(OpenIntent { intent, attempts: trace.attempts, lsn: trace.first });
    }
    Ok((open, unknown))
}
