//! The blocks of a message's content: which kinds there are and what each must hold.

use serde_json::{Value, json};

use super::refused::Refused;
use super::shape::Shape;
use crate::thought;

const KNOWN: [&str; 12] = [
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
];

const IMAGES: [&str; 4] = ["png", "jpeg", "gif", "webp"];
const DOCUMENTS: [&str; 9] = ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"];
const LONGEST_NAME: usize = 64;

/// One block.
#[derive(Debug)]
pub(super) enum Block<'v> {
    Text(String),
    Thought(&'v str),
    /// A picture, a document, a video or a sound, by its name in a chat's parts.
    Medium(&'static str),
    Use {
        id: &'v str,
        name: &'v str,
        input: String,
    },
    Result {
        id: &'v str,
        /// Parts of a chat's tool message.
        content: Vec<Value>,
    },
    /// A mark that says nothing.
    Nothing,
}

impl<'v> Block<'v> {
    /// Reads the block at `at`.
    pub(super) fn read(value: &'v Value, at: &str) -> Result<Self, Refused> {
        let block = Shape::read(value, at)?;
        let (kind, value) = block.union(&KNOWN)?;
        let path = block.path(kind);
        Ok(match kind {
            "text" => Block::Text(text(&block, at)?.to_owned()),
            "toolUse" => {
                let fields = Shape::read(value, &path)?;
                let id = identifier(&fields, "toolUseId", "_.:-")?;
                let name = identifier(&fields, "name", "_-")?;
                fields.required("input")?;
                let input = fields.object("input")?.cloned().unwrap_or_default();
                Block::Use { id, name, input: Value::Object(input).to_string() }
            }
            "toolResult" => result(value, &path)?,
            "reasoningContent" => reasoning(value, &path, at)?,
            "guardContent" => match Shape::read(value, &path)?.union(&["text", "image"])? {
                ("text", value) => {
                    let inner = Shape::read(value, &format!("{path}.text"))?;
                    Block::Text(inner.required_text("text")?.to_owned())
                }
                _ => Block::Medium("image_url"),
            },
            "citationsContent" | "searchResult" => {
                let fields = Shape::read(value, &path)?;
                let texts = fields.list("content")?.unwrap_or_default().iter();
                let texts: Vec<_> =
                    texts.filter_map(|entry| entry.get("text").and_then(Value::as_str)).collect();
                Block::Text(texts.concat())
            }
            "cachePoint" => {
                let fields = Shape::read(value, &path)?;
                fields.required("type")?;
                fields.option("type", &["default"])?;
                Block::Nothing
            }
            _ => Block::Medium(medium(kind, value, &path)?),
        })
    }
}

/// A text of a block, which must not be blank.
pub(super) fn text<'v>(block: &Shape<'v>, at: &str) -> Result<&'v str, Refused> {
    let text = block.text("text")?.unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Refused::invalid(format!(
            "The text field in the ContentBlock object at {at} is blank. Add text to the text field, and try again."
        )));
    }
    Ok(text)
}

/// A string of 1 to 64 letters, digits and `more`.
pub(super) fn identifier<'v>(fields: &Shape<'v>, name: &str, more: &str) -> Result<&'v str, Refused> {
    let text = fields.required_text(name)?;
    if text.len() > LONGEST_NAME {
        return Err(Refused::member(&fields.path(name), "have length less than or equal to 64"));
    }
    if text.chars().all(|character| character.is_ascii_alphanumeric() || more.contains(character)) {
        return Ok(text);
    }
    let constraint = format!("satisfy regular expression pattern: [a-zA-Z0-9{more}]+");
    Err(Refused::member(&fields.path(name), &constraint))
}

/// What a chat calls a medium.
fn medium(kind: &str, value: &Value, at: &str) -> Result<&'static str, Refused> {
    let fields = Shape::read(value, at)?;
    let sources: &[&'static str] = match kind {
        "document" => &["bytes", "s3Location", "text", "content"],
        _ => &["bytes", "s3Location"],
    };
    let name = match kind {
        "image" => {
            fields.required("format")?;
            fields.option("format", &IMAGES)?;
            "image_url"
        }
        "document" => {
            fields.option("format", &DOCUMENTS)?;
            document_name(&fields)?;
            "file"
        }
        kind => {
            fields.required_text("format")?;
            if kind == "video" { "video_url" } else { "input_audio" }
        }
    };
    let source = Shape::read(fields.required("source")?, &fields.path("source"))?;
    if source.union(sources)?.0 == "bytes" {
        source.blob("bytes")?;
    }
    Ok(name)
}

fn document_name(fields: &Shape<'_>) -> Result<(), Refused> {
    let name = fields.required_text("name")?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || " -()[]".contains(character);
    if name.len() > 200 || !name.chars().all(allowed) || name.contains("  ") {
        return Err(Refused::invalid(format!(
            "The document name at {} can only contain alphanumeric characters, whitespace characters, hyphens, \
             parentheses, and square brackets. The name can't contain more than one consecutive whitespace character.",
            fields.path("name")
        )));
    }
    Ok(())
}

fn result<'v>(value: &'v Value, at: &str) -> Result<Block<'v>, Refused> {
    let fields = Shape::read(value, at)?;
    let id = identifier(&fields, "toolUseId", "_.:-")?;
    fields.option("status", &["success", "error"])?;
    fields.required("content")?;
    let path = fields.path("content");
    let mut content = Vec::new();
    for (place, entry) in fields.list("content")?.unwrap_or_default().iter().enumerate() {
        let at = format!("{path}.{place}");
        let entry = Shape::read(entry, &at)?;
        let kinds = ["text", "json", "image", "document", "video", "searchResult"];
        content.push(match entry.union(&kinds)? {
            ("text", _) => json!({"type": "text", "text": entry.text("text")?}),
            ("json", value) => json!({"type": "text", "text": value.to_string()}),
            ("searchResult", value) => json!({"type": "text", "text": value.to_string()}),
            (kind, value) => json!({"type": medium(kind, value, &entry.path(kind))?}),
        });
    }
    Ok(Block::Result { id, content })
}

fn reasoning<'v>(value: &'v Value, path: &str, at: &str) -> Result<Block<'v>, Refused> {
    let fields = Shape::read(value, path)?;
    if fields.union(&["reasoningText", "redactedContent"])?.0 == "redactedContent" {
        fields.blob("redactedContent")?;
        return Ok(Block::Nothing);
    }
    let inner = fields.inner("reasoningText")?;
    let Some(inner) = inner else { return Ok(Block::Nothing) };
    inner.required("text")?;
    let text = inner.text("text")?.unwrap_or_default();
    match inner.text("signature")? {
        Some(signature) if !thought::signs(signature, text) => Err(Refused::invalid(format!(
            "The model returned the following errors: {at}: Invalid `signature` in `thinking` block"
        ))),
        _ => Ok(Block::Thought(text)),
    }
}
