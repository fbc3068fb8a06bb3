//! Reading records in the order in which they were written: beside the writers, or from a folder that nobody or
//! another process writes to. Nothing is changed.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, Folder};
use crate::error::{OpenError, ReadError};
use crate::folder;
use crate::level::lock;
use crate::lsn::Lsn;
use crate::raw::RawRecord;
use crate::record::Record;
use crate::scan::{Scanner, Step};
use crate::segment::{HEADER, Header, name};
use crate::shared::Shared;

/// Reads records from a position on.
pub struct Reader {
    source: Source,
    /// The position behind the last record that was handed out.
    position: Lsn,
    scanner: Option<(Header, Scanner)>,
    synced_only: bool,
}

enum Source {
    Live(Arc<Shared>),
    Folder { disk: Arc<dyn Disk>, segments: VecDeque<Header> },
}

impl Source {
    fn disk(&self) -> &dyn Disk {
        match self {
            Source::Live(shared) => &*shared.disk,
            Source::Folder { disk, .. } => &**disk,
        }
    }

    /// The segment that holds `position`, or the first one when everything there is comes later.
    fn segment_of(&self, position: Lsn) -> Option<Header> {
        let pick = |headers: &mut dyn DoubleEndedIterator<Item = Header>| {
            let mut first = None;
            for header in headers.rev() {
                if header.base <= position {
                    return Some(header);
                }
                first = Some(header);
            }
            first
        };
        match self {
            Source::Live(shared) => pick(&mut lock(&shared.append).segments.iter().map(|meta| meta.header)),
            Source::Folder { segments, .. } => pick(&mut segments.iter().copied()),
        }
    }

    /// The segment behind `header`.
    fn segment_after(&self, header: &Header) -> Result<Option<Header>, ReadError> {
        let pick = |mut headers: &mut dyn Iterator<Item = Header>| {
            Iterator::find(&mut headers, |other| other.base >= header.end())
        };
        let next = match self {
            Source::Live(shared) => pick(&mut lock(&shared.append).segments.iter().map(|meta| meta.header)),
            Source::Folder { segments, .. } => pick(&mut segments.iter().copied()),
        };
        match next {
            Some(next) if next.base == header.end() || next.detached => Ok(Some(next)),
            Some(_) => Err(ReadError::Missing { lsn: header.end() }),
            None => Ok(None),
        }
    }
}

impl Reader {
    pub(crate) fn live(shared: Arc<Shared>, from: Lsn) -> Reader {
        Reader { source: Source::Live(shared), position: from, scanner: None, synced_only: false }
    }

    pub(crate) fn offline(disk: Arc<dyn Disk>, from: Lsn) -> Result<Reader, OpenError> {
        let segments = folder::segments(&*disk)?
            .iter()
            .map(folder::Found::usable)
            .collect::<Result<VecDeque<Header>, _>>()?;
        Ok(Reader {
            source: Source::Folder { disk, segments },
            position: from,
            scanner: None,
            synced_only: false,
        })
    }

    /// Hands out only records that are on the disk, so that nothing is seen that a power cut can take back. Makes no
    /// difference for a folder, which does not tell.
    #[must_use]
    pub fn synced_only(mut self) -> Reader {
        self.synced_only = true;
        self
    }

    /// The position behind the last record that was handed out: where another reader would go on.
    pub fn position(&self) -> Lsn {
        self.position
    }

