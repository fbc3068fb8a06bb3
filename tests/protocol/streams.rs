//! Events: what passes, what is asked for and taken out again, choices and tool calls that stay apart.

use flyball_testkit::SseEvent;
use http::StatusCode;
use serde_json::{Value, json};

use super::{CHAT, Pair, ask};

/// The events of a stream and the status, through a client.
async fn stream(client: &flyball_testkit::Client, body: &Value) -> Vec<SseEvent> {
    let events = client.stream(CHAT, body).await.unwrap();
    assert_eq!(events.status, StatusCode::OK);
    let content_type = events.headers.get("content-type").unwrap().to_str().unwrap().to_owned();
    assert!(content_type.starts_with("text/event-stream"), "{content_type}");
    events.rest().await.unwrap()
}

fn bytes(events: &[SseEvent]) -> String {
    events.iter().map(|event| String::from_utf8_lossy(&event.raw).into_owned()).collect()
}

/// Whether an event tells usage.
fn tells_usage(event: &SseEvent) -> bool {
    event.json().is_some_and(|data| data["usage"].is_object())
}

fn tool(name: &str, field: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {field: {"type": "string"}}, "required": [field]}}})
}

#[tokio::test]
async fn usage_is_always_asked_for_and_shown_only_to_those_who_asked() {
    let pair = Pair::start(|_, routes| routes).await;
    for (options, wanted) in [
        (Value::Null, false),
        (json!({"include_usage": false}), false),
        (json!({"include_obfuscation": false}), false),
        (json!({"include_usage": null}), false),
        (json!({"include_usage": true}), true),
        (json!({"include_usage": true, "x_unknown": 1}), true),
    ] {
        let mut body = ask("Say exactly: hello world", &json!({"stream": true}));
        let mut expected = body.clone();
        expected["stream_options"] = json!({});
        if !options.is_null() {
            body["stream_options"] = options.clone();
            expected["stream_options"] = options.clone();
        }
        expected["stream_options"]["include_usage"] = json!(true);
        let events = stream(&pair.client, &body).await;
        assert_eq!(pair.received(), expected, "{options}");
        let told = events.iter().filter(|event| tells_usage(event)).count();
        assert_eq!(told, usize::from(wanted), "{options}");
        assert!(events.last().unwrap().is_done());
        if wanted {
            assert!(tells_usage(&events[events.len() - 2]), "usage comes last");
        }
        // Apart from that it is the provider's stream, byte for byte.
        let direct = stream(&pair.direct(), &expected).await;
        let direct: Vec<_> = direct.into_iter().filter(|event| wanted || !tells_usage(event)).collect();
        assert_eq!(bytes(&events), bytes(&direct), "{options}");
    }
    // A plain call is not touched.
    let body = ask("Say exactly: hello", &json!({"stream": false}));
    pair.client.post(CHAT, &body).await.unwrap();
    assert_eq!(pair.received(), body);
}

#[tokio::test]
async fn events_pass_as_they_came_however_they_are_cut() {
    let pair = Pair::start(|_, routes| routes).await;
    for script in [
        "chunks=40",
        "chunks=40,raw_split=1",
        "chunks=9,raw_split=7",
        "text=%F0%9F%98%80%C3%A9,chunk_bytes=1",
    ] {
        let more =
            json!({"stream": true, "stream_options": {"include_usage": true}, "x_unknown": {"a": [1.0]}});
        let body = ask(&format!("sim: {script}\nhello"), &more);
        let governed = stream(&pair.client, &body).await;
        let over_http2 = stream(&pair.client.clone().over_http2(), &body).await;
        let direct = stream(&pair.direct(), &body).await;
        assert_eq!(bytes(&governed), bytes(&direct), "{script}");
        assert_eq!(bytes(&over_http2), bytes(&direct), "{script}, over HTTP/2");
    }
}

#[tokio::test]
async fn choices_and_tool_calls_of_a_stream_stay_apart() {
    let pair = Pair::start(|_, routes| routes).await;
    let usage = json!({"include_usage": true});
    let two = ask("Say exactly: hello world", &json!({"stream": true, "n": 2, "stream_options": usage}));
    let one_tool = ask(
        "What is the weather in Paris?",
        &json!({"stream": true, "tools": [tool("get_weather", "city")], "tool_choice": "required",
                "stream_options": usage}),
    );
    let parallel = ask(
        "Call get_weather and get_time for Paris.",
        &json!({"stream": true, "tools": [tool("get_weather", "city"), tool("get_time", "city")],
                "tool_choice": "required", "parallel_tool_calls": true, "n": 2, "stream_options": usage}),
    );
    let with_logprobs = ask(
        "Say exactly: hello world",
        &json!({"stream": true, "logprobs": true, "top_logprobs": 2, "stream_options": usage}),
    );
    for body in [&two, &one_tool, &parallel, &with_logprobs] {
        let governed = stream(&pair.client, body).await;
        let direct = stream(&pair.direct(), body).await;
        assert_eq!(bytes(&governed), bytes(&direct), "{body}");
    }
    // Each choice says the same as in a plain answer, tool arguments joined by choice and index.
    let events = stream(&pair.client, &parallel).await;
    let mut plain = parallel;
    plain["stream"] = json!(false);
    plain.as_object_mut().unwrap().remove("stream_options");
    let plain = pair.client.post(CHAT, &plain).await.unwrap().json().unwrap();
    for choice in 0..2 {
        for call in 0..2 {
            let mut arguments = String::new();
            for data in events.iter().filter_map(SseEvent::json) {
                for delta in data["choices"].as_array().into_iter().flatten().filter(|c| c["index"] == choice)
                {
                    let calls = delta["delta"]["tool_calls"].as_array().into_iter().flatten();
                    for part in calls.filter(|part| part["index"] == call) {
                        arguments.push_str(part["function"]["arguments"].as_str().unwrap_or_default());
                    }
                }
            }
            let joined: Value = serde_json::from_str(&arguments).unwrap();
            assert!(joined["city"].is_string(), "{joined}");
            let whole = &plain["choices"][choice]["message"]["tool_calls"][call]["function"]["arguments"];
            let whole: Value = serde_json::from_str(whole.as_str().unwrap()).unwrap();
            assert_eq!(joined.as_object().unwrap().len(), whole.as_object().unwrap().len());
        }
    }
}

#[tokio::test]
async fn a_stream_that_ended_leaves_its_connection_to_the_next() {
    let pair = Pair::start(|_, routes| routes).await;
    for _ in 0..16 {
        stream(&pair.client, &ask("Say exactly: hello", &json!({"stream": true}))).await;
    }
    let counts = pair.simulator.counts();
    assert_eq!(counts.started, 16);
    // A call may come before the provider has ended the answer before it.
    assert!(counts.connections < 8, "{counts:?}");
}
