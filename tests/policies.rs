//! Policies over HTTP: what is in force, how it changes, what it counts, and the one that follows Governed Speed
//! from end to end.

use std::fs;
use std::path::Path;
use std::time::Duration;

use flyball_testkit::{Answer, Client, Flyball, Simulator};
use serde_json::{Value, json};
use tokio::time::sleep;

const EMAIL: &str = "Write to alex.example@example.com, please.";

fn policy(rules: &str) -> String {
    format!("version: 1\nmeta: {{name: test}}\nrules:\n{rules}")
}

fn blocks() -> String {
    policy(
        "  - {id: no-pii, description: No personal data, when: prompt.contains_pii, action: block, owner: dpo}\n",
    )
}

fn allows() -> String {
    policy("  - {id: mask, when: output.contains_pii, action: mask}\n")
}

async fn start(simulator: &Simulator, config: &str, policy: &str) -> Flyball {
    let config = format!(
        "providers: {{sim: {{kind: openai, base_url: '{}'}}}}\nroutes:\n  sim: {{provider: sim}}\n  \
         contracted: {{provider: sim, model: sim, lawful_basis: contract}}\n{config}",
        simulator.base_url()
    );
    Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).policy(policy).start().await.unwrap()
}

fn tenant(flyball: &Flyball) -> Client {
    flyball.client().with_key(flyball.demo_key().unwrap())
}

async fn ask(client: &Client, model: &str, prompt: &str) -> Answer {
    let body = json!({"model": model, "messages": [{"role": "user", "content": prompt}]});
    client.post("/v1/chat/completions", &body).await.unwrap()
}

async fn rules(flyball: &Flyball) -> Value {
    tenant(flyball).get("/rules").await.unwrap().json().unwrap()
}

async fn metrics(flyball: &Flyball) -> String {
    flyball.client().get("/metrics").await.unwrap().text()
}

/// Puts a file in place of another at once: written in place, a reload could read one half of it.
fn replace(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).unwrap();
    fs::rename(next, path).unwrap();
}

