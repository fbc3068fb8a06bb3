//! What an event that told one piece of a part, and nothing else, says of those that follow: they tell the next piece
//! if they differ from it in that piece's text only. Comparing takes the place of reading. It may: readers take such
//! an event in the same way as often as it comes, because the first of them changed nothing that the next would.

use std::borrow::Cow;

use flyball_core::json::{Document, NodeId, Shape, Value};

use crate::reply::Event;

/// Strings beside the piece that may read anything, for no reader looks at them: what vendors add so that the length
/// of an event does not tell that of its text.
const PADDING: [&str; 2] = ["obfuscation", "p"];

/// Events that are alike but for the text of their piece.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The name that all of them have.
    name: Option<Box<str>>,
    shape: Shape,
    /// Which of the shape's strings the text is.
    place: usize,
    choice: u32,
    part: u32,
}

impl Pattern {
    /// The pattern of an event that was read as `told`; none where that is no piece, or not what one string says.
    pub(super) fn new(name: Option<&str>, document: &Document, told: &Event<'_>) -> Option<Self> {
        let Event::Piece { choice, part, text: Cow::Borrowed(text) } = *told else { return None };
        let node = string_at(document, text)?;
        let padding = PADDING.iter().filter_map(|name| document.root().get(name)).map(Value::id);
        let shape = Shape::new(document, padding.chain([node]));
        let place = shape.place(node)?;
        Some(Pattern { name: name.map(Box::from), shape, place, choice, part })
    }

    /// The piece that an event tells, if it is one of these. One that tells an empty text is not: it may mean
    /// something else, or nothing.
    pub(super) fn read<'e>(&self, name: Option<&str>, data: &'e [u8]) -> Option<Event<'e>> {
        if name != self.name.as_deref() {
            return None;
        }
        let mut texts = self.shape.read(data)?;
        let text = texts.drain(..).nth(self.place).filter(|text| !text.is_empty())?;
        Some(Event::Piece { choice: self.choice, part: self.part, text })
    }
}

