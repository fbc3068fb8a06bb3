//! Reads the messages of a chat request. Each becomes a turn; those of the application that stand first become the
//! system's texts.

use std::borrow::Cow;
use std::collections::HashSet;

use flyball_core::json::{NodeKind, Value};

use super::options::{child, list, object, text, wrong};
use super::parts_in;
use crate::Untranslatable;
use crate::conversation::{Part, Request, Speaker, ToolCall, ToolResult, Turn};
use crate::fields::Meaning;
use crate::gate::Gate;

/// The ids of the calls of tools so far.
type Calls<'d> = HashSet<Cow<'d, str>>;

/// Who a message is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// Members of a message that are read together.
#[derive(Default)]
struct Message<'d> {
    content: Option<Value<'d>>,
    refusal: Option<Cow<'d, str>>,
    reasoning: Option<Cow<'d, str>>,
    tool_calls: Option<Value<'d>>,
    tool_call_id: Option<Cow<'d, str>>,
}

/// Reads `messages`.
pub(super) fn read<'d>(
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    list(value, || "messages".into())?;
    if !gate.pass(Meaning::Turns, || "messages".into(), value)? {
        return Ok(());
    }
    let mut calls = Calls::new();
    for (index, item) in value.items().enumerate() {
        let path = format!("messages[{index}]");
        object(item, || path.clone())?;
        let role = role(item, &path, gate)?;
        let message = members(item, role, &path, gate)?;
        let mut parts = parts(&message, role, &path, gate)?;
        match role {
            Role::System if request.turns.is_empty() => {
                request.system.extend(parts.into_iter().filter_map(|part| match part {
                    Part::Text(text) => Some(text),
                    _ => None,
                }));
                continue;
            }
            Role::Assistant => tool_calls(&message, &path, &mut calls, &mut parts, gate)?,
            Role::Tool => parts = vec![result(message, parts, &path, &calls, gate, item)?],
            Role::System | Role::User => {}
        }
        let speaker = match role {
            Role::System => Speaker::System,
            Role::User | Role::Tool => Speaker::User,
            Role::Assistant => Speaker::Assistant,
        };
        request.turns.push(Turn { speaker, path, parts });
    }
    Ok(())
}

fn role(item: Value<'_>, path: &str, gate: &mut Gate) -> Result<Role, Untranslatable> {
    match item.get("role").and_then(Value::text).as_deref() {
        Some("system" | "developer") => Ok(Role::System),
        Some("user") => Ok(Role::User),
        Some("assistant") => Ok(Role::Assistant),
        Some("tool") => Ok(Role::Tool),
        Some("function") => {
            gate.pass(Meaning::Functions, || format!("{path}.role"), item)?;
            Ok(Role::Tool)
        }
        Some(_) => Err(gate.refusal(format!("{path}.role"))),
        None => Err(wrong(&format!("{path}.role"), "is missing")),
    }
}

fn members<'d>(
    item: Value<'d>,
    role: Role,
    path: &str,
    gate: &mut Gate,
) -> Result<Message<'d>, Untranslatable> {
    let mut message = Message::default();
    for (key, value) in item.members() {
        if value.is_null() {
            continue;
        }
        let here = || child(path, key);
        match (key.name().as_ref(), role) {
            (b"role", _) => {}
            (b"content", _) => message.content = Some(value),
            // The call says the name of the tool already.
            (b"name", Role::Tool) => gate.drop(here()),
            (b"name", _) => {
                gate.pass(Meaning::SpeakerName, here, value)?;
            }
            (b"cache_control", _) => {
                gate.pass(Meaning::CacheHint, here, value)?;
            }
            (b"tool_call_id", Role::Tool) => message.tool_call_id = Some(text(value, here)?),
            (b"refusal", Role::Assistant) => {
                if gate.pass(Meaning::RefusalText, here, value)? {
                    message.refusal = Some(text(value, here)?);
                }
            }
            (b"reasoning_content" | b"reasoning", Role::Assistant) => {
                let reasoning = text(value, here)?;
                if gate.pass(Meaning::Reasoning, here, value)? && message.reasoning.is_none() {
                    message.reasoning = Some(reasoning);
                }
            }
            (b"reasoning_details", Role::Assistant) => {
                gate.pass(Meaning::SignedReasoning, here, value)?;
            }
            (b"annotations", Role::Assistant) => {
                gate.pass(Meaning::Citations, here, value)?;
            }
            (b"audio", Role::Assistant) => {
                gate.pass(Meaning::StoredState, here, value)?;
            }
            (b"function_call", Role::Assistant) => {
                gate.pass(Meaning::Functions, here, value)?;
            }
            (b"tool_calls", Role::Assistant) => message.tool_calls = Some(value),
            _ => gate.unknown(here(), value)?,
        }
    }
    Ok(message)
}

