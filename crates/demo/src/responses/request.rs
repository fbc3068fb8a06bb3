//! The body of a request, checked as the vendor checks it, and turned into a chat. The rules follow the public API
//! reference; the input and the tools have files of their own.

use serde_json::{Map, Value, json};

use super::{input, refused, tools};
use crate::models;
use crate::rejected::Rejected;
use crate::strict::{Breach, Field, is_name, open_object, optional_property};

/// The fields of a request.
const FIELDS: [&str; 35] = [
    "access_programs",
    "background",
    "background_options",
    "client_metadata",
    "context_management",
    "conversation",
    "image",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
/// What can be asked for beside the answer.
const INCLUDABLE: [&str; 8] = [
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
];
/// How much the model may reason.
const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
/// The efforts at which the demo model does not reason.
const NO_EFFORT: [&str; 2] = ["none", "minimal"];
const TIERS: [&str; 7] = ["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"];
const LEAST_OUTPUT: i64 = 16;
const MOST_METADATA: usize = 16;
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 512;
const LONGEST_NAME: usize = 64;

/// A request in the form that the demo model understands.
#[derive(Debug)]
pub(super) struct Call {
    /// The body of the chat.
    pub(super) chat: Vec<u8>,
    pub(super) stream: bool,
    pub(super) max_output_tokens: Option<u64>,
    /// How reasoning is shown; `None` when there is none.
    pub(super) reasoning: Option<Reasoning>,
}

/// In which forms the reasoning is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reasoning {
    pub(super) summary: bool,
    pub(super) encrypted: bool,
}

/// Reads a body.
pub(super) fn read(body: &Value) -> Result<Call, Rejected> {
    let root = Field::root(body);
    root.object()?;
    let model = root.need_text("model")?;
    if !models::exists(model) {
        return Err(Rejected::unknown_model(model));
    }
    root.only(&FIELDS)?;
    stored(&root)?;
    let mut chat = Map::new();
    chat.insert("model".to_owned(), model.into());
    chat.insert("messages".to_owned(), input::read(&root)?);
    chat.extend(tools::read(&root)?);
    if let Some(flag) = root.get_flag("parallel_tool_calls")? {
        chat.insert("parallel_tool_calls".to_owned(), flag.into());
    }
    if let Some(format) = format(&root)? {
        chat.insert("response_format".to_owned(), format);
    }
    let cap = root.get_whole("max_output_tokens", LEAST_OUTPUT)?.and_then(|cap| u64::try_from(cap).ok());
    if let Some(cap) = cap {
        chat.insert("max_tokens".to_owned(), cap.into());
    }
    let stream = root.get_flag("stream")?.unwrap_or(false);
    if let Some(options) = root.get("stream_options") {
        if !stream {
            return Err(options.wrong("it is only allowed when 'stream' is true").into());
        }
        options.only(&["include_obfuscation"])?;
        options.get_flag("include_obfuscation")?;
    }
    rest(&root)?;
    let reasoning = reasoning(&root)?;
    let chat = Value::Object(chat).to_string().into_bytes();
    Ok(Call { chat, stream, max_output_tokens: cap, reasoning })
}

/// Refuses what refers to something stored.
fn stored(root: &Field<'_, '_>) -> Result<(), Rejected> {
    if let Some(id) = root.get_text("previous_response_id")? {
        let message = format!("Previous response with id '{id}' not found.");
        return Err(Rejected::coded(
            "previous_response_not_found",
            "previous_response_id".to_owned(),
            message,
        ));
    }
    if let Some(conversation) = root.get("conversation") {
        let id = conversation.value().get("id").unwrap_or(conversation.value());
        return Err(refused::not_stored("conversation", id.as_str().unwrap_or_default()));
    }
    if let Some(prompt) = root.get("prompt") {
        return Err(refused::not_stored("prompt", prompt.need_text("id")?));
    }
    if root.get_flag("background")? == Some(true) {
        let message = "Background mode requires stored responses.";
        return Err(Rejected::coded("unsupported_parameter", "background".to_owned(), message));
    }
    Ok(())
}

