//! Several keys of one provider.

use http::StatusCode;

use super::*;

#[tokio::test]
async fn calls_take_the_key_that_was_used_least_and_let_one_rest_that_is_told_to_slow_down() {
    let canned = Canned::start().await.unwrap();
    canned.answer(CHAT_ANSWER);
    let settings =
        format!("kind: openai, base_url: \"{}\", api_keys: [env:ONE, env:TWO, env:THREE]", canned.base_url());
    let (_flyball, client) = gateway(&settings).await;
    let used = async |calls: usize| {
        let before = canned.asked().len();
        for _ in 0..calls {
            chat(&client, &hello()).await;
        }
        let mut keys: Vec<_> = canned.asked()[before..]
            .iter()
            .map(|asked| asked.header("authorization").unwrap().to_owned())
            .collect();
        keys.sort();
        keys
    };
    let every = ["Bearer key-one", "Bearer key-three", "Bearer key-two"];
    assert_eq!(used(3).await, every);

    canned.fail_for(200, StatusCode::TOO_MANY_REQUESTS, r#"{"error":{"message":"slow down"}}"#);
    let refused = chat(&client, &hello()).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("200"));
    let resting = last(&canned).header("authorization").unwrap().to_owned();
    canned.answer(CHAT_ANSWER);
    let working: Vec<_> = every.into_iter().filter(|key| *key != resting).collect();
    assert_eq!(used(4).await, [working[0], working[0], working[1], working[1]], "{resting} rests");
}

#[tokio::test]
async fn a_key_of_a_pool_goes_where_its_provider_reads_keys() {
    let canned = Canned::start().await.unwrap();
    for (kind, answer, header, prefix) in [
        ("anthropic", MESSAGES_ANSWER, "x-api-key", ""),
        ("gemini", GEMINI_ANSWER, "x-goog-api-key", ""),
        ("azure-openai, api_version: 2024-10-21", CHAT_ANSWER, "api-key", ""),
        ("groq", CHAT_ANSWER, "authorization", "Bearer "),
    ] {
        canned.answer(answer);
        let settings =
            format!("kind: {kind}, base_url: \"{}\", api_key: env:ONE, api_keys: [env:TWO]", canned.root());
        let (_flyball, client) = gateway(&settings).await;
        let mut keys = Vec::new();
        for _ in 0..2 {
            assert_eq!(chat(&client, &hello()).await.status, 200, "{kind}");
            keys.push(last(&canned).header(header).unwrap().to_owned());
        }
        assert_eq!(keys, [format!("{prefix}key-one"), format!("{prefix}key-two")], "{kind}");
    }
}
