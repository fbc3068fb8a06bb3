//! Providers of every dialect that break their protocol, before callers of every protocol: events that come twice, not
//! at all or in another order, ends that do not come, faults within a good answer, characters cut in two, far too much
//! of something, blocks that nobody knows. The caller's stream ends well or with its own protocol's error, nothing
//! unscreened gets out, and every exchange is settled once.

use std::time::Duration;

use flyball_testkit::{Canned, Client, Flyball, Simulator};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::cells::answers::{self, Written};
use crate::cells::{CLEAN, Form, Heard, Speech, Vendor, frames, hear, personal_text};

const BROKE_OFF: &str = "provider_broke_off";
const INVALID: &str = "provider_invalid_answer";
const FAILED: &str = "provider_failed";

struct Pair {
    _simulator: Simulator,
    canned: Canned,
    flyball: Flyball,
    client: Client,
    asked: std::cell::Cell<u64>,
}

impl Pair {
    async fn start() -> Pair {
        let simulator = Simulator::start().await.unwrap();
        let canned = Canned::start().await.unwrap();
        let (providers, routes) = Vendor::configuration(&simulator, &canned);
        let config = format!(
            "drain: {{ delay: 0s, limit: 10s }}\nlimits: {{ answer: 512KiB, event: 64KiB }}\n\
             timeouts: {{ first_byte: 5s, first_event: 5s, between_events: 5s }}\n\
             providers:\n{providers}routes:\n{routes}"
        );
        let setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).env("SIM_KEY", "sk-sim");
        let flyball = setup.start().await.unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        Pair { _simulator: simulator, canned, flyball, client, asked: std::cell::Cell::new(0) }
    }

    /// Asks the simulator, which plays a script.
    async fn scripted(&self, form: Form, vendor: Vendor, script: &str) -> Heard {
        self.asked.set(self.asked.get() + 1);
        let body = form.request(vendor.name(), &format!("sim: {script}\nhello"));
        hear(&self.client, form.path(), &body).await
    }

    /// Asks the provider that answers so.
    async fn prepared(&self, form: Form, vendor: Vendor, written: &Written) -> Heard {
        self.asked.set(self.asked.get() + 1);
        let (content_type, body) = written.encode();
        self.canned.answer_as(content_type, body);
        let body = form.request(&format!("canned-{}", vendor.name()), "hello");
        hear(&self.client, form.path(), &body).await
    }

    /// As many exchanges are counted as were asked, and none is under way.
    async fn assert_settled_once(&self) {
        let mut counted = 0;
        for _ in 0..500 {
            let usage = self.client.get("/v1/usage").await.unwrap().json().unwrap();
            let rows = usage["rows"].as_array().unwrap().iter();
            counted = rows.map(|row| row["exchanges"].as_u64().unwrap()).sum();
            if counted >= self.asked.get() {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(counted, self.asked.get(), "{}", self.flyball.stderr().unwrap());
    }
}

fn streams() -> impl Iterator<Item = (Form, Vendor, String)> {
    let forms = Form::TEXTS.into_iter().filter(|form| form.streams());
    forms.flat_map(|form| {
        Vendor::ALL.into_iter().map(move |vendor| (form, vendor, format!("{form:?} at {}", vendor.name())))
    })
}

/// Whether an answer ends at a cap long before it is too large.
fn is_capped(form: Form, vendor: Vendor) -> bool {
    vendor == Vendor::Anthropic || matches!(form.speech(), Speech::Messages | Speech::Legacy)
}

/// Whether the stream ended as a whole answer does; otherwise it has to end with an error of its protocol.
fn ended_well(form: Form, heard: &Heard, what: &str) -> bool {
    let last = heard.events.last().unwrap_or_else(|| panic!("{what}: no events: {heard:?}"));
    let good = last.is_done() || matches!(last.name.as_deref(), Some("response.completed" | "message_stop"));
    if good {
        heard.assert_ends_well(form, what);
    } else {
        let error = &last.json().unwrap_or_else(|| panic!("{what}: {last:?}"))["error"];
        let code = error["code"].as_str().unwrap_or_default();
        assert!([BROKE_OFF, INVALID, FAILED].contains(&code), "{what}: {last:?}");
        heard.assert_broke(form, code, what);
    }
    good
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_its_callers_own_error() {
    let pair = Pair::start().await;
    for (form, vendor, what) in streams() {
        for (script, code) in [
            ("chunks=6,cut=3", BROKE_OFF),
            ("chunks=6,cut=0", BROKE_OFF),
            ("chunks=6,cut=3,raw_split=1", BROKE_OFF),
            ("chunks=6,error_event=2", FAILED),
            ("chunks=6,error_event=0", FAILED),
            ("chunks=6,malformed=2", INVALID),
            ("huge=70000", INVALID),
        ] {
            let what = format!("{script}: {what}");
            if script.starts_with("huge") && is_capped(form, vendor) {
                continue;
            }
            let heard = pair.scripted(form, vendor, script).await;
            heard.assert_broke(form, code, &what);
        }
        // An answer at once where events were asked for.
        let heard = pair.scripted(form, vendor, "text=fine,ignore_stream").await;
        heard.assert_refused(form, 502, INVALID, &format!("ignored: {what}"));
    }
    pair.assert_settled_once().await;
}

#[tokio::test]
async fn a_plain_answer_that_is_none_is_refused_in_the_callers_protocol() {
    let pair = Pair::start().await;
    for form in Form::TEXTS.into_iter().filter(|form| !form.streams()) {
        for vendor in Vendor::ALL {
            for (script, code) in [
                ("error_event=0", INVALID),
                ("malformed=0", INVALID),
                ("garbage", INVALID),
                ("empty", INVALID),
                ("cut=body", BROKE_OFF),
                ("huge=600000", INVALID),
            ] {
                let what = format!("{script}: {form:?} at {}", vendor.name());
                if script.starts_with("huge") && is_capped(form, vendor) {
                    continue;
                }
                pair.scripted(form, vendor, script).await.assert_refused(form, 502, code, &what);
            }
        }
    }
    pair.assert_settled_once().await;
}

#[tokio::test]
async fn characters_that_are_cut_in_two_arrive_whole() {
    let pair = Pair::start().await;
    for (form, vendor, what) in streams() {
        for split in [1, 2, 3] {
            let script = format!("raw_split={split},chunk_bytes=5,text={}", Simulator::script_text(CLEAN));
            let heard = pair.scripted(form, vendor, &script).await;
            assert_eq!(heard.content(0), CLEAN, "{what}: {heard:?}");
            heard.assert_ends_well(form, &what);
        }
    }
    pair.assert_settled_once().await;
}

#[tokio::test]
async fn a_stream_without_its_last_event_is_not_taken_for_a_whole_one() {
    let pair = Pair::start().await;
    for (form, vendor, what) in streams() {
        let heard = pair.scripted(form, vendor, "chunks=5,no_done").await;
        // Where every answer has said why it ends, a mark more says nothing.
        let good = ended_well(form, &heard, &what);
        if good {
            let whole = pair.scripted(form, vendor, "chunks=5").await;
            assert_eq!(heard.content(0), whole.content(0), "{what}: {heard:?}");
        }
        let needed = match vendor {
            Vendor::Bedrock => true,
            Vendor::Anthropic => form == Form::MessagesStream,
            Vendor::OpenAi => form == Form::ResponsesStream,
            Vendor::Gemini | Vendor::Compatible => false,
        };
        assert!(!(good && needed), "{what}: {heard:?}");
    }
    pair.assert_settled_once().await;
}

/// The events of an answer one after the other, changed.
fn changed(written: Written, change: impl Fn(&mut Vec<(&'static str, Value)>)) -> Written {
    match written {
        Written::Frames(mut events) => {
            change(&mut events);
            Written::Frames(events)
        }
        Written::Events { events, named, done } => {
            let mut events: Vec<_> = events.into_iter().map(|event| ("", event)).collect();
            change(&mut events);
            Written::Events { events: events.into_iter().map(|(_, event)| event).collect(), named, done }
        }
        Written::Document(document) => Written::Document(document),
    }
}

#[tokio::test]
async fn events_in_disorder_never_hang_and_never_leak() {
    let pair = Pair::start().await;
    let text = personal_text();
    for (form, vendor, what) in streams() {
        // Every text in one piece, so that what is left is personal data still.
        let written = || answers::answer(form, vendor, &text, &answers::pieces(&text, 1000));
        let count = match written() {
            Written::Events { events, .. } => events.len(),
            Written::Frames(events) => events.len(),
            Written::Document(_) => unreachable!("a stream was asked for"),
        };
        for at in 0..count {
            let check = async |change: &str, written: Written| {
                let what = format!("{change} {at}: {what}");
                let heard = pair.prepared(form, vendor, &written).await;
                heard.assert_nothing_leaked(&what);
                ended_well(form, &heard, &what);
            };
            check("without", changed(written(), |events| drop(events.remove(at)))).await;
            check("twice", changed(written(), |events| events.insert(at, events[at].clone()))).await;
            check("late", changed(written(), |events| events.swap(at, (at + 1) % count))).await;
            check("cut", changed(written(), |events| events.truncate(at.max(1)))).await;
        }
        let heard = pair.prepared(form, vendor, &changed(written(), |events| events.reverse())).await;
        heard.assert_nothing_leaked(&what);
        ended_well(form, &heard, &what);
    }
    pair.assert_settled_once().await;
}

#[tokio::test]
async fn gigantic_arguments_are_passed_on_or_end_the_stream() {
    let pair = Pair::start().await;
    for (form, vendor, what) in streams() {
        let tools = Form::TOOLS.contains(&form);
        for (length, size, fits) in [
            // Many small events, within the bounds.
            (10_000, 1000, true),
            // One event beyond them.
            (100_000, usize::MAX, false),
            // An answer beyond them, in small events.
            (400_000, 20_000, false),
        ] {
            let text = "steady ".repeat(length / 7);
            let written = answers::answer(form, vendor, &text, &answers::pieces(&text, size.min(length)));
            // What nobody needs and what tells the text again as a whole would not fit: left out here.
            let written = changed(written, |events| {
                events.retain(|(_, event)| length < 200_000 || event.to_string().len() < length);
            });
            let heard = pair.prepared(form, vendor, &written).await;
            let what = format!("{length} in {size}: {what}");
            if heard.events.is_empty() {
                // Its length was announced. Responses are told again as a whole, more than once.
                assert!(!fits || form == Form::ResponsesStream, "{what}");
                heard.assert_refused(form, 502, INVALID, &what);
                continue;
            }
            let good = ended_well(form, &heard, &what);
            assert!(good == fits || form == Form::ResponsesStream && !good, "{what}");
            if good && tools && vendor != Vendor::OpenAi {
                assert_eq!(heard.arguments().last().unwrap()["to"], text, "{what}");
            }
        }
    }
    pair.assert_settled_once().await;
}

/// Events of a block, a part or a field that nobody knows, to stand behind the first event.
fn unknown(form: Form, vendor: Vendor, text: &str) -> Vec<(&'static str, Value)> {
    match vendor {
        Vendor::OpenAi if form == Form::ResponsesStream => vec![
            (
                "",
                json!({"type": "response.output_item.added", "output_index": 7, "item": {"type": "vendor_item", "note": text}}),
            ),
            ("", json!({"type": "response.vendor_item.delta", "output_index": 7, "delta": {"note": text}})),
            (
                "",
                json!({"type": "response.output_item.done", "output_index": 7, "item": {"type": "vendor_item", "note": text}}),
            ),
        ],
        Vendor::OpenAi | Vendor::Compatible => vec![
            ("", json!({"id": "c1", "choices": [{"index": 0, "delta": {"vendor_block": {"note": text}}}]})),
            ("", json!({"id": "c1", "object": "vendor.chunk", "note": text, "choices": []})),
        ],
        Vendor::Anthropic => vec![
            (
                "",
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "vendor_block", "note": text}}),
            ),
            (
                "",
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "vendor_delta", "note": text}}),
            ),
            ("", json!({"type": "content_block_stop", "index": 0})),
            ("", json!({"type": "vendor_event", "note": text})),
        ],
        Vendor::Gemini => {
            let part = json!({"vendorPart": {"note": text}});
            vec![("", json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}}]}))]
        }
        Vendor::Bedrock => vec![
            ("contentBlockStart", json!({"contentBlockIndex": 0, "start": {"vendorBlock": {"note": text}}})),
            ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"vendorBlock": {"note": text}}})),
            ("contentBlockStop", json!({"contentBlockIndex": 0})),
            ("vendorEvent", json!({"note": text})),
        ],
    }
}

