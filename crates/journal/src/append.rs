//! Where records go: the buffer that gathers them into frames, the place that each gets, and the space that is set
//! aside so that a settlement always has room. Writing the buffer and preparing space are other modules' business;
//! nothing here touches a file.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Instant;

use prost::Message;

use crate::frame::{self, Kind};
use crate::lsn::{Lsn, aligned};
use crate::raw::{self, Id, RECORD_LIMIT, RecordKind};
use crate::segment::{self, Meta, Slot};

/// The most that a record takes in a segment: kind, length and message, the header of a frame that it may begin, and
/// padding.
pub(crate) const ROOM: u64 = aligned_room();

const fn aligned_room() -> u64 {
    let most = 1 + 2 + RECORD_LIMIT as u64 + frame::HEADER as u64 + 7;
    (most + 7) & !7
}

/// What the end of a segment takes.
const END: u64 = frame::HEADER as u64;

/// Ids are random already: their last bytes serve as a hash.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*last);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

/// A map by exchange.
pub(crate) type ByExchange<T> = HashMap<Id, T, BuildHasherDefault<IdHasher>>;

/// Frames that belong one after the other into one segment.
pub(crate) struct Piece {
    pub(crate) slot: Slot,
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Piece {
    pub(crate) fn lsn(&self) -> Lsn {
        Lsn(self.slot.meta.base().0 + self.offset)
    }

    pub(crate) fn end(&self) -> Lsn {
        Lsn(self.lsn().0 + self.bytes.len() as u64)
    }
}

/// What has been gathered and is to be written now.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) pieces: Vec<Piece>,
    /// Whether somebody will wait for its sync.
    pub(crate) urgent: bool,
}

struct OpenFrame {
    start: usize,
    count: u32,
}

/// The state behind the journal's one short lock.
pub(crate) struct Append {
    /// The segment that the next record goes to, and the offset where it goes.
    pub(crate) active: Slot,
    position: u64,
    /// The segment after it, once it has been prepared.
    pub(crate) next: Option<Slot>,
    /// All segments, oldest first, the active and the next one included.
    pub(crate) segments: VecDeque<Arc<Meta>>,
    /// Where each exchange that has not been settled has its first intent.
    open: ByExchange<Lsn>,
    pieces: Vec<Piece>,
    frame: Option<OpenFrame>,
    urgent: bool,
    spare: Vec<Vec<u8>>,
    /// When the oldest record of the buffer came.
    pub(crate) since: Option<Instant>,
    /// Whether somebody is writing. Who sets it writes until the buffer is empty or hands on.
    pub(crate) writing: bool,
    /// Segments that were written to since they were last synced, oldest first.
    pub(crate) dirty: Vec<Slot>,
    /// Where the last batch ended that was written: what a sync that begins now covers.
    pub(crate) noted: u64,
    /// No record is accepted any more.
    pub(crate) closed: bool,
}

