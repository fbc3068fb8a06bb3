//! Events of which nothing is known: a string continues the string that stood at the same place in the event before.
//! And the end of such a stream.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::BytesMut;
use flyball_core::json::{Document, NodeKind, Value};

use crate::edge::sse::Event;
use crate::protocols::reading::Reading;
use crate::protocols::{Channel, Chunk, Ending, Field, Piece, counts, openai};
use crate::refusal::{Kind, Refusal};

/// The number under which growing texts are kept: apart from [`STREAM`], which says that the stream has begun.
const TEXTS: u32 = 1;

/// A stream that may end whenever its body does.
const STREAM: u32 = 0;

/// Members whose strings stand for themselves in every event.
const ALONE: [&[u8]; 12] = [
    b"id",
    b"object",
    b"model",
    b"modelVersion",
    b"role",
    b"name",
    b"format",
    b"status",
    b"finish_reason",
    b"finishReason",
    b"stop_reason",
    b"system_fingerprint",
];

/// Reads an event.
pub fn read(document: &Document) -> Chunk {
    let root = document.root();
    let mut reader = Reader {
        reading: Reading::new(document),
        chunk: Chunk { choices: vec![STREAM], finished: vec![STREAM], ..Chunk::default() },
    };
    reader.value(root, &DefaultHasher::new(), false);
    let Reader { mut reading, mut chunk } = reader;
    let alone =
        reading.take(root).into_iter().map(|text| Piece { node: text.node, channel: None, repeats: false });
    chunk.pieces.extend(alone);
    chunk.told = counts::told(root);
    let is_error = root.get("type").is_some_and(|kind| kind.is_text("error"));
    chunk.error = is_error || root.get("error").is_some_and(|error| !error.is_null());
    chunk
}

struct Reader {
    reading: Reading,
    chunk: Chunk,
}

