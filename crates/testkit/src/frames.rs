//! Amazon's event stream encoding, made from JSON: what Bedrock sends, for providers that are canned. Written after
//! Smithy's specification of the format, checksum included, so that it shares nothing with what reads it.

/// One frame: `event` is its `:event-type`, the payload is JSON.
pub fn event(event: &str, payload: &str) -> Vec<u8> {
    frame(
        &[(":event-type", event), (":content-type", "application/json"), (":message-type", "event")],
        payload,
    )
}

/// One frame that reports a fault.
pub fn exception(exception: &str, payload: &str) -> Vec<u8> {
    let headers = [
        (":exception-type", exception),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    frame(&headers, payload)
}

fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (name, value) in headers {
        encoded.push(name.len().to_be_bytes().last().copied().unwrap_or_default());
        encoded.extend_from_slice(name.as_bytes());
        // 7: a string.
        encoded.push(7);
        encoded.extend_from_slice(&length(value.len()).to_be_bytes()[2..]);
        encoded.extend_from_slice(value.as_bytes());
    }
    let mut out = Vec::new();
    out.extend_from_slice(&length(12 + encoded.len() + payload.len() + 4).to_be_bytes());
    out.extend_from_slice(&length(encoded.len()).to_be_bytes());
    out.extend_from_slice(&crc32(&out).to_be_bytes());
    out.extend_from_slice(&encoded);
    out.extend_from_slice(payload.as_bytes());
    out.extend_from_slice(&crc32(&out).to_be_bytes());
    out
}

fn length(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// The CRC-32 of Ethernet and gzip, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_frame_without_anything_is_the_published_one() {
        // The first example of Amazon's own test vectors: no headers, no payload.
        assert_eq!(frame(&[], ""), [0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255]);
    }
}
