//! Golden transcripts: what a caller asks, what the provider is asked for it, what that answers, and what the caller
//! gets. The requests (`golden/requests`) and the providers' answers are written by hand after the vendors' public
//! references, so that a mistake which simulator and gateway share shows here. `UPDATE_GOLDEN=1` rewrites the other
//! halves; they are to be read before they are committed.

mod document;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use document::{normal, parse, pretty};
use flyball_testkit::{Asked, Canned, Client, Flyball, frames};
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::tidy::tree::root;

/// A provider: its name in file names, its settings, the model that it is asked for.
const PROVIDERS: [(&str, &str, &str); 13] = [
    ("openai", "kind: openai, api_key: env:KEY, native: [], base_url: URL/v1", "gpt-5"),
    ("openai-responses", "kind: openai, api_key: env:KEY, native: [responses], base_url: URL/v1", "gpt-5"),
    (
        "openai-completions",
        "kind: openai, api_key: env:KEY, native: [completions], base_url: URL/v1",
        "davinci-002",
    ),
    ("mistral", "kind: mistral, api_key: env:KEY, base_url: URL/v1", "mistral-large-latest"),
    ("cohere", "kind: cohere, api_key: env:KEY, base_url: URL/v1", "command-a-03-2025"),
    ("groq", "kind: groq, api_key: env:KEY, base_url: URL/v1", "qwen/qwen3-32b"),
    ("ollama", "kind: ollama, base_url: URL/v1", "llama3.2"),
    ("openrouter", "kind: openrouter, api_key: env:KEY, base_url: URL/v1", "deepseek/deepseek-r1"),
    (
        "azure-openai",
        "kind: azure-openai, api_key: env:KEY, api_version: 2024-10-21, base_url: URL",
        "my-gpt",
    ),
    (
        "vertex",
        "kind: vertex, project: p, location: europe-west4, access_token: env:KEY, base_url: URL",
        "gemini-2.5-flash",
    ),
    ("anthropic", "kind: anthropic, api_key: env:KEY, base_url: URL", "claude-sonnet-4-5"),
    ("gemini", "kind: gemini, api_key: env:KEY, base_url: URL", "gemini-2.5-flash"),
    (
        "bedrock",
        "kind: bedrock, region: us-east-1, access_key_id: env:KEY, secret_access_key: env:KEY, base_url: URL",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
];

/// A caller's protocol and where it is spoken.
const CALLERS: [(&str, &str); 4] = [
    ("chat", "/v1/chat/completions"),
    ("responses", "/v1/responses"),
    ("messages", "/v1/messages"),
    ("completions", "/v1/completions"),
];

/// Headers of every call that say nothing.
const PLAIN_HEADERS: [&str; 4] = ["accept-encoding", "content-length", "content-type", "host"];

fn folder() -> PathBuf {
    root().join("tests/golden")
}

/// The documents of a folder, in order.
fn files(below: &str) -> Vec<String> {
    let entries = fs::read_dir(folder().join(below)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        names.filter(|name| name.ends_with(".json")).map(|name| format!("{below}{name}")).collect();
    names.sort();
    names
}

/// The gateway, and each provider by its name.
async fn start() -> (Flyball, BTreeMap<&'static str, Canned>) {
    let mut providers = BTreeMap::new();
    let (mut config, mut routes) = ("providers:\n".to_owned(), "routes:\n".to_owned());
    for (name, settings, model) in PROVIDERS {
        let canned = Canned::start().await.unwrap();
        let settings = settings.replace("base_url: URL", &format!("base_url: \"{}", canned.root()));
        config.push_str(&format!("  {name}: {{ {settings}\" }}\n"));
        routes.push_str(&format!("  {name}: {{ provider: {name}, model: \"{model}\" }}\n"));
        providers.insert(name, canned);
    }
    let setup =
        Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config + &routes).env("KEY", "the-key");
    (setup.start().await.unwrap(), providers)
}

#[tokio::test]
async fn transcripts_are_replayed_word_for_word() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let (flyball, providers) = start().await;
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    let (transcripts, requests) = (files(""), files("requests/"));
    assert!(transcripts.len() >= 50 && requests.len() >= 7, "{transcripts:?} {requests:?}");
    let mut differ = Vec::new();
    for name in requests.iter().chain(&transcripts) {
        let path = folder().join(name);
        let written = fs::read_to_string(&path).unwrap();
        let text = match name.split_once('.').unwrap() {
            // Of requests, the form.
            (_, "json") => pretty(&parse(&written)),
            (provider, _) => pretty(&replay(&client, provider, &providers[provider], &parse(&written)).await),
        };
        if update {
            fs::write(&path, text).unwrap();
        } else if text != written {
            let line = text.lines().zip(written.lines()).find(|(new, old)| new != old);
            differ.push(format!("{name}: {line:?}"));
        }
    }
    assert!(differ.is_empty(), "read them, then UPDATE_GOLDEN=1: {differ:#?}");
}

