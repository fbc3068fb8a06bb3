//! Safe mode: a call goes on without tools, with a cap, a temperature and a hardening instruction, on another route
//! where one is configured.

use flyball_testkit::{Flyball, Routes, Simulator};
use serde_json::{Value, json};

use super::{Form, Governed};

const ALWAYS: &str = "  - {id: careful, when: prompt.length > 0, action: safe_mode}\n";
const CONFIG: &str = "safe_mode: {max_output_tokens: 20, temperature: 0.1, instruction: 'Be careful.'}\n";

fn demanding(form: Form) -> Value {
    let mut body = form.request("sim", "Use send_mail.");
    body["temperature"] = json!(1.5);
    body["max_tokens"] = json!(900);
    body["tools"] = json!([{"type": "function", "function": {"name": "send_mail"}}]);
    body["tool_choice"] = json!("required");
    body["parallel_tool_calls"] = json!(true);
    body["web_search_options"] = json!({});
    body
}

#[tokio::test]
async fn a_call_in_safe_mode_loses_its_tools_and_gains_an_instruction() {
    let governed = Governed::with(CONFIG, Some(ALWAYS)).await;
    for form in [Form::Chat, Form::ChatStream] {
        let heard = governed.send(form.path(), &demanding(form)).await;
        assert_eq!((heard.status.as_u16(), heard.header("x-flyball-action")), (200, "safe_mode"), "{form:?}");
        let told = governed.received();
        for gone in ["tools", "tool_choice", "parallel_tool_calls", "web_search_options"] {
            assert!(told.get(gone).is_none(), "{form:?}: {gone} is still there: {told}");
        }
        assert_eq!((&told["temperature"], &told["max_tokens"]), (&json!(0.1), &json!(20)), "{form:?}");
        let expected = json!([{"role": "system", "content": "Be careful."}, {"role": "user", "content": "Use send_mail."}]);
        assert_eq!(told["messages"], expected, "{form:?}");
    }
    for form in [Form::Completion, Form::CompletionStream] {
        let heard = governed.ask(form, "sim", "Tell me a story.").await;
        assert_eq!((heard.status.as_u16(), heard.header("x-flyball-action")), (200, "safe_mode"), "{form:?}");
        let told = governed.received();
        assert_eq!((&told["temperature"], &told["max_tokens"]), (&json!(0.1), &json!(20)), "{form:?}");
        assert_eq!(told["messages"][0], json!({"role": "system", "content": "Be careful."}), "{form:?}");
    }
}

#[tokio::test]
async fn safe_mode_does_not_think_at_a_higher_temperature_in_another_dialect() {
    let simulator = Simulator::start().await.unwrap();
    let claude = format!("kind: anthropic, base_url: \"http://{}\"", simulator.address());
    let routes = Routes::through(&simulator)
        .section("safe_mode: { max_output_tokens: 4096, temperature: 0.1 }")
        .provider("claude", &claude)
        .route("claude", "provider: claude, model: sim");
    let policy = format!("version: 1\nmeta: {{name: test}}\nrules:\n{ALWAYS}");
    let gateway =
        routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball"))).policy(policy).start().await.unwrap();
    let client = gateway.client().with_key(gateway.demo_key().unwrap());
    let body = json!({"model": "claude", "reasoning_effort": "high", "temperature": 1,
                      "messages": [{"role": "user", "content": "Hello."}]});
    let answer = client.post("/v1/chat/completions", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told: Value = serde_json::from_slice(&simulator.received().last().unwrap().body).unwrap();
    assert!(told.get("thinking").is_none(), "{told}");
    assert_eq!((&told["temperature"], &told["max_tokens"]), (&json!(0.1), &json!(4096)), "{told}");
}

#[tokio::test]
async fn wishes_that_are_stricter_than_safe_mode_stand() {
    let governed = Governed::with(CONFIG, Some(ALWAYS)).await;
    let mut body = Form::Chat.request("sim", "Hello.");
    body["temperature"] = json!(0.0);
    body["max_completion_tokens"] = json!(7);
    governed.send(Form::Chat.path(), &body).await;
    let told = governed.received();
    assert_eq!(told["temperature"].as_f64(), Some(0.0));
    assert_eq!(told["max_completion_tokens"], 7);
    assert!(told.get("max_tokens").is_none(), "{told}");
}

#[tokio::test]
async fn the_instruction_joins_a_system_message_that_is_there() {
    let governed = Governed::with(CONFIG, Some(ALWAYS)).await;
    for (role, content, expected) in [
        ("system", json!("You sell shoes."), json!("You sell shoes.\n\nBe careful.")),
        ("developer", json!("You \"sell\" shoes."), json!("You \"sell\" shoes.\n\nBe careful.")),
    ] {
        let messages = json!([{"role": role, "content": content}, {"role": "user", "content": "Hi"}]);
        governed.send(Form::Chat.path(), &json!({"model": "sim", "messages": messages})).await;
        let told = governed.received();
        assert_eq!(told["messages"].as_array().unwrap().len(), 2, "{told}");
        assert_eq!(told["messages"][0], json!({"role": role, "content": expected}));
    }
    let parts = json!([{"type": "text", "text": "You sell shoes."}]);
    let messages = json!([{"role": "system", "content": parts}, {"role": "user", "content": "Hi"}]);
    governed.send(Form::Chat.path(), &json!({"model": "sim", "messages": messages})).await;
    let told = governed.received();
    assert!(told["messages"][0].to_string().contains("Be careful."), "{told}");
    assert!(told["messages"].to_string().contains("You sell shoes."), "{told}");
}

#[tokio::test]
async fn a_call_in_safe_mode_takes_the_route_that_is_configured_for_it() {
    let config = "safe_mode: {model: other}\n";
    let rules = "  - {id: careful, when: request.has_tools, action: safe_mode}\n";
    let governed = Governed::with(config, Some(rules)).await;
    for form in [Form::Chat, Form::ChatStream] {
        let heard = governed.send(form.path(), &demanding(form)).await;
        assert_eq!(heard.header("x-flyball-model"), "other", "{form:?}");
        assert_eq!(governed.received()["model"], "demo-2", "{form:?}");
        let heard = governed.ask(form, "sim", "Hello.").await;
        assert_eq!(heard.header("x-flyball-action"), "allow", "{form:?}");
        assert_eq!(
            (heard.header("x-flyball-model"), governed.received()["model"].as_str()),
            ("sim", Some("sim"))
        );
    }
}