#[tokio::test]
async fn blocks_that_nobody_knows_are_screened_or_left_out() {
    let pair = Pair::start().await;
    let text = personal_text();
    for (form, vendor, what) in streams() {
        let written = changed(answers::answer(form, vendor, &text, &answers::pieces(&text, 4)), |events| {
            let rest = events.split_off(1);
            events.extend(unknown(form, vendor, &text));
            // What follows keeps clear of the block's number.
            events.extend(rest.into_iter().map(|(name, mut event)| {
                for key in ["index", "contentBlockIndex"] {
                    if let Some(number) = event.get(key).and_then(Value::as_u64) {
                        event[key] = json!(number + 1);
                    }
                }
                (name, event)
            }));
        });
        let heard = pair.prepared(form, vendor, &written).await;
        heard.assert_nothing_leaked(&what);
        let good = ended_well(form, &heard, &what);
        let kept = String::from_utf8_lossy(&heard.bytes).contains("vendor");
        let same = match vendor {
            Vendor::OpenAi => form != Form::MessagesStream,
            Vendor::Compatible => matches!(form, Form::ChatStream | Form::CompletionStream),
            Vendor::Anthropic => form == Form::MessagesStream,
            Vendor::Gemini | Vendor::Bedrock => false,
        };
        assert_eq!(kept, same, "{what}: kept where the protocol is the same, nowhere else: {heard:?}");
        assert!(good || !same, "{what}: {heard:?}");
    }
    pair.assert_settled_once().await;
}

#[tokio::test]
async fn a_fault_that_bedrock_reports_in_a_frame_is_one() {
    let pair = Pair::start().await;
    for name in ["throttlingException", "modelStreamErrorException", "vendorException"] {
        for form in Form::TEXTS.into_iter().filter(|form| form.streams()) {
            pair.asked.set(pair.asked.get() + 1);
            let start = frames::event("messageStart", r#"{"role":"assistant"}"#);
            let fault = frames::exception(name, r#"{"message":"secret words"}"#);
            pair.canned.answer_as("application/vnd.amazon.eventstream", [start, fault].concat());
            let heard = hear(&pair.client, form.path(), &form.request("canned-bedrock", "hello")).await;
            let what = format!("{name}: {form:?}");
            assert!(!ended_well(form, &heard, &what), "{what}");
            assert!(!String::from_utf8_lossy(&heard.bytes).contains("secret words"), "{what}");
        }
    }
    pair.assert_settled_once().await;
}
