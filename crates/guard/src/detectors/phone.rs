//! Telephone numbers in the forms people write: international (ITU-T E.123, E.164), North American, and national
//! with a trunk 0. Digits without a plus sign or separators are anything and are left alone.

use flyball_core::{Category, Kind};

use crate::detector::{Detector, Digits, Lead, Probe};
use crate::view::View;

pub(crate) const DETECTOR: Detector = Detector {
    kind: Kind("phone"),
    category: Category::Pii,
    version: 1,
    summary: "Telephone numbers: with + or 00 and country code, in North American grouping, or with a trunk 0 and \
              separators.",
    matches: &[
        "+14155552671",
        "+1 (415) 555-2671",
        "+49 30 901820",
        "+44 (0)20 7946 0958",
        "(+49) 30 901820",
        "0049 30 901820",
        "(415) 555-2671",
        "(415)555-2671",
        "415-555-2671",
        "415.555.2671",
        "1-415-555-2671",
        "020 7946 0958",
        "(020) 7946 0958",
        "01 23 45 67 89",
        "01.23.45.67.89",
        "0171/1234567",
    ],
    non_matches: &[
        "4155552671",
        "2026-11-24T22:12:46+01:00",
        "2026-11-24 10:15",
        "24.11.2026",
        "01-02-2026 10:30",
        "01.02.2026.1030",
        "550e8400-e29b-41d4-a716-446655440000",
        "https://example.com/path/415-555-2671",
        "$415.555.2671",
        "7 415 555 2671 3000 200 300 4000",
        "192.168.100.200",
        "115-555-2671",
        "555-2671",
        "1,415,555.2671",
        "+0530",
        "x+14155552671",
        "1700000000",
        "0.123.456.7890",
    ],
    score: 0.75,
    probe: Probe::Digits(Digits { lead, end }),
};

/// Fewest digits of an international number that is taken for one; most that there can be (E.164).
const SHORTEST: usize = 8;
const LONGEST: usize = 15;
/// Groups of digits that are looked at.
const GROUPS: usize = 8;

fn lead(lead: Lead) -> bool {
    matches!(lead, Lead::Digit | Lead::Sign)
}

fn end(view: &View<'_>, start: usize) -> Option<usize> {
    if !may_begin(view, start) {
        return None;
    }
    let mut number = Number::new(view, start)?;
    let mut best = None;
    while number.group(view) {
        if number.is_phone() && !view.tied_after(number.place) {
            best = Some(number.place);
        }
        if !number.may_be_phone() || !number.separator(view) {
            break;
        }
    }
    best
}

