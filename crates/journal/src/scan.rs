//! Reading a segment frame by frame, in large reads, with every checksum. What a frame that cannot be read means is
//! decided by who scans.

use std::io;
use std::sync::Arc;

use crate::disk::DiskFile;
use crate::frame::{self, Kind};
use crate::lsn::Lsn;
use crate::raw::{Malformed, RawRecord, Records};
use crate::segment;

/// How much is read at a time at least.
const CHUNK: u64 = 1 << 20;

/// Reads one segment.
pub(crate) struct Scanner {
    file: Arc<dyn DiskFile>,
    segment: segment::Header,
    buffer: Vec<u8>,
    /// Offset in the file where the buffer begins.
    loaded: u64,
    position: u64,
}

/// What stands at the scanner's position.
pub(crate) enum Step<'a> {
    /// A whole frame of records; the scanner stands behind it now.
    Frame(Frame<'a>),
    /// A part that was given up, up to this position; the scanner stands there now.
    Gap(Lsn),
    /// No valid frame.
    Invalid,
    /// The segment is complete.
    Done,
}

/// A frame of records.
pub(crate) struct Frame<'a> {
    pub(crate) lsn: Lsn,
    pub(crate) header: frame::Header,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The payload without padding.
    pub(crate) fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The records with their positions: the first byte of each, and the byte behind it.
    pub(crate) fn records(
        &self,
    ) -> impl Iterator<Item = Result<(Lsn, Lsn, RawRecord<'a>), Malformed>> + use<'a> {
        let payload = self.lsn.0 + frame::HEADER as u64;
        Records::of(self.payload).map(move |record| {
            let (start, end, raw) = record?;
            Ok((Lsn(payload + start as u64), Lsn(payload + end as u64), raw))
        })
    }
}

impl Scanner {
    /// Reads the frames of a segment from its first on.
    pub(crate) fn new(file: Arc<dyn DiskFile>, segment: segment::Header) -> Scanner {
        Scanner { file, segment, buffer: Vec::new(), loaded: 0, position: segment::HEADER }
    }

    /// Offset of the next frame in the file.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next frame's position in the journal.
    pub(crate) fn lsn(&self) -> Lsn {
        Lsn(self.segment.base.0 + self.position)
    }

    /// Goes on at another offset.
    pub(crate) fn skip_to(&mut self, position: u64) {
        self.position = position;
    }

    /// Forgets what was read ahead: the file may have changed.
    pub(crate) fn reread(&mut self) {
        self.buffer.clear();
    }

    /// Looks at what stands at the position, not beyond the offset `limit`.
    pub(crate) fn step(&mut self, limit: u64) -> io::Result<Step<'_>> {
        let limit = limit.min(self.segment.size);
        if self.position == self.segment.size {
            return Ok(Step::Done);
        }
        if !self.load(frame::HEADER as u64, limit)? {
            return Ok(Step::Invalid);
        }
        let Some(header) = frame::Header::parse(self.ahead()) else { return Ok(Step::Invalid) };
        let lsn = self.lsn();
        let end = self.position + header.frame_length();
        if end > self.segment.size
            || !self.load(header.checked_length(), limit)?
            || !header.holds(lsn, self.ahead())
        {
            return Ok(Step::Invalid);
        }
        let start = self.ahead_at();
        match header.kind {
            Kind::End => return Ok(Step::Done),
            Kind::Gap => {
                self.position = end;
                return Ok(Step::Gap(self.lsn()));
            }
            Kind::Records => self.position = end,
        }
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let payload =
            self.buffer.get(start + frame::HEADER..start + frame::HEADER + length).unwrap_or_default();
        Ok(Step::Frame(Frame { lsn, header, payload }))
    }

    fn ahead_at(&self) -> usize {
        usize::try_from(self.position - self.loaded).unwrap_or(usize::MAX)
    }

    fn ahead(&self) -> &[u8] {
        self.buffer.get(self.ahead_at()..).unwrap_or_default()
    }

    /// Sees to it that `length` bytes from the position on are in the buffer; false if there are not so many.
    fn load(&mut self, length: u64, limit: u64) -> io::Result<bool> {
        let end = self.position.saturating_add(length);
        if end > limit {
            return Ok(false);
        }
        if self.loaded <= self.position && end <= self.loaded + self.buffer.len() as u64 {
            return Ok(true);
        }
        let wanted = length.max(CHUNK).min(limit - self.position);
        self.loaded = self.position;
        self.buffer.resize(usize::try_from(wanted).unwrap_or(usize::MAX), 0);
        let read = self.file.read_at(&mut self.buffer, self.position);
        self.buffer.truncate(*read.as_ref().unwrap_or(&0));
        Ok(read? as u64 >= length)
    }
}
