//! What a detector is: its description, its examples, and the function that recognises its kind at a place. How
//! places are found and conflicts are settled is the engine's business.

use flyball_core::{Category, Kind};

use crate::view::View;

/// One detector.
#[derive(Debug)]
pub struct Detector {
    /// What it finds.
    pub kind: Kind,
    /// What that is about.
    pub category: Category,
    /// Raised whenever the detector could answer differently for some text.
    pub version: u16,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// Texts that are one finding of this kind from end to end.
    pub matches: &'static [&'static str],
    /// Texts in which there is no finding of this kind.
    pub non_matches: &'static [&'static str],
    /// How sure a finding is, above 0 and at most 1.
    pub(crate) score: f32,
    pub(crate) probe: Probe,
}

/// How a detector looks at a place. Everything ahead of the place is read through the [`View`], which notes when an
/// answer needs text that has not arrived: that is what makes streams equal to whole texts. How far a detector reads
/// ahead bounds what a stream holds back: at most 64 bytes for those that begin with digits.
#[derive(Debug)]
pub(crate) enum Probe {
    /// Found by a byte in its middle.
    Around(Around),
    /// Found by the first digit in it.
    Digits(Digits),
}

/// A value around a telling byte.
#[derive(Debug)]
pub(crate) struct Around {
    /// The telling byte.
    pub(crate) anchor: u8,
    /// Where a value begins whose anchor stands, or could come to stand, at this place. Must not become smaller
    /// when the place moves on.
    pub(crate) start: fn(&View<'_>, usize) -> Option<usize>,
    /// Where the value ends that begins at the first place and has its anchor at the second.
    pub(crate) end: fn(&View<'_>, usize, usize) -> Option<usize>,
}

/// A value that begins with a digit, or with a few bytes before its first digit.
#[derive(Debug)]
pub(crate) struct Digits {
    /// Which beginnings the detector looks at.
    pub(crate) lead: fn(Lead) -> bool,
    /// Where the longest value ends that begins at this place. Of all ends that would do the longest must be found,
    /// so that text behind a value never hides it.
    pub(crate) end: fn(&View<'_>, usize) -> Option<usize>,
}

/// What stands at the beginning of a value with digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// Two ASCII letters and a digit.
    Letters,
    /// `+`, `(` or `(+` and a digit.
    Sign,
    /// A digit.
    Digit,
}
