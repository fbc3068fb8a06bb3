//! Server-sent events (WHATWG HTML, section 9.2): bytes in, events out, without copying what arrives whole.
//!
//! The decoder accepts all three line endings and any chunking. It knows nothing of what events mean.

use bytes::{Bytes, BytesMut};

/// One event that carries data. Comments and events without data are swallowed: they tell nothing that a caller
/// needs and would otherwise be a way around inspection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event as it came, with its closing blank line, when it holds nothing but one `data` line and at most one
    /// name before it: only then can it be passed on verbatim.
    pub raw: Option<Bytes>,
    /// Its name (`event: ...`); none where it has none.
    pub name: Option<Bytes>,
    /// The data, lines joined by line feeds.
    pub data: Bytes,
}

impl Event {
    /// The bytes of an event with this data and this name, which is one line.
    pub fn encode(name: Option<&[u8]>, data: &[u8], out: &mut BytesMut) {
        if let Some(name) = name {
            out.extend_from_slice(b"event: ");
            out.extend_from_slice(name);
            out.extend_from_slice(b"\n");
        }
        let mut rest = data;
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            let (line, after) = rest.split_at(end);
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(line);
            out.extend_from_slice(b"\n");
            rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
        }
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(rest);
        out.extend_from_slice(b"\n\n");
    }
}

/// An event grew beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {limit} bytes")]
pub struct EventTooLarge {
    /// The limit in bytes.
    pub limit: usize,
}

/// Splits a byte stream into events.
#[derive(Debug)]
pub struct Decoder {
    /// A chunk as it came, while nothing had to be joined.
    whole: Bytes,
    /// What has come and is not yet an event, once a chunk did not end with one. Only one of the two holds bytes.
    joined: BytesMut,
    /// Where the line begins that is not yet complete.
    line: usize,
    /// Up to where there is no line end after `line`: no byte is searched twice.
    searched: usize,
    started: bool,
    limit: usize,
}

impl Decoder {
    /// A decoder that refuses events of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Decoder { whole: Bytes::new(), joined: BytesMut::new(), line: 0, searched: 0, started: false, limit }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, chunk: Bytes) {
        if self.pending().is_empty() {
            self.whole = chunk;
        } else {
            self.joined.extend_from_slice(&std::mem::take(&mut self.whole));
            self.joined.extend_from_slice(&chunk);
        }
        if !self.started && self.pending().len() >= 3 {
            self.started = true;
            if self.pending().starts_with(b"\xEF\xBB\xBF") {
                self.take(3);
            }
        }
    }

    fn pending(&self) -> &[u8] {
        if self.joined.is_empty() { &self.whole } else { &self.joined }
    }

    /// Takes bytes off the front; the search begins anew after them.
    fn take(&mut self, count: usize) -> Bytes {
        (self.line, self.searched) = (0, 0);
        // A byte order mark can only be the first thing.
        self.started = true;
        if self.joined.is_empty() { self.whole.split_to(count) } else { self.joined.split_to(count).freeze() }
    }

    /// The next event that is complete.
    ///
    /// # Errors
    /// When an event exceeds the limit; the stream cannot go on then.
    pub fn next_event(&mut self) -> Result<Option<Event>, EventTooLarge> {
        while let Some(end) = self.find_end() {
            if end > self.limit {
                return Err(EventTooLarge { limit: self.limit });
            }
            let raw = self.take(end);
            if let Some(event) = parse(raw) {
                return Ok(Some(event));
            }
        }
        if self.pending().len() > self.limit {
            return Err(EventTooLarge { limit: self.limit });
        }
        Ok(None)
    }

    /// Whether the stream ended between two events.
    pub fn is_empty(&self) -> bool {
        self.pending().iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    /// The end of the first blank line, counted from the beginning.
    fn find_end(&mut self) -> Option<usize> {
        let (mut line, mut searched) = (self.line, self.searched);
        let bytes = self.pending();
        let found = loop {
            let Some(at) = bytes.get(searched..).and_then(|rest| memchr::memchr2(b'\n', b'\r', rest)) else {
                searched = bytes.len();
                break None;
            };
            searched += at;
            let mut end = searched + 1;
            if bytes.get(searched) == Some(&b'\r') {
                match bytes.get(end) {
                    Some(b'\n') => end += 1,
                    Some(_) => {}
                    // A line feed may still follow. Nothing is lost by waiting for one more byte.
                    None => break None,
                }
            }
            if searched == line {
                break Some(end);
            }
            (line, searched) = (end, end);
        };
        (self.line, self.searched) = (line, searched);
        found
    }
}

