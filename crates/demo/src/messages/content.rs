//! The messages of a request: the order of turns, tool results right after their calls, and the chat that they
//! make. What a single block may hold is said in `blocks`.

use serde_json::{Map, Value, json};

use super::blocks;
use super::refused::Refused;
use super::request::Version;
use crate::strict::{Breach, Field, is_name};
use crate::thinking;

const LONGEST_ID: usize = 256;

/// The turns of a conversation while it is read.
#[derive(Debug, Default)]
pub(super) struct Turns<'v> {
    turns: Vec<Turn>,
    /// The ids of all calls.
    ids: Vec<&'v str>,
    /// The ids of the calls that the message before made.
    open: Vec<&'v str>,
    /// How many blocks mark a cache.
    pub(super) marks: usize,
    version: Version,
}

/// A message of the chat.
#[derive(Debug)]
enum Turn {
    System(Vec<Value>),
    User(Vec<Value>),
    Assistant { parts: Vec<Value>, calls: Vec<Value> },
    Tool { id: String, parts: Vec<Value> },
}

impl<'v> Turns<'v> {
    /// None yet, in this version of the API.
    pub(super) fn of(version: Version) -> Self {
        Turns { version, ..Turns::default() }
    }

    /// Reads the system prompt.
    pub(super) fn system(&mut self, field: &Field<'_, 'v>) -> Result<(), Refused> {
        let mut parts = Vec::new();
        if field.value().is_string() {
            parts.push(text_part(field.text()?));
        } else {
            for block in field.items()? {
                block.object()?;
                block.need("type")?.word(&["text"])?;
                self.mark(&block)?;
                parts.push(text_part(blocks::text(&block)?));
            }
        }
        self.turns.push(Turn::System(parts));
        Ok(())
    }

    /// Reads all messages. `thinking`: whether the model has to think.
    pub(super) fn messages(&mut self, field: &Field<'_, 'v>, thinking: bool) -> Result<(), Refused> {
        let messages: Vec<_> = field.items()?.collect();
        if messages.is_empty() {
            return Err(field.wrong("at least one message is required").into());
        }
        for (at, message) in messages.iter().enumerate() {
            message.only(&["role", "content"])?;
            let role = message.need("role")?;
            match role.text()? {
                "user" => self.user(message, at)?,
                "assistant" if at == 0 => {
                    return Err(Refused::invalid("messages: first message must use the \"user\" role"));
                }
                "assistant" => self.assistant(message, at)?,
                "system" => {
                    return Err(Refused::invalid(
                        "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` \
                         parameter, not \"system\" as an input message role.",
                    ));
                }
                _ => return Err(role.wrong("Input should be 'user' or 'assistant'").into()),
            }
        }
        if !self.open.is_empty() {
            return Err(unanswered(messages.len().saturating_sub(1), &self.open));
        }
        let last = messages.last().map(Field::value).unwrap_or_default();
        if last.get("role").is_some_and(|role| role == "assistant") {
            let end = match last.get("content") {
                Some(Value::Array(blocks)) => blocks.last().and_then(|block| block.get("text")),
                content => content,
            };
            if end.and_then(Value::as_str).is_some_and(|text| text.ends_with(char::is_whitespace)) {
                return Err(Refused::invalid(
                    "messages: final assistant content cannot end with trailing whitespace",
                ));
            }
        }
        if thinking { starts_with_a_thought(&messages) } else { Ok(()) }
    }

    /// The chat.
    pub(super) fn into_chat(self) -> Value {
        Value::Array(self.turns.into_iter().map(Turn::into_chat).collect())
    }

