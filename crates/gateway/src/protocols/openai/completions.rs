//! `POST /v1/completions`, the completions of old: a prompt in, a text out. Requests, whole answers and events; how a
//! stream ends is in `end`.

mod end;

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::tokens::Prompt;
use flyball_core::{Call, Operation, TextRole};

use crate::protocols::reading::Reading;
use crate::protocols::{
    Answer, AnswerText, Channel, Chunk, Field, Piece, end_user, missing, model_name, wrong_type,
};
use crate::refusal::Refusal;

pub use end::Envelope;

/// Words of fixed meaning in answers and events.
const FIXED: [&str; 4] = ["id", "object", "model", "system_fingerprint"];

/// Most answers to one prompt.
const CHOICES: u64 = 128;

/// Reads a completion request. Prompts given as token ids cannot be inspected and set `unseen_input`. Its number of
/// choices is how many answers the provider writes: to every prompt, those that it does not show included.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value.
pub fn decode(document: Document) -> Result<Call, Refusal> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return Err(wrong_type("body", "a JSON object"));
    }
    let model = model_name(root)?;
    let prompt = root.get("prompt").ok_or_else(|| missing("prompt"))?;
    let (prompts, unseen_input) = match prompt.kind() {
        NodeKind::String => (1, false),
        NodeKind::Array => prompts(prompt)?,
        _ => return Err(wrong_type("prompt", "a string or a non-empty array")),
    };
    let mut reading = Reading::new(&document);
    for value in prompt.strings() {
        reading.text(value, TextRole::User);
    }
    match root.get("suffix") {
        Some(suffix) if suffix.kind() != NodeKind::String => return Err(wrong_type("suffix", "a string")),
        suffix => suffix.into_iter().for_each(|suffix| reading.text(suffix, TextRole::User)),
    }
    root.get("model").into_iter().for_each(|value| reading.fixed(value));
    let stream = boolean(root, "stream", "stream")?.unwrap_or(false);
    boolean(root, "echo", "echo")?;
    let stream_usage = match root.get("stream_options") {
        None => false,
        Some(options) if options.kind() == NodeKind::Object => {
            boolean(options, "include_usage", "stream_options.include_usage")?.unwrap_or(false)
        }
        Some(_) => return Err(wrong_type("stream_options", "an object")),
    };
    let mut written = 1;
    for key in ["n", "best_of"] {
        match number(root, key)? {
            None => {}
            Some(count @ 1..=CHOICES) => written = written.max(count),
            Some(_) => return Err(wrong_type(key, "a whole number from 1 to 128")),
        }
    }
    let max_output_tokens = number(root, "max_tokens")?;
    number(root, "logprobs")?;
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Chat,
        model,
        stream,
        stream_usage,
        choices: u32::try_from(written.saturating_mul(prompts)).unwrap_or(u32::MAX),
        max_output_tokens,
        has_tools: false,
        server_tools: false,
        unseen_input,
        end_user: end_user(root),
        texts,
        document,
    })
}

/// How many prompts an array holds, and whether any is given as token ids.
fn prompts(prompt: Value<'_>) -> Result<(u64, bool), Refusal> {
    if prompt.holds_scalars() {
        // One prompt.
        return match prompt.items().next() {
            None => Ok((1, true)),
            Some(_) => Err(wrong_type("prompt", "texts or token ids, not both")),
        };
    }
    let (mut count, mut ids) = (0, false);
    for (index, item) in prompt.items().enumerate() {
        count += 1;
        match item.kind() {
            NodeKind::String => {}
            NodeKind::Array if item.items().next().is_none() => ids = true,
            _ => return Err(wrong_type(format!("prompt[{index}]"), "a string or an array of token ids")),
        }
    }
    if count == 0 { Err(wrong_type("prompt", "a string or a non-empty array")) } else { Ok((count, ids)) }
}

fn boolean(object: Value<'_>, key: &str, path: &str) -> Result<Option<bool>, Refusal> {
    object.get(key).map(|value| value.boolean().ok_or_else(|| wrong_type(path, "true or false"))).transpose()
}

