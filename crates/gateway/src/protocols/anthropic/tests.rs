//! Streamed messages through the screen: however a message is cut into events, and however rules about the whole of
//! it are kept, the caller reads what a plain message would read; and a stream that the policy ends is a message.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flyball_core::json::{Document, Limits, quote};
use flyball_core::{Clock, KeyId, Operation, Principal, Role, SystemClock};
use flyball_demo::Demo;
use flyball_guard::Scanner;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::config::{Config, OnWholeAnswer};
use crate::edge::sse::{Decoder, Event};
use crate::pipeline::decide::Basis;
use crate::pipeline::screen::stream::{State, StreamScreen};
use crate::protocols::Protocol;
use crate::snapshot::Snapshot;

const REQUEST: &str = r#"{"model":"demo","stream":true,"messages":[{"role":"user","content":"one two three four five six seven eight nine ten"}]}"#;

const COPY: &str = "one two three four five six seven eight nine ten";

/// A rule about the whole answer.
const VERBATIM: &str = "
version: 1
rules:
  - { id: personal, description: Personal data., when: output.contains_pii, action: mask, owner: us }
  - { id: copied, description: Copied at length., when: output.verbatim_ratio > 0.2, action: ACTION, owner: us }
";

fn screen(policy: Option<&str>, on_whole_answer: OnWholeAnswer) -> StreamScreen {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut config = Config::default();
    if let Some(policy) = policy {
        file.write_all(policy.as_bytes()).unwrap();
        config.policy = Some(file.path().to_owned());
    }
    config.stream.on_whole_answer = on_whole_answer;
    let snapshot = Arc::new(Snapshot::build(1, config, &Arc::new(Demo::new())).unwrap());
    let document = Document::parse(Bytes::from_static(REQUEST.as_bytes()), Limits::default()).unwrap();
    let call = super::request::decode(document, Operation::Chat).unwrap();
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
    StreamScreen::new(Protocol::AnthropicMessages, snapshot, basis)
}

/// The three ways in which rules about the whole answer are kept.
fn screens() -> [StreamScreen; 3] {
    let block = VERBATIM.replace("ACTION", "block");
    [
        screen(None, OnWholeAnswer::Buffer),
        screen(Some(&block), OnWholeAnswer::Buffer),
        screen(Some(&block), OnWholeAnswer::Running),
    ]
}

/// What kinds of blocks there are, with the names of type, member and delta.
const KINDS: [(&str, &str, &str); 2] =
    [("text", "text", "text_delta"), ("thinking", "thinking", "thinking_delta")];

fn start(index: usize, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
}

