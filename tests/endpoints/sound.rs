//! Texts read aloud and recordings written down: what can be read of them is guarded, the sound itself passes as it
//! came and is said to be unseen.

use bytes::Bytes;
use flyball_testkit::client::set;
use flyball_testkit::{Answer, Client};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Before, PERSONAL, TAG};

const SPEECH: &str = "/v1/audio/speech";
const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";

/// The endpoints whose guard is tested here.
pub(crate) const GUARDED: [&str; 2] = [SPEECH, TRANSCRIPTIONS];

/// Bytes that are no text and hold a line end and what looks like a boundary.
const SOUND: &[u8] = b"ID3\x04\xFF\xFB\x90\r\n--x--\r\n\x00\xFE";

/// A form in a caller's own layout; `prompt` and the name of the file are the caller's words.
fn form(prompt: &str, file_name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    let fields = [
        ("model", "canned"),
        ("prompt", prompt),
        ("response_format", "json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    ];
    for (name, value) in fields {
        body.extend(
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\nContent-Type: audio/mpeg\r\n\r\n").bytes());
    body.extend(SOUND);
    body.extend(b"\r\n--b--\r\n");
    body
}

async fn transcribe(client: &Client, content_type: &str, body: Vec<u8>) -> Answer {
    let mut request = client.request(Method::POST, TRANSCRIPTIONS, Bytes::from(body)).unwrap();
    set(&mut request, CONTENT_TYPE, content_type).unwrap();
    client.send(request).await.unwrap()
}

const FORM: &str = "multipart/form-data; boundary=b";

/// The parts of the form that the provider received last: the text before each content, and the content.
fn parts(before: &Before) -> Vec<(String, Vec<u8>)> {
    let head = before.canned.heads().pop().unwrap();
    let content_type = head.headers["content-type"].to_str().unwrap().to_owned();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = before.canned.received().pop().unwrap();
    let mark = format!("--{boundary}");
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let mut rest = body.as_ref();
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark.as_bytes()) {
        pieces.push(rest[..at].to_vec());
        rest = &rest[at + mark.len()..];
    }
    assert_eq!(rest, b"--\r\n");
    let part = |piece: &Vec<u8>| {
        let at = piece.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(piece[..at].to_vec()).unwrap().trim().to_owned();
        (head, piece[at + 4..piece.len() - 2].to_vec())
    };
    pieces.iter().skip(1).map(part).collect()
}

#[tokio::test]
async fn a_recording_travels_unchanged_and_its_form_is_written_anew() {
    let before = Before::start("", None).await;
    before.canned.answer(r#"{"text":"Clean."}"#);
    let answer = transcribe(&before.client, FORM, form("Names: Ada.", "talk.mp3")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.text(), r#"{"text":"Clean."}"#);
    assert_eq!(before.canned.heads()[0].target, "/v1/audio/transcriptions");
    let parts = parts(&before);
    let field = |name: &str, value: &str| {
        (format!("content-disposition: form-data; name=\"{name}\""), value.as_bytes().to_vec())
    };
    let file =
        "content-disposition: form-data; name=\"file\"; filename=\"talk.mp3\"\r\ncontent-type: audio/mpeg";
    let expected = [
        field("model", "m"),
        field("prompt", "Names: Ada."),
        field("response_format", "json"),
        field("timestamp_granularities[]", "word"),
        field("timestamp_granularities[]", "segment"),
        (file.to_owned(), SOUND.to_vec()),
    ];
    assert_eq!(parts, expected);
    let recorded = before.recorded(&answer).await;
    assert_eq!(
        (&recorded["operation"], &recorded["settlement"]["counting"]),
        (&json!("transcriptions"), &json!("counted"))
    );
}

#[tokio::test]
async fn the_words_of_a_form_are_masked_and_blocked() {
    let before = Before::start("", Some("  - {id: mask, when: prompt.contains_pii, action: mask}\n")).await;
    before.canned.answer(r#"{"text":"Clean."}"#);
    let answer =
        transcribe(&before.client, FORM, form(&format!("It is {PERSONAL}."), &format!("{PERSONAL}.mp3")))
            .await;
    assert_eq!((answer.status, answer.header("x-flyball-action")), (StatusCode::OK, Some("mask")));
    let parts = parts(&before);
    assert_eq!(parts[1].1, format!("It is {TAG}.").as_bytes());
    assert!(parts[5].0.contains(&format!("filename=\"{TAG}.mp3\"")), "{}", parts[5].0);
    assert!(!before.received().contains("alex"));
    for rules in ["prompt.contains_pii", "request.unseen_input"] {
        let rules = format!("  - {{id: no, when: {rules}, action: block}}\n");
        let before = Before::start("", Some(&rules)).await;
        let answer = transcribe(&before.client, FORM, form(PERSONAL, "a.mp3")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
        assert_eq!(before.canned.received().len(), 0);
    }
}

#[tokio::test]
async fn what_was_said_is_masked_in_every_form_of_answer() {
    let before = Before::start("", None).await;
    let said = format!("It is {PERSONAL} here.");
    let told = |text: &str| json!({"text": text, "language": "en", "segments": [{"id": 0, "text": text}], "words": [{"word": text, "start": 0.5}], "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45}});
    before.canned.answer(told(&said).to_string());
    let answer = transcribe(&before.client, FORM, form("", "a.mp3")).await;
    assert_eq!(answer.json().unwrap(), told(&said.replace(PERSONAL, TAG)));
    let settled = before.recorded(&answer).await["settlement"].clone();
    assert_eq!((&settled["input_tokens"], &settled["output_tokens"]), (&json!(14), &json!(45)));
    let subtitles = |text: &str| format!("1\n00:00:00,000 --> 00:00:04,000\n{text}\n\"\u{e9}\"\n\n");
    for content_type in ["text/plain; charset=utf-8", "text/vtt", "application/x-subrip"] {
        for text in [said.as_str(), "Clean."] {
            before.canned.answer_as(content_type, subtitles(text));
            let answer = transcribe(&before.client, FORM, form("", "a.mp3")).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            assert_eq!(answer.text(), subtitles(&text.replace(PERSONAL, TAG)), "{content_type}");
            assert_eq!(answer.header("content-type"), Some(content_type));
        }
    }
    let before = Before::start("", Some("  - {id: no, when: output.contains_pii, action: block}\n")).await;
    before.canned.answer_as("text/plain", said);
    let answer = transcribe(&before.client, FORM, form("", "a.mp3")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(!answer.text().contains("alex"));
    before.canned.answer_as("text/plain", &b"\xFF"[..]);
    let answer = transcribe(&before.client, FORM, form("", "a.mp3")).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{}", answer.text());
}

#[tokio::test]
async fn forms_that_cannot_be_read_are_refused_by_name() {
    let before = Before::start("", None).await;
    let good = form("", "a.mp3");
    let replaced = |from: &str, to: &str| {
        let text: String = good.iter().map(|byte| char::from(*byte)).collect();
        text.replace(from, to).chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<u8>>()
    };
    for (content_type, body, code, param) in [
        ("application/json", b"{}".to_vec(), "malformed_form", "body"),
        ("multipart/form-data", good.clone(), "malformed_form", "body"),
        (FORM, good[..good.len() - 8].to_vec(), "malformed_form", "body"),
        (FORM, replaced("; name=\"model\"", ""), "malformed_form", "body"),
        (FORM, replaced("name=\"model\"", "name=\"other\""), "missing_required_parameter", "model"),
        (FORM, replaced("; filename=\"a.mp3\"", ""), "invalid_value", "file"),
        (FORM, replaced("name=\"file\"", "name=\"sound\""), "invalid_value", "sound"),
        (FORM, replaced("name=\"prompt\"", "name=\"stream\""), "invalid_value", "stream"),
        (FORM, b"--b--\r\n".to_vec(), "missing_required_parameter", "file"),
    ] {
        let answer = transcribe(&before.client, content_type, body).await;
        let error = answer.json().unwrap()["error"].clone();
        assert!(answer.status.is_client_error(), "{error}");
        assert_eq!((&error["code"], &error["param"]), (&json!(code), &json!(param)), "{error}");
    }
    assert_eq!(before.canned.received().len(), 0);
}

fn aloud(text: &str) -> Value {
    json!({"model": "canned", "input": text, "voice": "alloy", "instructions": text, "response_format": "mp3"})
}

#[tokio::test]
async fn a_text_is_read_aloud_and_the_sound_passes_as_it_comes() {
    let before = Before::start("", Some("  - {id: mask, when: prompt.contains_pii, action: mask}\n")).await;
    for content_type in ["audio/mpeg", "application/octet-stream"] {
        before.canned.answer_as(content_type, SOUND);
        let answer = before.client.post(SPEECH, &aloud(&format!("Write to {PERSONAL}."))).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some(content_type)));
        assert_eq!(answer.body, SOUND);
        let mut told: Value = serde_json::from_str(&before.received()).unwrap();
        told["model"] = json!("canned");
        assert_eq!(told, aloud(&format!("Write to {TAG}.")));
        let settled = before.recorded(&answer).await["settlement"].clone();
        assert_eq!((&settled["counting"], &settled["output_tokens"]), (&json!("counted"), &json!(0)));
        assert!(
            settled["input_tokens"].as_u64().unwrap() > 2 && settled["output_hash"].is_string(),
            "{settled}"
        );
    }
    // What calls itself something else is not taken for sound.
    for content_type in ["application/json", "text/html"] {
        before.canned.answer_as(content_type, format!("\"{PERSONAL}\""));
        let answer = before.client.post(SPEECH, &aloud("Go on.")).await.unwrap();
        assert_eq!(answer.json().unwrap()["error"]["code"], "provider_invalid_answer", "{content_type}");
    }
}

#[tokio::test]
async fn what_the_policy_forbids_is_not_read_aloud() {
    let rules = "  - {id: in, when: prompt.contains_pii, action: block}\n  - {id: out, when: 'output.length == 0 && request.operation == \"speech\" && request.model == \"silent\"', action: block}\n";
    let config = "  silent: {provider: canned, model: m}\n";
    let before = Before::start(config, Some(rules)).await;
    let answer = before.client.post(SPEECH, &aloud(PERSONAL)).await.unwrap();
    assert_eq!((answer.status, before.canned.received().len()), (StatusCode::FORBIDDEN, 0));
    before.canned.answer_as("audio/mpeg", SOUND);
    let mut body = aloud("Go on.");
    assert_eq!(before.client.post(SPEECH, &body).await.unwrap().status, StatusCode::OK);
    body["model"] = json!("silent");
    let answer = before.client.post(SPEECH, &body).await.unwrap();
    assert_eq!(answer.json().unwrap()["error"]["rules"], json!(["out"]), "output rules hold for sound too");
    for (field, value) in [("stream_format", json!("sse")), ("input", json!(["a"]))] {
        let mut body = aloud("Go on.");
        body[field] = value;
        let answer = before.client.post(SPEECH, &body).await.unwrap();
        assert_eq!(answer.json().unwrap()["error"]["param"], field);
    }
    for model in ["words", "vendor"] {
        let mut body = aloud("Go on.");
        body["model"] = json!(model);
        let answer = before.client.post(SPEECH, &body).await.unwrap();
        assert_eq!(answer.json().unwrap()["error"]["code"], "unsupported_operation", "{model}");
    }
}
