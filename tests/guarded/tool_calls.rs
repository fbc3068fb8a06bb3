//! Arguments of tool calls in answers and requests: masked like any text, and still the JSON that a tool takes.

use serde_json::{Value, json};

use super::{Form, Governed, Heard, PERSONAL, masked_text, personal_text};

/// Arguments with personal data in a text, after and in escapes, and as a number.
fn arguments() -> String {
    let [(_, email), (_, phone), (_, card), (_, ssn), (_, iban)] = PERSONAL;
    let text = personal_text();
    let spelled = email.replace('@', "\\u0040").replace('x', "\\u0078");
    format!(
        r#"{{"note": "{text}", "to":["\n{email}\u2026", "{spelled}"], "lines": "\n{phone}\n{card}\n{ssn}\t{iban}\n",
        "card": 4111111111111111, "count":3}}"#
    )
}

fn check_arguments(arguments: &str, what: &str) {
    let parsed: Value =
        serde_json::from_str(arguments).unwrap_or_else(|error| panic!("{what}: {error}: {arguments}"));
    assert_eq!(
        parsed,
        json!({"note": masked_text(), "to": ["\n<email>\u{2026}", "<email>"],
               "lines": "\n<phone>\n<payment_card>\n<us_ssn>\t<iban>\n",
               "card": "<payment_card>", "count": 3}),
        "{what}"
    );
}

fn arguments_of(heard: &Heard, call: usize) -> String {
    let texts = heard.texts();
    let found = ["delta", "message"]
        .iter()
        .find_map(|part| texts.get(&format!("/choices/0/{part}/tool_calls/{call}/function/arguments")));
    found.cloned().unwrap_or_default()
}

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
           "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    .to_string()
}

#[tokio::test]
async fn masked_arguments_in_answers_are_still_json() {
    let governed = Governed::start().await;
    let calls: Vec<Value> = (0..2)
        .map(|index| {
            json!({"index": index, "id": format!("t{index}"), "type": "function",
                            "function": {"name": "send_mail", "arguments": arguments()}})
        })
        .collect();
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    let document = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m",
                          "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]});
    governed.canned.answer(document.to_string());
    let heard = governed.ask(Form::Chat, "canned", "Go on.").await;
    heard.assert_nothing_leaked("plain");
    (0..2).for_each(|call| check_arguments(&arguments_of(&heard, call), "plain"));

    for size in 1..=7 {
        let mut events = Vec::new();
        for index in 0..2 {
            let call = json!([{"index": index, "id": format!("t{index}"), "type": "function",
                               "function": {"name": "send_mail", "arguments": ""}}]);
            events.push(chunk(&json!({ "tool_calls": call }), None));
            for piece in arguments().as_bytes().chunks(size) {
                let piece = std::str::from_utf8(piece).unwrap();
                let call = json!([{"index": index, "function": {"arguments": piece}}]);
                events.push(chunk(&json!({ "tool_calls": call }), None));
            }
        }
        events.push(chunk(&json!({}), Some("tool_calls")));
        governed.canned.answer_events(&events);
        let heard = governed.ask(Form::ChatStream, "canned", "Go on.").await;
        let what = format!("in pieces of {size}");
        heard.assert_nothing_leaked(&what);
        (0..2).for_each(|call| check_arguments(&arguments_of(&heard, call), &what));
    }
}

