//! Amazon's event stream encoding, written: a prelude (length of the frame and of its headers, their CRC-32), headers,
//! the payload, and the CRC-32 of all before. Source: Smithy's specification of the Amazon event stream.

use bytes::BufMut;

/// A frame with the event `name` and this payload.
pub(crate) fn event(name: &str, payload: &str) -> Vec<u8> {
    frame(
        &[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")],
        payload.as_bytes(),
    )
}

/// A frame that reports the fault `name`.
pub(crate) fn exception(name: &str, payload: &str) -> Vec<u8> {
    frame(
        &[(":exception-type", name), (":content-type", "application/json"), (":message-type", "exception")],
        payload.as_bytes(),
    )
}

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
    out.put_u32(u32::try_from(16 + encoded.len() + payload.len()).unwrap());
    out.put_u32(u32::try_from(encoded.len()).unwrap());
    out.put_u32(crc32fast::hash(&out));
    out.put_slice(&encoded);
    out.put_slice(payload);
    out.put_u32(crc32fast::hash(&out));
    out
}
