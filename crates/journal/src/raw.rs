//! Records within a frame: a byte for the kind, the length as a varint, the protocol buffers message. A record can be
//! looked at without being decoded. Which records a journal accepts is not here.

use std::borrow::Cow;

use prost::{DecodeError, Message};

use crate::record::{Intent, Record, Settlement, Verdict};

/// An exchange's id as it stands in records.
pub(crate) type Id = [u8; 16];

/// Greatest encoded length of a record in bytes. What is longer has its lists of rules, findings and switches
/// shortened until it fits.
pub const RECORD_LIMIT: usize = 4096;

/// Greatest encoded length of an intent in bytes: less than [`RECORD_LIMIT`], so that what a settlement repeats of its
/// intent always fits with what it adds.
pub const INTENT_LIMIT: usize = RECORD_LIMIT - 512;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// An [`Intent`].
    Intent,
    /// A [`Settlement`].
    Settlement,
}

impl RecordKind {
    fn code(self) -> u8 {
        match self {
            RecordKind::Intent => 1,
            RecordKind::Settlement => 2,
        }
    }
}

/// A record that has not been decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// What it is.
    pub kind: RecordKind,
    /// The protocol buffers message.
    pub bytes: &'a [u8],
}

/// The fields that both kinds of record begin with.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Head {
    #[prost(bytes = "vec", tag = "1")]
    exchange: Vec<u8>,
    #[prost(uint64, tag = "2")]
    time: u64,
}

impl RawRecord<'_> {
    /// The id of its exchange and its time in microseconds since 1970; `None` when it has no proper id.
    pub fn head(&self) -> Option<([u8; 16], u64)> {
        // The encoder writes fields in the order of their numbers: these two stand first, and a full decode is for
        // messages that another encoder made.
        if let Some(rest) = self.bytes.strip_prefix(&[0x0a, 16])
            && let Some((id, rest)) = rest.split_first_chunk::<16>()
            && let Some(mut rest) = rest.strip_prefix(&[0x10])
            && let Ok(time) = prost::encoding::decode_varint(&mut rest)
        {
            return Some((*id, time));
        }
        let head = Head::decode(self.bytes).ok()?;
        Some((Id::try_from(head.exchange).ok()?, head.time))
    }

    /// The record.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn decode(&self) -> Result<Record, DecodeError> {
        Ok(match self.kind {
            RecordKind::Intent => Record::Intent(Intent::decode(self.bytes)?),
            RecordKind::Settlement => Record::Settlement(Settlement::decode(self.bytes)?),
        })
    }
}

/// How many bytes a record takes whose message is `length` bytes long.
pub(crate) fn framed_length(length: usize) -> usize {
    1 + prost::length_delimiter_len(length) + length
}

/// Appends a record to a frame.
pub(crate) fn append(buffer: &mut Vec<u8>, kind: RecordKind, message: &impl Message) {
    buffer.push(kind.code());
    // A vector has room for any message: encoding cannot fail.
    let encoded = message.encode_length_delimited(buffer);
    debug_assert!(encoded.is_ok());
}

/// The records of a frame's payload, in order, each with where it begins and ends in the payload. Ends after the first
/// that is malformed, which is then an error.
pub(crate) struct Records<'a> {
    payload: &'a [u8],
    at: usize,
}

/// A frame whose checksum is right does not hold well-formed records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Records<'a> {
    pub(crate) fn of(payload: &'a [u8]) -> Self {
        Records { payload, at: 0 }
    }

    fn read(&self) -> Option<(usize, usize, RawRecord<'a>)> {
        let rest = self.payload.get(self.at..)?;
        let (&code, mut rest) = rest.split_first()?;
        let kind = match code {
            1 => RecordKind::Intent,
            2 => RecordKind::Settlement,
            _ => return None,
        };
        let length = prost::decode_length_delimiter(&mut rest).ok()?;
        let bytes = rest.get(..length)?;
        let end = self.payload.len() - rest.len() + length;
        Some((self.at, end, RawRecord { kind, bytes }))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(usize, usize, RawRecord<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.payload.len() {
            return None;
        }
        let record = self.read().ok_or(Malformed);
        self.at = record.map_or(usize::MAX, |(_, end, _)| end);
        Some(record)
    }
}

/// A record that can be shortened to a length.
pub(crate) trait Bounded: Message + Clone {
    fn verdict(&mut self) -> Option<&mut Verdict>;
}

impl Bounded for Intent {
    fn verdict(&mut self) -> Option<&mut Verdict> {
        self.verdict.as_mut()
    }
}

impl Bounded for Settlement {
    fn verdict(&mut self) -> Option<&mut Verdict> {
        self.verdict.as_mut()
    }
}

