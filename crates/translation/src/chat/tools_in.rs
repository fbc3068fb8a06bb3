//! Reads the tools of a chat request and the choice among them.

use flyball_core::json::Value;

use super::options::{child, list, object, text, wrong};
use crate::Untranslatable;
use crate::conversation::{Request, Tool, ToolChoice};
use crate::fields::Meaning;
use crate::gate::Gate;

/// Reads `tools`.
pub(super) fn tools<'d>(
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    list(value, || "tools".into())?;
    if !gate.pass(Meaning::Tools, || "tools".into(), value)? {
        return Ok(());
    }
    for (index, item) in value.items().enumerate() {
        if let Some(tool) = tool(item, index, gate)? {
            request.tools.push(tool);
        }
    }
    Ok(())
}

fn tool<'d>(item: Value<'d>, index: usize, gate: &mut Gate) -> Result<Option<Tool<'d>>, Untranslatable> {
    let path = || format!("tools[{index}]");
    object(item, path)?;
    match item.get("type").and_then(Value::text).as_deref() {
        Some("function") | None => {}
        Some("custom") => {
            gate.pass(Meaning::FreeTextTools, || format!("tools[{index}].custom"), item)?;
            return Ok(None);
        }
        Some(_) => {
            gate.pass(Meaning::ServerTools, path, item)?;
            return Ok(None);
        }
    }
    let mut function = None;
    for (key, value) in item.members() {
        match key.name().as_ref() {
            b"type" => {}
            b"function" => function = Some(value),
            b"cache_control" if !value.is_null() => {
                gate.pass(Meaning::CacheHint, || child(&path(), key), value)?;
            }
            _ => gate.unknown(child(&path(), key), value)?,
        }
    }
    let function = function.ok_or_else(|| wrong(&format!("tools[{index}].function"), "is missing"))?;
    definition(function, || format!("tools[{index}].function"), gate).map(Some)
}

fn definition<'d>(
    function: Value<'d>,
    path: impl Fn() -> String,
    gate: &mut Gate,
) -> Result<Tool<'d>, Untranslatable> {
    object(function, &path)?;
    let (mut name, mut description, mut parameters, mut strict) = (None, None, None, None);
    for (key, value) in function.members() {
        if value.is_null() {
            continue;
        }
        let here = || child(&path(), key);
        match key.name().as_ref() {
            b"name" => name = Some(text(value, here)?),
            b"description" => description = Some(text(value, here)?),
            b"parameters" => {
                object(value, here)?;
                parameters = Some(value);
            }
            b"strict" => {
                let wanted = value.boolean().ok_or_else(|| wrong(&here(), "must be true or false"))?;
                if gate.pass(Meaning::ToolStrictness, here, value)? {
                    strict = Some(wanted);
                }
            }
            _ => gate.unknown(here(), value)?,
        }
    }
    let name = name.ok_or_else(|| wrong(&format!("{}.name", path()), "is missing"))?;
    Ok(Tool { name, description, parameters, strict })
}

/// Reads `tool_choice`.
pub(super) fn choice<'d>(
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    const PATH: &str = "tool_choice";
    let word = value.text();
    let kind = value.get("type").and_then(Value::text);
    let choice = match (word.as_deref(), kind.as_deref()) {
        (Some("auto"), _) => ToolChoice::Auto,
        (Some("none"), _) => ToolChoice::None,
        (Some("required"), _) => ToolChoice::Any,
        (None, Some("function")) => {
            for (key, value) in value.members() {
                if !matches!(key.name().as_ref(), b"type" | b"function") {
                    gate.unknown(child(PATH, key), value)?;
                }
            }
            let function = value.get("function");
            for (key, value) in function.into_iter().flat_map(Value::members) {
                if key.name().as_ref() != b"name" {
                    gate.unknown(child("tool_choice.function", key), value)?;
                }
            }
            let name = function.and_then(|function| function.get("name")).and_then(Value::text);
            ToolChoice::Named(name.ok_or_else(|| wrong("tool_choice.function.name", "is missing"))?)
        }
        (None, Some("allowed_tools")) => {
            gate.pass(Meaning::ToolSubset, || "tool_choice.allowed_tools".into(), value)?;
            return Ok(());
        }
        (None, Some("custom")) => {
            gate.pass(Meaning::FreeTextTools, || "tool_choice.custom".into(), value)?;
            return Ok(());
        }
        _ => return Err(gate.refusal(PATH.into())),
    };
    if gate.pass(Meaning::ToolChoice, || PATH.into(), value)? {
        request.tool_choice = Some(choice);
    }
    Ok(())
}