/// Waits until `line` is among the metrics; the harness's patience bounds it.
async fn until_metric(flyball: &Flyball, line: &str) {
    for _ in 0..1000 {
        if metrics(flyball).await.contains(line) {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("no {line} in\n{}\n{}", metrics(flyball).await, flyball.stderr().unwrap());
}

#[tokio::test]
async fn the_rules_in_force_are_shown_with_what_follows_from_them() {
    let simulator = Simulator::start().await.unwrap();
    let text = policy(
        "  - {id: one, description: First, when: prompt.pii_count > 2 && request.stream, action: block, owner: dpo}\n  \
         - {id: two, when: output.verbatim_ratio > 0.5, action: summarize}\n  \
         - {id: three, when: output.contains_pii, action: mask, kinds: [email]}\n",
    );
    let flyball = start(&simulator, "", &text).await;
    let shown = rules(&flyball).await;
    let expected = json!([
        {"id": "one", "description": "First", "when": "prompt.pii_count > 2 && request.stream", "action": "block",
         "owner": "dpo", "stage": "prompt", "kinds": [], "signals": ["request.stream", "prompt.pii_count"], "whole_answer": false},
        {"id": "two", "description": "", "when": "output.verbatim_ratio > 0.5", "action": "summarize",
         "owner": "", "stage": "output", "kinds": [], "signals": ["output.verbatim_ratio"], "whole_answer": true},
        {"id": "three", "description": "", "when": "output.contains_pii", "action": "mask",
         "owner": "", "stage": "output", "kinds": ["email"], "signals": ["output.contains_pii"], "whole_answer": false},
    ]);
    assert_eq!(shown["rules"], expected);
    let hash = shown["policy_hash"].as_str().unwrap();
    assert_eq!(shown["snapshot"], 1);
    let filtered =
        tenant(&flyball).post("/filter/prompt", &json!({"prompt": "Hi"})).await.unwrap().json().unwrap();
    assert_eq!(filtered["policy_hash"], hash);
    assert_eq!(flyball.client().get("/rules").await.unwrap().status, 401);
    // The hash names what is said, not how it is written.
    let again =
        start(&simulator, "", &text.replace("meta: {name: test}", "meta:\n  name: \"test\"\n# a comment"))
            .await;
    assert_eq!(rules(&again).await["policy_hash"], hash);
}

#[tokio::test]
async fn a_changed_policy_comes_into_force_and_a_wrong_one_does_not() {
    let simulator = Simulator::start().await.unwrap();
    let flyball = start(&simulator, "", &blocks()).await;
    let client = tenant(&flyball);
    assert_eq!(ask(&client, "sim", EMAIL).await.status, 403);
    let first = rules(&flyball).await["policy_hash"].clone();

    replace(&flyball.policy_path(), &allows());
    until_metric(&flyball, r#"flyball_reloads_total{result="ok"} 1"#).await;
    assert_eq!(ask(&client, "sim", EMAIL).await.status, 200);
    let second = rules(&flyball).await;
    assert_ne!(second["policy_hash"], first);
    assert_eq!(second["snapshot"], 2);

    // A rule that cannot be right is refused with its place, whoever wrote it.
    replace(&flyball.policy_path(), &policy("  - {id: x, when: prompt.contains_pi, action: block}\n"));
    until_metric(&flyball, r#"flyball_reloads_total{result="refused"} 1"#).await;
    assert_eq!(rules(&flyball).await, second);
    assert_eq!(ask(&client, "sim", EMAIL).await.status, 200);
    let log = flyball.stderr().unwrap();
    assert!(
        log.contains("E803") && log.contains("policy.yaml:4") && log.contains("prompt.contains_pii"),
        "{log}"
    );

    // The policy is one thing and the configuration that names it another; both are one change.
    let config = fs::read_to_string(flyball.config_path()).unwrap();
    replace(&flyball.config_path(), &format!("{config}surprise: true\n"));
    until_metric(&flyball, r#"flyball_reloads_total{result="refused"} 2"#).await;
    replace(&flyball.policy_path(), &blocks());
    until_metric(&flyball, r#"flyball_reloads_total{result="refused"} 3"#).await;
    assert_eq!(rules(&flyball).await, second, "a good policy beside a bad configuration changes nothing");
    replace(&flyball.config_path(), &config);
    until_metric(&flyball, r#"flyball_reloads_total{result="ok"} 2"#).await;
    assert_eq!(rules(&flyball).await["policy_hash"], first, "the same policy has the same hash");
    assert_eq!(ask(&client, "sim", EMAIL).await.status, 403);
}

#[tokio::test]
async fn a_hang_up_signal_reloads_and_files_that_are_swapped_are_noticed() {
    let simulator = Simulator::start().await.unwrap();
    let flyball = start(&simulator, "", &blocks()).await;
    let client = tenant(&flyball);
    flyball.signal("HUP").unwrap();
    until_metric(&flyball, r#"flyball_reloads_total{result="unchanged"} 1"#).await;
    assert_eq!(rules(&flyball).await["snapshot"], 1);
    // As editors and orchestrators do it: written elsewhere, renamed over the old one.
    let beside = flyball.folder().join("next.yaml");
    fs::write(&beside, allows()).unwrap();
    fs::rename(&beside, flyball.policy_path()).unwrap();
    flyball.signal("HUP").unwrap();
    until_metric(&flyball, r#"flyball_reloads_total{result="ok"} 1"#).await;
    assert_eq!(ask(&client, "sim", EMAIL).await.status, 200);
}

#[tokio::test]
async fn an_exchange_keeps_the_policy_that_it_began_with() {
    let simulator = Simulator::start().await.unwrap();
    let flyball =
        start(&simulator, "", &policy("  - {id: none, when: output.contains_pii, action: block}\n")).await;
    replace(&flyball.policy_path(), &allows());
    until_metric(&flyball, r#"flyball_reloads_total{result="ok"} 1"#).await;
    let client = tenant(&flyball);
    let text = Simulator::script_text("One two three four five six seven. Ask alex.example@example.com now.");
    let prompt = format!("sim: gap=120ms,chunks=10,text={text}\nGo on.");
    let body = json!({"model": "sim", "stream": true, "messages": [{"role": "user", "content": prompt}]});
    let mut early = client.stream("/v1/chat/completions", &body).await.unwrap();
    assert!(early.next().await.unwrap().is_some());
    replace(&flyball.policy_path(), &policy("  - {id: never, when: output.contains_pii, action: block}\n"));
    until_metric(&flyball, r#"flyball_reloads_total{result="ok"} 2"#).await;
    let late = client.stream("/v1/chat/completions", &body).await.unwrap();
    let said = |events: &[flyball_testkit::SseEvent]| -> String {
        let choices = events.iter().filter_map(|event| event.json()?["choices"].get(0).cloned());
        choices.filter_map(|choice| Some(choice["delta"]["content"].as_str()?.to_owned())).collect()
    };
    let (early, late) = (early.rest().await.unwrap(), late.rest().await.unwrap());
    assert!(said(&early).ends_with("Ask <email> now."), "{}", said(&early));
    assert!(!said(&late).contains("now."), "{}", said(&late));
    let ends = |events: &[flyball_testkit::SseEvent]| {
        events
            .iter()
            .rev()
            .find_map(|event| event.json()?["choices"][0]["finish_reason"].as_str().map(str::to_owned))
    };
    assert_eq!((ends(&early).as_deref(), ends(&late).as_deref()), (Some("stop"), Some("content_filter")));
}

#[tokio::test]
async fn the_policy_of_governed_speed_does_what_its_three_rules_say() {
    let simulator = Simulator::start().await.unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/governed-speed.yaml");
    let flyball = start(&simulator, "", &fs::read_to_string(shipped).unwrap()).await;
    let client = tenant(&flyball);

    // Rule 1: personal data needs a lawful basis, and only an operator can note one.
    let refused = ask(&client, "sim", EMAIL).await;
    assert_eq!(refused.status, 403);
    let error = refused.json().unwrap()["error"].clone();
    assert_eq!(
        (&error["code"], &error["rules"]),
        (&json!("policy_blocked"), &json!(["pii-without-lawful-basis"]))
    );
    assert_eq!(refused.header("x-flyball-action"), Some("block"));
    assert_eq!(ask(&client, "contracted", EMAIL).await.status, 200, "noted on the route");
    assert_eq!(ask(&client, "sim", "Hello.").await.status, 200);
    let operator = flyball.client().with_key(flyball.operator_key().unwrap());
    for basis in ["consent", "contract", "legal_obligation", "legitimate_interest", "public_task"] {
        let key = json!({"tenant": "demo", "lawful_basis": basis});
        let key = operator.post("/v1/keys", &key).await.unwrap().json().unwrap();
        let noted = flyball.client().with_key(key["key"].as_str().unwrap());
        assert_eq!(ask(&noted, "sim", EMAIL).await.status, 200, "noted on the key: {basis}");
        let filter = noted.post("/filter/prompt", &json!({ "prompt": EMAIL })).await.unwrap().json().unwrap();
        assert_eq!(
            (&filter["allowed"], &filter["signals"]["request.lawful_basis"]),
            (&json!(true), &json!(basis))
        );
    }
    let stated = json!({"model": "sim", "lawful_basis": "consent", "metadata": {"lawful_basis": "consent"},
                        "messages": [{"role": "user", "content": EMAIL}]});
    assert_eq!(client.post("/v1/chat/completions", &stated).await.unwrap().status, 403);
    let stated = json!({"prompt": EMAIL, "context": {"lawful_basis": "consent", "contains_pii": false}});
    let stated = client.post("/filter/prompt", &stated).await.unwrap().json().unwrap();
    assert_eq!((&stated["allowed"], &stated["action"]), (&json!(false), &json!("block")));
    assert!(stated.get("output").is_none());

    // Rule 2: a jailbreak score above 0.8, here as the caller states it.
    for (score, action) in [(0.8, "allow"), (0.81, "safe_mode"), (1.0, "safe_mode")] {
        let asked = json!({"prompt": "Hello.", "context": {"jailbreak_score": score}});
        let filter = client.post("/filter/prompt", &asked).await.unwrap().json().unwrap();
        assert_eq!((&filter["action"], &filter["allowed"]), (&json!(action), &json!(true)), "{score}");
    }

    // Rule 3: what copies its context is summarised.
    let passage = "The harbour committee met on Monday to discuss the new budget for the bridge and the quay. \
                   After a long debate the members approved the plan with nine votes against two.";
    let copied = format!("sim: text={}\nRepeat: {passage}", Simulator::script_text(passage));
    let answer = ask(&client, "sim", &copied).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-flyball-action")), (200, Some("summarize")));
    assert!(!answer.text().contains("committee met on Monday to discuss the new"), "{}", answer.text());
    let asked = json!({"output": passage, "context": {"sources": [passage]}});
    let filter = client.post("/filter/output", &asked).await.unwrap().json().unwrap();
    assert_eq!(
        (&filter["action"], &filter["signals"]["output.verbatim_ratio"]),
        (&json!("summarize"), &json!(1.0))
    );
    assert_ne!(filter["output"], passage);
}

#[tokio::test]
async fn what_a_caller_states_to_a_filter_only_tightens() {
    let simulator = Simulator::start().await.unwrap();
    let text = policy(
        "  - {id: in, description: Personal data, when: prompt.contains_pii, action: block}\n  \
         - {id: out, when: output.contains_pii, action: mask}\n  \
         - {id: copied, when: output.verbatim_ratio > 0.4, action: block}\n",
    );
    let flyball = start(&simulator, "", &text).await;
    let client = tenant(&flyball);
    let filter = async |path: &str, body: Value| client.post(path, &body).await.unwrap().json().unwrap();
    for (context, allowed) in
        [(json!({"contains_pii": true}), false), (json!({"contains_pii": false}), true), (json!({}), true)]
    {
        let answer = filter("/filter/prompt", json!({"prompt": "Hello.", "context": context})).await;
        assert_eq!(answer["allowed"], allowed, "{answer}");
    }
    let answer = filter("/filter/prompt", json!({"prompt": EMAIL, "context": {"contains_pii": false}})).await;
    assert_eq!(
        (&answer["allowed"], &answer["reasons"][0]["rule"]),
        (&json!(false), &json!("in")),
        "{answer}"
    );
    let start = EMAIL.find("alex").unwrap();
    let finding = &answer["findings"][0];
    assert_eq!((&finding["kind"], &finding["start"]), (&json!("email"), &json!(start)), "{answer}");
    assert!(!answer.to_string().contains("alex"), "findings carry no text: {answer}");

    let answer = filter("/filter/output", json!({"output": EMAIL, "context": {"verbatim_ratio": 0.0}})).await;
    assert_eq!((&answer["action"], &answer["output"]), (&json!("mask"), &json!("Write to <email>, please.")));
    let answer =
        filter("/filter/output", json!({"output": "Hello.", "context": {"verbatim_ratio": 0.5}})).await;
    assert_eq!((&answer["action"], answer.get("output")), (&json!("block"), None));
    let process = filter("/process", json!({ "prompt": EMAIL })).await;
    assert_eq!((&process["status"], &process["sanitized_prompt"]), (&json!("blocked"), &Value::Null));
    assert_eq!(process["reason"], "Personal data");
    for context in
        [json!({"jailbreak_score": 1.5}), json!({"jailbreak_score": "high"}), json!({"contains_pii": "no"})]
    {
        let answer =
            client.post("/filter/prompt", &json!({"prompt": "Hi", "context": context})).await.unwrap();
        assert_eq!(answer.status, 400, "{context}");
    }
}

#[tokio::test]
async fn decisions_are_counted_by_stage_action_and_rule() {
    let simulator = Simulator::start().await.unwrap();
    let text = policy(
        "  - {id: in, when: prompt.contains_pii, action: block}\n  \
         - {id: careful, when: request.has_tools, action: safe_mode}\n  \
         - {id: out, when: output.contains_pii, action: mask}\n",
    );
    let flyball = start(&simulator, "", &text).await;
    let client = tenant(&flyball);
    let says = format!("sim: text={}\nGo on.", Simulator::script_text(EMAIL));
    let body = |prompt: &str, stream: bool, tools: bool| {
        let mut body =
            json!({"model": "sim", "stream": stream, "messages": [{"role": "user", "content": prompt}]});
        if tools {
            body["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
        }
        body
    };
    for (body, action) in [
        (body("Hello.", false, false), "allow"),
        (body(EMAIL, false, false), "block"),
        (body(&says, false, false), "mask"),
        (body("Hello.", false, true), "safe_mode"),
        (body(&says, false, true), "safe_mode"),
    ] {
        let answer = client.post("/v1/chat/completions", &body).await.unwrap();
        assert_eq!(answer.header("x-flyball-action"), Some(action), "{body}");
    }
    for prompt in ["Hello.", &says] {
        let events = client
            .stream("/v1/chat/completions", &body(prompt, true, false))
            .await
            .unwrap()
            .rest()
            .await
            .unwrap();
        assert!(events.last().unwrap().is_done());
    }
    let text = metrics(&flyball).await;
    for (stage, action, rule, count) in [
        ("prompt", "allow", "", 4),
        ("prompt", "block", "in", 1),
        ("prompt", "safe_mode", "careful", 2),
        ("output", "allow", "", 3),
        ("output", "mask", "out", 3),
    ] {
        let line = format!(
            "flyball_decisions_total{{stage=\"{stage}\",action=\"{action}\",rule=\"{rule}\"}} {count}\n"
        );
        assert!(text.contains(&line), "{line}{text}");
    }
}
