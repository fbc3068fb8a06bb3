//! Every cell of the matrix, way of asking against provider dialect: masks, blocks, summaries and safe mode hold on
//! all of them alike, and nothing of what they keep back is in any byte on either side.

use serde_json::{Value, json};

use super::{Form, Governed, Heard, Vendor, assert_untold, masked_text, personal_text, says, strings};

const MASK_IN: &str = "  - {id: mask, when: prompt.contains_pii, action: mask}\n";
const BLOCK_IN: &str = "  - {id: no-pii, when: prompt.contains_pii, action: block}\n";
const BLOCK_OUT: &str = "  - {id: no-pii, when: output.contains_pii, action: block}\n";
const SUMMARISE: &str = "  - {id: copied, when: output.verbatim_ratio > 0.2, action: summarize}\n";

/// All cells of these ways of asking.
fn cells(forms: &[Form]) -> impl Iterator<Item = (Form, Vendor, String)> {
    forms.iter().flat_map(|form| {
        Vendor::ALL.into_iter().map(move |vendor| (*form, vendor, format!("{form:?} at {}", vendor.name())))
    })
}

/// The last body that a provider got, as bytes.
fn last(governed: &Governed) -> Vec<u8> {
    governed.simulator.received().last().unwrap().body.to_vec()
}

#[tokio::test]
async fn a_masked_prompt_reaches_every_provider_as_tags() {
    let governed = Governed::with_policy(MASK_IN).await;
    for (form, vendor, what) in cells(&Form::ALL) {
        let before = governed.simulator.counts().started;
        let heard = governed.ask(form, vendor.name(), &personal_text()).await;
        if !vendor.offers(form) {
            heard.assert_refused(form, 400, "unsupported_operation", &what);
        } else {
            assert_eq!((heard.status.as_u16(), heard.header("x-flyball-action")), (200, "mask"), "{what}");
        }
        let called = governed.simulator.counts().started > before;
        assert_eq!(called, vendor.is_called_for(form), "{what}: whether it left");
        if called {
            let received = last(&governed);
            assert_untold(&received, &what);
            let told: Value = serde_json::from_slice(&received).unwrap();
            assert!(strings(&told).contains(&masked_text().as_str()), "{what}: {told}");
        }
    }
}

#[tokio::test]
async fn every_place_of_a_conversation_is_masked_for_every_provider() {
    let governed = Governed::with_policy(MASK_IN).await;
    for (form, vendor, what) in cells(&Form::TOOLS) {
        let heard = governed.send(form.path(), &form.conversation(vendor.name(), &personal_text())).await;
        assert_eq!(
            (heard.status.as_u16(), heard.header("x-flyball-action")),
            (200, "mask"),
            "{what}: {heard:?}"
        );
        let received = last(&governed);
        assert_untold(&received, &what);
        let told = String::from_utf8(received).unwrap();
        // System, user, assistant, arguments, result, both descriptions: none was lost either.
        assert!(told.matches("<us_ssn>").count() >= 7, "{what}: {told}");
    }
}

#[tokio::test]
async fn personal_data_in_an_answer_of_any_provider_is_masked() {
    let governed = Governed::start().await;
    for (form, vendor, what) in cells(&Form::TEXTS) {
        for size in [1, 7, 1000] {
            let what = format!("{what} in pieces of {size}");
            let heard = governed.ask(form, vendor.name(), &says(&personal_text(), size)).await;
            assert_eq!(heard.status, 200, "{what}: {heard:?}");
            heard.assert_nothing_leaked(&what);
            assert_eq!(heard.content(0), masked_text(), "{what}: {heard:?}");
            if form.streams() {
                heard.assert_ends_well(form, &what);
            }
        }
    }
}

#[tokio::test]
async fn arguments_of_any_providers_tool_calls_are_masked() {
    let governed = Governed::start().await;
    for (form, vendor, what) in cells(&Form::TOOLS) {
        for size in [1, 6] {
            let what = format!("{what} in pieces of {size}");
            let prompt =
                format!("sim: chunk_bytes={size}\nUse send_mail for \"alex.example@example.com\" please.");
            let body = form.request(vendor.name(), &prompt);
            let body = form.with_tool(body, "send_mail", &json!({ "to": { "type": "string" } }));
            let heard = governed.send(form.path(), &body).await;
            assert_eq!(heard.status, 200, "{what}: {heard:?}");
            heard.assert_nothing_leaked(&what);
            assert_eq!(heard.arguments(), [json!({ "to": "<email>" })], "{what}: {heard:?}");
        }
    }
}

