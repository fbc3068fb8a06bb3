//! Redaction of plain text: values go, everything else stays, and once is enough.

use std::borrow::Cow;

use flyball_core::{Finding, Kind};
use flyball_guard::{DETECTORS, Scanner};
use flyball_mask::{parts, redact, tag};
use proptest::prelude::*;
use proptest::sample::select;

fn scan(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    Scanner::standard().scan(text, &mut findings);
    findings
}

#[test]
fn a_tag_names_the_kind() {
    assert_eq!(tag(Kind("payment_card")), "<payment_card>");
}

#[test]
fn text_without_findings_is_lent_not_copied() {
    let text = "Nothing to see.";
    assert!(matches!(redact(text, &scan(text)), Cow::Borrowed(same) if same == text));
    assert_eq!(parts(&[]), []);
}

#[test]
fn values_are_replaced_where_they_stand() {
    let text =
        "Ada <ada@example.org>: 415-555-2671, 4111 1111 1111 1111, 123-45-6789; DE89 3704 0044 0532 0130 00.";
    assert_eq!(redact(text, &scan(text)), "Ada <<email>>: <phone>, <payment_card>, <us_ssn>; <iban>.");
    let spans: Vec<_> =
        scan(text).into_iter().map(|finding| (finding.span.clone(), tag(finding.kind))).collect();
    assert_eq!(parts(&scan(text)), spans);
}

/// Values, pieces of values and what may tie or part them.
fn text() -> impl Strategy<Value = String> {
    let values: Vec<&'static str> = DETECTORS
        .iter()
        .flat_map(|detector| detector.matches.iter().chain(detector.non_matches).copied())
        .collect();
    let glue = vec![
        " ", " ", "-", ".", ",", "@", "(", ")", "+", "(+", "/", ":", "_", "'", "\n", "\\", "\\n", "0", "7",
        "41", "DE", "é", "€", "联系", "<", ">", "a", ".co", "@b.co", "4111", " 415", "-555", "-2671", "git@",
    ];
    let fragment = prop_oneof![
        4 => select(values.clone()).prop_map(str::to_owned),
        2 => (select(values), any::<prop::sample::Index>()).prop_map(|(text, at)| {
            text[..text.floor_char_boundary(at.index(text.len() + 1))].to_owned()
        }),
        8 => select(glue.clone()).prop_map(str::to_owned),
        1 => (select(glue), 1..70_usize).prop_map(|(text, times)| text.repeat(times)),
        1 => "[0-9]{1,4}([ -][0-9]{1,5}){1,5}",
    ];
    prop::collection::vec(fragment, 0..14).prop_map(|fragments| fragments.concat())
}

#[test]
fn what_abuts_an_address_is_no_address_afterwards() {
    for text in [
        "o'brien@a-b.exampleDE89370400440532013001123-45-6789123-DE89370400440532013001x@xn--bcher-kva.xn",
        "x@xn--bcher-kva.xn--p1ai550e8400-e29b-41d4-a716-446655440000DE89370400440532013000DE8937040044053201\
         3000x@xn--bcher-kva.xn--p1ai",
        "git@a.co-4111111111111111.com:x",
    ] {
        let redacted = redact(text, &scan(text)).into_owned();
        assert!(redacted.len() < text.len(), "{redacted}");
        assert_eq!(scan(&redacted), [], "{redacted}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    #[test]
    fn a_redacted_text_has_no_findings(text in text()) {
        let redacted = redact(&text, &scan(&text)).into_owned();
        prop_assert_eq!(scan(&redacted), [], "{} became {}", text, redacted);
    }

    #[test]
    fn outside_the_findings_every_byte_stays(text in text()) {
        let findings = scan(&text);
        let redacted = redact(&text, &findings).into_owned();
        let (mut rest, mut done) = (redacted.as_str(), 0);
        for finding in &findings {
            let kept = &text[done..finding.span.start];
            rest = rest.strip_prefix(kept).unwrap().strip_prefix(tag(finding.kind).as_str()).unwrap();
            done = finding.span.end;
        }
        prop_assert_eq!(rest, &text[done..]);
    }

    #[test]
    fn any_spans_at_all_are_taken_without_harm(
        text in "\\PC{0,40}",
        spans in prop::collection::vec((0..60_usize, 0..60_usize), 0..5),
    ) {
        let findings: Vec<Finding> = spans
            .into_iter()
            .map(|(start, end)| Finding {
                kind: Kind("email"),
                category: flyball_core::Category::Pii,
                span: start..end,
                score: 1.0,
                detector_version: 1,
            })
            .collect();
        let redacted = redact(&text, &findings);
        prop_assert!(findings.is_empty() == matches!(redacted, Cow::Borrowed(_)));
    }
}
