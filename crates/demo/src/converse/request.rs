//! The body of a `Converse`, read as AWS reads it, as the chat that it means. Messages and blocks stand in `turns`
//! and `blocks`.

use serde_json::{Map, Value, json};

use super::blocks::identifier;
use super::refused::Refused;
use super::shape::Shape;
use super::turns;
use crate::thought::Thought;

const MOST_STOPS: usize = 2500;
const MOST_METADATA: usize = 16;
/// The least that Anthropic's models take as a budget for thinking.
const LEAST_BUDGET: i64 = 1024;

/// A checked request.
#[derive(Debug)]
pub(super) struct Request {
    /// The members of a chat completion's body.
    pub(super) chat: Value,
    /// What the model thinks of it, where thinking is switched on.
    pub(super) thought: Option<Thought>,
    /// Whether the caller wants to know which stop sequence ended the answer.
    pub(super) stop_sequence: bool,
}

impl Request {
    /// Reads and checks a body.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refused> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|_| Refused::type_of("the body", "a JSON document that can be read"))?;
        let fields = Shape::read(&body, "")?;
        let mut chat = Map::new();
        let turns = turns::read(fields.list("messages")?.unwrap_or_default())?;
        let system = turns::system(fields.list("system")?.unwrap_or_default())?;
        match fields.inner("toolConfig")? {
            Some(config) => tools(&config, &mut chat)?,
            None if turns.tools => {
                return Err(Refused::invalid(
                    "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
                ));
            }
            None => {}
        }
        if let Some(config) = fields.inner("inferenceConfig")? {
            inference(&config, &mut chat)?;
        }
        format(&fields, &mut chat)?;
        metadata(&fields)?;
        let thinking = thinking(&fields, &chat)?;
        let thought = thinking.then(|| Thought::of(prompt(&turns.messages)));
        if let (Some(thought), Some(most)) = (&thought, chat.get_mut("max_tokens")) {
            // The least budget is more than any thought takes, and the limit is above the budget.
            *most = json!(most.as_u64().unwrap_or(0).saturating_sub(thought.tokens()));
        }
        let messages: Vec<Value> = system.into_iter().chain(turns.messages).collect();
        chat.insert("messages".to_owned(), Value::Array(messages));
        let paths = fields.list("additionalModelResponseFieldPaths")?.unwrap_or_default();
        let stop_sequence = paths.iter().any(|path| path == "/stop_sequence");
        Ok(Request { chat: Value::Object(chat), thought, stop_sequence })
    }
}

fn inference(config: &Shape<'_>, chat: &mut Map<String, Value>) -> Result<(), Refused> {
    for name in ["temperature", "topP"] {
        match config.number(name)? {
            Some(value) if value < 0.0 => {
                return Err(Refused::member(&config.path(name), "have value greater than or equal to 0"));
            }
            Some(value) if value > 1.0 => {
                return Err(Refused::member(&config.path(name), "have value less than or equal to 1"));
            }
            Some(value) if name == "temperature" => {
                chat.insert(name.to_owned(), json!(value));
            }
            Some(_) | None => {}
        }
    }
    if let Some(most) = config.whole("maxTokens")? {
        if most < 1 {
            return Err(Refused::member(&config.path("maxTokens"), "have value greater than or equal to 1"));
        }
        chat.insert("max_tokens".to_owned(), json!(most));
    }
    let stops = config.list("stopSequences")?.unwrap_or_default();
    if stops.len() > MOST_STOPS {
        let constraint = "have length less than or equal to 2500";
        return Err(Refused::member(&config.path("stopSequences"), constraint));
    }
    for (at, stop) in stops.iter().enumerate() {
        let path = format!("{}.{at}", config.path("stopSequences"));
        match stop.as_str() {
            None => return Err(Refused::type_of(&path, "a string")),
            Some("") => return Err(Refused::member(&path, "have length greater than or equal to 1")),
            Some(_) => {}
        }
    }
    if !stops.is_empty() {
        chat.insert("stop".to_owned(), json!(stops));
    }
    Ok(())
}

