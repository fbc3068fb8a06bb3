//! Endpoints for sound: speech and transcriptions.

use crate::support::*;
use bytes::Bytes;
use flyball_demo::{Counted, Demo, DemoAnswer, DemoRequest, Step};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

const SPEECH: &str = "/v1/audio/speech";

fn spoken(more: Value) -> DemoAnswer {
    post(SPEECH, &with(json!({"model": "demo", "input": "Hello there.", "voice": "alloy"}), more))
}

/// The answer to a form with a file of two seconds, unless `file` is another.
fn transcribed(fields: &[(&str, &str)], file: Option<&[u8]>) -> DemoAnswer {
    let mut form = Vec::new();
    for (name, value) in fields {
        form.extend(
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    if let Some(file) = file {
        let head = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n";
        form.extend(head.bytes().chain(file.iter().copied()).chain(*b"\r\n"));
    }
    form.extend(b"--edge--\r\n");
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("multipart/form-data; boundary=edge"));
    let path = "/v1/audio/transcriptions";
    Demo::new().answer(DemoRequest { method: "POST", path, headers: &headers, body: Bytes::from(form) })
}

fn sound() -> Vec<u8> {
    vec![b'\r'; 64_000]
}

fn content_type(answer: &DemoAnswer) -> &str {
    answer.headers.iter().find(|(name, _)| name == "content-type").unwrap().1.to_str().unwrap()
}

#[test]
fn speech_is_a_wav_of_silence() {
    let answer = spoken(json!({}));
    assert_eq!(content_type(&answer), "audio/wav");
    let wav = body(&answer);
    let number =
        |at: usize| usize::try_from(u32::from_le_bytes(wav[at..at + 4].try_into().unwrap())).unwrap();
    assert_eq!((&wav[..4], &wav[8..16], &wav[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
    assert_eq!((number(4), number(40)), (wav.len() - 8, wav.len() - 44));
    assert!(wav.len() > 44 && wav[44..].iter().all(|byte| *byte == 0));
    assert_eq!(answer.length, u64::try_from(wav.len()).ok());
    assert!(answer.counted.input > 0);
    assert!(body(&spoken(json!({"input": "word ".repeat(50)}))).len() > wav.len());
}

#[test]
fn the_format_that_is_asked_for_is_named() {
    for (format, kind) in [
        ("mp3", "audio/mpeg"),
        ("opus", "audio/opus"),
        ("aac", "audio/aac"),
        ("flac", "audio/flac"),
        ("wav", "audio/wav"),
        ("pcm", "audio/pcm"),
    ] {
        assert_eq!(content_type(&spoken(json!({"response_format": format}))), kind);
    }
    let mp3 = body(&spoken(json!({"response_format": "mp3"})));
    assert!(mp3.chunks(104).all(|frame| frame.len() == 104 && frame.starts_with(&[0xff, 0xfb])));
    assert_eq!(body(&spoken(json!({"response_format": "pcm"}))).len() % 2, 0);
}

#[test]
fn a_transcription_says_how_much_was_heard() {
    let answer = transcribed(&[("model", "demo"), ("prompt", "Names: Ada.")], Some(&sound()));
    let said = document(&answer);
    assert_eq!(said["text"], "Names: Ada. I heard 64000 bytes of sound.");
    let usage = &said["usage"];
    let number = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(number("total_tokens"), number("input_tokens") + number("output_tokens"));
    assert_eq!(
        answer.counted,
        Counted { input: number("input_tokens"), output: vec![number("output_tokens")] }
    );
}

#[test]
fn every_format_of_a_transcription_holds_its_text() {
    let text = "I heard 64000 bytes of sound.";
    let told = |format: &str| {
        let answer = transcribed(&[("model", "demo"), ("response_format", format)], Some(&sound()));
        assert_eq!(answer.status, 200);
        assert_eq!(content_type(&answer).starts_with("application/json"), format.contains("json"));
        String::from_utf8(body(&answer)).unwrap()
    };
    assert_eq!(told("text"), format!("{text}\n"));
    assert_eq!(told("srt"), format!("1\n00:00:00,000 --> 00:00:02,000\n{text}\n\n"));
    assert_eq!(told("vtt"), format!("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n{text}\n\n"));
    let verbose: Value = serde_json::from_str(&told("verbose_json")).unwrap();
    assert_eq!(verbose["text"], text);
    assert_eq!(verbose["duration"], 2.0);
    assert_eq!(verbose["segments"][0]["text"], text);
    assert_eq!(verbose["usage"], json!({"type": "duration", "seconds": 2.0}));
}

#[test]
fn a_wrong_field_is_named() {
    for (more, param) in [
        (json!({"model": null}), "model"),
        (json!({"input": ""}), "input"),
        (json!({"input": "x".repeat(4097)}), "input"),
        (json!({"voice": null}), "voice"),
        (json!({"voice": 5}), "voice"),
        (json!({"speed": 5}), "speed"),
        (json!({"response_format": "midi"}), "response_format"),
        (json!({"stream_format": "sse"}), "stream_format"),
    ] {
        let answer = spoken(more);
        assert_eq!(answer.status, 400, "{param}");
        assert_eq!(error(&answer)["param"], param);
    }
    let model = ("model", "demo");
    let sound = sound();
    for (fields, file, param) in [
        (vec![], Some(sound.as_slice()), json!("model")),
        (vec![model], None, json!("file")),
        (vec![model, ("file", "no file")], None, json!("file")),
        (vec![model], Some(&b""[..]), json!("file")),
        (vec![model, ("response_format", "xml")], Some(&sound), json!("response_format")),
        (vec![model, ("temperature", "2")], Some(&sound), json!("temperature")),
        (vec![model, ("timestamp_granularities[]", "word")], Some(&sound), json!("timestamp_granularities")),
    ] {
        let answer = transcribed(&fields, file);
        assert_eq!(answer.status, 400, "{param}");
        assert_eq!(error(&answer)["param"], param);
    }
    assert_eq!(transcribed(&[("model", "whisper-1")], Some(&sound)).status, 404);
    assert_eq!(post("/v1/audio/transcriptions", &json!({"model": "demo"})).status, 400);
}

#[test]
fn scripts_steer_both() {
    assert_eq!(spoken(json!({"model": "sim:status=429"})).status, 429);
    assert_eq!(spoken(json!({"model": "sim", "input": "sim: cut=body\nhi"})).steps.last(), Some(&Step::Cut));
    let split = spoken(json!({"model": "sim:raw_split=100"}));
    assert!(sends(&split).iter().rev().skip(1).all(|send| send.len() == 100));
    assert_eq!(
        content_type(&spoken(json!({"model": "sim:wrong_content_type"}))),
        "text/plain; charset=utf-8"
    );
    let failed = spoken(json!({"model": "sim:error_event=0"}));
    assert_eq!(content_type(&failed), "application/json");
    assert!(error(&failed)["message"].is_string());
    let said = transcribed(&[("model", "sim:text=hello")], Some(&sound()));
    assert_eq!(document(&said)["text"], "hello");
    assert!(document(&transcribed(&[("model", "sim:no_usage")], Some(&sound()))).get("usage").is_none());
    let steered = transcribed(&[("model", "sim"), ("prompt", "sim: status=503\nhi")], Some(&sound()));
    assert_eq!(steered.status, 503);
}
