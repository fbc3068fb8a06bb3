//! `POST /v1/messages` and `/v1/messages/count_tokens`: request body to [`Call`].
//!
//! Every string value becomes a text to inspect, whether the protocol names its field or not. The exceptions are
//! ids and words of fixed meaning, encoded media, and what the vendor encrypted. Reasoning that the vendor signed is
//! inspected and has the role [`TextRole::Signed`]. What blocks are made of is read elsewhere.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::{Call, Operation, TextRole};

use super::block::{self, Seen};
use crate::protocols::reading::Reading;
use crate::protocols::{missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// Reads a request for a message, or for the count of its tokens.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value.
pub fn decode(document: Document, operation: Operation) -> Result<Call, Refusal> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return Err(wrong_type("body", "a JSON object"));
    }
    let model = model_name(root)?;
    let messages = root.get("messages").ok_or_else(|| missing("messages"))?;
    if messages.kind() != NodeKind::Array || messages.holds_scalars() || messages.items().next().is_none() {
        return Err(wrong_type("messages", "a non-empty array of objects"));
    }
    let mut reader = Reader { reading: Reading::new(&document), seen: Seen::default() };
    for (key, value) in root.members() {
        match key.name().as_ref() {
            b"model" => reader.reading.fixed(value),
            b"messages" => {
                for (index, message) in value.items().enumerate() {
                    reader.message(index, message)?;
                }
            }
            b"system" => reader.content(|| "system".to_owned(), value, TextRole::System)?,
            b"tools" => reader.tools(value)?,
            b"tool_choice" => reader.words(value, &["type", "name"]),
            b"thinking" => reader.words(value, &["type", "display"]),
            b"mcp_servers" if !value.is_null() => {
                (reader.seen.tool, reader.seen.server_tool) = (true, true);
                value.items().for_each(|server| reader.words(server, &["type", "name"]));
            }
            // What an earlier exchange left with the provider.
            b"container" if !value.is_null() => {
                (reader.seen.server_tool, reader.seen.unseen) = (true, true);
                reader.reading.fixed(value);
                reader.words(value, &["id"]);
            }
            b"thread" => reader.seen.unseen |= !value.is_null(),
            _ => {}
        }
    }
    let stream = checked(root, "stream", Value::boolean, "true or false")?.unwrap_or(false);
    let cap = checked(
        root,
        "max_tokens",
        |value| value.unsigned().filter(|cap| *cap > 0),
        "a positive whole number",
    )?;
    options(root)?;
    let end_user = end_user(root)?;
    let Reader { mut reading, seen } = reader;
    let texts = reading.take(root);
    let answered = operation != Operation::CountTokens;
    Ok(Call {
        operation,
        model,
        stream: stream && answered,
        // The protocol's streams always tell it.
        stream_usage: true,
        choices: 1,
        max_output_tokens: cap.filter(|_| answered),
        has_tools: seen.tool,
        server_tools: seen.server_tool,
        unseen_input: seen.unseen,
        end_user,
        texts,
        document,
    })
}

/// Checks the types of what is passed on as it is.
fn options(root: Value<'_>) -> Result<(), Refusal> {
    for key in ["temperature", "top_p"] {
        checked(root, key, Value::float, "a number")?;
    }
    checked(root, "top_k", Value::unsigned, "a whole number")?;
    let texts = |value: Value<'_>| {
        let texts = value.kind() == NodeKind::Array
            && !value.holds_scalars()
            && value.items().all(|item| item.kind() == NodeKind::String);
        texts.then_some(())
    };
    checked(root, "stop_sequences", texts, "an array of strings")?;
    for key in ["thinking", "tool_choice"] {
        checked(root, key, object, "an object")?;
    }
    checked(
        root,
        "mcp_servers",
        |value| (value.kind() == NodeKind::Array).then_some(()),
        "an array of objects",
    )?;
    Ok(())
}