fn tools(config: &Shape<'_>, chat: &mut Map<String, Value>) -> Result<(), Refused> {
    config.required("tools")?;
    let list = config.list("tools")?.unwrap_or_default();
    if list.is_empty() {
        return Err(Refused::member(&config.path("tools"), "have length greater than or equal to 1"));
    }
    let mut functions = Vec::with_capacity(list.len());
    let mut names: Vec<&str> = Vec::with_capacity(list.len());
    for (at, tool) in list.iter().enumerate() {
        let tool = Shape::read(tool, &format!("{}.{at}", config.path("tools")))?;
        let ("toolSpec", value) = tool.union(&["toolSpec", "systemTool", "cachePoint"])? else { continue };
        let spec = Shape::read(value, &tool.path("toolSpec"))?;
        let name = identifier(&spec, "name", "_-")?;
        if names.contains(&name) {
            return Err(Refused::invalid(format!(
                "The tool name at '{}' is already defined.",
                spec.path("name")
            )));
        }
        names.push(name);
        let mut function = Map::new();
        function.insert("name".to_owned(), json!(name));
        if spec.get("description").is_some() {
            function.insert("description".to_owned(), json!(spec.required_text("description")?));
        }
        let schema = Shape::read(spec.required("inputSchema")?, &spec.path("inputSchema"))?;
        schema.union(&["json"])?;
        let document = schema.object("json")?.cloned().unwrap_or_default();
        if document.get("type").is_none_or(|kind| kind != "object") {
            return Err(Refused::invalid(format!(
                "The value at {}.type must be one of the following: object.",
                schema.path("json")
            )));
        }
        function.insert("parameters".to_owned(), Value::Object(document));
        functions.push(json!({"type": "function", "function": function}));
    }
    if let Some(choice) = config.inner("toolChoice")? {
        let choice = match choice.union(&["auto", "any", "tool"])? {
            ("auto", _) => json!("auto"),
            ("any", _) => json!("required"),
            (_, value) => {
                let tool = Shape::read(value, &choice.path("tool"))?;
                let name = identifier(&tool, "name", "_-")?;
                if !names.contains(&name) {
                    return Err(Refused::invalid(format!(
                        "The tool at '{}' is not defined.",
                        tool.path("name")
                    )));
                }
                json!({"type": "function", "function": {"name": name}})
            }
        };
        chat.insert("tool_choice".to_owned(), choice);
    }
    if !functions.is_empty() {
        chat.insert("tools".to_owned(), Value::Array(functions));
    }
    Ok(())
}

fn format(fields: &Shape<'_>, chat: &mut Map<String, Value>) -> Result<(), Refused> {
    let Some(output) = fields.inner("outputConfig")? else { return Ok(()) };
    let Some(format) = output.inner("textFormat")? else { return Ok(()) };
    format.required("type")?;
    format.option("type", &["json_schema"])?;
    let structure = Shape::read(format.required("structure")?, &format.path("structure"))?;
    let (_, value) = structure.union(&["jsonSchema"])?;
    let definition = Shape::read(value, &structure.path("jsonSchema"))?;
    let schema: Option<Value> = serde_json::from_str(definition.required_text("schema")?).ok();
    let schema = schema.filter(Value::is_object);
    let schema = schema.ok_or_else(|| {
        Refused::invalid(format!("The value at {} is no JSON Schema.", definition.path("schema")))
    })?;
    let format = json!({"type": "json_schema", "json_schema": {"schema": schema}});
    chat.insert("response_format".to_owned(), format);
    Ok(())
}

fn metadata(fields: &Shape<'_>) -> Result<(), Refused> {
    let Some(metadata) = fields.object("requestMetadata")? else { return Ok(()) };
    if metadata.len() > MOST_METADATA {
        return Err(Refused::member("requestMetadata", "have length less than or equal to 16"));
    }
    if metadata.values().all(Value::is_string) {
        Ok(())
    } else {
        Err(Refused::type_of("requestMetadata", "a map of strings"))
    }
}

/// Whether Anthropic's thinking is switched on.
fn thinking(fields: &Shape<'_>, chat: &Map<String, Value>) -> Result<bool, Refused> {
    let Some(more) = fields.inner("additionalModelRequestFields")? else { return Ok(false) };
    let thinking = match more.inner("thinking")? {
        Some(thinking) => Some(thinking),
        None => more.inner("reasoning_config")?,
    };
    let Some(thinking) = thinking else { return Ok(false) };
    thinking.required("type")?;
    if thinking.option("type", &["enabled", "disabled"])? != Some("enabled") {
        return Ok(false);
    }
    let budget = thinking.whole("budget_tokens")?.unwrap_or(0);
    let invalid =
        |rule: &str| Err(Refused::invalid(format!("The model returned the following errors: {rule}")));
    if budget < LEAST_BUDGET {
        return invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
    }
    if chat.get("max_tokens").and_then(Value::as_i64).is_some_and(|most| most <= budget) {
        return invalid("`max_tokens` must be greater than `thinking.budget_tokens`.");
    }
    if chat.get("temperature").and_then(Value::as_f64).is_some_and(|value| value < 1.0) {
        return invalid("`temperature` may only be set to 1 when thinking is enabled.");
    }
    Ok(true)
}

/// The last text of the last user message.
fn prompt(messages: &[Value]) -> &str {
    let user = messages.iter().rev().find(|message| message.get("role").is_some_and(|role| role == "user"));
    let parts = user.and_then(|message| message.get("content")).and_then(Value::as_array);
    let mut texts = parts.into_iter().flatten().filter_map(|part| part.get("text").and_then(Value::as_str));
    texts.next_back().unwrap_or_default()
}
