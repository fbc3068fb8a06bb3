//! Usage equals what the provider would bill, to the token, however an exchange ends: the simulator counts what it
//! read and wrote, and `/v1/usage` says the same. Where the provider reported nothing the tokens are marked as
//! counted; where it refused there are none.

use std::time::Duration;

use bytes::Bytes;
use flyball_testkit::simulator::Counted;
use flyball_testkit::{Client, Flyball, Routes, Simulator};
use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

const CHAT: &str = "/v1/chat/completions";
const COMPLETION: &str = "/proxy/completion";
const COMPLETION_STREAM: &str = "/proxy/completion/stream";
const EMBEDDINGS: &str = "/v1/embeddings";

const SETTINGS: &str = "timeouts: { first_byte: 2s, first_event: 2s, between_events: 2s, keep_alive_comment: 150ms }\n\
     limits: { answer: 1MiB, event: 64KiB }";

const POLICY: &str = "version: 1\nmeta: {name: test}\nrules:\n  \
    - {id: mask-in, when: prompt.contains_pii, action: mask}\n  \
    - {id: mask-out, when: output.contains_pii, action: mask}\n  \
    - {id: stop, when: output.contains_pii && request.model == 'strict', action: block}\n";

/// Personal data, and signs, numbers and scripts beside it.
const TEXT: &str =
    "Write to alex.example@example.com about 12,345 items: «naïve» Größe, правительство, 人工智能.";

/// Who is said to have counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Reported,
    Counted,
    Nothing,
}

/// How the caller behaves.
#[derive(Clone, Copy, Debug)]
enum Caller {
    /// Reads to the end.
    Stays,
    /// Goes once the simulator has the request.
    LeavesBeforeTheHead,
    /// Goes when the gateway has fallen silent in the middle of a stream.
    LeavesInTheStream,
}

struct Pair {
    simulator: Simulator,
    flyball: Flyball,
    client: Client,
    exchanges: u64,
    seen: Counted,
    counted: u64,
    reported: u64,
}

impl Pair {
    async fn start() -> Pair {
        let simulator = Simulator::start().await.unwrap();
        let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let routes = Routes::through(&simulator)
            .section(SETTINGS)
            .route("strict", "provider: sim, model: sim")
            .route("silent", "provider: sim, model: 'sim:no_usage'")
            .provider_at("down", closed)
            .route("down", "provider: down, model: sim");
        let start = routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball"))).policy(POLICY);
        let flyball = start.start().await.unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        let seen = Counted::default();
        Pair { simulator, flyball, client, exchanges: 0, seen, counted: 0, reported: 0 }
    }

    /// Exchanges, tokens in and tokens out, over all models.
    async fn usage(&self) -> (u64, u64, u64) {
        let usage = self.client.get("/v1/usage").await.unwrap().json().unwrap();
        let sum = |field: &str| {
            usage["rows"].as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
        };
        (sum("exchanges"), sum("input_tokens"), sum("output_tokens"))
    }