/// Why a record got no place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Append {
    pub(crate) fn new(
        active: Slot,
        position: u64,
        next: Option<Slot>,
        segments: VecDeque<Arc<Meta>>,
        open: ByExchange<Lsn>,
    ) -> Append {
        let noted = active.meta.base().0 + position;
        Append {
            active,
            position,
            next,
            segments,
            open,
            pieces: Vec::new(),
            frame: None,
            urgent: false,
            spare: Vec::new(),
            since: None,
            writing: false,
            dirty: Vec::new(),
            noted,
            closed: false,
        }
    }

    /// The position behind everything that was accepted.
    pub(crate) fn end(&self) -> Lsn {
        Lsn(self.active.meta.base().0 + self.position)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn oldest_open(&self) -> Option<Lsn> {
        self.open.values().min().copied()
    }

    /// Prepared space that nothing has been set aside from.
    pub(crate) fn free(&self) -> u64 {
        self.room().saturating_sub(self.set_aside())
    }

    pub(crate) fn set_aside(&self) -> u64 {
        (self.open.len() as u64).saturating_mul(ROOM)
    }

    /// What is left of the active segment's prepared space.
    pub(crate) fn active_room(&self) -> u64 {
        self.active.meta.prepared().saturating_sub(aligned(self.position) + END)
    }

    /// Prepared space for records that take at most [`ROOM`] each.
    fn room(&self) -> u64 {
        let active = self.active_room();
        let next =
            self.next.as_ref().map_or(0, |next| next.meta.prepared().saturating_sub(segment::HEADER + END));
        // At the seam a record may have to leave up to its own length unused.
        active.max((active + next).saturating_sub(ROOM))
    }

    /// Accepts an intent, if there is room for it and for the settlements of everything that is open.
    pub(crate) fn intend(
        &mut self,
        id: Id,
        intent: &impl Message,
        length: usize,
        time: u64,
    ) -> Result<Lsn, NoRoom> {
        let settlement = if self.open.contains_key(&id) { 0 } else { ROOM };
        if self.free() < ROOM + settlement {
            return Err(NoRoom);
        }
        let (start, end) = self.place(RecordKind::Intent, intent, length, time)?;
        self.open.entry(id).or_insert(start);
        self.urgent = true;
        Ok(end)
    }

    /// Accepts a settlement: always, if its exchange is open; otherwise if there is room.
    pub(crate) fn settle(
        &mut self,
        id: Id,
        settlement: &impl Message,
        length: usize,
        time: u64,
        urgent: bool,
    ) -> Result<Lsn, NoRoom> {
        if !self.open.contains_key(&id) && self.free() < ROOM {
            return Err(NoRoom);
        }
        let (_, end) = self.place(RecordKind::Settlement, settlement, length, time)?;
        self.open.remove(&id);
        self.urgent |= urgent;
        Ok(end)
    }

    fn place(
        &mut self,
        kind: RecordKind,
        message: &impl Message,
        length: usize,
        time: u64,
    ) -> Result<(Lsn, Lsn), NoRoom> {
        let framed = raw::framed_length(length) as u64;
        let fits = |slot: &Slot, position: u64| aligned(position + framed) + END <= slot.meta.prepared();
        if self.payload_length() + framed > frame::PAYLOAD_LIMIT as u64 {
            self.finish_frame();
        }
        let begins = if self.frame.is_some() { self.position } else { self.position + frame::HEADER as u64 };
        if !fits(&self.active, begins) {
            match &self.next {
                Some(next) if fits(next, segment::HEADER + frame::HEADER as u64) => self.rotate(),
                _ => return Err(NoRoom),
            }
        }
        self.begin_frame();
        let start = self.position;
        if let Some(piece) = self.pieces.last_mut() {
            raw::append(&mut piece.bytes, kind, message);
        }
        if let Some(frame) = &mut self.frame {
            frame.count += 1;
        }
        self.position += framed;
        self.active.meta.saw(time);
        let base = self.active.meta.base().0;
        Ok((Lsn(base + start), Lsn(base + self.position)))
    }

    fn payload_length(&self) -> u64 {
        match (&self.frame, self.pieces.last()) {
            (Some(frame), Some(piece)) => {
                piece.bytes.len().saturating_sub(frame.start + frame::HEADER) as u64
            }
            _ => 0,
        }
    }

    fn begin_frame(&mut self) {
        if self.frame.is_some() {
            return;
        }
        if self.pieces.is_empty() {
            self.since = Some(Instant::now());
            self.begin_piece();
        }
        if let Some(piece) = self.pieces.last_mut() {
            self.frame = Some(OpenFrame { start: piece.bytes.len(), count: 0 });
            frame::begin(&mut piece.bytes);
            self.position += frame::HEADER as u64;
        }
    }

    fn begin_piece(&mut self) {
        let bytes = self.spare.pop().unwrap_or_default();
        self.pieces.push(Piece { slot: self.active.clone(), offset: self.position, bytes });
    }

    fn finish_frame(&mut self) {
        if let (Some(frame), Some(piece)) = (self.frame.take(), self.pieces.last_mut()) {
            frame::finish(&mut piece.bytes, frame.start, Kind::Records, frame.count);
            self.position = aligned(self.position);
        }
    }

    /// Ends the active segment and goes on in the next one.
    fn rotate(&mut self) {
        self.finish_frame();
        let Some(next) = self.next.take() else { return };
        if self.pieces.is_empty() {
            self.since = Some(Instant::now());
            self.begin_piece();
        }
        if let Some(piece) = self.pieces.last_mut() {
            let start = piece.bytes.len();
            frame::begin(&mut piece.bytes);
            frame::finish(&mut piece.bytes, start, Kind::End, 0);
        }
        self.active = next;
        self.position = segment::HEADER;
        self.begin_piece();
    }

    /// Adds a frame without records, which says when it is written what is synced.
    pub(crate) fn mark(&mut self) -> Result<(), NoRoom> {
        self.finish_frame();
        if self.active_room() < frame::HEADER as u64 {
            return Err(NoRoom);
        }
        self.begin_frame();
        self.finish_frame();
        Ok(())
    }

    /// Takes what has been gathered, for writing. The pieces are in order and not empty.
    pub(crate) fn take(&mut self) -> Batch {
        self.finish_frame();
        self.since = None;
        Batch { pieces: std::mem::take(&mut self.pieces), urgent: std::mem::take(&mut self.urgent) }
    }

    /// Gives the buffers of a written batch back.
    pub(crate) fn recycle(&mut self, batch: Batch) {
        for piece in batch.pieces {
            let mut bytes = piece.bytes;
            if self.spare.len() < 2 && bytes.capacity() <= 256 << 10 {
                bytes.clear();
                self.spare.push(bytes);
            }
        }
    }
}
