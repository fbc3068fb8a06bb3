//! Every governed route, plain and streamed, is guarded alike: what is masked, blocked or summarised, and what is
//! left byte for byte. Here: the list of routes, held against the API description, and the gateway between
//! providers of every dialect that the tests share. Removing the screen stage turns these tests red.

mod answers;
mod blocks;
mod cells;
mod fields;
mod prompts;
mod safe_mode;
mod tool_calls;
mod whole_answers;

use std::collections::BTreeSet;
use std::sync::Arc;

use flyball_core::{ManualClock, Timestamp};
use flyball_demo::Demo;
use flyball_testkit::{Canned, Client, Flyball, Simulator};
use serde_json::Value;

use crate::cells::{
    CLEAN, Form, Heard, PERSONAL, Vendor, assert_untold, hear, masked_text, personal_text, says, strings,
};

/// A gateway before the simulator (`sim`) and before a provider with prepared answers (`canned`), each also under the
/// names of all dialects (`gemini`, `canned-gemini`).
struct Governed {
    flyball: Flyball,
    simulator: Simulator,
    canned: Canned,
}

impl Governed {
    /// With the policy that is built in.
    async fn start() -> Self {
        Self::with("", None).await
    }

    async fn with_policy(rules: &str) -> Self {
        Self::with("", Some(rules)).await
    }

    /// With more configuration, and a policy of these rules.
    async fn with(config: &str, rules: Option<&str>) -> Self {
        // Time stands still at the provider, so that the same question has the same answer, to the byte.
        let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000)));
        let demo = Demo::new().with_log(4096).with_clock(clock);
        let simulator = Simulator::serve(([127, 0, 0, 1], 0).into(), demo).await.unwrap();
        let canned = Canned::start().await.unwrap();
        let (providers, routes) = Vendor::configuration(&simulator, &canned);
        let config = format!(
            "drain: {{ delay: 0s, limit: 10s }}\nproviders:\n{providers}  sim: {{kind: openai, base_url: '{}', api_key: 'env:SIM_KEY'}}\n  \
             canned: {{kind: openai, base_url: '{}'}}\n\
             routes:\n{routes}  sim: {{provider: sim, model: sim}}\n  canned: {{provider: canned, model: m}}\n  \
             other: {{provider: sim, model: demo-2}}\n{config}",
            simulator.base_url(),
            canned.base_url(),
        );
        let mut setup =
            Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).env("SIM_KEY", "sk-sim");
        if let Some(rules) = rules {
            setup = setup.policy(format!("version: 1\nmeta: {{name: test}}\nrules:\n{rules}"));
        }
        Governed { flyball: setup.start().await.unwrap(), simulator, canned }
    }

    fn client(&self) -> Client {
        self.flyball.client().with_key(self.flyball.demo_key().unwrap())
    }

    async fn ask(&self, form: Form, model: &str, prompt: &str) -> Heard {
        self.send(form.path(), &form.request(model, prompt)).await
    }

    async fn send(&self, path: &str, body: &Value) -> Heard {
        hear(&self.client(), path, body).await
    }

    /// The last body that the simulator received.
    fn received(&self) -> Value {
        serde_json::from_slice(&self.simulator.received().last().unwrap().body).unwrap()
    }
}

#[tokio::test]
async fn the_list_of_governed_routes_is_complete() {
    let governed = Governed::start().await;
    let description = governed.flyball.client().get("/openapi.json").await.unwrap().json().unwrap();
    let paths = description["paths"].as_object().unwrap();
    let exchanges = paths.iter().filter(|(_, item)| item["post"]["tags"][0] == "exchanges");
    let described: BTreeSet<_> = exchanges.map(|(path, _)| path.as_str()).collect();
    let mut listed: BTreeSet<_> = Form::ALL.iter().map(|form| form.path()).collect();
    listed.extend(crate::endpoints::GUARDED.iter().map(|endpoint| endpoint.path));
    listed.extend(crate::endpoints::sound::GUARDED);
    assert_eq!(described, listed, "a route that calls models is missing in Form and in GUARDED");
}