    /// Tokens that are said to be counted so.
    async fn said(&self, how: &str) -> u64 {
        let metrics = self.client.get("/metrics").await.unwrap().text();
        let lines = metrics.lines().filter(|line| {
            line.starts_with("flyball_tokens_total")
                && line.contains(&format!("counting=\"{how}\""))
                && !line.contains("cached_input")
        });
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Waits until nothing is under way, on either side, and so many exchanges have ended.
    async fn quiet(&self, what: &str) -> (u64, u64) {
        for _ in 0..1500 {
            let (exchanges, input, output) = self.usage().await;
            let counts = self.simulator.counts();
            if exchanges == self.exchanges && counts.started == counts.completed + counts.cancelled {
                return (input, output);
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!(
            "{what}: {:?} {:?}\n{}",
            self.usage().await,
            self.simulator.counts(),
            self.flyball.stderr().unwrap()
        );
    }

    /// Plays one case and checks what it added on both sides.
    async fn check(&mut self, what: &str, path: &str, body: Value, caller: Caller, says: Says) {
        let bytes = Bytes::from(body.to_string());
        let request = self.client.request(Method::POST, path, bytes).unwrap();
        let started = self.simulator.counts().started;
        match caller {
            Caller::Stays => {
                // The answer itself is other tests' business.
                let mut answer = self.client.open(request).await.unwrap();
                while let Ok(Some(_)) = answer.next_bytes().await {}
            }
            Caller::LeavesBeforeTheHead => {
                let counted = self.simulator.counted().calls;
                tokio::select! {
                    answered = self.client.open(request) => panic!("{what} was answered: {answered:?}"),
                    () = until(|| self.simulator.counted().calls > counted) => {}
                }
            }
            Caller::LeavesInTheStream => {
                let mut answer = self.client.open(request).await.unwrap();
                while answer.next().await.unwrap().unwrap().comment.is_none() {}
            }
        }
        self.exchanges += 1;
        let (input, output) = self.quiet(what).await;
        let billed = self.simulator.counted();
        assert_eq!((input, output), (billed.input_tokens, billed.output_tokens), "{what}: usage and bill");
        let (new_in, new_out) =
            (billed.input_tokens - self.seen.input_tokens, billed.output_tokens - self.seen.output_tokens);
        let (counted, reported) = (self.said("counted").await, self.said("reported").await);
        let (expected_counted, expected_reported) = match says {
            Says::Counted => (new_in + new_out, 0),
            Says::Reported => (0, new_in + new_out),
            Says::Nothing => (0, 0),
        };
        assert_eq!(
            (counted - self.counted, reported - self.reported),
            (expected_counted, expected_reported),
            "{what}: {new_in} in, {new_out} out"
        );
        assert_eq!(new_in > 0, says != Says::Nothing, "{what}: {new_in} in");
        let silent = self.simulator.counts().started == started;
        assert_eq!(silent, what == "connection refused", "{what}: whether the provider was called");
        (self.seen, self.counted, self.reported) = (billed, counted, reported);
    }

    /// How many tokens the last case added to the answers.
    fn output(&self, before: Counted) -> u64 {
        self.seen.output_tokens - before.output_tokens
    }
}

async fn until(met: impl Fn() -> bool) {
    while !met() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// A chat whose first line is the script, with all that counts in a prompt.
fn chat(script: &str, stream: bool) -> Value {
    json!({"model": "sim", "stream": stream, "user": "does not count", "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "Look at this."},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{\"of\": \"alex.example@example.com\"}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "Nothing \"found\"."},
        {"role": "user", "content": format!("sim: {script}\n{TEXT}")}]})
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn tools(stream: bool, more: Value) -> Value {
    let parameters = json!({"type": "object", "properties": {"to": {"type": "string", "maxLength": 40}, "count": {"type": "integer"}}, "required": ["to", "count"]});
    let tool = json!({"type": "function", "function": {"name": "send_mail", "description": "Sends a mail.", "parameters": parameters}});
    let body = json!({"model": "silent", "stream": stream, "tools": [tool], "tool_choice": "required",
        "messages": [{"role": "user", "content": "send_mail to \"alex.example@example.com\" please"}]});
    with(body, more)
}

#[tokio::test]
async fn a_whole_answer_is_counted_as_the_provider_counts_it() {
    let mut pair = Pair::start().await;
    let text = format!("text={}", Simulator::script_text(TEXT));
    let silent = format!("{text},no_usage");
    let schema = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"city": {"type": "string"}}}}}});
    let mut cases = Vec::new();
    for stream in [false, true] {
        cases.push(("reported", CHAT, chat(&text, stream), Says::Reported));
        cases.push(("counted", CHAT, chat(&silent, stream), Says::Counted));
        cases.push(("several answers", CHAT, with(chat(&silent, stream), json!({"n": 3})), Says::Counted));
        let logprobs = json!({"logprobs": true, "top_logprobs": 2});
        cases.push(("log probabilities", CHAT, with(chat(&silent, stream), logprobs), Says::Counted));
        cases.push(("cut short", CHAT, with(chat(&silent, stream), json!({"max_tokens": 5})), Says::Counted));
        cases.push(("a schema", CHAT, with(chat("no_usage", stream), schema.clone()), Says::Counted));
        cases.push(("tools", CHAT, tools(stream, json!({})), Says::Counted));
        cases.push(("tools, reported", CHAT, tools(stream, json!({"model": "sim"})), Says::Reported));
    }
    cases.push((
        "asked for usage",
        CHAT,
        with(chat(&text, true), json!({"stream_options": {"include_usage": true}})),
        Says::Reported,
    ));
    for script in [format!("{silent},raw_split=3"), format!("{silent},no_done"), format!("{text},no_done")] {
        let says = if script.contains("no_usage") { Says::Counted } else { Says::Reported };
        cases.push(("in odd pieces", CHAT, chat(&script, true), says));
    }
    for path in [COMPLETION, COMPLETION_STREAM] {
        let body = |script: &str| json!({"model": "sim", "prompt": format!("sim: {script}\nhello")});
        cases.push(("a completion", path, body(&text), Says::Reported));
        cases.push(("a completion, counted", path, body(&silent), Says::Counted));
    }
    for (what, path, body, says) in cases {
        let before = pair.seen;
        let what = format!("{what}: {path} {}", body["stream"]);
        pair.check(&what, path, body, Caller::Stays, says).await;
        assert!(pair.output(before) > 0, "{what}");
    }
    for input in [json!(TEXT), json!([TEXT, "b c"]), json!([1, 2, 3]), json!([[1, 2], [3]])] {
        for (model, says) in [("sim", Says::Reported), ("silent", Says::Counted)] {
            let what = format!("embeddings of {input} by {model}");
            pair.check(&what, EMBEDDINGS, json!({"model": model, "input": input}), Caller::Stays, says).await;
        }
    }
}

