//! One event of a streamed response: which pieces of text it carries, which fields they continue, what it repeats.
//!
//! Deltas grow the text of a part of an item; parts and items that are added begin it. What is done is told again,
//! whole: the part, the item, the response. A pure function of one event: it does not know what came before.

use std::hash::{DefaultHasher, Hash, Hasher};

use flyball_core::TextRole;
use flyball_core::json::{Document, NodeKind, Value};

use super::items::Items;
use crate::protocols::{Channel, Chunk, Field, Mark, Piece};

/// Set in the number of a part that is a summary: items number those on their own.
const SUMMARY: u32 = 1 << 15;

/// Reads an event; none when it is not one.
pub fn read(document: &Document) -> Option<Chunk> {
    let root = document.root();
    if root.get("type").is_none() && root.get("error").is_some() {
        // As other endpoints of the vendor's report a fault.
        return Some(Chunk { error: true, ..Chunk::default() });
    }
    let kind = root.get("type")?.text()?;
    let mut reader = Reader {
        items: Items::new(document),
        chunk: Chunk::default(),
        item: index(root, &["output_index"])? << 16,
        part: 0,
    };
    reader.part = reader.item | index(root, &["content_index", "command_index"])?;
    if root.get("summary_index").is_some() {
        reader.part = reader.item | SUMMARY | index(root, &["summary_index"])?;
    }
    reader.items.fixed(root, &["type", "item_id"]);
    if let Some(padding) = root.get("obfuscation").filter(|padding| padding.kind() == NodeKind::String) {
        reader.items.reading.fixed(padding);
        reader.chunk.padding = Some(padding.id());
    }
    if kind.starts_with("response.") {
        reader.chunk.choices.push(0);
    }
    let repeats = reader.event(&kind, root);
    Some(reader.finish(root, repeats))
}

/// The first of these numbers that the event has, or zero. None where it is none that a part of an answer has.
fn index(root: Value<'_>, keys: &[&str]) -> Option<u32> {
    let Some(value) = keys.iter().find_map(|key| root.get(key)) else { return Some(0) };
    value.unsigned().and_then(|number| u32::try_from(number).ok()).filter(|number| *number < SUMMARY)
}

struct Reader {
    items: Items,
    chunk: Chunk,
    /// The number of the item's first part.
    item: u32,
    /// The number of the part.
    part: u32,
}

