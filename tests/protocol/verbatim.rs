//! Bytes that pass unchanged, both ways: what we do not know is not ours to touch. And what does not pass: headers
//! that are not on the list.

use std::collections::BTreeSet;

use flyball_testkit::PROVIDER_KEY;
use flyball_testkit::client::set;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Method, StatusCode};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::{CHAT, Pair, ask};

/// White space between tokens.
fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 2 => Just(" "), 1 => Just("\n\t"), 1 => Just("\r\n  ")]
}

/// JSON texts of strings, in spellings that a re-encoding would change.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z ]{0,6}",
        1 => Just("\\u0041".to_owned()),
        1 => Just("\\/".to_owned()),
        1 => Just("\\u00e9é".to_owned()),
        1 => Just("\\ud83d\\ude00".to_owned()),
        1 => Just("😀\\n\\t\\\"\\\\".to_owned()),
        1 => Just("\\u0000".to_owned()),
        1 => Just("\u{2028}".to_owned()),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// JSON texts of any value.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        string(),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0.0".to_owned()),
        Just("1E+2".to_owned()),
        Just("1.10".to_owned()),
        Just("123456789012345678901234567890".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..4), space()).prop_map(|(items, space)| {
                format!("[{space}{}{space}]", items.join(&format!("{space},")))
            }),
            members(inner).prop_map(|members| object(&members)),
        ]
    })
}

/// Members with names that are unknown and different, and the white space around them.
fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec((value, space(), space()), 0..4).prop_map(|members| {
        let named = members.into_iter().enumerate();
        named
            .map(|(at, (value, left, right))| format!("{left}\"x_{at}\"{right}:{left}{value}{right}"))
            .collect()
    })
}

fn object(members: &[String]) -> String {
    format!("{{{}}}", members.join(","))
}

/// The members `known` among the members `more`, at a place that `seed` picks.
fn mixed(known: Vec<String>, more: Vec<String>, seed: usize) -> Vec<String> {
    let mut all = more;
    for (at, member) in known.into_iter().enumerate() {
        let place = (seed + at * 7) % (all.len() + 1);
        all.insert(place, member);
    }
    all
}

