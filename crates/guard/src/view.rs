//! The text as a detector sees it: bytes, boundaries, and whether an answer needed bytes that have not arrived yet.

use std::cell::Cell;

/// A stretch of text that detectors read. Before `floor` there is nothing: either the text begins there, or another
/// finding ends there.
#[derive(Debug)]
pub(crate) struct View<'t> {
    bytes: &'t [u8],
    floor: usize,
    closed: bool,
    starved: Cell<bool>,
}

impl<'t> View<'t> {
    /// A view of `bytes`, which must end between characters; `closed` when nothing follows them.
    pub(crate) fn new(bytes: &'t [u8], floor: usize, closed: bool) -> Self {
        View { bytes, floor, closed, starved: Cell::new(false) }
    }

    /// The byte at `place`. Asking for one that has not arrived makes every answer provisional.
    pub(crate) fn at(&self, place: usize) -> Option<u8> {
        let byte = self.bytes.get(place).copied();
        if byte.is_none() && !self.closed {
            self.starved.set(true);
        }
        byte
    }

    /// The byte that stands `back` bytes before `place`.
    pub(crate) fn before(&self, place: usize, back: usize) -> Option<u8> {
        let place = place.checked_sub(back).filter(|place| *place >= self.floor)?;
        self.bytes.get(place).copied()
    }

    /// Whether a question went beyond what has arrived.
    pub(crate) fn starved(&self) -> bool {
        self.starved.get()
    }

    /// The digit's value at `place`.
    pub(crate) fn digit(&self, place: usize) -> Option<u8> {
        self.at(place).filter(u8::is_ascii_digit).map(|byte| byte - b'0')
    }

    /// Length in bytes of the letter or digit at `place`, 0 if there is none.
    ///
    /// Beside ASCII the alphabets of two bytes count (Latin with marks, Greek, Cyrillic: U+00C0 to U+053F). Scripts
    /// that do not put spaces between words do not: there a word would reach into the sentence around it.
    pub(crate) fn letter(&self, place: usize) -> usize {
        match self.at(place) {
            Some(byte) if byte.is_ascii_alphanumeric() => 1,
            Some(0xC3..=0xD4) => 2,
            _ => 0,
        }
    }

    /// Length in bytes of the letter or digit that ends before `place`.
    pub(crate) fn letter_before(&self, place: usize) -> usize {
        match (self.before(place, 1), self.before(place, 2)) {
            (Some(byte), _) if byte.is_ascii_alphanumeric() => 1,
            (Some(0x80..=0xBF), Some(0xC3..=0xD4)) => 2,
            _ => 0,
        }
    }

    /// Whether a number that begins at `place` goes on to the left: a letter, digit or `_` touches it, or `-` or `.`
    /// ties it to a digit. The letter of an escape such as `\n` does not: in the arguments of a tool call, which are
    /// JSON, a line begins behind it.
    pub(crate) fn tied_before(&self, place: usize) -> bool {
        match self.before(place, 1) {
            None => false,
            Some(b'_') => true,
            Some(b'-' | b'.') => self.before(place, 2).is_some_and(|byte| byte.is_ascii_digit()),
            Some(b'n' | b'r' | b't' | b'b' | b'f') => self.before(place, 2) != Some(b'\\'),
            Some(_) => self.letter_before(place) > 0,
        }
    }

    /// Whether a number that ends at `place` goes on to the right. What this refuses [`tied_before`](Self::tied_before)
    /// refuses from the other side, so that masking a value never makes its neighbour one.
    pub(crate) fn tied_after(&self, place: usize) -> bool {
        match self.at(place) {
            None => false,
            Some(b'_') => true,
            Some(b'-' | b'.') => self.digit(place + 1).is_some(),
            Some(_) => self.letter(place) > 0,
        }
    }

    /// Whether a digit and one space stand before `place`, as in a row of numbers.
    pub(crate) fn in_row(&self, place: usize) -> bool {
        self.before(place, 1) == Some(b' ') && self.before(place, 2).is_some_and(|byte| byte.is_ascii_digit())
    }
}