impl Reader {
    /// Reads what an event of this kind holds. Returns whether it is told again.
    fn event(&mut self, kind: &str, root: Value<'_>) -> bool {
        match kind {
            "error" => self.chunk.error = true,
            "response.output_item.added" => root.get("item").into_iter().for_each(|item| self.added(item)),
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                root.get("part").into_iter().for_each(|part| self.begun(self.part, part));
            }
            "response.shell_call_command.added" => {
                self.grow(self.part, Field::ToolInput, root.get("command"))
            }
            "response.audio.delta" => self.items.fixed(root, &["delta"]),
            "response.image_generation_call.partial_image" => {
                self.items
                    .fixed(root, &["partial_image_b64", "background", "output_format", "quality", "size"]);
            }
            "response.output_text.annotation.added" => {
                let annotation = root.get("annotation");
                annotation
                    .into_iter()
                    .for_each(|a| self.items.fixed(a, &["type", "file_id", "container_id"]));
            }
            _ => {
                if let Some(stem) = kind.strip_suffix(".delta") {
                    self.delta(stem, root);
                    return false;
                }
                return self.whole(kind, root);
            }
        }
        false
    }

    /// What grows a text.
    fn delta(&mut self, stem: &str, root: Value<'_>) {
        let field = match stem {
            "response.output_text" => Field::Content,
            "response.refusal" => Field::Refusal,
            "response.function_call_arguments" | "response.mcp_call_arguments" => Field::ToolArguments(0),
            "response.custom_tool_call_input"
            | "response.code_interpreter_call_code"
            | "response.shell_call_command" => Field::ToolInput,
            _ if stem.starts_with("response.reasoning_") => Field::Reasoning,
            _ => other(stem, ""),
        };
        self.grow(self.part, field, root.get("delta"));
        for (key, value) in root.get("delta").into_iter().flat_map(Value::members) {
            self.grow(self.part, other(stem, &key.text().unwrap_or_default()), Some(value));
        }
        for token in root.get("logprobs").into_iter().flat_map(Value::items) {
            self.grow(self.part, Field::LogProbs, token.get("token"));
        }
    }

    /// An item begins: what is in it already is continued by the deltas.
    fn added(&mut self, item: Value<'_>) {
        if let Some(name) = item.get("name").filter(|name| name.kind() == NodeKind::String) {
            self.chunk.names.push(name.id());
        }
        self.grow(self.item, Field::ToolArguments(0), item.get("arguments"));
        self.grow(self.item, Field::ToolInput, item.get("input").or_else(|| item.get("code")));
        for (key, first) in [("content", self.item), ("summary", self.item | SUMMARY)] {
            let parts = item.get(key).into_iter().flat_map(Value::items);
            for (number, part) in (first..first + SUMMARY).zip(parts) {
                self.begun(number, part);
            }
        }
        self.items.item(item);
    }

    /// A part begins.
    fn begun(&mut self, number: u32, part: Value<'_>) {
        let kind = part.get("type").and_then(Value::text).unwrap_or_default();
        let field = match kind.as_ref() {
            "output_text" => Field::Content,
            "reasoning_text" | "summary_text" => Field::Reasoning,
            _ => other(&kind, "text"),
        };
        self.grow(number, field, part.get("text"));
        self.grow(number, Field::Refusal, part.get("refusal"));
        self.items.part(part, TextRole::Assistant);
    }

    /// What is told as a whole: texts that are done, parts, items, the response.
    fn whole(&mut self, kind: &str, root: Value<'_>) -> bool {
        let items = &mut self.items;
        root.get("arguments")
            .into_iter()
            .for_each(|value| items.reading.text(value, TextRole::ToolArguments));
        root.get("item").into_iter().for_each(|item| items.item(item));
        root.get("part").into_iter().for_each(|part| items.part(part, TextRole::Assistant));
        let response = root.get("response");
        if let Some(response) = response {
            items.response(response);
            self.chunk.told = response.get("usage").and_then(super::told);
        }
        match kind {
            "response.created" => self.chunk.mark = Mark::Begin,
            "response.completed" | "response.incomplete" | "response.cancelled" => {
                self.chunk.finished.push(0);
                self.chunk.last = true;
            }
            "response.failed" => self.chunk.error = true,
            _ if kind.ends_with(".done") => {
                self.chunk.mark = Mark::Close(self.part);
                return true;
            }
            _ => {}
        }
        response.is_some()
    }

    fn grow(&mut self, part: u32, field: Field, value: Option<Value<'_>>) {
        if let Some(value) = value
            && self.items.reading.claim(value)
        {
            let channel = Some(Channel { choice: 0, part, field });
            self.chunk.pieces.push(Piece { node: value.id(), channel, repeats: false });
        }
    }

    /// Hands out the rest: what stands for itself.
    fn finish(self, root: Value<'_>, repeats: bool) -> Chunk {
        let Reader { items: Items { mut reading, .. }, mut chunk, part, .. } = self;
        let alone = reading.take(root).into_iter().map(|text| {
            let arguments = text.role == TextRole::ToolArguments;
            let channel = Channel { choice: 0, part, field: Field::ToolArguments(0) };
            Piece { node: text.node, channel: arguments.then_some(channel), repeats: repeats || arguments }
        });
        chunk.pieces.extend(alone);
        chunk
    }
}

/// A field that grows and has no name of ours.
fn other(stem: &str, key: &str) -> Field {
    let mut hasher = DefaultHasher::new();
    (stem, key).hash(&mut hasher);
    Field::Other(hasher.finish())
}

#[cfg(test)]
mod tests;
