//! Items, the parts of their content, and tools, wherever they stand: in a request's input, an answer's output, an
//! event. Names the strings in them; checks nothing.

use flyball_core::TextRole;
use flyball_core::json::{Document, NodeId, NodeKind, Value};

use crate::protocols::reading::Reading;

/// Tools that the caller runs; all others run at the provider's.
const CALLERS_TOOLS: [&str; 6] =
    ["function", "custom", "local_shell", "apply_patch", "computer", "computer_use_preview"];

/// Calls of tools that have names, and their outputs.
const NAMED: [&str; 5] =
    ["function_call", "custom_tool_call", "mcp_call", "mcp_approval_request", "function_call_output"];

/// What was read of items so far.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) reading: Reading,
    /// Texts of an answer's own, in the order in which they were read.
    pub(super) own: Vec<NodeId>,
    /// Whether there is something that no detector reads: media, encoded files, what the provider has stored.
    pub(super) unseen: bool,
    /// Whether there are tools.
    pub(super) tools: bool,
    /// Whether the provider runs any of them.
    pub(super) server_tools: bool,
}

/// Whether an object's `type` is one of these.
fn is_one_of(object: Value<'_>, kinds: &[&str]) -> bool {
    object.get("type").is_some_and(|kind| kinds.iter().any(|name| kind.is_text(name)))
}

impl Items {
    /// Nothing was read yet.
    pub(super) fn new(document: &Document) -> Self {
        Items {
            reading: Reading::new(document),
            own: Vec::new(),
            unseen: false,
            tools: false,
            server_tools: false,
        }
    }

    /// Members that are ids or words of fixed meaning, as far as they are strings.
    pub(super) fn fixed(&mut self, object: Value<'_>, keys: &[&str]) {
        keys.iter().filter_map(|key| object.get(key)).for_each(|value| self.reading.fixed(value));
    }

    /// A `response` object: what was asked, told again, and what came of it.
    pub(super) fn response(&mut self, response: Value<'_>) {
        let ids = ["id", "object", "model", "status", "previous_response_id", "service_tier"];
        self.fixed(response, &ids);
        for (key, value) in response.members() {
            match key.name().as_ref() {
                b"output" => value.items().for_each(|item| self.item(item)),
                // Where it was a stored prompt, it is told as items. Nothing in it is the answer's own.
                b"instructions" => {
                    let own = self.own.len();
                    self.reading.text(value, TextRole::System);
                    value.items().for_each(|item| self.item(item));
                    self.own.truncate(own);
                }
                b"tools" => self.tools(value),
                b"error" => self.fixed(value, &["code"]),
                b"incomplete_details" => self.fixed(value, &["reason"]),
                b"conversation" | b"prompt" => self.fixed(value, &["id", "version"]),
                _ => {}
            }
        }
    }

    /// One item of an input or output.
    pub(super) fn item(&mut self, item: Value<'_>) {
        let role = match item.get("role").and_then(Value::text).as_deref() {
            Some("system" | "developer") => TextRole::System,
            Some("user") => TextRole::User,
            _ => TextRole::Assistant,
        };
        if is_one_of(item, &NAMED) {
            self.fixed(item, &["name"]);
        }
        // An image that was made is one that the provider has, or it is encoded.
        self.unseen |= is_one_of(item, &["item_reference", "image_generation_call"]);
        for (key, value) in item.members() {
            match key.name().as_ref() {
                b"type"
                | b"id"
                | b"call_id"
                | b"status"
                | b"role"
                | b"phase"
                | b"approval_request_id"
                | b"container_id"
                | b"namespace"
                | b"server_label"
                | b"encrypted_content"
                | b"fingerprint" => {
                    self.reading.fixed(value);
                }
                b"content" | b"summary" => self.content(value, role),
                b"arguments" => self.reading.text(value, TextRole::ToolArguments),
                b"input" | b"code" => self.reading.text(value, TextRole::Assistant),
                b"output" => {
                    self.content(value, TextRole::Tool);
                    self.part(value, TextRole::Tool);
                }
                b"result" if is_one_of(item, &["image_generation_call"]) => self.reading.fixed(value),
                b"caller" => self.fixed(value, &["type", "caller_id"]),
                b"tools" if is_one_of(item, &["additional_tools", "tool_search_output"]) => self.tools(value),
                b"tools" => value.items().for_each(|tool| self.fixed(tool, &["name"])),
                _ => {}
            }
        }
    }

