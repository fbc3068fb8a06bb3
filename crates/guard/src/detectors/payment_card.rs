//! Payment card numbers: issuer prefix and length as the networks publish them, check digit by Luhn
//! (ISO/IEC 7812-1, annex B).

use flyball_core::{Category, Kind};

use crate::detector::{Detector, Digits, Lead, Probe};
use crate::view::View;

pub(crate) const DETECTOR: Detector = Detector {
    kind: Kind("payment_card"),
    category: Category::Pii,
    version: 1,
    summary: "Payment card numbers: a known issuer's prefix and length and a right check digit, in one piece or in \
              the groups printed on cards.",
    matches: &[
        "4111111111111111",
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "2223003122003222",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "30569309025904",
        "3056 930902 5904",
        "3530111333300000",
        "6200000000000005",
        "4222222222222",
    ],
    non_matches: &[
        "4111111111111112",
        "1111111111111117",
        "0.4111111111111111",
        "4111111111111111.5",
        "41111111111111111111",
        "a4111111111111111",
        "4111111111111111_x",
        "41 11 11 11 11 11 11 11",
        "1700000000000",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
    score: 0.95,
    probe: Probe::Digits(Digits { lead, end }),
};

/// Fewest and most digits of a card number (ISO/IEC 7812-1).
const SHORTEST: usize = 12;
const LONGEST: usize = 19;

fn lead(lead: Lead) -> bool {
    lead == Lead::Digit
}

fn end(view: &View<'_>, start: usize) -> Option<usize> {
    if view.tied_before(start) {
        return None;
    }
    let mut number = Number::default();
    let mut groups = Groups::default();
    let mut place = start;
    let mut separator = None;
    let mut best = None;
    loop {
        let group = place;
        while let Some(digit) = view.digit(place) {
            if !number.push(digit) {
                return best;
            }
            place += 1;
        }
        groups.push(place - group);
        if groups.complete() && number.is_card() && !view.tied_after(place) {
            best = Some(place);
        }
        if !groups.may_go_on() || !number.has_issuer() {
            return best;
        }
        match view.at(place) {
            Some(byte @ (b' ' | b'-')) if separator.is_none_or(|first| first == byte) => {
                separator = Some(byte)
            }
            _ => return best,
        }
        place += 1;
        if view.digit(place).is_none() {
            return best;
        }
    }
}

/// The lengths of the groups so far, as far as they matter.
#[derive(Default)]
struct Groups {
    count: usize,
    /// All groups but the last had four digits.
    fours: bool,
    /// The second had six.
    six: bool,
    last: usize,
}

impl Groups {
    fn push(&mut self, length: usize) {
        self.fours = self.count == 0 || (self.fours && self.last == 4);
        self.six = if self.count == 1 { self.fours && length == 6 } else { self.six };
        self.count += 1;
        self.last = length;
    }

    /// One piece; fours with a shorter rest (most issuers); 4-6-5 (American Express); 4-6-4 (Diners Club).
    fn complete(&self) -> bool {
        match self.count {
            1 => true,
            2 => false,
            3 if self.six => matches!(self.last, 4 | 5),
            _ => self.fours && (2..=4).contains(&self.last),
        }
    }

    fn may_go_on(&self) -> bool {
        match self.count {
            2 if self.six => true,
            _ => self.count < 5 && self.fours && self.last == 4,
        }
    }
}

#[derive(Default)]
struct Number {
    digits: [u8; LONGEST],
    length: usize,
}

impl Number {
    /// Adds a digit; false when there are too many.
    fn push(&mut self, digit: u8) -> bool {
        let Some(slot) = self.digits.get_mut(self.length) else { return false };
        *slot = digit;
        self.length += 1;
        true
    }

    /// The number's first four digits.
    fn prefix(&self) -> u16 {
        self.digits.iter().take(4).fold(0, |prefix, digit| prefix * 10 + u16::from(*digit))
    }

    fn has_issuer(&self) -> bool {
        issuer_lengths(self.prefix()).is_some()
    }

    fn is_card(&self) -> bool {
        self.length >= SHORTEST
            && issuer_lengths(self.prefix()).is_some_and(|lengths| lengths.contains(&self.length))
            && self.luhn()
    }

    fn luhn(&self) -> bool {
        let sum: u32 = self
            .digits
            .iter()
            .take(self.length)
            .rev()
            .enumerate()
            .map(|(place, digit)| match u32::from(*digit) {
                digit if place % 2 == 0 => digit,
                digit if digit > 4 => 2 * digit - 9,
                digit => 2 * digit,
            })
            .sum();
        sum.is_multiple_of(10)
    }
}

/// The lengths in use for a prefix of four digits.
fn issuer_lengths(prefix: u16) -> Option<&'static [usize]> {
    Some(match prefix {
        // Visa
        4000..=4999 => &[13, 16, 19],
        // Mastercard
        5100..=5599 | 2221..=2720 => &[16],
        // American Express
        3400..=3499 | 3700..=3799 => &[15],
        // Diners Club
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => &[14, 15, 16, 17, 18, 19],
        // JCB
        3528..=3589 => &[16, 17, 18, 19],
        // Discover
        6011 | 6440..=6599 => &[16, 17, 18, 19],
        // UnionPay
        6200..=6299 => &[16, 17, 18, 19],
        // Maestro
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => &[12, 13, 14, 15, 16, 17, 18, 19],
        // Mir
        2200..=2204 => &[16, 17, 18, 19],
        // Troy
        9792 => &[16],
        _ => return None,
    })
}
