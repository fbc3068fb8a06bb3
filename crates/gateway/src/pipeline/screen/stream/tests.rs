//! The stream's screen against the whole-text screen: however an answer is cut into events, and events into
//! chunks, the caller reads the same text.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use flyball_core::json::quote;
use flyball_core::{Clock, KeyId, Principal, Role, SystemClock};
use flyball_demo::Demo;
use flyball_guard::Scanner;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::config::Config;
use crate::edge::sse::Decoder;

const REQUEST: &str = r#"{"model":"demo","stream":true,"messages":[{"role":"user","content":"one two three four five six seven eight nine ten"}]}"#;

mod responses;

pub(super) fn screen(policy: Option<&str>, on_whole_answer: OnWholeAnswer) -> StreamScreen {
    screen_of(Protocol::OpenAiChat, policy, on_whole_answer)
}

/// A screen for answers in this protocol.
fn screen_of(protocol: Protocol, policy: Option<&str>, on_whole_answer: OnWholeAnswer) -> StreamScreen {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut config = Config::default();
    if let Some(policy) = policy {
        file.write_all(policy.as_bytes()).unwrap();
        config.policy = Some(file.path().to_owned());
    }
    config.stream.on_whole_answer = on_whole_answer;
    let snapshot = Arc::new(Snapshot::build(1, config, &Arc::new(Demo::new())).unwrap());
    let document = Document::parse(Bytes::from_static(REQUEST.as_bytes()), Limits::default()).unwrap();
    let call = crate::protocols::openai::chat::decode(document).unwrap();
    let principal = Principal {
        tenant: Some("demo".parse().unwrap()),
        key: KeyId(SystemClock.uuid()),
        role: Role::Caller,
        models: ["*".to_owned()].into(),
        expires: None,
        lawful_basis: None,
    };
    let route = snapshot.route("demo").unwrap();
    let basis = Basis::new(call, Arc::new(principal), route, &[], 0);
    StreamScreen::new(protocol, snapshot, basis)
}

/// A field of a delta: the member's text around the value, so that growing fields can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Content(u32),
    Arguments(u32),
}

pub(super) fn delta(part: Part, text: &str) -> String {
    let (choice, delta) = match part {
        Part::Content(choice) => (choice, format!(r#"{{"content":{}}}"#, quote(text))),
        Part::Arguments(choice) => (
            choice,
            format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{}}}}}]}}"#, quote(text)),
        ),
    };
    format!(
        r#"{{"id":"c","created":1,"model":"m","choices":[{{"index":{choice},"delta":{delta},"logprobs":{{"content":[]}},"finish_reason":null}}]}}"#
    )
}

pub(super) fn finish(choice: u32) -> String {
    format!(
        r#"{{"id":"c","created":1,"model":"m","choices":[{{"index":{choice},"delta":{{}},"finish_reason":"stop"}}]}}"#
    )
}

pub(super) fn encode_all(events: &[String]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    for event in events {
        Event::encode(None, event.as_bytes(), &mut bytes);
    }
    Event::encode(None, b"[DONE]", &mut bytes);
    bytes.to_vec()
}

/// Feeds bytes in chunks of `size` and returns what the caller reads.
pub(super) fn play(screen: &mut StreamScreen, bytes: &[u8], size: usize) -> Vec<u8> {
    let mut decoder = Decoder::new(1 << 20);
    let mut out = Vec::new();
    for chunk in bytes.chunks(size.max(1)) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event().unwrap() {
            screen.event(event).unwrap();
            out.extend_from_slice(&screen.take());
        }
    }
    out
}

/// The text of every field, and how each choice finished.
fn read(bytes: &[u8]) -> (BTreeMap<Part, String>, Vec<(u32, String)>, bool) {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(Bytes::copy_from_slice(bytes));
    let (mut texts, mut ends, mut done) = (BTreeMap::<Part, String>::new(), Vec::new(), false);
    while let Some(event) = decoder.next_event().unwrap() {
        if event.data.as_ref() == b"[DONE]" {
            done = true;
            continue;
        }
        let value: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
        for choice in value["choices"].as_array().unwrap() {
            let index = u32::try_from(choice["index"].as_u64().unwrap()).unwrap();
            if let Some(text) = choice["delta"]["content"].as_str() {
                texts.entry(Part::Content(index)).or_default().push_str(text);
            }
            if let Some(text) = choice["delta"]["tool_calls"][0]["function"]["arguments"].as_str() {
                texts.entry(Part::Arguments(index)).or_default().push_str(text);
            }
            if let Some(end) = choice["finish_reason"].as_str() {
                ends.push((index, end.to_owned()));
            }
        }
    }
    (texts, ends, done)
}

