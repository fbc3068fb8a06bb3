//! Streams of the Responses protocol: what later events repeat reads as the deltas did, masked or not, whichever way
//! rules about the whole answer are kept; and streams that the policy ends.

use serde_json::{Value, json};

use super::*;

/// A rule about the whole answer that never holds, so that the standard treatment of findings stays.
const ARMED: &str = "
version: 1
rules:
  - { id: pii, description: Personal data., when: output.contains_pii, action: mask, owner: us }
  - { id: long, description: Too long., when: output.length > 1000000, action: block, owner: us }
";

/// One item of the answer: its text, cut into deltas, and whether it is the arguments of a tool call.
struct Item {
    pieces: Vec<String>,
    arguments: bool,
}

impl Item {
    fn whole(&self) -> String {
        self.pieces.concat()
    }

    fn json(&self, index: usize, text: &str, status: &str) -> Value {
        if self.arguments {
            json!({ "type": "function_call", "id": format!("fc_{index}"), "call_id": format!("call_{index}"),
                "name": "look", "arguments": text, "status": status })
        } else {
            let part = json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] });
            let content = if status == "completed" { vec![part] } else { Vec::new() };
            json!({ "type": "message", "id": format!("msg_{index}"), "role": "assistant", "status": status,
                "content": content })
        }
    }
}

/// The events of an answer, as the vendor sends them.
fn stream(items: &[Item]) -> Vec<u8> {
    let mut events = Vec::new();
    let response = |status: &str, output: Vec<Value>| {
        json!({ "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status,
            "instructions": null, "output": output })
    };
    events.push(json!({ "type": "response.created", "response": response("in_progress", vec![]) }));
    for (index, item) in items.iter().enumerate() {
        let (text, id) = (item.whole(), format!("msg_{index}"));
        let at = |kind: &str, key: &str, value: Value| json!({ "type": kind, "item_id": id, "output_index": index, "content_index": 0, key: value });
        events.push(at("response.output_item.added", "item", item.json(index, "", "in_progress")));
        if !item.arguments {
            let part = json!({ "type": "output_text", "text": "", "annotations": [], "logprobs": [] });
            events.push(at("response.content_part.added", "part", part));
        }
        let kind = if item.arguments { "response.function_call_arguments" } else { "response.output_text" };
        for piece in &item.pieces {
            events.push(at(&format!("{kind}.delta"), "delta", piece.as_str().into()));
        }
        let key = if item.arguments { "arguments" } else { "text" };
        events.push(at(&format!("{kind}.done"), key, text.as_str().into()));
        events.push(at("response.output_item.done", "item", item.json(index, &text, "completed")));
    }
    let output = items.iter().enumerate().map(|(index, item)| item.json(index, &item.whole(), "completed"));
    events.push(json!({ "type": "response.completed", "response": response("completed", output.collect()) }));
    let mut bytes = BytesMut::new();
    for (number, mut event) in events.into_iter().enumerate() {
        event["sequence_number"] = number.into();
        let name = event["type"].as_str().unwrap().to_owned();
        Event::encode(Some(name.as_bytes()), event.to_string().as_bytes(), &mut bytes);
    }
    bytes.to_vec()
}

/// The events that left, checked for what holds of all of them: names and numbers.
fn events(bytes: &[u8]) -> Vec<Value> {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(Bytes::copy_from_slice(bytes));
    let mut events: Vec<Value> = Vec::new();
    while let Some(event) = decoder.next_event().unwrap() {
        let data: Value = serde_json::from_slice(&event.data).unwrap();
        assert_eq!(event.name.as_deref(), data["type"].as_str().map(str::as_bytes));
        assert_eq!(data["sequence_number"], events.len());
        events.push(data);
    }
    events
}

fn of_item(item: &Value) -> String {
    let text = item.get("arguments").unwrap_or(&item["content"][0]["text"]);
    text.as_str().unwrap().to_owned()
}

/// Every telling of an item's text: by its deltas and by each event that repeats it.
fn tellings(events: &[Value], index: usize) -> Vec<String> {
    let here: Vec<&Value> = events.iter().filter(|event| event["output_index"] == index).collect();
    let mut tellings = vec![here.iter().filter_map(|event| event["delta"].as_str()).collect::<String>()];
    for event in here {
        tellings
            .extend(["text", "arguments"].iter().filter_map(|key| event[key].as_str().map(str::to_owned)));
        if event["type"] == "response.output_item.done" {
            tellings.push(of_item(&event["item"]));
        }
    }
    tellings.push(of_item(&events.last().unwrap()["response"]["output"][index]));
    tellings
}

