//! Writes an answer as completions: its texts, one for each choice.

use super::stop_word;
use crate::Envelope;
use crate::chat::usage;
use crate::reply::{Answer, Part};
use crate::write::Json;

/// Writes an answer.
pub(crate) fn write_answer(answer: &Answer<'_>, envelope: &Envelope) -> Vec<u8> {
    let mut json = Json::with_capacity(2048);
    json.object(|json| {
        json.key("id").text(answer.id.as_deref().unwrap_or(&envelope.id));
        json.key("object").text("text_completion");
        json.key("created").number(answer.created.unwrap_or(envelope.created));
        json.key("model").text(answer.model.as_deref().unwrap_or(&envelope.model));
        json.key("choices").array(|json| {
            for (index, choice) in answer.choices.iter().enumerate() {
                let said = choice.parts.iter().filter_map(|part| match part {
                    Part::Text(said) | Part::Refusal(said) => Some(said.as_ref()),
                    Part::Reasoning(_) | Part::ToolCall(_) => None,
                });
                json.object(|json| {
                    json.key("text").text(&said.collect::<String>());
                    json.key("index").number(index as u64);
                    json.key("logprobs").raw("null");
                    json.key("finish_reason").text(stop_word(choice.stop));
                });
            }
        });
        if let Some(told) = &answer.usage {
            json.key("usage");
            usage::write(told, json);
        }
    });
    json.finish()
}
