//! International bank account numbers (ISO 13616): the country's length and the check of ISO 7064, mod 97-10.

use flyball_core::{Category, Kind};

use crate::detector::{Detector, Digits, Lead, Probe};
use crate::view::View;

pub(crate) const DETECTOR: Detector = Detector {
    kind: Kind("iban"),
    category: Category::Pii,
    version: 1,
    summary: "International bank account numbers of the registered countries with right check digits, in one piece \
              or in groups of four.",
    matches: &[
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "gb29 nwbk 6016 1331 9268 19",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
        "FR14-2004-1010-0505-0001-3M02-606",
    ],
    non_matches: &[
        "DE89370400440532013001",
        "DE8937040044053201300",
        "ZZ89370400440532013000",
        "XDE89370400440532013000",
        "DE89370400440532013000A",
        "DE893 70400440532013000",
        "DE89 3704-0044 0532 0130 00",
    ],
    score: 0.99,
    probe: Probe::Digits(Digits { lead, end }),
};

fn lead(lead: Lead) -> bool {
    lead == Lead::Letters
}

fn end(view: &View<'_>, start: usize) -> Option<usize> {
    if view.tied_before(start) {
        return None;
    }
    let country = [view.at(start)?.to_ascii_uppercase(), view.at(start + 1)?.to_ascii_uppercase()];
    let length = length(country)?;
    let head = head_value(view, start)?;
    let mut place = start;
    let mut separator = None;
    let mut rest = 0;
    for index in 0..length {
        if index > 0 && index % 4 == 0 {
            let here = view.at(place).filter(|byte| matches!(byte, b' ' | b'-'));
            // In groups from the first on, or in one piece.
            if index == 4 {
                separator = here;
            } else if separator != here {
                return None;
            }
            place += usize::from(here.is_some());
        }
        let character = view.at(place)?;
        if index >= 4 {
            rest = remainder(rest, character)?;
        }
        place += 1;
    }
    // The first four characters go to the end: two letters and two digits, six decimal places.
    let check = (rest * 1_000_000 + head) % 97;
    let ended = view.at(place).is_none_or(|byte| byte != b'_') && view.letter(place) == 0;
    (check == 1 && ended).then_some(place)
}

/// The remainder after one more character; letters count from 10 to 35 and take two decimal places.
fn remainder(so_far: u32, character: u8) -> Option<u32> {
    let value = value(character)?;
    Some((so_far * if value < 10 { 10 } else { 100 } + value) % 97)
}

fn value(character: u8) -> Option<u32> {
    char::from(character).to_digit(36)
}

/// Country and check digits as a number.
fn head_value(view: &View<'_>, start: usize) -> Option<u32> {
    let place = |offset| value(view.at(start + offset)?);
    let digit = |offset| view.digit(start + offset).map(u32::from);
    Some(place(0)? * 10_000 + place(1)? * 100 + digit(2)? * 10 + digit(3)?)
}

/// Characters of a country's account numbers (SWIFT's IBAN registry).
fn length(country: [u8; 2]) -> Option<usize> {
    Some(match &country {
        b"NO" => 15,
        b"BE" => 16,
        b"DK" | b"FI" | b"FK" | b"FO" | b"GL" | b"NL" | b"SD" => 18,
        b"MK" | b"SI" => 19,
        b"AT" | b"BA" | b"EE" | b"KZ" | b"LT" | b"LU" | b"MN" | b"XK" => 20,
        b"CH" | b"CR" | b"HR" | b"LI" | b"LV" => 21,
        b"BG" | b"BH" | b"DE" | b"GB" | b"GE" | b"IE" | b"ME" | b"RS" | b"VA" => 22,
        b"AE" | b"GI" | b"IL" | b"IQ" | b"OM" | b"SO" | b"TL" => 23,
        b"AD" | b"CZ" | b"ES" | b"MD" | b"PK" | b"RO" | b"SA" | b"SE" | b"SK" | b"TN" | b"VG" => 24,
        b"LY" | b"PT" | b"ST" => 25,
        b"IS" | b"TR" => 26,
        b"BI" | b"DJ" | b"FR" | b"GR" | b"IT" | b"MC" | b"MR" | b"SM" => 27,
        b"AL" | b"AZ" | b"BY" | b"CY" | b"DO" | b"GT" | b"HN" | b"HU" | b"LB" | b"NI" | b"PL" | b"SV" => 28,
        b"BR" | b"EG" | b"PS" | b"QA" | b"UA" => 29,
        b"JO" | b"KW" | b"MU" | b"YE" => 30,
        b"MT" | b"SC" => 31,
        b"LC" => 32,
        b"RU" => 33,
        _ => return None,
    })
}