#[tokio::test]
async fn what_came_before_a_break_is_counted_and_a_refusal_is_not() {
    let mut pair = Pair::start().await;
    // Words with a space after them: the last space is a token of its own.
    for (script, output) in [
        ("chunks=6,cut=0", 0),
        ("chunks=6,cut=3", 4),
        ("chunks=6,cut=3,raw_split=5", 4),
        ("chunks=6,cut=6", 7),
        ("chunks=6,malformed=2,cut=2", 3),
        ("chunks=6,error_event=4", 5),
        ("chunks=6,hang=5", 6),
        ("chunks=6,delay=3600s", 0),
    ] {
        let before = pair.seen;
        pair.check(script, CHAT, chat(script, true), Caller::Stays, Says::Counted).await;
        assert_eq!(pair.output(before), output, "{script}");
    }
    let before = pair.seen;
    let body = with(chat("chunks=6,cut=4", true), json!({"n": 2}));
    pair.check("two answers, cut", CHAT, body, Caller::Stays, Says::Counted).await;
    assert_eq!(pair.output(before), 2 * (2 + 1));
    pair.check("cut within an event", CHAT, chat("chunks=40,cut=body", true), Caller::Stays, Says::Counted)
        .await;
    for stream in [false, true] {
        for script in ["cut=head", "garbage", "empty", "hang"] {
            let before = pair.seen;
            pair.check(script, CHAT, chat(script, stream), Caller::Stays, Says::Counted).await;
            assert_eq!(pair.output(before), 0, "{script}");
        }
        for script in ["status=400", "status=429", "status=500", "status=503,garbage", "status=302"] {
            pair.check(script, CHAT, chat(script, stream), Caller::Stays, Says::Nothing).await;
        }
        let body = with(chat("", stream), json!({"model": "down"}));
        pair.check("connection refused", CHAT, body, Caller::Stays, Says::Nothing).await;
    }
    for script in ["cut=body", "hang=body", "malformed=0", "error_event=0"] {
        pair.check(script, CHAT, chat(script, false), Caller::Stays, Says::Counted).await;
    }
    let ignored = chat("text=fine,ignore_stream", true);
    pair.check("a whole answer to a stream", CHAT, ignored, Caller::Stays, Says::Reported).await;
    let ignored = chat("text=fine,ignore_stream,no_usage", true);
    pair.check("the same, silent", CHAT, ignored, Caller::Stays, Says::Counted).await;
}

#[tokio::test]
async fn what_the_policy_stops_is_counted_as_far_as_it_came() {
    let mut pair = Pair::start().await;
    // The address is whole with the last of the pieces that come.
    let text = Simulator::script_text("Please write to alex.example@example.com and to others");
    let before = pair.seen;
    let stream = with(chat(&format!("text={text},chunks=2,hang=2"), true), json!({"model": "strict"}));
    pair.check("a blocked stream", CHAT, stream, Caller::Stays, Says::Counted).await;
    assert!(pair.output(before) > 0);
    let plain = with(chat(&format!("text={text}"), false), json!({"model": "strict"}));
    pair.check("a blocked answer", CHAT, plain, Caller::Stays, Says::Reported).await;
    let plain = with(chat(&format!("text={text},no_usage"), false), json!({"model": "strict"}));
    pair.check("a blocked answer, silent", CHAT, plain, Caller::Stays, Says::Counted).await;
}

#[tokio::test]
async fn a_caller_that_leaves_pays_for_what_came() {
    let mut pair = Pair::start().await;
    for (script, stream) in [("delay=3600s", false), ("slow_head=3600s", true), ("hang=body", false)] {
        pair.check(script, CHAT, chat(script, stream), Caller::LeavesBeforeTheHead, Says::Counted).await;
    }
    let before = pair.seen;
    let script = "chunks=60,hang=7";
    pair.check(script, CHAT, chat(script, true), Caller::LeavesInTheStream, Says::Counted).await;
    assert_eq!(pair.output(before), 8);
    let body = with(tools(true, json!({})), json!({"model": "sim"}));
    let first = body["messages"][0]["content"].as_str().unwrap().to_owned();
    let body =
        with(body, json!({"messages": [{"role": "user", "content": format!("sim: hang=6\n{first}")}]}));
    let before = pair.seen;
    pair.check("in a tool call", CHAT, body, Caller::LeavesInTheStream, Says::Counted).await;
    assert!(pair.output(before) > 0);
}
