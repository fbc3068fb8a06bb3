//! Providers that are like OpenAI, and in what they are not.

use super::*;

/// A request with everything that somebody renames or refuses.
fn everything() -> Value {
    json!({
        "model": "model",
        "messages": [{"role": "user", "content": "Hello."}],
        "max_completion_tokens": 50,
        "seed": 7,
        "temperature": 0.5,
        "user": "u-1",
        "parallel_tool_calls": false,
        "store": false,
        "metadata": {"job": "night"},
        "service_tier": "auto",
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "prompt_cache_retention": "24h",
    })
}

#[tokio::test]
async fn what_a_provider_calls_otherwise_is_renamed_and_what_it_refuses_is_dropped_by_name() {
    let bookkeeping = [
        "store",
        "metadata",
        "service_tier",
        "prompt_cache_key",
        "safety_identifier",
        "prompt_cache_retention",
    ];
    let with = |more: &[&'static str]| [more, &bookkeeping[..]].concat();
    let canned = Canned::start().await.unwrap();
    canned.answer(CHAT_ANSWER);
    for (kind, cap, seed, dropped) in [
        ("mistral", "max_tokens", "random_seed", with(&["user"])),
        ("cohere", "max_tokens", "seed", with(&["user", "parallel_tool_calls"])),
        (
            "groq",
            "max_completion_tokens",
            "seed",
            bookkeeping.into_iter().filter(|name| *name != "service_tier").collect(),
        ),
        ("ollama", "max_tokens", "seed", Vec::new()),
        ("openrouter", "max_tokens", "seed", vec!["store"]),
    ] {
        let (_flyball, client) =
            gateway(&format!("kind: {kind}, base_url: \"{}\", api_key: env:ONE", canned.base_url())).await;
        let asked = everything();
        let answer = chat(&client, &asked).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
        let mut named: Vec<_> = answer
            .header("x-flyball-dropped")
            .unwrap_or_default()
            .split(", ")
            .filter(|n| !n.is_empty())
            .collect();
        let mut expected = dropped.clone();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected, "{kind}");

        let mut body = asked.as_object().unwrap().clone();
        body.insert("model".to_owned(), json!("m:1"));
        for name in &dropped {
            body.remove(*name).unwrap();
        }
        for (theirs, ours) in [(cap, "max_completion_tokens"), (seed, "seed")] {
            let value = body.remove(ours).unwrap();
            body.insert(theirs.to_owned(), value);
        }
        let sent = last(&canned);
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), Value::Object(body), "{kind}");
        assert_eq!((sent.target.as_str(), sent.method.as_str()), ("/v1/chat/completions", "POST"), "{kind}");
        assert_eq!(sent.header("authorization"), Some("Bearer key-one"), "{kind}");
    }
}

#[tokio::test]
async fn usage_of_a_stream_is_asked_for_except_where_it_comes_unasked() {
    let canned = Canned::start().await.unwrap();
    canned.answer_events([
        r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi."},"finish_reason":null}]}"#,
        r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
    ]);
    for (kind, asks) in [("mistral", false), ("groq", true), ("openai", true)] {
        let (_flyball, client) = gateway(&format!("kind: {kind}, base_url: \"{}\"", canned.base_url())).await;
        let mut body = hello();
        body["stream"] = json!(true);
        let events = client.stream("/v1/chat/completions", &body).await.unwrap();
        assert_eq!(events.status, 200, "{kind}");
        assert!(events.rest().await.unwrap().last().unwrap().is_done(), "{kind}");
        let sent: Value = serde_json::from_slice(&last(&canned).body).unwrap();
        let expected = if asks { json!({"include_usage": true}) } else { Value::Null };
        assert_eq!(sent["stream_options"], expected, "{kind}: {sent}");
    }
}

#[tokio::test]
async fn azure_is_asked_for_deployments_in_its_own_form() {
    let canned = Canned::start().await.unwrap();
    canned.answer(CHAT_ANSWER);
    let settings = format!(
        "kind: azure-openai, base_url: \"{}/\", api_key: env:ONE, api_version: 2024-10-21",
        canned.root()
    );
    let (_flyball, client) = gateway(&settings).await;
    assert_eq!(chat(&client, &hello()).await.status, 200);
    let sent = last(&canned);
    assert_eq!(sent.target, "/openai/deployments/m%3A1/chat/completions?api-version=2024-10-21");
    assert_eq!((sent.header("api-key"), sent.header("authorization")), (Some("key-one"), None));

    canned.answer(r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}"#);
    let answer = client.post("/v1/embeddings", &json!({"model": "model", "input": "Hello."})).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(last(&canned).target, "/openai/deployments/m%3A1/embeddings?api-version=2024-10-21");
}