    fn user(&mut self, message: &Field<'_, 'v>, at: usize) -> Result<(), Refused> {
        let mut answered: Vec<&str> = Vec::new();
        let mut parts = Vec::new();
        let field = message.need("content")?;
        if field.value().is_string() {
            parts.push(text_part(filled(&field, at)?));
        } else {
            for block in filled_blocks(&field, at)? {
                self.mark(&block)?;
                if self.version >= Version::October2026 {
                    blocks::without_citations(&block)?;
                }
                if block.need_text("type")? != "tool_result" {
                    parts.push(blocks::of_user(&block)?);
                    continue;
                }
                let id = block.need("tool_use_id")?;
                if !parts.is_empty() {
                    return Err(block.wrong("`tool_result` blocks must come first in the content").into());
                }
                if !self.open.contains(&id.text()?) || answered.contains(&id.text()?) {
                    return Err(Refused::invalid(format!(
                        "messages.{at}.content: unexpected `tool_use_id` found in `tool_result` blocks: {}. Each \
                         `tool_result` block must have a corresponding `tool_use` block in the previous message.",
                        id.text()?
                    )));
                }
                answered.push(id.text()?);
                let parts = blocks::result(&block)?;
                self.turns.push(Turn::Tool { id: id.text()?.to_owned(), parts });
            }
        }
        self.open.retain(|id| !answered.contains(id));
        if !self.open.is_empty() {
            return Err(unanswered(at.saturating_sub(1), &self.open));
        }
        match self.turns.last_mut() {
            _ if parts.is_empty() => {}
            Some(Turn::User(before)) => before.append(&mut parts),
            _ => self.turns.push(Turn::User(parts)),
        }
        Ok(())
    }

    fn assistant(&mut self, message: &Field<'_, 'v>, at: usize) -> Result<(), Refused> {
        if !self.open.is_empty() {
            return Err(unanswered(at.saturating_sub(1), &self.open));
        }
        let (mut parts, mut calls) = (Vec::new(), Vec::new());
        let field = message.need("content")?;
        if field.value().is_string() {
            parts.push(text_part(filled(&field, at)?));
        } else {
            for block in filled_blocks(&field, at)? {
                self.mark(&block)?;
                match block.need_text("type")? {
                    "text" => parts.push(text_part(blocks::text(&block)?)),
                    "document" if self.version < Version::October2026 => parts.push(blocks::of_user(&block)?),
                    "tool_use" => calls.push(self.call(&block)?),
                    "thinking" => signed(&block)?,
                    "redacted_thinking" => redacted(&block)?,
                    "server_tool_use" | "mcp_tool_use" | "container_upload" => {}
                    kind if kind != "tool_result" && kind.ends_with("_tool_result") => {}
                    kind => return Err(blocks::unknown(&block, kind).into()),
                }
            }
        }
        match self.turns.last_mut() {
            Some(Turn::Assistant { parts: before, calls: made }) => {
                before.append(&mut parts);
                made.append(&mut calls);
            }
            _ => self.turns.push(Turn::Assistant { parts, calls }),
        }
        Ok(())
    }

    fn call(&mut self, block: &Field<'_, 'v>) -> Result<Value, Refused> {
        block.only(&["type", "id", "name", "input", "cache_control", "caller", "toolset_name"])?;
        let id = block.need("id")?;
        if !is_name(id.text()?, LONGEST_ID) {
            return Err(id.wrong("String should match pattern '^[a-zA-Z0-9_-]+$'").into());
        }
        if self.ids.contains(&id.text()?) {
            return Err(Refused::invalid("messages: `tool_use` ids must be unique"));
        }
        self.ids.push(id.text()?);
        self.open.push(id.text()?);
        let name = block.need("name")?;
        if !is_name(name.text()?, LONGEST_ID) {
            return Err(name.wrong("String should match pattern '^[a-zA-Z0-9_-]{1,200}$'").into());
        }
        let input = block.need("input")?;
        input.object()?;
        let function = json!({"name": name.value(), "arguments": input.value().to_string()});
        Ok(json!({"id": id.value(), "type": "function", "function": function}))
    }

    fn mark(&mut self, block: &Field<'_, 'v>) -> Result<(), Breach> {
        if let Some(cache) = block.get("cache_control") {
            check_cache(&cache)?;
            self.marks += 1;
        }
        Ok(())
    }
}

