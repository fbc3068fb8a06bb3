//! A text in pieces is scanned as the whole is, for every way of cutting it, and little of it is held back.

use flyball_core::Finding;
use flyball_guard::{DETECTORS, Scanner, StreamScanner};
use proptest::prelude::*;
use proptest::sample::select;

/// The most that may be held back, in bytes.
const HELD: usize = 512;

fn whole(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    Scanner::standard().scan(text, &mut findings);
    findings
}

/// Feeds the pieces and checks after each what the scanner promises.
fn in_pieces<'t>(pieces: impl IntoIterator<Item = &'t str>) -> Vec<Finding> {
    let mut scanner = StreamScanner::new();
    let (mut findings, mut total, mut done) = (Vec::<Finding>::new(), 0, 0);
    for piece in pieces {
        let before = findings.len();
        total += piece.len();
        let now = scanner.push(piece, &mut findings);
        assert!(now >= done && now <= total && total - now <= HELD, "{done} {now} {total}");
        for finding in findings.iter().skip(before) {
            assert!(finding.span.start >= done && finding.span.end <= now, "{finding:?} {done} {now}");
        }
        done = now;
    }
    assert_eq!(scanner.finish(&mut findings), total);
    findings
}

/// Cuts a text on character boundaries, into pieces of the given lengths over and over.
fn cut<'t>(text: &'t str, lengths: &[usize]) -> Vec<&'t str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(*length));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Values, values with one character too many or too few, separators, letters of all lengths, long runs.
fn fragment() -> impl Strategy<Value = String> {
    let values: Vec<&'static str> = DETECTORS
        .iter()
        .flat_map(|detector| detector.matches.iter().chain(detector.non_matches).copied())
        .collect();
    let glue = vec![
        " ", " ", "-", ".", ",", "@", "(", ")", "+", "(+", "/", ":", "_", "'", "\n", "0", "7", "41", "DE",
        "gb", "é", "ж", "€", "联系", "😀", "<", ">", "a", "co", "xn--", "4111", "415", "555", "2671",
    ];
    prop_oneof![
        4 => select(values.clone()).prop_map(str::to_owned),
        2 => (select(values), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(text, a, b)| {
            let (a, b) = (a.index(text.len() + 1), b.index(text.len() + 1));
            let (a, b) = (text.floor_char_boundary(a.min(b)), text.floor_char_boundary(a.max(b)));
            text[a..b].to_owned()
        }),
        10 => select(glue.clone()).prop_map(str::to_owned),
        1 => (select(glue), 1..80_usize).prop_map(|(text, times)| text.repeat(times)),
        1 => "[a-z0-9.-]{1,12}@[a-z0-9.-]{1,12}\\.[a-z]{1,4}",
        1 => "[0-9]{1,4}([ -][0-9]{1,5}){1,5}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(fragment(), 0..14).prop_map(|fragments| fragments.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_cutting_finds_what_the_whole_finds(text in text(), lengths in prop::collection::vec(1..30_usize, 1..6)) {
        prop_assert_eq!(in_pieces(cut(&text, &lengths)), whole(&text), "{}", text);
    }

    #[test]
    fn character_by_character_finds_what_the_whole_finds(text in text()) {
        prop_assert_eq!(in_pieces(cut(&text, &[1])), whole(&text), "{}", text);
    }

    #[test]
    fn findings_ascend_apart_on_character_boundaries(text in text()) {
        let mut end = 0;
        for finding in whole(&text) {
            prop_assert!(finding.span.start >= end && finding.span.start < finding.span.end);
            prop_assert!(text.get(finding.span.clone()).is_some());
            end = finding.span.end;
        }
    }

    #[test]
    fn arbitrary_text_is_scanned_alike(text in "\\PC{0,200}", length in 1..20_usize) {
        prop_assert_eq!(in_pieces(cut(&text, &[length])), whole(&text));
    }
}

#[test]
fn every_single_cut_of_every_example_finds_the_same() {
    for detector in DETECTORS {
        for example in detector.matches.iter().chain(detector.non_matches) {
            let text = format!("see {example} or {example}, 1");
            for (place, _) in text.char_indices() {
                let (before, after) = text.split_at(place);
                assert_eq!(in_pieces([before, after]), whole(&text), "{before}|{after}");
            }
        }
    }
}

#[test]
fn nothing_is_held_when_nothing_is_open() {
    for text in
        ["All is well. ", "done!", "in 2026 ", "(a) ", "多谢", "x = [1, 2];", "ada@example.org ", "why?\n"]
    {
        let mut findings = Vec::new();
        assert_eq!(StreamScanner::new().push(text, &mut findings), text.len(), "{text}");
    }
}

#[test]
fn the_beginning_of_what_may_become_a_value_is_held() {
    for (text, open) in [
        ("Write to ada.love", "ada.love"),
        ("Write to ada@exam", "ada@exam"),
        ("Write to ada@example.org", "ada@example.org"),
        ("Card 4111 1111 ", "4111 1111 "),
        ("Call (415", "(415"),
        ("Call (", "("),
        ("Call +49 30", "+49 30"),
        ("Account DE89 37", "DE89 37"),
        ("SSN 123-45", "123-45"),
    ] {
        let mut findings = Vec::new();
        assert_eq!(StreamScanner::new().push(text, &mut findings), text.len() - open.len(), "{text}");
        assert_eq!(findings, []);
    }
}

#[test]
fn long_runs_are_not_held_beyond_the_bound() {
    for run in ["a", "1", "1 ", "é", "a.", "12-", "@", "a@", "4111 ", "(", "DE89 3704 ", "a@b."] {
        let text = run.repeat(3000);
        assert_eq!(in_pieces(cut(&text, &[1])), whole(&text), "{run}");
        assert_eq!(in_pieces(cut(&text, &[700, 3])), whole(&text), "{run}");
    }
}
