//! Personal data in answers: masked in every field, on every route, however the answer is cut. Answers without any
//! stay as they are, to the byte.

use flyball_testkit::Client;
use serde_json::{Value, json};

use super::{CLEAN, Form, Governed, Heard, hear, masked_text, personal_text, says};

/// A chat completion that says `text` in every field that a reader could see, and `CLEAN` in a second answer.
pub(super) fn document(text: &str) -> Value {
    let tokens: Vec<Value> = text
        .split_inclusive(' ')
        .map(|token| json!({"token": token, "logprob": -0.1, "bytes": token.as_bytes(), "top_logprobs": []}))
        .collect();
    json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "vendor_choice": {"note": text}, "logprobs": {"content": tokens},
             "message": {
                "role": "assistant", "content": text, "refusal": text, "reasoning_content": text,
                "annotations": [{"type": "url_citation", "url_citation": {"title": text, "url": "https://example.com"}}],
                "audio": {"id": "a1", "data": "AAAA", "transcript": text},
                "vendor_message": [[text], {"deep": text}]}},
            {"index": 1, "finish_reason": "stop",
             "logprobs": {"content": [{"token": CLEAN, "logprob": -0.1, "bytes": null, "top_logprobs": []}]},
             "message": {"role": "assistant", "content": CLEAN}},
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "vendor_root": {"note": text},
    })
}

/// The same as a stream: every growing field in pieces of `size` characters, two answers in turn.
pub(super) fn events(text: &str, size: usize) -> Vec<String> {
    let chunk = |choices: Value| json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices});
    let letters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = letters.chunks(size).map(String::from_iter).collect();
    let mut events = vec![chunk(json!([{"index": 0, "delta": {"role": "assistant", "content": ""}}]))];
    for field in ["reasoning_content", "content", "refusal", "vendor_delta"] {
        for piece in &pieces {
            let token =
                json!({"token": piece, "logprob": -0.1, "bytes": piece.as_bytes(), "top_logprobs": []});
            let logprobs = if field == "content" { json!({"content": [token]}) } else { Value::Null };
            events.push(chunk(json!([{"index": 0, "delta": {field: piece}, "logprobs": logprobs}])));
            events.push(chunk(json!([{"index": 1, "delta": {"content": "turn "}, "logprobs": null}])));
        }
    }
    let mut alone = chunk(json!([{"index": 0, "delta": {}, "vendor_choice": text, "finish_reason": "stop"}]));
    alone["vendor_root"] = json!({"note": text});
    events.push(alone);
    events.push(chunk(json!([{"index": 1, "delta": {}, "finish_reason": "stop"}])));
    events.iter().map(Value::to_string).collect()
}

fn embeddings(text: &str) -> Value {
    json!({
        "object": "list", "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25], "vendor": text}],
        "vendor_root": [text],
    })
}

fn prepare(governed: &Governed, form: Form, text: &str, size: usize) -> String {
    if form.streams() {
        let events = events(text, size);
        governed.canned.answer_events(&events);
        let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        return events + "data: [DONE]\n\n";
    }
    // Laid out as no encoder here would: what is not rewritten is not written anew either.
    let document = if form == Form::Embeddings { embeddings(text) } else { document(text) };
    let document =
        format!(" {}\n", serde_json::to_string_pretty(&document).unwrap().replace("\"id\"", "\"\\u0069d\""));
    governed.canned.answer(document.clone());
    document
}