/// What a shortened list of names ends with.
const MORE: &str = "...";

/// The record itself when it is at most `limit` bytes long, or else one whose verdict lists only as many rules,
/// findings and switches as fit, ending with `...`. With its length; that is above the limit when even empty lists do
/// not help.
pub(crate) fn bounded<M: Bounded>(record: &M, limit: usize) -> (Cow<'_, M>, usize) {
    let length = record.encoded_len();
    if length <= limit {
        return (Cow::Borrowed(record), length);
    }
    let mut shorter = record.clone();
    let mut keep = shorter
        .verdict()
        .map_or(0, |verdict| verdict.rules.len().max(verdict.findings.len()).max(verdict.failed_open.len()));
    while keep > 0 && shorter.encoded_len() > limit {
        keep /= 2;
        if let Some(verdict) = shorter.verdict() {
            shorten(&mut verdict.rules, keep, || MORE.to_owned());
            shorten(&mut verdict.failed_open, keep, || MORE.to_owned());
            shorten(&mut verdict.findings, keep, || crate::record::Count { kind: MORE.to_owned(), count: 0 });
        }
    }
    let length = shorter.encoded_len();
    (Cow::Owned(shorter), length)
}

fn shorten<T>(list: &mut Vec<T>, keep: usize, more: impl Fn() -> T) {
    if list.len() > keep {
        list.truncate(keep);
        list.push(more());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settlement(id: u8, rules: usize, tag: &str) -> Settlement {
        Settlement {
            exchange: vec![id; 16],
            time: 1_700_000_000_000_000 + u64::from(id),
            verdict: Some(Verdict { rules: vec![tag.to_owned(); rules], ..Verdict::default() }),
            ..Settlement::default()
        }
    }

    proptest! {
        #[test]
        fn records_read_back_in_order(ids in proptest::collection::vec((any::<u8>(), any::<bool>(), ".{0,200}"), 0..20)) {
            let mut payload = Vec::new();
            let mut ends = Vec::new();
            let mut expected = Vec::new();
            for (id, is_intent, text) in &ids {
                let before = payload.len();
                if *is_intent {
                    let intent = Intent { exchange: vec![*id; 16], time: 5, policy: text.clone().into_bytes(), ..Intent::default() };
                    append(&mut payload, RecordKind::Intent, &intent);
                    prop_assert_eq!(payload.len() - before, framed_length(intent.encoded_len()));
                    expected.push(Record::Intent(intent));
                } else {
                    let settlement = settlement(*id, 1, text);
                    append(&mut payload, RecordKind::Settlement, &settlement);
                    prop_assert_eq!(payload.len() - before, framed_length(settlement.encoded_len()));
                    expected.push(Record::Settlement(settlement));
                }
                ends.push((before, payload.len()));
            }
            let read: Vec<_> = Records::of(&payload).map(|record| record.unwrap()).collect();
            prop_assert_eq!(read.iter().map(|(start, end, _)| (*start, *end)).collect::<Vec<_>>(), ends);
            for ((_, _, raw), record) in read.iter().zip(&expected) {
                prop_assert_eq!(&raw.decode().unwrap(), record);
                let (id, time) = match record {
                    Record::Intent(intent) => (&intent.exchange, intent.time),
                    Record::Settlement(settlement) => (&settlement.exchange, settlement.time),
                };
                prop_assert_eq!(raw.head(), Some((Id::try_from(id.as_slice()).unwrap(), time)));
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_fault(payload: Vec<u8>) {
            for record in Records::of(&payload).flatten() {
                let _ = record.2.head();
                let _ = record.2.decode();
            }
        }

        #[test]
        fn a_long_record_is_shortened_to_the_limit(rules in 0..400usize, length in 0..60usize) {
            let long = settlement(1, rules, &"r".repeat(length));
            let (bounded, length) = bounded(&long, RECORD_LIMIT);
            prop_assert!(length <= RECORD_LIMIT);
            prop_assert_eq!(bounded.encoded_len(), length);
            let kept = &bounded.verdict.as_ref().unwrap().rules;
            if long.encoded_len() > RECORD_LIMIT {
                prop_assert_eq!(kept.last().unwrap(), MORE);
                prop_assert!(length > RECORD_LIMIT / 3, "no more is dropped than needed, by halves");
            } else {
                prop_assert_eq!(kept.len(), rules);
            }
        }
    }

    #[test]
    fn a_record_of_another_encoder_has_its_head_read_too() {
        // Field 2 before field 1, as the format allows.
        let mut bytes = vec![0x10, 9, 0x0a, 16];
        bytes.extend([7; 16]);
        assert_eq!(RawRecord { kind: RecordKind::Intent, bytes: &bytes }.head(), Some(([7; 16], 9)));
    }
}
