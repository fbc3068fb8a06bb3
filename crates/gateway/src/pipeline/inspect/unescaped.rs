//! Text that is JSON within a string, as the arguments of a tool call are: what its reader sees, escapes undone
//! (RFC 8259, section 7), and where in the text each place of that stands. Escapes would hide a value from detectors
//! otherwise. What is no escape of JSON stays as it is.

use std::ops::Range;

/// Undoes escapes in a text that arrives in pieces.
#[derive(Clone, Debug, Default)]
pub struct Unescaped {
    /// An escape at the end that is not complete.
    partial: String,
    /// How much was read and what came of it, in bytes.
    source: usize,
    decoded: usize,
    /// The ends of escapes: in what came of the text, and in the text.
    escapes: Vec<(usize, usize)>,
}

/// What stands at a backslash.
enum Escape {
    /// A character, spelled in so many bytes.
    Of(char, usize),
    /// What may become one.
    Open,
    /// None.
    No,
}

impl Unescaped {
    /// Takes the next piece and appends what came of it.
    pub fn push(&mut self, piece: &str, out: &mut String) {
        let joined = std::mem::take(&mut self.partial) + piece;
        let before = out.len();
        let mut rest = joined.as_str();
        while let Some(at) = rest.find('\\') {
            let (plain, escape) = rest.split_at(at);
            out.push_str(plain);
            self.source += plain.len();
            let length = match escape_at(escape) {
                Escape::Open => {
                    escape.clone_into(&mut self.partial);
                    self.decoded += out.len() - before;
                    return;
                }
                Escape::No => {
                    out.push('\\');
                    1
                }
                Escape::Of(character, length) => {
                    out.push(character);
                    self.escapes.push((self.decoded + out.len() - before, self.source + length));
                    length
                }
            };
            self.source += length;
            rest = escape.get(length..).unwrap_or_default();
        }
        out.push_str(rest);
        self.source += rest.len();
        self.decoded += out.len() - before;
    }

    /// The escape that the text ends in, as it is.
    pub fn partial(&self) -> &str {
        &self.partial
    }

    /// Where a place of the result stands in the text.
    pub fn place(&self, decoded: usize) -> usize {
        let count = self.escapes.partition_point(|(end, _)| *end <= decoded);
        let (from, to) =
            count.checked_sub(1).and_then(|last| self.escapes.get(last)).copied().unwrap_or_default();
        to + (decoded - from)
    }

    /// The same for a range.
    pub fn range(&self, decoded: &Range<usize>) -> Range<usize> {
        self.place(decoded.start)..self.place(decoded.end)
    }

    /// Nobody will ask for places of the result before this one.
    pub fn forget_before(&mut self, decoded: usize) {
        let count = self.escapes.partition_point(|(end, _)| *end <= decoded);
        self.escapes.drain(..count.saturating_sub(1));
    }
}

fn escape_at(text: &str) -> Escape {
    let Some(kind) = text.chars().nth(1) else { return Escape::Open };
    match kind {
        '"' | '\\' | '/' => Escape::Of(kind, 2),
        'b' => Escape::Of('\u{8}', 2),
        'f' => Escape::Of('\u{c}', 2),
        'n' => Escape::Of('\n', 2),
        'r' => Escape::Of('\r', 2),
        't' => Escape::Of('\t', 2),
        'u' => match unit(text) {
            Ok(high @ 0xD800..0xDC00) => match text.get(6..) {
                Some(low) if !low.starts_with("\\u") && !"\\u".starts_with(low) => Escape::No,
                Some("" | "\\") => Escape::Open,
                Some(low) => match unit(low) {
                    Ok(low @ 0xDC00..0xE000) => {
                        let point = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                        char::from_u32(point).map_or(Escape::No, |character| Escape::Of(character, 12))
                    }
                    Ok(_) => Escape::No,
                    Err(open) => open,
                },
                None => Escape::No,
            },
            Ok(unit) => char::from_u32(unit).map_or(Escape::No, |character| Escape::Of(character, 6)),
            Err(open) => open,
        },
        _ => Escape::No,
    }
}

/// The four digits of `\uXXXX`.
fn unit(text: &str) -> Result<u32, Escape> {
    let digits = text.get(2..).unwrap_or_default();
    let hex = digits.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
    match digits.get(..hex).filter(|digits| digits.len() == 4) {
        Some(digits) => u32::from_str_radix(digits, 16).map_err(|_| Escape::No),
        None if hex == digits.len() => Err(Escape::Open),
        None => Err(Escape::No),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unescape(pieces: &[&str]) -> (String, Unescaped) {
        let (mut out, mut unescaped) = (String::new(), Unescaped::default());
        for piece in pieces {
            unescaped.push(piece, &mut out);
        }
        (out, unescaped)
    }

    #[test]
    fn escapes_are_undone_and_their_places_known() {
        let (text, unescaped) = unescape(&[r#"{"a":"\u0040b\/"}"#]);
        assert_eq!(text, r#"{"a":"@b/"}"#);
        assert_eq!(unescaped.range(&(6..7)), 6..12);
        assert_eq!(unescaped.range(&(6..9)), 6..15);
        assert_eq!(unescape(&[r"\ud83d\ude00"]).0, "\u{1f600}");
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [r"\q", r"\u00g0", r"\ud83dx", r"\ud83d\n", r"\udc00", r"\ud83d\u0041", "\\é"] {
            assert!(unescape(&[text]).0.starts_with('\\'), "{text}");
        }
        for text in ["\\", r"\u", r"\u00", r"\ud83d", r"\ud83d\", r"\ud83d\ude0"] {
            let (out, unescaped) = unescape(&[text]);
            assert_eq!((out.as_str(), unescaped.partial()), ("", text));
        }
    }

    proptest! {
        #[test]
        fn a_reader_sees_the_same_however_the_text_is_cut(
            text in any::<String>(),
            places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut raw = String::new();
            for unit in text.encode_utf16() {
                raw.push_str(&format!("\\u{unit:04x}"));
            }
            let raw = format!("{}{raw}", serde_json::to_string(&text).unwrap());
            let mut cuts: Vec<usize> =
                places.iter().map(|at| at.index(raw.len() + 1)).filter(|at| raw.is_char_boundary(*at)).collect();
            cuts.extend([0, raw.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|ends| &raw[ends[0]..ends[1]]).collect();
            let (out, unescaped) = unescape(&pieces);
            prop_assert_eq!(&out, &format!("\"{text}\"{text}"));
            prop_assert_eq!(unescaped.place(out.len()), raw.len());
        }
    }
}