/// The string of which `text` was borrowed.
fn string_at(document: &Document, text: &str) -> Option<NodeId> {
    let inside = text.as_ptr().addr().checked_sub(document.source().as_ptr().addr())?;
    let mut strings = document.root().strings();
    strings
        .find(|string| string.span().start + 1 == inside && string.span().len() == text.len() + 2)
        .map(Value::id)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::quote;
    use proptest::prelude::*;

    use super::super::Events;
    use crate::{Dialect, Envelope};

    /// Streams' events by dialect: their names, and their data with `A` and `B` for strings.
    const KINDS: [(Dialect, &[(&str, &str)]); 4] = [
        (
            Dialect::Chat,
            &[
                (
                    "",
                    r#"{"id":"c","choices":[{"index":0,"delta":{"content":A},"finish_reason":null}],"obfuscation":B}"#,
                ),
                ("", r#"{"id":"c","choices":[{"index":0,"delta":{"content":A,"reasoning":B}}]}"#),
                ("", r#"{"choices":[{"index":1,"delta":{"reasoning_content":A,"reasoning":B}}]}"#),
                ("", r#"{"choices":[{"delta":{"refusal":A},"finish_reason":null}],"p":B}"#),
                (
                    "",
                    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":A}}]}}]}"#,
                ),
                (
                    "",
                    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":A,"function":{"name":"f","arguments":B}}]}}]}"#,
                ),
                ("", r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":A}}]}}]}"#),
                (
                    "",
                    r#"{"choices":[{"index":0,"delta":{"content":A}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
                ),
                ("", r#"{"choices":[{"index":1,"delta":{"content":A},"finish_reason":B}]}"#),
                ("", "[DONE]"),
            ],
        ),
        (
            Dialect::Messages,
            &[
                ("", r#"{"type":"message_start","message":{"id":A,"model":B,"usage":{"input_tokens":1}}}"#),
                ("", r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":A}}"#),
                (
                    "",
                    r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":A,"name":"f","input":{"a":B}}}"#,
                ),
                (
                    "",
                    r#"{"type":"content_block_start","index":2,"content_block":{"type":"redacted_thinking","data":A}}"#,
                ),
                (
                    "",
                    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":A},"p":B}"#,
                ),
                (
                    "",
                    r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":A}}"#,
                ),
                (
                    "",
                    r#"{"type":"content_block_delta","index":2,"delta":{"type":"thinking_delta","thinking":A}}"#,
                ),
                ("", r#"{"type":"content_block_stop","index":0}"#),
                ("", r#"{"type":"content_block_stop","index":1}"#),
                (
                    "",
                    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":A},"usage":{"output_tokens":3}}"#,
                ),
            ],
        ),
        (
            Dialect::Gemini,
            &[
                ("", r#"{"candidates":[{"content":{"parts":[{"text":A}]},"index":0}],"responseId":B}"#),
                ("", r#"{"candidates":[{"content":{"parts":[{"text":A,"thought":true}]},"index":0}]}"#),
                ("", r#"{"candidates":[{"content":{"parts":[{"text":A},{"text":B}]},"index":1}]}"#),
                (
                    "",
                    r#"{"candidates":[{"content":{"parts":[{"text":A}]}}],"usageMetadata":{"promptTokenCount":4}}"#,
                ),
                ("", r#"{"candidates":[{"content":{"parts":[{"text":A}]},"finishReason":"STOP"}]}"#),
                (
                    "",
                    r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":A}}}]}}]}"#,
                ),
                ("", r#"{"candidates":[],"promptFeedback":{"blockReason":A},"p":B}"#),
            ],
        ),
        (
            Dialect::Converse,
            &[
                ("messageStart", r#"{"role":"assistant","p":A}"#),
                (
                    "contentBlockStart",
                    r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"x","name":A}}}"#,
                ),
                ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":A},"p":B}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":A}},"p":B}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"reasoningContent":{"text":A}}}"#),
                ("contentBlockStop", r#"{"contentBlockIndex":0,"p":A}"#),
                ("contentBlockStop", r#"{"contentBlockIndex":0,"delta":{"text":A},"p":B}"#),
                ("messageStop", r#"{"stopReason":A}"#),
                ("metadata", r#"{"usage":{"inputTokens":1,"outputTokens":2}}"#),
            ],
        ),
    ];

    fn data(template: &str, a: &str, b: &str) -> Bytes {
        // Letters stand for nothing within the strings: they are put in at once.
        let pieces =
            template.split_inclusive([':', '[', ',', '}', ']']).map(|piece| match piece.chars().next() {
                Some(letter @ ('A' | 'B')) => {
                    format!("{}{}", quote(if letter == 'A' { a } else { b }), &piece[1..])
                }
                _ => piece.to_owned(),
            });
        Bytes::from(pieces.collect::<String>())
    }

    fn envelope() -> Envelope {
        Envelope { id: "e".to_owned(), model: "m".to_owned(), stream_usage: true, ..Envelope::default() }
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[a-z ]{1,4}", "\\PC{0,3}", Just("\"\n".to_owned())]
    }

    proptest! {
        #[test]
        fn an_event_that_is_compared_becomes_what_one_becomes_that_is_read(
            dialect in 0..KINDS.len(),
            to in prop::sample::select(Dialect::CALLERS.to_vec()),
            events in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec((text(), text()), 1..4)), 1..8),
        ) {
            let (from, kinds) = KINDS[dialect];
            let new = || Events::new(from, to, envelope()).unwrap();
            let (mut compared, mut read) = (new(), new());
            let (mut one, mut other) = (Vec::new(), Vec::new());
            for (kind, texts) in events {
                let (name, template) = kind.get(kinds);
                let name = (!name.is_empty()).then_some(*name);
                for (a, b) in texts {
                    let data = data(template, &a, &b);
                    read.pattern = None;
                    let results = (compared.event(name, &data, &mut one), read.event(name, &data, &mut other));
                    prop_assert_eq!(results.0, results.1);
                    prop_assert_eq!(&one, &other);
                    if results.0.is_err() {
                        return Ok(());
                    }
                }
            }
            compared.end_of_body(&mut one);
            read.end_of_body(&mut other);
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn words_of_a_part_that_is_open_are_compared() {
        for (from, kind) in [
            (Dialect::Chat, 0),
            (Dialect::Chat, 4),
            (Dialect::Messages, 4),
            (Dialect::Messages, 6),
            (Dialect::Gemini, 1),
            (Dialect::Converse, 2),
        ] {
            let (_, kinds) = KINDS.into_iter().find(|(dialect, _)| *dialect == from).unwrap();
            let (name, template) = kinds[kind];
            let name = (!name.is_empty()).then_some(name);
            let mut events = Events::new(from, Dialect::Chat, envelope()).unwrap();
            for word in ["one", "two"] {
                events.event(name, &data(template, word, word), &mut Vec::new()).unwrap();
            }
            // Where the second string is one that is looked at, it stays.
            let next = data(template, "three\n", if from == Dialect::Gemini { "two" } else { "other" });
            assert!(events.pattern.unwrap().read(name, &next).is_some(), "{template}");
        }
    }
}
