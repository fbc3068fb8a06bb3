//! What a route changes in a call: the model's name, defaults, caps, names of parameters, what is left out, headers,
//! Azure's form.

use flyball_testkit::{Flyball, PROVIDER_KEY, Routes, Simulator};
use http::StatusCode;
use serde_json::{Value, json};

use super::{CHAT, Pair, ask};

/// Routes with every setting.
fn tuned(_: &Simulator, routes: Routes) -> Routes {
    routes
        .route(
            "tuned",
            "provider: sim, model: sim, aliases: [small, fast], \
             defaults: { temperature: 0.5, seed: 11, metadata: { team: search, levels: [1, 2] } }, \
             caps: { max_output_tokens: 50 }, rename: { max_tokens: max_completion_tokens }, \
             drop_params: [logit_bias, user]",
        )
        .route("capped", "provider: sim, model: sim, caps: { max_output_tokens: 50 }")
        .route(
            "generous",
            "provider: sim, model: sim, defaults: { max_tokens: 500 }, caps: { max_output_tokens: 50 }, \
             rename: { max_tokens: max_completion_tokens }",
        )
        .route(
            "own-names",
            "provider: sim, model: sim, caps: { max_output_tokens: 50 }, rename: { max_tokens: x_most }",
        )
        .route(
            "no-cap-parameter",
            "provider: sim, model: sim, caps: { max_output_tokens: 50 }, drop_params: [max_tokens]",
        )
}

/// The members of a request beside model and messages.
fn parameters(body: &Value) -> Value {
    let mut body = body.clone();
    let members = body.as_object_mut().unwrap();
    members.remove("model");
    members.remove("messages");
    body
}

#[tokio::test]
async fn a_routes_parameters_are_applied_and_no_key_stands_twice() {
    let pair = Pair::start(tuned).await;
    let metadata = json!({"team": "search", "levels": [1, 2]});
    let defaults = |more: Value| {
        let mut all =
            json!({"temperature": 0.5, "seed": 11, "metadata": metadata, "max_completion_tokens": 50});
        for (key, value) in more.as_object().unwrap() {
            all[key] = value.clone();
        }
        all
    };
    let dropped = Some("logit_bias, user");
    let cases = [
        ("tuned", json!({}), defaults(json!({})), None),
        ("tuned", json!({"temperature": 1.5}), defaults(json!({"temperature": 1.5})), None),
        ("tuned", json!({"temperature": 0}), defaults(json!({"temperature": 0})), None),
        ("tuned", json!({"temperature": null}), defaults(json!({})), None),
        ("tuned", json!({"max_tokens": 10}), defaults(json!({"max_completion_tokens": 10})), None),
        ("tuned", json!({"max_tokens": 5000}), defaults(json!({})), None),
        ("tuned", json!({"max_completion_tokens": 5000}), defaults(json!({})), None),
        ("tuned", json!({"max_tokens": null}), defaults(json!({})), None),
        (
            "tuned",
            json!({"max_tokens": 7, "max_completion_tokens": null}),
            defaults(json!({"max_completion_tokens": 7})),
            None,
        ),
        ("tuned", json!({"logit_bias": {"50256": -100}, "user": "u"}), defaults(json!({})), dropped),
        ("tuned", json!({"x_own": [1]}), defaults(json!({"x_own": [1]})), None),
        ("capped", json!({}), json!({"max_tokens": 50}), None),
        ("capped", json!({"max_tokens": 51}), json!({"max_tokens": 50}), None),
        ("capped", json!({"max_tokens": null}), json!({"max_tokens": 50}), None),
        ("capped", json!({"max_completion_tokens": 51}), json!({"max_completion_tokens": 50}), None),
        ("own-names", json!({}), json!({"x_most": 50}), None),
        ("own-names", json!({"max_tokens": 60}), json!({"x_most": 50}), None),
        ("own-names", json!({"max_tokens": null, "x_most": null}), json!({"x_most": 50}), None),
        ("own-names", json!({"x_most": 60}), json!({"x_most": 50}), None),
        ("own-names", json!({"x_most": "all"}), json!({"x_most": 50}), None),
        ("own-names", json!({"max_completion_tokens": 60}), json!({"max_completion_tokens": 50}), None),
        ("own-names", json!({"max_tokens": 60, "x_most": 70}), json!({"max_tokens": 50, "x_most": 50}), None),
        (
            "no-cap-parameter",
            json!({"max_tokens": 9}),
            json!({"max_completion_tokens": 50}),
            Some("max_tokens"),
        ),
        ("generous", json!({}), json!({"max_completion_tokens": 50}), None),
        ("generous", json!({"max_tokens": 20}), json!({"max_completion_tokens": 20}), None),
    ];
    for (route, more, expected, dropped) in cases {
        let what = format!("{route} with {more}");
        let mut body = ask("Say exactly: hello", &more);
        body["model"] = json!(route);
        let answer = pair.client.post(CHAT, &body).await.unwrap();
        // The simulator refuses a key that stands twice, as the gateway does.
        assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.text());
        let received = pair.received();
        assert_eq!(received["model"], "sim", "{what}");
        assert_eq!(parameters(&received), expected, "{what}");
        let text = String::from_utf8(pair.simulator.received().last().unwrap().body.to_vec()).unwrap();
        for key in expected.as_object().unwrap().keys() {
            assert_eq!(text.matches(&format!("\"{key}\"")).count(), 1, "{what}: {text}");
        }
        assert_eq!(answer.header("x-flyball-dropped"), dropped, "{what}");
        assert_eq!(answer.header("x-flyball-model"), Some(route), "{what}");
    }
}

