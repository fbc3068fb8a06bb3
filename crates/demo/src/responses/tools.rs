//! The tools of a request and the choice among them, checked and in chat's form. Tools that the vendor runs itself,
//! and tools that are no functions, are accepted and never used.

use serde_json::{Map, Value, json};

use super::request::check_strict;
use crate::rejected::Rejected;
use crate::strict::{Breach, Field, is_name};

/// The types of tools that are no functions.
const OTHERS: [&str; 17] = [
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "file_search",
    "computer_use_preview",
    "computer",
    "code_interpreter",
    "mcp",
    "image_generation",
    "local_shell",
    "shell",
    "custom",
    "apply_patch",
    "tool_search",
    "namespace",
    "programmatic_tool_calling",
];
const LONGEST_NAME: usize = 128;

/// Reads `tools` and `tool_choice`.
pub(super) fn read(root: &Field<'_, '_>) -> Result<Map<String, Value>, Rejected> {
    let mut types = Vec::new();
    let mut functions = Vec::new();
    if let Some(tools) = root.get("tools") {
        for tool in tools.items()? {
            tool.object()?;
            let kind = tool.need("type")?;
            match kind.text()? {
                "function" => functions.push(function(&tool)?),
                "custom" | "mcp" if tool.get("name").or(tool.get("server_label")).is_none() => {
                    return Err(tool.missing("name").into());
                }
                other if OTHERS.contains(&other) => {}
                _ => return Err(kind.wrong("it is not a supported value").into()),
            }
            types.push(kind.text()?);
        }
    }
    let mut read = Map::new();
    if let Some(choice) = root.get("tool_choice") {
        let chosen = choose(&choice, &types, &mut functions)?;
        read.insert("tool_choice".to_owned(), chosen);
    }
    if !functions.is_empty() {
        let functions: Vec<Value> =
            functions.into_iter().map(|function| json!({"type": "function", "function": function})).collect();
        read.insert("tools".to_owned(), Value::Array(functions));
    }
    Ok(read)
}

fn function(tool: &Field<'_, '_>) -> Result<Map<String, Value>, Breach> {
    let name = tool.need("name")?;
    tool.only(&[
        "type",
        "name",
        "description",
        "parameters",
        "strict",
        "defer_loading",
        "allowed_callers",
        "output_schema",
    ])?;
    if !is_name(name.text()?, LONGEST_NAME) {
        return Err(name.wrong("expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'"));
    }
    let mut function = Map::new();
    function.insert("name".to_owned(), name.value().clone());
    if let Some(description) = tool.get_text("description")? {
        function.insert("description".to_owned(), description.into());
    }
    let strict = tool.get_flag("strict")?;
    if let Some(parameters) = tool.get("parameters") {
        parameters.object()?;
        if parameters.value().get("type").is_some_and(|kind| kind != "object") {
            return Err(parameters.wrong("schema must be a JSON Schema of 'type: \"object\"'"));
        }
        check_strict(&parameters, strict)?;
        function.insert("parameters".to_owned(), parameters.value().clone());
    }
    Ok(function)
}

/// The choice in chat's form. Where only some functions are allowed, the others go.
fn choose(
    choice: &Field<'_, '_>,
    types: &[&str],
    functions: &mut Vec<Map<String, Value>>,
) -> Result<Value, Rejected> {
    let has = |functions: &[Map<String, Value>], name: &str| {
        functions.iter().any(|function| function.get("name").is_some_and(|own| own == name))
    };
    let absent =
        |what: &str| Err(choice.wrong(format!("tool choice '{what}' not found in 'tools' parameter")).into());
    if choice.value().is_string() {
        let word = choice.word(&["none", "auto", "required"])?;
        if word == "required" && types.is_empty() {
            return absent(word);
        }
        return Ok(word.into());
    }
    choice.object()?;
    match choice.need_text("type")? {
        "function" => {
            choice.only(&["type", "name"])?;
            let name = choice.need_text("name")?;
            if !has(functions, name) {
                return absent("function");
            }
            Ok(json!({"type": "function", "function": {"name": name}}))
        }
        "allowed_tools" => {
            choice.only(&["type", "mode", "tools"])?;
            let mode = choice.need("mode")?.word(&["auto", "required"])?;
            let mut allowed = Vec::new();
            for tool in choice.need("tools")?.items()? {
                if tool.need_text("type")? == "function" {
                    let name = tool.need_text("name")?;
                    if !has(functions, name) {
                        return absent("allowed_tools");
                    }
                    allowed.push(name);
                }
            }
            functions.retain(|function| {
                function.get("name").and_then(Value::as_str).is_some_and(|name| allowed.contains(&name))
            });
            Ok(mode.into())
        }
        other if OTHERS.contains(&other) && types.contains(&other) => Ok("auto".into()),
        other => absent(other),
    }
}
