//! Checking a journal without changing it, also beside the process that writes it: every checksum, every record, and
//! whether segments follow one another. What recovery would cut off as an interrupted write is told apart from damage.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, Folder};
use crate::error::OpenError;
use crate::folder::{self, Found};
use crate::lsn::Lsn;
use crate::scan::{Scanner, Step};
use crate::segment::{self, BadHeader, Header};
use crate::tail;

/// Something that is wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The segment's file name.
    pub file: String,
    /// Offset in the file.
    pub offset: u64,
    /// Positions that cannot be read; the end is where reading goes on.
    pub positions: Range<Lsn>,
    /// What it is.
    pub kind: ProblemKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The segment's header is damaged.
    Header,
    /// The segment does not exist.
    Missing,
    /// Frames are damaged that had been on the disk.
    Damaged,
    /// The end was being written when the process or the power went. The next start cuts it off; nothing is lost that
    /// was acknowledged.
    Unfinished,
}

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Segments.
    pub segments: u64,
    /// Frames with records.
    pub frames: u64,
    /// Records.
    pub records: u64,
    /// Bytes of their frames.
    pub bytes: u64,
    /// Parts that were given up by an earlier repair.
    pub gaps: Vec<Range<Lsn>>,
    /// The position behind the last record.
    pub end: Lsn,
    /// How many problems there are that a start refuses: all but an unfinished end.
    pub damages: u64,
}

/// Checks the journal in `folder` and tells `on_problem` what is wrong.
///
/// # Errors
/// When the folder cannot be read, or a segment is of a newer version.
pub fn verify(folder: &Path, mut on_problem: impl FnMut(&Problem)) -> Result<Report, OpenError> {
    survey(&Folder::new(folder), &mut on_problem)
}

/// Checks a journal on any disk.
pub(crate) fn survey(disk: &dyn Disk, on_problem: &mut dyn FnMut(&Problem)) -> Result<Report, OpenError> {
    let all = folder::segments(disk)?;
    let mut survey = Survey { disk, all: &all, report: Report::default(), on_problem };
    let mut previous: Option<Header> = None;
    for (at, found) in all.iter().enumerate() {
        survey.report.segments += 1;
        let header = match found.header {
            Ok(header) => header,
            Err(BadHeader::Version(_)) => found.usable()?,
            Err(BadHeader::Damaged) => {
                survey.problem(ProblemKind::Header, found.base, 0, found.base..survey.end_of(at));
                previous = None;
                continue;
            }
        };
        if let Some(previous) = previous
            && folder::missing_between(&previous, &header).is_some()
        {
            survey.problem(ProblemKind::Missing, previous.end(), 0, previous.end()..header.base);
        }
        previous = Some(header);
        if !survey.segment(at, found, header)? {
            return Ok(survey.report);
        }
    }
    if let Some(last) = previous {
        survey.problem(ProblemKind::Missing, last.end(), 0, last.end()..last.end());
    }
    Ok(survey.report)
}

struct Survey<'a> {
    disk: &'a dyn Disk,
    all: &'a [Found],
    report: Report,
    on_problem: &'a mut dyn FnMut(&Problem),
}

impl Survey<'_> {
    fn problem(&mut self, kind: ProblemKind, base: Lsn, offset: u64, positions: Range<Lsn>) {
        self.report.damages += u64::from(kind != ProblemKind::Unfinished);
        (self.on_problem)(&Problem { file: segment::name(base), offset, positions, kind });
    }

    /// Where the segment with this number ends, judging by the next one or by its file.
    fn end_of(&self, at: usize) -> Lsn {
        let by_file = self.all.get(at).map_or(Lsn(0), |found| Lsn(found.base.0 + found.length));
        self.all.get(at + 1).map_or(by_file, |next| next.base)
    }

    /// Reads one segment; false where the journal ends.
    fn segment(&mut self, at: usize, found: &Found, header: Header) -> Result<bool, OpenError> {
        let name = segment::name(found.base);
        let file = self.disk.open(&name, false).map_err(OpenError::io("open", &name))?;
        let mut scanner = Scanner::new(Arc::clone(&file), header);
        let mut again = false;
        loop {
            let (offset, lsn) = (scanner.position(), scanner.lsn());
            let step = scanner.step(u64::MAX).map_err(OpenError::io("read", &name))?;
            match step {
                Step::Done => return Ok(true),
                Step::Gap(to) => self.report.gaps.push(lsn..to),
                Step::Frame(frame) => {
                    let (mut records, mut end) = (0, self.report.end);
                    let whole = frame.records().all(|record| {
                        records += 1;
                        let good =
                            record.ok().filter(|(_, _, raw)| raw.head().is_some() && raw.decode().is_ok());
                        end = good.map_or(end, |(_, end, _)| end);
                        good.is_some()
                    });
                    let length = frame.header.frame_length();
                    if whole {
                        self.report.frames += u64::from(records > 0);
                        self.report.records += records;
                        self.report.bytes += length;
                        self.report.end = end;
                    } else {
                        self.problem(ProblemKind::Damaged, found.base, offset, lsn..Lsn(lsn.0 + length));
                    }
                }
                // Beside a writer the first look may have met a frame half written.
                Step::Invalid if !again => {
                    again = true;
                    scanner.reread();
                    continue;
                }
                Step::Invalid => match self.beyond(at, header, &*file, offset, lsn)? {
                    Some(to) => {
                        self.problem(ProblemKind::Damaged, found.base, offset, lsn..Lsn(header.base.0 + to));
                        if to == header.size {
                            return Ok(true);
                        }
                        scanner.skip_to(to);
                    }
                    None => return Ok(false),
                },
            }
            again = false;
        }
    }

    /// Where reading goes on behind an offset that cannot be read: at the next valid frame or at the segment's end.
    /// `None` when it is the journal's end.
    fn beyond(
        &mut self,
        at: usize,
        header: Header,
        file: &dyn crate::disk::DiskFile,
        offset: u64,
        lsn: Lsn,
    ) -> Result<Option<u64>, OpenError> {
        let name = segment::name(header.base);
        let here = tail::leftover(file, header, offset, lsn).map_err(OpenError::io("read", &name))?;
        let mut witness = here.witness;
        let mut unfinished = here.end > offset;
        for later in self.all.iter().skip(at + 1) {
            let Ok(header) = later.header else { continue };
            let name = segment::name(later.base);
            let file = self.disk.open(&name, false).map_err(OpenError::io("open", &name))?;
            let there =
                tail::leftover(&*file, header, segment::HEADER, lsn).map_err(OpenError::io("read", &name))?;
            witness |= there.witness;
            unfinished |= there.end > 0;
            if witness {
                break;
            }
        }
        if witness {
            return Ok(Some(here.frame.unwrap_or(header.size)));
        }
        if unfinished {
            let end = Lsn(header.base.0 + here.end.max(offset));
            self.problem(ProblemKind::Unfinished, header.base, offset, lsn..end);
        }
        Ok(None)
    }
}
