//! Reading what is said: the items of `input`, of which some begin a turn and some go on with one.

use std::borrow::Cow;

use flyball_core::json::Value;

use super::content_in::{self, Place};
use super::shape::{items, object, only, text};
use crate::conversation::{Part, Request, Speaker, ToolCall, ToolResult, Turn};
use crate::fields::Meaning;
use crate::gate::{Gate, Untranslatable};

/// `input`: a text of the user's, or items.
///
/// # Errors
/// Items that have no place elsewhere, by their paths.
pub(super) fn read<'d>(
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let path = || "input".to_owned();
    gate.pass(Meaning::Turns, path, value)?;
    if let Some(said) = value.text() {
        let parts = vec![Part::Text(said)];
        request.turns.push(Turn { speaker: Speaker::User, path: path(), parts });
        return Ok(());
    }
    let mut input = Input { request, gate };
    for (index, item) in items(value, &path)? {
        input.item(index, item)?;
    }
    Ok(())
}

struct Input<'d, 'r> {
    request: &'r mut Request<'d>,
    gate: &'r mut Gate,
}

impl<'d> Input<'d, '_> {
    fn item(&mut self, index: usize, item: Value<'d>) -> Result<(), Untranslatable> {
        let kind = item.get("type").and_then(Value::text);
        match kind.as_deref() {
            Some("message") => self.message(index, item),
            None if item.get("role").is_some() => self.message(index, item),
            Some("function_call") => self.call(index, item),
            Some("function_call_output") => self.result(index, item),
            Some("reasoning") => self.reasoning(index, item),
            // References to what is kept, the vendor's own tools, what only it can read.
            _ => Err(self.gate.refusal(format!("input[{index}]"))),
        }
    }

    fn message(&mut self, index: usize, item: Value<'d>) -> Result<(), Untranslatable> {
        let mut content = None;
        let mut role = None;
        for (key, value) in item.members().filter(|(_, value)| !value.is_null()) {
            let member = key.text().unwrap_or_default();
            let path = || format!("input[{index}].{member}");
            match member.as_ref() {
                "type" | "id" | "status" => {}
                "role" => role = Some(text(value, &path)?),
                "content" => content = Some(value),
                "phase" => self.gate.drop(path()),
                _ => self.gate.unknown(path(), value)?,
            }
        }
        let path = || format!("input[{index}].content");
        let content = content.ok_or_else(|| Untranslatable::new(path(), "is missing"))?;
        match role.as_deref() {
            Some("user") => {
                let parts = content_in::read(content, &path, Place::User, self.gate)?;
                self.turn(Speaker::User, index, parts);
            }
            Some("assistant") => {
                let parts = content_in::read(content, &path, Place::Answer, self.gate)?;
                let apart =
                    |last: &Turn<'_>| matches!(last.parts.last(), Some(Part::Text(_) | Part::Refusal(_)));
                // Two messages in a row stay two.
                if self.request.turns.last().is_some_and(apart) {
                    self.turn(Speaker::Assistant, index, parts);
                } else {
                    self.answer(index, parts);
                }
            }
            Some("system" | "developer") => self.instructions(index, content)?,
            _ => {
                let reason = "must be 'user', 'assistant', 'system' or 'developer'";
                return Err(Untranslatable::new(format!("input[{index}].role"), reason));
            }
        }
        Ok(())
    }

    fn instructions(&mut self, index: usize, content: Value<'d>) -> Result<(), Untranslatable> {
        let path = || format!("input[{index}].content");
        let parts = content_in::read(content, &path, Place::Instructions, self.gate)?;
        if !self.gate.pass(Meaning::System, path, content)? {
            return Ok(());
        }
        if self.request.turns.is_empty() {
            self.request.system.extend(parts.into_iter().filter_map(|part| match part {
                Part::Text(text) => Some(text),
                _ => None,
            }));
        } else {
            self.turn(Speaker::System, index, parts);
        }
        Ok(())
    }

    fn call(&mut self, index: usize, item: Value<'d>) -> Result<(), Untranslatable> {
        let (mut id, mut name, mut arguments) = (None, None, None);
        for (key, value) in item.members().filter(|(_, value)| !value.is_null()) {
            let member = key.text().unwrap_or_default();
            let path = || format!("input[{index}].{member}");
            match member.as_ref() {
                "type" | "id" | "status" => {}
                "call_id" => id = Some(text(value, &path)?),
                "name" => name = Some(text(value, &path)?),
                "arguments" => arguments = Some(text(value, &path)?),
                "caller" => self.caller(index, value)?,
                "async" => only(self.gate, value, "false", &path)?,
                _ => self.gate.unknown(path(), value)?,
            }
        }
        let path = || format!("input[{index}]");
        let (Some(id), Some(name)) = (id, name) else {
            return Err(Untranslatable::new(path(), "must have 'call_id' and 'name'"));
        };
        if self.gate.pass(Meaning::ToolCall, path, item)? {
            let call = ToolCall { id, name, arguments: arguments.unwrap_or_default() };
            self.answer(index, vec![Part::ToolCall(call)]);
        }
        Ok(())
    }

    fn result(&mut self, index: usize, item: Value<'d>) -> Result<(), Untranslatable> {
        let (mut id, mut output) = (None, None);
        for (key, value) in item.members().filter(|(_, value)| !value.is_null()) {
            let member = key.text().unwrap_or_default();
            let path = || format!("input[{index}].{member}");
            match member.as_ref() {
                // The name is the call's.
                "type" | "id" | "status" | "name" => {}
                "call_id" => id = Some(text(value, &path)?),
                "output" => output = Some(value),
                "caller" => self.caller(index, value)?,
                _ => self.gate.unknown(path(), value)?,
            }
        }
        let (Some(id), Some(output)) = (id, output) else {
            let reason = "must have 'call_id' and 'output'";
            return Err(Untranslatable::new(format!("input[{index}]"), reason));
        };
        let path = || format!("input[{index}].output");
        let parts = content_in::read(output, &path, Place::ToolResult, self.gate)?;
        if self.gate.pass(Meaning::ToolResult, || format!("input[{index}]"), item)? {
            let result = ToolResult { id, parts, error: false };
            self.turn(Speaker::User, index, vec![Part::ToolResult(result)]);
        }
        Ok(())
    }

    /// Who called a tool: the model itself, or a program that it wrote and the vendor ran.
    fn caller(&mut self, index: usize, value: Value<'d>) -> Result<(), Untranslatable> {
        if value.get("type").is_some_and(|kind| kind.is_text("direct")) {
            return Ok(());
        }
        self.gate.unknown(format!("input[{index}].caller"), value)
    }

    fn reasoning(&mut self, index: usize, item: Value<'d>) -> Result<(), Untranslatable> {
        let mut parts = Vec::new();
        for (key, value) in item.members().filter(|(_, value)| !value.is_null()) {
            let member = key.text().unwrap_or_default();
            let path = || format!("input[{index}].{member}");
            match member.as_ref() {
                "type" | "id" | "status" => {}
                "summary" | "content" => {
                    let mut texts = Vec::new();
                    for (at, value) in items(value, &path)? {
                        texts.push(Part::Reasoning(self.thought(value, &|| format!("{}[{at}]", path()))?));
                    }
                    if !texts.is_empty() && self.gate.pass(Meaning::Reasoning, path, value)? {
                        parts.append(&mut texts);
                    }
                }
                "encrypted_content" => {
                    if self.gate.pass(Meaning::SignedReasoning, path, value)? {
                        // What is meant for one vendor stays with it, whatever the other has.
                        self.gate.drop(path());
                    }
                }
                _ => self.gate.unknown(path(), value)?,
            }
        }
        if !parts.is_empty() {
            self.answer(index, parts);
        }
        Ok(())
    }

    fn thought(
        &mut self,
        value: Value<'d>,
        path: super::shape::Path<'_>,
    ) -> Result<Cow<'d, str>, Untranslatable> {
        for (key, value) in object(value, path)?.members() {
            let member = key.text().unwrap_or_default();
            if !matches!(member.as_ref(), "type" | "text") {
                self.gate.unknown(format!("{}.{member}", path()), value)?;
            }
        }
        let kind = value.get("type").and_then(Value::text).unwrap_or_default();
        match (kind.as_ref(), value.get("text").and_then(Value::text)) {
            ("summary_text" | "reasoning_text", Some(text)) => Ok(text),
            _ => Err(self.gate.refusal(path())),
        }
    }

    fn turn(&mut self, speaker: Speaker, index: usize, parts: Vec<Part<'d>>) {
        self.request.turns.push(Turn { speaker, path: format!("input[{index}]"), parts });
    }

    /// Parts of an answer: items of one answer are one turn, so that a call stands with what was said before it.
    fn answer(&mut self, index: usize, mut parts: Vec<Part<'d>>) {
        match self.request.turns.last_mut() {
            Some(last) if last.speaker == Speaker::Assistant => last.parts.append(&mut parts),
            _ => self.turn(Speaker::Assistant, index, parts),
        }
    }
}
