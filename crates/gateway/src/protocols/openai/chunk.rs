//! One event of a streamed chat completion: which pieces of text it carries and which fields they continue.

use std::hash::{DefaultHasher, Hash, Hasher};

use flyball_core::json::{Document, NodeKind, Value};

use crate::protocols::reading::Reading;
use crate::protocols::{Channel, Chunk, Field, Mark, Piece};

/// Reads a `chat.completion.chunk`; none when it is not an object.
pub fn read(document: &Document) -> Option<Chunk> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return None;
    }
    let mut reader = Reader { reading: Reading::new(document), chunk: Chunk::default() };
    for (key, value) in root.members() {
        match key.name().as_ref() {
            b"id" | b"object" | b"model" | b"system_fingerprint" | b"service_tier" => {
                reader.reading.fixed(value);
            }
            b"obfuscation" => {
                reader.reading.fixed(value);
                reader.chunk.padding = Some(value.id());
            }
            b"usage" => reader.chunk.told = super::told(value),
            b"choices" => value.items().for_each(|choice| reader.choice(choice)),
            b"error" => reader.chunk.error |= !value.is_null(),
            _ => {}
        }
    }
    let Reader { mut reading, mut chunk } = reader;
    // What does not grow stands for itself.
    let alone =
        reading.take(root).into_iter().map(|text| Piece { node: text.node, channel: None, repeats: false });
    chunk.pieces.extend(alone);
    let no_choices = root.get("choices").is_none_or(|choices| choices.items().next().is_none());
    chunk.only_usage = chunk.told.is_some() && no_choices;
    Some(chunk)
}

struct Reader {
    reading: Reading,
    chunk: Chunk,
}

impl Reader {
    fn choice(&mut self, choice: Value<'_>) {
        let number = choice.get("index").and_then(Value::unsigned);
        let number = number.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        self.chunk.choices.push(number);
        for (key, value) in choice.members() {
            match key.name().as_ref() {
                b"finish_reason" => {
                    self.reading.fixed(value);
                    // Some providers send an empty reason until there is one.
                    if value.text().is_some_and(|reason| !reason.is_empty()) {
                        self.chunk.finished.push(number);
                    }
                }
                b"logprobs" => self.logprobs(number, value),
                b"delta" => self.delta(number, value),
                // Where other versions of the protocol have the answer.
                b"text" => self.other(number, &["text"], value),
                b"message" => self.other(number, &["message"], value),
                _ => {}
            }
        }
    }

    /// Tokens spell the answer's text, not always in the same event.
    fn logprobs(&mut self, choice: u32, logprobs: Value<'_>) {
        for part in ["content", "refusal", "tokens"] {
            for token in logprobs.get(part).into_iter().flat_map(Value::items) {
                self.grow(choice, Field::LogProbs, token.get("token").unwrap_or(token));
            }
        }
    }

    fn delta(&mut self, choice: u32, delta: Value<'_>) {
        for (key, value) in delta.members() {
            match key.name().as_ref() {
                b"role" => {
                    self.reading.fixed(value);
                    self.chunk.mark = Mark::Open(choice);
                }
                b"content" => {
                    self.grow(choice, Field::Content, value);
                    // Some providers answer in parts.
                    for text in value.items().filter_map(|part| part.get("text")) {
                        self.grow(choice, Field::Content, text);
                    }
                    if value.kind() != NodeKind::String {
                        self.other(choice, &["content"], value);
                    }
                }
                b"refusal" => self.grow(choice, Field::Refusal, value),
                b"reasoning_content" => self.grow(choice, Field::Reasoning, value),
                // The other name of the same; some providers send both.
                b"reasoning"
                    if value.kind() == NodeKind::String && delta.get("reasoning_content").is_none() =>
                {
                    self.grow(choice, Field::Reasoning, value);
                }
                b"tool_calls" => {
                    for (position, call) in value.items().enumerate() {
                        let index = call.get("index").and_then(Value::unsigned);
                        let index = index.and_then(|n| u32::try_from(n).ok());
                        let index = index.unwrap_or(u32::try_from(position).unwrap_or(u32::MAX));
                        self.tool_call(choice, index, call);
                    }
                }
                b"function_call" => self.function(choice, u32::MAX, value),
                _ => self.other(choice, &[&key.text().unwrap_or_default()], value),
            }
        }
    }

    fn tool_call(&mut self, choice: u32, index: u32, call: Value<'_>) {
        for (key, value) in call.members() {
            let key = key.text().unwrap_or_default();
            match key.as_ref() {
                "id" | "type" => self.reading.fixed(value),
                "function" | "custom" => self.function(choice, index, value),
                _ => self.other(choice, &["tool_calls", &index.to_string(), &key], value),
            }
        }
    }

    fn function(&mut self, choice: u32, index: u32, function: Value<'_>) {
        for (key, value) in function.members() {
            let key = key.text().unwrap_or_default();
            match key.as_ref() {
                "name" => {
                    self.reading.fixed(value);
                    self.chunk.names.push(value.id());
                }
                "arguments" => self.grow(choice, Field::ToolArguments(index), value),
                _ => self.other(choice, &["function", &index.to_string(), &key], value),
            }
        }
    }

    fn grow(&mut self, choice: u32, field: Field, value: Value<'_>) {
        if self.reading.claim(value) {
            let channel = Some(Channel { choice, part: 0, field });
            self.chunk.pieces.push(Piece { node: value.id(), channel, repeats: false });
        }
    }

    /// Strings of a field that the protocol does not name: within a delta they may grow like any other. Words that
    /// every event repeats do not.
    fn other(&mut self, choice: u32, path: &[&str], value: Value<'_>) {
        if value.kind() == NodeKind::String {
            if !matches!(path.last(), Some(&("type" | "format" | "object" | "id" | "role" | "name"))) {
                let mut hasher = DefaultHasher::new();
                path.hash(&mut hasher);
                self.grow(choice, Field::Other(hasher.finish()), value);
            }
            return;
        }
        for (key, member) in value.members() {
            let key = key.text().unwrap_or_default();
            let path: Vec<&str> = path.iter().copied().chain([key.as_ref()]).collect();
            self.other(choice, &path, member);
        }
        for (position, item) in value.items().enumerate() {
            let position = position.to_string();
            let path: Vec<&str> = path.iter().copied().chain([position.as_str()]).collect();
            self.other(choice, &path, item);
        }
    }
}