#[tokio::test]
async fn personal_data_is_masked_in_every_field_on_every_route() {
    let governed = Governed::start().await;
    for form in Form::NATIVE {
        for size in [1, 3, 7, 1000] {
            prepare(&governed, form, &personal_text(), size);
            let heard = governed.ask(form, "canned", "Go on.").await;
            let what = format!("{form:?} in pieces of {size}");
            assert_eq!(heard.status, 200, "{what}: {heard:?}");
            assert_eq!(
                heard.header("x-flyball-action"),
                if form.streams() { "allow" } else { "mask" },
                "{what}"
            );
            heard.assert_nothing_leaked(&what);
            let texts = heard.texts();
            let expected = match form {
                // Annotations of a rewritten answer are taken away: their places no longer fit.
                Form::Chat => 8,
                Form::Completion => 1,
                Form::Embeddings => 2,
                _ => 6,
            };
            let masked: Vec<_> = texts.iter().filter(|(_, text)| **text == masked_text()).collect();
            assert_eq!(masked.len(), expected, "{what}: {texts:#?}");
            if form == Form::Chat {
                let answer = heard.json();
                assert_eq!(answer["choices"][0]["logprobs"], Value::Null, "{what}");
                assert_eq!(
                    answer["choices"][1],
                    document(CLEAN)["choices"][1],
                    "the other answer is none of it"
                );
            }
            assert!(!form.streams() || heard.events.last().unwrap().is_done(), "{what}: {heard:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_personal_data_stays_to_the_byte() {
    let governed = Governed::start().await;
    for form in Form::NATIVE {
        let sent = prepare(&governed, form, CLEAN, 3);
        let heard = governed.ask(form, "canned", "Go on.").await;
        assert_eq!(heard.header("x-flyball-action"), "allow", "{form:?}");
        match form {
            Form::Completion => assert_eq!(heard.json()["content"], CLEAN),
            _ => assert_eq!(String::from_utf8_lossy(&heard.bytes), sent, "{form:?}"),
        }
    }
}

#[tokio::test]
async fn a_model_speaks_through_the_gateway_as_it_would_without_it() {
    let governed = Governed::start().await;
    let direct = Client::new(governed.simulator.address()).with_key("sk-sim");
    for usage in [false, true] {
        for size in 1..=7 {
            let mut body = Form::ChatStream.request("sim", &says(CLEAN, size));
            body["n"] = json!(2);
            body["logprobs"] = json!(true);
            body["stream_options"] = json!({ "include_usage": usage });
            let heard = governed.send(Form::ChatStream.path(), &body).await;
            let expected = hear(&direct, "/v1/chat/completions", &governed.received()).await;
            // Usage is always asked for; its event goes on to those who asked.
            let is_usage = |document: &Value| document["choices"].as_array().is_some_and(Vec::is_empty);
            let kept =
                expected.events.iter().filter(|event| usage || !event.json().is_some_and(|d| is_usage(&d)));
            let kept: Vec<u8> = kept.flat_map(|event| event.raw.to_vec()).collect();
            assert_eq!(String::from_utf8_lossy(&heard.bytes), String::from_utf8_lossy(&kept));
            assert_eq!((heard.content(0), heard.content(1)), (CLEAN.to_owned(), CLEAN.to_owned()));
        }
    }
    for (form, path) in [(Form::Chat, "/v1/chat/completions"), (Form::Embeddings, "/v1/embeddings")] {
        let heard = governed.ask(form, "sim", &says(CLEAN, 4)).await;
        let expected = hear(&direct, path, &governed.received()).await;
        assert_eq!(heard.bytes, expected.bytes, "{form:?}");
    }
}

#[tokio::test]
async fn however_a_stream_is_cut_it_says_the_same() {
    let governed = Governed::start().await;
    let check = |heard: &Heard, what: &str, choices: u64| {
        heard.assert_nothing_leaked(what);
        for choice in 0..choices {
            assert_eq!(heard.content(choice), masked_text(), "{what}");
        }
    };
    for form in Form::TEXTS {
        for size in 1..=7 {
            let heard = governed.ask(form, "sim", &says(&personal_text(), size)).await;
            check(&heard, &format!("{form:?} {size}"), 1);
        }
    }
    for (logprobs, split) in [(false, 1), (true, 5), (true, 11)] {
        for form in [Form::Chat, Form::ChatStream] {
            for size in [1, 2, 6, 40] {
                let script = format!("sim: raw_split={split},chunk_bytes={size},text=");
                let prompt = script + &flyball_testkit::Simulator::script_text(&personal_text());
                let mut body = form.request("sim", &prompt);
                body["n"] = json!(2);
                body["logprobs"] = json!(logprobs);
                body["top_logprobs"] = if logprobs { json!(3) } else { Value::Null };
                let heard = governed.send(form.path(), &body).await;
                check(&heard, &format!("{form:?} {size} {split} logprobs={logprobs}"), 2);
            }
        }
    }
}

#[tokio::test]
async fn personal_data_at_the_very_end_of_an_answer_is_masked_too() {
    let governed = Governed::start().await;
    for (tag, value) in super::PERSONAL {
        for form in Form::TEXTS {
            for size in [1, 5] {
                let heard = governed.ask(form, "sim", &says(&format!("It is {value}"), size)).await;
                let what = format!("{form:?} {tag} {size}");
                heard.assert_nothing_leaked(&what);
                assert_eq!(heard.content(0), format!("It is {tag}"), "{what}");
            }
        }
    }
}