fn number(object: Value<'_>, key: &str) -> Result<Option<u64>, Refusal> {
    object.get(key).map(|value| value.unsigned().ok_or_else(|| wrong_type(key, "a whole number"))).transpose()
}

/// The number of a choice, which is its place where it has none.
fn number_of(position: usize, choice: Value<'_>) -> u32 {
    let stated = choice.get("index").and_then(Value::unsigned).and_then(|n| u32::try_from(n).ok());
    stated.unwrap_or(u32::try_from(position).unwrap_or(u32::MAX))
}

/// Reads a `text_completion`; none when it is not one.
pub fn answer(document: &Document) -> Option<Answer> {
    let root = document.root();
    let choices = root.get("choices").filter(|choices| choices.kind() == NodeKind::Array)?;
    let mut reading = Reading::new(document);
    FIXED.iter().filter_map(|key| root.get(key)).for_each(|value| reading.fixed(value));
    let mut texts = Vec::new();
    for (position, choice) in choices.items().enumerate() {
        choice.get("finish_reason").into_iter().for_each(|value| reading.fixed(value));
        let own = choice.get("text").filter(|text| text.kind() == NodeKind::String);
        own.into_iter().for_each(|text| reading.text(text, TextRole::Assistant));
        let number = number_of(position, choice);
        texts.extend(reading.take(choice).into_iter().map(|text| AnswerText {
            text,
            choice: number,
            content: own.is_some_and(|own| own.id() == text.node),
        }));
    }
    let rest = reading.take(root).into_iter();
    texts.extend(rest.map(|text| AnswerText { text, choice: 0, content: false }));
    Some(Answer { texts, usage: root.get("usage").and_then(super::usage) })
}

/// Reads an event of a streamed completion; none when it is not one.
pub fn event(document: &Document) -> Option<Chunk> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return None;
    }
    let mut reading = Reading::new(document);
    let mut chunk = Chunk::default();
    FIXED.iter().filter_map(|key| root.get(key)).for_each(|value| reading.fixed(value));
    if let Some(padding) = root.get("obfuscation").filter(|padding| reading.claim(*padding)) {
        chunk.padding = Some(padding.id());
    }
    for (position, choice) in root.get("choices").into_iter().flat_map(Value::items).enumerate() {
        let number = number_of(position, choice);
        chunk.choices.push(number);
        if let Some(reason) = choice.get("finish_reason") {
            reading.fixed(reason);
            // Some providers send an empty reason until there is one.
            if reason.text().is_some_and(|reason| !reason.is_empty()) {
                chunk.finished.push(number);
            }
        }
        let mut grow = |field: Field, value: Value<'_>| {
            if reading.claim(value) {
                let channel = Some(Channel { choice: number, part: 0, field });
                chunk.pieces.push(Piece { node: value.id(), channel, repeats: false });
            }
        };
        choice.get("text").into_iter().for_each(|text| grow(Field::Content, text));
        let tokens = choice.get("logprobs").and_then(|logprobs| logprobs.get("tokens"));
        tokens.into_iter().flat_map(Value::items).for_each(|token| grow(Field::LogProbs, token));
        for (key, value) in choice.members() {
            let key = key.text().unwrap_or_default();
            if !matches!(key.as_ref(), "index" | "text" | "logprobs" | "finish_reason") {
                super::unnamed(&[&key], value, &mut grow);
            }
        }
    }
    let alone = reading.take(root).into_iter();
    chunk.pieces.extend(alone.map(|text| Piece { node: text.node, channel: None, repeats: false }));
    chunk.told = root.get("usage").and_then(super::told);
    chunk.only_usage = chunk.told.is_some() && chunk.choices.is_empty();
    chunk.error = root.get("error").is_some();
    Some(chunk)
}

/// The tokens of a whole answer; counted by us.
pub fn tokens(document: &Document) -> u64 {
    let mut written = Prompt::default();
    let choices = document.root().get("choices").into_iter().flat_map(Value::items);
    let texts = choices.filter_map(|choice| choice.get("text")?.text());
    texts.for_each(|text| written.text(&text));
    written.total()
}

#[cfg(test)]
mod tests;
