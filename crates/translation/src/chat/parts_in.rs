//! Reads the parts of a chat message's content: text, pictures, recordings, files, refusals.

use std::borrow::Cow;

use flyball_core::json::Value;

use super::options::{child, object, text, wrong};
use crate::Untranslatable;
use crate::conversation::{Part, Source};
use crate::fields::Meaning;
use crate::gate::Gate;

/// Reads one part; `media` says whether it may be other than text where it stands.
pub(super) fn read<'d>(
    item: Value<'d>,
    path: impl Fn() -> String,
    media: bool,
    parts: &mut Vec<Part<'d>>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    object(item, &path)?;
    let kind = item.get("type").and_then(Value::text).unwrap_or_default();
    let content = match kind.as_ref() {
        "text" => "text",
        "image_url" if media => "image_url",
        "input_audio" if media => "input_audio",
        "file" if media => "file",
        "video_url" if media => {
            gate.pass(Meaning::VideoInput, path, item)?;
            return Ok(());
        }
        _ => return Err(gate.refusal(path())),
    };
    let Some(value) = only(item, content, &path, gate)? else {
        return Err(wrong(&format!("{}.{content}", path()), "is missing"));
    };
    let here = || format!("{}.{content}", path());
    match content {
        "text" => {
            let said = text(value, here)?;
            if gate.pass(Meaning::Text, here, value)? && !said.is_empty() {
                parts.push(Part::Text(said));
            }
        }
        "image_url" => parts.extend(image(value, here, gate)?),
        "input_audio" => parts.extend(audio(value, here, gate)?),
        _ => parts.extend(file(value, here, gate)?),
    }
    Ok(())
}

/// Reads a part that is a refusal.
pub(super) fn refusal<'d>(
    item: Value<'d>,
    path: impl Fn() -> String,
    parts: &mut Vec<Part<'d>>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let value = only(item, "refusal", &path, gate)?;
    let here = || format!("{}.refusal", path());
    let value = value.ok_or_else(|| wrong(&here(), "is missing"))?;
    let said = text(value, here)?;
    if gate.pass(Meaning::RefusalText, here, value)? && !said.is_empty() {
        parts.push(Part::Refusal(said));
    }
    Ok(())
}

/// The member of a part that is its content; beside it there may be hints.
fn only<'d>(
    item: Value<'d>,
    name: &str,
    path: &impl Fn() -> String,
    gate: &mut Gate,
) -> Result<Option<Value<'d>>, Untranslatable> {
    let mut content = None;
    for (key, value) in item.members() {
        let here = || child(&path(), key);
        match key.name().as_ref() {
            _ if value.is_null() => {}
            b"type" => {}
            b"cache_control" | b"prompt_cache_breakpoint" => {
                gate.pass(Meaning::CacheHint, here, value)?;
            }
            other if other == name.as_bytes() => content = Some(value),
            _ => gate.unknown(here(), value)?,
        }
    }
    Ok(content)
}

fn image<'d>(
    value: Value<'d>,
    path: impl Fn() -> String,
    gate: &mut Gate,
) -> Result<Option<Part<'d>>, Untranslatable> {
    object(value, &path)?;
    let (mut url, mut detail) = (None, None);
    for (key, value) in value.members() {
        let here = || child(&path(), key);
        match key.name().as_ref() {
            _ if value.is_null() => {}
            b"url" => url = Some((text(value, here)?, value)),
            b"detail" => {
                let wanted = text(value, here)?;
                if gate.pass(Meaning::ImageDetail, here, value)? {
                    detail = Some(wanted);
                }
            }
            _ => gate.unknown(here(), value)?,
        }
    }
    let here = || format!("{}.url", path());
    let (url, value) = url.ok_or_else(|| wrong(&here(), "is missing"))?;
    let (meaning, source) = match data(&url, &here)? {
        Some(source) => (Meaning::Image, source),
        None => (Meaning::ImageLink, Source::Link(url)),
    };
    Ok(gate.pass(meaning, here, value)?.then_some(Part::Image { source, detail }))
}

fn audio<'d>(
    value: Value<'d>,
    path: impl Fn() -> String,
    gate: &mut Gate,
) -> Result<Option<Part<'d>>, Untranslatable> {
    object(value, &path)?;
    let (mut data, mut format) = (None, None);
    for (key, value) in value.members() {
        let here = || child(&path(), key);
        match key.name().as_ref() {
            b"data" => data = Some(text(value, here)?),
            b"format" => format = Some(text(value, here)?),
            _ => gate.unknown(here(), value)?,
        }
    }
    let data = data.ok_or_else(|| wrong(&format!("{}.data", path()), "is missing"))?;
    let format = format.ok_or_else(|| wrong(&format!("{}.format", path()), "is missing"))?;
    Ok(gate.pass(Meaning::AudioInput, path, value)?.then_some(Part::Audio { format, data }))
}

fn file<'d>(
    value: Value<'d>,
    path: impl Fn() -> String,
    gate: &mut Gate,
) -> Result<Option<Part<'d>>, Untranslatable> {
    object(value, &path)?;
    let (mut bytes, mut name) = (None, None);
    for (key, value) in value.members() {
        let here = || child(&path(), key);
        match key.name().as_ref() {
            _ if value.is_null() => {}
            b"file_data" => bytes = Some((text(value, here)?, value)),
            b"filename" => name = Some(text(value, here)?),
            b"file_id" => {
                gate.pass(Meaning::FileId, here, value)?;
            }
            _ => gate.unknown(here(), value)?,
        }
    }
    let here = || format!("{}.file_data", path());
    let (bytes, value) = bytes.ok_or_else(|| wrong(&here(), "is missing"))?;
    let source = data(&bytes, &here)?.ok_or_else(|| wrong(&here(), "must be a data: address in base64"))?;
    Ok(gate.pass(Meaning::Document, here, value)?.then_some(Part::Document { source, name }))
}

/// What a `data:` address holds (RFC 2397); none when it is another one.
fn data<'d>(url: &Cow<'d, str>, path: &impl Fn() -> String) -> Result<Option<Source<'d>>, Untranslatable> {
    let is_data = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    if !is_data {
        return Ok(None);
    }
    let halves = url.get(5..).and_then(|rest| rest.split_once(";base64,"));
    let Some((media_type, data)) = halves.filter(|(media_type, _)| !media_type.is_empty()) else {
        return Err(wrong(&path(), "must be a data: address in base64"));
    };
    let (start, end) = (5, 5 + media_type.len());
    let (media_type, data) = match url {
        Cow::Borrowed(url) => {
            (Cow::Borrowed(url.get(start..end).unwrap_or_default()), url.get(end + 8..).map(Cow::Borrowed))
        }
        Cow::Owned(_) => (Cow::Owned(media_type.to_owned()), Some(Cow::Owned(data.to_owned()))),
    };
    Ok(Some(Source::Bytes { media_type, data: data.unwrap_or_default() }))
}
