//! The body of a `generateContent`, read as Google reads it, as the chat that it means.

use serde_json::{Map, Value};

use super::fields::Fields;
use super::refused::Refused;
use super::{config, tools, turns};
use crate::thought::Thought;

const KNOWN: [&str; 10] = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "labels",
    "model",
    "serviceTier",
];

/// A checked request.
#[derive(Debug)]
pub(super) struct Request {
    /// The members of a chat completion's body.
    pub(super) chat: Value,
    /// What the model thinks of it, where the caller wants to see that and left tokens to answer with.
    pub(super) thought: Option<Thought>,
}

/// Reads a body.
pub(super) fn parse(body: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(body).map_err(|_| {
        Refused::invalid("Invalid JSON payload received. It is not a JSON document that can be read.")
    })
}

impl Request {
    /// Checks a body.
    pub(super) fn read(body: &Value) -> Result<Self, Refused> {
        let fields = Fields::read(body, "", &KNOWN)?;
        let mut chat = Map::new();
        let mut messages = Vec::new();
        if let Some(system) = fields.get("systemInstruction") {
            messages.push(turns::system(system, &fields.path("systemInstruction"))?);
        }
        messages.extend(turns::messages(fields.list("contents")?)?);
        tools::write(fields.list("tools")?, fields.get("toolConfig"), &mut chat)?;
        let shown = match fields.get("generationConfig") {
            Some(value) => config::write(value, &mut chat)?,
            None => false,
        };
        safety(&fields)?;
        fields.object("labels")?;
        if fields.text("cachedContent")?.is_some() {
            return Err(Refused::forbidden("CachedContent not found (or permission denied)"));
        }
        let thought = shown.then(|| Thought::of(prompt(&messages)));
        let thought = match chat.get("max_tokens").and_then(Value::as_u64) {
            // Thoughts count towards the limit; one that left nothing for the answer is not had.
            Some(most) => thought.filter(|thought| thought.tokens() < most),
            None => thought,
        };
        if let (Some(thought), Some(most)) = (&thought, chat.get_mut("max_tokens")) {
            *most = Value::from(most.as_u64().unwrap_or(0).saturating_sub(thought.tokens()));
        }
        chat.insert("messages".to_owned(), Value::Array(messages));
        Ok(Request { chat: Value::Object(chat), thought })
    }
}

fn safety(fields: &Fields<'_>) -> Result<(), Refused> {
    for (at, setting) in fields.list("safetySettings")?.iter().enumerate() {
        let path = format!("{}[{at}]", fields.path("safetySettings"));
        let setting = Fields::read(setting, &path, &["category", "threshold", "method"])?;
        for name in ["category", "threshold"] {
            if setting.text(name)?.is_none() {
                return Err(Refused::field(&setting.path(name), "required field is not set."));
            }
        }
    }
    Ok(())
}

/// The last text of the last user message.
fn prompt(messages: &[Value]) -> &str {
    let user = messages.iter().rev().find(|message| message.get("role").is_some_and(|role| role == "user"));
    let parts = user.and_then(|message| message.get("content")).and_then(Value::as_array);
    let mut texts = parts.into_iter().flatten().filter_map(|part| part.get("text").and_then(Value::as_str));
    texts.next_back().unwrap_or_default()
}
