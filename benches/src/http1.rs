//! As much of HTTP/1.1 (RFC 9112) as the client and the simulator need: where a message ends, its status, its body
//! with the chunks joined. Bodies that end with the connection, trailers with meaning and pipelining are not
//! understood and count as errors.

use memchr::{memchr, memmem};

/// Why bytes are not a message that the bench understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// The first line is not one of HTTP/1.1.
    #[error("the first line is not HTTP/1.1")]
    FirstLine,
    /// A `content-length` or the size of a chunk is not a number.
    #[error("a length is not a number")]
    Length,
    /// A chunk does not end where its size says.
    #[error("a chunk does not end where its size says")]
    Chunk,
    /// The head does not end.
    #[error("the head is longer than {HEAD_MAX} bytes")]
    Head,
    /// Bytes follow the end of the message.
    #[error("bytes follow the end of the message")]
    Excess,
}

/// The longest head that is read, bytes.
const HEAD_MAX: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Length(usize),
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    Trailer,
    Done,
}

/// A message that arrives piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Message {
    state: State,
    head: Vec<u8>,
    /// A line within a chunked body that is not complete yet.
    line: Vec<u8>,
    body: Vec<u8>,
}

impl Message {
    /// Makes room for the next message.
    pub(crate) fn clear(&mut self) {
        self.state = State::Head;
        self.head.clear();
        self.line.clear();
        self.body.clear();
    }

    /// Whether the message is complete.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The head, with its empty line.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The body so far, chunks joined.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The status of a response whose head arrived.
    pub(crate) fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.head.get(9..12)?).ok()?.parse().ok()
    }

    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), WireError> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Head => self.feed_head(bytes)?,
                State::Length(left) => {
                    let (rest, left) = self.take(bytes, left);
                    self.state = if left == 0 { State::Done } else { State::Length(left) };
                    rest
                }
                State::Chunk(left) => {
                    let (rest, left) = self.take(bytes, left);
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    rest
                }
                State::ChunkSize | State::ChunkEnd | State::Trailer => self.feed_line(bytes)?,
                State::Done => return Err(WireError::Excess),
            };
        }
        Ok(())
    }

    /// Moves at most `left` bytes to the body; gives the rest, and how many are missing.
    fn take<'b>(&mut self, bytes: &'b [u8], left: usize) -> (&'b [u8], usize) {
        let (taken, rest) = bytes.split_at_checked(left).unwrap_or((bytes, &[]));
        self.body.extend_from_slice(taken);
        (rest, left - taken.len())
    }

    fn feed_head<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], WireError> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let from = before.saturating_sub(3);
        let Some(at) = memmem::find(self.head.get(from..).unwrap_or_default(), b"\r\n\r\n") else {
            return if self.head.len() > HEAD_MAX { Err(WireError::Head) } else { Ok(&[]) };
        };
        let end = from + at + 4;
        self.head.truncate(end);
        self.state = framing(&self.head)?;
        Ok(bytes.get(end - before..).unwrap_or_default())
    }

    fn feed_line<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], WireError> {
        let Some(at) = memchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            return if self.line.len() > HEAD_MAX { Err(WireError::Chunk) } else { Ok(&[]) };
        };
        let (line, rest) = bytes.split_at_checked(at + 1).unwrap_or((bytes, &[]));
        self.line.extend_from_slice(line);
        let line = self.line.trim_ascii_end();
        self.state = match self.state {
            State::ChunkSize => match chunk_size(line)? {
                0 => State::Trailer,
                size => State::Chunk(size),
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::ChunkEnd => return Err(WireError::Chunk),
            _ if line.is_empty() => State::Done,
            state => state,
        };
        self.line.clear();
        Ok(rest)
    }
}

/// The size in the first line of a chunk (RFC 9112, 7.1); extensions are skipped.
fn chunk_size(line: &[u8]) -> Result<usize, WireError> {
    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    let digits = std::str::from_utf8(digits).map_err(|_| WireError::Length)?;
    usize::from_str_radix(digits, 16).map_err(|_| WireError::Length)
}

/// How the body after this head ends (RFC 9112, 6.3).
fn framing(head: &[u8]) -> Result<State, WireError> {
    let mut lines = head.split(|&byte| byte == b'\n');
    if memmem::find(lines.next().unwrap_or_default(), b"HTTP/1.1").is_none() {
        return Err(WireError::FirstLine);
    }
    let mut length = 0;
    for line in lines {
        let Some(colon) = memchr(b':', line) else { continue };
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let text = std::str::from_utf8(value).map_err(|_| WireError::Length)?;
            length = text.parse().map_err(|_| WireError::Length)?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") && value.eq_ignore_ascii_case(b"chunked") {
            return Ok(State::ChunkSize);
        }
    }
    Ok(if length == 0 { State::Done } else { State::Length(length) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nnote: x\r\n\r\n";

    proptest! {
        #[test]
        fn a_message_reads_the_same_however_it_is_cut(
            cuts in prop::collection::vec(0..CHUNKED.len(), 0..12),
            chunked: bool,
        ) {
            let whole = if chunked { CHUNKED } else { PLAIN };
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
            cuts.extend([0, whole.len()]);
            cuts.sort_unstable();
            let mut message = Message::default();
            for pair in cuts.windows(2) {
                message.feed(&whole[pair[0]..pair[1]]).unwrap();
            }
            prop_assert!(message.is_done());
            prop_assert_eq!(message.body(), b"hello");
            prop_assert_eq!(message.status(), Some(if chunked { 201 } else { 200 }));
        }

        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>) {
            let _either = Message::default().feed(&bytes);
        }
    }

    #[test]
    fn what_is_not_a_message_is_an_error() {
        let fed = |bytes: &[u8]| Message::default().feed(bytes);
        assert_eq!(fed(b"SSH-2.0\r\n\r\n"), Err(WireError::FirstLine));
        assert_eq!(fed(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), Err(WireError::Length));
        assert_eq!(fed(&[PLAIN, b"!"].concat()), Err(WireError::Excess));
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(fed(&[&head[..], b"1\r\nab\r\n"].concat()), Err(WireError::Chunk));
        assert_eq!(fed(&[&head[..], b"zz\r\n"].concat()), Err(WireError::Length));
    }

    #[test]
    fn a_message_that_is_cut_off_is_not_done() {
        let mut message = Message::default();
        message.feed(&PLAIN[..PLAIN.len() - 1]).unwrap();
        assert!(!message.is_done());
    }
}
