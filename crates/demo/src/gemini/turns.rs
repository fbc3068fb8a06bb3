//! The turns of a conversation: who may say what after whom, and what they are as messages of a chat.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::parts::Part;
use super::refused::Refused;

const AFTER_CALL: &str =
    "Please ensure that function response turn comes immediately after a function call turn.";
const AS_MANY: &str = "Please ensure that the number of function response parts is equal to the number of function \
call parts of the function call turn.";
const AFTER_USER: &str = "Please ensure that function call turn comes immediately after a user turn or after a \
function response turn.";

/// A call that waits for its response.
#[derive(Debug)]
struct Open<'v> {
    /// The id that the chat knows it by.
    id: String,
    given: Option<&'v str>,
    name: &'v str,
}

/// The system instruction as a message of a chat.
pub(super) fn system(value: &Value, at: &str) -> Result<Value, Refused> {
    let mut texts = Vec::new();
    for part in parts(value, at)?.1 {
        match part {
            Part::Text(text) => texts.push(json!({"type": "text", "text": text})),
            _ => return Err(Refused::field(at, "only text parts are allowed in the system instruction.")),
        }
    }
    Ok(json!({"role": "system", "content": texts}))
}

/// The contents as messages of a chat.
pub(super) fn messages(contents: &[Value]) -> Result<Vec<Value>, Refused> {
    if contents.is_empty() {
        return Err(Refused::field("contents", "contents is not specified"));
    }
    let mut messages = Vec::with_capacity(contents.len());
    let mut open: Vec<Open<'_>> = Vec::new();
    for (at, content) in contents.iter().enumerate() {
        let path = format!("contents[{at}]");
        let (role, parts) = parts(content, &path)?;
        match role {
            None | Some("user") => user(parts, &mut open, &mut messages)?,
            Some("model") if open.is_empty() => open = model(parts, at, &mut messages)?,
            Some("model") => return Err(Refused::invalid(AS_MANY)),
            Some(_) => return Err(Refused::invalid("Please use a valid role: user, model.")),
        }
    }
    if open.is_empty() { Ok(messages) } else { Err(Refused::invalid(AS_MANY)) }
}

fn parts<'v>(content: &'v Value, at: &str) -> Result<(Option<&'v str>, Vec<Part<'v>>), Refused> {
    let fields = Fields::read(content, at, &["role", "parts"])?;
    let list = fields.list("parts")?;
    if list.is_empty() {
        return Err(Refused::field(&fields.path("parts"), "contents.parts must not be empty."));
    }
    let path = fields.path("parts");
    let parts = list.iter().enumerate().map(|(at, part)| Part::read(part, &format!("{path}[{at}]")));
    Ok((fields.text("role")?, parts.collect::<Result<_, _>>()?))
}

/// A user's turn: the responses to all open calls, or none, and what the user says.
fn user(parts: Vec<Part<'_>>, open: &mut Vec<Open<'_>>, messages: &mut Vec<Value>) -> Result<(), Refused> {
    let responses = parts.iter().filter(|part| matches!(part, Part::Response { .. })).count();
    if responses > 0 && open.is_empty() {
        return Err(Refused::invalid(AFTER_CALL));
    }
    if responses != open.len() {
        return Err(Refused::invalid(AS_MANY));
    }
    let mut content = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => content.push(json!({"type": "text", "text": text})),
            Part::Medium(kind) => content.push(json!({"type": kind})),
            Part::Response { id, name, text } => {
                let answers = |open: &Open<'_>| open.name == name && (id.is_none() || open.given == id);
                let place = open.iter().position(answers);
                let place = place.ok_or_else(|| {
                    Refused::invalid("A function response answers no function call of the turn before it.")
                })?;
                let call = open.remove(place);
                messages.push(json!({"role": "tool", "tool_call_id": call.id, "content": text}));
            }
            Part::Call { .. } => return Err(Refused::invalid(AFTER_USER)),
            Part::Thought(_) => {
                return Err(Refused::invalid("Only the model may have thoughts."));
            }
        }
    }
    if !content.is_empty() {
        messages.push(json!({"role": "user", "content": content}));
    }
    Ok(())
}

/// A model's turn, and the calls that it leaves open.
fn model<'v>(parts: Vec<Part<'v>>, at: usize, messages: &mut Vec<Value>) -> Result<Vec<Open<'v>>, Refused> {
    let (mut content, mut calls, mut open, mut thoughts) =
        (Vec::new(), Vec::new(), Vec::new(), String::new());
    for part in parts {
        match part {
            Part::Text(text) => content.push(json!({"type": "text", "text": text})),
            Part::Medium(kind) => content.push(json!({"type": kind})),
            Part::Thought(text) => thoughts.push_str(text),
            Part::Call { id: given, name, arguments } => {
                let id = format!("call_{at}_{}", calls.len());
                let arguments = Value::Object(arguments).to_string();
                calls.push(json!({"id": id, "type": "function",
                    "function": {"name": name, "arguments": arguments}}));
                open.push(Open { id, given, name });
            }
            Part::Response { .. } => return Err(Refused::invalid(AFTER_CALL)),
        }
    }
    if !calls.is_empty() && at == 0 {
        return Err(Refused::invalid(AFTER_USER));
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
