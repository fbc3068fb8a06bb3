//! Amazon's Signature Version 4, computed again from its published description and compared.

use sha2::{Digest, Sha256};

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 2104 over SHA-256, for keys that fit a block.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(pad, byte)| *pad ^= byte);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// What is signed.
struct Signed<'a> {
    method: &'a str,
    /// Each segment encoded twice, as every service but S3 wants it.
    path: &'a str,
    /// In order, in lower case.
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    date: &'a str,
    service: &'a str,
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn signature(secret: &str, signed: &Signed<'_>) -> String {
    let headers: String = signed.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names: Vec<_> = signed.headers.iter().map(|(name, _)| *name).collect();
    let body = hex(&Sha256::digest(signed.body));
    let canonical = format!("{}\n{}\n\n{headers}\n{}\n{body}", signed.method, signed.path, names.join(";"));
    let day = &signed.date[..8];
    let scope = format!("{day}/us-east-1/{}/aws4_request", signed.service);
    let digest = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", signed.date);
    let key = [day, "us-east-1", signed.service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part.as_bytes()));
    hex(&hmac(&key, text.as_bytes()))
}

#[test]
fn the_computation_gives_what_amazons_test_suite_publishes() {
    let vanilla = Signed {
        method: "GET",
        path: "/",
        headers: &[("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")],
        body: b"",
        date: "20150830T123600Z",
        service: "service",
    };
    assert_eq!(
        signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &vanilla),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
}

#[tokio::test]
async fn calls_to_bedrock_are_signed_with_the_access_key() {
    let canned = Canned::start().await.unwrap();
    canned.answer(CONVERSE_ANSWER);
    let settings = format!(
        "kind: bedrock, region: us-east-1, base_url: \"{}\", access_key_id: env:ONE, \
         secret_access_key: env:TWO, session_token: env:THREE",
        canned.root()
    );
    let (_flyball, client) = gateway(&settings).await;
    let answer = chat(&client, &hello()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = last(&canned);
    assert_eq!(sent.target, "/model/m%3A1/converse");
    let header = |name: &str| sent.header(name).unwrap();
    let date = header("x-amz-date");
    let expected = signature(
        "key-two",
        &Signed {
            method: "POST",
            path: "/model/m%253A1/converse",
            headers: &[("host", header("host")), ("x-amz-date", date), ("x-amz-security-token", "key-three")],
            body: &sent.body,
            date,
            service: "bedrock",
        },
    );
    assert_eq!(
        header("authorization"),
        format!(
            "AWS4-HMAC-SHA256 Credential=key-one/{}/us-east-1/bedrock/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={expected}",
            &date[..8]
        )
    );
    assert_eq!(header("x-amz-security-token"), "key-three");
}

#[tokio::test]
async fn an_api_key_of_bedrock_is_sent_as_a_bearer_token_and_nothing_is_signed() {
    let canned = Canned::start().await.unwrap();
    canned.answer(CONVERSE_ANSWER);
    let settings =
        format!("kind: bedrock, region: us-east-1, base_url: \"{}\", api_key: env:ONE", canned.root());
    let (_flyball, client) = gateway(&settings).await;
    assert_eq!(chat(&client, &hello()).await.status, 200);
    let sent = last(&canned);
    assert_eq!(sent.header("authorization"), Some("Bearer key-one"));
    assert!(sent.header("x-amz-date").is_none());
}
