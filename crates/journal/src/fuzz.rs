//! Body of the fuzz target: what must hold for every sequence of bytes that is taken for a segment. A plain function, so
//! that stable tests replay the corpus in `fuzz/seeds`. Not part of the crate's interface.

use std::io;
use std::sync::Arc;

use prost::Message;

use crate::disk::{Disk, DiskFile};
use crate::frame::{self, Kind};
use crate::lsn::{Lsn, aligned};
use crate::reader::Reader;
use crate::record::Record;
use crate::scan::{Frame, Scanner, Step};
use crate::segment::{self, Header};
use crate::verify::survey;

/// Where the segment begins that `segment` puts in front of foreign frames.
const BASE: Lsn = Lsn(4096);

/// A folder that holds one file, for reading.
struct OneFile(String, Arc<dyn DiskFile>);

struct Bytes(Vec<u8>);

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for OneFile {
    fn make(&self) -> io::Result<()> {
        refused()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(vec![self.0.clone()])
    }

    fn create(&self, _name: &str) -> io::Result<Arc<dyn DiskFile>> {
        refused()
    }

    fn open(&self, _name: &str, _write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::clone(&self.1))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        refused()
    }

    fn keep(&self, _name: &str) -> io::Result<()> {
        refused()
    }

    fn sync(&self) -> io::Result<()> {
        refused()
    }
}

impl DiskFile for Bytes {
    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        refused()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let there = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let length = there.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(there) {
            *to = *from;
        }
        Ok(length)
    }

    fn sync(&self) -> io::Result<()> {
        refused()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

/// Any bytes are read without a fault: as a whole segment, as frames behind a right header, and as frames whose
/// checksums have been made right. Nothing is handed out whose checksum does not fit, and what is written as a frame is
/// read again.
pub fn segment(bytes: &[u8]) {
    if let Some(Ok(header)) = bytes.first_chunk().map(Header::parse) {
        scan(bytes, header);
        read(bytes.to_vec(), header.base);
    } else {
        read(bytes.to_vec(), Lsn(0));
    }
    let begin = Lsn(BASE.0 + segment::HEADER);
    let mut frames = bytes.get(64..).unwrap_or(bytes).to_vec();
    for right in [false, true] {
        if right {
            frame::seal(&mut frames, begin, Lsn(0));
        }
        let (header, file) = segment_of(&frames);
        scan(&file, header);
        read(file, BASE);
    }
    let mut frames = Vec::new();
    frame::begin(&mut frames);
    frames.extend(bytes.iter().take(1 << 12));
    frame::finish(&mut frames, 0, Kind::Records, 1);
    frame::seal(&mut frames, begin, Lsn(8));
    let (header, file) = segment_of(&frames);
    let mut scanner = Scanner::new(Arc::new(Bytes(file)), header);
    let again = match scanner.step(u64::MAX) {
        Ok(Step::Frame(frame)) => frame.payload().to_vec(),
        _ => Vec::new(),
    };
    assert!(bytes.starts_with(&again) && again.len() == bytes.len().min(1 << 12), "a frame reads back");
}

/// A segment of these frames, just large enough.
fn segment_of(frames: &[u8]) -> (Header, Vec<u8>) {
    let size = segment::HEADER + aligned(frames.len() as u64).max(8);
    let header = Header { base: BASE, size, created: 0, detached: false };
    (header, [&header.encode(), frames].concat())
}

/// Reads frame by frame and compares with the file.
fn scan(file: &[u8], header: Header) {
    let mut scanner = Scanner::new(Arc::new(Bytes(file.to_vec())), header);
    loop {
        let (offset, lsn) = (scanner.position(), scanner.lsn());
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = file.get(at..).unwrap_or_default();
        match scanner.step(u64::MAX) {
            Ok(Step::Frame(frame)) => check(there, lsn, &frame),
            Ok(Step::Gap(to)) => {
                assert!(to > lsn, "a gap leads on");
                assert!(fits(there, lsn, frame::HEADER), "a gap has a right checksum");
            }
            Ok(Step::Invalid | Step::Done) | Err(_) => return,
        }
        assert!(scanner.position() > offset && scanner.position() <= header.size, "reading goes on");
    }
}

fn check(there: &[u8], lsn: Lsn, frame: &Frame<'_>) {
    let length = usize::try_from(frame.header.frame_length()).unwrap_or(usize::MAX);
    assert!(fits(there, lsn, length), "a frame has a right checksum");
    let mut behind = Lsn(lsn.0 + frame::HEADER as u64);
    for (start, end, raw) in frame.records().flatten() {
        assert!(start == behind && end > start, "records follow one another");
        behind = end;
        let head = raw.head();
        let Ok(record) = raw.decode() else { continue };
        let (exchange, again) = match &record {
            Record::Intent(intent) => (&intent.exchange, intent.encode_to_vec()),
            Record::Settlement(settlement) => (&settlement.exchange, settlement.encode_to_vec()),
        };
        // A message may say a field twice; encoders do not.
        if raw.bytes == again {
            assert_eq!(
                head.map(|(id, _)| id),
                exchange.as_slice().try_into().ok(),
                "the short way reads what the long one does"
            );
        }
        let raw = crate::RawRecord { kind: raw.kind, bytes: &again };
        assert_eq!(raw.decode().ok(), Some(record), "a record reads back");
    }
    assert!(behind.0 <= lsn.0 + length as u64, "records stay within their frame");
}

/// Whether the first `length` bytes of `frame` have the checksum that stands before them.
fn fits(frame: &[u8], lsn: Lsn, length: usize) -> bool {
    let Some((crc, covered)) = frame.get(..length).and_then(|frame| frame.split_first_chunk()) else {
        return false;
    };
    crc32c::crc32c(&[&lsn.0.to_le_bytes(), covered].concat()) == u32::from_le_bytes(*crc)
}

/// Verifies the file and reads its records.
fn read(file: Vec<u8>, base: Lsn) {
    let disk = OneFile(segment::name(base), Arc::new(Bytes(file)));
    let mut problems = 0;
    let Ok(report) = survey(&disk, &mut |problem| {
        assert!(problem.positions.start <= problem.positions.end);
        problems += 1;
    }) else {
        return;
    };
    assert!(report.damages <= problems);
    let Ok(mut reader) = Reader::offline(Arc::new(disk), Lsn(0)) else { return };
    let mut records = 0;
    while let Ok(batch) = reader.next_batch(1 << 16) {
        if batch.is_empty() {
            break;
        }
        records += batch.len() as u64;
    }
    assert!(records <= report.records, "what is read has been verified");
}