fn delta(index: usize, kind: &str, member: &str, text: &str) -> String {
    let delta = format!(r#"{{"type":"{kind}","{member}":{}}}"#, quote(text));
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
}

fn stop(index: usize) -> String {
    format!(r#"{{"type":"content_block_stop","index":{index}}}"#)
}

/// A message around these events of its blocks.
fn message(blocks: impl IntoIterator<Item = String>) -> Vec<String> {
    let begin = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}}"#;
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}"#;
    let begin = [begin.to_owned(), r#"{"type":"ping"}"#.to_owned()];
    let end = [end.to_owned(), r#"{"type":"message_stop"}"#.to_owned()];
    begin.into_iter().chain(blocks).chain(end).collect()
}

/// Events of one block of text.
fn text_block(index: usize, pieces: &[&str]) -> Vec<String> {
    let mut events = vec![start(index, r#"{"type":"text","text":""}"#)];
    events.extend(pieces.iter().map(|piece| delta(index, "text_delta", "text", piece)));
    events.push(stop(index));
    events
}

/// What the caller gets for these events, as they come in pieces of `size` bytes.
fn play(screen: &mut StreamScreen, events: &[String], size: usize) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    for event in events {
        let parsed: Value = serde_json::from_str(event).unwrap();
        Event::encode(parsed["type"].as_str().map(str::as_bytes), event.as_bytes(), &mut bytes);
    }
    let (mut decoder, mut out) = (Decoder::new(1 << 20), Vec::new());
    for chunk in bytes.chunks(size.max(1)) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(event) = decoder.next_event().unwrap() {
            screen.event(event).unwrap();
            out.extend_from_slice(&screen.take());
        }
    }
    out
}

/// What a client makes of the events, as strict as the official ones and more: it knows no event that does not fit.
#[derive(Debug, Default, PartialEq)]
struct Client {
    begun: bool,
    open: Option<u64>,
    blocks: BTreeMap<u64, (String, String)>,
    stop_reason: Option<String>,
    ended: bool,
}

fn accumulate(bytes: &[u8]) -> Client {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(Bytes::copy_from_slice(bytes));
    let mut client = Client::default();
    while let Some(event) = decoder.next_event().unwrap() {
        let value: Value = serde_json::from_slice(&event.data).unwrap();
        let kind = value["type"].as_str().unwrap();
        assert_eq!(event.name.as_deref(), Some(kind.as_bytes()));
        assert!(!client.ended, "nothing comes after the end");
        assert_eq!(client.begun, kind != "message_start");
        match kind {
            "message_start" => client.begun = true,
            "content_block_start" => {
                let index = value["index"].as_u64().unwrap();
                assert_eq!((client.open, index), (None, client.blocks.len() as u64));
                let block = value["content_block"]["type"].as_str().unwrap().to_owned();
                client.blocks.insert(index, (block, String::new()));
                client.open = Some(index);
            }
            "content_block_delta" => {
                assert_eq!(client.open, value["index"].as_u64());
                let text = &mut client.blocks.get_mut(&client.open.unwrap()).unwrap().1;
                for member in ["text", "thinking", "partial_json"] {
                    text.push_str(value["delta"][member].as_str().unwrap_or_default());
                }
            }
            "content_block_stop" => assert_eq!(client.open.take(), value["index"].as_u64()),
            "message_delta" => {
                assert!(client.open.is_none() && value["usage"]["output_tokens"].is_u64());
                client.stop_reason = value["delta"]["stop_reason"].as_str().map(str::to_owned);
            }
            "message_stop" => client.ended = true,
            other => assert_eq!(other, "ping"),
        }
    }
    client
}

/// The texts of a message of these blocks, screened whole.
fn redacted(text: &str) -> String {
    let mut findings = Vec::new();
    Scanner::standard().scan(text, &mut findings);
    flyball_mask::redact(text, &findings).into_owned()
}

/// Texts full of what looks like personal data, and of what almost does.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("me@example.org".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        Just("\n\"".to_owned()),
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
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_screens_to_the_same_text(
        blocks in prop::collection::vec((0..KINDS.len(), text()), 1..4),
        places in prop::collection::vec(any::<Index>(), 0..8),
        size in 1usize..400,
    ) {
        let mut events = Vec::new();
        for (index, (kind, text)) in blocks.iter().enumerate() {
            let (block, member, name) = KINDS[*kind];
            events.push(start(index, &json!({"type": block, member: ""}).to_string()));
            events.extend(cut(text, &places).iter().map(|piece| delta(index, name, member, piece)));
            events.push(stop(index));
        }
        let events = message(events);
        for mut screen in screens() {
            let client = accumulate(&play(&mut screen, &events, size));
            prop_assert_eq!(screen.state(), State::Done);
            prop_assert!(client.ended && client.stop_reason.as_deref() == Some("end_turn"));
            for (index, (kind, text)) in blocks.iter().enumerate() {
                let expected = (KINDS[*kind].0.to_owned(), redacted(text));
                prop_assert_eq!(&client.blocks[&(index as u64)], &expected);
            }
            prop_assert_eq!(screen.usage().map(|usage| (usage.input, usage.output)), Some((5, 9)));
        }
    }

    #[test]
    fn inputs_of_tools_stay_json(
        values in prop::collection::vec(text(), 1..4),
        places in prop::collection::vec(any::<Index>(), 0..8),
    ) {
        let mut input = json!({ "values": values, "card": 4_111_111_111_111_111_u64 }).to_string();
        input.insert_str(1, r#""to":"a\u0064a\u0040example\u002eorg","#);
        let mut events = vec![start(0, r#"{"type":"tool_use","id":"toolu_1","name":"send","input":{}}"#)];
        events.extend(cut(&input, &places).iter().map(|piece| delta(0, "input_json_delta", "partial_json", piece)));
        events.push(stop(0));
        for mut screen in screens() {
            let client = accumulate(&play(&mut screen, &message(events.clone()), 4096));
            let parsed: Value = serde_json::from_str(&client.blocks[&0].1).unwrap();
            prop_assert_eq!((&parsed["card"], &parsed["to"]), (&json!("<payment_card>"), &json!("<email>")));
            for (value, screened) in values.iter().zip(parsed["values"].as_array().unwrap()) {
                prop_assert_eq!(screened.as_str().unwrap(), redacted(value));
            }
        }
    }

    #[test]
    fn a_stream_that_the_policy_ends_is_a_message_wherever_it_ends(
        before in prop::collection::vec("[a-d]{1,6} ", 0..6),
        places in prop::collection::vec(any::<Index>(), 0..8),
        buffer in any::<bool>(),
    ) {
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        let pieces = cut(COPY, &places);
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let events = message([text_block(0, &before), text_block(1, &pieces)].concat());
        let mode = if buffer { OnWholeAnswer::Buffer } else { OnWholeAnswer::Running };
        let mut screen = screen(Some(&VERBATIM.replace("ACTION", "block")), mode);
        let client = accumulate(&play(&mut screen, &events, 64));
        prop_assert_eq!(screen.state(), State::Blocked);
        prop_assert!(client.ended && client.open.is_none());
        prop_assert_eq!(client.stop_reason.as_deref(), Some("refusal"));
        prop_assert!(client.blocks.values().all(|(_, text)| !text.contains("ten")));
    }
}

#[test]
fn a_held_message_is_summarised_as_a_whole() {
    let events = message(text_block(0, &[COPY]));
    let mut screen = screen(Some(&VERBATIM.replace("ACTION", "summarize")), OnWholeAnswer::Buffer);
    let client = accumulate(&play(&mut screen, &events, 64));
    assert_eq!(client.blocks[&0], ("text".to_owned(), "one two three …".to_owned()));
    assert!(client.ended && client.stop_reason.as_deref() == Some("end_turn"));
}

#[test]
fn what_is_clean_leaves_verbatim_unknown_events_and_members_too() {
    let mut events = message(text_block(0, &["It is fine. ", "Yes. "]));
    events.insert(3, r#"{"type":"novelty","odd":[1,{"x":"y"}]}"#.to_owned());
    let mut expected = BytesMut::new();
    for event in &events {
        let parsed: Value = serde_json::from_str(event).unwrap();
        Event::encode(parsed["type"].as_str().map(str::as_bytes), event.as_bytes(), &mut expected);
    }
    for mut screen in screens() {
        assert_eq!(play(&mut screen, &events, 50), expected.to_vec());
    }
}

#[test]
fn a_finding_does_not_hide_in_citations_search_results_or_unknown_members() {
    let search = r#"{"type":"web_search_tool_result","tool_use_id":"t","content":[{"type":"web_search_result","title":"me@example.org","url":"u","encrypted_content":"me"}]}"#;
    let cited = r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"me@example.org"}}}"#;
    let odd =
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"odd_delta","odd":"me@example.org "}}"#;
    let new = r#"{"type":"novelty","odd":"me@example.org"}"#;
    let blocks = [
        start(0, search),
        stop(0),
        start(1, r#"{"type":"text","text":""}"#),
        cited.into(),
        odd.into(),
        stop(1),
    ];
    let events = message(blocks.into_iter().chain([new.to_owned()]));
    for mut screen in screens() {
        let out = String::from_utf8(play(&mut screen, &events, 64)).unwrap();
        assert!(!out.contains("example.org") && out.matches("<email>").count() == 4, "{out}");
    }
}

#[test]
fn what_is_no_name_of_an_event_ends_the_stream() {
    for kind in ["x\n\ndata: me@example.org", "me@example.org", ""] {
        let data = json!({ "type": kind }).to_string();
        let mut screen = screen(None, OnWholeAnswer::Buffer);
        let event = Event { raw: None, name: None, data: Bytes::from(data) };
        assert!(screen.event(event).is_err(), "{kind}");
        assert!(screen.take().is_empty());
    }
}

#[test]
fn a_message_without_its_end_is_broken() {
    let events = message(text_block(0, &["Hi. "]));
    let mut whole = screen(None, OnWholeAnswer::Buffer);
    play(&mut whole, &events, 64);
    assert!(whole.end_of_body());
    let mut broken = screen(None, OnWholeAnswer::Buffer);
    play(&mut broken, &events[..events.len() - 1], 64);
    assert!(!broken.end_of_body());
}
