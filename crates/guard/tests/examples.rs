//! Every detector against its own examples, and the ways in which values stand in real text.

use flyball_core::Finding;
use flyball_guard::{DETECTORS, KINDS, Scanner, kind_named};

fn scan(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    Scanner::standard().scan(text, &mut findings);
    findings
}

/// Kind and text of every finding.
fn found(text: &str) -> Vec<(&'static str, &str)> {
    scan(text).into_iter().map(|finding| (finding.kind.0, &text[finding.span])).collect()
}

#[test]
fn examples_that_match_are_one_finding_from_end_to_end() {
    for detector in DETECTORS {
        assert!(!detector.matches.is_empty(), "{}", detector.kind);
        for example in detector.matches {
            let expected = vec![(detector.kind.0, *example)];
            assert_eq!(found(example), expected, "{example}");
            for text in [
                format!("It is {example}, she said."),
                format!("Take {example} please - or {example} - now."),
                format!("<{example}>"),
                format!("(see \"{example}\")."),
                format!("値は{example}です"),
                format!("x={example}\n{example}\n"),
            ] {
                let found = found(&text);
                assert!(found.starts_with(&expected), "{text}: {found:?}");
            }
        }
    }
}

#[test]
fn examples_that_must_not_match_have_no_finding_of_the_kind() {
    for detector in DETECTORS {
        assert!(!detector.non_matches.is_empty(), "{}", detector.kind);
        for example in detector.non_matches {
            let found = found(example);
            assert!(found.iter().all(|(kind, _)| *kind != detector.kind.0), "{example}: {found:?}");
        }
    }
}

#[test]
fn the_list_of_kinds_is_that_of_the_detectors() {
    let listed: Vec<_> = DETECTORS.iter().map(|detector| (detector.kind, detector.category)).collect();
    assert_eq!(listed, KINDS);
    for (kind, category) in KINDS {
        assert_eq!(kind_named(kind.0), Some((kind, category)));
    }
    assert_eq!(kind_named("emails"), None);
}

#[test]
fn findings_carry_score_and_version() {
    for detector in DETECTORS {
        let findings = scan(detector.matches[0]);
        assert!(findings[0].score > 0.0 && findings[0].score <= 1.0);
        assert_eq!(findings[0].detector_version, detector.version);
        assert_eq!(findings[0].category, detector.category);
    }
}

#[test]
fn punctuation_around_an_address_is_not_part_of_it() {
    for text in [
        "<a.b@example.org>",
        "mailto:a.b@example.org?subject=x",
        "Write to a.b@example.org.",
        "'a.b@example.org'",
        "a.b@example.org-",
        "**a.b@example.org**",
        "_a.b@example.org_ ",
        "to=a.b@example.org&x=1",
        "「a.b@example.org」",
        "联系a.b@example.org谢谢",
        "...a.b@example.org...",
        "a.b@example.org/4",
        "a.b@example.org@",
    ] {
        assert_eq!(found(text), [("email", "a.b@example.org")], "{text}");
    }
}

#[test]
fn of_a_long_local_part_the_last_words_within_64_bytes_are_the_finding() {
    let text = format!("{}.{}@example.org", "a".repeat(40), "b".repeat(40));
    assert_eq!(scan(&text)[0].span, 41..text.len());
    let text = format!("{}@example.org", "a".repeat(64));
    assert_eq!(scan(&text)[0].span, 0..text.len());
}

#[test]
fn neighbours_are_found_each() {
    assert_eq!(
        found("ada@example.org,4111111111111111;415-555-2671 123-45-6789 DE89370400440532013000"),
        [
            ("email", "ada@example.org"),
            ("payment_card", "4111111111111111"),
            ("phone", "415-555-2671"),
            ("us_ssn", "123-45-6789"),
            ("iban", "DE89370400440532013000"),
        ]
    );
    assert_eq!(
        found("4111 1111 1111 1111 12/27 123"),
        [("payment_card", "4111 1111 1111 1111")],
        "expiry and code do not hide a card"
    );
}

#[test]
fn what_only_looks_alike_is_left_alone() {
    for text in [
        "https://example.com/path/12345",
        "https://example.com/a/2026/11/24/415-555-2671?page=1234567890",
        "v1.22.333-rc.4 and 10.0.0.1:8080",
        "It cost $1,234,567.89 in 2026, 12 % more than in 2025.",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "018f2c3e-7b1a-7c3d-9e4f-123456789012",
        "2026-11-24T22:12:46.123456Z",
        "[0.4539578763621486, 0.3714496353984310, -0.5500005555555559]",
        "1234567890123456 12345678901234567890 987654321",
        "rows 100 200 300 4000 500 and 1 2 3 4 5 6 7 8 9",
        "ISBN 978-3-16-148410-0, order 12-345-678",
        "at 12:30:45, 7/11/2026, 24.11.2026 08:15",
        "let x = a[10] + b(20) - 0x7fff_ffff;",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn an_escaped_line_break_is_a_boundary() {
    for detector in DETECTORS {
        for example in detector.matches {
            let text = format!(r#"{{"note":"first\n{example}\r\nthen"}}"#);
            let found = found(&text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].0 == detector.kind.0 && found[0].1.ends_with(example), "{text}: {found:?}");
        }
    }
}
