//! Content blocks, wherever they stand: in requests, answers and events. Which of their strings somebody speaks, which
//! stay as they are, and which blocks carry what no detector can read. That every other string is inspected too is
//! the reading's business.

use flyball_core::TextRole;
use flyball_core::json::{NodeKind, Value};

use crate::protocols::reading::Reading;

/// What a block is besides its texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether something in it cannot be read: media, encoded files, files by their id, blocks of unknown types.
    pub(super) unseen: bool,
    /// Whether it brings a tool.
    pub(super) tool: bool,
    /// Whether it brings a tool that the provider runs.
    pub(super) server_tool: bool,
}

/// Members of a block of this type, and of what stands within it, that are ids, words of fixed meaning, or what the
/// vendor encrypted or signed. None: the type is not known.
fn fixed(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "text"
        | "image"
        | "document"
        | "search_result"
        | "mcp_tool_listing"
        | "fallback"
        | "web_fetch_result"
        | "code_execution_result"
        | "bash_code_execution_result"
        | "text_editor_code_execution_view_result"
        | "text_editor_code_execution_create_result"
        | "text_editor_code_execution_str_replace_result"
        | "tool_search_tool_search_result"
        | "tool_addition"
        | "tool_removal"
        | "advisor_result" => &[],
        "thinking" => &["signature"],
        "redacted_thinking" => &["data"],
        "tool_use" | "server_tool_use" | "mcp_tool_use" => &["id", "name", "server_name", "toolset_name"],
        "tool_result"
        | "web_search_tool_result"
        | "web_fetch_tool_result"
        | "code_execution_tool_result"
        | "bash_code_execution_tool_result"
        | "text_editor_code_execution_tool_result"
        | "tool_search_tool_result"
        | "mcp_tool_result"
        | "advisor_tool_result" => &["tool_use_id", "toolset_name"],
        "web_search_result" | "advisor_redacted_result" => &["encrypted_content"],
        "encrypted_code_execution_result" => &["encrypted_stdout"],
        "compaction" => &["encrypted_content", "signature"],
        "container_upload" | "code_execution_output" | "bash_code_execution_output" => &["file_id"],
        "tool_reference" => &["name", "tool_name"],
        "char_location" | "page_location" | "content_block_location" | "search_result_location" => {
            &["file_id"]
        }
        "web_search_result_location" => &["encrypted_index"],
        // Words for what went wrong.
        _ if kind.ends_with("_tool_result_error") => &["error_code"],
        _ => return None,
    })
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// What its vendor signed goes back to the vendor, who would notice a change.
    Request,
    Answer,
    /// Only strings can be held back and rewritten.
    Event,
}

/// Reads one block that `role` speaks: names its texts and what stays as it is.
pub(super) fn read(reading: &mut Reading, block: Value<'_>, role: TextRole, place: Place) -> Seen {
    let mut reader = Reader { reading, place, seen: Seen::default() };
    reader.block(block, role);
    reader.seen
}

struct Reader<'r> {
    reading: &'r mut Reading,
    place: Place,
    seen: Seen,
}

impl Reader<'_> {
    fn block(&mut self, block: Value<'_>, role: TextRole) {
        let kind = block.get("type").and_then(Value::text).unwrap_or_default();
        let known = fixed(&kind);
        self.seen.unseen |= known.is_none();
        let role = if kind.ends_with("tool_result") { TextRole::Tool } else { role };
        let signed = self.place == Place::Request
            && block.get("signature").and_then(Value::text).is_some_and(|signature| !signature.is_empty());
        let reasoning = if signed { TextRole::Signed } else { role };
        for (key, value) in block.members() {
            let name = key.text().unwrap_or_default();
            if known.is_some_and(|fixed| fixed.contains(&name.as_ref())) {
                // A citation only names where an answer had its words from.
                self.seen.unseen |= name == "file_id" && !kind.ends_with("_location");
                self.reading.fixed(value);
                continue;
            }
            match (kind.as_ref(), name.as_ref()) {
                (_, "type") => self.reading.fixed(value),
                // A tool's own data: whatever it looks like, it is no block.
                ("tool_use" | "server_tool_use" | "mcp_tool_use", "input") if self.place != Place::Event => {
                    self.reading.arguments(value);
                }
                ("thinking", "thinking") => self.reading.text(value, reasoning),
                ("compaction", "content") if value.kind() == NodeKind::String => {
                    self.reading.text(value, reasoning);
                }
                ("image" | "document", "source") => self.source(value, role),
                ("tool_addition", "tool") => self.added(value),
                (_, "text" | "title" | "context") => self.reading.text(value, role),
                (_, "content" | "citations" | "tool_references") => self.within(value, role),
                (_, "caller") => {
                    self.word(value, "type");
                    self.word(value, "tool_id");
                }
                _ => {}
            }
        }
    }

    /// A text, a block or several.
    fn within(&mut self, value: Value<'_>, role: TextRole) {
        match value.kind() {
            NodeKind::String => self.reading.text(value, role),
            // What switches citations on is an object without a type, and no block.
            NodeKind::Object if value.get("type").is_some() => self.block(value, role),
            NodeKind::Array => {
                value
                    .items()
                    .filter(|item| item.kind() == NodeKind::Object)
                    .for_each(|item| self.block(item, role));
            }
            _ => {}
        }
    }

    /// Where an image or a document comes from.
    fn source(&mut self, source: Value<'_>, role: TextRole) {
        let kind = source.get("type").and_then(Value::text).unwrap_or_default();
        self.word(source, "type");
        self.word(source, "media_type");
        self.seen.unseen |= !matches!(kind.as_ref(), "text" | "content");
        match kind.as_ref() {
            "text" => source.get("data").into_iter().for_each(|data| self.reading.text(data, role)),
            "content" => source.get("content").into_iter().for_each(|content| self.within(content, role)),
            "base64" => self.word(source, "data"),
            "file" => self.word(source, "file_id"),
            _ => {}
        }
    }

    /// A tool that a turn adds: a reference to one, or a definition.
    fn added(&mut self, tool: Value<'_>) {
        self.seen.tool = true;
        match tool.get("definition") {
            Some(definition) => self.seen.server_tool |= self::tool(self.reading, definition),
            // It was declared elsewhere, or is the provider's.
            None => {
                self.seen.server_tool |= !tool.get("type").is_some_and(|kind| kind.is_text("tool_reference"))
            }
        }
        self.word(tool, "type");
        self.word(tool, "name");
    }

    fn word(&mut self, object: Value<'_>, key: &str) {
        if let Some(value) = object.get(key) {
            self.reading.fixed(value);
        }
    }
}

/// Tools that Anthropic defined and the caller runs, by the beginnings of their types.
const CALLERS_TOOLS: [&str; 4] = ["bash_20", "text_editor_20", "computer_20", "memory_20"];

/// Reads one declared tool. Whether the provider runs it: what is not known to be the caller's is.
pub(super) fn tool(reading: &mut Reading, tool: Value<'_>) -> bool {
    for (key, value) in tool.members() {
        if matches!(key.name().as_ref(), b"type" | b"name") {
            reading.fixed(value);
        }
    }
    let callers = |kind: &str| kind == "custom" || CALLERS_TOOLS.iter().any(|tool| kind.starts_with(tool));
    tool.get("type").is_some_and(|kind| !kind.text().is_some_and(|kind| callers(&kind)))
}