#[tokio::test]
async fn a_blocked_request_reaches_no_provider_of_any_dialect() {
    let governed = Governed::with_policy(BLOCK_IN).await;
    for (form, vendor, what) in cells(&Form::ALL) {
        let heard = governed.ask(form, vendor.name(), &personal_text()).await;
        if vendor.offers(form) {
            is_blocked(form, &heard, &what);
        } else {
            heard.assert_refused(form, 400, "unsupported_operation", &what);
        }
        heard.assert_nothing_leaked(&what);
    }
    for (form, vendor, what) in cells(&Form::TOOLS) {
        let body = form.conversation(vendor.name(), &personal_text());
        is_blocked(form, &governed.send(form.path(), &body).await, &what);
    }
    assert_eq!(governed.simulator.counts().started, 0);
}

/// Refused by the rule `no-pii`, before the first byte.
fn is_blocked(form: Form, heard: &Heard, what: &str) {
    heard.assert_refused(form, 403, "policy_blocked", what);
    assert_eq!(heard.json()["error"]["rules"], json!(["no-pii"]), "{what}");
    assert_eq!(heard.header("x-flyball-action"), "block", "{what}");
    assert_eq!(heard.header("x-should-retry"), "false", "{what}");
}

#[tokio::test]
async fn a_blocked_answer_of_any_provider_ends_as_its_callers_protocol_refuses() {
    let governed = Governed::with_policy(BLOCK_OUT).await;
    for (form, vendor, what) in cells(&Form::TEXTS) {
        for size in [1, 1000] {
            let what = format!("{what} in pieces of {size}");
            let text = format!("All of this is harmless. {}", personal_text());
            let heard = governed.ask(form, vendor.name(), &says(&text, size)).await;
            heard.assert_nothing_leaked(&what);
            if form.streams() {
                heard.assert_ends_as_refused(form, &what);
                assert!(text.starts_with(&heard.content(0)), "{what}: {}", heard.content(0));
            } else {
                is_blocked(form, &heard, &what);
            }
        }
    }
}

#[tokio::test]
async fn a_blocked_tool_call_of_any_provider_is_not_told() {
    let governed = Governed::with_policy(BLOCK_OUT).await;
    for (form, vendor, what) in cells(&Form::TOOLS) {
        let prompt = "sim: chunk_bytes=3\nUse send_mail for \"alex.example@example.com\" please.";
        let body = form.request(vendor.name(), prompt);
        let body = form.with_tool(body, "send_mail", &json!({ "to": { "type": "string" } }));
        let heard = governed.send(form.path(), &body).await;
        heard.assert_nothing_leaked(&what);
        if form.streams() {
            heard.assert_ends_as_refused(form, &what);
        } else {
            is_blocked(form, &heard, &what);
        }
    }
}

#[tokio::test]
async fn what_may_be_the_beginning_of_a_finding_is_held_on_every_cell() {
    let governed = Governed::start().await;
    let text = "All of this is harmless and goes out. But write to alex.example@example.com";
    for (form, vendor, what) in cells(&Form::TEXTS) {
        if !form.streams() {
            continue;
        }
        // It breaks where the address is not whole yet.
        let script = format!("chunk_bytes=1,cut={},text={}", text.len() - 6, script_text(text));
        let heard = governed.ask(form, vendor.name(), &format!("sim: {script}\nGo on.")).await;
        heard.assert_broke(form, "provider_broke_off", &what);
        heard.assert_nothing_leaked(&what);
        let content = heard.content(0);
        assert!(content.starts_with("All of this is harmless and goes out."), "{what}: {content}");
    }
}

fn script_text(text: &str) -> String {
    flyball_testkit::Simulator::script_text(text)
}

