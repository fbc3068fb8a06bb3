//! The messages of a conversation: who may say what after whom, and what they are as messages of a chat.

use serde_json::{Map, Value, json};

use super::blocks::{Block, text};
use super::refused::Refused;
use super::shape::Shape;

/// What a conversation comes to.
#[derive(Debug)]
pub(super) struct Turns {
    /// Messages of a chat.
    pub(super) messages: Vec<Value>,
    /// Whether tools are used in it, or their results given.
    pub(super) tools: bool,
}

/// The system prompts as messages of a chat.
pub(super) fn system(blocks: &[Value]) -> Result<Option<Value>, Refused> {
    let mut texts = Vec::new();
    for (at, value) in blocks.iter().enumerate() {
        let path = format!("system.{at}");
        let block = Shape::read(value, &path)?;
        match block.union(&["text", "guardContent", "cachePoint"])? {
            ("text", _) => texts.push(json!({"type": "text", "text": text(&block, &path)?})),
            ("guardContent", _) => {
                if let Block::Text(text) = Block::read(value, &path)? {
                    texts.push(json!({"type": "text", "text": text}));
                }
            }
            _ => {}
        }
    }
    Ok((!texts.is_empty()).then(|| json!({"role": "system", "content": texts})))
}

/// The messages as messages of a chat.
pub(super) fn read(messages: &[Value]) -> Result<Turns, Refused> {
    let mut turns = Turns { messages: Vec::with_capacity(messages.len()), tools: false };
    let mut open: Vec<&str> = Vec::new();
    let mut last = "assistant";
    for (at, message) in messages.iter().enumerate() {
        let message = Shape::read(message, &format!("messages.{at}"))?;
        message.required("role")?;
        let role = message.option("role", &["user", "assistant"])?.unwrap_or("user");
        if at == 0 && role != "user" {
            return Err(Refused::invalid(
                "A conversation must start with a user message. Try again with a conversation that starts with a \
                 user message.",
            ));
        }
        if role == last {
            return Err(Refused::invalid(
                "A conversation must alternate between user and assistant roles. Make sure the conversation \
                 alternates between user and assistant roles and try again.",
            ));
        }
        last = role;
        let blocks = blocks(&message, at)?;
        turns.tools |= blocks.iter().any(|block| matches!(block, Block::Use { .. } | Block::Result { .. }));
        match role {
            "user" => user(blocks, at, std::mem::take(&mut open), &mut turns.messages)?,
            _ => open = assistant(blocks, at, &mut turns.messages)?,
        }
    }
    if messages.is_empty() {
        return Err(Refused::invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user \
             message.",
        ));
    }
    if open.is_empty() { Ok(turns) } else { Err(missing(messages.len(), &open)) }
}

fn blocks<'v>(message: &Shape<'v>, at: usize) -> Result<Vec<Block<'v>>, Refused> {
    message.required("content")?;
    let content = message.list("content")?.unwrap_or_default();
    if content.is_empty() {
        return Err(Refused::invalid(format!(
            "The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the \
             content field and try again."
        )));
    }
    let path = message.path("content");
    content.iter().enumerate().map(|(at, block)| Block::read(block, &format!("{path}.{at}"))).collect()
}

fn missing(at: usize, ids: &[&str]) -> Refused {
    Refused::invalid(format!(
        "Expected toolResult blocks at messages.{at}.content for the following Ids: {}",
        ids.join(", ")
    ))
}

/// A user's message: the results of all open uses, or none, and what the user says.
fn user(
    blocks: Vec<Block<'_>>,
    at: usize,
    mut open: Vec<&str>,
    messages: &mut Vec<Value>,
) -> Result<(), Refused> {
    let mut content = Vec::new();
    let (mut documents, mut texts) = (false, false);
    for block in blocks {
        match block {
            Block::Text(text) => {
                texts = true;
                content.push(json!({"type": "text", "text": text}));
            }
            Block::Medium(kind) => {
                documents |= kind == "file";
                content.push(json!({"type": kind}));
            }
            Block::Result { id, content } => {
                let place = open.iter().position(|own| *own == id);
                let place = place.ok_or_else(|| {
                    Refused::invalid(format!(
                        "The toolResult blocks at messages.{at}.content must answer the toolUse blocks of the \
                         previous turn, each of them once."
                    ))
                })?;
                open.remove(place);
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
            }
            Block::Use { .. } | Block::Thought(_) => {
                return Err(Refused::invalid(format!(
                    "messages.{at}.content: User messages cannot contain toolUse or reasoningContent blocks."
                )));
            }
            Block::Nothing => {}
        }
    }
    if !open.is_empty() {
        return Err(missing(at, &open));
    }
    if documents && !texts {
        return Err(Refused::invalid(format!(
            "messages.{at}.content: A text block must be included with a document block."
        )));
    }
    if !content.is_empty() {
        messages.push(json!({"role": "user", "content": content}));
    }
    Ok(())
}

/// An assistant's message, and the tool uses that it leaves open.
fn assistant<'v>(
    blocks: Vec<Block<'v>>,
    at: usize,
    messages: &mut Vec<Value>,
) -> Result<Vec<&'v str>, Refused> {
    let (mut content, mut calls, mut open, mut thoughts) =
        (Vec::new(), Vec::new(), Vec::new(), String::new());
    for block in blocks {
        match block {
            Block::Text(text) => content.push(json!({"type": "text", "text": text})),
            Block::Thought(text) => thoughts.push_str(text),
            Block::Use { id, name, input } => {
                if open.contains(&id) {
                    return Err(Refused::invalid(format!(
                        "messages.{at}.content: The toolUse blocks must have unique Ids."
                    )));
                }
                open.push(id);
                calls.push(
                    json!({"id": id, "type": "function", "function": {"name": name, "arguments": input}}),
                );
            }
            Block::Medium(_) | Block::Result { .. } => {
                return Err(Refused::invalid(format!(
                    "messages.{at}.content: Assistant messages cannot contain toolResult blocks or media."
                )));
            }
            Block::Nothing => {}
        }
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    message.insert("content".to_owned(), Value::Array(content));
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    if !thoughts.is_empty() {
        message.insert("reasoning_content".to_owned(), Value::String(thoughts));
    }
    messages.push(Value::Object(message));
    Ok(open)
}
