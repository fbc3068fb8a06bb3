//! What the policy refuses: before the first byte a 403 in the protocol's shape, in a stream the protocol's own
//! refusal end. Nothing of what was refused gets out, and a refused request reaches no provider.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answers::{document, events};
use super::{CLEAN, Form, Governed, Heard, personal_text, says};

fn assert_refused(heard: &Heard, rule: &str, what: &str) {
    assert_eq!(heard.status, 403, "{what}: {heard:?}");
    let error = &heard.json()["error"];
    assert_eq!(
        (&error["code"], &error["type"]),
        (&json!("policy_blocked"), &json!("policy_error")),
        "{what}"
    );
    assert_eq!(error["rules"], json!([rule]), "{what}");
    assert_eq!(heard.header("x-flyball-action"), "block", "{what}");
    assert_eq!(heard.header("x-should-retry"), "false", "{what}");
    assert_eq!(heard.header("content-type"), "application/json", "{what}");
}

#[tokio::test]
async fn a_blocked_answer_gets_out_on_no_route() {
    let governed = Governed::with_policy(
        "  - {id: no-pii, description: No personal data, when: output.contains_pii, action: block}\n",
    )
    .await;
    for form in Form::NATIVE {
        for size in [1, 4, 1000] {
            let what = format!("{form:?} in pieces of {size}");
            match form {
                Form::ChatStream | Form::CompletionStream => {
                    governed.canned.answer_events(events(&personal_text(), size));
                }
                Form::Embeddings => {
                    let answer =
                        json!({"object": "list", "data": [{"embedding": [1], "note": personal_text()}]});
                    governed.canned.answer(answer.to_string());
                }
                _ => governed.canned.answer(document(&personal_text()).to_string()),
            }
            let heard = governed.ask(form, "canned", "Go on.").await;
            heard.assert_nothing_leaked(&what);
            if form.streams() {
                heard.assert_ends_as_refused(form, &what);
                let documents = heard.documents();
                let indices = |refused: bool| {
                    let choices = documents.iter().map(|event| &event["choices"][0]);
                    let chosen = choices.filter(|c| (c["finish_reason"] == "content_filter") == refused);
                    chosen.filter_map(|choice| choice["index"].as_u64()).collect::<BTreeSet<_>>()
                };
                assert_eq!(indices(true), indices(false), "{what}: every answer that had begun ends");
            } else {
                assert_refused(&heard, "no-pii", &what);
            }
        }
    }
    for form in Form::TEXTS {
        let heard = governed.ask(form, "sim", &says(CLEAN, 3)).await;
        assert_eq!(heard.content(0), CLEAN, "{form:?}: what is allowed still goes through");
    }
}

#[tokio::test]
async fn a_blocked_stream_keeps_what_it_had_said_and_ends() {
    let governed =
        Governed::with_policy("  - {id: no-pii, when: output.contains_pii, action: block}\n").await;
    let text = "All of this is harmless and goes out. But then alex.example@example.com and more.";
    for size in [1, 7, 30] {
        let heard = governed.ask(Form::ChatStream, "sim", &says(text, size)).await;
        heard.assert_ends_as_refused(Form::ChatStream, "stream");
        heard.assert_nothing_leaked("stream");
        let content = heard.content(0);
        assert!(text.starts_with(&content), "{content}");
        assert!(heard.events.iter().filter(|event| event.is_done()).count() == 1);
    }
}

#[tokio::test]
async fn a_blocked_request_reaches_no_provider() {
    let governed = Governed::with_policy(
        "  - {id: no-pii, description: No personal data, when: prompt.contains_pii, action: block}\n",
    )
    .await;
    for form in Form::NATIVE {
        for model in ["sim", "canned"] {
            let heard = governed.ask(form, model, &personal_text()).await;
            let what = format!("{form:?} {model}");
            assert_refused(&heard, "no-pii", &what);
            heard.assert_nothing_leaked(&what);
        }
    }
    assert_eq!(governed.simulator.counts().started, 0);
    assert_eq!(governed.canned.received().len(), 0);
    let metrics = governed.flyball.client().get("/metrics").await.unwrap().text();
    let line = r#"flyball_decisions_total{stage="prompt",action="block",rule="no-pii"} 10"#;
    assert!(metrics.contains(line), "{metrics}");
    assert_eq!(governed.ask(Form::Chat, "sim", "Hello.").await.status, 200);
}

#[tokio::test]
async fn personal_data_anywhere_in_a_request_blocks_it() {
    let governed =
        Governed::with_policy("  - {id: no-pii, when: prompt.contains_pii, action: block}\n").await;
    let said = personal_text();
    let planted: [(&str, Value); 9] = [
        ("messages", json!([{"role": "system", "content": said}, {"role": "user", "content": "Hi"}])),
        ("messages", json!([{"role": "user", "content": [{"type": "text", "text": said}]}])),
        ("messages", json!([{"role": "user", "content": "Hi", "vendor": {"deep": [said]}}])),
        ("tools", json!([{"type": "function", "function": {"name": "f", "description": said}}])),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "s", "schema": {"description": said}}}),
        ),
        ("metadata", json!({ "note": said })),
        ("stop", json!([said])),
        ("user", json!(said)),
        ("vendor_field", json!([{ "deep": { "deeper": said } }])),
    ];
    for (field, value) in planted {
        for form in [Form::Chat, Form::ChatStream] {
            let mut body = form.request("sim", "Hi");
            body[field] = value.clone();
            let heard = governed.send(form.path(), &body).await;
            assert_refused(&heard, "no-pii", &format!("{form:?} {field}"));
        }
    }
    assert_eq!(governed.simulator.counts().started, 0);
}
