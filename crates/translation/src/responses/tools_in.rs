//! Reading tools and which of them may be called. Only tools that the caller runs have a place elsewhere.

use flyball_core::json::Value;

use super::shape::{boolean, items, object, only, text};
use crate::conversation::{Request, Tool, ToolChoice};
use crate::fields::Meaning;
use crate::gate::{Gate, Untranslatable};

/// `tools`.
///
/// # Errors
/// Tools of other types, by their paths.
pub(super) fn read<'d>(
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let path = || "tools".to_owned();
    let tools = items(value, &path)?;
    if gate.pass(Meaning::Tools, path, value)? {
        for (index, value) in tools {
            request.tools.push(tool(index, value, gate)?);
        }
    }
    Ok(())
}

fn tool<'d>(index: usize, value: Value<'d>, gate: &mut Gate) -> Result<Tool<'d>, Untranslatable> {
    if !value.get("type").is_some_and(|kind| kind.is_text("function")) {
        return Err(gate.refusal(format!("tools[{index}]")));
    }
    let (mut name, mut description, mut parameters, mut strict) = (None, None, None, None);
    for (key, value) in value.members().filter(|(_, value)| !value.is_null()) {
        let member = key.text().unwrap_or_default();
        let path = || format!("tools[{index}].{member}");
        match member.as_ref() {
            "type" => {}
            "name" => name = Some(text(value, &path)?),
            "description" => description = Some(text(value, &path)?),
            "parameters" => parameters = Some(object(value, &path)?),
            "strict" => {
                if gate.pass(Meaning::ToolStrictness, path, value)? {
                    strict = Some(boolean(value, &path)?);
                }
            }
            "allowed_callers" => only(gate, value, r#"["direct"]"#, &path)?,
            "defer_loading" | "async" => only(gate, value, "false", &path)?,
            _ => gate.unknown(path(), value)?,
        }
    }
    let name = name.ok_or_else(|| Untranslatable::new(format!("tools[{index}].name"), "is missing"))?;
    Ok(Tool { name, description, parameters, strict })
}

/// `tool_choice`; none when it is left out.
///
/// # Errors
/// Choices among other tools than the caller's, and among some of these.
pub(super) fn choice<'d>(
    value: Value<'d>,
    gate: &mut Gate,
) -> Result<Option<ToolChoice<'d>>, Untranslatable> {
    let path = || "tool_choice".to_owned();
    let choice = match value.text().as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("none") => ToolChoice::None,
        Some("required") => ToolChoice::Any,
        Some(_) => return Err(gate.refusal(path())),
        None => {
            if !value.get("type").is_some_and(|kind| kind.is_text("function")) {
                return Err(gate.refusal(path()));
            }
            for (key, value) in value.members() {
                let member = key.text().unwrap_or_default();
                if !matches!(member.as_ref(), "type" | "name") {
                    gate.unknown(format!("tool_choice.{member}"), value)?;
                }
            }
            let name = value.get("name").and_then(Value::text);
            ToolChoice::Named(name.ok_or_else(|| Untranslatable::new("tool_choice.name", "is missing"))?)
        }
    };
    Ok(gate.pass(Meaning::ToolChoice, path, value)?.then_some(choice))
}
