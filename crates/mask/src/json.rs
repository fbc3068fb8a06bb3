//! Tags in place of values in text that is JSON (RFC 8259). Within a string a tag stands as it is, elsewhere it
//! becomes a string; it neither cuts an escape in two nor leaves a number's sign behind.

use std::fmt;
use std::ops::Range;

use flyball_core::Finding;

use crate::tag::tag;

/// What to put where in a text that is JSON as a whole, so that it stays JSON. The findings must be ascending and
/// apart.
pub fn json_parts(content: &str, findings: &[Finding]) -> Vec<(Range<usize>, String)> {
    let mut parts: Vec<(Range<usize>, String)> = Vec::with_capacity(findings.len());
    let mut tracker = JsonStringTracker::keeping(usize::MAX);
    let mut pushed = 0;
    for finding in findings {
        // Only what stands before the next finding's end matters to it, except for the rest of a number.
        let end = content.ceil_char_boundary(finding.span.end);
        let number = content.get(end..).unwrap_or_default();
        let end = end + number.bytes().take_while(|byte| is_of_number(*byte)).count();
        tracker.push(content.get(pushed..end).unwrap_or_default());
        pushed = pushed.max(end);
        let (range, text) = tracker.part(finding);
        match parts.last_mut() {
            // Two findings in one number: it is one value.
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => parts.push((range, text)),
        }
        tracker.forget_before(pushed.saturating_sub(WINDOW));
    }
    parts
}

/// Bytes that a tracker remembers unless told otherwise; above the longest value with the number or escape around it.
const WINDOW: usize = 1024;

/// Follows JSON text that arrives in pieces and tells where its strings are. Remembers the last 1024 bytes, or the
/// last piece if that is longer.
#[derive(Clone)]
pub struct JsonStringTracker {
    /// The text from `base` on.
    tail: Vec<u8>,
    base: usize,
    /// Where the text stands at `base`.
    at_base: Place,
    window: usize,
}

/// Where a byte stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Between strings.
    #[default]
    Outside,
    /// In a string.
    Inside,
    /// In a string, in an escape of which so many bytes are still to come; `Escape(0)` after the backslash, when that
    /// is not known yet.
    Escape(u8),
}

impl Place {
    /// Where the next byte stands when this one stands here.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Place::Outside, b'"') => Place::Inside,
            (Place::Outside, _) => Place::Outside,
            (Place::Inside, b'"') => Place::Outside,
            (Place::Inside, b'\\') => Place::Escape(0),
            (Place::Escape(0), b'u') => Place::Escape(4),
            // A code that is too short: the string goes on, or ends, where it should have.
            (Place::Escape(1..), b'"') => Place::Outside,
            (Place::Escape(1..), b'\\') => Place::Escape(0),
            (Place::Escape(left @ 2..), _) => Place::Escape(left - 1),
            (Place::Inside | Place::Escape(_), _) => Place::Inside,
        }
    }
}

impl Default for JsonStringTracker {
    fn default() -> Self {
        JsonStringTracker::keeping(WINDOW)
    }
}

impl JsonStringTracker {
    /// A tracker that remembers the last `window` bytes, or the last piece if that is longer.
    pub fn keeping(window: usize) -> Self {
        JsonStringTracker { tail: Vec::new(), base: 0, at_base: Place::Outside, window }
    }

    /// Takes the next piece of the text.
    pub fn push(&mut self, piece: &str) {
        // Forgetting only when as much again has come keeps the cost of moving bytes below that of reading them.
        if self.tail.len() > self.window.saturating_mul(2) {
            self.forget_before(self.end() - self.window);
        }
        self.tail.extend_from_slice(piece.as_bytes());
    }

    /// Whether the byte at `offset`, counted from the beginning of the text, lies within a string. Its opening quote
    /// does not, its closing quote does.
    pub fn is_inside(&self, offset: usize) -> bool {
        self.place(offset).0 != Place::Outside
    }

    /// What to put where for a finding in the part of the text that is remembered: the tag, in quotes outside
    /// strings. An escape that the finding begins in stays whole before it; a number is replaced as a whole.
    pub fn part(&self, finding: &Finding) -> (Range<usize>, String) {
        let tag = tag(finding.kind);
        let Range { start, end } = finding.span;
        match self.place(start) {
            (Place::Outside, _) => (self.number_around(start, end), format!("\"{tag}\"")),
            (Place::Inside, _) => (start..end, tag),
            (Place::Escape(_), escape_end) => (escape_end.min(end)..end, tag),
        }
    }

    /// Where the byte at `offset` stands, and where the escape ends that it is part of.
    fn place(&self, offset: usize) -> (Place, usize) {
        let mut place = self.at_base;
        let mut bytes = (self.base..).zip(&self.tail);
        for (_, byte) in bytes.by_ref().take_while(|(here, _)| *here < offset) {
            place = place.after(*byte);
        }
        (place, offset + self.escape_rest(place, offset))
    }

    /// How many bytes from `offset` on belong to the escape that has begun.
    fn escape_rest(&self, mut place: Place, offset: usize) -> usize {
        let rest = offset.checked_sub(self.base).and_then(|skip| self.tail.get(skip..)).unwrap_or_default();
        let mut length = 0;
        for byte in rest {
            let Place::Escape(left) = place else { break };
            if left > 0 && matches!(byte, b'"' | b'\\') {
                break;
            }
            place = place.after(*byte);
            length += 1;
        }
        length
    }

    /// The number that the span is part of.
    fn number_around(&self, start: usize, end: usize) -> Range<usize> {
        let split = |offset: usize| self.tail.split_at_checked(offset.checked_sub(self.base)?);
        let before = split(start)
            .map_or(0, |(before, _)| before.iter().rev().take_while(|byte| is_of_number(**byte)).count());
        let after =
            split(end).map_or(0, |(_, after)| after.iter().take_while(|byte| is_of_number(**byte)).count());
        start - before..end + after
    }

    fn end(&self) -> usize {
        self.base + self.tail.len()
    }

    fn forget_before(&mut self, offset: usize) {
        let count = offset.saturating_sub(self.base).min(self.tail.len());
        for byte in self.tail.drain(..count) {
            self.at_base = self.at_base.after(byte);
        }
        self.base += count;
    }
}

/// Without the text, which must not get into logs.
impl fmt::Debug for JsonStringTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonStringTracker")
            .field("base", &self.base)
            .field("at_base", &self.at_base)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// Whether a JSON number may hold the byte.
fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}
