//! The endpoints beside conversations and embeddings: each is guarded in both directions, billed and refused as those
//! are; `sound` is about those whose bodies are no JSON. What is masked, blocked or left to the byte on the others is tested in `guarded`.

pub(crate) mod sound;

use flyball_testkit::{Answer, Canned, Client, Flyball};
use http::StatusCode;
use serde_json::{Value, json};

/// Personal data, reserved for examples, and the tag that takes its place.
const PERSONAL: &str = "alex.example@example.com";
const TAG: &str = "<email>";

/// An endpoint that is guarded, with how it is asked and how it answers.
pub(crate) struct Endpoint {
    /// Its path.
    pub(crate) path: &'static str,
    /// A request whose every free text is this one.
    request: fn(&str) -> Value,
    /// An answer whose every free text is this one.
    answer: fn(&str) -> Value,
    /// The tokens that the provider tells in it, read and written; none where it tells none.
    told: Option<(u64, u64)>,
}

/// All of them.
pub(crate) const GUARDED: [Endpoint; 3] = [
    Endpoint {
        path: "/v1/moderations",
        request: |text| json!({"model": "canned", "input": [text, {"type": "text", "text": text}], "note": text}),
        answer: |text| json!({"id": "modr-1", "model": "m", "results": [{"flagged": true, "categories": {"hate": false}, "note": text}], "more": [text]}),
        told: None,
    },
    Endpoint {
        path: "/v1/rerank",
        request: |text| json!({"model": "canned", "query": text, "documents": [text, {"title": text, "deep": [{"text": text}]}], "top_n": 1}),
        answer: |text| json!({"results": [{"index": 0, "relevance_score": 0.5, "document": {"text": text}}], "meta": {"billed_units": {"input_tokens": 7}, "warnings": [text]}}),
        told: Some((7, 0)),
    },
    Endpoint {
        path: "/v1/images/generations",
        request: |text| json!({"model": "canned", "prompt": text, "n": 2, "style_note": {"deep": text}}),
        answer: |text| json!({"created": 1, "data": [{"b64_json": "iVBORw0KGgo=", "revised_prompt": text}], "usage": {"input_tokens": 9, "output_tokens": 272, "total_tokens": 281}, "vendor": text}),
        told: Some((9, 272)),
    },
];

/// A gateway before a provider with prepared answers.
pub(crate) struct Before {
    pub(crate) flyball: Flyball,
    pub(crate) canned: Canned,
    pub(crate) client: Client,
}