#[tokio::test]
async fn arguments_that_become_an_object_are_masked_like_the_text_that_they_were() {
    let governed = Governed::start().await;
    let call =
        json!({"id": "t0", "type": "function", "function": {"name": "send_mail", "arguments": arguments()}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let document = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m",
                          "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]});
    governed.canned.answer(document.to_string());
    let body =
        json!({"model": "canned", "max_tokens": 50, "messages": [{"role": "user", "content": "Go on."}]});
    let answer = governed.client().post("/v1/messages", &body).await.unwrap();
    let content = &answer.json().unwrap()["content"];
    assert_eq!(content[0]["type"], "tool_use", "{}", answer.text());
    check_arguments(&content[0]["input"].to_string(), "as an object");
}

#[tokio::test]
async fn a_models_own_tool_calls_are_masked_in_both_forms() {
    let governed = Governed::start().await;
    let [(_, email), ..] = PERSONAL;
    for form in [Form::Chat, Form::ChatStream] {
        for size in [1, 4, 100] {
            let prompt = format!("sim: chunk_bytes={size}\nUse send_mail for \"{email}\" please.");
            let mut body = form.request("sim", &prompt);
            body["tools"] = json!([{"type": "function", "function": {"name": "send_mail", "parameters":
                {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}}}]);
            let heard = governed.send(form.path(), &body).await;
            let what = format!("{form:?} {size}");
            let arguments: Value = serde_json::from_str(&arguments_of(&heard, 0)).unwrap();
            assert_eq!(arguments, json!({"to": "<email>"}), "{what}");
            heard.assert_nothing_leaked(&what);
        }
    }
}

#[tokio::test]
async fn arguments_without_personal_data_stay_to_the_byte() {
    let governed = Governed::start().await;
    let plain = r#"{"city" : "Z\u00fcrich", "days":[1,2,  3], "deep":{"on":true}}"#;
    let mut events = vec![chunk(
        &json!({"tool_calls": [{"index": 0, "id": "t0", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
        None,
    )];
    for piece in plain.as_bytes().chunks(2) {
        let piece = std::str::from_utf8(piece).unwrap();
        events.push(chunk(&json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), None));
    }
    events.push(chunk(&json!({}), Some("tool_calls")));
    governed.canned.answer_events(&events);
    let heard = governed.ask(Form::ChatStream, "canned", "Go on.").await;
    let sent: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    assert_eq!(String::from_utf8_lossy(&heard.bytes), sent + "data: [DONE]\n\n");
}

#[tokio::test]
async fn masked_arguments_in_requests_are_still_json() {
    let governed = Governed::with_policy("  - {id: mask, when: prompt.contains_pii, action: mask}\n").await;
    let body = json!({"model": "sim", "messages": [
        {"role": "user", "content": "Send it."},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "t0", "type": "function",
            "function": {"name": "send_mail", "arguments": arguments()}}]},
        {"role": "tool", "tool_call_id": "t0", "content": personal_text()},
    ]});
    let heard = governed.send(Form::Chat.path(), &body).await;
    assert_eq!(heard.status, 200, "{heard:?}");
    let received = governed.received();
    let sent = received["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    check_arguments(sent, "request");
    assert_eq!(received["messages"][2]["content"], masked_text());
}

#[tokio::test]
async fn masked_arguments_that_were_held_to_the_end_are_still_json() {
    let rules = "  - {id: much, when: output.pii_count > 99, action: block}\n  \
                 - {id: mask, when: output.contains_pii, action: mask}\n";
    let governed = Governed::with_policy(rules).await;
    let long = format!(
        r#"{{"card":4111111111111111,"padding":"{}","card_again":4111111111111111}}"#,
        "steady ".repeat(900)
    );
    let call =
        json!([{"index": 0, "id": "t0", "type": "function", "function": {"name": "pay", "arguments": ""}}]);
    let mut events = vec![chunk(&json!({ "tool_calls": call }), None)];
    for piece in long.as_bytes().chunks(50) {
        let piece = std::str::from_utf8(piece).unwrap();
        events.push(chunk(&json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), None));
    }
    events.push(chunk(&json!({}), Some("tool_calls")));
    governed.canned.answer_events(&events);
    let heard = governed.ask(Form::ChatStream, "canned", "Go on.").await;
    heard.assert_nothing_leaked("held");
    let arguments: Value = serde_json::from_str(&arguments_of(&heard, 0)).unwrap();
    assert_eq!(
        (&arguments["card"], &arguments["card_again"]),
        (&json!("<payment_card>"), &json!("<payment_card>"))
    );
}