/// Whether what stands before leaves room for a telephone number: not a longer number, path, amount or time.
fn may_begin(view: &View<'_>, start: usize) -> bool {
    if view.tied_before(start) {
        return false;
    }
    match view.before(start, 1) {
        Some(b'/' | b'$' | b'#' | b'+') => false,
        Some(b'-' | b'.') => !view.before(start, 2).is_some_and(|byte| byte.is_ascii_alphanumeric()),
        Some(b':' | b',') => !view.before(start, 2).is_some_and(|byte| byte.is_ascii_digit()),
        _ => !view.in_row(start) || matches!(view.at(start), Some(b'+' | b'(')),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Country code after `+` or `00`.
    International,
    /// Anything else; the digits tell.
    National,
}

/// A number as far as it has been read.
#[derive(Debug)]
struct Number {
    form: Form,
    /// After what has been read.
    place: usize,
    /// A parenthesis is to be closed after the next group.
    parenthesis: bool,
    /// The first group stood in parentheses.
    area: bool,
    /// First digits, as far as they decide.
    head: [u8; 7],
    digits: usize,
    sizes: [usize; GROUPS],
    groups: usize,
    /// What separates the groups from the second on; the first separator is free.
    first: Option<u8>,
    later: Option<u8>,
    mixed: bool,
}

impl Number {
    /// Reads what stands before the first group.
    fn new(view: &View<'_>, start: usize) -> Option<Self> {
        let parenthesis = view.at(start)? == b'(';
        let place = start + usize::from(parenthesis);
        let plus = view.at(place)? == b'+';
        let place = place + usize::from(plus);
        let zeros = !plus && !parenthesis && view.digit(place)? == 0 && view.digit(place + 1) == Some(0);
        let place = place + if zeros { 2 } else { 0 };
        let form = if plus || zeros { Form::International } else { Form::National };
        if form == Form::International && view.digit(place)? == 0 {
            return None;
        }
        Some(Number {
            form,
            place,
            parenthesis,
            area: parenthesis,
            head: [0; 7],
            digits: 0,
            sizes: [0; GROUPS],
            groups: 0,
            first: None,
            later: None,
            mixed: false,
        })
    }

    /// Reads one group of digits; false if there is none or the number becomes too long.
    fn group(&mut self, view: &View<'_>) -> bool {
        let begin = self.place;
        while let Some(digit) = view.digit(self.place) {
            if self.digits == LONGEST {
                return false;
            }
            if let Some(slot) = self.head.get_mut(self.digits) {
                *slot = digit;
            }
            self.digits += 1;
            self.place += 1;
        }
        let Some(size) = self.sizes.get_mut(self.groups) else { return false };
        *size = self.place - begin;
        self.groups += 1;
        if self.parenthesis {
            if view.at(self.place) != Some(b')') {
                return false;
            }
            self.place += 1;
            self.parenthesis = false;
        }
        self.place > begin
    }

    /// Reads what separates two groups; false if no digit follows.
    fn separator(&mut self, view: &View<'_>) -> bool {
        let mut place = self.place;
        let mut separator = b')';
        match view.at(place) {
            Some(byte @ (b' ' | b'-' | b'.')) => {
                separator = byte;
                place += 1;
            }
            // Between the area code and the rest only, as Germans do.
            Some(byte @ b'/') if self.groups == 1 && self.form == Form::National => {
                separator = byte;
                place += 1;
            }
            Some(b'(') if self.form == Form::International && self.groups == 1 => {}
            Some(byte) if byte.is_ascii_digit() && self.area && self.groups == 1 => {}
            _ => return false,
        }
        if self.form == Form::International && self.groups == 1 && view.at(place) == Some(b'(') {
            place += 1;
            // The trunk 0 that is dialled inside the country only.
            if view.at(place) == Some(b'0') && view.at(place + 1) == Some(b')') {
                place += 2 + usize::from(view.at(place + 2) == Some(b' '));
            } else {
                self.parenthesis = true;
            }
        }
        match (self.first, self.later) {
            (None, _) => self.first = Some(separator),
            (Some(_), None) => self.later = Some(separator),
            (Some(_), Some(later)) => self.mixed |= later != separator,
        }
        self.place = place;
        view.digit(place).is_some()
    }

    fn sizes(&self) -> &[usize] {
        self.sizes.get(..self.groups).unwrap_or_default()
    }

    /// Whether it is worth reading on.
    fn may_be_phone(&self) -> bool {
        match (self.form, self.head, self.sizes()) {
            (Form::International, ..) => true,
            (_, [0, 1..=9, ..], [2..=LONGEST, ..]) => true,
            (_, _, [3]) | (_, _, [3, 3]) => true,
            (_, [1, ..], [1]) | (_, [1, ..], [1, 3]) | (_, [1, ..], [1, 3, 3]) => !self.area,
            _ => false,
        }
    }

    fn is_phone(&self) -> bool {
        match self.form {
            Form::International => self.is_international(),
            Form::National => self.is_north_american() || self.is_trunk(),
        }
    }

    /// Country code and 7 digits at least; later groups of two or more. Numbers of the North American plan have
    /// exactly ten digits after the 1.
    fn is_international(&self) -> bool {
        let grouped = self.sizes().iter().skip(1).all(|size| *size >= 2);
        let length = match self.head {
            [1, area, ..] => area >= 2 && self.digits == 11,
            _ => (SHORTEST..=LONGEST).contains(&self.digits),
        };
        grouped && length && !self.mixed_dots()
    }

    /// Three, three and four digits, neither area nor exchange beginning with 0 or 1 (NANP).
    fn is_north_american(&self) -> bool {
        let separated = !self.mixed && self.first != Some(b'/') && !self.mixed_dots();
        let ranges = match (self.sizes(), self.head) {
            ([3, 3, 4], [area, _, _, exchange, ..]) => area >= 2 && exchange >= 2,
            ([1, 3, 3, 4], [1, area, _, _, exchange, ..]) => area >= 2 && exchange >= 2,
            _ => false,
        };
        // A hyphen and a space between the same groups are two things: `415-555 2671` is a phrase, not a number.
        let alike = self.area || self.sizes().len() == 4 || self.first == self.later;
        separated && ranges && alike
    }

    /// Nine to twelve digits that begin with a single 0, in groups of two or more; not a date.
    fn is_trunk(&self) -> bool {
        let is_date = matches!(self.sizes(), [2, 2, 4, ..]) && self.first == self.later;
        matches!(self.head, [0, 1..=9, ..])
            && (2..=6).contains(&self.groups)
            && self.sizes().iter().all(|size| *size >= 2)
            && (9..=12).contains(&self.digits)
            && !self.mixed
            && !self.mixed_dots()
            && !is_date
    }

    /// Dots separate all groups or none: otherwise they end sentences or mark decimals.
    fn mixed_dots(&self) -> bool {
        let dot = Some(b'.');
        self.groups > 2 && (self.first == dot) != (self.later == dot) || self.mixed && self.later == dot
    }
}