    /// A text, or an array of parts.
    pub(super) fn content(&mut self, content: Value<'_>, role: TextRole) {
        self.reading.text(content, role);
        content.items().for_each(|part| self.part(part, role));
    }

    /// One part of an item's content.
    pub(super) fn part(&mut self, part: Value<'_>, role: TextRole) {
        for (key, value) in part.members() {
            match key.name().as_ref() {
                b"type" | b"detail" => self.reading.fixed(value),
                b"text" => {
                    if is_one_of(part, &["output_text"]) && value.kind() == NodeKind::String {
                        self.own.push(value.id());
                    }
                    self.reading.text(value, role);
                }
                b"refusal" | b"transcript" | b"logs" => self.reading.text(value, role),
                b"data" if is_one_of(part, &["input_audio", "output_audio"]) => self.encoded(value),
                b"annotations" => {
                    for annotation in value.items() {
                        self.fixed(annotation, &["type", "file_id", "container_id"]);
                    }
                }
                _ => self.medium(&key.name(), value),
            }
        }
    }

    /// A member that is a medium, an encoded file, or the id of one. Names and addresses are inspected.
    fn medium(&mut self, key: &[u8], value: Value<'_>) {
        match key {
            b"file_data" | b"file_id" => self.encoded(value),
            b"image_url" | b"file_url" => {
                self.unseen |= !value.is_null();
                if value.text().is_some_and(|url| url.starts_with("data:")) {
                    self.reading.fixed(value);
                }
            }
            b"input_audio" => {
                self.unseen = true;
                self.fixed(value, &["data", "format"]);
            }
            b"file_ids" | b"vector_store_ids" => value.items().for_each(|id| self.encoded(id)),
            _ => {}
        }
    }

    fn encoded(&mut self, value: Value<'_>) {
        self.unseen |= !value.is_null();
        self.reading.fixed(value);
    }

    /// An array of tools, offered or found.
    pub(super) fn tools(&mut self, tools: Value<'_>) {
        // Tools may hold tools; on a stack of our own, so that depth costs no more than breadth.
        let mut rest: Vec<Value<'_>> = tools.items().collect();
        while let Some(tool) = rest.pop() {
            self.fixed(tool, &["type", "name", "server_label"]);
            self.tools = true;
            if is_one_of(tool, &["namespace"]) {
                rest.extend(tool.get("tools").into_iter().flat_map(Value::items));
                continue;
            }
            let execution = |key: &str| tool.get(key).is_some_and(|value| value.is_text("client"));
            let local = tool.get("environment").is_some_and(|value| is_one_of(value, &["local"]));
            let callers = is_one_of(tool, &CALLERS_TOOLS)
                || is_one_of(tool, &["shell"]) && local
                || is_one_of(tool, &["tool_search"]) && execution("execution");
            self.server_tools |= !callers;
            if !is_one_of(tool, &["function", "custom"]) {
                self.settings(tool);
            }
        }
    }

    /// What a provider's tool is set up with: files, images, skills.
    fn settings(&mut self, tool: Value<'_>) {
        for object in std::iter::once(tool).chain(tool.descendants()) {
            for (key, value) in object.members() {
                match key.name().as_ref() {
                    b"data" if is_one_of(object, &["base64"]) => self.encoded(value),
                    name => self.medium(name, value),
                }
            }
        }
    }

    /// A stored prompt and what is put into it.
    pub(super) fn prompt(&mut self, prompt: Value<'_>) {
        self.unseen |= !prompt.is_null();
        self.fixed(prompt, &["id", "version"]);
        for (_, variable) in prompt.get("variables").into_iter().flat_map(Value::members) {
            self.reading.text(variable, TextRole::User);
            self.part(variable, TextRole::User);
        }
    }
}
