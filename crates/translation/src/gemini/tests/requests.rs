//! How conversations become requests of `generateContent`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{fields, write_request};
use crate::conversation::{Format, Part, Reasoning, Request, Source, Speaker, ToolChoice, ToolResult};
use crate::fields::{Fate, Meaning};
use crate::gate::Gate;
use crate::trial::{self, Said, call, conversations, full, request, result, stands, text, tool};
use crate::{Dialect, Untranslatable, Wanted};

fn written_for(model: &str, request: &Request<'_>) -> Result<(Value, Vec<String>), Untranslatable> {
    let mut gate = Gate::new(Dialect::Chat, Dialect::Gemini);
    let body = write_request(request, Wanted { model, max_output_tokens: 4096 }, &mut gate)?;
    Ok((serde_json::from_slice(&body).expect("JSON"), gate.into_dropped()))
}

fn written(request: &Request<'_>) -> Value {
    written_for("gemini-2.5-pro", request).expect("a body").0
}

/// What the contents say, in their order.
fn said(body: &Value) -> Vec<Said> {
    let mut said = Vec::new();
    let mut last = "";
    for content in body["contents"].as_array().unwrap() {
        let role = content["role"].as_str().unwrap();
        assert_ne!(role, last, "sides alternate");
        last = role;
        for part in content["parts"].as_array().unwrap() {
            let name = |holder: &Value| holder["name"].as_str().unwrap().to_owned();
            if let Some(call) = part.get("functionCall") {
                assert_eq!(role, "model");
                said.push(Said::Call(name(call), call["args"].clone()));
            } else if let Some(response) = part.get("functionResponse") {
                assert_eq!(role, "user");
                let output = response["response"]["output"].as_str().unwrap();
                said.push(Said::Result(name(response), output.to_owned()));
            } else {
                let text = part["text"].as_str().unwrap().to_owned();
                said.push(if role == "model" { Said::Assistant(text) } else { Said::User(text) });
            }
        }
    }
    said
}

proptest! {
    #[test]
    fn a_conversation_says_in_contents_what_it_said((turns, meant) in conversations()) {
        prop_assert_eq!(said(&written(&request(turns))), meant);
    }

    #[test]
    fn a_request_is_a_prefix_of_the_one_with_the_next_turn((turns, _) in conversations()) {
        let bytes = |turns| {
            let mut gate = Gate::new(Dialect::Chat, Dialect::Gemini);
            write_request(&request(turns), Wanted { model: "m", max_output_tokens: 1 }, &mut gate).unwrap()
        };
        let mut more = trial::again(&turns);
        let side = more.last().is_some_and(|turn| turn.0 == Speaker::Assistant);
        more.push((if side { Speaker::User } else { Speaker::Assistant }, vec![text("and so on")]));
        let (shorter, longer) = (bytes(turns), bytes(more));
        prop_assert!(longer.starts_with(&shorter[..shorter.len() - 2]));
    }
}

/// Every meaning that the list says is carried stands where it says.
#[test]
fn what_is_carried_stands_at_its_path() {
    let mut request = full();
    request.seed = Some("7");
    request.presence_penalty = Some("0.1");
    request.frequency_penalty = Some("0.2");
    request.choices = Some(2);
    request.turns[0]
        .parts
        .push(Part::Image { source: Source::Link("https://example.com/a.png?b".into()), detail: None });
    let body = written(&request);
    for meaning in CARRIED {
        match fields::request_fate(meaning) {
            Fate::Carried(path) | Fate::Converted(path, _) => {
                assert!(stands(&body, path), "{meaning:?}: {path}")
            }
            other => panic!("{meaning:?} is {other:?}"),
        }
    }
    assert_eq!(body["generationConfig"]["temperature"].to_string(), "0.5");
    assert_eq!(body["toolConfig"]["functionCallingConfig"]["mode"], "VALIDATED");
    assert!(body.get("model").is_none() && body.get("stream").is_none());
}

const CARRIED: [Meaning; 31] = [
    Meaning::Model,
    Meaning::System,
    Meaning::Turns,
    Meaning::Text,
    Meaning::Image,
    Meaning::ImageLink,
    Meaning::Document,
    Meaning::DocumentLink,
    Meaning::AudioInput,
    Meaning::ToolCall,
    Meaning::ToolResult,
    Meaning::ToolResultMedia,
    Meaning::ToolResultError,
    Meaning::RefusalText,
    Meaning::Tools,
    Meaning::ToolStrictness,
    Meaning::ToolChoice,
    Meaning::MaxOutputTokens,
    Meaning::Temperature,
    Meaning::TopP,
    Meaning::TopK,
    Meaning::Stop,
    Meaning::Seed,
    Meaning::PresencePenalty,
    Meaning::FrequencyPenalty,
    Meaning::Choices,
    Meaning::JsonObject,
    Meaning::JsonSchema,
    Meaning::ReasoningEffort,
    Meaning::ReasoningBudget,
    Meaning::StreamUsage,
];

