//! `POST /v1/responses`: request body to [`Call`].
//!
//! Every string value becomes a text to inspect, whether the protocol names its field or not, except ids, words of
//! fixed meaning, encoded media and encrypted content. What the provider has stored (earlier answers, conversations,
//! prompts, items, files) sets `unseen_input`: the policy decides whether it may be used.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::{Call, Operation, TextRole};

use super::items::Items;
use crate::protocols::{end_user, missing, model_name, wrong_type};
use crate::refusal::{Kind, Refusal};

/// Members that stand for stored input, of which one makes `input` dispensable.
const STORED: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Reads a request for a response.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value; also for an answer in the background, which
/// would be fetched past the screen.
pub fn decode(document: Document) -> Result<Call, Refusal> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return Err(wrong_type("body", "a JSON object"));
    }
    let model = model_name(root)?;
    if boolean(root, "background")? == Some(true) {
        let message = "'background' must not be true: an answer that is fetched later cannot be screened.";
        return Err(Refusal::new(Kind::InvalidField, message).at("background"));
    }
    let stream = boolean(root, "stream")?.unwrap_or(false);
    for key in ["store", "parallel_tool_calls"] {
        boolean(root, key)?;
    }
    for key in ["stream_options", "text", "reasoning", "metadata", "prompt"] {
        if root.get(key).is_some_and(|value| value.kind() != NodeKind::Object) {
            return Err(wrong_type(key, "an object"));
        }
    }
    let max_output_tokens = number(root, "max_output_tokens")?;
    for key in ["max_tool_calls", "top_logprobs"] {
        number(root, key)?;
    }
    let mut items = Items::new(&document);
    input(&mut items, root)?;
    for (key, value) in root.members().filter(|(_, value)| !value.is_null()) {
        match key.name().as_ref() {
            b"model" => items.reading.fixed(value),
            b"instructions" => match value.kind() {
                NodeKind::String => items.reading.text(value, TextRole::System),
                _ => return Err(wrong_type("instructions", "a string")),
            },
            b"tools" => {
                objects("tools", value)?;
                items.tools(value);
            }
            b"tool_choice" => {
                items.fixed(value, &["type", "name", "mode", "server_label"]);
                let allowed = value.get("tools").into_iter().flat_map(Value::items);
                allowed.for_each(|tool| items.fixed(tool, &["type", "name", "server_label"]));
            }
            b"previous_response_id" => stored(&mut items, "previous_response_id", value)?,
            b"conversation" => stored(&mut items, "conversation", value.get("id").unwrap_or(value))?,
            b"prompt" => items.prompt(value),
            b"prompt_cache_options" => items.fixed(value, &["comparison_response_id"]),
            _ => {}
        }
    }
    let Items { mut reading, unseen, tools, server_tools, .. } = items;
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Chat,
        model,
        stream,
        // Told at the end of every stream.
        stream_usage: true,
        choices: 1,
        max_output_tokens,
        has_tools: tools,
        server_tools,
        unseen_input: unseen,
        end_user: end_user(root),
        texts,
        document,
    })
}

fn input(items: &mut Items, root: Value<'_>) -> Result<(), Refusal> {
    let Some(input) = root.get("input") else {
        let elsewhere = STORED.iter().any(|key| root.get(key).is_some());
        return if elsewhere { Ok(()) } else { Err(missing("input")) };
    };
    if input.kind() == NodeKind::String {
        items.reading.text(input, TextRole::User);
        return Ok(());
    }
    if input.kind() != NodeKind::Array || input.holds_scalars() {
        return Err(wrong_type("input", "a string or an array of items"));
    }
    for (index, item) in input.items().enumerate() {
        check(&format!("input[{index}]"), item)?;
        // An item without a type that is no message can only be one that the provider has.
        items.unseen |= item.get("type").is_none() && item.get("role").is_none();
        items.item(item);
    }
    Ok(())
}

/// Whether an item has the form of one.
fn check(path: &str, item: Value<'_>) -> Result<(), Refusal> {
    if item.kind() != NodeKind::Object {
        return Err(wrong_type(path, "an object"));
    }
    let kind = item.get("type");
    if kind.is_some_and(|kind| kind.kind() != NodeKind::String) {
        return Err(wrong_type(format!("{path}.type"), "a string"));
    }
    let message = kind.is_some_and(|kind| kind.is_text("message"));
    match item.get("role") {
        None if message => return Err(missing(&format!("{path}.role"))),
        None if kind.is_none() && item.get("id").is_none() => return Err(missing(&format!("{path}.type"))),
        Some(role) if message || kind.is_none() => {
            let known = ["system", "developer", "user", "assistant"];
            if !known.iter().any(|name| role.is_text(name)) {
                let expected = "one of system, developer, user, assistant";
                return Err(wrong_type(format!("{path}.role"), expected));
            }
        }
        _ => {}
    }
    let Some(content) = item.get("content") else { return Ok(()) };
    match content.kind() {
        NodeKind::String => Ok(()),
        NodeKind::Array => objects(&format!("{path}.content"), content),
        _ => Err(wrong_type(format!("{path}.content"), "a string or an array of parts")),
    }
}

/// An array of objects and nothing else.
fn objects(path: &str, array: Value<'_>) -> Result<(), Refusal> {
    if array.kind() != NodeKind::Array || array.holds_scalars() {
        return Err(wrong_type(path, "an array of objects"));
    }
    match array.items().position(|item| item.kind() != NodeKind::Object) {
        Some(index) => Err(wrong_type(format!("{path}[{index}]"), "an object")),
        None => Ok(()),
    }
}

/// The id of something that the provider has stored.
fn stored(items: &mut Items, key: &str, id: Value<'_>) -> Result<(), Refusal> {
    if id.kind() != NodeKind::String {
        return Err(wrong_type(key, "an id"));
    }
    items.unseen = true;
    items.reading.fixed(id);
    Ok(())
}

fn boolean(object: Value<'_>, key: &str) -> Result<Option<bool>, Refusal> {
    object.get(key).map(|value| value.boolean().ok_or_else(|| wrong_type(key, "true or false"))).transpose()
}

fn number(object: Value<'_>, key: &str) -> Result<Option<u64>, Refusal> {
    object.get(key).map(|value| value.unsigned().ok_or_else(|| wrong_type(key, "a whole number"))).transpose()
}

#[cfg(test)]
mod tests;
