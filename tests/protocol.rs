//! What a provider receives and what a caller gets back when all goes well. `verbatim` is about bytes that pass
//! unchanged, `routes` about what a route changes, `streams` about events, `keys` about what a key may see,
//! `aliases` about the other spellings of the governed path, `beyond` about what reaches beyond a request, `versions`
//! about headers that say how a provider is to read one.

use flyball_testkit::{Client, Flyball, Routes, Simulator};
use serde_json::{Value, json};

mod aliases;
mod beyond;
mod keys;
mod routes;
mod streams;
mod verbatim;
mod versions;

const CHAT: &str = "/v1/chat/completions";

/// A simulator and a gateway in front of it.
struct Pair {
    simulator: Simulator,
    flyball: Flyball,
    client: Client,
}

impl Pair {
    /// A gateway with the routes that `more` adds to the route `sim`.
    async fn start(more: impl FnOnce(&Simulator, Routes) -> Routes) -> Pair {
        let simulator = Simulator::start().await.unwrap();
        let routes = more(&simulator, Routes::through(&simulator));
        let start = routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball")));
        let flyball = start.start().await.unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        Pair { simulator, flyball, client }
    }

    /// The body that the simulator received last.
    #[track_caller]
    fn received(&self) -> Value {
        serde_json::from_slice(&self.simulator.received().last().unwrap().body).unwrap()
    }

    /// A client that talks to the simulator without a gateway.
    fn direct(&self) -> Client {
        Client::new(self.simulator.address())
    }
}

/// A conversation of one message, with these further members.
fn ask(prompt: &str, more: &Value) -> Value {
    let mut body = json!({"model": "sim", "messages": [{"role": "user", "content": prompt}]});
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}
