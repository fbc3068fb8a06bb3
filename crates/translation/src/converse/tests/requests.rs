//! How conversations become requests of Converse.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{fields, write_request};
use crate::conversation::{Format, Part, Reasoning, Request, Source, Speaker, ToolChoice};
use crate::fields::{Fate, Meaning};
use crate::gate::Gate;
use crate::trial::{self, Said, bytes, call, conversations, full, request, result, stands, text, tool};
use crate::{Dialect, Untranslatable, Wanted};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-v1:0";

fn written_for(model: &str, request: &Request<'_>) -> Result<(Value, Vec<String>), Untranslatable> {
    let mut gate = Gate::new(Dialect::Chat, Dialect::Converse);
    let body = write_request(request, Wanted { model, max_output_tokens: 4096 }, &mut gate)?;
    Ok((serde_json::from_slice(&body).expect("JSON"), gate.into_dropped()))
}

fn written(request: &Request<'_>) -> Value {
    written_for(CLAUDE, request).expect("a body").0
}

/// What the messages say, in their order.
fn said(body: &Value) -> Vec<Said> {
    let mut said = Vec::new();
    let mut last = "";
    let mut names = std::collections::HashMap::new();
    for message in body["messages"].as_array().unwrap() {
        let role = message["role"].as_str().unwrap();
        assert_ne!(role, last, "sides alternate");
        last = role;
        for block in message["content"].as_array().unwrap() {
            if let Some(call) = block.get("toolUse") {
                assert_eq!(role, "assistant");
                let name = call["name"].as_str().unwrap().to_owned();
                let id = call["toolUseId"].as_str().unwrap();
                assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{id}");
                names.insert(id, name.clone());
                said.push(Said::Call(name, call["input"].clone()));
            } else if let Some(result) = block.get("toolResult") {
                assert_eq!(role, "user");
                let name = names[result["toolUseId"].as_str().unwrap()].clone();
                said.push(Said::Result(name, result["content"][0]["text"].as_str().unwrap().to_owned()));
            } else {
                let text = block["text"].as_str().unwrap().to_owned();
                said.push(if role == "assistant" { Said::Assistant(text) } else { Said::User(text) });
            }
        }
    }
    said
}

proptest! {
    #[test]
    fn a_conversation_says_in_messages_what_it_said((turns, meant) in conversations()) {
        prop_assert_eq!(said(&written(&request(turns))), meant);
    }

    #[test]
    fn a_request_is_a_prefix_of_the_one_with_the_next_turn((turns, _) in conversations()) {
        let bytes = |turns| {
            let mut gate = Gate::new(Dialect::Chat, Dialect::Converse);
            write_request(&request(turns), Wanted { model: "m", max_output_tokens: 1 }, &mut gate).unwrap()
        };
        let mut more = trial::again(&turns);
        let side = more.last().is_some_and(|turn| turn.0 == Speaker::Assistant);
        more.push((if side { Speaker::User } else { Speaker::Assistant }, vec![text("and so on")]));
        let (shorter, longer) = (bytes(turns), bytes(more));
        prop_assert!(longer.starts_with(&shorter[..shorter.len() - 2]));
    }
}

