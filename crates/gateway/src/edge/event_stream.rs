//! Amazon's event stream encoding (`application/vnd.amazon.eventstream`): bytes in, events out. A frame is a prelude
//! (total length, headers' length, CRC-32 of both), headers, a payload, and the CRC-32 of all before; lengths are
//! big-endian. Source: Smithy's specification of the Amazon event stream. It knows nothing of what events mean.

use bytes::{Buf, Bytes, BytesMut};

use super::sse::Event;

/// Prelude and its checksum.
const PRELUDE: usize = 12;

/// A frame with neither headers nor payload.
const LEAST: usize = PRELUDE + 4;

/// A frame cannot be read; the stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is larger than the limit, or smaller than a frame can be.
    #[error("a frame has an impossible length")]
    Length,
    /// A checksum does not fit.
    #[error("a frame is damaged")]
    Checksum,
    /// Its headers are no headers.
    #[error("a frame has headers that cannot be read")]
    Headers,
}

/// Splits a byte stream into events.
#[derive(Debug)]
pub struct Decoder {
    pending: BytesMut,
    limit: usize,
}

impl Decoder {
    /// A decoder that refuses frames of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Decoder { pending: BytesMut::new(), limit }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, chunk: &[u8]) {
        self.pending.extend_from_slice(chunk);
    }

    /// The next event that is complete: its name is the frame's `:event-type`, or `:exception-type` where it reports
    /// a fault; its data the payload.
    ///
    /// # Errors
    /// When a frame cannot be read; the stream cannot go on then.
    pub fn next_event(&mut self) -> Result<Option<Event>, FrameError> {
        let Some(mut prelude) = self.pending.get(..PRELUDE) else { return Ok(None) };
        let sum = crc32fast::hash(prelude.get(..PRELUDE - 4).unwrap_or_default());
        let (total, headers) = (prelude.get_u32() as usize, prelude.get_u32() as usize);
        if prelude.get_u32() != sum {
            return Err(FrameError::Checksum);
        }
        if total > self.limit || total < LEAST || headers > total - LEAST {
            return Err(FrameError::Length);
        }
        if self.pending.len() < total {
            return Ok(None);
        }
        let frame = self.pending.split_to(total).freeze();
        let (content, mut checksum) = frame.split_at(total - 4);
        if crc32fast::hash(content) != checksum.get_u32() {
            return Err(FrameError::Checksum);
        }
        let name = name(frame.slice(PRELUDE..PRELUDE + headers)).ok_or(FrameError::Headers)?;
        Ok(Some(Event { raw: None, name, data: frame.slice(PRELUDE + headers..total - 4) }))
    }

    /// Whether the stream ended between two events.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

/// What a frame's headers call it; none in the outer layer when they cannot be read.
#[expect(
    clippy::option_option,
    reason = "headers that cannot be read are another thing than headers without a name"
)]
fn name(mut headers: Bytes) -> Option<Option<Bytes>> {
    let mut name = None;
    while headers.has_remaining() {
        let length = usize::from(headers.try_get_u8().ok()?);
        let key = take(&mut headers, length)?;
        let kind = headers.try_get_u8().ok()?;
        let length = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            6 | 7 => usize::from(headers.try_get_u16().ok()?),
            9 => 16,
            _ => return None,
        };
        let value = take(&mut headers, length)?;
        if kind == 7 && matches!(key.as_ref(), b":event-type" | b":exception-type" | b":error-code") {
            name = Some(value);
        }
    }
    Some(name)
}

fn take(bytes: &mut Bytes, count: usize) -> Option<Bytes> {
    (bytes.len() >= count).then(|| bytes.split_to(count))
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;
    use proptest::prelude::*;

    use super::*;

    fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        for (key, value) in headers {
            encoded.put_u8(u8::try_from(key.len()).unwrap());
            encoded.put_slice(key.as_bytes());
            encoded.put_u8(7);
            encoded.put_u16(u16::try_from(value.len()).unwrap());
            encoded.put_slice(value.as_bytes());
        }
        let mut out = Vec::new();
        out.put_u32(u32::try_from(LEAST + encoded.len() + payload.len()).unwrap());
        out.put_u32(u32::try_from(encoded.len()).unwrap());
        out.put_u32(crc32fast::hash(&out));
        out.put_slice(&encoded);
        out.put_slice(payload);
        out.put_u32(crc32fast::hash(&out));
        out
    }

    fn decode(bytes: &[u8], size: usize) -> Result<Vec<(Option<Bytes>, Bytes)>, FrameError> {
        let mut decoder = Decoder::new(1 << 16);
        let mut events = Vec::new();
        for chunk in bytes.chunks(size) {
            decoder.push(chunk);
            while let Some(event) = decoder.next_event()? {
                events.push((event.name, event.data));
            }
        }
        Ok(events)
    }

    #[test]
    fn faults_are_named_as_such() {
        let bytes =
            frame(&[(":message-type", "exception"), (":exception-type", "throttlingException")], b"{}");
        assert_eq!(decode(&bytes, 5).unwrap(), [(Some("throttlingException".into()), "{}".into())]);
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_at_once() {
        for (total, headers) in [(u32::MAX, 0), (15, 0), (16, 1), (1 << 17, 0)] {
            let mut bytes = Vec::new();
            bytes.put_u32(total);
            bytes.put_u32(headers);
            bytes.put_u32(crc32fast::hash(&bytes));
            assert_eq!(decode(&bytes, 12), Err(FrameError::Length), "{total} {headers}");
        }
    }

    proptest! {
        #[test]
        fn chunking_does_not_matter(
            frames in prop::collection::vec(("[a-zA-Z]{1,9}", prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            size in 1usize..50,
        ) {
            let mut bytes = Vec::new();
            for (name, payload) in &frames {
                bytes.extend(frame(&[(":event-type", name), (":content-type", "application/json")], payload));
            }
            let expected: Vec<_> =
                frames.into_iter().map(|(name, payload)| (Some(name.into()), payload.into())).collect();
            prop_assert_eq!(decode(&bytes, size).unwrap(), expected);
        }

        #[test]
        fn a_changed_bit_never_passes(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = frame(&[(":event-type", "messageStop")], b"{\"stopReason\":\"end_turn\"}");
            let good = decode(&bytes, 64).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_ne!(decode(&bytes, 64), Ok(good));
        }
    }
}
