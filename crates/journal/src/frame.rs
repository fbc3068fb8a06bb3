//! Frames: the unit of a group commit. A frame is what one write puts into a segment: a header of 24 bytes, the
//! payload, and zeros up to a multiple of 8. All numbers are little-endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | CRC-32C (RFC 3720 appendix B.4) over the frame's own position as 8 bytes, then the frame from offset 4 |
//! | 4 | 4 | length of the payload without padding |
//! | 8 | 4 | kind: 1 records, 2 end of segment, 3 gap |
//! | 12 | 4 | number of records |
//! | 16 | 8 | up to which position the journal was known to be on the disk when the frame was written |
//!
//! The checksum covers the position, so bytes that belong elsewhere or to an earlier use of the file never pass. The
//! checksum of a gap covers its header only: its payload is what nobody can read. Records within the payload are not
//! this module's business.

use crate::lsn::Lsn;

/// Length of a frame's header in bytes.
pub(crate) const HEADER: usize = 24;

/// A frame takes no further record once its payload is this long.
pub(crate) const PAYLOAD_LIMIT: usize = 1 << 20;

/// Longest payload that is taken for a frame of records: the limit and one record more.
const PAYLOAD_MAX: u32 = (1 << 20) + (64 << 10);

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Records, possibly none.
    Records,
    /// Nothing: the segment is complete, and the journal goes on in the next one.
    End,
    /// What stood here was damaged and has been given up.
    Gap,
}

impl Kind {
    fn code(self) -> u32 {
        match self {
            Kind::Records => 1,
            Kind::End => 2,
            Kind::Gap => 3,
        }
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) crc: u32,
    pub(crate) length: u32,
    pub(crate) kind: Kind,
    pub(crate) count: u32,
    pub(crate) synced: Lsn,
}

impl Header {
    /// Reads the header that `bytes` begin with, as far as its shape allows: nothing is checksummed here.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Header> {
        let kind = match u32_at(bytes, 8)? {
            1 => Kind::Records,
            2 => Kind::End,
            3 => Kind::Gap,
            _ => return None,
        };
        let synced = Lsn(u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?));
        let header = Header {
            crc: u32_at(bytes, 0)?,
            length: u32_at(bytes, 4)?,
            kind,
            count: u32_at(bytes, 12)?,
            synced,
        };
        let possible = match kind {
            Kind::Records => header.length <= PAYLOAD_MAX,
            Kind::End => header.length == 0 && header.count == 0,
            Kind::Gap => header.count == 0,
        };
        possible.then_some(header)
    }

    /// The header's bytes, its checksum as it stands.
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let fields = [
            self.crc.to_le_bytes(),
            self.length.to_le_bytes(),
            self.kind.code().to_le_bytes(),
            self.count.to_le_bytes(),
        ];
        let synced = self.synced.0.to_le_bytes();
        let values = fields.iter().flatten().chain(&synced);
        for (byte, value) in bytes.iter_mut().zip(values) {
            *byte = *value;
        }
        bytes
    }

    /// Length of the whole frame with padding.
    pub(crate) fn frame_length(&self) -> u64 {
        crate::lsn::aligned(HEADER as u64 + u64::from(self.length))
    }

    /// How many bytes from the frame's start the checksum covers, which is how many are needed to check it.
    pub(crate) fn checked_length(&self) -> u64 {
        if self.kind == Kind::Gap { HEADER as u64 } else { self.frame_length() }
    }

    /// Whether `bytes`, at least [`Header::checked_length`] of them, are this frame, written for `lsn`.
    pub(crate) fn holds(&self, lsn: Lsn, bytes: &[u8]) -> bool {
        let checked = usize::try_from(self.checked_length()).unwrap_or(usize::MAX);
        bytes.get(4..checked).is_some_and(|covered| checksum(lsn, covered) == self.crc)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn checksum(lsn: Lsn, covered: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&lsn.0.to_le_bytes()), covered)
}

/// Begins a frame at the end of `buffer`: leaves room for its header.
pub(crate) fn begin(buffer: &mut Vec<u8>) {
    buffer.resize(buffer.len() + HEADER, 0);
}

/// Ends the frame that begins at `start` of `buffer`: pads it and states its length, so that [`seal`] can find it.
pub(crate) fn finish(buffer: &mut Vec<u8>, start: usize, kind: Kind, count: u32) {
    let length = u32::try_from(buffer.len().saturating_sub(start + HEADER)).unwrap_or(u32::MAX);
    buffer.resize(buffer.len().next_multiple_of(8), 0);
    let header = Header { crc: 0, length, kind, count, synced: Lsn(0) }.encode();
    if let Some(place) = buffer.get_mut(start..).and_then(|rest| rest.first_chunk_mut()) {
        *place = header;
    }
}

/// Makes finished frames ready to be written at `lsn`: states what is synced, and computes the checksums.
pub(crate) fn seal(mut frames: &mut [u8], mut lsn: Lsn, synced: Lsn) {
    while let Some(mut header) = Header::parse(frames) {
        header.synced = synced;
        let length = usize::try_from(header.frame_length()).unwrap_or(usize::MAX);
        let checked = usize::try_from(header.checked_length()).unwrap_or(usize::MAX);
        let Some((frame, rest)) = frames.split_at_mut_checked(length) else { return };
        for (byte, value) in frame.iter_mut().zip(header.encode()) {
            *byte = value;
        }
        let crc = checksum(lsn, frame.get(4..checked).unwrap_or_default());
        for (byte, value) in frame.iter_mut().zip(crc.to_le_bytes()) {
            *byte = value;
        }
        frames = rest;
        lsn = Lsn(lsn.0 + length as u64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(payload: &[u8], lsn: Lsn, synced: Lsn) -> Vec<u8> {
        let mut bytes = Vec::new();
        begin(&mut bytes);
        bytes.extend_from_slice(payload);
        finish(&mut bytes, 0, Kind::Records, 1);
        seal(&mut bytes, lsn, synced);
        bytes
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_as_it_was_written(
            payload in proptest::collection::vec(any::<u8>(), 0..300), lsn: u64, synced: u64
        ) {
            let (lsn, synced) = (Lsn(lsn >> 1), Lsn(synced));
            let bytes = frame(&payload, lsn, synced);
            let header = Header::parse(&bytes).unwrap();
            prop_assert_eq!(header.frame_length(), bytes.len() as u64);
            prop_assert_eq!(header.length as usize, payload.len());
            prop_assert_eq!(header.synced, synced);
            prop_assert!(header.holds(lsn, &bytes));
            prop_assert!(!header.holds(Lsn(lsn.0 + 8), &bytes), "a frame is only itself where it belongs");
        }

        #[test]
        fn a_frame_with_any_bit_changed_does_not_pass(
            payload in proptest::collection::vec(any::<u8>(), 0..100), at: proptest::sample::Index, bit in 0..8u32
        ) {
            let mut bytes = frame(&payload, Lsn(64), Lsn(0));
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let passes = Header::parse(&bytes)
                .is_some_and(|header| header.frame_length() <= bytes.len() as u64 && header.holds(Lsn(64), &bytes));
            prop_assert!(!passes);
        }
    }

    #[test]
    fn zeros_are_no_frame() {
        assert_eq!(Header::parse(&[0; 64]), None);
    }

    #[test]
    fn the_checksum_is_the_castagnoli_one() {
        // The check value of CRC-32C over the digits 1 to 9.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }
}