const PASSAGE: &str = "The harbour committee met on Monday to discuss the new budget for the bridge and the quay. \
    After a long debate the members approved the plan for the harbour with nine votes against two. \
    The bridge will be painted in spring and the quay will be repaired before the autumn storms begin.";

async fn repeats(governed: &Governed, form: Form, vendor: Vendor) -> Heard {
    let prompt = format!("{}\nRepeat: {PASSAGE}", says(PASSAGE, 5));
    governed.ask(form, vendor.name(), &prompt).await
}

#[tokio::test]
async fn a_copied_answer_of_any_provider_is_summarised() {
    let governed = Governed::with("summarize: {sentences: 1}\n", Some(SUMMARISE)).await;
    let mut summaries = Vec::new();
    for (form, vendor, what) in cells(&Form::TEXTS) {
        let heard = repeats(&governed, form, vendor).await;
        assert_eq!(heard.status, 200, "{what}: {heard:?}");
        let summary = heard.content(0);
        assert!(!summary.is_empty() && summary.len() < PASSAGE.len() / 2, "{what}: {summary}");
        assert!(!String::from_utf8_lossy(&heard.bytes).contains("votes against two"), "{what}: {heard:?}");
        if form.streams() {
            heard.assert_ends_well(form, &what);
        } else {
            assert_eq!(heard.header("x-flyball-action"), "summarize", "{what}");
        }
        summaries.push(summary);
    }
    summaries.dedup();
    assert_eq!(summaries.len(), 1, "the summary is the same on every cell: {summaries:?}");
}

#[tokio::test]
async fn rules_about_whole_answers_hold_on_every_cell_held_or_running() {
    for running in [false, true] {
        let config = if running { "stream: {on_whole_answer: running}\n" } else { "" };
        let rules = "  - {id: no-pii, when: output.verbatim_ratio > 0.2, action: block}\n";
        let governed = Governed::with(config, Some(rules)).await;
        for (form, vendor, what) in cells(&Form::TEXTS) {
            let heard = repeats(&governed, form, vendor).await;
            let what = format!("{what}, running: {running}");
            if !form.streams() {
                is_blocked(form, &heard, &what);
                continue;
            }
            heard.assert_ends_as_refused(form, &what);
            let words = heard.content(0).split_whitespace().count();
            let most = if running { 9 } else { 0 };
            assert!(words <= most, "{what}: {words} words of it got out");
            assert_eq!(words > 0, running, "{what}");
        }
    }
}

#[tokio::test]
async fn safe_mode_holds_at_every_provider() {
    let config = "safe_mode: {max_output_tokens: 20, temperature: 0.1, instruction: 'Be careful.'}\n";
    let rules = "  - {id: careful, when: prompt.length > 0, action: safe_mode}\n";
    let governed = Governed::with(config, Some(rules)).await;
    for (form, vendor, what) in cells(&Form::TEXTS) {
        let mut body = form.request(vendor.name(), "Use send_mail.");
        if form.path().starts_with("/v1/") {
            body["temperature"] = json!(0.9);
        }
        if Form::TOOLS.contains(&form) {
            body = form.with_tool(body, "send_mail", &json!({ "to": { "type": "string" } }));
        }
        let heard = governed.send(form.path(), &body).await;
        assert_eq!(
            (heard.status.as_u16(), heard.header("x-flyball-action")),
            (200, "safe_mode"),
            "{what}: {heard:?}"
        );
        let told = governed.received();
        for gone in ["tools", "tool_choice", "toolConfig"] {
            assert!(told.get(gone).is_none(), "{what}: {gone} is still there: {told}");
        }
        assert!(!told.to_string().contains("\"send_mail\""), "{what}: {told}");
        let settings = [&told, &told["generationConfig"], &told["inferenceConfig"]];
        let stated = |keys: &[&str]| -> Vec<f64> {
            settings.iter().flat_map(|object| keys.iter().filter_map(|key| object[*key].as_f64())).collect()
        };
        let caps =
            ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens"];
        assert_eq!(stated(&caps), [20.0], "{what}: {told}");
        assert_eq!(stated(&["temperature"]), [0.1], "{what}: {told}");
        assert!(strings(&told).iter().any(|text| text.contains("Be careful.")), "{what}: {told}");
    }
}
