//! The tools of a request and the choice among them, checked and in chat's form. Tools that the vendor runs itself
//! are accepted and never used.

use serde_json::{Map, Value, json};

use super::content::check_cache;
use super::refused::Refused;
use crate::strict::{Field, is_name};

/// The fields of a tool of the caller's.
const FIELDS: [&str; 10] = [
    "type",
    "name",
    "description",
    "input_schema",
    "cache_control",
    "strict",
    "eager_input_streaming",
    "defer_loading",
    "allowed_callers",
    "input_examples",
];
const LONGEST_NAME: usize = 128;

/// The tools in chat's form.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// `tools`, `tool_choice` and `parallel_tool_calls`.
    pub(super) chat: Map<String, Value>,
    /// Whether a call is demanded.
    pub(super) forced: bool,
}

/// Reads the tools, and adds the caches they mark.
pub(super) fn read(root: &Field<'_, '_>, marks: &mut usize) -> Result<Tools, Refused> {
    let mut names = Vec::new();
    let mut functions = Vec::new();
    if let Some(tools) = root.get("tools") {
        for tool in tools.items()? {
            tool.object()?;
            if let Some(cache) = tool.get("cache_control") {
                check_cache(&cache)?;
                *marks += 1;
            }
            match tool.get_text("type")? {
                None | Some("custom") => functions.push(custom(&tool)?),
                Some(kind) if is_hosted(kind) => {}
                Some(kind) => {
                    let reason = format!(
                        "Input tag '{kind}' found using 'type' does not match any of the expected tags"
                    );
                    return Err(tool.wrong(reason).into());
                }
            }
            if let Some(name) = tool.get_text("name")? {
                if names.contains(&name) {
                    return Err(Refused::invalid("tools: Tool names must be unique."));
                }
                names.push(name);
            }
        }
    }
    let mut read = Tools::default();
    if let Some(choice) = root.get("tool_choice") {
        if root.get("tools").is_none() {
            return Err(Refused::invalid(
                "tool_choice: tool_choice may only be specified while providing tools",
            ));
        }
        choose(&choice, &names, &mut read)?;
    }
    if !functions.is_empty() {
        read.chat.insert("tools".to_owned(), Value::Array(functions));
    }
    Ok(read)
}

fn custom(tool: &Field<'_, '_>) -> Result<Value, Refused> {
    tool.only(&FIELDS)?;
    let name = tool.need("name")?;
    if !is_name(name.text()?, LONGEST_NAME) {
        return Err(name.wrong("String should match pattern '^[a-zA-Z0-9_-]{1,128}$'").into());
    }
    let schema = tool.need("input_schema")?;
    schema.object()?;
    schema.need("type")?.word(&["object"])?;
    if ["oneOf", "allOf", "anyOf"].iter().any(|key| schema.value().get(key).is_some()) {
        let reason = "input_schema does not support oneOf, allOf, or anyOf at the top level";
        return Err(schema.wrong(reason).into());
    }
    tool.get_flag("strict")?;
    let mut function = Map::new();
    function.insert("name".to_owned(), name.value().clone());
    if let Some(description) = tool.get_text("description")? {
        function.insert("description".to_owned(), description.into());
    }
    function.insert("parameters".to_owned(), schema.value().clone());
    Ok(json!({"type": "function", "function": function}))
}

/// Whether this type is that of a tool which the vendor runs or defines: a name that ends in its date.
fn is_hosted(kind: &str) -> bool {
    kind == "mcp_toolset"
        || kind.rsplit_once('_').is_some_and(|(name, date)| {
            !name.is_empty() && date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit())
        })
}

fn choose(choice: &Field<'_, '_>, names: &[&str], read: &mut Tools) -> Result<(), Refused> {
    choice.object()?;
    let kind = choice.need("type")?.word(&["auto", "any", "tool", "none"])?;
    let known: &[&str] = match kind {
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        "none" => &["type"],
        _ => &["type", "disable_parallel_tool_use"],
    };
    choice.only(known)?;
    let chosen = match kind {
        "auto" => json!("auto"),
        "none" => json!("none"),
        "any" => json!("required"),
        _ => {
            let name = choice.need_text("name")?;
            if !names.contains(&name) {
                return Err(Refused::invalid(format!("Tool '{name}' not found in provided tools")));
            }
            json!({"type": "function", "function": {"name": name}})
        }
    };
    read.forced = matches!(kind, "any" | "tool");
    read.chat.insert("tool_choice".to_owned(), chosen);
    if choice.get_flag("disable_parallel_tool_use")? == Some(true) {
        read.chat.insert("parallel_tool_calls".to_owned(), Value::Bool(false));
    }
    Ok(())
}
