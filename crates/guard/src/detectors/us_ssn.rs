//! Social security numbers of the United States: area, group and serial number as the Social Security Administration
//! issues them. Only in separated form: nine digits in one piece are anything.

use flyball_core::{Category, Kind};

use crate::detector::{Detector, Digits, Lead, Probe};
use crate::view::View;

pub(crate) const DETECTOR: Detector = Detector {
    kind: Kind("us_ssn"),
    category: Category::Pii,
    version: 1,
    summary: "US social security numbers, separated by hyphens or spaces, in the ranges that are issued.",
    matches: &["123-45-6789", "001-01-0001", "899-99-9999", "123 45 6789"],
    non_matches: &[
        "000-45-6789",
        "666-45-6789",
        "900-45-6789",
        "123-00-6789",
        "123-45-0000",
        "123-45 6789",
        "123456789",
        "123-45-67890",
        "123-45-6789-1",
        "1-123-45-6789",
        "7 123 45 6789",
        "/123-45-6789",
    ],
    score: 0.85,
    probe: Probe::Digits(Digits { lead, end }),
};

fn lead(lead: Lead) -> bool {
    lead == Lead::Digit
}

fn end(view: &View<'_>, start: usize) -> Option<usize> {
    if view.tied_before(start) || view.before(start, 1) == Some(b'/') {
        return None;
    }
    let area = digits(view, start, 3)?;
    let separator = view.at(start + 3).filter(|byte| matches!(byte, b'-' | b' '))?;
    if separator == b' ' && view.in_row(start) {
        return None;
    }
    let group = digits(view, start + 4, 2)?;
    view.at(start + 6).filter(|byte| *byte == separator)?;
    let serial = digits(view, start + 7, 4)?;
    let issued = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    (issued && !view.tied_after(start + 11)).then_some(start + 11)
}

fn digits(view: &View<'_>, place: usize, count: usize) -> Option<u16> {
    (place..place + count).try_fold(0, |number, place| Some(number * 10 + u16::from(view.digit(place)?)))
}
