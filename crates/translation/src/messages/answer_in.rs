//! A provider's answer in messages, read.

use std::borrow::Cow;

use flyball_core::Document;
use flyball_core::json::{NodeKind, Value};

use super::stop;
use super::usage::Counts;
use crate::conversation::ToolCall;
use crate::reply::{Answer, Choice, Part, Stop};

/// Reads an answer; none when it is not one. Blocks that only their vendor understands (signed thinking without
/// words, tools that the provider ran) are left out.
pub(crate) fn read_answer(document: &Document) -> Option<Answer<'_>> {
    let root = document.root();
    let content = root.get("content").filter(|content| content.kind() == NodeKind::Array)?;
    let mut choice = Choice {
        parts: content.items().filter_map(part).collect(),
        stop: reason(root),
        stop_sequence: text(root, "stop_sequence"),
    };
    choice.parts.extend(explanation(root, choice.stop).map(Part::Refusal));
    let usage = root.get("usage").map(|usage| {
        let mut counts = Counts::default();
        counts.take(usage);
        counts.usage()
    });
    Some(Answer {
        id: text(root, "id"),
        model: text(root, "model"),
        created: None,
        choices: vec![choice],
        usage,
    })
}

/// The `stop_reason` of an answer or of a stream's last delta.
pub(super) fn reason(holder: Value<'_>) -> Stop {
    text(holder, "stop_reason").map_or(Stop::End, |reason| stop::read(&reason))
}

/// What the vendor says about its refusal.
pub(super) fn explanation<'d>(holder: Value<'d>, stop: Stop) -> Option<Cow<'d, str>> {
    let explained = || holder.get("stop_details")?.get("explanation")?.text();
    if stop == Stop::Refusal { explained().filter(|text| !text.is_empty()) } else { None }
}

/// A member that is a text.
pub(super) fn text<'d>(holder: Value<'d>, name: &str) -> Option<Cow<'d, str>> {
    holder.get(name)?.text()
}

fn part(block: Value<'_>) -> Option<Part<'_>> {
    match text(block, "type")?.as_ref() {
        "text" => text(block, "text").map(Part::Text),
        "thinking" => text(block, "thinking").filter(|text| !text.is_empty()).map(Part::Reasoning),
        "tool_use" => Some(Part::ToolCall(ToolCall {
            id: text(block, "id").unwrap_or_default(),
            name: text(block, "name").unwrap_or_default(),
            arguments: Cow::Borrowed(block.get("input").map_or("{}", Value::raw)),
        })),
        _ => None,
    }
}
