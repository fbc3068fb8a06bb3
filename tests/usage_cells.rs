//! Usage and journal on every cell of the matrix: whatever the caller speaks and whatever the provider speaks, what is
//! recorded equals what the provider would bill, once for each exchange, and `GET /v1/exchanges/{id}` tells it.

use std::time::Duration;

use flyball_testkit::simulator::Counted;
use flyball_testkit::{Canned, Client, Flyball, Simulator};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::cells::{Form, Heard, Vendor, hear};

/// Signs, numbers and scripts beside personal data, which is masked on both sides.
const TEXT: &str = "Write to alex.example@example.com about 12,345 items: «naïve» Größe, 人工智能.";

const POLICY: &str = "version: 1\nmeta: {name: test}\nrules:\n  \
    - {id: mask-in, when: prompt.contains_pii, action: mask}\n  \
    - {id: mask-out, when: output.contains_pii, action: mask}\n";

struct Pair {
    simulator: Simulator,
    _canned: Canned,
    _flyball: Flyball,
    client: Client,
    exchanges: u64,
    seen: Counted,
}

impl Pair {
    async fn start() -> Pair {
        let simulator = Simulator::start().await.unwrap();
        let canned = Canned::start().await.unwrap();
        let (providers, routes) = Vendor::configuration(&simulator, &canned);
        let config = format!(
            "drain: {{ delay: 0s, limit: 10s }}\ntimeouts: {{ first_byte: 2s, first_event: 2s, between_events: 2s }}\n\
             providers:\n{providers}routes:\n{routes}"
        );
        let setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).env("SIM_KEY", "sk-sim");
        let flyball = setup.policy(POLICY).start().await.unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        let (exchanges, seen) = (0, Counted::default());
        Pair { simulator, _canned: canned, _flyball: flyball, client, exchanges, seen }
    }

    /// What is recorded of an exchange, once it has ended.
    async fn settled(&self, heard: &Heard, what: &str) -> Value {
        let path = format!("/v1/exchanges/{}", heard.header("x-flyball-request-id"));
        for _ in 0..500 {
            let view = self.client.get(&path).await.unwrap().json().unwrap();
            if view["state"] == "settled" {
                return view;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: it is not settled: {path}");
    }

    /// What the simulator counted since the last time, once nothing is under way.
    async fn billed(&mut self) -> Counted {
        loop {
            let counts = self.simulator.counts();
            if counts.started == counts.completed + counts.cancelled {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        let (before, now) = (self.seen, self.simulator.counted());
        self.seen = now;
        Counted {
            calls: now.calls - before.calls,
            input_tokens: now.input_tokens - before.input_tokens,
            output_tokens: now.output_tokens - before.output_tokens,
        }
    }

    /// Asks, and compares what was recorded with what was billed.
    async fn check(&mut self, form: Form, vendor: Vendor, body: Value, expected: (&str, &str), what: &str) {
        let heard = hear(&self.client, form.path(), &body).await;
        self.exchanges += 1;
        let view = self.settled(&heard, what).await;
        let billed = self.billed().await;
        let settlement = &view["settlement"];
        let (outcome, counting) = expected;
        assert_eq!(settlement["outcome"], outcome, "{what}: {view}");
        let said = settlement["counting"].as_str().unwrap();
        assert!(counting.split('|').any(|way| way == said), "{what}: {counting}: {view}");
        assert_eq!(
            (settlement["input_tokens"].as_u64(), settlement["output_tokens"].as_u64()),
            (Some(billed.input_tokens), Some(billed.output_tokens)),
            "{what}: {counting}: {view}"
        );
        let attempts = u64::from(vendor.is_called_for(form));
        assert_eq!((settlement["attempts"].as_u64(), billed.calls), (Some(attempts), attempts), "{what}");
        assert_eq!(view["attempts"].as_array().unwrap().len() as u64, attempts, "{what}");
        assert_eq!(
            (&view["model"], &view["stream"]),
            (&json!(vendor.name()), &json!(form.streams())),
            "{what}"
        );
        if attempts > 0 {
            assert_eq!(
                (&view["provider"], &view["provider_model"]),
                (&json!(vendor.name()), &json!("sim")),
                "{what}"
            );
        }
    }

    /// Exchanges, tokens in and tokens out, over all models, are what all cells together had.
    async fn assert_total(&self) {
        let mut told = (0, 0, 0);
        for _ in 0..500 {
            let usage = self.client.get("/v1/usage").await.unwrap().json().unwrap();
            let sum = |field: &str| -> u64 {
                usage["rows"].as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
            };
            told = (sum("exchanges"), sum("input_tokens"), sum("output_tokens"));
            if told.0 >= self.exchanges {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        let billed = self.simulator.counted();
        assert_eq!(told, (self.exchanges, billed.input_tokens, billed.output_tokens), "each counts once");
    }
}

fn cells(streams: &[bool]) -> Vec<(Form, Vendor)> {
    let forms = Form::TEXTS.into_iter().filter(|form| streams.contains(&form.streams()));
    forms.flat_map(|form| Vendor::ALL.map(|vendor| (form, vendor))).collect()
}

fn scripted(form: Form, vendor: Vendor, script: &str) -> Value {
    form.request(vendor.name(), &format!("sim: {script}\n{TEXT}"))
}

#[tokio::test]
async fn a_whole_answer_is_recorded_as_it_was_billed_on_every_cell() {
    let mut pair = Pair::start().await;
    let text = Simulator::script_text(TEXT);
    for (form, vendor) in cells(&[false, true]) {
        let what = format!("{form:?} at {}", vendor.name());
        let reported = scripted(form, vendor, &format!("chunk_bytes=5,text={text}"));
        pair.check(form, vendor, reported, ("answered", "reported"), &what).await;
        let silent = scripted(form, vendor, &format!("chunk_bytes=5,text={text},no_usage"));
        pair.check(form, vendor, silent, ("answered", "counted"), &what).await;
    }
    for form in Form::TOOLS {
        for vendor in Vendor::ALL {
            let what = format!("a conversation: {form:?} at {}", vendor.name());
            let body = form.conversation(vendor.name(), TEXT);
            pair.check(form, vendor, body, ("answered", "reported"), &what).await;
        }
    }
    for vendor in Vendor::ALL {
        let what = format!("a count at {}", vendor.name());
        let body = Form::CountTokens.request(vendor.name(), TEXT);
        pair.check(Form::CountTokens, vendor, body, ("answered", "nothing"), &what).await;
    }
    pair.assert_total().await;
}

#[tokio::test]
async fn what_came_before_a_break_is_recorded_as_it_was_billed_on_every_cell() {
    let mut pair = Pair::start().await;
    for (form, vendor) in cells(&[true]) {
        for script in
            ["chunks=6,cut=3", "chunks=6,cut=0", "chunks=6,error_event=4", "chunks=6,malformed=2,cut=2"]
        {
            let what = format!("{script}: {form:?} at {}", vendor.name());
            let body = scripted(form, vendor, script);
            // Some tell at the beginning what they read.
            pair.check(form, vendor, body, ("failed", "counted|reported"), &what).await;
        }
    }
    for (form, vendor) in cells(&[false]) {
        for script in ["cut=body", "cut=head", "garbage", "error_event=0"] {
            let what = format!("{script}: {form:?} at {}", vendor.name());
            let body = scripted(form, vendor, script);
            pair.check(form, vendor, body, ("failed", "counted"), &what).await;
        }
    }
    for (form, vendor) in cells(&[false, true]) {
        for script in ["status=400", "status=429", "status=500"] {
            let what = format!("{script}: {form:?} at {}", vendor.name());
            let body = scripted(form, vendor, script);
            pair.check(form, vendor, body, ("failed", "nothing"), &what).await;
        }
    }
    pair.assert_total().await;
}
