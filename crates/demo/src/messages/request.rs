//! The body of `POST /v1/messages`, checked as the vendor checks it, and turned into a chat. The rules follow the
//! public API reference; messages and tools have files of their own.

use serde_json::{Map, Value, json};

use super::content::{self, Turns};
use super::refused::Refused;
use super::tools;
use crate::models;
use crate::strict::{Breach, Field, open_object};

/// The fields of a request.
const FIELDS: [&str; 23] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "metadata",
    "thinking",
    "service_tier",
    "container",
    "mcp_servers",
    "context_management",
    "output_config",
    "output_format",
    "cache_control",
    "speed",
    "inference_geo",
    "diagnostics",
];
/// The fields of a request that only counts.
const COUNTED: [&str; 12] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "mcp_servers",
    "context_management",
    "output_config",
    "output_format",
    "cache_control",
    "speed",
];
/// The fields that steer the choice of words.
const SAMPLING: [&str; 3] = ["temperature", "top_p", "top_k"];
/// The most blocks that may mark a cache.
const MOST_MARKS: usize = 4;
const LEAST_BUDGET: i64 = 1024;
/// The least `top_p` beside thinking.
const LEAST_TOP_P: f64 = 0.95;
const LONGEST_USER_ID: usize = 256;

/// The versions of the API, by what they tell apart here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    /// `2023-06-01` and before.
    #[default]
    June2023,
    /// `2026-10-21`: without sampling parameters, documents of the assistant and citations of the user.
    October2026,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Answer,
    /// Only the number of tokens.
    Count,
}

/// A request in the form that the demo model understands.
#[derive(Debug)]
pub(super) struct Call {
    /// The body of the chat.
    pub(super) chat: Vec<u8>,
    pub(super) stream: bool,
    pub(super) max_tokens: u64,
    pub(super) thinking: Thinking,
}

/// How a request wants the model to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    Off,
    /// The model decides.
    Adaptive {
        shown: bool,
    },
    On {
        shown: bool,
    },
}

/// Reads a body.
pub(super) fn read(body: &Value, purpose: Purpose, version: Version) -> Result<Call, Refused> {
    let root = Field::root(body);
    root.object()?;
    let model = root.need_text("model")?;
    if !models::exists(model) {
        return Err(Refused::not_found(format!("model: {model}")));
    }
    let fields: &[&str] = if purpose == Purpose::Answer { &FIELDS } else { &COUNTED };
    let dropped = |field: &&str| version >= Version::October2026 && SAMPLING.contains(field);
    let fields: Vec<&str> = fields.iter().copied().filter(|field| !dropped(field)).collect();
    root.only(&fields)?;
    let max_tokens = root.get_whole("max_tokens", 1)?;
    if purpose == Purpose::Answer && max_tokens.is_none() {
        return Err(root.missing("max_tokens").into());
    }
    let thinking = thinking(&root, max_tokens)?;
    sampling(&root, thinking)?;
    let mut turns = Turns::of(version);
    if let Some(system) = root.get("system") {
        turns.system(&system)?;
    }
    turns.messages(&root.need("messages")?, matches!(thinking, Thinking::On { .. }))?;
    let mut chat = Map::new();
    chat.insert("model".to_owned(), model.into());
    let tools = tools::read(&root, &mut turns.marks)?;
    if matches!(thinking, Thinking::On { .. } | Thinking::Adaptive { .. }) && tools.forced {
        return Err(Refused::invalid("Thinking may not be enabled when tool_choice forces tool use."));
    }
    chat.extend(tools.chat);
    if root.get("cache_control").map(|field| content::check_cache(&field)).transpose()?.is_some() {
        turns.marks += 1;
    }
    if turns.marks > MOST_MARKS {
        return Err(Refused::invalid(format!(
            "A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {}.",
            turns.marks
        )));
    }
    chat.insert("messages".to_owned(), turns.into_chat());
    rest(&root)?;
    if let Some(schema) = format(&root)? {
        let schema = json!({"name": "output", "schema": schema});
        chat.insert("response_format".to_owned(), json!({"type": "json_schema", "json_schema": schema}));
    }
    if let Some(stops) = stops(&root)? {
        chat.insert("stop".to_owned(), stops);
    }
    let max_tokens = max_tokens.and_then(|most| u64::try_from(most).ok()).unwrap_or(u64::MAX);
    chat.insert("max_tokens".to_owned(), max_tokens.into());
    let stream = root.get_flag("stream")?.unwrap_or(false);
    Ok(Call { chat: Value::Object(chat).to_string().into_bytes(), stream, max_tokens, thinking })
}