impl Reader {
    /// Reads what stands at the place that `path` has hashed.
    fn value(&mut self, value: Value<'_>, path: &DefaultHasher, alone: bool) {
        match value.kind() {
            NodeKind::String if !alone && self.reading.claim(value) => {
                let part = u32::try_from(path.finish() & u64::from(u32::MAX)).unwrap_or_default();
                let channel = Some(Channel { choice: TEXTS, part, field: Field::Content });
                self.chunk.pieces.push(Piece { node: value.id(), channel, repeats: false });
            }
            NodeKind::Object => self.object(value, path),
            NodeKind::Array => {
                for (position, item) in value.items().enumerate() {
                    let number = item.get("index").and_then(Value::unsigned).unwrap_or(position as u64);
                    let mut path = path.clone();
                    number.hash(&mut path);
                    self.value(item, &path, alone);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, object: Value<'_>, path: &DefaultHasher) {
        let mut path = path.clone();
        // Parts of an answer take turns at the same place: they say which they are by number and kind.
        for key in ["index", "output_index", "content_index", "summary_index"] {
            object.get(key).and_then(Value::unsigned).hash(&mut path);
        }
        if let Some(kind) = object.get("type")
            && let Some(word) = kind.text().filter(|word| is_kind(word))
        {
            self.reading.fixed(kind);
            word.hash(&mut path);
        }
        for (key, value) in object.members() {
            let name = key.name();
            let mut path = path.clone();
            name.hash(&mut path);
            self.value(value, &path, stands_alone(&name));
        }
    }
}

/// Whether a text is one of the words by which events and parts tell their kind, which hold nothing of anybody's.
fn is_kind(word: &str) -> bool {
    (1..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.')
}

/// The name of an event, where it is a word of kind: any other is not passed on.
pub fn name(name: Option<&[u8]>) -> Option<Cow<'static, str>> {
    let word = std::str::from_utf8(name?).ok().filter(|word| is_kind(word))?;
    Some(Cow::Owned(word.to_owned()))
}

fn stands_alone(name: &[u8]) -> bool {
    ALONE.contains(&name) || name == b"type" || name.ends_with(b"_id") || name.ends_with(b"Id")
}

/// The end of a passed stream.
#[derive(Debug, Default)]
pub struct Envelope {
    /// Whether the provider's own end mark came.
    marked: bool,
}

impl Envelope {
    fn error(refusal: &Refusal, request_id: &str, out: &mut BytesMut) {
        Event::encode(Some(b"error"), openai::error::body(refusal, request_id).as_bytes(), out);
    }
}

impl Ending for Envelope {
    fn note(&mut self, _document: &Document, _chunk: &Chunk) {}

    fn marked(&mut self) {
        self.marked = true;
    }

    /// How the provider's own clients are told of a refusal is not known: it is an error.
    fn refuse(&mut self, _open: &[u32], out: &mut BytesMut) {
        let refusal = Refusal::new(Kind::PolicyBlockedOutput, "The policy does not allow this answer.");
        Self::error(&refusal, "", out);
    }

    /// Nobody knows how an answer of our own would have to look: what may not pass as it is does not pass.
    fn answer(&mut self, _texts: &[(u32, String)], out: &mut BytesMut) {
        let message = "The policy asks for a summary of this answer, which a passthrough cannot write.";
        Self::error(&Refusal::new(Kind::PolicyBlockedOutput, message), "", out);
    }

    fn end(&self, out: &mut BytesMut) {
        if self.marked {
            Event::encode(None, b"[DONE]", out);
        }
    }

    fn broken(&mut self, refusal: &Refusal, request_id: &str, out: &mut BytesMut) {
        Self::error(refusal, request_id, out);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;

    use super::*;

    fn pieces(text: &str) -> Vec<(String, Option<Channel>)> {
        let document = Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap();
        let chunk = read(&document);
        chunk
            .pieces
            .iter()
            .map(|p| (document.value(p.node).text().unwrap().into_owned(), p.channel))
            .collect()
    }

    #[test]
    fn a_string_continues_the_one_at_the_same_place() {
        let same = |a: &str, b: &str| {
            let (a, b) = (pieces(a), pieces(b));
            assert!(a.iter().chain(&b).all(|(_, channel)| channel.is_some()), "{a:?} {b:?}");
            a.first().unwrap().1 == b.first().unwrap().1
        };
        assert!(same(r#"{"type":"delta","delta":{"text":"a"}}"#, r#"{"type":"delta","delta":{"text":"b"}}"#));
        assert!(same(r#"{"c":[{"text":"a"}]}"#, r#"{"c":[{"text":"b"}],"n":1}"#));
        for (a, b) in [
            (r#"{"c":[{"index":0,"text":"a"}]}"#, r#"{"c":[{"index":1,"text":"a"}]}"#),
            (r#"{"type":"text.delta","delta":"a"}"#, r#"{"type":"tool.delta","delta":"a"}"#),
            (r#"{"index":0,"delta":{"text":"a"}}"#, r#"{"index":1,"delta":{"text":"a"}}"#),
            (r#"{"a":{"text":"a"}}"#, r#"{"b":{"text":"a"}}"#),
            (r#"{"c":["a"]}"#, r#"{"c":[null,{"x":"a"}]}"#),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn every_string_is_a_piece_but_words_of_kind() {
        let found = pieces(
            r#"{"id":"i","type":"delta","item_id":"j","a":["b",{"type":"me@x.org","c":"d"}],"model":{"x":"y"}}"#,
        );
        let alone: Vec<_> =
            found.iter().filter(|(_, channel)| channel.is_none()).map(|(text, _)| text.as_str()).collect();
        let grown: Vec<_> =
            found.iter().filter(|(_, channel)| channel.is_some()).map(|(text, _)| text.as_str()).collect();
        assert_eq!(alone, ["i", "j", "me@x.org"]);
        assert_eq!(grown, ["b", "d", "y"]);
        assert_eq!(pieces(r#""bare""#).len(), 1);
    }

    #[test]
    fn errors_are_recognised_in_both_forms() {
        let error = |text: &'static str| {
            read(&Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap()).error
        };
        assert!(error(r#"{"type":"error","error":{}}"#) && error(r#"{"error":{"message":"m"}}"#));
        assert!(!error(r#"{"error":null}"#) && !error("[]"));
    }
}