proptest! {
    #[test]
    fn what_is_repeated_reads_as_the_deltas_did(
        texts in prop::collection::vec((text(), any::<bool>()), 1..4),
        places in prop::collection::vec(any::<Index>(), 0..12),
        size in 1usize..400,
    ) {
        let items: Vec<Item> = texts
            .iter()
            .map(|(text, arguments)| {
                let call = json!({ "to": text, "card": 4_111_111_111_111_111_u64 }).to_string();
                let text = if *arguments { call } else { text.clone() };
                Item { pieces: cut(&text, &places), arguments: *arguments }
            })
            .collect();
        let modes = [
            (None, OnWholeAnswer::Buffer),
            (Some(ARMED), OnWholeAnswer::Buffer),
            (Some(ARMED), OnWholeAnswer::Running),
        ];
        for (policy, mode) in modes {
            let mut screen = screen_of(Protocol::OpenAiResponses, policy, mode);
            prop_assert_eq!(screen.whole == Whole::Unarmed, policy.is_none());
            let sent = events(&play(&mut screen, &stream(&items), size));
            prop_assert_eq!(screen.state(), State::Done);
            for (index, (text, arguments)) in texts.iter().enumerate() {
                let tellings = tellings(&sent, index);
                prop_assert_eq!(tellings.len(), 4);
                prop_assert!(tellings.iter().all(|telling| *telling == tellings[0]), "{:?}", tellings);
                if *arguments {
                    let read: Value = serde_json::from_str(&tellings[0]).unwrap();
                    prop_assert_eq!(&read["card"], "<payment_card>");
                } else {
                    prop_assert_eq!(&tellings[0], &redacted(text));
                }
            }
        }
    }
}

fn answer(text: &str) -> Vec<u8> {
    let pieces = text.split_inclusive(' ').map(str::to_owned).collect();
    stream(&[Item { pieces, arguments: false }])
}

#[test]
fn a_clean_stream_leaves_verbatim() {
    let bytes = answer("It is a fine day.");
    let mut screen = screen_of(Protocol::OpenAiResponses, None, OnWholeAnswer::Buffer);
    assert_eq!(play(&mut screen, &bytes, 64), bytes);
}

#[test]
fn what_is_repeated_is_found_once() {
    let mut screen = screen_of(Protocol::OpenAiResponses, None, OnWholeAnswer::Buffer);
    play(&mut screen, &answer("Write to me@example.org today."), 64);
    assert_eq!(screen.findings().total(), 1);
}

#[test]
fn a_stream_that_breaks_a_rule_ends_as_an_incomplete_response() {
    let policy = VERBATIM.replace("ACTION", "block");
    for mode in [OnWholeAnswer::Buffer, OnWholeAnswer::Running] {
        let mut screen = screen_of(Protocol::OpenAiResponses, Some(&policy), mode);
        let sent = events(&play(&mut screen, &answer(COPY), 64));
        assert_eq!(screen.state(), State::Blocked);
        assert_eq!(sent[0]["type"], "response.created");
        let last = sent.last().unwrap();
        assert_eq!(last["type"], "response.incomplete");
        assert_eq!(last["response"]["incomplete_details"]["reason"], "content_filter");
        assert_eq!(last["response"]["id"], sent[0]["response"]["id"]);
        assert!(!sent.iter().any(|event| event.to_string().contains("nine")));
    }
}

#[test]
fn a_summary_takes_the_place_of_the_answer() {
    let policy = VERBATIM.replace("ACTION", "summarize");
    let mut screen = screen_of(Protocol::OpenAiResponses, Some(&policy), OnWholeAnswer::Buffer);
    let sent = events(&play(&mut screen, &answer(COPY), 64));
    assert_eq!(screen.state(), State::Done);
    let tellings = tellings(&sent, 0);
    assert_eq!(tellings, vec!["one two three …"; tellings.len()]);
}

#[test]
fn a_stream_without_its_last_event_broke_off() {
    let bytes = answer("Hi.");
    let whole = events(&bytes).len();
    let end = bytes.windows(2).enumerate().filter(|(_, pair)| pair == b"\n\n").nth(whole - 2).unwrap().0;
    let mut screen = screen_of(Protocol::OpenAiResponses, None, OnWholeAnswer::Buffer);
    play(&mut screen, &bytes[..end + 2], 64);
    assert!(!screen.end_of_body());
    let mut out = BytesMut::new();
    screen.broken(&Refusal::new(Kind::ProviderBrokeOff, "It broke off."), "req_1", &mut out);
    assert!(out.starts_with(b"event: error\ndata: {"), "{out:?}");
}
