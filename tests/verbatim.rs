//! Where a provider speaks the caller's protocol every byte passes, known or not: members that nobody knows stand at
//! random places of requests, answers and events, in spellings that a re-encoding would change. Only the model's name
//! and what the policy changes are other bytes.

use std::cell::RefCell;

use flyball_testkit::{Canned, Client, Flyball, Simulator};
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::cells::{CLEAN, Form, Vendor, answers, hear};

/// Random documents per protocol.
const CASES: u32 = 40;

const FORMS: [(Form, Vendor); 9] = [
    (Form::Chat, Vendor::OpenAi),
    (Form::ChatStream, Vendor::OpenAi),
    (Form::Responses, Vendor::OpenAi),
    (Form::ResponsesStream, Vendor::OpenAi),
    (Form::Legacy, Vendor::OpenAi),
    (Form::LegacyStream, Vendor::OpenAi),
    (Form::Messages, Vendor::Anthropic),
    (Form::MessagesStream, Vendor::Anthropic),
    (Form::CountTokens, Vendor::Anthropic),
];

/// What is strewn into documents: one number for each decision, over and over.
#[derive(Debug)]
struct Noise {
    seeds: Vec<u16>,
    next: RefCell<usize>,
}

impl Noise {
    fn below(&self, bound: usize) -> usize {
        let mut next = self.next.borrow_mut();
        *next += 1;
        let seed = self.seeds[*next % self.seeds.len()];
        // Not the same again when the numbers come round.
        (usize::from(seed) + *next / self.seeds.len() * 7919) % bound
    }

    fn space(&self) -> &'static str {
        ["", "", "", "", " ", "\t", "  "][self.below(7)]
    }

    /// A value that nobody knows.
    fn value(&self) -> &'static str {
        [
            "null",
            "true",
            "-0.0",
            "1E+2",
            "1.10",
            "123456789012345678901234567890",
            r#""\u0041 \/ \u00e9é""#,
            r#""\ud83d\ude00😀\n\"""#,
            "\"\u{2028}\\u0000\"",
            r#"{ "x_deep" : [ 1.0 , {"x":"a\u0062c"} ] }"#,
            "[[], {}, [\"\"]]",
        ][self.below(11)]
    }

    /// A string in one of its spellings.
    fn string(&self, text: &str) -> String {
        let plain = Value::from(text).to_string();
        match text.chars().next() {
            Some(first) if first.is_ascii_alphanumeric() && self.below(4) == 0 => {
                format!("\"\\u{:04X}{}", u32::from(first), &plain[2..])
            }
            _ => plain,
        }
    }

    /// A document with noise in it, on one line. `fixed`: members of the document that keep their spelling.
    fn strew(&self, value: &Value, fixed: &[&str]) -> String {
        match value {
            Value::Object(members) => {
                let mut written: Vec<String> = Vec::new();
                for (key, member) in members {
                    let value = if fixed.contains(&key.as_str()) {
                        member.to_string()
                    } else {
                        self.strew(member, fixed)
                    };
                    written.push(format!(
                        "{}\"{key}\"{}:{}{value}",
                        self.space(),
                        self.space(),
                        self.space()
                    ));
                }
                for number in 0..self.below(5).saturating_sub(2) {
                    let member = format!("\"x_unknown_{number}\"{}:{}", self.space(), self.value());
                    written.insert(self.below(written.len() + 1), member);
                }
                format!("{{{}{}}}", written.join(","), self.space())
            }
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.strew(item, fixed)).collect();
                format!("[{}{}]", self.space(), items.join(","))
            }
            Value::String(text) => self.string(text),
            other => other.to_string(),
        }
    }

    /// An event's bytes in one of their spellings.
    fn event(&self, data: &Value, named: bool) -> String {
        let written = self.strew(data, &[]);
        let end = ["\n", "\n", "\r\n"][self.below(3)];
        let colon = [": ", ":"][self.below(2)];
        let name = data["type"].as_str().filter(|_| named);
        let name = name.map_or(String::new(), |name| format!("event{colon}{name}{end}"));
        format!("{name}data{colon}{written}{end}{end}")
    }
}

fn noise() -> impl Strategy<Value = Noise> {
    prop::collection::vec(any::<u16>(), 1..400).prop_map(|seeds| Noise { seeds, next: RefCell::new(0) })
}

struct Pair {
    _flyball: Flyball,
    _simulator: Simulator,
    canned: Canned,
    client: Client,
}

