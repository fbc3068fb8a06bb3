//! A plain answer of an OpenAI-compatible provider: which strings to inspect, what it cost.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::{Text, TextRole};

use super::chat::{function, tool_calls};
use crate::protocols::{AnswerText, Usage, collect_strings};

/// What the screen needs to know of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// Every string to inspect, in the order of the bytes.
    pub texts: Vec<AnswerText>,
    /// What the provider counted.
    pub usage: Option<Usage>,
}

/// Reads a `chat.completion`; none when it is not one.
pub fn chat(document: &Document) -> Option<Answer> {
    let root = document.root();
    let mut answer = Answer::default();
    let choices = root.get("choices").filter(|choices| choices.kind() == NodeKind::Array)?;
    for (key, value) in root.members() {
        match key.text().unwrap_or_default().as_ref() {
            "id" | "object" | "model" | "system_fingerprint" | "service_tier" | "usage" => {}
            "choices" => {
                for (position, choice) in choices.items().enumerate() {
                    let position = u32::try_from(position).unwrap_or(u32::MAX);
                    answer.choice(position, choice);
                }
            }
            _ => answer.others(0, value),
        }
    }
    answer.usage = root.get("usage").and_then(super::usage);
    Some(answer)
}

/// Reads an embeddings answer; none when it is not one.
pub fn embeddings(document: &Document) -> Option<Answer> {
    let root = document.root();
    let data = root.get("data").filter(|data| data.kind() == NodeKind::Array)?;
    let mut answer = Answer::default();
    for item in data.items() {
        for (key, value) in item.members() {
            // Vectors are numbers, or numbers in base64.
            if !matches!(key.text().unwrap_or_default().as_ref(), "embedding" | "object") {
                answer.others(0, value);
            }
        }
    }
    for (key, value) in root.members() {
        if !matches!(key.text().unwrap_or_default().as_ref(), "data" | "object" | "model" | "usage" | "id") {
            answer.others(0, value);
        }
    }
    answer.usage = root.get("usage").and_then(super::usage);
    Some(answer)
}

impl Answer {
    fn choice(&mut self, position: u32, choice: Value<'_>) {
        let number = choice.get("index").and_then(Value::unsigned);
        let number = number.and_then(|n| u32::try_from(n).ok()).unwrap_or(position);
        for (key, value) in choice.members() {
            match key.text().unwrap_or_default().as_ref() {
                "finish_reason" => {}
                // Log probabilities repeat the text token by token: they go when the text is rewritten.
                "logprobs" => {}
                "message" => self.message(number, value),
                _ => self.others(number, value),
            }
        }
    }

    fn message(&mut self, choice: u32, message: Value<'_>) {
        for (key, value) in message.members() {
            match key.text().unwrap_or_default().as_ref() {
                "role" => {}
                "content" if value.kind() == NodeKind::String => self.push(choice, value, true),
                "refusal" | "reasoning_content" | "reasoning" if value.kind() == NodeKind::String => {
                    self.push(choice, value, false);
                }
                "tool_calls" => self.with(choice, |texts| tool_calls(value, texts)),
                "function_call" => self.with(choice, |texts| function(value, texts)),
                "audio" => {
                    for (key, value) in value.members() {
                        if !matches!(key.text().unwrap_or_default().as_ref(), "id" | "data") {
                            self.others(choice, value);
                        }
                    }
                }
                _ => self.others(choice, value),
            }
        }
    }

    fn push(&mut self, choice: u32, value: Value<'_>, content: bool) {
        let text = Text { node: value.id(), role: TextRole::Assistant };
        self.texts.push(AnswerText { text, choice, content });
    }

    fn others(&mut self, choice: u32, value: Value<'_>) {
        self.with(choice, |texts| collect_strings(value, texts));
    }

    fn with(&mut self, choice: u32, collect: impl FnOnce(&mut Vec<Text>)) {
        let mut texts = Vec::new();
        collect(&mut texts);
        self.texts.extend(texts.into_iter().map(|text| AnswerText { text, choice, content: false }));
    }
}