    /// The next records, of about `max_bytes` bytes together, at least one if there is any: frames are not divided.
    /// Each with the positions where it begins and ends. Empty: everything that has been written was read.
    ///
    /// # Errors
    /// When the files cannot be read, are damaged, or have been removed.
    pub fn next_batch(&mut self, max_bytes: usize) -> Result<Vec<(Lsn, Lsn, Record)>, ReadError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes {
            let frame = self.frame(|start, end, raw| {
                bytes += raw.bytes.len();
                raw.head()?;
                batch.push((start, end, raw.decode().ok()?));
                Some(())
            })?;
            if !frame {
                break;
            }
        }
        Ok(batch)
    }

    /// Shows every record up to the end to `visit`, undecoded, with the position where it begins, until that breaks
    /// off; records of the same frame may be passed over then.
    ///
    /// # Errors
    /// When the files cannot be read, are damaged, or have been removed.
    pub fn for_each(
        &mut self,
        mut visit: impl FnMut(Lsn, RawRecord<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue()
            && self.frame(|start, _, raw| {
                if flow.is_continue() {
                    flow = visit(start, raw);
                }
                Some(())
            })?
        {}
        Ok(())
    }

    /// Shows the records of the next frame that has any; false at the end.
    fn frame(
        &mut self,
        mut visit: impl FnMut(Lsn, Lsn, RawRecord<'_>) -> Option<()>,
    ) -> Result<bool, ReadError> {
        let mut again = false;
        loop {
            let written = match &self.source {
                Source::Live(shared) if self.synced_only => Some(Lsn(shared.synced.get())),
                Source::Live(shared) => Some(Lsn(shared.written.get())),
                Source::Folder { .. } => None,
            };
            if written.is_some_and(|written| self.position >= written) {
                return Ok(false);
            }
            let Some((header, mut scanner)) = self.scanner()? else { return Ok(false) };
            let limit = written.map_or(u64::MAX, |written| written.0.saturating_sub(header.base.0));
            if written.is_some() && scanner.position() >= limit {
                self.scanner = Some((header, scanner));
                return Ok(false);
            }
            let lsn = scanner.lsn();
            let position = self.position;
            let damaged = || ReadError::Damaged { file: name(header.base), lsn };
            let mut shown = false;
            match scanner.step(limit).map_err(ReadError::io(name(header.base)))? {
                Step::Frame(frame) => {
                    for record in frame.records() {
                        let (start, end, raw) = record.map_err(|_| damaged())?;
                        if end > position {
                            visit(start, end, raw).ok_or_else(damaged)?;
                            self.position = end;
                            shown = true;
                        }
                    }
                }
                Step::Gap(_) => {}
                Step::Done => match self.source.segment_after(&header)? {
                    Some(next) => {
                        scanner = self.open(next)?;
                        self.scanner = Some((next, scanner));
                        continue;
                    }
                    None => {
                        self.scanner = Some((header, scanner));
                        return Ok(false);
                    }
                },
                // Beside a writer the first look may have met a frame half written.
                Step::Invalid if !again => {
                    again = true;
                    scanner.reread();
                }
                Step::Invalid if written.is_some() => return Err(damaged()),
                Step::Invalid => {
                    scanner.reread();
                    let more =
                        self.source.segment_after(&header)?.is_some_and(|next| self.holds_frames(next));
                    self.scanner = Some((header, scanner));
                    return if more { Err(damaged()) } else { Ok(false) };
                }
            }
            self.scanner = Some((header, scanner));
            if shown {
                return Ok(true);
            }
        }
    }

    /// Whether a segment holds anything.
    fn holds_frames(&self, header: Header) -> bool {
        self.open(header).is_ok_and(|mut scanner| {
            matches!(scanner.step(u64::MAX), Ok(Step::Frame(_) | Step::Gap(_) | Step::Done))
        })
    }

    fn scanner(&mut self) -> Result<Option<(Header, Scanner)>, ReadError> {
        if let Some(scanner) = self.scanner.take() {
            return Ok(Some(scanner));
        }
        let Some(header) = self.source.segment_of(self.position) else { return Ok(None) };
        Ok(Some((header, self.open(header)?)))
    }

    fn open(&self, header: Header) -> Result<Scanner, ReadError> {
        let name = name(header.base);
        match self.source.disk().open(&name, false) {
            Ok(file) => Ok(Scanner::new(file, header)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(ReadError::Missing { lsn: Lsn(header.base.0 + HEADER) })
            }
            Err(error) => Err(ReadError::io(name)(error)),
        }
    }
}

/// Reads the journal in `folder` from a position on, beside a process that writes it or without one. Ends at the first
/// position that cannot be read, if nothing follows; [`crate::verify()`] says why.
///
/// # Errors
/// When the folder cannot be read, or a segment's header is damaged or of a newer version.
pub fn read_folder(folder: &Path, from: Lsn) -> Result<Reader, OpenError> {
    Reader::offline(Arc::new(Folder::new(folder)), from)
}
