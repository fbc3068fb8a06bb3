//! A caller's request in messages, read. Blocks of content are read in [`super::blocks_in`], settings in
//! [`super::knobs_in`].

use flyball_core::Document;
use flyball_core::json::{NodeKind, Value};

use super::blocks_in::{self, At, Calls};
use super::knobs_in::{self, Thinking};
use crate::Untranslatable;
use crate::conversation::{Request, Speaker, Turn};
use crate::fields::Meaning;
use crate::gate::Gate;

/// Reads a request.
///
/// # Errors
/// When it holds what cannot be said in the dialect that the gate leads to, or is not messages.
pub(crate) fn read_request<'d>(
    document: &'d Document,
    gate: &mut Gate,
) -> Result<Request<'d>, Untranslatable> {
    let root = document.root();
    let mut request = Request::default();
    let mut thinking = Thinking::default();
    for (key, value) in root.members() {
        let name = key.text().unwrap_or_default();
        if value.is_null() {
            continue;
        }
        match name.as_ref() {
            "model" => {}
            "messages" => request.turns = turns(value, gate)?,
            "system" => {
                if gate.pass(Meaning::System, || name.to_string(), value)? {
                    request.system = blocks_in::texts(value, "system", gate)?;
                }
            }
            "thinking" => thinking.read(value, gate)?,
            "output_config" => {
                for (key, value) in value.members() {
                    match key.text().unwrap_or_default().as_ref() {
                        "effort" => thinking.effort(value, gate)?,
                        "format" => knobs_in::format(value, "output_config.format", &mut request, gate)?,
                        other => gate.unknown(format!("{name}.{other}"), value)?,
                    }
                }
            }
            "output_format" => knobs_in::format(value, "output_format", &mut request, gate)?,
            other => knobs_in::read(other, value, &mut request, gate)?,
        }
    }
    request.reasoning = thinking.finish(gate);
    Ok(request)
}

/// The conversation.
fn turns<'d>(messages: Value<'d>, gate: &mut Gate) -> Result<Vec<Turn<'d>>, Untranslatable> {
    if messages.kind() != NodeKind::Array || messages.holds_scalars() {
        return Err(Untranslatable::new("messages", "is not a list of messages"));
    }
    if !gate.pass(Meaning::Turns, || "messages".to_owned(), messages)? {
        return Ok(Vec::new());
    }
    let mut calls = Calls::default();
    messages.items().enumerate().map(|(index, message)| turn(index, message, &mut calls, gate)).collect()
}

fn turn<'d>(
    index: usize,
    message: Value<'d>,
    calls: &mut Calls<'d>,
    gate: &mut Gate,
) -> Result<Turn<'d>, Untranslatable> {
    let path = format!("messages[{index}]");
    let role = message.get("role").and_then(Value::text).unwrap_or_default();
    let speaker = match role.as_ref() {
        "user" => Speaker::User,
        "assistant" => Speaker::Assistant,
        "system" => Speaker::System,
        _ => return Err(Untranslatable::new(format!("{path}.role"), "is none of user, assistant, system")),
    };
    for (key, value) in message.members() {
        let name = key.text().unwrap_or_default();
        if !matches!(name.as_ref(), "role" | "content") {
            gate.unknown(format!("{path}.{name}"), value)?;
        }
    }
    let holder = format!("{path}.content");
    let Some(content) = message.get("content") else {
        return Err(Untranslatable::new(holder, "is missing"));
    };
    let parts = match speaker {
        Speaker::System => blocks_in::texts(content, &holder, gate)?
            .into_iter()
            .map(crate::conversation::Part::Text)
            .collect(),
        _ => blocks_in::content(content, &At::content(&holder), calls, gate)?,
    };
    Ok(Turn { speaker, path, parts })
}