#[test]
fn what_is_carried_stands_at_its_path() {
    let body = written(&full());
    for meaning in CARRIED {
        match fields::request_fate(meaning) {
            Fate::Carried(path) | Fate::Converted(path, _) => {
                assert!(stands(&body, path), "{meaning:?}: {path}")
            }
            other => panic!("{meaning:?} is {other:?}"),
        }
    }
    assert!(body.get("modelId").is_none() && body.get("stream").is_none());
    let bytes = {
        let mut gate = Gate::new(Dialect::Chat, Dialect::Converse);
        write_request(&full(), Wanted { model: "m", max_output_tokens: 1 }, &mut gate).unwrap()
    };
    assert!(String::from_utf8(bytes).unwrap().contains(r#""topP":0.9,"#), "numbers are as they were written");
}

const CARRIED: [Meaning; 24] = [
    Meaning::Model,
    Meaning::System,
    Meaning::Turns,
    Meaning::Text,
    Meaning::Image,
    Meaning::Document,
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
    Meaning::TopP,
    Meaning::TopK,
    Meaning::Stop,
    Meaning::JsonSchema,
    Meaning::ReasoningEffort,
    Meaning::ReasoningBudget,
    Meaning::Stream,
    Meaning::StreamUsage,
];

#[test]
fn results_stand_first_with_ids_that_fit_and_empty_ones_say_nothing() {
    let long = "x".repeat(70);
    let picture = Part::Image { source: bytes("image/jpeg"), detail: None };
    let body = written(&request(vec![
        (Speaker::Assistant, vec![text(""), call(&long, "f", r#"{"a":1}"#), call("ok-1", "g", "")]),
        (Speaker::User, vec![text("well"), result("ok-1", vec![picture])]),
        (Speaker::User, vec![result(&long, vec![text("")])]),
    ]));
    let id = body["messages"][0]["content"][0]["toolUse"]["toolUseId"].clone();
    assert!(id.as_str().unwrap().len() <= 64);
    let expected = json!([
        { "toolResult": { "toolUseId": id, "content": [{ "json": {} }] } },
        { "toolResult": { "toolUseId": "ok-1", "content": [
            { "image": { "format": "jpeg", "source": { "bytes": "AAAA" } } },
        ] } },
        { "text": "well" },
    ]);
    assert_eq!(body["messages"][1]["content"], expected);
    assert_eq!(body["messages"][0]["content"].as_array().unwrap().len(), 2, "no empty text");
}

#[test]
fn documents_have_names_that_bedrock_allows_each_once_and_words_beside_them() {
    let named = |name: Option<&'static str>| Part::Document {
        source: Source::Text("words".into()),
        name: name.map(Into::into),
    };
    let parts =
        vec![named(Some("Q3 — report.pdf")), named(Some("Q3 report pdf")), named(None), named(Some("é"))];
    let body = written(&request(vec![(Speaker::User, parts)]));
    let content = body["messages"][0]["content"].as_array().unwrap();
    let names: Vec<_> = content.iter().filter_map(|block| block["document"]["name"].as_str()).collect();
    assert_eq!(names, ["Q3 report pdf", "Q3 report pdf 1", "document", "document 2"]);
    assert_eq!(content.last().unwrap(), &json!({ "text": "Q3 report pdf" }));
    assert_eq!(content[0]["document"]["source"], json!({ "text": "words" }));
    assert_eq!(content[0]["document"]["format"], "txt");
}

#[test]
fn what_has_no_form_is_refused_by_the_name_of_its_turn() {
    let image = |source| Part::Image { source, detail: None };
    let parts = [
        image(Source::Link("https://example.com/a.png".into())),
        image(bytes("image/tiff")),
        Part::Document { source: bytes("application/zip"), name: None },
        Part::Audio { format: "midi".into(), data: "AAAA".into() },
        result("nobody", vec![]),
    ];
    for part in parts {
        let refused = written_for(CLAUDE, &request(vec![(Speaker::User, vec![part])])).unwrap_err();
        assert_eq!(refused.field, "messages[0]");
    }
    let json = Request { format: Some(Format::Json), ..Request::default() };
    assert_eq!(written_for(CLAUDE, &json).unwrap_err().field, "response_format");
}

#[test]
fn choices_of_tools_have_their_forms() {
    let choice = |choice| {
        let tools = vec![tool("f", None)];
        written(&Request { tools, tool_choice: choice, ..Request::default() })["toolConfig"]["toolChoice"]
            .clone()
    };
    assert_eq!(choice(None), Value::Null);
    assert_eq!(choice(Some(ToolChoice::Auto)), json!({ "auto": {} }));
    assert_eq!(choice(Some(ToolChoice::Any)), json!({ "any": {} }));
    assert_eq!(choice(Some(ToolChoice::Named("f".into()))), json!({ "tool": { "name": "f" } }));
}

#[test]
fn where_no_tool_may_be_called_none_is_offered_unless_one_was_called() {
    let none = |turns| Request {
        tools: vec![tool("f", None)],
        tool_choice: Some(ToolChoice::None),
        ..request(turns)
    };
    let (body, dropped) = written_for(CLAUDE, &none(vec![(Speaker::User, vec![text("go")])])).unwrap();
    assert!(body.get("toolConfig").is_none());
    assert_eq!(dropped, ["tools"]);
    let called = none(vec![(Speaker::Assistant, vec![call("1", "f", "{}")])]);
    assert_eq!(written_for(CLAUDE, &called).unwrap_err().field, "tool_choice");
}

#[test]
fn a_temperature_beyond_bedrocks_range_is_lowered_and_told() {
    let temperature = |number| {
        let request = Request { temperature: Some(number), ..Request::default() };
        let (body, dropped) = written_for(CLAUDE, &request).unwrap();
        (body["inferenceConfig"]["temperature"].to_string(), dropped.join(","))
    };
    assert_eq!(temperature("1.7"), ("1".to_owned(), "temperature".to_owned()));
    assert_eq!(temperature("0.25"), ("0.25".to_owned(), String::new()));
}

#[test]
fn claude_thinks_below_the_cap_at_its_own_temperature() {
    let thinking = |change: fn(&mut Request<'static>)| {
        let mut request = Request {
            reasoning: Some(Reasoning::Effort("high".into())),
            temperature: Some("0.5"),
            max_output_tokens: Some(5000),
            ..request(vec![(Speaker::User, vec![text("go")])])
        };
        change(&mut request);
        let (body, dropped) = written_for(CLAUDE, &request).unwrap();
        (body["additionalModelRequestFields"]["thinking"].clone(), dropped.join(","))
    };
    let enabled = |tokens: u64| json!({ "type": "enabled", "budget_tokens": tokens });
    let temperature = || "temperature".to_owned();
    assert_eq!(thinking(|_| {}), (enabled(3976), temperature()));
    assert_eq!(thinking(|request| request.max_output_tokens = None), (enabled(16_384), temperature()));
    assert_eq!(thinking(|request| request.temperature = Some("1.0")), (enabled(3976), String::new()));
    assert_eq!(thinking(|request| request.top_k = Some("5")).1, "top_k,temperature");
    // It does not know how to think as much as it likes.
    let adaptive = thinking(|request| request.reasoning = Some(Reasoning::Adaptive));
    assert_eq!(adaptive, (enabled(3976), temperature()));
    let off = thinking(|request| request.reasoning = Some(Reasoning::Off));
    assert_eq!(off, (json!({ "type": "disabled" }), String::new()));
    let left_out = [
        thinking(|request| request.max_output_tokens = Some(2047)),
        thinking(|request| request.tool_choice = Some(ToolChoice::Any)),
        thinking(|request| {
            let turns = vec![
                (Speaker::Assistant, vec![call("1", "f", "{}")]),
                (Speaker::User, vec![result("1", vec![])]),
            ];
            request.turns = trial::request(turns).turns;
        }),
    ];
    for (thinking, dropped) in left_out {
        assert_eq!((thinking, dropped.as_str()), (Value::Null, "reasoning_effort"));
    }
}

#[test]
fn a_newer_claude_thinks_adaptively_with_an_effort_and_takes_no_sampling() {
    let request = Request {
        reasoning: Some(Reasoning::Budget(20_000)),
        temperature: Some("1"),
        top_p: Some("0.5"),
        top_k: Some("5"),
        ..request(vec![(Speaker::User, vec![text("go")])])
    };
    let (body, dropped) = written_for("eu.anthropic.claude-opus-4-8-v1:0", &request).unwrap();
    let fields = json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": "high" } });
    assert_eq!(body["additionalModelRequestFields"], fields);
    assert_eq!(body.get("inferenceConfig"), None);
    assert_eq!(dropped, ["top_k", "temperature", "top_p"]);
}

#[test]
fn other_vendors_models_are_told_in_their_own_words() {
    let fields = |model, reasoning, top_k| {
        let request = Request { reasoning: Some(reasoning), top_k, ..Request::default() };
        let (body, dropped) = written_for(model, &request).unwrap();
        (body["additionalModelRequestFields"].clone(), dropped.join(","))
    };
    let high = || Reasoning::Effort("high".into());
    let nova = json!({
        "reasoningConfig": { "type": "enabled", "maxReasoningEffort": "medium" },
        "inferenceConfig": { "topK": 5 },
    });
    assert_eq!(fields("amazon.nova-2-lite-v1:0", high(), Some("5")), (nova, String::new()));
    let open = json!({ "reasoning_effort": "low" });
    assert_eq!(fields("openai.gpt-oss-120b-1:0", Reasoning::Budget(1024), None), (open, String::new()));
    let none = ("reasoning_effort".to_owned(), Value::Null);
    assert_eq!(fields("meta.llama4-scout", high(), None), (none.1, none.0));
}
