//! A plain answer of an OpenAI-compatible provider: which strings to inspect, what it cost.

use flyball_core::TextRole;
use flyball_core::json::{Document, NodeId, NodeKind, Value};

use crate::protocols::reading::Reading;
use crate::protocols::{Answer, AnswerText};

/// Reads a `chat.completion`; none when it is not one.
pub fn chat(document: &Document) -> Option<Answer> {
    let root = document.root();
    let choices = root.get("choices").filter(|choices| choices.kind() == NodeKind::Array)?;
    let mut reader = Reader::new(document);
    for key in ["id", "object", "model", "system_fingerprint", "service_tier"] {
        reader.fixed(root, key);
    }
    for (position, choice) in choices.items().enumerate() {
        reader.choice(u32::try_from(position).unwrap_or(u32::MAX), choice);
    }
    Some(reader.finish(root))
}

/// Reads an embeddings answer; none when it is not one.
pub fn embeddings(document: &Document) -> Option<Answer> {
    let root = document.root();
    let data = root.get("data").filter(|data| data.kind() == NodeKind::Array)?;
    let mut reader = Reader::new(document);
    for key in ["id", "object", "model"] {
        reader.fixed(root, key);
    }
    for item in data.items() {
        // Vectors are numbers, or numbers in base64.
        reader.fixed(item, "embedding");
        reader.fixed(item, "object");
    }
    Some(reader.finish(root))
}

/// Reads an answer that holds a list named `list` and in which these members of each item are fixed; none when it is
/// not one.
pub(super) fn list(document: &Document, list: &str, fixed: &[&str]) -> Option<Answer> {
    let root = document.root();
    let items = root.get(list).filter(|items| items.kind() == NodeKind::Array)?;
    let mut reader = Reader::new(document);
    for key in ["id", "object", "model"] {
        reader.fixed(root, key);
    }
    for item in items.items() {
        fixed.iter().for_each(|key| reader.fixed(item, key));
    }
    reader.take(0, root);
    Some(reader.answer)
}

struct Reader {
    reading: Reading,
    /// Texts of the answer at hand that are its own.
    contents: Vec<NodeId>,
    answer: Answer,
}

impl Reader {
    fn new(document: &Document) -> Self {
        Reader { reading: Reading::new(document), contents: Vec::new(), answer: Answer::default() }
    }

    fn fixed(&mut self, object: Value<'_>, key: &str) {
        if let Some(value) = object.get(key) {
            self.reading.fixed(value);
        }
    }

    fn finish(mut self, root: Value<'_>) -> Answer {
        self.take(0, root);
        self.answer.usage = root.get("usage").and_then(super::usage);
        self.answer
    }

    /// Hands out the texts of `value`, which belongs to answer `choice`.
    fn take(&mut self, choice: u32, value: Value<'_>) {
        let contents = std::mem::take(&mut self.contents);
        self.answer.texts.extend(self.reading.take(value).into_iter().map(|text| {
            // Both are in the order of the bytes.
            AnswerText { text, choice, content: contents.binary_search(&text.node).is_ok() }
        }));
    }

    fn choice(&mut self, position: u32, choice: Value<'_>) {
        let number = choice.get("index").and_then(Value::unsigned);
        let number = number.and_then(|n| u32::try_from(n).ok()).unwrap_or(position);
        self.fixed(choice, "finish_reason");
        for (key, value) in choice.get("message").into_iter().flat_map(Value::members) {
            match key.name().as_ref() {
                b"role" => self.reading.fixed(value),
                b"content" => {
                    self.content(value);
                    // Some providers answer in parts.
                    value.items().filter_map(|part| part.get("text")).for_each(|text| self.content(text));
                }
                b"refusal" | b"reasoning_content" | b"reasoning" => {
                    self.reading.text(value, TextRole::Assistant);
                }
                b"tool_calls" => self.reading.tool_calls(value),
                b"function_call" => self.reading.function(value),
                b"audio" => {
                    self.fixed(value, "id");
                    self.fixed(value, "data");
                }
                _ => {}
            }
        }
        self.take(number, choice);
    }

    fn content(&mut self, value: Value<'_>) {
        if value.kind() == NodeKind::String {
            self.reading.text(value, TextRole::Assistant);
            self.contents.push(value.id());
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;

    use super::*;

    fn texts(text: &str, read: fn(&Document) -> Option<Answer>) -> Vec<(String, u32, bool)> {
        let document = Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap();
        let text = |t: &AnswerText| document.value(t.text.node).text().unwrap().into_owned();
        read(&document).unwrap().texts.iter().map(|t| (text(t), t.choice, t.content)).collect()
    }

    #[test]
    fn every_string_is_inspected_whatever_its_place() {
        let found = texts(
            r#"{"id":"-","model":["odd"],"choices":["bare",
                {"index":7,"message":{"role":"assistant","content":[{"type":"text","text":"part"}],"tool_calls":{"x":"call"}},
                 "logprobs":{"content":[{"token":"word"}]},"finish_reason":"stop"},
                {"index":8,"message":"plain"}],"usage":{"note":"use"}}"#,
            chat,
        );
        let expected = [
            ("bare", 0, false),
            ("text", 7, false),
            ("part", 7, true),
            ("call", 7, false),
            ("word", 7, false),
            ("plain", 8, false),
            ("odd", 0, false),
            ("use", 0, false),
        ];
        assert_eq!(found, expected.map(|(text, choice, content)| (text.to_owned(), choice, content)));
        let found = texts(r#"{"data":["a",{"embedding":"AAAA"},{"embedding":{"x":"b"}}]}"#, embeddings);
        assert_eq!(found, [("a".to_owned(), 0, false), ("b".to_owned(), 0, false)]);
    }
}