impl Before {
    /// With more configuration, and a policy of these rules, or the one that is built in.
    pub(crate) async fn start(config: &str, rules: Option<&str>) -> Self {
        let canned = Canned::start().await.unwrap();
        let config = format!(
            "providers:\n  canned: {{kind: openai, base_url: '{0}'}}\n  vendor: {{kind: anthropic, base_url: '{0}', api_key: 'env:SIM_KEY'}}\n\
             routes:\n  canned: {{provider: canned, model: m}}\n  words: {{provider: canned, operations: [chat]}}\n  \
             vendor: {{provider: vendor, model: m}}\n{config}",
            canned.base_url(),
        );
        let mut setup =
            Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).env("SIM_KEY", "sk-sim");
        if let Some(rules) = rules {
            setup = setup.policy(format!("version: 1\nmeta: {{name: test}}\nrules:\n{rules}"));
        }
        let flyball = setup.start().await.unwrap();
        let client = flyball.client().with_key(flyball.demo_key().unwrap());
        Before { flyball, canned, client }
    }

    async fn ask(&self, endpoint: &Endpoint, text: &str) -> Answer {
        self.client.post(endpoint.path, &(endpoint.request)(text)).await.unwrap()
    }

    /// What the provider received last.
    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(self.canned.received().last().unwrap()).into_owned()
    }

    /// What is recorded of an exchange once it has ended.
    pub(crate) async fn recorded(&self, answer: &Answer) -> Value {
        let path = format!("/v1/exchanges/{}", answer.header("x-flyball-request-id").unwrap());
        loop {
            let record = self.client.get(&path).await.unwrap().json().unwrap();
            if record["settlement"].is_object() {
                return record;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn personal_data_in_answers_is_masked_in_every_field() {
    let before = Before::start("", None).await;
    let said = format!("Write to {PERSONAL} now.");
    for endpoint in &GUARDED {
        before.canned.answer((endpoint.answer)(&said).to_string());
        let answer = before.ask(endpoint, "Go on.").await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", endpoint.path, answer.text());
        assert_eq!(answer.header("x-flyball-action"), Some("mask"), "{}", endpoint.path);
        assert_eq!(
            answer.json().unwrap(),
            (endpoint.answer)(&said.replace(PERSONAL, TAG)),
            "{}",
            endpoint.path
        );
        assert!(!answer.text().contains("alex"), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_answer_without_personal_data_stays_to_the_byte() {
    let before = Before::start("", None).await;
    for endpoint in &GUARDED {
        let sent =
            format!(" {}\n", serde_json::to_string_pretty(&(endpoint.answer)("Clean \u{e9}.")).unwrap());
        before.canned.answer(sent.clone());
        let answer = before.ask(endpoint, "Go on.").await;
        assert_eq!(answer.header("x-flyball-action"), Some("allow"), "{}", endpoint.path);
        assert_eq!(answer.text(), sent, "{}", endpoint.path);
        let mut told: Value = serde_json::from_str(&before.received()).unwrap();
        assert_eq!(told["model"], "m", "{}: the route names the model", endpoint.path);
        told["model"] = json!("canned");
        assert_eq!(told, (endpoint.request)("Go on."), "{}", endpoint.path);
    }
}

#[tokio::test]
async fn a_masked_request_reaches_the_provider_as_tags() {
    let before = Before::start("", Some("  - {id: mask, when: prompt.contains_pii, action: mask}\n")).await;
    let said = format!("Write to {PERSONAL} now.");
    for endpoint in &GUARDED {
        before.canned.answer((endpoint.answer)("Clean.").to_string());
        let answer = before.ask(endpoint, &said).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", endpoint.path, answer.text());
        let told = before.received();
        assert!(!told.contains("alex"), "{}: {told}", endpoint.path);
        let mut expected = (endpoint.request)(&said.replace(PERSONAL, TAG));
        expected["model"] = json!("m");
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), expected, "{}", endpoint.path);
    }
}

#[tokio::test]
async fn what_the_policy_blocks_gets_through_in_neither_direction() {
    let rules = "  - {id: in, when: prompt.contains_pii, action: block}\n  - {id: out, when: output.contains_pii, action: block}\n";
    let before = Before::start("", Some(rules)).await;
    let said = format!("Write to {PERSONAL} now.");
    for endpoint in &GUARDED {
        let answer = before.ask(endpoint, &said).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", endpoint.path);
        assert_eq!(answer.json().unwrap()["error"]["rules"], json!(["in"]), "{}", endpoint.path);
        assert_eq!(before.canned.received().len(), 0, "{}", endpoint.path);
    }
    for endpoint in &GUARDED {
        before.canned.answer((endpoint.answer)(&said).to_string());
        let answer = before.ask(endpoint, "Go on.").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", endpoint.path);
        assert_eq!(answer.json().unwrap()["error"]["rules"], json!(["out"]), "{}", endpoint.path);
        assert!(!answer.text().contains("alex"), "{}", endpoint.path);
    }
}

#[tokio::test]
async fn rules_can_tell_the_operations_apart_and_the_journal_does() {
    let rules = "  - {id: no-images, when: 'request.operation == \"images\"', action: block}\n";
    let before = Before::start("", Some(rules)).await;
    for (endpoint, operation) in GUARDED.iter().zip(["moderations", "rerank", "images"]) {
        before.canned.answer((endpoint.answer)("Clean.").to_string());
        let answer = before.ask(endpoint, "Go on there.").await;
        let blocked = operation == "images";
        assert_eq!(answer.status == StatusCode::FORBIDDEN, blocked, "{operation}: {}", answer.text());
        let recorded = before.recorded(&answer).await;
        assert_eq!(recorded["operation"], operation, "{recorded}");
    }
}

#[tokio::test]
async fn tokens_are_those_that_the_provider_tells_or_our_own_count() {
    let before = Before::start("", None).await;
    for endpoint in &GUARDED {
        before.canned.answer((endpoint.answer)("Clean.").to_string());
        let answer = before.ask(endpoint, "one two").await;
        let recorded = before.recorded(&answer).await;
        let count = |key: &str| recorded["settlement"][key].as_u64().unwrap();
        let tokens = (count("input_tokens"), count("output_tokens"));
        let counting = if endpoint.told.is_some() { "reported" } else { "counted" };
        assert_eq!(recorded["settlement"]["counting"], counting, "{}: {recorded}", endpoint.path);
        match endpoint.told {
            Some(told) => assert_eq!(tokens, told, "{}: {recorded}", endpoint.path),
            None => assert!(tokens.0 == 4 && tokens.1 == 0, "{}: {recorded}", endpoint.path),
        }
    }
}

#[tokio::test]
async fn what_is_not_offered_or_not_an_answer_is_refused() {
    let before = Before::start("", None).await;
    for endpoint in &GUARDED {
        for model in ["words", "vendor"] {
            let mut body = (endpoint.request)("Go on.");
            body["model"] = json!(model);
            let answer = before.client.post(endpoint.path, &body).await.unwrap();
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{} {model}", endpoint.path);
            assert_eq!(answer.json().unwrap()["error"]["code"], "unsupported_operation", "{}", endpoint.path);
        }
        let mut body = (endpoint.request)("Go on.");
        body.as_object_mut().unwrap().remove("model");
        let answer = before.client.post(endpoint.path, &body).await.unwrap();
        let error = answer.json().unwrap()["error"].clone();
        assert_eq!(
            (&error["code"], &error["param"]),
            (&json!("missing_required_parameter"), &json!("model"))
        );
        assert_eq!(
            before.client.post(endpoint.path, &json!([])).await.unwrap().status,
            StatusCode::BAD_REQUEST
        );
        assert_eq!(before.client.get(endpoint.path).await.unwrap().status, StatusCode::METHOD_NOT_ALLOWED);
        let stranger =
            before.flyball.client().post(endpoint.path, &(endpoint.request)("Go on.")).await.unwrap();
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{}", endpoint.path);
    }
    assert_eq!(before.canned.received().len(), 0);
    for endpoint in &GUARDED {
        before.canned.answer(r#"{"choices":[]}"#);
        let answer = before.ask(endpoint, "Go on.").await;
        assert_eq!(answer.json().unwrap()["error"]["code"], "provider_invalid_answer", "{}", endpoint.path);
    }
}