fn reasoning(root: &Field<'_, '_>) -> Result<Option<Reasoning>, Breach> {
    let mut encrypted = false;
    if let Some(include) = root.get("include") {
        for what in include.items()? {
            encrypted |= what.word(&INCLUDABLE)? == "reasoning.encrypted_content";
        }
    }
    let Some(field) = root.get("reasoning") else { return Ok(None) };
    field.only(&["effort", "summary", "generate_summary", "context", "mode"])?;
    let effort = field.get_word("effort", &EFFORTS)?;
    let words = ["auto", "concise", "detailed"];
    let summary = field.get_word("summary", &words)?.or(field.get_word("generate_summary", &words)?);
    let reasons = effort.is_some_and(|effort| !NO_EFFORT.contains(&effort));
    Ok(reasons.then_some(Reasoning { summary: summary.is_some(), encrypted }))
}

/// The form of the answer's text, as chat names it.
fn format(root: &Field<'_, '_>) -> Result<Option<Value>, Breach> {
    let Some(text) = root.get("text") else { return Ok(None) };
    text.only(&["format", "verbosity"])?;
    text.get_word("verbosity", &["low", "medium", "high"])?;
    let Some(format) = text.get("format") else { return Ok(None) };
    format.object()?;
    match format.need("type")?.word(&["text", "json_object", "json_schema"])? {
        "text" => format.only(&["type"]).map(|()| None),
        "json_object" => format.only(&["type"]).map(|()| Some(json!({"type": "json_object"}))),
        _ => {
            format.only(&["type", "name", "schema", "strict", "description"])?;
            let name = format.need("name")?;
            if !is_name(name.text()?, LONGEST_NAME) {
                return Err(name.wrong("expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'"));
            }
            let schema = format.need("schema")?;
            schema.object()?;
            check_strict(&schema, format.get_flag("strict")?)?;
            let mut wanted = Map::new();
            wanted.insert("name".to_owned(), name.value().clone());
            if let Some(description) = format.get_text("description")? {
                wanted.insert("description".to_owned(), description.into());
            }
            wanted.insert("schema".to_owned(), schema.value().clone());
            Ok(Some(json!({"type": "json_schema", "json_schema": wanted})))
        }
    }
}

/// Checks what a strict schema promises: closed objects whose properties are all required.
pub(super) fn check_strict(schema: &Field<'_, '_>, strict: Option<bool>) -> Result<(), Breach> {
    if strict != Some(true) {
        return Ok(());
    }
    if schema.value().get("type") != Some(&Value::from("object")) && schema.value().get("$ref").is_none() {
        return Err(schema.wrong("schema must be a JSON Schema of 'type: \"object\"'"));
    }
    if open_object(schema.value()).is_some() {
        return Err(schema.wrong("'additionalProperties' is required to be supplied and to be false"));
    }
    match optional_property(schema.value()) {
        Some(_) => Err(schema.wrong(
            "'required' is required to be supplied and to be an array including every key in properties",
        )),
        None => Ok(()),
    }
}

/// Checks what changes nothing in the answer.
fn rest(root: &Field<'_, '_>) -> Result<(), Breach> {
    root.get_number("temperature", 0.0, 2.0)?;
    root.get_number("top_p", 0.0, 1.0)?;
    root.get_number("top_logprobs", 0.0, 20.0)?;
    root.get_whole("top_logprobs", 0)?;
    root.get_whole("max_tool_calls", 1)?;
    root.get_flag("store")?;
    root.get_word("truncation", &["auto", "disabled"])?;
    root.get_word("service_tier", &TIERS)?;
    root.get_word("prompt_cache_retention", &["in_memory", "in-memory", "24h"])?;
    for key in ["user", "safety_identifier", "prompt_cache_key"] {
        root.get_text(key)?;
    }
    let Some(metadata) = root.get("metadata") else { return Ok(()) };
    let pairs = metadata.object()?;
    if pairs.len() > MOST_METADATA {
        return Err(metadata.wrong("expected an object with at most 16 properties"));
    }
    for key in pairs.keys() {
        let text = metadata.need_text(key)?;
        if key.chars().count() > LONGEST_KEY || text.chars().count() > LONGEST_VALUE {
            return Err(metadata.wrong("keys have at most 64 and values at most 512 characters"));
        }
    }
    Ok(())
}
