//! Segments: the files that the journal consists of, their names and their headers. All numbers are little-endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | the magic `flyjrnl` and a byte 0x1a |
//! | 8 | 4 | version of the format, 1 |
//! | 12 | 4 | 1 where the journal begins anew behind positions that are lost, otherwise 0 |
//! | 16 | 8 | position of the segment's first byte in the journal |
//! | 24 | 8 | size: how many positions the segment stands for; the next one begins behind them |
//! | 32 | 8 | when it was made, in microseconds since 1970 |
//! | 40 | 20 | zero |
//! | 60 | 4 | CRC-32C over the bytes before |
//!
//! Frames follow at offset 64. The file may be shorter than the size: space is prepared in steps, and a segment may
//! end early.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::DiskFile;
use crate::lsn::Lsn;

/// The version of the format that is written, and the newest that is read.
pub const FORMAT_VERSION: u32 = 1;

/// Length of a segment's header in bytes.
pub(crate) const HEADER: u64 = 64;

/// No position is greater. Two thousand years at a gigabyte a second do not lead there, and sums of positions and
/// lengths stay within 64 bits.
const LAST: u64 = 1 << 62;

const MAGIC: [u8; 8] = *b"flyjrnl\x1a";
const SUFFIX: &str = ".journal";

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) base: Lsn,
    pub(crate) size: u64,
    pub(crate) created: u64,
    /// The segment need not begin where another ends: what was between is lost and given up.
    pub(crate) detached: bool,
}

/// Why a segment's header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// A newer program wrote it.
    Version(u32),
    /// It is not a segment's header, or a damaged one.
    Damaged,
}

impl Header {
    /// The header's bytes.
    pub(crate) fn encode(&self) -> [u8; HEADER as usize] {
        let mut bytes = [0; HEADER as usize];
        let values = MAGIC
            .into_iter()
            .chain(FORMAT_VERSION.to_le_bytes())
            .chain(u32::from(self.detached).to_le_bytes())
            .chain(self.base.0.to_le_bytes())
            .chain(self.size.to_le_bytes())
            .chain(self.created.to_le_bytes());
        for (byte, value) in bytes.iter_mut().zip(values) {
            *byte = value;
        }
        if let Some((covered, crc)) = bytes.split_last_chunk_mut::<4>() {
            *crc = crc32c::crc32c(covered).to_le_bytes();
        }
        bytes
    }

    /// Reads a header.
    pub(crate) fn parse(bytes: &[u8; HEADER as usize]) -> Result<Header, BadHeader> {
        let (covered, crc) = bytes.split_last_chunk::<4>().ok_or(BadHeader::Damaged)?;
        if !bytes.starts_with(&MAGIC) || crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
            return Err(BadHeader::Damaged);
        }
        let word = |at: usize| {
            bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|word| u64::from_le_bytes(*word))
        };
        let versions = word(8).ok_or(BadHeader::Damaged)?;
        let version = u32::try_from(versions & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        if version != FORMAT_VERSION {
            return Err(BadHeader::Version(version));
        }
        let detached = versions >> 32 == 1;
        match (word(16), word(24), word(32)) {
            (Some(base), Some(size), Some(created))
                if base % 8 == 0
                    && size % 8 == 0
                    && size > HEADER
                    && base.checked_add(size).is_some_and(|end| end <= LAST) =>
            {
                Ok(Header { base: Lsn(base), size, created, detached })
            }
            _ => Err(BadHeader::Damaged),
        }
    }

    /// The position behind the segment.
    pub(crate) fn end(&self) -> Lsn {
        Lsn(self.base.0.saturating_add(self.size))
    }
}

/// The name of the segment that begins at `base`: 16 hexadecimal digits and `.journal`.
pub(crate) fn name(base: Lsn) -> String {
    format!("{:016x}{SUFFIX}", base.0)
}

/// The name that a segment has while it is being made.
pub(crate) fn unfinished_name(base: Lsn) -> String {
    format!("{:016x}.new", base.0)
}

/// Whether `name` is that of a segment that was never finished.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.ends_with(".new")
}

