//! Conversations, answers and streams made for tests of dialects that callers do not speak: there is nothing to read
//! them back with, so what was written is compared with what was meant.

use std::borrow::Cow;

use bytes::Bytes;
use flyball_core::json::{Document, Limits, Value};
use proptest::prelude::*;
use proptest::sample::SizeRange;

use crate::conversation::{
    Format, Part, Reasoning, Request, Source, Speaker, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use crate::reply::{Event, Opened, Stop, Usage};

pub(crate) fn document(json: &str) -> Document {
    let limits = Limits { depth: 64, nodes: 100_000 };
    Document::parse(Bytes::copy_from_slice(json.as_bytes()), limits).expect("JSON")
}

/// A value that lives as long as the test does.
pub(crate) fn value(json: &str) -> Value<'static> {
    Box::leak(Box::new(document(json))).root()
}

pub(crate) fn text(text: &str) -> Part<'static> {
    Part::Text(text.to_owned().into())
}

pub(crate) fn call(id: &str, name: &str, arguments: &str) -> Part<'static> {
    let [id, name, arguments] = [id, name, arguments].map(|text| Cow::Owned(text.to_owned()));
    Part::ToolCall(ToolCall { id, name, arguments })
}

pub(crate) fn result(id: &str, parts: Vec<Part<'static>>) -> Part<'static> {
    Part::ToolResult(ToolResult { id: id.to_owned().into(), parts, error: false })
}

pub(crate) fn bytes(media_type: &'static str) -> Source<'static> {
    Source::Bytes { media_type: media_type.into(), data: "AAAA".into() }
}

/// A request of these turns and nothing else.
pub(crate) fn request(turns: Vec<(Speaker, Vec<Part<'static>>)>) -> Request<'static> {
    let turn = |(place, (speaker, parts))| Turn { speaker, path: format!("messages[{place}]"), parts };
    Request { turns: turns.into_iter().enumerate().map(turn).collect(), ..Request::default() }
}

pub(crate) fn tool(name: &'static str, strict: Option<bool>) -> Tool<'static> {
    let parameters = Some(value(r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#));
    Tool { name: name.into(), description: Some("Does it.".into()), parameters, strict }
}

/// A request that says everything that every dialect has a place for.
pub(crate) fn full() -> Request<'static> {
    let failed = ToolResult {
        id: "2".into(),
        parts: vec![Part::Image { source: bytes("image/png"), detail: None }],
        error: true,
    };
    let said = vec![
        text("Look."),
        Part::Image { source: bytes("image/png"), detail: None },
        Part::Document { source: bytes("application/pdf"), name: Some("a.pdf".into()) },
        Part::Audio { format: "wav".into(), data: "AAAA".into() },
    ];
    let turns = vec![
        (Speaker::User, said),
        (
            Speaker::Assistant,
            vec![Part::Refusal("No.".into()), call("1", "f", r#"{"a":1}"#), call("2", "g", "")],
        ),
        (Speaker::User, vec![result("1", vec![text("one")]), Part::ToolResult(failed)]),
        (Speaker::Assistant, vec![text("So.")]),
        (Speaker::User, vec![text("Go on.")]),
    ];
    Request {
        system: vec!["Be kind.".into()],
        tools: vec![tool("f", Some(true)), tool("g", None)],
        tool_choice: Some(ToolChoice::Auto),
        max_output_tokens: Some(4000),
        temperature: Some("0.5"),
        top_p: Some("0.9"),
        top_k: Some("40"),
        stop: vec!["END".into()],
        format: Some(Format::Schema {
            name: Some("answer".into()),
            description: None,
            schema: value(r#"{"type":"object"}"#),
            strict: Some(true),
        }),
        reasoning: Some(Reasoning::Budget(2000)),
        ..request(turns)
    }
}

/// Whether something stands at a path of a body; `[]` is any item.
pub(crate) fn stands(value: &serde_json::Value, path: &str) -> bool {
    let Some(head) = path.split('.').next().filter(|head| !head.is_empty()) else { return true };
    let rest = path.get(head.len() + 1..).unwrap_or_default();
    match (value, head.strip_suffix("[]")) {
        (serde_json::Value::Object(members), None) => {
            members.get(head).is_some_and(|member| stands(member, rest))
        }
        (serde_json::Value::Object(members), Some(list)) => members
            .get(list)
            .and_then(|list| list.as_array())
            .is_some_and(|items| items.iter().any(|item| stands(item, rest))),
        _ => false,
    }
}

/// What is said in a conversation, in its order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    User(String),
    Assistant(String),
    Call(String, serde_json::Value),
    Result(String, String),
}

/// One side's turn, and what is to be found of it.
type Step = (Vec<(Speaker, Vec<Part<'static>>)>, Vec<Said>);

fn words() -> impl Strategy<Value = String> {
    let words = prop_oneof!["[a-z ]{1,12}", "\\PC{1,12}", Just("\u{1}\n\t\"\\ü😀".to_owned())];
    // Blank texts are left out.
    words.prop_filter("blank", |words| !crate::sides::is_blank(words))
}

fn many<S: Strategy>(of: S, size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<S::Value>> {
    proptest::collection::vec(of, size)
}

/// A user's texts, now and then an instruction among them.
fn asks() -> impl Strategy<Value = Step> {
    many((words(), any::<bool>()), 1..4).prop_map(|texts| {
        let mut turns = Vec::new();
        let mut said = Vec::new();
        for (words, instruction) in texts {
            let speaker = if instruction { Speaker::System } else { Speaker::User };
            turns.push((speaker, vec![text(&words)]));
            said.push(Said::User(if instruction { format!("<system>{words}</system>") } else { words }));
        }
        (turns, said)
    })
}

/// An answer's texts and calls, the results of these in any order.
fn answers() -> impl Strategy<Value = Step> {
    let calls = many(("[a-z_]{1,8}", words(), words()), 0..4);
    (words(), calls, any::<prop::sample::Index>()).prop_map(|(words, calls, first)| {
        let mut parts = vec![text(&words)];
        let mut said = vec![Said::Assistant(words)];
        let mut results = Vec::new();
        for (place, (name, argument, answer)) in calls.iter().enumerate() {
            let id = format!("call.{place}");
            let arguments = serde_json::json!({ "argument": argument, "number": 1.50 });
            parts.push(call(&id, name, &arguments.to_string()));
            said.push(Said::Call(name.clone(), arguments));
            results.push((Speaker::User, vec![result(&id, vec![text(answer)])]));
        }
        said.extend(calls.iter().map(|(name, _, answer)| Said::Result(name.clone(), answer.clone())));
        if !results.is_empty() {
            let middle = first.index(results.len());
            results.rotate_left(middle);
        }
        let mut turns = vec![(Speaker::Assistant, parts)];
        turns.extend(results);
        (turns, said)
    })
}

/// Conversations, and what is to be found of them when they are written.
pub(crate) fn conversations() -> impl Strategy<Value = Step> {
    many(prop_oneof![asks(), answers()], 1..8).prop_map(|steps| {
        let mut turns = Vec::new();
        let mut said = Vec::new();
        for (more, told) in steps {
            // Two answers in a row would be one, and its results between its calls: an ask goes between.
            if more.first().is_some_and(|turn| turn.0 == Speaker::Assistant) {
                turns.push((Speaker::User, vec![text("go on")]));
                said.push(Said::User("go on".to_owned()));
            }
            turns.extend(more);
            said.extend(told);
        }
        (turns, said)
    })
}

/// The same texts, calls and results once more.
pub(crate) fn again(turns: &[(Speaker, Vec<Part<'static>>)]) -> Vec<(Speaker, Vec<Part<'static>>)> {
    let part = |part: &Part<'static>| match part {
        Part::Text(words) => text(words),
        Part::ToolCall(made) => call(&made.id, &made.name, &made.arguments),
        Part::ToolResult(given) => {
            let Some(Part::Text(words)) = given.parts.first() else { panic!("a text") };
            result(&given.id, vec![text(words)])
        }
        other => panic!("{other:?}"),
    };
    turns.iter().map(|(speaker, parts)| (*speaker, parts.iter().map(part).collect())).collect()
}

/// An answer of which one value is another, or missing. Made of the examples of a list.
pub(crate) fn bent(fields: &'static [crate::fields::Field]) -> impl Strategy<Value = String> {
    (any::<prop::sample::Index>(), any_json()).prop_map(move |(at, other)| {
        let mut members = serde_json::Map::new();
        for field in fields {
            let (name, json) = field.example;
            members.insert(name.to_owned(), serde_json::from_str(json).expect("JSON"));
        }
        let body = serde_json::Value::Object(members).to_string();
        let document = document(&body);
        let values: Vec<_> = document.values().filter(|value| value.name().is_empty()).collect();
        let span = at.get(&values).span();
        format!("{}{other}{}", &body[..span.start], &body[span.end..])
    })
}

/// Any JSON text.
pub(crate) fn any_json() -> impl Strategy<Value = String> {
    let names = [
        "candidates",
        "content",
        "parts",
        "text",
        "functionCall",
        "name",
        "args",
        "index",
        "finishReason",
        "usageMetadata",
        "promptTokenCount",
        "output",
        "message",
        "toolUse",
        "toolUseId",
        "input",
        "delta",
        "start",
        "contentBlockIndex",
        "stopReason",
        "usage",
        "reasoningContent",
        "modelVersion",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (0..4_u64).prop_map(Into::into),
        words().prop_map(Into::into),
    ];
    let tree = leaf.prop_recursive(6, 64, 6, move |inner| {
        let name = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            many(inner.clone(), 0..4).prop_map(Into::into),
            many((name, inner), 0..6)
                .prop_map(|members| { serde_json::Value::Object(members.into_iter().collect()) }),
        ]
    });
    tree.prop_map(|value| value.to_string())
}

/// What a choice of a stream came to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Kind (with a call's id and name) and text of its parts.
    pub(crate) parts: Vec<(String, String)>,
    open: Vec<usize>,
    pub(crate) stop: Option<Stop>,
    pub(crate) stop_sequence: Option<String>,
}

/// What a stream came to. Adding an event checks that it may come here.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Stream {
    pub(crate) id: Option<String>,
    started: bool,
    pub(crate) choices: Vec<Told>,
    pub(crate) usage: Option<Usage>,
    pub(crate) ended: bool,
}

impl Stream {
    pub(crate) fn add(&mut self, events: &[Event<'_>]) {
        for event in events {
            assert!(!self.ended, "{event:?} after the end");
            assert_eq!(self.started, !matches!(event, Event::Start { .. }), "{event:?}");
            match event {
                Event::Start { id, .. } => {
                    self.started = true;
                    self.id = id.as_deref().map(str::to_owned);
                }
                Event::Open { choice, part, kind } => {
                    let told = self.choice(*choice);
                    assert_eq!(*part as usize, told.parts.len());
                    told.open.push(told.parts.len());
                    let kind = match kind {
                        Opened::ToolCall { id, name } => format!("call {name} {id}"),
                        other => format!("{other:?}").to_lowercase(),
                    };
                    told.parts.push((kind, String::new()));
                }
                Event::Piece { choice, part, text } => {
                    let told = self.choice(*choice);
                    assert!(told.open.contains(&(*part as usize)), "{event:?}");
                    told.parts[*part as usize].1.push_str(text);
                }
                Event::Close { choice, part } => {
                    let told = self.choice(*choice);
                    assert!(told.open.contains(&(*part as usize)), "{event:?}");
                    told.open.retain(|open| *open != *part as usize);
                }
                Event::Stop { choice, stop, stop_sequence } => {
                    let told = self.choice(*choice);
                    assert!(told.open.is_empty());
                    told.stop = Some(*stop);
                    told.stop_sequence = stop_sequence.as_deref().map(str::to_owned);
                }
                Event::Usage(usage) => self.usage = Some(*usage),
                Event::Ping => {}
                Event::End => self.ended = true,
            }
        }
    }

    fn choice(&mut self, choice: u32) -> &mut Told {
        let choice = choice as usize;
        if self.choices.len() <= choice {
            self.choices.resize_with(choice + 1, Told::default);
        }
        let told = &mut self.choices[choice];
        assert_eq!(told.stop, None, "a choice goes on after its stop");
        told
    }
}

/// The parts of an answer's choice as [`Told`] has them.
pub(crate) fn told(choice: &crate::reply::Choice<'_>) -> Vec<(String, String)> {
    use crate::reply::Part;
    let part = |part: &Part<'_>| match part {
        Part::Text(text) => ("text".to_owned(), text.to_string()),
        Part::Reasoning(text) => ("reasoning".to_owned(), text.to_string()),
        Part::Refusal(text) => ("refusal".to_owned(), text.to_string()),
        Part::ToolCall(call) => (format!("call {} {}", call.name, call.id), call.arguments.to_string()),
    };
    choice.parts.iter().map(part).collect()
}