/// What is said, without calls of tools. An empty text says nothing.
fn parts<'d>(
    message: &Message<'d>,
    role: Role,
    path: &str,
    gate: &mut Gate,
) -> Result<Vec<Part<'d>>, Untranslatable> {
    let mut parts = Vec::new();
    if let Some(reasoning) = message.reasoning.clone().filter(|text| !text.is_empty()) {
        parts.push(Part::Reasoning(reasoning));
    }
    if let Some(content) = message.content {
        let meaning = match role {
            Role::System => Meaning::System,
            Role::Tool => Meaning::ToolResult,
            Role::User | Role::Assistant => Meaning::Text,
        };
        let kept = gate.pass(meaning, || format!("{path}.content"), content)?;
        match (content.kind(), content.text()) {
            _ if !kept => {}
            (_, Some(text)) if text.is_empty() => {}
            (_, Some(text)) => parts.push(Part::Text(text)),
            (NodeKind::Array, _) => {
                list(content, || format!("{path}.content"))?;
                let media = role == Role::User;
                for (index, item) in content.items().enumerate() {
                    let here = || format!("{path}.content[{index}]");
                    if item.get("type").is_some_and(|kind| kind.is_text("refusal")) && role == Role::Assistant
                    {
                        parts_in::refusal(item, here, &mut parts, gate)?;
                    } else {
                        parts_in::read(item, here, media, &mut parts, gate)?;
                    }
                }
            }
            _ => return Err(wrong(&format!("{path}.content"), "must be a text or a list of parts")),
        }
    }
    if let Some(refusal) = message.refusal.clone().filter(|text| !text.is_empty()) {
        parts.push(Part::Refusal(refusal));
    }
    Ok(parts)
}

fn tool_calls<'d>(
    message: &Message<'d>,
    path: &str,
    calls: &mut Calls<'d>,
    parts: &mut Vec<Part<'d>>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let Some(value) = message.tool_calls else { return Ok(()) };
    list(value, || format!("{path}.tool_calls"))?;
    if !gate.pass(Meaning::ToolCall, || format!("{path}.tool_calls"), value)? {
        return Ok(());
    }
    for (index, item) in value.items().enumerate() {
        let here = || format!("{path}.tool_calls[{index}]");
        if let Some(call) = tool_call(item, here, gate)? {
            calls.insert(call.id.clone());
            parts.push(Part::ToolCall(call));
        }
    }
    Ok(())
}

fn tool_call<'d>(
    item: Value<'d>,
    path: impl Fn() -> String,
    gate: &mut Gate,
) -> Result<Option<ToolCall<'d>>, Untranslatable> {
    object(item, &path)?;
    if item.get("type").is_some_and(|kind| kind.is_text("custom")) {
        gate.pass(Meaning::FreeTextTools, || format!("{}.custom", path()), item)?;
        return Ok(None);
    }
    let (mut id, mut name, mut arguments) = (None, None, None);
    for (key, value) in item.members() {
        match key.name().as_ref() {
            b"type" if value.is_null() || value.is_text("function") => {}
            b"type" => return Err(gate.refusal(path())),
            b"id" => id = Some(text(value, || child(&path(), key))?),
            // The position in the list, which accumulators of streams leave behind.
            b"index" => {}
            b"function" => {
                let function = || format!("{}.function", path());
                object(value, function)?;
                for (key, value) in value.members() {
                    match key.name().as_ref() {
                        b"name" => name = Some(text(value, || child(&function(), key))?),
                        b"arguments" => arguments = Some(text(value, || child(&function(), key))?),
                        _ => gate.unknown(child(&function(), key), value)?,
                    }
                }
            }
            _ => gate.unknown(child(&path(), key), value)?,
        }
    }
    let missing = |name: &str| Untranslatable::new(format!("{}.{name}", path()), "is missing");
    Ok(Some(ToolCall {
        id: id.ok_or_else(|| missing("id"))?,
        name: name.ok_or_else(|| missing("function.name"))?,
        arguments: arguments.unwrap_or_default(),
    }))
}

fn result<'d>(
    message: Message<'d>,
    parts: Vec<Part<'d>>,
    path: &str,
    calls: &Calls<'d>,
    gate: &mut Gate,
    item: Value<'d>,
) -> Result<Part<'d>, Untranslatable> {
    gate.pass(Meaning::ToolResult, || path.into(), item)?;
    let id = message.tool_call_id.ok_or_else(|| wrong(&format!("{path}.tool_call_id"), "is missing"))?;
    if !calls.contains(&id) {
        return Err(wrong(path, "answers no call of a tool before it"));
    }
    Ok(Part::ToolResult(ToolResult { id, parts, error: false }))
}
