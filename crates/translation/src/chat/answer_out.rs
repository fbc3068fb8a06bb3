//! Writes an answer as chat.

use super::{stops, usage};
use crate::Envelope;
use crate::reply::{Answer, Choice, Part};
use crate::write::Json;

/// Writes an answer.
pub(crate) fn write_answer(answer: &Answer<'_>, envelope: &Envelope) -> Vec<u8> {
    let mut json = Json::with_capacity(2048);
    json.object(|json| {
        json.key("id").text(answer.id.as_deref().unwrap_or(&envelope.id));
        json.key("object").text("chat.completion");
        json.key("created").number(answer.created.unwrap_or(envelope.created));
        json.key("model").text(answer.model.as_deref().unwrap_or(&envelope.model));
        json.key("choices").array(|json| {
            for (index, item) in answer.choices.iter().enumerate() {
                json.object(|json| choice(item, index as u64, json));
            }
        });
        if let Some(told) = &answer.usage {
            json.key("usage");
            usage::write(told, json);
        }
    });
    json.finish()
}

fn choice(choice: &Choice<'_>, index: u64, json: &mut Json) {
    json.key("index").number(index);
    json.key("message").object(|json| {
        json.key("role").text("assistant");
        message(&choice.parts, json);
    });
    json.key("logprobs").raw("null");
    json.key("finish_reason").text(stops::word(choice.stop));
}

/// Texts of one kind follow each other without anything between: chat has one member for each kind.
fn message(parts: &[Part<'_>], json: &mut Json) {
    let (mut text, mut refusal, mut reasoning) = (None, None, None);
    let mut calls = Vec::new();
    for part in parts {
        let (into, said): (&mut Option<String>, _) = match part {
            Part::Text(said) => (&mut text, said),
            Part::Refusal(said) => (&mut refusal, said),
            Part::Reasoning(said) => (&mut reasoning, said),
            Part::ToolCall(call) => {
                calls.push(call);
                continue;
            }
        };
        into.get_or_insert_default().push_str(said);
    }
    json.key("content");
    match &text {
        Some(text) => json.text(text),
        None if calls.is_empty() && refusal.is_none() => json.text(""),
        None => json.raw("null"),
    }
    json.key("refusal");
    match &refusal {
        Some(refusal) => json.text(refusal),
        None => json.raw("null"),
    }
    if let Some(reasoning) = &reasoning {
        json.key("reasoning_content").text(reasoning);
    }
    if !calls.is_empty() {
        json.key("tool_calls").array(|json| {
            for call in calls {
                json.object(|json| {
                    json.key("id").text(&call.id);
                    json.key("type").text("function");
                    json.key("function").object(|json| {
                        json.key("name").text(&call.name);
                        json.key("arguments").text(&call.arguments);
                    });
                });
            }
        });
    }
}
