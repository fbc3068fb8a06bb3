//! Giving up what is damaged, so that a journal can be opened again. Only an operator decides that; every file is kept
//! as it was in `damaged/` before it is changed. Finding the damage is not here.

use std::collections::BTreeSet;
use std::path::Path;

use crate::disk::{Disk, DiskFile, Folder};
use crate::error::OpenError;
use crate::folder;
use crate::frame::{self, Kind};
use crate::lsn::Lsn;
use crate::prepare;
use crate::segment::{self, Header};
use crate::verify::{Problem, ProblemKind, survey};

/// Gives up what is damaged in the journal in `folder`, which no process may have open: frames become a gap that
/// readers step over, a damaged header is made anew, a missing segment is declared lost. `now` is the time in
/// microseconds since 1970. Returns what was lost.
///
/// # Errors
/// When the disk refuses. What was done until then stays done, and repairing again goes on.
pub fn repair(folder: &Path, now: u64) -> Result<Vec<Problem>, OpenError> {
    repair_on(&Folder::new(folder), now)
}

pub(crate) fn repair_on(disk: &dyn Disk, now: u64) -> Result<Vec<Problem>, OpenError> {
    let mut kept = BTreeSet::new();
    let mut lost = Vec::new();
    // A header that was made anew shows what is behind it only then. Each round mends what it found.
    loop {
        let mut found = Vec::new();
        survey(disk, &mut |problem| found.push(problem.clone()))?;
        found.retain(|problem| problem.kind != ProblemKind::Unfinished);
        let headers = found.iter().any(|problem| problem.kind == ProblemKind::Header);
        found.retain(|problem| !headers || problem.kind == ProblemKind::Header);
        if found.is_empty() {
            return Ok(lost);
        }
        for problem in found {
            mend(disk, &problem, now, &mut kept)?;
            if problem.kind != ProblemKind::Header {
                lost.push(problem);
            }
        }
    }
}

fn mend(disk: &dyn Disk, problem: &Problem, now: u64, kept: &mut BTreeSet<String>) -> Result<(), OpenError> {
    let mut keep = |name: &str| {
        if !kept.insert(name.to_owned()) {
            return Ok(());
        }
        disk.keep(name).map_err(OpenError::io("keep a copy of", name))
    };
    match problem.kind {
        ProblemKind::Unfinished => Ok(()),
        ProblemKind::Header => {
            keep(&problem.file)?;
            let size = problem.positions.end.0.saturating_sub(problem.positions.start.0);
            let size = size.max(segment::HEADER + frame::HEADER as u64).next_multiple_of(8);
            let header = Header { base: problem.positions.start, size, created: now, detached: false };
            write_header(disk, &problem.file, header)
        }
        ProblemKind::Missing if problem.positions.is_empty() => {
            // Behind the last: a fresh segment, from which the journal goes on.
            let base = problem.positions.start;
            let size = crate::Options::default().segment_size();
            let header = Header { base, size, created: now, detached: false };
            prepare::create(disk, header, prepare::FIRST)
                .map(drop)
                .map_err(OpenError::io("make", &problem.file))
        }
        ProblemKind::Missing => {
            let name = segment::name(problem.positions.end);
            keep(&name)?;
            let all = folder::segments(disk)?;
            let follower = all.iter().find(|found| found.base == problem.positions.end);
            let Some(found) = follower else { return Ok(()) };
            write_header(disk, &name, Header { detached: true, ..found.usable()? })
        }
        ProblemKind::Damaged => {
            keep(&problem.file)?;
            let length = problem.positions.end.0.saturating_sub(problem.positions.start.0);
            disk.open(&problem.file, true)
                .and_then(|file| write_gap(&*file, problem.offset, problem.positions.start, length))
                .map_err(OpenError::io("mend", &problem.file))
        }
    }
}

fn write_header(disk: &dyn Disk, name: &str, header: Header) -> Result<(), OpenError> {
    disk.open(name, true)
        .and_then(|file| {
            file.write_at(&header.encode(), 0)?;
            file.sync()
        })
        .map_err(OpenError::io("mend", name))
}

/// Puts a gap in place of `length` bytes. What stood there goes first, so that no frame in it is taken for one later.
pub(crate) fn write_gap(file: &dyn DiskFile, offset: u64, lsn: Lsn, length: u64) -> std::io::Result<()> {
    let payload = offset + frame::HEADER as u64;
    let filled = file.length()?.min(offset + length);
    if payload < filled {
        prepare::fill(file, payload, filled)?;
        file.sync()?;
    }
    let length = u32::try_from(length.saturating_sub(frame::HEADER as u64)).unwrap_or(u32::MAX);
    let mut bytes = frame::Header { crc: 0, length, kind: Kind::Gap, count: 0, synced: Lsn(0) }.encode();
    frame::seal_header(&mut bytes, lsn);
    file.write_at(&bytes, offset)?;
    file.sync()
}
