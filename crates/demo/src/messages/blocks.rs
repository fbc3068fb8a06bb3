//! Single blocks of content: what the vendor lets them hold, and the chat part that they become.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::content::{check_cache, text_part};
use crate::strict::{Breach, Field};

const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// The text of a text block.
pub(super) fn text<'v>(block: &Field<'_, 'v>) -> Result<&'v str, Breach> {
    block.only(&["type", "text", "cache_control", "citations"])?;
    let text = block.need("text")?;
    match text.text()? {
        "" => Err(text.wrong("text content blocks must be non-empty")),
        words if words.trim().is_empty() => {
            Err(text.wrong("text content blocks must contain non-whitespace text"))
        }
        words => Ok(words),
    }
}

/// A block that a user may send, other than a tool's result.
pub(super) fn of_user(block: &Field<'_, '_>) -> Result<Value, Breach> {
    match block.need_text("type")? {
        "text" => text(block).map(text_part),
        "image" => image(block),
        "document" => document(block),
        "search_result" => {
            block.need_text("source")?;
            block.need_text("title")?;
            texts(&block.need("content")?)?;
            Ok(json!({"type": "file"}))
        }
        "container_upload" => {
            block.need_text("file_id")?;
            Ok(json!({"type": "file"}))
        }
        kind => Err(unknown(block, kind)),
    }
}

/// Checks that no text of a block cites anything, be it the block itself or what a search result holds.
pub(super) fn without_citations(block: &Field<'_, '_>) -> Result<(), Breach> {
    if block.value().get("type").is_some_and(|kind| kind == "text")
        && let Some(citations) = block.get("citations")
        && citations.items()?.next().is_some()
    {
        return Err(citations.wrong("citations are not permitted on `text` blocks of a `user` message"));
    }
    if let Some(content) = block.get("content").filter(|content| content.value().is_array()) {
        for inner in content.items()? {
            without_citations(&inner)?;
        }
    }
    Ok(())
}

/// The parts of a tool's result.
pub(super) fn result(block: &Field<'_, '_>) -> Result<Vec<Value>, Breach> {
    block.only(&["type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"])?;
    block.get_flag("is_error")?;
    let Some(content) = block.get("content") else { return Ok(vec![text_part("")]) };
    if content.value().is_string() {
        return Ok(vec![text_part(content.text()?)]);
    }
    let mut parts = Vec::new();
    for inner in content.items()? {
        inner.object()?;
        if let Some(cache) = inner.get("cache_control") {
            check_cache(&cache)?;
        }
        parts.push(match inner.need_text("type")? {
            "text" | "image" | "document" | "search_result" => of_user(&inner)?,
            "tool_reference" => text_part(inner.need_text("tool_name")?),
            kind => return Err(unknown(&inner, kind)),
        });
    }
    Ok(parts)
}

/// There is no block of this kind here.
pub(super) fn unknown(block: &Field<'_, '_>, kind: &str) -> Breach {
    block.wrong(format!("Input tag '{kind}' found using 'type' does not match any of the expected tags"))
}

fn image(block: &Field<'_, '_>) -> Result<Value, Breach> {
    block.only(&["type", "source", "cache_control"])?;
    let source = block.need("source")?;
    source.object()?;
    match source.need("type")?.word(&["base64", "url", "file"])? {
        "base64" => encoded(&source, &IMAGES)?,
        "url" => link(&source)?,
        _ => file(&source)?,
    }
    Ok(json!({"type": "image_url"}))
}

fn document(block: &Field<'_, '_>) -> Result<Value, Breach> {
    block.only(&["type", "source", "title", "context", "citations", "cache_control"])?;
    block.get_text("title")?;
    block.get_text("context")?;
    if let Some(citations) = block.get("citations") {
        citations.only(&["enabled"])?;
        citations.get_flag("enabled")?;
    }
    let source = block.need("source")?;
    source.object()?;
    match source.need("type")?.word(&["base64", "text", "content", "url", "file"])? {
        "base64" => encoded(&source, &["application/pdf"])?,
        "text" => {
            source.only(&["type", "media_type", "data"])?;
            source.need("media_type")?.word(&["text/plain"])?;
            source.need_text("data")?;
        }
        "content" => {
            let content = source.need("content")?;
            if content.value().is_string() {
                content.text()?;
            } else {
                texts(&content)?;
            }
        }
        "url" => link(&source)?,
        _ => file(&source)?,
    }
    Ok(json!({"type": "file"}))
}

fn encoded(source: &Field<'_, '_>, types: &[&str]) -> Result<(), Breach> {
    source.only(&["type", "media_type", "data"])?;
    source.need("media_type")?.word(types)?;
    let data = source.need("data")?;
    match BASE64_STANDARD.decode(data.text()?) {
        Ok(bytes) if !bytes.is_empty() => Ok(()),
        Ok(_) => Err(data.wrong("cannot be empty")),
        Err(_) => Err(data.wrong("invalid base64 data")),
    }
}

fn link(source: &Field<'_, '_>) -> Result<(), Breach> {
    source.only(&["type", "url"])?;
    let url = source.need("url")?;
    if url.text()?.starts_with("https://") || url.text()?.starts_with("http://") {
        return Ok(());
    }
    Err(url.wrong("Only HTTP and HTTPS URLs are supported"))
}

fn file(source: &Field<'_, '_>) -> Result<(), Breach> {
    source.only(&["type", "file_id"])?;
    source.need_text("file_id").map(|_| ())
}

/// Checks blocks that may only be texts and images.
fn texts(field: &Field<'_, '_>) -> Result<(), Breach> {
    for block in field.items()? {
        match block.need_text("type")? {
            "text" => text(&block).map(|_| ())?,
            "image" => image(&block).map(|_| ())?,
            kind => return Err(unknown(&block, kind)),
        }
    }
    Ok(())
}
