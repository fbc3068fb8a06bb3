//! Reads a chat answer.

use std::borrow::Cow;

use flyball_core::Document;
use flyball_core::json::{NodeKind, Value};

use super::said::{self, Said};
use super::{stops, usage};
use crate::conversation::ToolCall;
use crate::ids;
use crate::reply::{Answer, Choice, Part};

/// Reads an answer; none when it is not one.
pub(crate) fn read_answer(document: &Document) -> Option<Answer<'_>> {
    let root = document.root();
    let choices = root.get("choices").filter(|choices| choices.kind() == NodeKind::Array)?;
    let id = root.get("id").and_then(Value::text).filter(|id| !id.is_empty());
    let mut read = Vec::new();
    for (position, item) in (0..).zip(choices.items()) {
        let told = item.get("index").and_then(Value::unsigned).and_then(|index| u32::try_from(index).ok());
        let number = told.unwrap_or(position);
        read.push((number, choice(item, number, id.as_deref().unwrap_or_default())?));
    }
    read.sort_by_key(|(number, _)| *number);
    Some(Answer {
        model: root.get("model").and_then(Value::text),
        created: root.get("created").and_then(Value::unsigned),
        choices: read.into_iter().map(|(_, choice)| choice).collect(),
        usage: root.get("usage").map(usage::read),
        id,
    })
}

fn choice<'d>(item: Value<'d>, number: u32, answer: &str) -> Option<Choice<'d>> {
    let message = item.get("message")?;
    let mut parts = Vec::new();
    said::each(message, |said, text| {
        parts.push(match said {
            Said::Reasoning => Part::Reasoning(text),
            Said::Text => Part::Text(text),
            Said::Refusal => Part::Refusal(text),
        });
    });
    let calls = message.get("tool_calls");
    for (index, call) in (0..).zip(calls.into_iter().flat_map(Value::items)) {
        let function = call.get("function")?;
        let told = call.get("id").and_then(Value::text).filter(|id| !id.is_empty());
        let name = function.get("name").and_then(Value::text)?;
        parts.push(Part::ToolCall(ToolCall {
            id: told.unwrap_or_else(|| Cow::Owned(ids::made(answer, number, index, &name))),
            name,
            arguments: function.get("arguments").and_then(Value::text).unwrap_or_default(),
        }));
    }
    let called = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let word = item.get("finish_reason").and_then(Value::text).unwrap_or_default();
    Some(Choice { parts, stop: stops::read(&word, called), stop_sequence: None })
}
