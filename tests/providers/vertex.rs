//! Vertex AI with a service account: the assertion, the token, what happens without one.

use http::StatusCode;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rcgen::{KeyPair, PKCS_RSA_SHA256};

use super::*;

const EMAIL: &str = "robot@example-project.iam.gserviceaccount.com";

/// A service account's file whose tokens come from `tokens`.
fn account(key: &KeyPair, tokens: &Canned) -> String {
    json!({
        "type": "service_account",
        "client_email": EMAIL,
        "private_key_id": "key-1",
        "private_key": key.serialize_pem(),
        "token_uri": format!("{}/token", tokens.root()),
    })
    .to_string()
}

fn granted(token: &str, expires_in: u32) -> String {
    json!({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}).to_string()
}

/// A gateway whose Vertex AI is `model`, with the account in a file.
async fn vertex(file: &std::path::Path, model: &Canned) -> (Flyball, Client) {
    let settings = format!(
        "kind: vertex, project: example-project, location: europe-west4, base_url: \"{}\", credentials: \"{}\"",
        model.root(),
        file.display()
    );
    gateway(&settings).await
}

/// What the token endpoint was asked, its signature checked: the claims.
fn claims(key: &KeyPair, tokens: &Canned) -> Value {
    let asked = last(tokens);
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/token"));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form = String::from_utf8(asked.body.to_vec()).unwrap();
    let assertion = form
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .unwrap();
    let public = DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[format!("{}/token", tokens.root())]);
    validation.set_issuer(&[EMAIL]);
    let read = decode::<Value>(assertion, &public, &validation).unwrap();
    assert_eq!(read.header.kid.as_deref(), Some("key-1"));
    read.claims
}

#[tokio::test]
async fn calls_carry_a_token_that_is_asked_for_with_a_signed_assertion() {
    let (tokens, model) = (Canned::start().await.unwrap(), Canned::start().await.unwrap());
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    std::fs::write(&file, account(&key, &tokens)).unwrap();
    let (flyball, client) = vertex(&file, &model).await;
    tokens.answer(granted("token-a", 3600));
    model.answer(GEMINI_ANSWER);
    for _ in 0..3 {
        let answer = chat(&client, &hello()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let claims = claims(&key, &tokens);
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    assert_eq!(tokens.asked().len(), 1, "a token is kept while it holds");
    for asked in model.asked() {
        assert_eq!(asked.header("authorization"), Some("Bearer token-a"));
        let path = "/v1/projects/example-project/locations/europe-west4/publishers/google/models/m%3A1";
        assert_eq!(asked.target, format!("{path}:generateContent"));
    }

    // A token that the provider refuses is not sent twice.
    model.fail(StatusCode::UNAUTHORIZED, r#"{"error":{"code":401,"status":"UNAUTHENTICATED"}}"#);
    let refused = chat(&client, &hello()).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    tokens.answer(granted("token-b", 3600));
    model.answer(GEMINI_ANSWER);
    assert_eq!(chat(&client, &hello()).await.status, 200);
    assert_eq!(last(&model).header("authorization"), Some("Bearer token-b"));

    let said = format!("{}{}", flyball.stdout().unwrap(), flyball.stderr().unwrap());
    for secret in ["token-a", "token-b", "PRIVATE KEY"] {
        assert!(!said.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_token_is_renewed_a_minute_before_it_expires() {
    let (tokens, model) = (Canned::start().await.unwrap(), Canned::start().await.unwrap());
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    std::fs::write(&file, account(&key, &tokens)).unwrap();
    let (_flyball, client) = vertex(&file, &model).await;
    model.answer(GEMINI_ANSWER);
    for token in ["token-a", "token-b"] {
        tokens.answer(granted(token, 60));
        assert_eq!(chat(&client, &hello()).await.status, 200);
        assert_eq!(last(&model).header("authorization"), Some(format!("Bearer {token}").as_str()));
    }
    assert_eq!(tokens.asked().len(), 2);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_caller_is_told_whose_fault_it_is() {
    let (tokens, model) = (Canned::start().await.unwrap(), Canned::start().await.unwrap());
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    std::fs::write(&file, account(&key, &tokens)).unwrap();
    let (flyball, client) = vertex(&file, &model).await;
    let grant = r#"{"error":"invalid_grant","error_description":"secret words"}"#;
    let asked_for = async |client: &Client| {
        let answer = chat(client, &hello()).await;
        (answer.status.as_u16(), answer.json().unwrap()["error"]["code"].clone())
    };
    tokens.fail(StatusCode::BAD_REQUEST, grant);
    assert_eq!(asked_for(&client).await, (502, json!("provider_credential")));
    for nonsense in ["{}", "[]", "no", r#"{"access_token":""}"#, r#"{"access_token":"a\nb"}"#] {
        tokens.answer(nonsense);
        assert_eq!(asked_for(&client).await, (502, json!("provider_credential")), "{nonsense}");
    }
    assert!(model.asked().is_empty(), "nothing was sent to the model");
    assert!(!flyball.stderr().unwrap().contains("secret words"));
    // What was not sent costs nothing.
    let usage = client.get("/v1/usage").await.unwrap().json().unwrap();
    assert_eq!(usage["rows"][0]["input_tokens"], 0, "{usage}");

    // The same once the endpoint works again.
    tokens.answer(granted("token-a", 3600));
    model.answer(GEMINI_ANSWER);
    assert_eq!(chat(&client, &hello()).await.status, 200);
}

#[tokio::test]
async fn an_account_that_changes_is_read_again() {
    let (tokens, model) = (Canned::start().await.unwrap(), Canned::start().await.unwrap());
    let keys = [(); 2].map(|()| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    std::fs::write(&file, account(&keys[0], &tokens)).unwrap();
    let (flyball, client) = vertex(&file, &model).await;
    tokens.answer(granted("token-a", 0));
    model.answer(GEMINI_ANSWER);
    assert_eq!(chat(&client, &hello()).await.status, 200);
    claims(&keys[0], &tokens);

    std::fs::write(&file, account(&keys[1], &tokens)).unwrap();
    flyball.signal("HUP").unwrap();
    let public = DecodingKey::from_rsa_pem(keys[1].public_key_pem().as_bytes()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    for _ in 0..200 {
        assert_eq!(chat(&client, &hello()).await.status, 200);
        let form = String::from_utf8(last(&tokens).body.to_vec()).unwrap();
        let assertion = form.rsplit('=').next().unwrap();
        if decode::<Value>(assertion, &public, &validation).is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the new key was never used");
}