/// Reads one event's lines; none when it carries no data.
fn parse(raw: Bytes) -> Option<Event> {
    let mut data: Option<Bytes> = None;
    let mut joined: Option<BytesMut> = None;
    let mut name: Option<Bytes> = None;
    let mut plain = true;
    let mut start = 0;
    while let Some(rest) = raw.get(start..).filter(|rest| !rest.is_empty()) {
        let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        if let Some(value) = line.strip_prefix(b"data").filter(|v| v.is_empty() || v.starts_with(b":")) {
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let value = raw.slice_ref(value);
            match (&mut joined, data.take()) {
                (Some(lines), _) => {
                    lines.extend_from_slice(b"\n");
                    lines.extend_from_slice(&value);
                }
                (None, None) => data = Some(value),
                (None, Some(first)) => {
                    let mut lines = BytesMut::from(first.as_ref());
                    lines.extend_from_slice(b"\n");
                    lines.extend_from_slice(&value);
                    joined = Some(lines);
                    plain = false;
                }
            }
        } else if let Some(value) = line.strip_prefix(b"event:") {
            plain &= name.is_none() && data.is_none();
            name = Some(raw.slice_ref(value.strip_prefix(b" ").unwrap_or(value)));
        } else if !line.is_empty() {
            plain = false;
        }
        start += length + 1;
    }
    let data = joined.map(BytesMut::freeze).or(data)?;
    Some(Event { raw: plain.then_some(raw), name, data })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: impl IntoIterator<Item = Vec<u8>>) -> Vec<Event> {
        let mut decoder = Decoder::new(1 << 20);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(Bytes::from(chunk));
            while let Some(event) = decoder.next_event().unwrap() {
                events.push(event);
            }
        }
        events
    }

    fn data(text: &str) -> Vec<String> {
        let events = decode([text.as_bytes().to_vec()]);
        events.iter().map(|event| String::from_utf8(event.data.to_vec()).unwrap()).collect()
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        assert_eq!(data("data: a\n\ndata:b\n\ndata:  c\n\n"), ["a", "b", " c"]);
        assert_eq!(data("data: a\ndata: b\n\n"), ["a\nb"]);
        assert_eq!(data("data\n\n"), [""]);
        assert_eq!(data("data: a\r\n\r\ndata: b\r\rx"), ["a", "b"]);
        assert_eq!(data(": comment\n\nevent: x\n\ndatax: no\n\n"), Vec::<String>::new());
        assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
        assert_eq!(data("data: unfinished\n"), Vec::<String>::new());
    }

    #[test]
    fn data_of_several_lines_is_read_as_it_was_written() {
        for (text, expected) in
            [("{\n \"a\":1}", "{\n \"a\":1}"), ("a\r\nb\rc", "a\nb\nc"), ("", ""), ("a\n", "a\n")]
        {
            let mut out = BytesMut::new();
            Event::encode(Some(b"x"), text.as_bytes(), &mut out);
            let events = decode([out.to_vec()]);
            assert_eq!((events.len(), events[0].data.as_ref()), (1, expected.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_one_at_the_beginning_only() {
        let text = b"\r\r\xEF\xBB\xBFdata: a\n\n";
        assert_eq!(decode([text.to_vec()]), []);
        assert_eq!(decode(text.chunks(1).map(<[u8]>::to_vec)), []);
    }

    #[test]
    fn only_events_of_data_and_a_name_may_pass_verbatim() {
        let events = decode([b"data: a\n\nevent: n\ndata: b\n\n".to_vec()]);
        assert_eq!(events[0].raw.as_deref(), Some(&b"data: a\n\n"[..]));
        assert_eq!(events[1].raw.as_deref(), Some(&b"event: n\ndata: b\n\n"[..]));
        assert_eq!((events[0].name.as_deref(), events[1].name.as_deref()), (None, Some(&b"n"[..])));
        let more = b"id: 1\ndata: b\n\n: c\ndata: d\n\nevent: n\nevent: m\ndata: e\n\ndata: f\nevent: n\n\n";
        assert!(decode([more.to_vec()]).iter().all(|event| event.raw.is_none()));
    }

    #[test]
    fn large_events_are_refused_before_they_are_complete() {
        let mut decoder = Decoder::new(16);
        decoder.push(Bytes::from_static(b"data: 0123456789 and more"));
        assert_eq!(decoder.next_event(), Err(EventTooLarge { limit: 16 }));
    }

    #[test]
    fn large_events_in_small_pieces_cost_no_more_than_their_size() {
        // Joined and searched anew for every piece, this would touch a tebibyte.
        let mut decoder = Decoder::new(16 << 20);
        decoder.push(Bytes::from_static(b"data: "));
        for _ in 0..1 << 18 {
            decoder.push(Bytes::from_static(b"0123456789abcdef0123456789abcdef"));
            assert_eq!(decoder.next_event(), Ok(None));
        }
        decoder.push(Bytes::from_static(b"\n\ndata: next\n\n"));
        assert_eq!(decoder.next_event().unwrap().unwrap().data.len(), 8 << 20);
        assert_eq!(decoder.next_event().unwrap().unwrap().data, "next");
    }

    proptest! {
        #[test]
        fn chunking_does_not_matter(
            lines in prop::collection::vec(("(data|event|id|)", ":? ?[a-z]{0,3}", "(\n|\r\n|\r|\n\n)"), 0..20),
            size in 1usize..7,
        ) {
            let text: String = lines.iter().map(|(a, b, c)| format!("{a}{b}{c}")).collect();
            let whole = decode([text.as_bytes().to_vec()]);
            let pieces = decode(text.as_bytes().chunks(size).map(<[u8]>::to_vec));
            prop_assert_eq!(whole, pieces);
        }
    }
}