/// The position that a segment's name says, if it is one.
pub(crate) fn parse_name(name: &str) -> Option<Lsn> {
    let digits = name.strip_suffix(SUFFIX)?;
    let plain =
        digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    plain.then(|| u64::from_str_radix(digits, 16).ok().map(Lsn)).flatten().filter(|base| base.0 < LAST)
}

/// What is known of a segment while the journal is open. Shared by the writers, the thread and readers.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) header: Header,
    /// Offset up to which the file is filled and synced. Raised by the thread only.
    prepared: AtomicU64,
    /// Least and greatest time of its records in microseconds since 1970; an empty range while unknown.
    oldest: AtomicU64,
    newest: AtomicU64,
}

impl Meta {
    pub(crate) fn new(header: Header, prepared: u64) -> Arc<Meta> {
        let (oldest, newest) = (AtomicU64::new(u64::MAX), AtomicU64::new(0));
        Arc::new(Meta { header, prepared: AtomicU64::new(prepared), oldest, newest })
    }

    pub(crate) fn name(&self) -> String {
        name(self.header.base)
    }

    /// The name of the segment that follows.
    pub(crate) fn name_after(&self) -> String {
        name(self.end())
    }

    pub(crate) fn base(&self) -> Lsn {
        self.header.base
    }

    /// The position behind the segment.
    pub(crate) fn end(&self) -> Lsn {
        self.header.end()
    }

    pub(crate) fn prepared(&self) -> u64 {
        self.prepared.load(Ordering::Acquire)
    }

    pub(crate) fn prepare_up_to(&self, offset: u64) {
        self.prepared.fetch_max(offset, Ordering::AcqRel);
    }

    /// Takes the time of a record into the segment's range.
    pub(crate) fn saw(&self, time: u64) {
        // Plain loads first: nearly every record only moves the upper end, and all under one lock.
        if time < self.oldest.load(Ordering::Relaxed) {
            self.oldest.fetch_min(time, Ordering::Relaxed);
        }
        if time > self.newest.load(Ordering::Relaxed) {
            self.newest.fetch_max(time, Ordering::Relaxed);
        }
    }

    /// Least and greatest time of the records; `None` while no record was seen.
    pub(crate) fn times(&self) -> Option<(u64, u64)> {
        let (oldest, newest) = (self.oldest.load(Ordering::Relaxed), self.newest.load(Ordering::Relaxed));
        (oldest <= newest).then_some((oldest, newest))
    }
}

/// A segment that is written: what is known of it and its open file.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) meta: Arc<Meta>,
    pub(crate) file: Arc<dyn DiskFile>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_reads_back_and_any_changed_bit_is_seen(
            base in 0u64..1 << 61, size in 65u64..1 << 40, created: u64, detached: bool, at in 0..HEADER as usize, bit in 0..8u32
        ) {
            let header = Header { base: Lsn(base & !7), size: (size & !7) + 64, created, detached };
            let mut bytes = header.encode();
            prop_assert_eq!(Header::parse(&bytes), Ok(header));
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Header::parse(&bytes), Err(BadHeader::Damaged));
        }

        #[test]
        fn names_say_where_segments_begin(base in 0u64..1 << 62) {
            prop_assert_eq!(parse_name(&name(Lsn(base))), Some(Lsn(base)));
            prop_assert_eq!(parse_name(&unfinished_name(Lsn(base))), None);
        }
    }

    #[test]
    fn other_names_are_not_segments() {
        for name in [
            "",
            ".journal",
            "0.journal",
            "000000000000000G.journal",
            "00000000000000AB.journal",
            "ffffffffffffffff.journal",
            "damaged",
        ] {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_header_of_another_version_is_told_apart_from_a_damaged_one() {
        let mut bytes = Header { base: Lsn(0), size: 4096, created: 7, detached: false }.encode();
        bytes[8] = 9;
        let crc = crc32c::crc32c(&bytes[..60]).to_le_bytes();
        bytes[60..].copy_from_slice(&crc);
        assert_eq!(Header::parse(&bytes), Err(BadHeader::Version(9)));
    }
}
