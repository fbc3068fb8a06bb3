//! JSON string text: taking escapes out, putting them in, and finding in the source what a place in the decoded
//! text stands for.

use super::parse::plain_run;

/// Appends `text` to `out` as the inside of a JSON string (RFC 8259 section 7), escaping only what must be.
pub fn escape_into(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some((plain, [byte, after @ ..])) = plain_run(rest).and_then(|at| rest.split_at_checked(at)) {
        out.extend_from_slice(plain);
        escape(*byte, out);
        rest = after;
    }
    out.extend_from_slice(rest);
}

/// Appends the escape of a byte that cannot stand for itself.
fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            let low = HEX.get(usize::from(byte & 15)).copied().unwrap_or(b'0');
            out.extend_from_slice(b"\\u00");
            out.push(b'0' + (byte >> 4));
            out.push(low);
        }
    }
}

/// `text` as a JSON string with its quotes.
pub fn quote(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    escape_into(text, &mut out);
    out.push(b'"');
    // Escaping replaces ASCII by ASCII: the result is UTF-8 as the input was.
    String::from_utf8(out).unwrap_or_default()
}

/// One step through the inside of a valid JSON string.
struct Piece {
    /// Bytes in the source.
    raw: usize,
    character: char,
}

fn next_piece(inner: &str) -> Option<Piece> {
    let mut characters = inner.chars();
    let first = characters.next()?;
    if first != '\\' {
        return Some(Piece { raw: first.len_utf8(), character: first });
    }
    let (raw, character) = match characters.next()? {
        'b' => (2, '\u{8}'),
        'f' => (2, '\u{c}'),
        'n' => (2, '\n'),
        'r' => (2, '\r'),
        't' => (2, '\t'),
        'u' => {
            let unit = |at: usize| inner.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            let high = unit(2)?;
            if (0xD800..0xDC00).contains(&high) {
                let low = unit(8)?;
                let point = 0x1_0000 + ((high - 0xD800) << 10) + low.wrapping_sub(0xDC00);
                (12, char::from_u32(point)?)
            } else {
                (6, char::from_u32(high)?)
            }
        }
        other => (2, other),
    };
    Some(Piece { raw, character })
}

/// The text that the inside of a valid JSON string stands for.
pub(super) fn unescape(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, escaped) = rest.split_at(at);
        text.push_str(plain);
        let Some(piece) = next_piece(escaped) else { return text };
        text.push(piece.character);
        rest = escaped.get(piece.raw..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

/// Turns ascending offsets into the decoded text into offsets into `inner`, the source between the quotes.
pub(super) fn source_offsets(inner: &str, decoded: &[usize]) -> Vec<usize> {
    let mut offsets = Vec::with_capacity(decoded.len());
    let (mut raw, mut text) = (0, 0);
    let mut wanted = decoded.iter().copied().peekable();
    loop {
        while wanted.next_if(|&offset| offset <= text).is_some() {
            offsets.push(raw);
        }
        if wanted.peek().is_none() {
            return offsets;
        }
        match inner.get(raw..).and_then(next_piece) {
            Some(piece) => {
                raw += piece.raw;
                text += piece.character.len_utf8();
            }
            None => {
                offsets.extend(wanted.by_ref().map(|_| inner.len()));
                return offsets;
            }
        }
    }
}
