//! Reading the content of messages and of tool results: texts, and media by their bytes or addresses.

use std::borrow::Cow;

use flyball_core::json::Value;

use super::shape::{Path, items, object, text};
use crate::conversation::{Part, Source};
use crate::fields::Meaning;
use crate::gate::{Gate, Untranslatable};

/// Where content stands, which says what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In instructions: texts only.
    Instructions,
    /// In what the other side says.
    User,
    /// In an earlier answer.
    Answer,
    /// In what a tool gave back.
    ToolResult,
}

/// A text, or an array of parts.
pub(super) fn read<'d>(
    value: Value<'d>,
    path: Path<'_>,
    place: Place,
    gate: &mut Gate,
) -> Result<Vec<Part<'d>>, Untranslatable> {
    if let Some(said) = value.text() {
        let passes = gate.pass(Meaning::Text, path, value)?;
        return Ok(passes.then_some(Part::Text(said)).into_iter().collect());
    }
    let mut parts = Vec::new();
    for (index, value) in items(value, path)? {
        parts.extend(part(value, &|| format!("{}[{index}]", path()), place, gate)?);
    }
    Ok(parts)
}

fn part<'d>(
    value: Value<'d>,
    path: Path<'_>,
    place: Place,
    gate: &mut Gate,
) -> Result<Option<Part<'d>>, Untranslatable> {
    let kind = value.get("type").and_then(Value::text).unwrap_or_default();
    match (kind.as_ref(), place) {
        ("input_text" | "output_text", _) => said(value, "text", Meaning::Text, path, gate),
        ("refusal", Place::Answer) => said(value, "refusal", Meaning::RefusalText, path, gate),
        ("input_image", Place::User | Place::ToolResult) => image(value, path, place, gate),
        ("input_file", Place::User | Place::ToolResult) => file(value, path, place, gate),
        ("input_audio", Place::User) => audio(value, path, gate),
        _ => Err(gate.refusal(path())),
    }
}

/// Text or a refusal's text, in the member of this name.
fn said<'d>(
    value: Value<'d>,
    name: &str,
    meaning: Meaning,
    path: Path<'_>,
    gate: &mut Gate,
) -> Result<Option<Part<'d>>, Untranslatable> {
    let mut words = None;
    for (key, value) in value.members() {
        let member = key.text().unwrap_or_default();
        let path = || format!("{}.{member}", path());
        match member.as_ref() {
            "type" => {}
            member if member == name => words = Some((text(value, &path)?, value)),
            "prompt_cache_breakpoint" => hint(value, &path, gate),
            "annotations" if meaning == Meaning::Text => {
                if value.items().next().is_some() && gate.pass(Meaning::Citations, path, value)? {
                    // Other dialects' citations are of their own kinds.
                    gate.drop(path());
                }
            }
            // What an earlier answer told of its text; no model reads it.
            "logprobs" if meaning == Meaning::Text => {
                if value.items().next().is_some() {
                    gate.drop(path());
                }
            }
            _ => gate.unknown(path(), value)?,
        }
    }
    let at = || format!("{}.{name}", path());
    let (words, value) = words.ok_or_else(|| Untranslatable::new(at(), "is missing"))?;
    let part = if meaning == Meaning::Text { Part::Text(words) } else { Part::Refusal(words) };
    Ok(gate.pass(meaning, at, value)?.then_some(part))
}

fn image<'d>(
    value: Value<'d>,
    path: Path<'_>,
    place: Place,
    gate: &mut Gate,
) -> Result<Option<Part<'d>>, Untranslatable> {
    let (mut link, mut detail) = (None, None);
    for (key, value) in value.members().filter(|(_, value)| !value.is_null()) {
        let member = key.text().unwrap_or_default();
        let path = || format!("{}.{member}", path());
        match member.as_ref() {
            "type" => {}
            "image_url" => link = Some((text(value, &path)?, value)),
            "file_id" => return Err(kept(value, &path, gate)),
            "detail" => {
                if gate.pass(Meaning::ImageDetail, path, value)? {
                    detail = Some(text(value, &path)?);
                }
            }
            "prompt_cache_breakpoint" => hint(value, &path, gate),
            _ => gate.unknown(path(), value)?,
        }
    }
    let at = || format!("{}.image_url", path());
    let (link, value) = link.ok_or_else(|| Untranslatable::new(at(), "is missing"))?;
    let source = source(link).ok_or_else(|| Untranslatable::new(at(), UNREADABLE))?;
    let meaning = if matches!(source, Source::Link(_)) { Meaning::ImageLink } else { Meaning::Image };
    let passes = medium(meaning, place, (path, "image_url"), value, gate)?;
    Ok(passes.then_some(Part::Image { source, detail }))
}

