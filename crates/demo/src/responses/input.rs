//! The input of a request: its items in order, outputs that answer calls, and the chat that they make. What a part of
//! a message may hold is said in `parts`.

use serde_json::{Value, json};

use super::{parts, refused};
use crate::rejected::Rejected;
use crate::strict::{Breach, Field, is_name};
use crate::thinking;

/// Items that are accepted and say nothing to the demo model: the work of tools that are no functions.
const OTHERS: [&str; 26] = [
    "file_search_call",
    "computer_call",
    "computer_call_output",
    "web_search_call",
    "image_generation_call",
    "code_interpreter_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "custom_tool_call",
    "custom_tool_call_output",
    "compaction",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
    "program",
    "program_output",
    "compaction_trigger",
    "configuration_update",
];
const LONGEST_CALL_ID: usize = 64;
const LONGEST_NAME: usize = 128;

/// The messages of the chat, and the calls that wait for their outputs.
#[derive(Debug, Default)]
struct Chat<'v> {
    messages: Vec<Value>,
    open: Vec<&'v str>,
}

/// Reads `instructions` and `input`.
pub(super) fn read(root: &Field<'_, '_>) -> Result<Value, Rejected> {
    let mut chat = Chat::default();
    if let Some(instructions) = root.get_text("instructions")? {
        chat.messages.push(json!({"role": "system", "content": instructions}));
    }
    let input = root.need("input")?;
    if input.value().is_string() {
        chat.messages.push(json!({"role": "user", "content": input.text()?}));
        return Ok(Value::Array(chat.messages));
    }
    let mut empty = true;
    for item in input.items()? {
        item.object()?;
        chat.item(&item)?;
        empty = false;
    }
    if empty {
        return Err(root.missing("input").into());
    }
    if let Some(id) = chat.open.first() {
        let message = format!("No tool output found for function call {id}.");
        return Err(Rejected::invalid("input".to_owned(), message));
    }
    if chat.messages.is_empty() {
        return Err(input.wrong("there is no message in it").into());
    }
    Ok(Value::Array(chat.messages))
}

impl<'v> Chat<'v> {
    fn item(&mut self, item: &Field<'_, 'v>) -> Result<(), Rejected> {
        let kind = match item.get("type") {
            Some(kind) => kind.text()?,
            None if item.get("role").is_some() => "message",
            None if item.get("id").is_some() => "item_reference",
            None => return Err(item.missing("type").into()),
        };
        match kind {
            "message" => Ok(self.message(item)?),
            "function_call" => Ok(self.call(item)?),
            "function_call_output" => self.output(item),
            "reasoning" => reasoning(item),
            "item_reference" => Err(refused::not_stored("input", item.need_text("id")?)),
            other if OTHERS.contains(&other) => Ok(()),
            _ => Err(item.need("type")?.wrong("it is not a supported value").into()),
        }
    }

    fn message(&mut self, item: &Field<'_, '_>) -> Result<(), Breach> {
        item.only(&["type", "role", "content", "id", "status", "phase"])?;
        named(item, "msg")?;
        status(item)?;
        let role = item.need("role")?.word(&["user", "assistant", "system", "developer"])?;
        let content = item.need("content")?;
        let content = if content.value().is_string() {
            content.value().clone()
        } else if role == "assistant" {
            parts::said(&content)?
        } else {
            parts::given(&content)?
        };
        self.messages.push(json!({"role": role, "content": content}));
        Ok(())
    }

    fn call(&mut self, item: &Field<'_, 'v>) -> Result<(), Breach> {
        item.only(&["type", "call_id", "name", "arguments", "id", "status", "namespace", "caller"])?;
        named(item, "fc")?;
        status(item)?;
        let id = call_id(item)?;
        let name = item.need("name")?;
        if !is_name(name.text()?, LONGEST_NAME) {
            return Err(name.wrong("expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'"));
        }
        let function = json!({"name": name.value(), "arguments": item.need_text("arguments")?});
        let call = json!({"id": id, "type": "function", "function": function});
        self.open.push(id);
        // Calls belong to the assistant's turn that they follow.
        let turn = self
            .messages
            .last_mut()
            .filter(|message| message.get("role").is_some_and(|role| role == "assistant"));
        match turn.and_then(Value::as_object_mut) {
            Some(turn) => {
                let calls = turn.entry("tool_calls").or_insert_with(|| Value::Array(Vec::new()));
                if let Some(calls) = calls.as_array_mut() {
                    calls.push(call);
                }
            }
            None => self.messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]})),
        }
        Ok(())
    }

    fn output(&mut self, item: &Field<'_, 'v>) -> Result<(), Rejected> {
        item.only(&["type", "call_id", "output", "id", "status", "caller"])?;
        status(item)?;
        let id = call_id(item)?;
        let Some(at) = self.open.iter().position(|open| *open == id) else {
            let message = format!("No tool call found for function call output with call_id {id}.");
            return Err(Rejected::invalid("input".to_owned(), message));
        };
        self.open.remove(at);
        let output = item.need("output")?;
        let content =
            if output.value().is_string() { output.value().clone() } else { parts::given(&output)? };
        self.messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
        Ok(())
    }
}

fn call_id<'v>(item: &Field<'_, 'v>) -> Result<&'v str, Breach> {
    let id = item.need("call_id")?;
    match id.text()?.len() {
        0 => Err(id.wrong("empty string")),
        length if length > LONGEST_CALL_ID => {
            Err(id.wrong("string too long. Expected a string with maximum length 64"))
        }
        _ => id.text(),
    }
}

/// Checks the id of an item, which begins with its kind.
fn named(item: &Field<'_, '_>, prefix: &str) -> Result<(), Breach> {
    match item.get("id") {
        Some(id) if !id.text()?.starts_with(prefix) => {
            Err(id.wrong(format!("expected an ID that begins with '{prefix}'")))
        }
        _ => Ok(()),
    }
}

fn status(item: &Field<'_, '_>) -> Result<(), Breach> {
    item.get_word("status", &["in_progress", "completed", "incomplete"]).map(|_| ())
}

/// Checks reasoning that comes back: it is known only by its encrypted content, since nothing is stored.
fn reasoning(item: &Field<'_, '_>) -> Result<(), Rejected> {
    item.only(&["type", "id", "summary", "content", "encrypted_content", "status"])?;
    named(item, "rs")?;
    status(item)?;
    for part in item.need("summary")?.items()? {
        part.need("type")?.word(&["summary_text"])?;
        part.need_text("text")?;
    }
    let Some(content) = item.get_text("encrypted_content")? else {
        return Err(refused::not_stored("input", item.get_text("id")?.unwrap_or_default()));
    };
    if thinking::is_own(content) {
        return Ok(());
    }
    let message = "The encrypted content could not be verified.";
    Err(Rejected::coded("invalid_encrypted_content", None, message))
}
