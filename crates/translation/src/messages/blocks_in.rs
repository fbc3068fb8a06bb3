//! Blocks of content in a caller's messages, read.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use flyball_core::json::{NodeKind, Value};

use crate::Untranslatable;
use crate::conversation::{Part, Source, ToolCall, ToolResult};
use crate::fields::Meaning;
use crate::gate::Gate;

/// The ids of the calls of tools so far.
pub(super) type Calls<'d> = HashSet<Cow<'d, str>>;

/// Where a list of blocks stands, and which of them is meant. Made into text only where it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    content: &'a str,
    block: Option<usize>,
    /// Of a tool's result.
    inner: Option<usize>,
}

impl<'a> At<'a> {
    /// The content as a whole, as `messages[1].content`.
    pub(super) fn content(content: &'a str) -> Self {
        At { content, block: None, inner: None }
    }

    fn block(self, index: usize) -> Self {
        match self.block {
            None => At { block: Some(index), ..self },
            Some(_) => At { inner: Some(index), ..self },
        }
    }

    fn member(self, name: &str) -> String {
        format!("{self}.{name}")
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.content)?;
        if let Some(block) = self.block {
            write!(f, "[{block}]")?;
        }
        if let Some(inner) = self.inner {
            write!(f, ".content[{inner}]")?;
        }
        Ok(())
    }
}

/// Content that is a text or a list of blocks.
pub(super) fn content<'d>(
    content: Value<'d>,
    at: &At<'_>,
    calls: &mut Calls<'d>,
    gate: &mut Gate,
) -> Result<Vec<Part<'d>>, Untranslatable> {
    let mut parts = Vec::new();
    if let Some(text) = content.text() {
        if gate.pass(Meaning::Text, || at.to_string(), content)? {
            parts.push(Part::Text(text));
        }
        return Ok(parts);
    }
    for (index, item) in blocks(content, at)?.enumerate() {
        block(item, at.block(index), calls, &mut parts, gate)?;
    }
    Ok(parts)
}

/// Content that may only be texts: of the system, and of turns of its.
pub(super) fn texts<'d>(
    content: Value<'d>,
    holder: &str,
    gate: &mut Gate,
) -> Result<Vec<Cow<'d, str>>, Untranslatable> {
    let at = At::content(holder);
    if let Some(text) = content.text() {
        return Ok(vec![text]);
    }
    let mut texts = Vec::new();
    for (index, item) in blocks(content, &at)?.enumerate() {
        let at = at.block(index);
        if !item.get("type").is_some_and(|kind| kind.is_text("text")) {
            return Err(gate.refusal(at.to_string()));
        }
        rest(item, at, &["type", "text"], gate)?;
        texts.push(text(item, "text", at)?);
    }
    Ok(texts)
}

fn blocks<'d>(
    content: Value<'d>,
    at: &At<'_>,
) -> Result<impl Iterator<Item = Value<'d>> + use<'d>, Untranslatable> {
    if content.kind() != NodeKind::Array || content.holds_scalars() {
        return Err(Untranslatable::new(at.to_string(), "is neither a text nor a list of blocks"));
    }
    Ok(content.items())
}

fn block<'d>(
    block: Value<'d>,
    at: At<'_>,
    calls: &mut Calls<'d>,
    parts: &mut Vec<Part<'d>>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let here = || at.to_string();
    let kind = text(block, "type", at)?;
    match kind.as_ref() {
        "text" => {
            rest(block, at, &["type", "text"], gate)?;
            if gate.pass(Meaning::Text, here, block)? {
                parts.push(Part::Text(text(block, "text", at)?));
            }
        }
        "image" => {
            rest(block, at, &["type", "source"], gate)?;
            if let Some(source) = source(block, at, (Meaning::Image, Meaning::ImageLink), gate)? {
                parts.push(Part::Image { source, detail: None });
            }
        }
        "document" => document(block, at, parts, gate)?,
        "tool_use" => tool_use(block, at, calls, parts, gate)?,
        "tool_result" if at.inner.is_none() => tool_result(block, at, calls, parts, gate)?,
        "thinking" => {
            rest(block, at, &["type", "thinking", "signature"], gate)?;
            let signed = block.get("signature").and_then(Value::text).is_some_and(|text| !text.is_empty());
            let meaning = if signed { Meaning::SignedReasoning } else { Meaning::Reasoning };
            // What is signed is its vendor's, whatever another could carry of it.
            match gate.pass(meaning, here, block)? {
                true if signed => gate.drop(here()),
                true => parts.push(Part::Reasoning(text(block, "thinking", at)?)),
                false => {}
            }
        }
        "redacted_thinking" => {
            if gate.pass(Meaning::SignedReasoning, here, block)? {
                gate.drop(here());
            }
        }
        _ => return Err(gate.refusal(here())),
    }
    Ok(())
}

fn document<'d>(
    block: Value<'d>,
    at: At<'_>,
    parts: &mut Vec<Part<'d>>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    rest(block, at, &["type", "source", "title", "context"], gate)?;
    // What is said about the document is said before it: no other dialect has a place for it.
    if let Some(context) = block.get("context")
        && gate.pass(Meaning::Text, || at.member("context"), context)?
    {
        parts.push(Part::Text(text(block, "context", at)?));
    }
    if let Some(source) = source(block, at, (Meaning::Document, Meaning::DocumentLink), gate)? {
        let name = block.get("title").map(|_| text(block, "title", at)).transpose()?;
        parts.push(Part::Document { source, name });
    }
    Ok(())
}

