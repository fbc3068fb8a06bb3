//! The end of the journal at a start: whether what cannot be read there is an interrupted write or damage, and how the
//! journal is continued behind it.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::OpenError;
use crate::frame::{self, Kind};
use crate::lsn::{Lsn, aligned};
use crate::options::{Options, Start};
use crate::prepare;
use crate::recover::{Read, Seen, Truncated};
use crate::segment::{self, Header, Meta, Slot};

const CHUNK: usize = 1 << 20;

/// How the journal is continued.
pub(crate) struct Tail {
    pub(crate) active: Slot,
    pub(crate) position: u64,
    pub(crate) next: Option<Slot>,
    /// Segments behind those that were read.
    pub(crate) added: Vec<Arc<Meta>>,
    pub(crate) truncated: Option<Truncated>,
    /// The position behind the last record.
    pub(crate) end: Lsn,
}

/// Makes the end of the journal fit to be continued. `reads` are the segments that were read, all complete but the
/// last, `rest` those behind them.
pub(crate) fn mend(
    disk: &dyn Disk,
    options: &Options,
    start: Start,
    now: u64,
    seen: &Seen,
    reads: &[Read],
    rest: &[Arc<Meta>],
) -> Result<Tail, OpenError> {
    let fresh = |base: Lsn, detached: bool| {
        let header = Header { base, size: options.segment_size(), created: now, detached };
        prepare::create(disk, header, prepare::FIRST).map_err(OpenError::io("make", segment::name(base)))
    };
    let begin = |slot: Slot, truncated, end| Tail {
        added: vec![Arc::clone(&slot.meta)],
        active: slot,
        position: segment::HEADER,
        next: None,
        truncated,
        end,
    };
    let Some(last) = reads.last() else {
        // The folder is empty. What was counted from an earlier journal must not be counted again.
        let base = Lsn(aligned(start.counted.max(start.from).0));
        return Ok(begin(fresh(base, base.0 > 0)?, None, Lsn(0)));
    };
    let truncated = if last.done { None } else { cut(disk, last, rest, seen.witnessed)? };
    for read in reads {
        settle_down(read, seen.witnessed)?;
    }
    let meta = &last.slot.meta;
    let end = Lsn(meta.base().0 + last.end);
    let mut rest = rest.iter();
    if last.done || end < start.counted {
        if !last.done {
            finish(last)?;
        }
        // Positions that were counted are not given to other records, even if their records are lost.
        if start.counted > meta.end() {
            for lost in rest.rev() {
                disk.remove(&lost.name()).map_err(OpenError::io("remove", lost.name()))?;
            }
            return Ok(begin(fresh(Lsn(aligned(start.counted.0)), true)?, truncated, end));
        }
        let Some(next) = rest.next() else { return Ok(begin(fresh(meta.end(), false)?, truncated, end)) };
        let next = open(disk, next)?;
        remove(disk, rest.as_slice())?;
        return Ok(begin(next, truncated, end));
    }
    let next = rest.next().map(|next| open(disk, next)).transpose()?;
    remove(disk, rest.as_slice())?;
    let added = next.iter().map(|next| Arc::clone(&next.meta)).collect();
    Ok(Tail { active: last.slot.clone(), position: last.end, next, added, truncated, end })
}

fn open(disk: &dyn Disk, meta: &Arc<Meta>) -> Result<Slot, OpenError> {
    let file = disk.open(&meta.name(), true).map_err(OpenError::io("open", meta.name()))?;
    Ok(Slot { meta: Arc::clone(meta), file })
}

/// Removes empty segments that are not needed yet, the last first, so that an interruption leaves no hole.
fn remove(disk: &dyn Disk, metas: &[Arc<Meta>]) -> Result<(), OpenError> {
    for meta in metas.iter().rev() {
        disk.remove(&meta.name()).map_err(OpenError::io("remove", meta.name()))?;
    }
    if metas.is_empty() { Ok(()) } else { disk.sync().map_err(OpenError::io("sync", "the folder")) }
}

