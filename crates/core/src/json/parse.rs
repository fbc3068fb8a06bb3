//! The validating scanner behind [`super::Document::parse`]: one pass, no recursion, an explicit stack bounded by
//! the depth limit.

use std::collections::HashSet;

use super::text::unescape;
use super::{Node, NodeKind};

/// Bounds on what is indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep arrays and objects may nest.
    pub depth: usize,
    /// How many values may be indexed (numbers within arrays do not count).
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 64, nodes: 1_000_000 }
    }
}

/// Why a text is not acceptable JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Where, in bytes from the beginning.
    pub offset: usize,
}

/// What is wrong with a JSON text. Never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// It ends too early.
    #[error("the text ends too early")]
    Truncated,
    /// A character that cannot stand here.
    #[error("unexpected character")]
    Unexpected,
    /// Something follows the outermost value.
    #[error("text after the end of the value")]
    Trailing,
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// A number that is not spelled as RFC 8259 section 6 says.
    #[error("malformed number")]
    Number,
    /// An escape that RFC 8259 section 7 does not know.
    #[error("invalid escape")]
    Escape,
    /// Half a surrogate pair: no character.
    #[error("unpaired surrogate")]
    Surrogate,
    /// A raw control character within a string.
    #[error("control character in a string")]
    Control,
    /// The same name twice in one object.
    #[error("duplicate key")]
    DuplicateKey,
    /// Nested deeper than allowed.
    #[error("nested too deeply")]
    TooDeep,
    /// More values than allowed.
    #[error("too many values")]
    TooMany,
    /// 4 GiB or more.
    #[error("too large")]
    TooLarge,
}

/// From how many members on keys are compared through a hash set instead of pairwise.
const MANY_KEYS: usize = 12;

struct Open {
    node: usize,
    /// Where this object's keys begin in `Scanner::keys`.
    first_key: usize,
    object: bool,
    /// Whether nothing has come in it yet.
    empty: bool,
}

struct Scanner<'s> {
    bytes: &'s [u8],
    at: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
    /// Indexes of the key nodes of all open objects.
    keys: Vec<usize>,
    limits: Limits,
}

pub(super) fn index(source: &[u8], limits: Limits) -> Result<Vec<Node>, JsonError> {
    if u32::try_from(source.len()).is_err() {
        return Err(JsonError { kind: JsonErrorKind::TooLarge, offset: source.len() });
    }
    if let Err(error) = std::str::from_utf8(source) {
        return Err(JsonError { kind: JsonErrorKind::Utf8, offset: error.valid_up_to() });
    }
    let mut scanner = Scanner {
        bytes: source,
        at: 0,
        // A short text is mostly structure, a long one mostly prose.
        nodes: Vec::with_capacity(8 + (source.len() / 8).min(64) + source.len() / 64),
        open: Vec::with_capacity(8),
        keys: Vec::with_capacity(32),
        limits,
    };
    scanner.run()?;
    Ok(scanner.nodes)
}

/// The inside of a string.
pub(super) struct Inside {
    /// Up to the closing quote, in bytes.
    pub(super) length: usize,
    pub(super) escaped: bool,
}

