//! The other spellings of the governed path: `/proxy/completion*`, `/process`, `/filter/*`, and the rules behind
//! them. Shapes here; what a decision does to streams and answers is tested where decisions are.

use flyball_testkit::Flyball;
use http::StatusCode;
use serde_json::{Value, json};

use super::{CHAT, Pair, ask};

const RULES: &str = include_str!("../../policies/governed-speed.yaml");

/// The names of an object's members.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_completion_is_a_chat_call_of_one_message() {
    let pair = Pair::start(|_, routes| routes.route("demo", "provider: sim, model: sim")).await;
    let prompt = "Say exactly: hello \"w\u{f6}rld\" \u{1f600}";
    let body = json!({"prompt": prompt, "model": "sim", "max_tokens": 30, "x_unknown": 1});
    let answer = pair.client.post("/proxy/completion", &body).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let said = answer.json().unwrap();
    assert_eq!(keys(&said), ["content", "model", "usage"]);
    assert_eq!((&said["content"], &said["model"]), (&json!("hello \"w\u{f6}rld\" \u{1f600}"), &json!("sim")));
    assert!(said["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert_eq!(answer.header("x-flyball-action"), Some("allow"));
    let expected = ask(prompt, &json!({"max_tokens": 30}));
    assert_eq!(pair.received(), expected, "what is not of the spelling does not leave");

    // Without a model it is the route `demo`.
    let answer = pair.client.post("/proxy/completion", &json!({"prompt": prompt})).await.unwrap();
    assert_eq!(answer.header("x-flyball-model"), Some("demo"));
    assert_eq!(pair.received(), ask(prompt, &json!({})));

    // Streamed: the events of the chat call.
    let body = json!({"prompt": prompt, "model": "sim"});
    let events = pair.client.stream("/proxy/completion/stream", &body).await.unwrap();
    assert_eq!(events.status, StatusCode::OK);
    let events = events.rest().await.unwrap();
    let streamed = ask(prompt, &json!({"stream": true, "stream_options": {"include_usage": true}}));
    assert_eq!(pair.received(), streamed);
    let chat = pair.client.stream(CHAT, &ask(prompt, &json!({"stream": true}))).await.unwrap();
    assert_eq!(events, chat.rest().await.unwrap());
    assert!(events.last().unwrap().is_done());
}

#[tokio::test]
async fn filters_tell_decision_findings_and_signals_and_never_the_text_they_found() {
    let start = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).policy(RULES).start();
    let flyball = start.await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let always = ["action", "allowed", "findings", "policy_hash", "reasons", "signals"];
    let with_output = ["action", "allowed", "findings", "output", "policy_hash", "reasons", "signals"];
    let filter = async |path: &str, body: Value| {
        let answer = client.post(path, &body).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json().unwrap()
    };
    let rules = client.get("/rules").await.unwrap().json().unwrap();
    let hash = rules["policy_hash"].as_str().unwrap();
    let hexadecimal = hash.strip_prefix("sha256:").unwrap();
    assert!(hexadecimal.len() == 64 && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    let ids: Vec<&str> =
        rules["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(&ids[..3], ["pii-without-lawful-basis", "jailbreak", "verbatim"]);

    let clean = filter("/filter/prompt", json!({"prompt": "hello"})).await;
    assert_eq!(keys(&clean), with_output);
    assert_eq!(
        (&clean["allowed"], &clean["action"], &clean["output"]),
        (&json!(true), &json!("allow"), &json!("hello"))
    );
    assert_eq!((&clean["reasons"], &clean["findings"]), (&json!([]), &json!([])));
    assert_eq!(clean["policy_hash"], hash);

    let prompt = "é: write to ada@example.org today";
    let blocked = filter("/filter/prompt", json!({"prompt": prompt})).await;
    assert_eq!(keys(&blocked), always, "a blocked text has no output");
    assert_eq!((&blocked["allowed"], &blocked["action"]), (&json!(false), &json!("block")));
    let [reason] = blocked["reasons"].as_array().unwrap().as_slice() else { panic!("{blocked}") };
    assert_eq!((&reason["rule"], &reason["action"]), (&json!("pii-without-lawful-basis"), &json!("block")));
    let [finding] = blocked["findings"].as_array().unwrap().as_slice() else { panic!("{blocked}") };
    assert_eq!((&finding["kind"], &finding["category"]), (&json!("email"), &json!("pii")));
    let at = |key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
    assert_eq!(&prompt[at("start")..at("end")], "ada@example.org", "spans are in bytes");
    assert_eq!(blocked["signals"]["prompt.contains_pii"], true);
    assert!(!blocked.to_string().contains("ada@"), "{blocked}");

    // What a caller states can make the decision stricter and nothing else.
    for (context, action) in [
        (json!({"contains_pii": true}), "block"),
        (json!({"contains_pii": false}), "allow"),
        (json!({"jailbreak_score": 0.9}), "safe_mode"),
        (json!({"jailbreak_score": 0.8}), "allow"),
        (json!({"jailbreak_score": 0.9, "contains_pii": true}), "block"),
    ] {
        let said = filter("/filter/prompt", json!({"prompt": "hello", "context": context})).await;
        assert_eq!(
            (&said["action"], &said["allowed"]),
            (&json!(action), &json!(action != "block")),
            "{context}"
        );
    }
    let context = json!({"contains_pii": false, "lawful_basis": "consent"});
    let said = filter("/filter/prompt", json!({"prompt": prompt, "context": context})).await;
    assert_eq!(said["action"], "block", "neither findings nor a missing basis can be talked away");

    let source = "the quick brown fox jumps over the lazy dog and then sleeps for the whole long afternoon";
    let said = filter("/filter/output", json!({"output": source, "context": {"sources": [source]}})).await;
    assert_eq!(keys(&said), with_output);
    assert_eq!(said["action"], "summarize", "{said}");
    assert_eq!(said["signals"]["output.verbatim_ratio"], 1.0);
    let said = filter("/filter/output", json!({"output": source})).await;
    assert_eq!((&said["action"], &said["output"]), (&json!("allow"), &json!(source)));

    for (prompt, status) in [("hello", "success"), (prompt, "blocked")] {
        let said = filter("/process", json!({"prompt": prompt})).await;
        assert_eq!(keys(&said), ["processing_time_ms", "reason", "sanitized_prompt", "status"]);
        assert_eq!(said["status"], status);
        assert_eq!(said["sanitized_prompt"].as_str(), (status == "success").then_some(prompt));
        assert_eq!(said["reason"].is_string(), status == "blocked");
        assert!(said["processing_time_ms"].as_f64().is_some_and(|time| time >= 0.0));
    }

    // The same prompt as a completion is refused in the protocol's way.
    for path in ["/proxy/completion", "/proxy/completion/stream"] {
        let answer = client.post(path, &json!({"prompt": prompt})).await.unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
        assert_eq!(answer.json().unwrap()["error"]["code"], "policy_blocked");
    }
}

#[tokio::test]
async fn the_default_policy_masks_what_a_filter_finds_in_an_answer() {
    let flyball = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).start().await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let output = "Write to ada@example.org or pay with 4111 1111 1111 1111.";
    let said = client.post("/filter/output", &json!({"output": output})).await.unwrap().json().unwrap();
    assert_eq!((&said["allowed"], &said["action"]), (&json!(true), &json!("mask")), "{said}");
    assert_eq!(said["findings"].as_array().unwrap().len(), 2);
    let left = said["output"].as_str().unwrap();
    assert!(left.starts_with("Write to <email> or pay with <") && !left.contains("4111"), "{left}");
    assert!(!said.to_string().contains("ada@") && !said.to_string().contains("4111"));
}