impl Pair {
    async fn start() -> Pair {
        let simulator = Simulator::start().await.unwrap();
        let canned = Canned::start().await.unwrap();
        let (providers, routes) = Vendor::configuration(&simulator, &canned);
        let config = format!("drain: {{ delay: 0s, limit: 10s }}\nproviders:\n{providers}routes:\n{routes}");
        let setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).env("SIM_KEY", "sk-sim");
        let policy = "version: 1\nmeta: {name: test}\nrules:\n  \
            - {id: mask-in, when: prompt.contains_pii, action: mask}\n  \
            - {id: mask-out, when: output.contains_pii, action: mask}\n";
        let flyball = setup.policy(policy).start().await.unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        Pair { _flyball: flyball, _simulator: simulator, canned, client }
    }
}

/// A member that every request of this kind leaves with: where it is there, nothing is added.
fn added(form: Form) -> Option<(&'static str, Value)> {
    match form {
        Form::ChatStream | Form::LegacyStream => Some(("stream_options", json!({ "include_usage": true }))),
        Form::Responses | Form::ResponsesStream => Some(("store", json!(false))),
        _ => None,
    }
}

/// A text with personal data, as it is said or as it is told to the provider.
fn with_data(text: &str, masked: bool) -> String {
    let data = if masked { "<email>" } else { "alex.example@example.com" };
    format!("{text} Write to {data}.")
}

/// Runs the property with a fixed number of cases.
fn every_case(property: impl Fn(Noise) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(&noise(), property).unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Sends `body` and returns what the provider received.
async fn received(pair: &Pair, form: Form, body: String) -> String {
    let mut request = pair.client.request(Method::POST, form.path(), body.into()).unwrap();
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert(http::header::CONTENT_TYPE, json);
    let before = pair.canned.received().len();
    let answer = pair.client.send(request).await.unwrap();
    let received = pair.canned.received();
    assert_eq!(received.len(), before + 1, "{form:?}: {}", answer.text());
    String::from_utf8(received.last().unwrap().to_vec()).unwrap()
}

#[test]
fn a_provider_of_the_callers_protocol_receives_every_byte_of_a_request() {
    let runtime = runtime();
    let pair = runtime.block_on(Pair::start());
    for (form, vendor) in FORMS {
        every_case(|noise| {
            let model = format!("canned-{}", vendor.name());
            let mut body = form.conversation("MODEL", CLEAN);
            if let Some((key, value)) = added(form) {
                body[key] = value;
            }
            let template = noise.strew(&body, &["model", "type", "role", "name"]);
            let sent = template.replace("\"MODEL\"", &format!("\"{model}\""));
            let received = runtime.block_on(received(&pair, form, sent));
            prop_assert_eq!(received, template.replace("\"MODEL\"", "\"m\""), "{:?}", form);
            Ok(())
        });
    }
}

#[test]
fn a_mask_changes_nothing_of_a_request_but_what_it_covers() {
    let runtime = runtime();
    let pair = runtime.block_on(Pair::start());
    for (form, vendor) in FORMS {
        every_case(|noise| {
            let model = format!("canned-{}", vendor.name());
            let mut body = form.conversation("MODEL", "TEXT");
            if let Some((key, value)) = added(form) {
                body[key] = value;
            }
            let template = noise.strew(&body, &["model", "type", "role", "name"]);
            // Whatever spelling it has.
            let filled = |masked| {
                let text = with_data("Hi.", masked);
                template.replace("\\u0054EXT", &text).replace("TEXT", &text)
            };
            let sent = filled(false).replace("\"MODEL\"", &format!("\"{model}\""));
            let received = runtime.block_on(received(&pair, form, sent));
            prop_assert_eq!(received, filled(true).replace("\"MODEL\"", "\"m\""), "{:?}", form);
            Ok(())
        });
    }
}

#[test]
fn a_caller_of_the_providers_protocol_gets_every_byte_of_an_answer() {
    let runtime = runtime();
    let pair = runtime.block_on(Pair::start());
    for (form, vendor) in FORMS {
        every_case(|noise| {
            let pieces = answers::pieces(CLEAN, 1 + noise.below(9));
            let (content_type, sent) = match answers::answer(form, vendor, CLEAN, &pieces) {
                answers::Written::Document(document) => {
                    ("application/json", format!("{}\n", noise.strew(&document, &[])))
                }
                answers::Written::Events { events, named, done } => {
                    let events: String = events.iter().map(|event| noise.event(event, named)).collect();
                    ("text/event-stream", events + if done { "data: [DONE]\n\n" } else { "" })
                }
                answers::Written::Frames(_) => unreachable!("no caller speaks it"),
            };
            pair.canned.answer_as(content_type, sent.clone());
            let mut body = form.request(&format!("canned-{}", vendor.name()), "Go on.");
            if let Some((key, value)) = added(form) {
                body[key] = value;
            }
            let heard = runtime.block_on(hear(&pair.client, form.path(), &body));
            prop_assert_eq!(heard.status.as_u16(), 200, "{:?}: {:?}", form, heard);
            prop_assert_eq!(String::from_utf8_lossy(&heard.bytes), sent, "{:?}", form);
            Ok(())
        });
    }
}