fn file<'d>(
    value: Value<'d>,
    path: Path<'_>,
    place: Place,
    gate: &mut Gate,
) -> Result<Option<Part<'d>>, Untranslatable> {
    let (mut data, mut link, mut name) = (None, None, None);
    for (key, value) in value.members().filter(|(_, value)| !value.is_null()) {
        let member = key.text().unwrap_or_default();
        let path = || format!("{}.{member}", path());
        match member.as_ref() {
            "type" => {}
            "file_data" => data = Some((text(value, &path)?, value)),
            "file_url" => link = Some((text(value, &path)?, value)),
            "filename" => name = Some(text(value, &path)?),
            "file_id" => return Err(kept(value, &path, gate)),
            // How closely to look at pages: no other dialect has it of documents.
            "detail" | "prompt_cache_breakpoint" => hint(value, &path, gate),
            _ => gate.unknown(path(), value)?,
        }
    }
    let (member, meaning, source, value) = match (data, link) {
        (Some((data, value)), None) => {
            let bytes = source(data).filter(|source| matches!(source, Source::Bytes { .. }));
            let source = bytes.ok_or_else(|| {
                Untranslatable::new(format!("{}.file_data", path()), "must be a data URL with base64")
            })?;
            ("file_data", Meaning::Document, source, value)
        }
        (None, Some((link, value))) => ("file_url", Meaning::DocumentLink, Source::Link(link), value),
        _ => return Err(Untranslatable::new(path(), "must have either 'file_data' or 'file_url'")),
    };
    let passes = medium(meaning, place, (path, member), value, gate)?;
    Ok(passes.then_some(Part::Document { source, name }))
}

fn audio<'d>(value: Value<'d>, path: Path<'_>, gate: &mut Gate) -> Result<Option<Part<'d>>, Untranslatable> {
    for (key, value) in value.members() {
        let member = key.text().unwrap_or_default();
        match member.as_ref() {
            "type" | "input_audio" => {}
            "prompt_cache_breakpoint" => hint(value, &|| format!("{}.{member}", path()), gate),
            _ => gate.unknown(format!("{}.{member}", path()), value)?,
        }
    }
    let at = || format!("{}.input_audio", path());
    let recording = value.get("input_audio").ok_or_else(|| Untranslatable::new(at(), "is missing"))?;
    let recording = object(recording, &at)?;
    for (key, value) in recording.members() {
        let member = key.text().unwrap_or_default();
        if !matches!(member.as_ref(), "data" | "format") {
            gate.unknown(format!("{}.{member}", at()), value)?;
        }
    }
    let (Some(format), Some(data)) =
        (recording.get("format").and_then(Value::text), recording.get("data").and_then(Value::text))
    else {
        return Err(Untranslatable::new(at(), "must have 'format' and 'data'"));
    };
    Ok(gate.pass(Meaning::AudioInput, at, recording)?.then_some(Part::Audio { format, data }))
}

/// Whether a medium, in this member of a part, passes where it stands.
fn medium(
    meaning: Meaning,
    place: Place,
    (path, member): (Path<'_>, &str),
    value: Value<'_>,
    gate: &mut Gate,
) -> Result<bool, Untranslatable> {
    if !gate.pass(meaning, || format!("{}.{member}", path()), value)? {
        return Ok(false);
    }
    Ok(place != Place::ToolResult || gate.pass(Meaning::ToolResultMedia, path, value)?)
}

/// The refusal of a file that the vendor keeps.
fn kept(value: Value<'_>, path: Path<'_>, gate: &mut Gate) -> Untranslatable {
    match gate.pass(Meaning::FileId, path, value) {
        // Without it nothing is left of the part.
        Ok(_) => gate.refusal(path()),
        Err(refusal) => refusal,
    }
}

/// Something of this dialect alone that changes no meaning.
fn hint(value: Value<'_>, path: Path<'_>, gate: &mut Gate) {
    if !value.is_null() {
        gate.drop(path());
    }
}

const UNREADABLE: &str = "must be an http or https address or a data URL with base64";

/// What an address stands for: bytes in a data URL (RFC 2397) with base64, or something to fetch.
pub(super) fn source(address: Cow<'_, str>) -> Option<Source<'_>> {
    let begins =
        |scheme: &str| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if begins("http://") || begins("https://") {
        return Some(Source::Link(address));
    }
    if !begins("data:") {
        return None;
    }
    let comma = address.find(',')?;
    let media_type = address.get("data:".len()..comma)?.strip_suffix(";base64")?;
    // Parameters do not matter to bytes.
    let end = "data:".len() + media_type.find(';').unwrap_or(media_type.len());
    let (media_type, data) = match address {
        Cow::Borrowed(whole) => (whole.get("data:".len()..end)?.into(), whole.get(comma + 1..)?.into()),
        Cow::Owned(whole) => {
            (whole.get("data:".len()..end)?.to_owned().into(), whole.get(comma + 1..)?.to_owned().into())
        }
    };
    Some(Source::Bytes { media_type, data })
}