/// The application's name for the person behind a request: `metadata.user_id`.
fn end_user(root: Value<'_>) -> Result<Option<String>, Refusal> {
    checked(root, "metadata", object, "an object")?;
    let Some(id) = root.get("metadata").and_then(|metadata| metadata.get("user_id")) else { return Ok(None) };
    let id = id.text().ok_or_else(|| wrong_type("metadata.user_id", "a string"))?;
    Ok((!id.is_empty()).then(|| id.into_owned()))
}

fn object(value: Value<'_>) -> Option<()> {
    (value.kind() == NodeKind::Object).then_some(())
}

/// A member as `read` sees it; refused where it sees nothing.
fn checked<'d, T>(
    root: Value<'d>,
    key: &str,
    read: impl FnOnce(Value<'d>) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, Refusal> {
    root.get(key).map(|value| read(value).ok_or_else(|| wrong_type(key, expected))).transpose()
}

struct Reader {
    reading: Reading,
    seen: Seen,
}

impl Reader {
    fn words(&mut self, object: Value<'_>, keys: &[&str]) {
        for value in keys.iter().filter_map(|key| object.get(key)) {
            self.reading.fixed(value);
        }
    }

    fn message(&mut self, index: usize, message: Value<'_>) -> Result<(), Refusal> {
        let path = || format!("messages[{index}]");
        if message.kind() != NodeKind::Object {
            return Err(wrong_type(path(), "an object"));
        }
        let role = message.get("role").ok_or_else(|| missing(&format!("{}.role", path())))?;
        self.reading.fixed(role);
        let role = match role.text().as_deref() {
            Some("user") => TextRole::User,
            Some("assistant") => TextRole::Assistant,
            Some("system") => TextRole::System,
            _ => return Err(wrong_type(format!("{}.role", path()), "one of user, assistant, system")),
        };
        let content = message.get("content").ok_or_else(|| missing(&format!("{}.content", path())))?;
        self.content(|| format!("{}.content", path()), content, role)
    }

    /// A text, or blocks.
    fn content(
        &mut self,
        path: impl Fn() -> String,
        content: Value<'_>,
        role: TextRole,
    ) -> Result<(), Refusal> {
        match content.kind() {
            NodeKind::Null => {}
            NodeKind::String => self.reading.text(content, role),
            NodeKind::Array if !content.holds_scalars() => {
                for (index, block) in content.items().enumerate() {
                    self.block(|| format!("{}[{index}]", path()), block, role)?;
                }
            }
            _ => return Err(wrong_type(path(), "a string or an array of blocks")),
        }
        Ok(())
    }

    fn block(&mut self, path: impl Fn() -> String, block: Value<'_>, role: TextRole) -> Result<(), Refusal> {
        if block.kind() != NodeKind::Object {
            return Err(wrong_type(path(), "an object"));
        }
        let kind = block.get("type").ok_or_else(|| missing(&format!("{}.type", path())))?;
        let kind = kind.text().ok_or_else(|| wrong_type(format!("{}.type", path()), "a string"))?;
        let member = match kind.as_ref() {
            "text" => Some("text"),
            "thinking" => Some("thinking"),
            _ => None,
        };
        if let Some(member) = member {
            let value = block.get(member).ok_or_else(|| missing(&format!("{}.{member}", path())))?;
            if value.kind() != NodeKind::String {
                return Err(wrong_type(format!("{}.{member}", path()), "a string"));
            }
        }
        let Seen { unseen, tool, server_tool } =
            block::read(&mut self.reading, block, role, block::Place::Request);
        self.seen.unseen |= unseen;
        self.seen.tool |= tool;
        self.seen.server_tool |= server_tool;
        Ok(())
    }

    fn tools(&mut self, tools: Value<'_>) -> Result<(), Refusal> {
        if tools.is_null() {
            return Ok(());
        }
        if tools.kind() != NodeKind::Array || tools.holds_scalars() {
            return Err(wrong_type("tools", "an array of objects"));
        }
        for (index, tool) in tools.items().enumerate() {
            if tool.kind() != NodeKind::Object {
                return Err(wrong_type(format!("tools[{index}]"), "an object"));
            }
            self.seen.tool = true;
            self.seen.server_tool |= block::tool(&mut self.reading, tool);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
