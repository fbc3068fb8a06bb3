//! E-mail addresses in running text (RFC 5321, 5322, 6531). Not every address that the grammar allows: quoted local
//! parts, address literals and hosts without a dot do not occur in prose.

use flyball_core::{Category, Kind};

use crate::detector::{Around, Detector, Probe};
use crate::view::View;

pub(crate) const DETECTOR: Detector = Detector {
    kind: Kind("email"),
    category: Category::Pii,
    version: 1,
    summary: "E-mail addresses: up to 64 bytes before the @, a host name of at least two labels behind it.",
    matches: &[
        "ada@example.org",
        "ada.lovelace+engine@mail.example.co.uk",
        "o'brien_99%x@a-b.example",
        "jürgen.müller@bücher.example",
        "x@xn--bcher-kva.xn--p1ai",
        "4111111111111111@example.org",
    ],
    non_matches: &[
        "@ada wrote to ada@ home",
        "react@18.2.0",
        "git@example.com:owner/project.git",
        "icon@2x.png",
        "ada@localhost",
        "a @ b.example, a@.example, a@example.c",
        "ada@example.c0m",
        "a23456789b123456789c123456789d123456789e123456789f123456789g12345@example.org",
    ],
    score: 0.95,
    probe: Probe::Around(Around { anchor: b'@', start, end }),
};

/// Longest local part (RFC 5321, 4.5.3.1.1).
const LOCAL: usize = 64;
/// Longest domain (RFC 5321, 4.5.3.1.2).
const DOMAIN: usize = 255;
/// Longest label (RFC 1035, 2.3.4).
const LABEL: usize = 63;

/// Where the local part begins that ends at `at`: the first word in the last 64 bytes. A word is never cut, or its
/// front part could pass for another value once the rest is masked.
fn start(view: &View<'_>, at: usize) -> Option<usize> {
    let mut place = at;
    let mut first = None;
    loop {
        let letter = view.letter_before(place);
        let step = match view.before(place, 1) {
            _ if letter > 0 => letter,
            Some(b'.' | b'_' | b'%' | b'+' | b'-' | b'\'') => 1,
            _ => return first,
        };
        if at - place + step > LOCAL {
            return first;
        }
        place -= step;
        if letter > 0 && view.letter_before(place) == 0 {
            first = Some(place);
        }
    }
}

/// The end of the longest prefix of what follows the `@` that is a host name. What makes a prefix one must lie within
/// it: then masking a neighbour never makes an address of what was none.
fn end(view: &View<'_>, start: usize, at: usize) -> Option<usize> {
    if at - start == 3 && spells(view, start, b"git") {
        return None;
    }
    let domain = at + 1;
    let mut label = domain;
    let mut end = None;
    loop {
        let after = label_end(view, label);
        let room = (label + LABEL).min(domain + DOMAIN);
        if label > domain
            && let Some(top) = top_end(view, label, after, room)
        {
            end = Some(top).filter(|_| !is_file_scale(view, domain, label, top)).or(end);
        }
        if after == label || after > room || view.at(after) != Some(b'.') {
            return end;
        }
        label = after + 1;
    }
}

/// The end of the letters, digits and hyphens from `label` on, or a place beyond the longest label.
fn label_end(view: &View<'_>, label: usize) -> usize {
    let mut place = label;
    while place - label <= LABEL {
        let letter = view.letter(place);
        match view.at(place) {
            _ if letter > 0 => place += letter,
            Some(b'-') if place > label => place += 1,
            _ => break,
        }
    }
    place
}

/// Where a top-level domain ends that begins the label, not beyond `room`: two letters at least and nothing but
/// letters, up to the label's end or a hyphen; or Punycode (RFC 5891) up to the label's end or the last hyphen that
/// could be it.
fn top_end(view: &View<'_>, label: usize, after: usize, room: usize) -> Option<usize> {
    if spells(view, label, b"xn--") {
        return (label + 5..=after.min(room))
            .rev()
            .find(|end| (*end == after || view.at(*end) == Some(b'-')) && view.at(*end - 1) != Some(b'-'));
    }
    let mut place = label;
    let mut letters = 0;
    while place < after {
        match view.at(place) {
            Some(b'-') => break,
            Some(byte) if byte.is_ascii_digit() => return None,
            _ => {}
        }
        place += view.letter(place).max(1);
        letters += 1;
    }
    (letters >= 2 && place <= room).then_some(place)
}

/// Whether the domain is the end of a picture's file name for screens of higher density: `icon@2x.png`.
fn is_file_scale(view: &View<'_>, domain: usize, label: usize, top: usize) -> bool {
    const ENDINGS: [&[u8]; 6] = [b"png", b"jpg", b"jpeg", b"gif", b"webp", b"svg"];
    label - domain == 3
        && view.digit(domain).is_some()
        && view.at(domain + 1) == Some(b'x')
        && ENDINGS.iter().any(|ending| top - label == ending.len() && spells(view, label, ending))
}

fn spells(view: &View<'_>, place: usize, word: &[u8]) -> bool {
    word.iter()
        .enumerate()
        .all(|(offset, byte)| view.at(place + offset).is_some_and(|found| found.eq_ignore_ascii_case(byte)))
}