/// The transcript with its produced halves made again.
async fn replay(client: &Client, provider: &str, canned: &Canned, transcript: &Value) -> Value {
    let request = transcript["request"].as_str().unwrap();
    let requests = parse(&fs::read_to_string(folder().join(format!("requests/{request}.json"))).unwrap());
    serve(provider, canned, &transcript["answer"]);
    let mut calls = Map::new();
    for (caller, path) in CALLERS {
        // Where the transcript is of one protocol alone, it names that.
        let only = transcript["only"].as_str().unwrap_or(caller);
        let Some(request) = requests.get(caller).filter(|_| only == caller) else { continue };
        let mut request = request.clone();
        request["model"] = provider.into();
        let before = canned.asked().len();
        let reply = call(client, caller, path, &request).await;
        let mut exchange = Map::new();
        if let Some(asked) = canned.asked().get(before) {
            exchange.insert("upstream".to_owned(), upstream(asked));
        }
        exchange.insert("reply".to_owned(), reply);
        calls.insert(caller.to_owned(), Value::Object(exchange));
    }
    let mut replayed = transcript.as_object().unwrap().clone();
    replayed.insert("calls".to_owned(), Value::Object(calls));
    Value::Object(replayed)
}

/// Makes the provider answer so.
fn serve(provider: &str, canned: &Canned, answer: &Value) {
    let Some(events) = answer["events"].as_array() else {
        let body = answer["body"].to_string();
        let status = answer["status"].as_u64().unwrap_or(200);
        return canned.fail(StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap(), body);
    };
    let named = |event: &Value| event["type"].as_str().map(str::to_owned);
    let mut body = Vec::new();
    for event in events {
        if provider == "bedrock" {
            let (name, payload) = event.as_object().unwrap().iter().next().unwrap();
            let payload = payload.to_string();
            let fault = name.ends_with("Exception");
            body.extend(if fault {
                frames::exception(name, &payload)
            } else {
                frames::event(name, &payload)
            });
            continue;
        }
        if let Some(name) = named(event) {
            body.extend_from_slice(format!("event: {name}\n").as_bytes());
        }
        let data = event.as_str().map_or_else(|| event.to_string(), str::to_owned);
        body.extend_from_slice(format!("data: {data}\n\n").as_bytes());
    }
    let frames = provider == "bedrock";
    canned.answer_as(if frames { "application/vnd.amazon.eventstream" } else { "text/event-stream" }, body);
}

/// What the provider was asked: headers that say nothing left out, signatures and dates named.
fn upstream(asked: &Asked) -> Value {
    let mut headers = BTreeMap::new();
    for (name, value) in &asked.headers {
        let value = value.to_str().unwrap();
        let shown = match (name.as_str(), value.split_once("Credential=the-key/")) {
            (name, _) if PLAIN_HEADERS.contains(&name) => continue,
            ("x-amz-date", _) => "<date>".to_owned(),
            (_, Some(_)) => "<signature with the-key>".to_owned(),
            _ => value.to_owned(),
        };
        headers.insert(name.as_str().to_owned(), shown);
    }
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    json!({"line": format!("{} {}", asked.method, asked.target), "headers": headers, "body": body})
}

/// What the caller got.
async fn call(client: &Client, caller: &str, path: &str, body: &Value) -> Value {
    let mut request = client.request(Method::POST, path, Bytes::from(body.to_string())).unwrap();
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    if caller == "messages" {
        request.headers_mut().insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    let mut reply = Map::new();
    let streams = body["stream"] == true;
    let (status, headers, produced) = if streams {
        let events = client.open(request).await.unwrap();
        let head = (events.status, events.headers.clone());
        if head.1["content-type"].to_str().unwrap().starts_with("text/event-stream") {
            let mut data = Vec::new();
            for event in events.rest().await.unwrap() {
                let Some(text) = event.data else { continue };
                let value = serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text));
                if let Some(name) = event.name {
                    assert_eq!(value["type"], *name, "the event's name is its type");
                }
                data.push(value);
            }
            (head.0, head.1, ("events", Value::Array(data)))
        } else {
            let mut events = events;
            let mut body = Vec::new();
            while let Some(bytes) = events.next_bytes().await.unwrap() {
                body.extend_from_slice(&bytes);
            }
            (head.0, head.1, ("body", serde_json::from_slice(&body).unwrap()))
        }
    } else {
        let answer = client.send(request).await.unwrap();
        let body = answer.json().unwrap();
        (answer.status, answer.headers, ("body", body))
    };
    reply.insert("status".to_owned(), status.as_u16().into());
    for name in ["x-flyball-dropped", "retry-after", "x-should-retry"] {
        if let Some(value) = headers.get(name) {
            reply.insert(name.to_owned(), value.to_str().unwrap().into());
        }
    }
    let id = headers["x-flyball-request-id"].to_str().unwrap();
    let (form, value) = produced;
    reply.insert(form.to_owned(), normal(value, id));
    Value::Object(reply)
}