/// Reads a string whose opening quote stands just before `bytes`. Whether they are UTF-8 is not looked at.
pub(super) fn string(bytes: &[u8]) -> Result<Inside, JsonError> {
    let (nodes, open, keys) = (Vec::new(), Vec::new(), Vec::new());
    let mut scanner = Scanner { bytes, at: 0, nodes, open, keys, limits: Limits::default() };
    let escaped = scanner.inside()?;
    Ok(Inside { length: scanner.at, escaped })
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), JsonError> {
        self.value()?;
        while let Some(open) = self.open.last_mut() {
            let (first_key, object) = (open.first_key, open.object);
            let empty = std::mem::replace(&mut open.empty, false);
            self.space();
            match (self.peek()?, object) {
                (b'}', true) | (b']', false) => self.close(first_key)?,
                (b',', _) if !empty => {
                    self.at += 1;
                    self.space();
                    self.element(object)?;
                }
                _ if empty => self.element(object)?,
                _ => return Err(self.fail(JsonErrorKind::Unexpected)),
            }
        }
        self.space();
        if self.at < self.bytes.len() { Err(self.fail(JsonErrorKind::Trailing)) } else { Ok(()) }
    }

    /// One array item, or one key with its value.
    #[inline]
    fn element(&mut self, object: bool) -> Result<(), JsonError> {
        if object {
            if self.peek()? != b'"' {
                return Err(self.fail(JsonErrorKind::Unexpected));
            }
            let key = self.nodes.len();
            self.string(NodeKind::Key)?;
            self.keys.push(key);
            self.space();
            if self.peek()? != b':' {
                return Err(self.fail(JsonErrorKind::Unexpected));
            }
            self.at += 1;
        }
        self.value()
    }

    fn close(&mut self, first_key: usize) -> Result<(), JsonError> {
        self.at += 1;
        self.refuse_duplicates(first_key)?;
        self.keys.truncate(first_key);
        let (end, next) = (self.at as u32, self.nodes.len() as u32);
        if let Some(open) = self.open.pop()
            && let Some(node) = self.nodes.get_mut(open.node)
        {
            node.end = end;
            node.next = next;
        }
        Ok(())
    }

    fn value(&mut self) -> Result<(), JsonError> {
        self.space();
        match self.peek()? {
            b'"' => self.string(NodeKind::String),
            b'{' => self.container(NodeKind::Object),
            b'[' => self.container(NodeKind::Array),
            b't' => self.literal(b"true", NodeKind::Bool),
            b'f' => self.literal(b"false", NodeKind::Bool),
            b'n' => self.literal(b"null", NodeKind::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(self.fail(JsonErrorKind::Unexpected)),
        }
    }

    fn container(&mut self, kind: NodeKind) -> Result<(), JsonError> {
        if self.open.len() >= self.limits.depth {
            return Err(self.fail(JsonErrorKind::TooDeep));
        }
        let node = self.nodes.len();
        self.push(kind, self.at, 0, false)?;
        let object = kind == NodeKind::Object;
        self.open.push(Open { node, first_key: self.keys.len(), object, empty: true });
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &[u8], kind: NodeKind) -> Result<(), JsonError> {
        let start = self.at;
        if self.bytes.get(start..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return self.scalar(kind, start);
        }
        for &expected in word {
            if self.peek()? != expected {
                return Err(self.fail(JsonErrorKind::Unexpected));
            }
            self.at += 1;
        }
        self.scalar(kind, start)
    }

    /// RFC 8259 section 6: `[ minus ] int [ frac ] [ exp ]`.
    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.fail(JsonErrorKind::Number)),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.scalar(NodeKind::Number, start)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.fail(JsonErrorKind::Number)) } else { Ok(()) }
    }

    fn scalar(&mut self, kind: NodeKind, start: usize) -> Result<(), JsonError> {
        match self.open.last() {
            Some(open) if !open.object => {
                if let Some(array) = self.nodes.get_mut(open.node) {
                    array.flag = true;
                }
                Ok(())
            }
            _ => self.push(kind, start, self.at, false),
        }
    }

    fn string(&mut self, kind: NodeKind) -> Result<(), JsonError> {
        let start = self.at;
        self.at += 1;
        let escaped = self.inside()?;
        self.at += 1;
        self.push(kind, start, self.at, escaped)
    }

    /// Goes to a string's closing quote. Whether there are escapes before it.
    #[inline]
    fn inside(&mut self) -> Result<bool, JsonError> {
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(skip) = plain_run(rest) else {
                self.at = self.bytes.len();
                return Err(self.fail(JsonErrorKind::Truncated));
            };
            self.at += skip;
            match self.peek()? {
                b'"' => return Ok(escaped),
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(self.fail(JsonErrorKind::Control)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 1;
                Ok(())
            }
            b'u' => {
                self.at += 1;
                let start = self.at;
                match self.hex4()? {
                    0xD800..=0xDBFF => {
                        if self.byte() != Some(b'\\') || self.bytes.get(self.at + 1) != Some(&b'u') {
                            return Err(JsonError { kind: JsonErrorKind::Surrogate, offset: start });
                        }
                        self.at += 2;
                        if (0xDC00..=0xDFFF).contains(&self.hex4()?) {
                            Ok(())
                        } else {
                            Err(JsonError { kind: JsonErrorKind::Surrogate, offset: start })
                        }
                    }
                    0xDC00..=0xDFFF => Err(JsonError { kind: JsonErrorKind::Surrogate, offset: start }),
                    _ => Ok(()),
                }
            }
            _ => Err(self.fail(JsonErrorKind::Escape)),
        }
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.peek()?).to_digit(16);
            unit = unit * 16 + digit.ok_or_else(|| self.fail(JsonErrorKind::Escape))?;
            self.at += 1;
        }
        Ok(unit)
    }

    fn refuse_duplicates(&self, first_key: usize) -> Result<(), JsonError> {
        let keys = self.keys.get(first_key..).unwrap_or_default();
        if keys.len() < 2 || self.plainly_differ(keys) {
            return Ok(());
        }
        let duplicate = if keys.len() <= MANY_KEYS {
            (1..keys.len()).find(|&i| {
                let key = keys.get(i).map(|&k| self.key(k));
                keys.iter().take(i).any(|&earlier| Some(self.key(earlier)) == key)
            })
        } else {
            let mut seen = HashSet::with_capacity(keys.len());
            (0..keys.len()).find(|&i| keys.get(i).is_some_and(|&k| !seen.insert(self.key(k))))
        };
        match duplicate.and_then(|i| keys.get(i)).and_then(|&k| self.nodes.get(k)) {
            Some(node) => Err(JsonError { kind: JsonErrorKind::DuplicateKey, offset: node.start as usize }),
            None => Ok(()),
        }
    }

    /// Whether a few keys without escapes are all different: the usual case, told by their bytes alone.
    fn plainly_differ(&self, keys: &[usize]) -> bool {
        let mut seen: [&[u8]; MANY_KEYS] = [&[]; MANY_KEYS];
        for (count, &key) in keys.iter().enumerate() {
            let Some(node) = self.nodes.get(key).filter(|node| !node.flag) else { return false };
            let key = self.bytes.get(node.start as usize + 1..node.end as usize - 1).unwrap_or_default();
            let Some((earlier, [place, ..])) = seen.split_at_mut_checked(count) else { return false };
            if earlier.contains(&key) {
                return false;
            }
            *place = key;
        }
        true
    }

    /// A key's text; keys that differ only in escapes are the same key.
    fn key(&self, index: usize) -> std::borrow::Cow<'_, str> {
        let Some(node) = self.nodes.get(index) else { return "".into() };
        let inner = self.bytes.get(node.start as usize + 1..node.end as usize - 1).unwrap_or_default();
        let inner = std::str::from_utf8(inner).unwrap_or_default();
        if node.flag { unescape(inner).into() } else { inner.into() }
    }

    #[inline]
    fn push(&mut self, kind: NodeKind, start: usize, end: usize, flag: bool) -> Result<(), JsonError> {
        if self.nodes.len() >= self.limits.nodes {
            return Err(JsonError { kind: JsonErrorKind::TooMany, offset: start });
        }
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { start: start as u32, end: end as u32, next, kind, flag });
        Ok(())
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn peek(&self) -> Result<u8, JsonError> {
        self.byte().ok_or_else(|| self.fail(JsonErrorKind::Truncated))
    }

    #[cold]
    fn fail(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { kind, offset: self.at }
    }
}

/// How many bytes from the beginning are neither quote, backslash nor control character. Eight at a time: this
/// loop sees every byte of every prompt.
#[inline]
pub(super) fn plain_run(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut at = 0;
    for chunk in bytes.as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*chunk);
        let zero_where = |pattern: u64| {
            let x = word ^ pattern;
            x.wrapping_sub(ONES) & !x & HIGHS
        };
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let hit = zero_where(ONES * u64::from(b'"')) | zero_where(ONES * u64::from(b'\\')) | control;
        if hit != 0 {
            // The lowest hit is exact; higher ones may be borrow artefacts.
            return Some(at + hit.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    tail.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).map(|offset| at + offset)
}