impl Turn {
    fn into_chat(self) -> Value {
        match self {
            Turn::System(parts) => json!({"role": "system", "content": parts}),
            Turn::User(parts) => json!({"role": "user", "content": parts}),
            Turn::Tool { id, parts } => json!({"role": "tool", "tool_call_id": id, "content": parts}),
            Turn::Assistant { parts, calls } => {
                let mut message = Map::new();
                message.insert("role".to_owned(), "assistant".into());
                message.insert("content".to_owned(), Value::Array(parts));
                if !calls.is_empty() {
                    message.insert("tool_calls".to_owned(), Value::Array(calls));
                }
                Value::Object(message)
            }
        }
    }
}

/// Checks the mark of a cache.
pub(super) fn check_cache(field: &Field<'_, '_>) -> Result<(), Breach> {
    field.only(&["type", "ttl", "scope"])?;
    field.need("type")?.word(&["ephemeral"])?;
    field.get_word("ttl", &["5m", "1h"])?;
    Ok(())
}

pub(super) fn text_part(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn signed(block: &Field<'_, '_>) -> Result<(), Refused> {
    block.only(&["type", "thinking", "signature"])?;
    let signature = block.need("signature")?;
    if thinking::signature(block.need_text("thinking")?) != signature.text()? {
        return Err(block.wrong("Invalid `signature` in `thinking` block").into());
    }
    Ok(())
}

fn redacted(block: &Field<'_, '_>) -> Result<(), Refused> {
    block.only(&["type", "data"])?;
    if !thinking::is_own(block.need_text("data")?) {
        return Err(block.wrong("Invalid `data` in `redacted_thinking` block").into());
    }
    Ok(())
}

/// A message's text, which must say something.
fn filled<'v>(field: &Field<'_, 'v>, at: usize) -> Result<&'v str, Refused> {
    let text = field.text()?;
    if text.is_empty() {
        return Err(empty(at));
    }
    if text.trim().is_empty() {
        return Err(Refused::invalid("messages: text content blocks must contain non-whitespace text"));
    }
    Ok(text)
}

/// A message's blocks, of which there must be one.
fn filled_blocks<'s, 'v>(field: &'s Field<'_, 'v>, at: usize) -> Result<Vec<Field<'s, 'v>>, Refused> {
    let blocks: Vec<_> = field.items()?.collect();
    if blocks.is_empty() { Err(empty(at)) } else { Ok(blocks) }
}

fn empty(at: usize) -> Refused {
    Refused::invalid(format!(
        "messages.{at}: all messages must have non-empty content except for the optional final assistant message"
    ))
}

fn unanswered(at: usize, ids: &[&str]) -> Refused {
    Refused::invalid(format!(
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` \
         block must have a corresponding `tool_result` block in the next message.",
        ids.join(", ")
    ))
}

/// Checks what thinking demands of the last turn of the assistant, when the model is to go on with it or with the
/// results of its calls: that it begins with its thoughts.
fn starts_with_a_thought(messages: &[Field<'_, '_>]) -> Result<(), Refused> {
    let is = |value: &Value, role: &str| value.get("role").is_some_and(|own| own == role);
    let first = |value: &Value| {
        let block = value.pointer("/content/0/type").and_then(Value::as_str);
        block.unwrap_or("text").to_owned()
    };
    let Some(at) = messages.iter().rposition(|message| is(message.value(), "assistant")) else {
        return Ok(());
    };
    let goes_on = match messages.get(at + 1) {
        None => true,
        Some(next) => first(next.value()) == "tool_result",
    };
    let found = messages.get(at).map(|message| first(message.value())).unwrap_or_default();
    if !goes_on || matches!(found.as_str(), "thinking" | "redacted_thinking") {
        return Ok(());
    }
    Err(Refused::invalid(format!(
        "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When \
         `thinking` is enabled, a final `assistant` message must start with a thinking block."
    )))
}
