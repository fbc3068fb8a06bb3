//! The parts of a message or of a tool's output: what the vendor lets them hold, and the chat parts they become.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::strict::{Breach, Field};

/// The parts that somebody gives to the model.
pub(super) fn given(field: &Field<'_, '_>) -> Result<Value, Breach> {
    let mut parts = Vec::new();
    for part in field.items()? {
        part.object()?;
        let kind = part.need("type")?;
        parts.push(match kind.text()? {
            "input_text" => {
                part.only(&["type", "text", "prompt_cache_breakpoint"])?;
                json!({"type": "text", "text": part.need_text("text")?})
            }
            "input_image" => image(&part)?,
            "input_file" => file(&part)?,
            _ => return Err(unsupported(&kind, "'input_text', 'input_image' and 'input_file'")),
        });
    }
    Ok(Value::Array(parts))
}

/// The parts that the model said before.
pub(super) fn said(field: &Field<'_, '_>) -> Result<Value, Breach> {
    let mut parts = Vec::new();
    for part in field.items()? {
        part.object()?;
        let kind = part.need("type")?;
        parts.push(match kind.text()? {
            "output_text" => {
                part.only(&["type", "text", "annotations", "logprobs"])?;
                json!({"type": "text", "text": part.need_text("text")?})
            }
            "refusal" => {
                part.only(&["type", "refusal"])?;
                json!({"type": "refusal", "refusal": part.need_text("refusal")?})
            }
            _ => return Err(unsupported(&kind, "'output_text' and 'refusal'")),
        });
    }
    Ok(Value::Array(parts))
}

fn image(part: &Field<'_, '_>) -> Result<Value, Breach> {
    part.only(&["type", "image_url", "file_id", "detail", "prompt_cache_breakpoint"])?;
    part.get_word("detail", &["low", "high", "auto", "original"])?;
    match (part.get("image_url"), part.get("file_id")) {
        (Some(url), None) => {
            // What chat wraps into an object is a string here.
            let text = url.text()?;
            let linked = text.starts_with("https://") || text.starts_with("http://");
            if !linked && !is_data_url(text, "image/") {
                return Err(url.wrong("expected a valid URL or a data URL with a base64 image"));
            }
        }
        (None, Some(id)) => {
            id.text()?;
        }
        (None, None) => return Err(part.missing("image_url")),
        (Some(_), Some(id)) => return Err(id.wrong("mutually exclusive with 'image_url'")),
    }
    Ok(json!({"type": "image_url"}))
}

fn file(part: &Field<'_, '_>) -> Result<Value, Breach> {
    part.only(&[
        "type",
        "file_data",
        "file_id",
        "file_url",
        "filename",
        "detail",
        "prompt_cache_breakpoint",
    ])?;
    part.get_text("filename")?;
    let given: Vec<_> =
        ["file_data", "file_id", "file_url"].into_iter().filter_map(|key| part.get(key)).collect();
    match given.as_slice() {
        [] => return Err(part.missing("file_id")),
        [one] => {
            one.text()?;
        }
        [_, other, ..] => return Err(other.wrong("only one source of a file may be given")),
    }
    if let Some(data) = part.get("file_data") {
        part.need("filename")?;
        if !is_data_url(data.text()?, "") {
            return Err(data.wrong("expected a base64-encoded data URL"));
        }
    }
    Ok(json!({"type": "file"}))
}

/// Whether this is a data URL (RFC 2397) of that type with base64 content.
fn is_data_url(text: &str, media: &str) -> bool {
    let content = text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    content.is_some_and(|(kind, data)| {
        kind.starts_with(media) && !data.is_empty() && BASE64_STANDARD.decode(data).is_ok()
    })
}

fn unsupported(kind: &Field<'_, '_>, supported: &str) -> Breach {
    kind.wrong(format!("invalid value. Supported values are: {supported}"))
}
