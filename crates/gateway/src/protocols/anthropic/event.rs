//! One event of a streamed message: which pieces of text it carries and which fields they continue. Each content block
//! is a part of its own.

use std::hash::{DefaultHasher, Hash, Hasher};

use flyball_core::TextRole;
use flyball_core::json::{Document, NodeKind, Value};

use super::{answer, block};
use crate::protocols::reading::Reading;
use crate::protocols::{Channel, Chunk, Field, Mark, Piece};

/// Reads an event of a stream of `POST /v1/messages`; none when it is not an object with a type, or numbers its block
/// with what is no number.
pub fn read(document: &Document) -> Option<Chunk> {
    let root = document.root();
    let kind = root.get("type")?;
    // Blocks without numbers of their own would be read as one.
    let part = match root.get("index") {
        Some(index) => u32::try_from(index.unsigned()?).ok()?,
        None => 0,
    };
    let mut reader = Reader { reading: Reading::new(document), chunk: Chunk::default(), part };
    reader.reading.fixed(kind);
    // Answers that it speaks of: there is one.
    let mut speaks = true;
    match kind.text()?.as_ref() {
        "message_start" => reader.start(root),
        "content_block_start" => {
            reader.chunk.mark = Mark::Open(part);
            root.get("content_block").into_iter().for_each(|block| reader.block(block));
        }
        "content_block_delta" => root.get("delta").into_iter().for_each(|delta| reader.delta(delta)),
        "content_block_stop" => reader.chunk.mark = Mark::Close(part),
        "message_delta" => {
            root.get("delta").into_iter().for_each(|delta| answer::message(&mut reader.reading, delta));
            answer::usage(&mut reader.reading, root);
            reader.chunk.told = root.get("usage").and_then(super::told);
        }
        "message_stop" => {
            reader.chunk.finished.push(0);
            reader.chunk.last = true;
        }
        "error" => reader.chunk.error = true,
        _ => speaks = false,
    }
    let Reader { mut reading, mut chunk, .. } = reader;
    if speaks && !chunk.error {
        chunk.choices.push(0);
    }
    // What does not grow stands for itself.
    let alone =
        reading.take(root).into_iter().map(|text| Piece { node: text.node, channel: None, repeats: false });
    chunk.pieces.extend(alone);
    Some(chunk)
}

struct Reader {
    reading: Reading,
    chunk: Chunk,
    /// The number of the content block.
    part: u32,
}

impl Reader {
    fn start(&mut self, root: Value<'_>) {
        self.chunk.mark = Mark::Begin;
        let Some(message) = root.get("message") else { return };
        answer::message(&mut self.reading, message);
        self.chunk.told = message.get("usage").and_then(super::told);
        // Empty as a rule; some providers begin in the middle.
        for (index, block) in message.get("content").into_iter().flat_map(Value::items).enumerate() {
            self.part = u32::try_from(index).unwrap_or(u32::MAX);
            self.block(block);
        }
    }

    /// A block as it begins: its text may have begun too.
    fn block(&mut self, block: Value<'_>) {
        match block.get("type").and_then(Value::text).as_deref() {
            Some("text") => self.grow(Field::Content, block.get("text")),
            Some("thinking") => self.grow(Field::Reasoning, block.get("thinking")),
            Some("tool_use" | "server_tool_use" | "mcp_tool_use") => {
                self.chunk.names.extend(block.get("name").map(Value::id));
            }
            _ => {}
        }
        block::read(&mut self.reading, block, TextRole::Assistant, block::Place::Event);
    }

    fn delta(&mut self, delta: Value<'_>) {
        let kind = delta.get("type").and_then(Value::text).unwrap_or_default();
        for (key, value) in delta.members() {
            let name = key.text().unwrap_or_default();
            match (kind.as_ref(), name.as_ref()) {
                (_, "type") => self.reading.fixed(value),
                ("text_delta", "text") => self.grow(Field::Content, Some(value)),
                ("thinking_delta", "thinking") => self.grow(Field::Reasoning, Some(value)),
                ("input_json_delta", "partial_json") => {
                    self.grow(Field::ToolArguments(self.part), Some(value));
                }
                ("signature_delta" | "compaction_delta", "signature" | "encrypted_content") => {
                    self.reading.fixed(value);
                }
                // A summary comes at once: the delta is all of it.
                ("compaction_delta", "content") => {}
                ("citations_delta", "citation") => {
                    block::read(&mut self.reading, value, TextRole::Assistant, block::Place::Event);
                }
                _ => {
                    let mut path = DefaultHasher::new();
                    (kind.as_ref(), name.as_ref()).hash(&mut path);
                    self.other(path, value);
                }
            }
        }
    }

    fn grow(&mut self, field: Field, value: Option<Value<'_>>) {
        if let Some(value) = value.filter(|value| self.reading.claim(*value)) {
            let channel = Some(Channel { choice: 0, part: self.part, field });
            self.chunk.pieces.push(Piece { node: value.id(), channel, repeats: false });
        }
    }

