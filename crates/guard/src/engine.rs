//! The one pass over a text: finds the places worth a look, asks the detectors, settles conflicts by the rules in
//! the crate's description, and stops where text that has not arrived could change the answer.
//!
//! Everything before [`Progress::done`] is final. A detector's answer counts only if it read nothing beyond the text
//! that is there; otherwise the pass stops at the place and asks again when there is more. So the answers for a text
//! in pieces are those for the whole, whatever the pieces.

use std::ops::Range;

use flyball_core::Finding;

use crate::detector::{Around, Detector, Digits, Lead, Probe};
use crate::detectors::DETECTORS;
use crate::view::View;

/// How far a pass has come, in bytes of the text given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Everything before is final.
    pub(crate) done: usize,
    /// End of the last finding; nothing before it is context for what follows.
    pub(crate) floor: usize,
}

/// What comes next around an anchor.
enum Next {
    Found(&'static Detector, Range<usize>),
    /// From here on a value could still come about.
    Open(usize),
    Nothing,
}

enum Answer {
    Found(&'static Detector, Range<usize>),
    /// More text is needed to tell what begins here.
    Open(usize),
    Nothing,
}

/// Goes on as far as the text allows, to its end if it is `closed`. Spans are reported plus `base`.
pub(crate) fn advance(
    text: &[u8],
    progress: &mut Progress,
    closed: bool,
    base: usize,
    findings: &mut Vec<Finding>,
) {
    loop {
        match next_around(text, *progress, closed) {
            Next::Found(detector, span) => {
                numbers(text.get(..span.start).unwrap_or(text), progress, true, base, findings);
                report(detector, span, progress, base, findings);
            }
            Next::Open(start) => {
                numbers(text.get(..start).unwrap_or(text), progress, false, base, findings);
                return;
            }
            Next::Nothing => {
                numbers(text, progress, true, base, findings);
                return;
            }
        }
    }
}

fn report(
    detector: &Detector,
    span: Range<usize>,
    progress: &mut Progress,
    base: usize,
    findings: &mut Vec<Finding>,
) {
    *progress = Progress { done: span.end, floor: span.end };
    findings.push(Finding {
        kind: detector.kind,
        category: detector.category,
        span: span.start + base..span.end + base,
        score: detector.score,
        detector_version: detector.version,
    });
}

/// The first value around an anchor, of all detectors of that shape.
fn next_around(text: &[u8], progress: Progress, closed: bool) -> Next {
    let mut next = Next::Nothing;
    for detector in DETECTORS {
        let Probe::Around(around) = &detector.probe else { continue };
        let found = around_one(detector, around, text, progress, closed);
        let place = |next: &Next| match next {
            Next::Found(_, span) => span.start,
            Next::Open(start) => *start,
            Next::Nothing => usize::MAX,
        };
        if place(&found) < place(&next) {
            next = found;
        }
    }
    next
}

fn around_one(
    detector: &'static Detector,
    around: &Around,
    text: &[u8],
    progress: Progress,
    closed: bool,
) -> Next {
    let rest = text.get(progress.done..).unwrap_or_default();
    for anchor in memchr::memchr_iter(around.anchor, rest) {
        let anchor = progress.done + anchor;
        let view = View::new(text, progress.floor, closed);
        let Some(start) = (around.start)(&view, anchor) else { continue };
        let end = (around.end)(&view, start, anchor);
        if view.starved() {
            return Next::Open(start);
        }
        if let Some(end) = end {
            return Next::Found(detector, start..end);
        }
    }
    if closed {
        return Next::Nothing;
    }
    let view = View::new(text, progress.floor, closed);
    Next::Open((around.start)(&view, text.len()).unwrap_or(text.len()))
}

/// Looks at every run of digits from `progress` to the end of `text`.
fn numbers(text: &[u8], progress: &mut Progress, closed: bool, base: usize, findings: &mut Vec<Finding>) {
    let mut from = progress.done;
    while let Some(digit) = next_digit(text, from) {
        match number(text, from, digit, progress.floor, closed) {
            Answer::Found(detector, span) => {
                from = span.end;
                report(detector, span, progress, base, findings);
            }
            Answer::Open(start) => {
                progress.done = start;
                return;
            }
            Answer::Nothing => from = run_end(text, digit),
        }
    }
    progress.done = if closed { text.len() } else { open_lead(text, from, progress.floor) };
}

/// What begins at the run of digits that begins at `digit`, or just before it but not before `from`.
fn number(text: &[u8], from: usize, digit: usize, floor: usize, closed: bool) -> Answer {
    for back in [2, 1, 0] {
        let Some(start) = digit.checked_sub(back).filter(|start| *start >= from) else { continue };
        let lead = match text.get(start..digit) {
            Some([]) => Lead::Digit,
            Some(b"+" | b"(" | b"(+") => Lead::Sign,
            Some([first, second]) if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Lead::Letters
            }
            _ => continue,
        };
        let view = View::new(text, floor, closed);
        let mut best: Option<(&'static Detector, usize)> = None;
        for (detector, digits) in of_digits().filter(|(_, digits)| (digits.lead)(lead)) {
            let end = (digits.end)(&view, start);
            if let Some(end) = end.filter(|end| best.is_none_or(|(_, longest)| *end > longest)) {
                best = Some((detector, end));
            }
        }
        if view.starved() {
            return Answer::Open(start);
        }
        if let Some((detector, end)) = best {
            return Answer::Found(detector, start..end);
        }
    }
    Answer::Nothing
}

fn of_digits() -> impl Iterator<Item = (&'static Detector, &'static Digits)> {
    DETECTORS.iter().filter_map(|detector| match &detector.probe {
        Probe::Digits(digits) => Some((detector, digits)),
        Probe::Around(_) => None,
    })
}

/// Where the end of `text` could be the lead of a number whose digits are still to come; its end if nowhere.
fn open_lead(text: &[u8], from: usize, floor: usize) -> usize {
    let view = View::new(text, floor, true);
    for back in [2, 1] {
        let Some(start) = text.len().checked_sub(back).filter(|start| *start >= from) else { continue };
        let open = match text.get(start..) {
            Some(b"(+" | b"(" | b"+") => true,
            Some(letters) => letters.iter().all(u8::is_ascii_alphabetic) && !view.tied_before(start),
            None => false,
        };
        if open {
            return start;
        }
    }
    text.len()
}

/// The first ASCII digit from `from` on. Most text has none: whole blocks are dismissed at once.
fn next_digit(text: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 32;
    let rest = text.get(from..)?;
    let clean = rest
        .chunks_exact(BLOCK)
        .take_while(|block| !block.iter().fold(false, |any, byte| any | byte.is_ascii_digit()))
        .count();
    let from = from + clean * BLOCK;
    let found = text.get(from..)?.iter().position(u8::is_ascii_digit)?;
    Some(from + found)
}

fn run_end(text: &[u8], digit: usize) -> usize {
    let rest = text.get(digit..).unwrap_or_default();
    rest.iter().position(|byte| !byte.is_ascii_digit()).map_or(text.len(), |length| digit + length)
}
