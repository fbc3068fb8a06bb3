//! Redaction of text that is JSON: it stays JSON, and the tracker knows strings however the text is cut.

use flyball_core::Finding;
use flyball_guard::{DETECTORS, Scanner};
use flyball_mask::{JsonStringTracker, json_parts};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

fn scan(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    Scanner::standard().scan(text, &mut findings);
    findings
}

fn masked(text: &str) -> String {
    let mut masked = text.to_owned();
    for (range, tag) in json_parts(text, &scan(text)).into_iter().rev() {
        masked.replace_range(range, &tag);
    }
    masked
}

#[test]
fn a_tag_is_quoted_outside_strings_only() {
    assert_eq!(
        masked(r#"{"card":4111111111111111,"to":"ada@example.org","4111111111111111":[4111111111111111]}"#),
        r#"{"card":"<payment_card>","to":"<email>","<payment_card>":["<payment_card>"]}"#
    );
    assert_eq!(masked("4111111111111111"), r#""<payment_card>""#);
}

#[test]
fn a_number_is_replaced_as_a_whole() {
    assert_eq!(masked(r#"{"a":-4111111111111111}"#), r#"{"a":"<payment_card>"}"#);
}

#[test]
fn escapes_stay_whole() {
    assert_eq!(masked(r#""x\nada@example.org""#), r#""x\n<email>""#);
    assert_eq!(masked(r#""x\u0020ada@example.org""#), r#""x\u0020<email>""#);
    assert_eq!(masked(r#""x\\nada@example.org""#), r#""x\\<email>""#);
    assert_eq!(masked(r#""\"ada@example.org\"""#), r#""\"<email>\"""#);
    assert_eq!(masked(r#""\t415-555-2671\n""#), r#""\t<phone>\n""#);
}

#[test]
fn quotes_within_strings_do_not_end_them() {
    let text = r#"{"a":"say \"x\" or \\","b":1}"#;
    let mut tracker = JsonStringTracker::default();
    tracker.push(text);
    for (place, inside) in
        [(0, false), (1, false), (2, true), (3, true), (4, false), (6, true), (12, true), (20, true)]
    {
        assert_eq!(tracker.is_inside(place), inside, "{place}");
    }
    assert!(!tracker.is_inside(text.len() - 2));
}

/// Texts full of values, near values, quotes, backslashes and line breaks.
fn string() -> impl Strategy<Value = String> {
    let mut pieces: Vec<&'static str> =
        DETECTORS.iter().flat_map(|detector| detector.matches.iter().copied()).collect();
    pieces.extend([
        " ", "\n", "\t", "\"", "\\", "/", "u", "n", "é", "€", ":", ",", "{", "1", "\u{1}", "\\u00e9",
    ]);
    prop::collection::vec(select(pieces), 0..6).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => string().prop_map(Value::from),
        2 => select(vec![
            json!(4_111_111_111_111_111_u64), json!(-4_111_111_111_111_111_i64), json!(378_282_246_310_005_u64),
            json!(-1.5), json!(1e300), json!(30_569_309_025_904_u64), json!(4_111_111_111_111_111.5), json!(null),
            json!(true), json!(0.411_111_111_111_111_1),
        ]),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f32>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((string(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The value as some writer might put it: spread out or not, with some characters as escapes.
fn written(value: &Value, spread: bool, escaped: Option<char>) -> String {
    let text = if spread { format!("{value:#}") } else { value.to_string() };
    match escaped {
        Some(character) => text.replace(character, &format!("\\u{:04x}", u32::from(character))),
        None => text,
    }
}

/// Whether each byte lies in a string, told by another method: by counting the quotes before it, of which those
/// with an odd number of backslashes in front do not count.
fn inside(text: &str) -> Vec<bool> {
    let mut backslashes = 0;
    let mut quotes = 0;
    text.bytes()
        .map(|byte| {
            let inside = quotes % 2 == 1;
            if byte == b'"' && backslashes % 2 == 0 {
                quotes += 1;
            }
            backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
            inside
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn json_stays_json_and_has_no_findings(
        value in value(),
        spread in any::<bool>(),
        escaped in select(vec![None, Some('é'), Some('€')]),
    ) {
        let text = written(&value, spread, escaped);
        let masked = masked(&text);
        prop_assert!(serde_json::from_str::<Value>(&masked).is_ok(), "{text} became {masked}");
        prop_assert_eq!(scan(&masked), [], "{} became {}", text, masked);
    }

    #[test]
    fn the_tracker_knows_the_last_kilobyte_and_the_last_piece(
        values in prop::collection::vec(value(), 1..6),
        lengths in prop::collection::vec(1..900_usize, 1..5),
    ) {
        let text = written(&Value::from(values), false, None).repeat(2);
        let expected = inside(&text);
        let mut tracker = JsonStringTracker::default();
        let mut total = 0;
        for length in lengths.iter().cycle() {
            let end = text.ceil_char_boundary(total + length);
            tracker.push(&text[total..end]);
            let known = total.min(end.saturating_sub(1024));
            for offset in (known..end).step_by(41) {
                prop_assert_eq!(tracker.is_inside(offset), expected[offset], "{} of {}", offset, end);
            }
            total = end;
            if total == text.len() {
                break;
            }
        }
    }

    #[test]
    fn parts_in_a_stream_are_those_of_the_whole(value in value(), length in 1..40_usize) {
        let text = written(&value, false, Some('é'));
        let findings = scan(&text);
        let mut tracker = JsonStringTracker::keeping(usize::MAX);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.ceil_char_boundary(length));
            tracker.push(piece);
            rest = after;
        }
        let parts: Vec<_> = findings.iter().map(|finding| tracker.part(finding)).collect();
        prop_assert_eq!(parts, json_parts(&text, &findings));
    }
}