    /// Strings of a delta that the protocol does not name: they may grow like any other. Words that every event
    /// repeats do not.
    fn other(&mut self, path: DefaultHasher, value: Value<'_>) {
        if value.kind() == NodeKind::String {
            self.grow(Field::Other(path.finish()), Some(value));
            return;
        }
        for (key, member) in value.members() {
            let name = key.text().unwrap_or_default();
            if member.kind() != NodeKind::String || !matches!(name.as_ref(), "type" | "id" | "name") {
                let mut path = path.clone();
                name.hash(&mut path);
                self.other(path, member);
            }
        }
        for (position, item) in value.items().enumerate() {
            let mut path = path.clone();
            position.hash(&mut path);
            self.other(path, item);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;

    use super::*;
    use crate::protocols::Told;

    fn document(text: &str) -> Document {
        Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap()
    }

    /// The strings that are inspected, with the field that they continue.
    fn pieces(text: &str) -> Vec<(String, Option<Field>)> {
        let document = document(text);
        let piece = |piece: &Piece| {
            let text = document.value(piece.node).text().unwrap().into_owned();
            (text, piece.channel.map(|channel| channel.field))
        };
        read(&document).unwrap().pieces.iter().map(piece).collect()
    }

    #[test]
    fn deltas_continue_the_fields_of_their_block() {
        for (delta, field) in [
            (r#"{"type":"text_delta","text":"a"}"#, Some(Field::Content)),
            (r#"{"type":"thinking_delta","thinking":"a"}"#, Some(Field::Reasoning)),
            (r#"{"type":"input_json_delta","partial_json":"a"}"#, Some(Field::ToolArguments(7))),
            (r#"{"type":"compaction_delta","content":"a","encrypted_content":"-"}"#, None),
            (
                r#"{"type":"citations_delta","citation":{"type":"char_location","cited_text":"a","file_id":"-"}}"#,
                None,
            ),
        ] {
            let text = format!(r#"{{"type":"content_block_delta","index":7,"delta":{delta}}}"#);
            assert_eq!(pieces(&text), [("a".to_owned(), field)], "{delta}");
            let chunk = read(&document(&text)).unwrap();
            assert!(chunk.pieces[0].channel.is_none_or(|channel| channel.part == 7));
        }
        let signature =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"-"}}"#;
        assert_eq!(pieces(signature), []);
    }

    #[test]
    fn fields_that_are_not_known_grow_too_and_differ_by_their_path() {
        let text = r#"{"type":"content_block_delta","index":1,"note":"n","delta":{"type":"odd","a":"x","b":["y",{"type":"-","c":"z"}]}}"#;
        let found = pieces(text);
        assert_eq!(
            found.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(),
            ["x", "y", "z", "n", "-"]
        );
        let fields: std::collections::HashSet<_> =
            found[..3].iter().map(|(_, field)| field.unwrap()).collect();
        assert_eq!(fields.len(), 3);
        assert!(found[3..].iter().all(|(_, field)| field.is_none()));
        assert_eq!(found, pieces(text), "an event reads the same every time");
    }

    #[test]
    fn the_frame_of_the_stream_is_marked() {
        for (text, mark) in [
            (r#"{"type":"message_start","message":{"content":[]}}"#, Mark::Begin),
            (
                r#"{"type":"content_block_start","index":3,"content_block":{"type":"text","text":""}}"#,
                Mark::Open(3),
            ),
            (r#"{"type":"content_block_stop","index":3}"#, Mark::Close(3)),
            (r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#, Mark::None),
        ] {
            let chunk = read(&document(text)).unwrap();
            assert_eq!((chunk.mark, chunk.choices, chunk.last), (mark, vec![0], false), "{text}");
        }
        let last = read(&document(r#"{"type":"message_stop"}"#)).unwrap();
        assert_eq!((last.finished, last.last), (vec![0], true));
        for (text, error) in
            [(r#"{"type":"ping"}"#, false), (r#"{"type":"error","error":{"type":"x"}}"#, true)]
        {
            let chunk = read(&document(text)).unwrap();
            assert_eq!((chunk.choices.len(), chunk.error), (0, error), "{text}");
        }
        for other in [
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"ping","index":4294967296}"#,
            r#"{"type":"ping","index":"0"}"#,
        ] {
            assert!(read(&document(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn usage_is_told_at_both_ends() {
        let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":1,"cache_read_input_tokens":2,"output_tokens":3}}}"#;
        let told = read(&document(start)).unwrap().told.unwrap();
        assert_eq!(told, Told { input: Some(3), cached_input: Some(2), output: Some(3) });
        let end =
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#;
        let later = read(&document(end)).unwrap().told.unwrap();
        let usage = told.and(later).usage().unwrap();
        assert_eq!((usage.input, usage.cached_input, usage.output), (3, 2, 9));
    }

    #[test]
    fn what_stands_in_the_beginning_of_message_and_block_is_inspected() {
        let start = r#"{"type":"message_start","message":{"id":"-","type":"message","role":"assistant","model":"-","content":[{"type":"text","text":"a"}],"odd":"b"}}"#;
        assert_eq!(pieces(start), [("a".to_owned(), Some(Field::Content)), ("b".to_owned(), None)]);
        let tool = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"-","name":"look","input":{"x":"c"}}}"#;
        assert_eq!(pieces(tool), [("c".to_owned(), None)]);
        assert_eq!(read(&document(tool)).unwrap().names.len(), 1);
    }
}
