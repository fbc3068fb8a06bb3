//! Providers as they are called: addresses, credentials, headers, names. The answers are canned, so that what is
//! tested is what leaves the gateway; what answers become is `golden`'s.

mod headers;
mod key_pools;
mod quirks;
mod signatures;
mod vertex;

use flyball_testkit::{Answer, Canned, Client, Flyball};
use serde_json::{Value, json};

/// An answer of OpenAI's.
const CHAT_ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

/// An answer of Anthropic's.
const MESSAGES_ANSWER: &str = r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}}"#;

/// An answer of Google's.
const GEMINI_ANSWER: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hello."}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}"#;

/// An answer of Amazon's.
const CONVERSE_ANSWER: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hello."}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5},"metrics":{"latencyMs":1}}"#;

/// A gateway whose one route `model` leads to a provider of these settings, and its client.
async fn gateway(settings: &str) -> (Flyball, Client) {
    let config =
        format!("providers:\n  it: {{ {settings} }}\nroutes:\n  model: {{ provider: it, model: \"m:1\" }}\n");
    let mut setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config);
    for name in ["ONE", "TWO", "THREE"] {
        setup = setup.env(name, format!("key-{}", name.to_lowercase()));
    }
    let flyball = setup.start().await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    (flyball, client)
}

fn hello() -> Value {
    json!({"model": "model", "messages": [{"role": "user", "content": "Hello."}]})
}

async fn chat(client: &Client, body: &Value) -> Answer {
    client.post("/v1/chat/completions", body).await.unwrap()
}

/// What a provider was asked last.
fn last(canned: &Canned) -> flyball_testkit::Asked {
    canned.asked().pop().unwrap()
}