#[test]
fn results_follow_their_calls_in_the_order_of_these_and_before_texts() {
    let failed = ToolResult { id: "1".into(), parts: vec![text("a"), text("b")], error: true };
    let body = written(&request(vec![
        (Speaker::User, vec![text("go")]),
        (Speaker::Assistant, vec![call("1", "f", r#"{"a":1.50}"#), call("2", "g", " ")]),
        (Speaker::User, vec![text("well"), result("2", vec![])]),
        (Speaker::System, vec![text("be brief")]),
        (Speaker::User, vec![Part::ToolResult(failed)]),
    ]));
    let expected = json!([
        { "role": "user", "parts": [{ "text": "go" }] },
        { "role": "model", "parts": [
            { "functionCall": { "name": "f", "args": { "a": 1.50 } } },
            { "functionCall": { "name": "g", "args": {} } },
        ] },
        { "role": "user", "parts": [
            { "functionResponse": { "name": "f", "response": { "error": ["a", "b"] } } },
            { "functionResponse": { "name": "g", "response": { "output": "" } } },
            { "text": "well" },
            { "text": "<system>be brief</system>" },
        ] },
    ]);
    assert_eq!(body["contents"], expected);
}

#[test]
fn the_first_call_of_a_step_is_signed_for_models_that_want_that() {
    let request = request(vec![
        (Speaker::User, vec![text("go")]),
        (Speaker::Assistant, vec![text("so"), call("1", "f", "{}"), call("2", "f", "{}")]),
        (Speaker::User, vec![result("1", vec![]), result("2", vec![])]),
    ]);
    let (body, _) = written_for("gemini-3-pro", &request).unwrap();
    let parts = &body["contents"][1]["parts"];
    assert_eq!(parts[1]["thoughtSignature"], "skip_thought_signature_validator");
    assert!(parts[0].get("thoughtSignature").is_none() && parts[2].get("thoughtSignature").is_none());
    assert!(!written(&request).to_string().contains("thoughtSignature"));
}

#[test]
fn what_has_no_form_is_refused_by_the_name_of_its_turn() {
    let cases = [
        vec![(Speaker::User, vec![result("1", vec![])])],
        vec![
            (Speaker::Assistant, vec![call("1", "f", "{}")]),
            (Speaker::User, vec![result("1", vec![])]),
            (Speaker::Assistant, vec![text("so")]),
            (Speaker::User, vec![result("1", vec![])]),
        ],
        vec![(Speaker::Assistant, vec![call("1", "f", r#"{"a":"#)])],
        vec![(Speaker::Assistant, vec![call("1", "f", "[1]")])],
        vec![(Speaker::User, vec![call("1", "f", "{}")])],
        vec![(Speaker::System, vec![Part::Image { source: trial::bytes("image/png"), detail: None }])],
    ];
    for turns in cases {
        let last = format!("messages[{}]", turns.len() - 1);
        assert_eq!(written_for("m", &request(turns)).unwrap_err().field, last);
    }
}

#[test]
fn choices_of_tools_have_their_modes() {
    let mode = |choice, strict| {
        let tools = vec![tool("f", strict)];
        let body = written(&Request { tools, tool_choice: choice, ..Request::default() });
        body.get("toolConfig").map(|config| config["functionCallingConfig"].to_string())
    };
    assert_eq!(mode(None, None), None);
    assert_eq!(mode(None, Some(true)).as_deref(), Some(r#"{"mode":"VALIDATED"}"#));
    assert_eq!(mode(Some(ToolChoice::Auto), None).as_deref(), Some(r#"{"mode":"AUTO"}"#));
    assert_eq!(mode(Some(ToolChoice::None), None).as_deref(), Some(r#"{"mode":"NONE"}"#));
    assert_eq!(mode(Some(ToolChoice::Any), Some(true)).as_deref(), Some(r#"{"mode":"ANY"}"#));
    let named = mode(Some(ToolChoice::Named("f".into())), None);
    assert_eq!(named.as_deref(), Some(r#"{"mode":"ANY","allowedFunctionNames":["f"]}"#));
}

#[test]
fn thinking_is_said_as_the_generation_has_it() {
    let thinking = |model, reasoning| {
        let request = Request { reasoning: Some(reasoning), ..Request::default() };
        let (body, _) = written_for(model, &request).unwrap();
        body["generationConfig"]["thinkingConfig"].to_string()
    };
    let effort = |word: &'static str| Reasoning::Effort(word.into());
    let budget = |tokens: i64| format!(r#"{{"thinkingBudget":{tokens},"includeThoughts":true}}"#);
    assert_eq!(thinking("gemini-2.5-pro", effort("medium")), budget(4096));
    assert_eq!(thinking("gemini-2.5-pro", effort("xhigh")), budget(24_576));
    assert_eq!(thinking("gemini-2.5-pro", Reasoning::Budget(2000)), budget(2000));
    assert_eq!(thinking("gemini-3-pro", Reasoning::Adaptive), budget(-1));
    assert_eq!(thinking("gemini-2.5-flash", Reasoning::Budget(31_999)), budget(24_576));
    assert_eq!(thinking("gemini-2.5-flash", Reasoning::Off), r#"{"thinkingBudget":0}"#);
    // These always think.
    assert_eq!(thinking("gemini-2.5-pro", Reasoning::Off), r#"{"thinkingBudget":128}"#);
    assert_eq!(thinking("gemini-3-pro", Reasoning::Off), r#"{"thinkingLevel":"low"}"#);
    let level = r#"{"thinkingLevel":"low","includeThoughts":true}"#;
    assert_eq!(thinking("gemini-3-pro", effort("minimal")), level);
}

#[test]
fn any_json_is_asked_for_by_its_media_type() {
    let body = written(&Request { format: Some(Format::Json), ..Request::default() });
    assert_eq!(body["generationConfig"], json!({ "responseMimeType": "application/json" }));
}
