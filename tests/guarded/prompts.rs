//! Personal data in requests under a masking rule: the provider gets the tags and nothing else, in every string
//! value of the body; keys, ids and what the rule does not cover stay; the same words are masked the same way.

use serde_json::{Value, json};

use super::{CLEAN, Form, Governed, PERSONAL, assert_untold, masked_text, personal_text};

const MASK: &str = "  - {id: mask, when: prompt.contains_pii, action: mask}\n";

#[tokio::test]
async fn a_masked_prompt_reaches_the_provider_as_tags_on_every_route() {
    let governed = Governed::with_policy(MASK).await;
    for form in Form::NATIVE {
        let heard = governed.ask(form, "sim", &personal_text()).await;
        assert_eq!((heard.status.as_u16(), heard.header("x-flyball-action")), (200, "mask"), "{form:?}");
        let received = governed.simulator.received().last().unwrap().body.clone();
        assert_untold(&received, &format!("{form:?}"));
        let told: Value = serde_json::from_slice(&received).unwrap();
        let text = if form == Form::Embeddings { &told["input"] } else { &told["messages"][0]["content"] };
        assert_eq!(*text, masked_text(), "{form:?}");
    }
    let body = json!({"model": "sim", "input": ["clean", personal_text()]});
    governed.send(Form::Embeddings.path(), &body).await;
    assert_eq!(governed.received()["input"], json!(["clean", masked_text()]));
}

#[tokio::test]
async fn every_string_of_a_request_is_masked_whether_its_field_is_known_or_not() {
    let governed = Governed::with_policy(MASK).await;
    let said = personal_text();
    let with = |said: &str| {
        json!({
            "messages": [
                {"role": "system", "content": said},
                {"role": "user", "name": said, "content": [
                    {"type": "text", "text": said, "vendor_part": said},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "file", "file": {"filename": said, "file_data": "AAAA"}},
                    {"type": "vendor", "vendor": {"deep": [said]}}]},
                {"role": "assistant", "content": said, "refusal": said, "reasoning_content": said,
                 "tool_calls": [{"id": "call_1", "type": "function", "function":
                    {"name": "f", "arguments": json!({ "a": said }).to_string()}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": said, "vendor_message": {"x": said}},
                {"role": "user", "content": "Go on."},
            ],
            "tools": [{"type": "function", "vendor_tool": said, "function": {"name": "f", "description": said,
                "parameters": {"type": "object", "properties": {"a": {"type": "string", "description": said, "enum": [said]}}}}}],
            "metadata": {"note": said}, "user": said, "stop": [said],
            "vendor_field": {"deep": [{"deeper": said}]}, "vendor_text": said,
            "temperature": 0.5, "seed": 7,
        })
    };
    let body = |said: &str| {
        let mut body = with(said);
        body["model"] = json!("canned");
        body
    };
    governed.canned.answer(r#"{"choices":[]}"#);
    let heard = governed.send(Form::Chat.path(), &body(&said)).await;
    assert_eq!(heard.status, 200, "{heard:?}");
    let received = governed.canned.received().last().unwrap().clone();
    assert_untold(&received, "every field");
    let mut told: Value = serde_json::from_slice(&received).unwrap();
    let mut expected = body(&masked_text());
    for body in [&mut told, &mut expected] {
        body.as_object_mut().unwrap().remove("model");
    }
    assert_eq!(told, expected);
}

#[tokio::test]
async fn spelling_personal_data_in_escapes_hides_nothing() {
    let governed = Governed::with_policy(MASK).await;
    let [(_, email), ..] = PERSONAL;
    let escaped: String = email.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let body = format!(r#"{{"model":"sim","messages":[{{"role":"user","content":"To {escaped}."}}]}}"#);
    let client = governed.client();
    let request = client.request(http::Method::POST, Form::Chat.path(), body.into()).unwrap();
    assert_eq!(client.send(request).await.unwrap().status, 200);
    assert_eq!(governed.received()["messages"][0]["content"], "To <email>.");
}

#[tokio::test]
async fn only_the_kinds_that_a_rule_names_are_masked() {
    let rules = "  - {id: mask, when: prompt.contains_pii, action: mask, kinds: [email, iban]}\n";
    let governed = Governed::with_policy(rules).await;
    governed.ask(Form::Chat, "sim", &personal_text()).await;
    let mut expected = personal_text();
    for (tag, value) in PERSONAL.iter().filter(|(tag, _)| ["<email>", "<iban>"].contains(tag)) {
        expected = expected.replace(value, tag);
    }
    assert_eq!(governed.received()["messages"][0]["content"], expected);
}

#[tokio::test]
async fn a_request_that_nothing_applies_to_leaves_as_it_came() {
    let governed = Governed::with_policy(MASK).await;
    let body = format!(
        "{{ \"messages\" : [{{\"role\":\"user\",\"content\":{}}}],\n\t\"vendor\": {{\"n\":1.50,\"big\":123456789012345678901}},\
         \"model\":\"canned\" }}",
        Value::from(CLEAN)
    );
    governed.canned.answer(r#"{"choices":[]}"#);
    let client = governed.client();
    let request = client.request(http::Method::POST, Form::Chat.path(), body.clone().into()).unwrap();
    assert_eq!(client.send(request).await.unwrap().status, 200);
    let received = governed.canned.received().last().unwrap().clone();
    assert_eq!(String::from_utf8_lossy(&received), body.replace("\"model\":\"canned\"", "\"model\":\"m\""));
}

#[tokio::test]
async fn a_conversation_grows_at_its_end_only() {
    let governed = Governed::with_policy(MASK).await;
    let turn = |text: &str| json!({"role": "user", "content": text});
    let mut messages = vec![json!({"role": "system", "content": "Be brief."})];
    let mut before = String::new();
    for number in 0..4 {
        messages.push(turn(&format!("Turn {number}: {}", personal_text())));
        let body = json!({"model": "sim", "messages": messages});
        assert_eq!(governed.send(Form::Chat.path(), &body).await.status, 200);
        let received = governed.simulator.received().last().unwrap().body.clone();
        let told = String::from_utf8(received.to_vec()).unwrap();
        // A provider's prompt cache works as long as what it saw before is a prefix of what it sees now.
        let open = told.strip_suffix("]}").unwrap();
        assert!(told.starts_with(&before), "{before}\n{told}");
        before = open.to_owned();
    }
}
