//! Tools and what the caller lets the model do with them: checked, and written as a chat has them.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::refused::Refused;
use super::schema::json_schema;

/// What a tool may be beside functions: services of Google's, which are accepted and not played.
const TOOL: [&str; 9] = [
    "functionDeclarations",
    "googleSearch",
    "googleSearchRetrieval",
    "codeExecution",
    "urlContext",
    "computerUse",
    "fileSearch",
    "googleMaps",
    "retrieval",
];

const DECLARATION: [&str; 7] = [
    "name",
    "description",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
    "behavior",
];

const LONGEST_NAME: usize = 64;

/// Writes `tools` and `tool_choice` of `chat`.
pub(super) fn write(
    tools: &[Value],
    config: Option<&Value>,
    chat: &mut Map<String, Value>,
) -> Result<(), Refused> {
    let mut functions: Vec<(&str, Value)> = Vec::new();
    for (at, tool) in tools.iter().enumerate() {
        let fields = Fields::read(tool, &format!("tools[{at}]"), &TOOL)?;
        for (place, value) in fields.list("functionDeclarations")?.iter().enumerate() {
            let path = format!("{}[{place}]", fields.path("functionDeclarations"));
            let (name, function) = declaration(value, &path)?;
            if functions.iter().any(|(other, _)| *other == name) {
                return Err(Refused::invalid(format!("Duplicate function declaration found at '{path}'.")));
            }
            functions.push((name, function));
        }
    }
    let choice = match config {
        Some(config) => choice(config, &mut functions)?,
        None => None,
    };
    if !functions.is_empty() {
        let functions = functions.into_iter().map(|(_, function)| function).collect();
        chat.insert("tools".to_owned(), Value::Array(functions));
    }
    if let Some(choice) = choice {
        chat.insert("tool_choice".to_owned(), choice);
    }
    Ok(())
}

fn declaration<'v>(value: &'v Value, at: &str) -> Result<(&'v str, Value), Refused> {
    let fields = Fields::read(value, at, &DECLARATION)?;
    let name = fields.text("name")?.unwrap_or_default();
    if !is_name(name) {
        return Err(Refused::field(
            &fields.path("name"),
            "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, \
             0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64.",
        ));
    }
    let mut function = Map::new();
    function.insert("name".to_owned(), json!(name));
    if let Some(description) = fields.text("description")? {
        function.insert("description".to_owned(), json!(description));
    }
    match (fields.get("parameters"), fields.get("parametersJsonSchema")) {
        (Some(_), Some(_)) => {
            let rule = "parameters and parameters_json_schema cannot both be set.";
            return Err(Refused::field(at, rule));
        }
        (Some(schema), None) => {
            let path = fields.path("parameters");
            let schema = json_schema(schema, &path)?;
            if schema.get("type").is_some_and(|kind| kind != "object") {
                return Err(Refused::field(&path, "the parameters of a function must be of type OBJECT"));
            }
            function.insert("parameters".to_owned(), schema);
        }
        (None, Some(schema)) => {
            if !schema.is_object() {
                return Err(Refused::type_of(&fields.path("parametersJsonSchema"), "an object"));
            }
            function.insert("parameters".to_owned(), schema.clone());
        }
        (None, None) => {}
    }
    if let Some(response) = fields.get("response") {
        json_schema(response, &fields.path("response"))?;
    }
    Ok((name, json!({"type": "function", "function": function})))
}

/// The chat's `tool_choice`. Leaves only the allowed functions, unless it is one that must be called: then the choice
/// names it, and the others were read like it.
fn choice(config: &Value, functions: &mut Vec<(&str, Value)>) -> Result<Option<Value>, Refused> {
    let fields = Fields::read(config, "tool_config", &["functionCallingConfig", "retrievalConfig"])?;
    fields.object("retrievalConfig")?;
    let Some(calling) = fields.get("functionCallingConfig") else { return Ok(None) };
    let known = ["mode", "allowedFunctionNames", "streamFunctionCallArguments"];
    let calling = Fields::read(calling, &fields.path("functionCallingConfig"), &known)?;
    let allowed = calling.texts("allowedFunctionNames")?;
    let mode = calling.text("mode")?.unwrap_or("AUTO").to_ascii_uppercase();
    let path = calling.path("allowedFunctionNames");
    if !allowed.is_empty() && !matches!(mode.as_str(), "ANY" | "VALIDATED") {
        let rule = "allowed_function_names may only be set when function calling mode is ANY.";
        return Err(Refused::field(&path, rule));
    }
    if allowed.iter().any(|name| !functions.iter().any(|(own, _)| own == name)) {
        return Err(Refused::field(&path, "a name is not that of a declared function."));
    }
    let only = match allowed.as_slice() {
        [name] => Some(json!({"type": "function", "function": {"name": name}})),
        _ => None,
    };
    let named = only.is_some() && mode == "ANY";
    if !allowed.is_empty() && !named {
        functions.retain(|(name, _)| allowed.contains(name));
    }
    match mode.as_str() {
        "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED" => Ok(None),
        "NONE" => Ok(Some(json!("none"))),
        "ANY" if functions.is_empty() => {
            Err(Refused::invalid("Function calling config is set without function_declarations."))
        }
        "ANY" => Ok(Some(only.unwrap_or_else(|| json!("required")))),
        _ => Err(Refused::type_of(&calling.path("mode"), "FunctionCallingConfig.Mode")),
    }
}

fn is_name(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let rest = |character: char| character.is_ascii_alphanumeric() || "_.:-".contains(character);
    first && name.len() <= LONGEST_NAME && name.chars().all(rest)
}
