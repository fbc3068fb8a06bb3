//! What a key may see and use: the model list and the calls agree, and a forbidden model looks like an unknown one.

use flyball_testkit::Client;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{CHAT, Pair, ask};

async fn models(client: &Client) -> Vec<String> {
    let list = client.get("/v1/models").await.unwrap().json().unwrap();
    assert_eq!(list["object"], "list");
    let name = |model: &Value| {
        assert_eq!((&model["object"], &model["owned_by"]), (&json!("model"), &json!("sim")));
        model["id"].as_str().unwrap().to_owned()
    };
    list["data"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn a_key_sees_and_uses_the_models_of_its_patterns_and_no_others() {
    let pair = Pair::start(|_, routes| {
        routes
            .route("chat-small", "provider: sim, model: sim, aliases: [tiny]")
            .route("chat-large", "provider: sim, model: sim")
            .route("secret", "provider: sim, model: sim, aliases: [chat-alias-of-secret]")
    })
    .await;
    let operator = pair.flyball.client().with_key(pair.flyball.operator_key().unwrap());
    let everything = ["chat-alias-of-secret", "chat-large", "chat-small", "secret", "sim", "tiny"];
    assert_eq!(models(&pair.client).await, everything);
    for (patterns, allowed) in [
        (json!(["chat-*"]), vec!["chat-large", "chat-small", "tiny"]),
        (json!(["tiny"]), vec!["tiny"]),
        (json!(["*-small", "sim"]), vec!["chat-small", "sim", "tiny"]),
        (json!(["secret"]), vec!["chat-alias-of-secret", "secret"]),
        (json!(["*"]), everything.to_vec()),
        (json!(["nothing-*"]), vec![]),
    ] {
        let wanted = json!({"tenant": "demo", "name": "limited", "models": patterns});
        let created = operator.post("/v1/keys", &wanted).await.unwrap();
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
        let created = created.json().unwrap();
        assert_eq!(created["models"], patterns);
        let client = pair.flyball.client().with_key(created["key"].as_str().unwrap());
        assert_eq!(models(&client).await, allowed, "{patterns}");
        for model in everything {
            let may = allowed.contains(&model);
            let described = client.get(&format!("/v1/models/{model}")).await.unwrap();
            assert_eq!(described.status.is_success(), may, "{model} for {patterns}");
            let started = pair.simulator.counts().started;
            for (path, stream) in
                [(CHAT, false), (CHAT, true), ("/v1/embeddings", false), ("/proxy/completion", false)]
            {
                let mut body =
                    ask("Say exactly: hello", &json!({"stream": stream, "input": "x", "prompt": "x"}));
                body["model"] = json!(model);
                let answer = client.post(path, &body).await.unwrap();
                if may {
                    assert_eq!(answer.status, StatusCode::OK, "{model} for {patterns}: {}", answer.text());
                    continue;
                }
                // Word for word what an unknown model gets.
                body["model"] = json!("no-such-model");
                let unknown = client.post(path, &body).await.unwrap();
                let said = |answer: &flyball_testkit::Answer| {
                    let mut error = answer.json().unwrap();
                    error["error"]["request_id"] = Value::Null;
                    (answer.status, error)
                };
                assert_eq!(said(&answer), said(&unknown), "{model} for {patterns}");
                assert_eq!(answer.status, StatusCode::NOT_FOUND);
            }
            assert_eq!(
                pair.simulator.counts().started > started,
                may,
                "a provider hears of allowed calls only"
            );
        }
        // A revoked key is dead with the answer to its revocation.
        let path = format!("/v1/keys/{}", created["id"].as_str().unwrap());
        let revoked =
            operator.send(operator.request(Method::DELETE, &path, "".into()).unwrap()).await.unwrap();
        assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.text());
        assert_eq!(client.get("/v1/models").await.unwrap().status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            client.post(CHAT, &ask("hello", &json!({}))).await.unwrap().status,
            StatusCode::UNAUTHORIZED
        );
    }
}

#[tokio::test]
async fn a_caller_that_speaks_messages_is_told_models_in_their_shape() {
    let pair = Pair::start(|_, routes| routes.route("chat", "provider: sim, model: sim")).await;
    let get = async |path: &str| {
        let mut request = pair.client.request(Method::GET, path, bytes::Bytes::new()).unwrap();
        let version = http::HeaderValue::from_static("2023-06-01");
        request.headers_mut().insert("anthropic-version", version);
        pair.client.send(request).await.unwrap()
    };
    let model = |id: &str| json!({"type": "model", "id": id, "display_name": id, "created_at": "1970-01-01T00:00:00Z"});
    let all = json!({"data": [model("chat"), model("sim")], "has_more": false, "first_id": "chat", "last_id": "sim"});
    assert_eq!(get("/v1/models").await.json().unwrap(), all);
    assert_eq!(get("/v1/models?limit=1000").await.json().unwrap(), all);
    assert_eq!(get("/v1/models/chat").await.json().unwrap(), model("chat"));
    assert_eq!(get("/v1/models/other").await.status, StatusCode::NOT_FOUND);
}