/// Removes what stands behind the last valid frame, unless it shows that this had been synced.
fn cut(
    disk: &dyn Disk,
    last: &Read,
    rest: &[Arc<Meta>],
    witnessed: Lsn,
) -> Result<Option<Truncated>, OpenError> {
    let name = last.slot.meta.name();
    let lsn = Lsn(last.slot.meta.base().0 + last.end);
    let corrupt = || OpenError::Corrupt { file: name.clone(), offset: last.end, lsn };
    if witnessed > lsn {
        return Err(corrupt());
    }
    let mut dirty: Vec<(Slot, u64, u64)> = Vec::new();
    let behind = rest.iter().map(|meta| Ok((open(disk, meta)?, segment::HEADER)));
    for place in [Ok((last.slot.clone(), last.end))].into_iter().chain(behind) {
        let (slot, from) = place?;
        let leftover = leftover(&*slot.file, slot.meta.header, from, lsn)
            .map_err(OpenError::io("read", slot.meta.name()))?;
        if leftover.witness {
            return Err(corrupt());
        }
        if leftover.end > from {
            dirty.push((slot, from, leftover.end));
        }
    }
    let mut bytes = 0;
    // From the end on: as long as something stands behind the cut, the cut is seen and made again.
    for (slot, from, to) in dirty.iter().rev() {
        prepare::fill(&*slot.file, *from, *to)
            .and_then(|()| slot.file.sync())
            .map_err(OpenError::io("clear the end of", slot.meta.name()))?;
        bytes += to - from;
    }
    Ok((bytes > 0).then_some(Truncated { segment: name, offset: last.end, bytes }))
}

/// What stands behind an offset of a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Offset behind the last byte that is not zero, rounded up to 8.
    pub(crate) end: u64,
    /// Offset of the first valid frame.
    pub(crate) frame: Option<u64>,
    /// Whether a valid frame says that the journal had been synced beyond the position asked for.
    pub(crate) witness: bool,
}

/// Looks through a segment from an offset on, for anything that is not zero and for frames at any place.
pub(crate) fn leftover(file: &dyn DiskFile, header: Header, from: u64, lsn: Lsn) -> io::Result<Leftover> {
    let length = file.length()?;
    let mut found = Leftover::default();
    let mut bytes = vec![0; CHUNK + frame::HEADER];
    let mut at = from;
    while at < length {
        // Portions overlap by a header, so that each place is looked at with a header's length behind it.
        let read = file.read_at(&mut bytes, at)?;
        let portion = bytes.get(..read).unwrap_or_default();
        for (word, offset) in portion.chunks(8).zip((at..).step_by(8)).take(CHUNK / 8) {
            if word.iter().all(|byte| *byte == 0) {
                continue;
            }
            found.end = aligned(offset + 1);
            let rest = portion.get(usize::try_from(offset - at).unwrap_or(usize::MAX)..).unwrap_or_default();
            let Some(frame) = frame::Header::parse(rest) else { continue };
            let is_new = frame.synced > lsn || found.frame.is_none();
            if is_new && holds(file, header, offset, &frame, length)? {
                found.frame.get_or_insert(offset);
                found.witness |= frame.synced > lsn;
            }
        }
        at += CHUNK as u64;
    }
    Ok(found)
}

fn holds(
    file: &dyn DiskFile,
    header: Header,
    offset: u64,
    frame: &frame::Header,
    length: u64,
) -> io::Result<bool> {
    if offset + frame.frame_length() > header.size || offset + frame.checked_length() > length {
        return Ok(false);
    }
    let mut bytes = vec![0; usize::try_from(frame.checked_length()).unwrap_or(0)];
    let read = file.read_at(&mut bytes, offset)?;
    Ok(read == bytes.len() && frame.holds(Lsn(header.base.0 + offset), &bytes))
}

/// Makes sure that what was read is on the disk. A process that died after a failed sync may have left pages that the
/// operating system takes for clean although the disk does not have them: what no frame says to be synced is written
/// again.
fn settle_down(read: &Read, witnessed: Lsn) -> Result<(), OpenError> {
    let file = &*read.slot.file;
    let base = read.slot.meta.base().0;
    let mut at = witnessed.0.saturating_sub(base).max(segment::HEADER);
    let end =
        if read.done { read.end + frame::HEADER as u64 } else { read.end }.min(read.slot.meta.prepared());
    let again = || -> io::Result<()> {
        let mut bytes = Vec::new();
        while at < end {
            bytes.resize(usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK), 0);
            let length = file.read_at(&mut bytes, at)?;
            if length == 0 {
                break;
            }
            file.write_at(bytes.get(..length).unwrap_or_default(), at)?;
            at += length as u64;
        }
        file.sync()
    };
    let mut again = again;
    again().map_err(OpenError::io("write again the end of", read.slot.meta.name()))
}

/// Ends a segment at the position where reading stopped.
fn finish(last: &Read) -> Result<(), OpenError> {
    let mut bytes = Vec::new();
    frame::begin(&mut bytes);
    frame::finish(&mut bytes, 0, Kind::End, 0);
    let lsn = Lsn(last.slot.meta.base().0 + last.end);
    frame::seal(&mut bytes, lsn, lsn);
    if last.end + bytes.len() as u64 > last.slot.meta.header.size {
        return Ok(());
    }
    last.slot
        .file
        .write_at(&bytes, last.end)
        .and_then(|()| last.slot.file.sync())
        .map_err(OpenError::io("end", last.slot.meta.name()))
}
