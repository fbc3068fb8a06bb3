//! Reads the frames of `application/vnd.amazon.eventstream`: lengths, checksums, headers of strings, payload. Written
//! for the tests, and apart from what it checks.

/// A frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Vec<u8>,
}

impl Read {
    /// The value of a header; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// The first frame of `bytes`, and what comes after it.
pub(crate) fn read(bytes: &[u8]) -> (Read, &[u8]) {
    let number =
        |at: usize| usize::try_from(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
    let checksum = |bytes: &[u8]| usize::try_from(crc32fast::hash(bytes)).unwrap();
    let (length, end) = (number(0), 12 + number(4));
    let body = length - 4;
    assert_eq!(number(8), checksum(&bytes[..8]));
    assert_eq!(number(body), checksum(&bytes[..body]));
    let mut rest = &bytes[12..end];
    let mut headers = Vec::new();
    while let Some((&name_length, after)) = rest.split_first() {
        let (name, after) = after.split_at(usize::from(name_length));
        let (&kind, after) = after.split_first().unwrap();
        assert_eq!(kind, 7, "not a string");
        let (value_length, after) = after.split_first_chunk::<2>().unwrap();
        let (value, after) = after.split_at(usize::from(u16::from_be_bytes(*value_length)));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        headers.push((text(name), text(value)));
        rest = after;
    }
    (Read { headers, payload: bytes[end..body].to_vec() }, &bytes[length..])
}

/// All frames of `bytes`, which must end with one.
pub(crate) fn all(mut bytes: &[u8]) -> Vec<Read> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (frame, rest) = read(bytes);
        frames.push(frame);
        bytes = rest;
    }
    frames
}