/// A chat request with unknown members everywhere, in which the model's name stands as `MODEL`.
fn request() -> impl Strategy<Value = String> {
    let more = || members(value());
    (more(), more(), more(), more(), space(), any::<u16>()).prop_map(
        |(root, message, part, function, space, seed)| {
            let seed = usize::from(seed);
            let part =
                mixed(vec![r#""type":"text""#.to_owned(), r#""text":"hello \u0041""#.to_owned()], part, seed);
            let content = format!(r#""content":{space}[{}]"#, object(&part));
            let message = mixed(vec![r#""role" :"user""#.to_owned(), content], message, seed / 3);
            let function = mixed(vec![r#""name":"look_up""#.to_owned()], function, seed / 5);
            let tools = format!(r#""tools":[{{"type":"function",{space}"function":{}}}]"#, object(&function));
            let known = vec![
                format!(r#""model"{space}:{space}MODEL"#),
                format!(r#""messages":{space}[{}{space}]"#, object(&message)),
                tools,
                r#""tool_choice":"none""#.to_owned(),
                r#""temperature":1.0e0"#.to_owned(),
            ];
            format!("{space}{}{space}", object(&mixed(known, root, seed / 11)))
        },
    )
}

#[test]
fn a_provider_receives_every_byte_as_it_was_sent_except_the_models_name() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let pair = runtime.block_on(Pair::start(|_, routes| routes.route("public", "provider: sim, model: sim")));
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&request(), |template| {
        let sent = template.replace("MODEL", r#""pub\u006cic""#);
        let mut request = pair.client.request(Method::POST, CHAT, sent.into()).unwrap();
        set(&mut request, CONTENT_TYPE, "application/json").unwrap();
        let answer = runtime.block_on(pair.client.send(request)).unwrap();
        prop_assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let received = pair.simulator.received().pop().unwrap();
        pair.simulator.forget();
        let received = std::str::from_utf8(&received.body).unwrap();
        prop_assert_eq!(received, template.replace("MODEL", r#""sim""#));
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn a_caller_receives_the_answer_as_the_provider_wrote_it() {
    let pair = Pair::start(|_, routes| routes).await;
    let tool = json!({"type": "function", "function": {"name": "look_up", "parameters": {
        "type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}}});
    for body in [
        ask("Say exactly: hello \"world\" \u{1f600}", &json!({})),
        ask("Say exactly: hello", &json!({"n": 3, "logprobs": true, "top_logprobs": 2})),
        ask("look something up", &json!({"tools": [tool], "tool_choice": "required"})),
        ask("Describe a person", &json!({"response_format": {"type": "json_object"}})),
    ] {
        let governed = pair.client.post(CHAT, &body).await.unwrap();
        let direct = pair.direct().post(CHAT, &body).await.unwrap();
        assert_eq!(governed.status, StatusCode::OK, "{}", governed.text());
        assert_eq!(governed.text(), direct.text());
    }
    for more in [
        json!({}),
        json!({"encoding_format": "base64"}),
        json!({"dimensions": 8, "x_unknown": [1, {"a": null}]}),
    ] {
        for input in [json!("hello"), json!(["hello", "world"]), json!([1, 2, 3]), json!([[1, 2], [3]])] {
            let mut body = json!({"model": "sim", "input": input});
            for (key, value) in more.as_object().unwrap() {
                body[key] = value.clone();
            }
            let governed = pair.client.post("/v1/embeddings", &body).await.unwrap();
            assert_eq!(pair.received(), body, "an embeddings call passes as it is");
            let direct = pair.direct().post("/v1/embeddings", &body).await.unwrap();
            assert_eq!(governed.status, StatusCode::OK, "{}", governed.text());
            assert_eq!(governed.text(), direct.text());
        }
    }
}

#[tokio::test]
async fn only_listed_headers_leave() {
    let pair = Pair::start(|_, routes| routes).await;
    let names = |index: usize| -> BTreeSet<String> {
        pair.simulator.received()[index].headers.iter().map(|(name, _)| name.clone()).collect()
    };
    let ours = ["accept", "accept-encoding", "authorization", "content-length", "content-type", "host"];
    // Of the caller's, what says how its body is to be read.
    let listed = ours.into_iter().chain(["openai-beta"]);
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    let caller_headers = [
        ("cookie", "session=1"),
        ("openai-organization", "org-caller"),
        ("openai-project", "proj-caller"),
        ("openai-beta", "assistants=v2"),
        ("api-key", "caller-key"),
        ("user-agent", "caller/1.0"),
        ("accept", "text/html"),
        ("accept-encoding", "gzip, br"),
        ("accept-language", "en"),
        ("origin", "https://app.example"),
        ("referer", "https://app.example/page"),
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("x-request-id", "caller-request-1"),
        ("idempotency-key", "caller-once-1"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-stainless-lang", "python"),
        ("x-flyball-tenant", "other"),
        ("proxy-authorization", "Basic Y2FsbGVy"),
    ];
    let calls = [
        (CHAT, ask("Say exactly: hello", &json!({})), "application/json"),
        (CHAT, ask("Say exactly: hello", &json!({"stream": true})), "text/event-stream"),
        ("/v1/embeddings", json!({"model": "sim", "input": "hello"}), "application/json"),
    ];
    for (index, (path, body, accept)) in calls.into_iter().enumerate() {
        let mut request = pair.client.request(Method::POST, path, body.to_string().into()).unwrap();
        set(&mut request, CONTENT_TYPE, "application/json; charset=utf-8").unwrap();
        for (name, value) in caller_headers {
            set(&mut request, HeaderName::from_static(name), value).unwrap();
        }
        let answer = pair.client.send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(names(index), listed);
        let received = &pair.simulator.received()[index];
        let key = pair.flyball.demo_key().unwrap();
        for (name, value) in &received.headers {
            assert!(!value.contains("caller") && !value.contains(key), "{name}: {value}");
        }
        assert_eq!(received.header("authorization"), Some(&*format!("Bearer {PROVIDER_KEY}")));
        assert_eq!(received.header("accept-encoding"), Some("identity"));
        assert_eq!(received.header("accept"), Some(accept));
        assert_eq!(received.header("content-type"), Some("application/json"));
        assert!(
            !answer.text().contains(PROVIDER_KEY) && !format!("{:?}", answer.headers).contains(PROVIDER_KEY)
        );
    }
}

#[tokio::test]
async fn a_request_id_is_the_callers_when_it_is_fit_to_be_one() {
    let pair = Pair::start(|_, routes| routes).await;
    let longest = "r".repeat(128);
    let too_long = "r".repeat(129);
    let fit = |id: &[u8]| (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    let made = |id: &str| id.len() == 36 && id.split('-').count() == 5;
    for (path, status) in [(CHAT, 200), ("/v1/models", 200), ("/v1/nothing", 404)] {
        let ask_with = async |id: Option<&[u8]>| {
            let body =
                if path == CHAT { ask("Say exactly: hello", &json!({})).to_string() } else { String::new() };
            let method = if path == CHAT { Method::POST } else { Method::GET };
            let mut request = pair.client.request(method, path, body.into()).unwrap();
            if let Some(id) = id {
                request.headers_mut().insert("x-request-id", http::HeaderValue::from_bytes(id).unwrap());
            }
            let answer = pair.client.send(request).await.unwrap();
            assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
            let told = answer.header("x-request-id").unwrap().to_owned();
            let ours = answer.header("x-flyball-request-id").unwrap();
            // An exchange has an id of its own, by which it is recorded; elsewhere the two are one.
            assert!(if path == CHAT {
                made(ours) && (ours == told) != id.is_some_and(fit)
            } else {
                ours == told
            });
            told
        };
        for good in ["a", "req_1-2.3:4/5", "~!\"#$%&'()*+", &longest] {
            assert_eq!(ask_with(Some(good.as_bytes())).await, good);
        }
        for bad in [&b""[..], b"two words", b"tab\tbed", b"caf\xc3\xa9", too_long.as_bytes()] {
            let told = ask_with(Some(bad)).await;
            assert!(made(&told), "{told}");
        }
        let (one, other) = (ask_with(None).await, ask_with(None).await);
        assert!(made(&one) && made(&other) && one != other);
    }
}
