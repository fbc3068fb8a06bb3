//! What completions reads and writes.

use bytes::Bytes;
use flyball_core::json::{Document, Limits};
use serde_json::{Value as Json, json};

use crate::events::Events;
use crate::{Dialect, Envelope, Translated, Untranslatable, Wanted};

fn document(text: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits { depth: 64, nodes: 10_000 }).unwrap()
}

fn request(body: &Json) -> Result<Translated, Untranslatable> {
    let wanted = Wanted { model: "m", max_output_tokens: 100 };
    crate::request(Dialect::Completions, &document(&body.to_string()), Dialect::Chat, wanted)
}

fn envelope() -> Envelope {
    Envelope { id: "own".into(), created: 7, model: "public".into(), echo: String::new(), stream_usage: true }
}

#[test]
fn a_prompt_is_what_the_user_says() {
    for prompt in [json!("Once"), json!(["Once"])] {
        let written = request(&json!({"model":"m","prompt":prompt,"max_tokens":5,"logit_bias":{"1":2},
            "echo":false,"best_of":1,"suffix":"","stop":"x"}))
        .unwrap();
        let body: Json = serde_json::from_slice(&written.body).unwrap();
        let expected = json!({"model":"m","messages":[{"role":"user","content":"Once"}],"max_completion_tokens":5,
            "logit_bias":{"1":2},"stop":["x"]});
        assert_eq!(body, expected);
        assert_eq!(written.dropped, ["echo", "best_of", "suffix"]);
        assert_eq!(written.max_output_tokens, Some(5));
    }
}

#[test]
fn what_a_conversation_cannot_say_is_refused_by_name() {
    let cases = [
        ("prompt", json!(["a", "b"])),
        ("prompt", json!([1, 2])),
        ("prompt", json!([[1, 2]])),
        ("prompt", json!([])),
        ("echo", json!(true)),
        ("best_of", json!(2)),
        ("suffix", json!("end")),
        ("logprobs", json!(0)),
        ("messages", json!([])),
    ];
    for (name, value) in cases {
        let mut body = json!({"model":"m","prompt":"a"});
        body[name] = value.clone();
        assert_eq!(request(&body).unwrap_err().field, name, "{value}");
    }
    assert_eq!(request(&json!({"model":"m"})).unwrap_err().field, "prompt");
}

#[test]
fn an_answer_is_its_text() {
    let answer = json!({"id":"a","created":5,"model":"m","choices":[{"index":0,"finish_reason":"length",
        "message":{"role":"assistant","content":" upon","reasoning_content":"hm"}}],
        "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}});
    let document = document(&answer.to_string());
    let written = crate::answer(Dialect::Chat, &document, Dialect::Completions, &envelope()).unwrap();
    let expected = json!({"id":"a","object":"text_completion","created":5,"model":"m",
        "choices":[{"text":" upon","index":0,"logprobs":null,"finish_reason":"length"}],
        "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}});
    assert_eq!(serde_json::from_slice::<Json>(&written.body).unwrap(), expected);
}

#[test]
fn a_stream_is_its_text_in_pieces() {
    let mut events = Events::new(Dialect::Chat, Dialect::Completions, envelope()).unwrap();
    let mut out = Vec::new();
    let chunks = [
        json!({"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}),
        json!({"choices":[{"index":0,"delta":{"content":" up"}}]}),
        json!({"choices":[{"index":0,"delta":{"content":"on"},"finish_reason":"stop"}]}),
        json!({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}),
    ];
    for chunk in chunks {
        events.event(None, &Bytes::from(chunk.to_string()), &mut out).unwrap();
    }
    events.event(None, &Bytes::from_static(b"[DONE]"), &mut out).unwrap();
    let (done, chunks) = out.split_last().unwrap();
    assert_eq!(done.data, "[DONE]");
    let chunks: Vec<Json> = chunks.iter().map(|chunk| serde_json::from_slice(&chunk.data).unwrap()).collect();
    let texts: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!(texts, " upon");
    let [.., stop, usage] = chunks.as_slice() else { panic!("there are chunks") };
    assert_eq!(stop["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["usage"]["total_tokens"], 3);
    assert!(chunks.iter().all(|chunk| chunk["id"] == "own" && chunk["object"] == "text_completion"));
}