/// Where the bytes of a picture or document are; none when it is left out.
fn source<'d>(
    block: Value<'d>,
    at: At<'_>,
    (bytes, link): (Meaning, Meaning),
    gate: &mut Gate,
) -> Result<Option<Source<'d>>, Untranslatable> {
    let path = || at.member("source");
    let source = block.get("source").ok_or_else(|| Untranslatable::new(path(), "is missing"))?;
    let kind = text(source, "type", at)?;
    let inner = |name| {
        source.get(name).and_then(Value::text).ok_or_else(|| Untranslatable::new(path(), "is incomplete"))
    };
    if at.inner.is_some() && !gate.pass(Meaning::ToolResultMedia, path, source)? {
        return Ok(None);
    }
    let (known, source): (&[&str], _) = match kind.as_ref() {
        "base64" => {
            let here = Source::Bytes { media_type: inner("media_type")?, data: inner("data")? };
            (&["type", "media_type", "data"], gate.pass(bytes, path, source)?.then_some(here))
        }
        "text" => {
            let here = Source::Text(inner("data")?);
            (&["type", "media_type", "data"], gate.pass(bytes, path, source)?.then_some(here))
        }
        "content" => {
            let here = Source::Text(inner("content")?);
            (&["type", "content"], gate.pass(bytes, path, source)?.then_some(here))
        }
        "url" => {
            let there = Source::Link(inner("url")?);
            (&["type", "url"], gate.pass(link, || at.member("source.url"), source)?.then_some(there))
        }
        "file" => {
            // An id means nothing to another vendor, whatever its own ids are called.
            if gate.pass(Meaning::FileId, || at.member("source.file_id"), source)? {
                return Err(gate.refusal(at.member("source.file_id")));
            }
            return Ok(None);
        }
        _ => return Err(gate.refusal(path())),
    };
    let holder = block.get("source").into_iter().flat_map(Value::members);
    for (key, value) in holder {
        let name = key.text().unwrap_or_default();
        if !known.contains(&name.as_ref()) {
            gate.unknown(format!("{}.{name}", path()), value)?;
        }
    }
    Ok(source)
}

fn tool_use<'d>(
    block: Value<'d>,
    at: At<'_>,
    calls: &mut Calls<'d>,
    parts: &mut Vec<Part<'d>>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    rest(block, at, &["type", "id", "name", "input"], gate)?;
    let (id, name) = (text(block, "id", at)?, text(block, "name", at)?);
    let input = block.get("input").filter(|input| input.kind() == NodeKind::Object);
    let input = input.ok_or_else(|| Untranslatable::new(at.member("input"), "is not an object"))?;
    calls.insert(id.clone());
    if gate.pass(Meaning::ToolCall, || at.to_string(), block)? {
        parts.push(Part::ToolCall(ToolCall { id, name, arguments: Cow::Borrowed(input.raw()) }));
    }
    Ok(())
}

fn tool_result<'d>(
    block: Value<'d>,
    at: At<'_>,
    calls: &mut Calls<'d>,
    parts: &mut Vec<Part<'d>>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    rest(block, at, &["type", "tool_use_id", "content", "is_error"], gate)?;
    let id = text(block, "tool_use_id", at)?;
    if !calls.contains(&id) {
        return Err(Untranslatable::new(at.member("tool_use_id"), "names no call of a tool before it"));
    }
    let error = match block.get("is_error") {
        Some(flag) => match flag.boolean() {
            Some(true) => gate.pass(Meaning::ToolResultError, || at.member("is_error"), flag)?,
            Some(false) => false,
            None => return Err(Untranslatable::new(at.member("is_error"), "is neither true nor false")),
        },
        None => false,
    };
    if !gate.pass(Meaning::ToolResult, || at.to_string(), block)? {
        return Ok(());
    }
    let said = match block.get("content") {
        Some(said) if said.text().is_some() => vec![Part::Text(text(block, "content", at)?)],
        Some(said) => {
            let mut inner = Vec::new();
            for (index, item) in blocks(said, &at)?.enumerate() {
                let at = at.block(index);
                let kind = text(item, "type", at)?;
                if !matches!(kind.as_ref(), "text" | "image" | "document") {
                    return Err(gate.refusal(at.to_string()));
                }
                self::block(item, at, calls, &mut inner, gate)?;
            }
            inner
        }
        None => Vec::new(),
    };
    parts.push(Part::ToolResult(ToolResult { id, parts: said, error }));
    Ok(())
}

/// Members of a block beside those that are dealt with.
fn rest(block: Value<'_>, at: At<'_>, dealt: &[&str], gate: &mut Gate) -> Result<(), Untranslatable> {
    for (key, value) in block.members() {
        let name = key.text().unwrap_or_default();
        if value.is_null() || dealt.contains(&name.as_ref()) {
            continue;
        }
        let path = || at.member(&name);
        match name.as_ref() {
            "cache_control" => gate.pass(Meaning::CacheHint, path, value)?,
            // Whether documents may be cited, or what an earlier answer cited.
            "citations" if value.get("enabled").and_then(Value::boolean) == Some(false) => true,
            "citations" => gate.pass(Meaning::Citations, path, value)?,
            "transformations" => gate.pass(Meaning::Truncation, path, value)?,
            // Called by the model itself, as everywhere.
            "caller" if value.get("type").is_some_and(|kind| kind.is_text("direct")) => true,
            "caller" | "toolset_name" => gate.pass(Meaning::ServerTools, path, value)?,
            _ => {
                gate.unknown(path(), value)?;
                true
            }
        };
    }
    Ok(())
}

fn text<'d>(block: Value<'d>, name: &str, at: At<'_>) -> Result<Cow<'d, str>, Untranslatable> {
    let text = block.get(name).and_then(Value::text);
    text.ok_or_else(|| Untranslatable::new(at.member(name), "is not a text"))
}