fn thinking(root: &Field<'_, '_>, max_tokens: Option<i64>) -> Result<Thinking, Refused> {
    let Some(field) = root.get("thinking") else { return Ok(Thinking::Off) };
    field.object()?;
    let kind = field.need("type")?.word(&["enabled", "disabled", "adaptive"])?;
    let shown = field.get_word("display", &["summarized", "omitted"])? != Some("omitted");
    match kind {
        "disabled" => {
            field.only(&["type"])?;
            Ok(Thinking::Off)
        }
        "adaptive" => {
            field.only(&["type", "display"])?;
            Ok(Thinking::Adaptive { shown })
        }
        _ => {
            field.only(&["type", "budget_tokens", "display"])?;
            field.need("budget_tokens")?;
            let budget = field.get_whole("budget_tokens", LEAST_BUDGET)?;
            if budget.zip(max_tokens).is_some_and(|(budget, most)| budget >= most) {
                return Err(Refused::invalid("`max_tokens` must be greater than `thinking.budget_tokens`."));
            }
            Ok(Thinking::On { shown })
        }
    }
}

/// Checks what steers the choice of words.
fn sampling(root: &Field<'_, '_>, thinking: Thinking) -> Result<(), Refused> {
    let temperature = root.get_number("temperature", 0.0, 1.0)?;
    let top_p = root.get_number("top_p", 0.0, 1.0)?;
    let top_k = root.get_whole("top_k", 0)?;
    if thinking == Thinking::Off {
        return Ok(());
    }
    if temperature.is_some_and(|temperature| temperature < 1.0) {
        return Err(Refused::invalid("`temperature` may only be set to 1 when thinking is enabled."));
    }
    if top_p.is_some_and(|top_p| top_p < LEAST_TOP_P) {
        return Err(Refused::invalid(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
        ));
    }
    if top_k.is_some() {
        return Err(Refused::invalid("`top_k` must be unset when thinking is enabled."));
    }
    Ok(())
}

/// The schema that the answer's text has to satisfy, from either of the two fields that can name one.
fn format<'v>(root: &Field<'_, 'v>) -> Result<Option<&'v Value>, Refused> {
    let mut found = None;
    if let Some(config) = root.get("output_config") {
        config.only(&["format", "effort", "task_budget"])?;
        config.get_word("effort", &["low", "medium", "high", "xhigh", "max"])?;
        found = config.get("format").map(|format| schema(&format)).transpose()?;
    }
    if let Some(format) = root.get("output_format") {
        if found.is_some() {
            return Err(format.wrong("Use either output_format or output_config.format").into());
        }
        found = Some(schema(&format)?);
    }
    Ok(found)
}

fn schema<'v>(format: &Field<'_, 'v>) -> Result<&'v Value, Breach> {
    format.only(&["type", "schema"])?;
    format.need("type")?.word(&["json_schema"])?;
    let schema = format.need("schema")?;
    schema.object()?;
    if open_object(schema.value()).is_some() {
        return Err(schema.wrong("For 'object' type, 'additionalProperties' must be explicitly set to false"));
    }
    Ok(schema.value())
}

fn stops(root: &Field<'_, '_>) -> Result<Option<Value>, Breach> {
    let Some(field) = root.get("stop_sequences") else { return Ok(None) };
    let mut stops = Vec::new();
    for stop in field.items()? {
        let text = stop.text()?;
        if text.trim().is_empty() {
            return Err(stop.wrong("each stop sequence must contain non-whitespace"));
        }
        stops.push(Value::from(text));
    }
    Ok((!stops.is_empty()).then_some(Value::Array(stops)))
}

/// Checks what changes nothing in the answer.
fn rest(root: &Field<'_, '_>) -> Result<(), Breach> {
    if let Some(metadata) = root.get("metadata") {
        metadata.only(&["user_id"])?;
        if metadata.get_text("user_id")?.is_some_and(|id| id.chars().count() > LONGEST_USER_ID) {
            return Err(metadata.wrong("user_id should have at most 256 characters"));
        }
    }
    root.get_word("service_tier", &["auto", "standard_only"])?;
    root.get_word("speed", &["standard", "fast"])?;
    root.get_text("inference_geo")?;
    if let Some(servers) = root.get("mcp_servers") {
        for server in servers.items()? {
            server.need("type")?.word(&["url"])?;
            server.need_text("url")?;
            server.need_text("name")?;
        }
    }
    for key in ["context_management", "diagnostics"] {
        if let Some(field) = root.get(key) {
            field.object()?;
        }
    }
    match root.get("container") {
        Some(container) if !container.value().is_object() => container.text().map(|_| ()),
        _ => Ok(()),
    }
}
