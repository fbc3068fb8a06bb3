//! Usage against what the provider says it did: to the token, over a mix of calls, in every protocol and to providers
//! of every dialect, of which every tenth goes wrong.
//! The long form (`FLYBALL_LONG`) makes 100,000 calls.

use std::time::Duration;

use bytes::Bytes;
use flyball_testkit::client::set;
use flyball_testkit::{Client, Flyball, Routes, Simulator};
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Export;
use super::export::usage;
use crate::cells::{Form, Vendor};

/// Callers at a time.
const CALLERS: u64 = 32;

/// What goes wrong with every tenth call: a route, and whether the answer is asked for as a stream.
const FAULTS: [(&str, &str, bool); 12] = [
    ("failed", "sim:status=500", false),
    ("limited", "sim:status=429", true),
    ("headless", "sim:cut=head", false),
    ("half", "sim:cut=body", false),
    ("broken", "sim:chunks=12,cut=7", true),
    ("broken-late", "sim:chunks=12,cut=12", true),
    ("nonsense", "sim:chunks=12,malformed=5", true),
    ("error", "sim:chunks=12,error_event=5", true),
    ("page", "sim:garbage", false),
    ("mute", "sim:no_usage", true),
    ("mute-plain", "sim:no_usage", false),
    ("hung", "sim:chunks=12,hang=8", true),
];

fn routes(simulator: &Simulator) -> Routes {
    let mut routes = Routes::through(simulator)
        .route("words", "provider: sim, model: 'sim:chunks=9'")
        .route("prompt", "provider: sim, model: 'sim:'")
        .route("vectors", "provider: sim, model: 'sim:', operations: [embeddings]");
    for vendor in Vendor::ALL {
        let settings = vendor.settings(&format!("http://{}", simulator.address()));
        let route = format!("provider: {}, model: 'sim:chunks=7'", vendor.name());
        routes = routes.provider(vendor.name(), &settings).route(vendor.name(), &route);
    }
    for (name, script, _) in FAULTS {
        routes = routes.route(name, &format!("provider: sim, model: '{script}'"));
    }
    routes
}

fn request(number: u64) -> (&'static str, Value) {
    let words = "The quick brown fox jumps over 13 lazy dogs, ".repeat(usize::try_from(number % 7).unwrap());
    let content = format!("{words}then says: {number}.");
    let messages = json!([{"role": "user", "content": content}]);
    let chat = "/v1/chat/completions";
    if number % 10 == 3 {
        let (name, _, stream) = FAULTS[usize::try_from(number / 10).unwrap() % FAULTS.len()];
        return (chat, json!({"model": name, "stream": stream, "messages": messages}));
    }
    if number % 8 == 6 {
        return cell(number / 8, &content);
    }
    match number % 6 {
        0 => (chat, json!({"model": "prompt", "messages": messages})),
        1 => (chat, json!({"model": "words", "stream": true, "messages": messages})),
        2 => ("/v1/embeddings", json!({"model": "vectors", "input": [content, "and this"]})),
        5 => ("/proxy/completion", json!({"model": "mute-plain", "prompt": content})),
        4 => (
            chat,
            json!({"model": "words", "n": 2, "stream": number.is_multiple_of(4), "messages": messages}),
        ),
        _ => {
            let tool = json!({"type": "function", "function": {"name": "look_up",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}});
            let body = json!({"model": "prompt", "stream": number % 4 == 1, "messages": messages,
                "tools": [tool], "tool_choice": "required"});
            (chat, body)
        }
    }
}

/// A call in any protocol, to a provider of any dialect.
fn cell(number: u64, content: &str) -> (&'static str, Value) {
    let at = usize::try_from(number).unwrap();
    let form = Form::TEXTS[at % Form::TEXTS.len()];
    let vendor = Vendor::ALL[at / Form::TEXTS.len() % Vendor::ALL.len()];
    (form.path(), form.request(vendor.name(), content))
}

async fn ask(client: &Client, number: u64) {
    let (path, body) = request(number);
    let mut request = client.request(Method::POST, path, Bytes::from(body.to_string())).unwrap();
    set(&mut request, CONTENT_TYPE, "application/json").unwrap();
    let Ok(mut events) = client.open(request).await else { return };
    if body["model"] == "hung" {
        // Nearly everything that comes is here; the rest has time to arrive at the gateway. Then the caller has enough.
        let mut text = String::new();
        while text.matches("\"content\":\"").count() < 7 {
            let Ok(Some(bytes)) = events.next_bytes().await else { return };
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        sleep(Duration::from_millis(200)).await;
        return;
    }
    while let Ok(Some(_)) = events.next_bytes().await {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_is_what_the_provider_did_to_the_token() {
    let long = std::env::var_os("FLYBALL_LONG").is_some();
    let count = if long { 100_000 } else { 2_400 };
    let simulator = Simulator::start().await.unwrap();
    let setup =
        routes(&simulator).setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball"))).env("SIM_KEY", "sk-sim");
    let flyball = setup.args(["--log-level", "error"]).start().await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let client = client.clone();
        callers.spawn(async move {
            for number in (caller..count).step_by(usize::try_from(CALLERS).unwrap()) {
                ask(&client, number).await;
            }
        });
    }
    callers.join_all().await;
    // Whoever was hung up on notices a moment later.
    loop {
        let counts = simulator.counts();
        if counts.started == counts.completed + counts.cancelled {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let told = simulator.counted();
    let counted = usage(&client).await;
    let export = Export::of(&flyball);
    assert_eq!(counted, export.sums(), "usage is not the sum of the journal");
    let sum = |part: fn(&super::export::Sums) -> u64| counted.values().map(part).sum::<u64>();
    assert_eq!(sum(|sums| sums.0), count, "exchanges");
    let attempts: u64 = export.settlements.values().map(|s| s["attempts"].as_u64().unwrap()).sum();
    assert_eq!((attempts, export.intents.len() as u64), (told.calls, count), "calls");
    assert_eq!((sum(|sums| sums.1), sum(|sums| sums.3)), (told.input_tokens, told.output_tokens), "tokens");
    let by_counting = |way: &str| {
        counted.iter().filter(|((_, counting), _)| counting == way).map(|(_, s)| s.0).sum::<u64>()
    };
    assert!(by_counting("reported") > count / 2 && by_counting("counted") > 0 && by_counting("nothing") > 0);
    assert_eq!(by_counting("estimated"), 0);
}