fn redacted(text: &str) -> String {
    let mut findings = Vec::new();
    Scanner::standard().scan(text, &mut findings);
    flyball_mask::redact(text, &findings).into_owned()
}

/// Texts full of what looks like personal data, and of what almost does.
pub(super) fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("me@example.org".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        Just("536-90-4399".to_owned()),
        Just("(415) 555-2671".to_owned()),
        Just("\n".to_owned()),
        Just("\"".to_owned()),
        "[a-z0-9@. -]{0,12}",
        "[\\PC]{0,4}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Cuts a text at character boundaries.
fn cut(text: &str, places: &[Index]) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut at: Vec<usize> = places.iter().map(|place| place.index(characters.len() + 1)).collect();
    at.extend([0, characters.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| characters[ends[0]..ends[1]].iter().collect()).collect()
}

proptest! {
    #[test]
    fn any_chunking_screens_to_the_same_text(
        texts in prop::collection::vec(text(), 1..3),
        places in prop::collection::vec(any::<Index>(), 0..12),
        size in 1usize..400,
    ) {
        let mut events = Vec::new();
        let pieces: Vec<Vec<String>> = texts.iter().map(|text| cut(text, &places)).collect();
        for round in 0..places.len() + 1 {
            for (choice, pieces) in pieces.iter().enumerate() {
                events.push(delta(Part::Content(choice as u32), &pieces[round]));
            }
        }
        events.extend((0..texts.len()).map(|choice| finish(choice as u32)));
        let mut screen = screen(None, OnWholeAnswer::Buffer);
        let (read, ends, done) = read(&play(&mut screen, &encode_all(&events), size));
        prop_assert_eq!(screen.state(), State::Done);
        prop_assert!(done);
        prop_assert_eq!(ends.len(), texts.len());
        for (choice, text) in texts.iter().enumerate() {
            prop_assert_eq!(&read[&Part::Content(choice as u32)], &redacted(text));
        }
    }

    #[test]
    fn arguments_of_tools_stay_json(values in prop::collection::vec(text(), 1..4), places in prop::collection::vec(any::<Index>(), 0..12)) {
        let mut arguments = serde_json::json!({ "values": values, "card": 4_111_111_111_111_111_u64 }).to_string();
        arguments.insert_str(1, r#""to":"a\u0064a\u0040example\u002eorg","#);
        let mut events: Vec<String> =
            cut(&arguments, &places).iter().map(|piece| delta(Part::Arguments(0), piece)).collect();
        events.push(finish(0));
        let mut screen = screen(None, OnWholeAnswer::Buffer);
        let (read, _, _) = read(&play(&mut screen, &encode_all(&events), 4096));
        let parsed: serde_json::Value = serde_json::from_str(&read[&Part::Arguments(0)]).unwrap();
        prop_assert_eq!(&parsed["card"], "<payment_card>");
        prop_assert_eq!(&parsed["to"], "<email>");
        for (value, screened) in values.iter().zip(parsed["values"].as_array().unwrap()) {
            prop_assert_eq!(screened.as_str().unwrap(), redacted(value));
        }
    }
}

#[test]
fn clean_events_leave_verbatim_and_at_once() {
    let mut screen = screen(None, OnWholeAnswer::Buffer);
    let mut decoder = Decoder::new(1 << 20);
    // A word that could still become an address is held; the full stop and the space end it.
    for (text, released) in [("Hello", false), (" there", false), (". ", true), ("It is fine. ", true)] {
        let mut bytes = BytesMut::new();
        Event::encode(None, delta(Part::Content(0), text).as_bytes(), &mut bytes);
        decoder.push(bytes.freeze());
        screen.event(decoder.next_event().unwrap().unwrap()).unwrap();
        let out = screen.take();
        assert_eq!(
            out.ends_with(format!("{}\n\n", delta(Part::Content(0), text)).as_bytes()),
            released,
            "{text}"
        );
    }
}

#[test]
fn rewritten_events_lose_their_log_probabilities() {
    let mut screen = screen(None, OnWholeAnswer::Buffer);
    let events =
        [delta(Part::Content(0), "write me@"), delta(Part::Content(0), "example.org now"), finish(0)];
    let out = String::from_utf8(play(&mut screen, &encode_all(&events), 64)).unwrap();
    assert!(out.contains("write <email>") && !out.contains("example.org"), "{out}");
    assert_eq!(out.matches(r#""logprobs":null"#).count(), 2, "{out}");
}

/// What leaves for these deltas of one answer.
fn screened(deltas: &[&str]) -> String {
    let event = |delta: &&str| format!(r#"{{"id":"c","choices":[{{"index":0,{delta}}}]}}"#);
    let events: Vec<String> = deltas.iter().map(event).chain([finish(0)]).collect();
    let mut screen = screen(None, OnWholeAnswer::Buffer);
    String::from_utf8(play(&mut screen, &encode_all(&events), 4096)).unwrap()
}

#[test]
fn fields_that_grow_side_by_side_are_each_seen_whole() {
    let part = |text: &str| {
        format!(
            r#""delta":{{"reasoning":"{text}","reasoning_details":[{{"type":"reasoning.text","text":"{text}"}}]}}"#
        )
    };
    let out = screened(&[&part("write me@"), &part("exam"), &part("ple.org now ")]);
    assert_eq!(out.matches("<email>").count(), 2, "{out}");
    assert!(!out.contains("ple.org"), "{out}");
}

#[test]
fn a_field_that_goes_on_after_another_is_still_one_text() {
    let call = r#""delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}"#;
    let out = screened(&[r#""delta":{"content":"me@exam"}"#, call, r#""delta":{"content":"ple.org "}"#]);
    assert!(out.contains("<email>") && !out.contains("ple.org"), "{out}");
    // It was interrupted once, so that from now on nothing is released early.
    let open = [
        r#""delta":{"content":"a"}"#,
        call,
        r#""delta":{"content":" me@exam"}"#,
        call,
        r#""delta":{"content":"ple.org "}"#,
    ];
    let out = screened(&open);
    assert!(out.contains(r#"" <email>""#) && !out.contains("me@exam"), "{out}");
}

#[test]
fn an_empty_finish_reason_is_none() {
    let part = |text: &str| format!(r#""delta":{{"content":"{text}"}},"finish_reason":"""#);
    let out = screened(&[&part("me@"), &part("example.org "), &part("bye. ")]);
    assert!(out.contains("<email>") && !out.contains("example.org"), "{out}");
}

#[test]
fn log_probabilities_that_come_before_their_text_are_screened_too() {
    let part = |token: &str, text: &str| {
        format!(
            r#""delta":{{"content":"{text}"}},"logprobs":{{"content":[{{"token":"{token}","bytes":[1]}}]}}"#
        )
    };
    let out = screened(&[&part("me@", ""), &part("example.org", ""), &part(" ", "me@example.org ")]);
    assert!(out.contains("<email>") && !out.contains("me@") && !out.contains("example.org"), "{out}");
    let late = screened(&[r#""delta":{"content":"x "},"logprobs":{"note":"me@example.org"}"#]);
    assert!(!late.contains("example.org"), "{late}");
}

#[test]
fn what_is_not_an_object_where_one_belongs_is_screened_too() {
    for odd in [
        r#""delta":"me@example.org""#,
        r#""delta":{"tool_calls":{"0":"me@example.org"}}"#,
        r#""delta":{"role":["me@example.org"]}"#,
        r#""text":"me@example.org ""#,
        r#""message":{"content":"me@example.org "}"#,
    ] {
        let out = screened(&[odd]);
        assert!(out.contains("<email>") && !out.contains("example.org"), "{out}");
    }
}

#[test]
fn the_event_that_tells_usage_is_screened_too() {
    let mut screen = screen(None, OnWholeAnswer::Buffer);
    screen.basis.call.stream_usage = true;
    let usage = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2},"note":"me@example.org"}"#;
    let events = [delta(Part::Content(0), "Hi. "), finish(0), usage.to_owned()];
    let out = String::from_utf8(play(&mut screen, &encode_all(&events), 64)).unwrap();
    assert!(out.contains(r#""completion_tokens":2},"note":"<email>""#), "{out}");
}

#[test]
fn rules_about_findings_that_need_the_whole_answer_get_it() {
    let rule = |when: &str, action: &str| {
        format!(
            "version: 1\nrules:\n  - {{ id: a, description: b., when: '{when}', action: {action}, owner: us }}\n"
        )
    };
    let events = [delta(Part::Content(0), "Write to me@example.org. It is a fine day. "), finish(0)];
    let mut summary = screen(Some(&rule("output.contains_pii", "summarize")), OnWholeAnswer::Running);
    let out = String::from_utf8(play(&mut summary, &encode_all(&events), 64)).unwrap();
    assert!(!out.contains("fine day") && summary.state() == State::Blocked, "{out}");
    let events = [delta(Part::Content(0), "It is a fine day. "), finish(0)];
    for on_whole_answer in [OnWholeAnswer::Running, OnWholeAnswer::Buffer] {
        let mut block = screen(Some(&rule("!output.contains_pii", "block")), on_whole_answer);
        let out = String::from_utf8(play(&mut block, &encode_all(&events), 64)).unwrap();
        assert!(!out.contains("fine day") && block.state() == State::Blocked, "{out}");
    }
}

pub(super) const VERBATIM: &str = "
version: 1
rules:
  - { id: copied, description: Copied at length., when: output.verbatim_ratio > 0.2, action: ACTION, owner: us }
";

const COPY: &str = "one two three four five six seven eight nine ten";

#[test]
fn a_held_answer_is_summarised_or_refused_as_a_whole() {
    let words: Vec<String> = COPY.split_inclusive(' ').map(|word| delta(Part::Content(0), word)).collect();
    let events: Vec<String> = words.into_iter().chain([finish(0)]).collect();
    let mut summary = screen(Some(&VERBATIM.replace("ACTION", "summarize")), OnWholeAnswer::Buffer);
    let (texts, ends, done) = read(&play(&mut summary, &encode_all(&events), 64));
    assert_eq!(texts[&Part::Content(0)], "one two three …");
    assert_eq!((ends, done), (vec![(0, "stop".to_owned())], true));
    let mut block = screen(Some(&VERBATIM.replace("ACTION", "block")), OnWholeAnswer::Buffer);
    let (texts, ends, done) = read(&play(&mut block, &encode_all(&events), 64));
    assert!(texts.is_empty());
    assert_eq!((ends, done), (vec![(0, "content_filter".to_owned())], true));
    assert_eq!(block.state(), State::Blocked);
}

/// SDKs refuse an answer without a role, and put a role that comes twice together as a text.
#[test]
fn a_role_comes_once_however_an_answer_ends() {
    let role = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
    let words = COPY.split_inclusive(' ').map(|word| delta(Part::Content(0), word));
    let events: Vec<String> = std::iter::once(role.to_owned()).chain(words).chain([finish(0)]).collect();
    for action in ["summarize", "block"] {
        for on_whole_answer in [OnWholeAnswer::Buffer, OnWholeAnswer::Running] {
            let mut screen = screen(Some(&VERBATIM.replace("ACTION", action)), on_whole_answer);
            let out = play(&mut screen, &encode_all(&events), 64);
            let roles = String::from_utf8_lossy(&out).matches(r#""role":"assistant""#).count();
            assert_eq!(roles, 1, "{action} {on_whole_answer:?}");
        }
    }
}

#[test]
fn a_running_answer_ends_where_it_breaks_the_rule() {
    let words: Vec<String> = COPY.split_inclusive(' ').map(|word| delta(Part::Content(0), word)).collect();
    let mut screen = screen(Some(&VERBATIM.replace("ACTION", "block")), OnWholeAnswer::Running);
    let (texts, ends, _) = read(&play(&mut screen, &encode_all(&words), 64));
    let released = texts[&Part::Content(0)].trim_end();
    assert!(COPY.starts_with(released) && released.split(' ').count() <= 8, "{released}");
    assert_eq!(ends, vec![(0, "content_filter".to_owned())]);
}

#[test]
fn fields_without_end_end_the_stream() {
    let mut screen = screen(None, OnWholeAnswer::Buffer);
    let ended = (0..=CHANNELS).find_map(|field| {
        let data = format!(r#"{{"choices":[{{"index":0,"delta":{{"f{field}":"x"}}}}]}}"#);
        screen.event(Event { raw: None, name: None, data: Bytes::from(data) }).err()
    });
    assert_eq!(ended.map(|refusal| refusal.kind), Some(Kind::ProviderInvalidAnswer));
}

#[test]
fn an_event_that_is_no_chunk_or_tells_of_a_fault_ends_the_stream() {
    for (data, kind) in [
        ("{nonsense", Kind::ProviderInvalidAnswer),
        ("[]", Kind::ProviderInvalidAnswer),
        (r#"{"error":{"message":"boom"}}"#, Kind::ProviderFailed),
    ] {
        let event = Event { raw: None, name: None, data: Bytes::from_static(data.as_bytes()) };
        let refusal = screen(None, OnWholeAnswer::Buffer).event(event).unwrap_err();
        assert_eq!(refusal.kind, kind, "{data}");
    }
}

#[test]
fn a_stream_that_has_finished_needs_no_end_mark_and_one_that_has_not_is_broken() {
    for (events, complete) in [
        (vec![r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#], true),
        (vec![r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#], false),
        (vec![], false),
    ] {
        let mut screen = screen(None, OnWholeAnswer::Buffer);
        for data in events {
            screen.event(Event { raw: None, name: None, data: Bytes::from_static(data.as_bytes()) }).unwrap();
        }
        assert_eq!(screen.end_of_body(), complete);
        assert_eq!(screen.take().ends_with(b"data: [DONE]\n\n"), complete);
    }
}

#[test]
fn a_number_that_another_field_interrupts_does_not_leave_in_part() {
    let events = [
        delta(Part::Content(0), "Card 4111 1111 1111 "),
        delta(Part::Arguments(0), "{}"),
        delta(Part::Content(0), "1111 ok"),
        finish(0),
    ];
    let mut screen = screen(None, OnWholeAnswer::Buffer);
    let (texts, _, _) = read(&play(&mut screen, &encode_all(&events), 64));
    assert_eq!(texts[&Part::Content(0)], "Card <payment_card> ok");
    assert_eq!(texts[&Part::Arguments(0)], "{}");
}

#[test]
fn a_last_word_does_not_hold_a_tool_call_back() {
    let mut screen = screen(None, OnWholeAnswer::Buffer);
    for (part, text) in [(Part::Content(0), "Let me look"), (Part::Arguments(0), "{\"a\":1, ")] {
        screen.event(Event { raw: None, name: None, data: Bytes::from(delta(part, text)) }).unwrap();
    }
    let (texts, _, _) = read(&screen.take());
    assert_eq!(texts[&Part::Content(0)], "Let me look");
    assert_eq!(texts[&Part::Arguments(0)], "{\"a\":1, ");
}

#[test]
fn a_held_answer_is_masked_wherever_it_says_something() {
    let policy =
        VERBATIM.replace("output.verbatim_ratio > 0.2", "output.pii_count > 1").replace("ACTION", "mask");
    let alone = r#"{"id":"c","note":"ada@example.org","choices":[]}"#.to_owned();
    for (text, masked) in [("me@example.org ", true), ("nobody ", false)] {
        let events = [alone.clone(), delta(Part::Content(0), text), finish(0)];
        let mut screen = screen(Some(&policy), OnWholeAnswer::Buffer);
        let out = String::from_utf8(play(&mut screen, &encode_all(&events), 64)).unwrap();
        assert_eq!(out.contains("ada@example.org"), !masked, "{out}");
        assert_eq!(out.matches("<email>").count(), if masked { 2 } else { 0 }, "{out}");
    }
}
