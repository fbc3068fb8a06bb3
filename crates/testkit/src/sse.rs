//! Reading server-sent events (WHATWG HTML, section 9.2) as a test wants them: event by event, comments
//! included, with the bytes they came in.

use bytes::{Bytes, BytesMut};

/// One block of a stream, ended by an empty line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// The value of `event:`.
    pub name: Option<String>,
    /// The values of `data:`, joined by line feeds; `None` when the block has none.
    pub data: Option<String>,
    /// The text of a comment line.
    pub comment: Option<String>,
    /// The block as it came, with the empty line.
    pub raw: Bytes,
}

impl SseEvent {
    /// The data as JSON; `None` when it is none, as with `[DONE]`.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(self.data.as_deref()?).ok()
    }

    /// Whether this is the end that OpenAI's streams announce.
    pub fn is_done(&self) -> bool {
        self.data.as_deref() == Some("[DONE]")
    }

    fn read(raw: Bytes) -> Self {
        let mut event = SseEvent { name: None, data: None, comment: None, raw: raw.clone() };
        for line in String::from_utf8_lossy(&raw).lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => event.name = Some(value.to_owned()),
                "data" => match &mut event.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => event.data = Some(value.to_owned()),
                },
                "" if line.starts_with(':') => event.comment = Some(value.to_owned()),
                _ => {}
            }
        }
        event
    }
}

/// Collects bytes until they are events. Lines may end in LF or CRLF.
#[derive(Debug, Default)]
pub struct SseReader {
    pending: BytesMut,
}

impl SseReader {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next complete event.
    pub fn next_event(&mut self) -> Option<SseEvent> {
        let end = block_end(&self.pending)?;
        Some(SseEvent::read(self.pending.split_to(end).freeze()))
    }

    /// The bytes that are no complete event yet.
    pub fn rest(&self) -> &[u8] {
        &self.pending
    }
}

/// Where the first block ends, the empty line included.
fn block_end(bytes: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'\n' {
            continue;
        }
        let line = bytes.get(line_start..at).unwrap_or_default();
        if line_start > 0 && (line.is_empty() || line == b"\r") {
            return Some(at + 1);
        }
        line_start = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<SseEvent> {
        let mut reader = SseReader::default();
        let mut events = Vec::new();
        for piece in pieces {
            reader.push(piece);
            events.extend(std::iter::from_fn(|| reader.next_event()));
        }
        events
    }

    #[test]
    fn an_event_has_its_name_data_and_comment() {
        let events = read(&[b"event: a\ndata: one\ndata:two\n\n: still here\r\n\r\ndata: [DONE]\n\n"]);
        let [first, comment, done] = events.as_slice() else { panic!("three events, not {events:?}") };
        assert_eq!((first.name.as_deref(), first.data.as_deref()), (Some("a"), Some("one\ntwo")));
        assert_eq!((comment.data.as_deref(), comment.comment.as_deref()), (None, Some("still here")));
        assert!(done.is_done());
    }

    proptest! {
        #[test]
        fn the_events_do_not_depend_on_how_the_bytes_arrive(size in 1usize..20) {
            let stream = b"data: {\"a\":1}\n\ndata: two\r\ndata: lines\r\n\r\n: c\n\ndata: [DONE]\n\n";
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            prop_assert_eq!(read(&pieces), read(&[stream]));
        }
    }
}
