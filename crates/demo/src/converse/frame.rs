//! The frames of `application/vnd.amazon.eventstream`, written. A frame is a prelude (its length and that of its
//! headers, each of four bytes, big-endian, and their CRC-32), headers, a payload, and the CRC-32 of all before it.
//! Source: the Smithy specification, "Amazon Event Stream". A reader is no business of
//! a provider's; the tests have one.

/// The type byte of a header whose value is a string.
const STRING: u8 = 7;

/// Bytes of a frame beside its headers and its payload.
const OVERHEAD: usize = 16;

/// A frame with these headers, all of them strings. A header of more than 255 bytes of name or 65535 of value has no
/// form, and is left out.
pub(super) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(128);
    for (name, value) in headers {
        let (Ok(name_length), Ok(value_length)) = (u8::try_from(name.len()), u16::try_from(value.len()))
        else {
            continue;
        };
        written.push(name_length);
        written.extend_from_slice(name.as_bytes());
        written.push(STRING);
        written.extend_from_slice(&value_length.to_be_bytes());
        written.extend_from_slice(value.as_bytes());
    }
    let mut frame = Vec::with_capacity(OVERHEAD + written.len() + payload.len());
    frame.extend_from_slice(&length(OVERHEAD + written.len() + payload.len()));
    frame.extend_from_slice(&length(written.len()));
    push_checksum(&mut frame);
    frame.extend_from_slice(&written);
    frame.extend_from_slice(payload);
    push_checksum(&mut frame);
    frame
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

fn push_checksum(frame: &mut Vec<u8>) {
    let checksum = crc32fast::hash(frame);
    frame.extend_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
#[path = "../../tests/demo/support/frames.rs"]
mod frames;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The empty message of the public test vectors.
    #[test]
    fn a_frame_of_nothing_is_its_checksums() {
        let bytes = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(frame(&[], b""), bytes);
    }

    #[test]
    fn a_header_too_long_for_its_form_is_left_out() {
        let long = "x".repeat(70_000);
        let read = frames::all(&frame(&[("a", &long), (&long, "b"), ("c", "d")], b""));
        assert_eq!(read[0].headers.len(), 1);
        assert_eq!(read[0].header("c"), "d");
    }

    proptest! {
        #[test]
        fn written_frames_read_back(
            headers in proptest::collection::vec(("[:a-z-]{1,40}", "\\PC{0,60}"), 0..5),
            payload in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let borrowed: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let written = frame(&borrowed, &payload);
            let read = frames::all(&[written.clone(), written].concat());
            prop_assert_eq!(read.len(), 2);
            for frame in read {
                prop_assert_eq!(&frame.headers, &headers);
                prop_assert_eq!(&frame.payload, &payload);
            }
        }
    }
}