#[tokio::test]
async fn an_alias_is_its_route() {
    let pair = Pair::start(tuned).await;
    for alias in ["small", "fast"] {
        let mut body = ask("Say exactly: hello", &json!({"max_tokens": 70}));
        body["model"] = json!(alias);
        let answer = pair.client.post(CHAT, &body).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("x-flyball-model"), Some("tuned"));
        assert_eq!(pair.received()["max_completion_tokens"], 50);
        let described = pair.client.get(&format!("/v1/models/{alias}")).await.unwrap().json().unwrap();
        assert_eq!((described["id"].as_str(), described["owned_by"].as_str()), (Some(alias), Some("sim")));
    }
}

#[tokio::test]
async fn headers_of_provider_and_route_leave_and_the_routes_win() {
    let pair = Pair::start(|simulator, routes| {
        let url = simulator.base_url();
        let headers = "headers: { x-team: provider, x-only-provider: p, openai-organization: org-ours }";
        routes
            .provider("extra", &format!("kind: openai, base_url: {url:?}, {headers}"))
            .route("extra", "provider: extra, model: sim, headers: { x-team: route, x-only-route: r }")
    })
    .await;
    let mut body = ask("Say exactly: hello", &json!({}));
    body["model"] = json!("extra");
    assert_eq!(pair.client.post(CHAT, &body).await.unwrap().status, StatusCode::OK);
    let received = pair.simulator.received().pop().unwrap();
    for (name, value) in [
        ("x-team", Some("route")),
        ("x-only-provider", Some("p")),
        ("x-only-route", Some("r")),
        ("openai-organization", Some("org-ours")),
        ("authorization", None),
    ] {
        assert_eq!(received.header(name), value, "{name}");
    }
    assert_eq!(received.headers.iter().filter(|(name, _)| name == "x-team").count(), 1);
}

#[tokio::test]
async fn azures_form_puts_the_deployment_into_the_path_and_the_key_into_its_own_header() {
    let pair = Pair::start(|simulator, routes| {
        let settings = format!(
            "kind: azure-openai, base_url: \"http://{}\", api_key: \"env:SIMULATOR_KEY\", \
             api_version: \"2024-10-21\"",
            simulator.address()
        );
        routes.provider("azure", &settings).route("gpt", "provider: azure, model: \"sim:text=a%20b/c\"")
    })
    .await;
    let mut body = ask("hello", &json!({}));
    body["model"] = json!("gpt");
    for stream in [false, true] {
        body["stream"] = json!(stream);
        let answer = pair.client.post(CHAT, &body).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let received = pair.simulator.received().pop().unwrap();
        let deployment = "/openai/deployments/sim%3Atext%3Da%2520b%2Fc";
        assert_eq!(received.path, format!("{deployment}/chat/completions?api-version=2024-10-21"));
        assert_eq!(received.header("api-key"), Some(PROVIDER_KEY));
        assert_eq!(received.header("authorization"), None);
    }
    let answer =
        pair.client.post("/v1/embeddings", &json!({"model": "gpt", "input": "hello"})).await.unwrap();
    let received = pair.simulator.received().pop().unwrap();
    assert!(received.path.ends_with("/embeddings?api-version=2024-10-21"), "{}", received.path);
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

/// Sends every call on in safe mode.
const CAREFUL: &str = "
version: 1
rules:
  - id: careful
    description: Calls to these models go on in safe mode.
    when: request.model.endsWith(\"loose\")
    action: safe_mode
    owner: security
";

#[tokio::test]
async fn nothing_that_a_route_sets_loosens_safe_mode() {
    let simulator = Simulator::start().await.unwrap();
    let tools =
        r#"tools: [{ type: function, function: { name: f } }], tool_choice: required, temperature: 1.9"#;
    let routes = Routes::through(&simulator)
        .route("loose", &format!("provider: sim, model: sim, defaults: {{ {tools}, max_tokens: 9000 }}"))
        .route(
            "renamed-loose",
            "provider: sim, model: sim, rename: { temperature: x_heat, max_tokens: x_most }",
        )
        .route(
            "cold-loose",
            "provider: sim, model: sim, defaults: { temperature: 0.1 }, drop_params: [tools]",
        )
        .route("bare-loose", "provider: sim, model: sim, drop_params: [temperature]")
        .section("safe_mode: { max_output_tokens: 64, temperature: 0.25, instruction: Be careful. }");
    let start = routes.setup(Flyball::builder(env!("CARGO_BIN_EXE_flyball"))).policy(CAREFUL);
    let flyball = start.start().await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let tool = json!([{"type": "function", "function": {"name": "g"}}]);
    for (route, more, expected) in [
        ("loose", json!({}), json!({"temperature": 0.25, "max_tokens": 64})),
        ("loose", json!({"tools": tool, "temperature": 0}), json!({"temperature": 0, "max_tokens": 64})),
        ("renamed-loose", json!({"temperature": 1}), json!({"x_heat": 0.25, "x_most": 64})),
        ("renamed-loose", json!({"x_heat": 1, "x_most": 10}), json!({"x_heat": 0.25, "x_most": 10})),
        ("cold-loose", json!({"tools": tool}), json!({"temperature": 0.1, "max_tokens": 64})),
        ("bare-loose", json!({"temperature": 2}), json!({"max_tokens": 64})),
    ] {
        let what = format!("{route} with {more}");
        let mut body = ask("Say exactly: hello", &more);
        body["model"] = json!(route);
        let answer = client.post(CHAT, &body).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.text());
        assert_eq!(answer.header("x-flyball-action"), Some("safe_mode"), "{what}");
        let received: Value = serde_json::from_slice(&simulator.received().last().unwrap().body).unwrap();
        assert_eq!(parameters(&received), expected, "{what}");
        assert_eq!(received["messages"][0], json!({"role": "system", "content": "Be careful."}), "{what}");
    }
}
