//! What the last event that was read in full tells of those that follow: most differ from it in a few words only, so
//! that comparing takes the place of parsing. What the words mean is looked at all the same.

use std::borrow::Cow;

use bytes::Bytes;
use flyball_core::json::{Document, Shape};
use flyball_core::tokens;

use crate::edge::sse::Event;
use crate::protocols::Chunk;

/// How events read that are alike but for their words.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) chunk: Chunk,
    /// The name that all of them have.
    name: Option<Bytes>,
    /// Tokens of the names of called functions in each.
    pub(super) name_tokens: u64,
    shape: Shape,
    /// For each of the chunk's pieces: which of the shape's strings it is.
    places: Vec<usize>,
}

impl Pattern {
    /// The pattern of an event that was read as `chunk`. None, if a piece of it were no string: nothing may pass
    /// that cannot be looked at.
    pub(super) fn new(document: &Document, name: Option<Bytes>, chunk: Chunk) -> Option<Self> {
        let shape = Shape::new(document, chunk.free());
        let places = chunk.pieces.iter().map(|piece| shape.place(piece.node)).collect::<Option<_>>()?;
        Some(Pattern { name_tokens: name_tokens(document, &chunk), name, chunk, shape, places })
    }

    /// The strings of an event, if it is one of these.
    pub(super) fn read<'e>(&self, event: &'e Event) -> Option<Vec<Cow<'e, str>>> {
        if event.name != self.name {
            return None;
        }
        self.shape.read(&event.data)
    }

    /// The text of each of the chunk's pieces, given the event's strings.
    pub(super) fn texts<'t>(&'t self, strings: &'t [Cow<'_, str>]) -> impl Iterator<Item = &'t str> {
        self.places.iter().map(|place| strings.get(*place).map(AsRef::as_ref).unwrap_or_default())
    }
}

/// The tokens of the names of called functions.
pub(super) fn name_tokens(document: &Document, chunk: &Chunk) -> u64 {
    let names = chunk.names.iter().filter_map(|name| document.value(*name).text());
    names.map(|name| tokens::count(&name)).sum()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::quote;
    use proptest::prelude::*;

    use super::super::StreamScreen;
    use super::super::tests::{VERBATIM, screen, text};
    use crate::config::OnWholeAnswer;
    use crate::edge::sse::Event;

    /// Events of many kinds; `A` and `B` stand for strings.
    const KINDS: &[&str] = &[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":A},"logprobs":null}],"obfuscation":B}"#,
        r#"{"id":"c","choices":[{"index":1,"delta":{"content":A,"refusal":B}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":A,"reasoning_content":B}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"look","arguments":A}}]}}],"note":B}"#,
        r#"{"choices":[{"delta":{"content":A},"logprobs":{"content":[{"token":A,"logprob":-1.5,"bytes":[1]},{"token":B}]}}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"text","text":A}],"odd":{"more":[B]}}}]}"#,
        r#"{"id":A,"choices":[{"index":0,"delta":{},"finish_reason":B}]}"#,
        r#"{"choices":[{"index":1,"delta":{"role":A,"content":B},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2},"note":A,"system_fingerprint":B}"#,
        r#"{"error":{"message":A}}"#,
    ];

    fn event(kind: usize, a: &str, b: &str) -> Event {
        // Letters stand for nothing within the strings: they are put in at once.
        let data: String = KINDS[kind]
            .split_inclusive([':', '[', ',', '}', ']'])
            .map(|piece| match piece.strip_prefix(['A', 'B']) {
                Some(rest) => format!("{}{rest}", quote(if piece.starts_with('A') { a } else { b })),
                None => piece.to_owned(),
            })
            .collect();
        Event { raw: None, name: None, data: Bytes::from(data) }
    }

    /// All that can be seen of a screen, and what it remembers for events of its own.
    fn seen(screen: &StreamScreen) -> String {
        let remembered = (&screen.ending, screen.begun, &screen.open);
        let counted = (screen.usage(), screen.output_tokens(), screen.findings());
        format!("{:?} {:?} {remembered:?} {counted:?}", screen.state(), screen.decision())
    }

    proptest! {
        #[test]
        fn an_event_that_is_compared_is_screened_as_one_that_is_parsed(
            events in prop::collection::vec((0..KINDS.len(), prop::collection::vec((text(), text()), 1..4)), 1..6),
            policy in 0..3,
        ) {
            let block = VERBATIM.replace("ACTION", "block");
            let new = || match policy {
                0 => screen(None, OnWholeAnswer::Buffer),
                1 => screen(Some(&block), OnWholeAnswer::Buffer),
                _ => screen(Some(&block), OnWholeAnswer::Running),
            };
            let (mut compared, mut parsed) = (new(), new());
            for (kind, texts) in events {
                for (a, b) in texts {
                    let event = event(kind, &a, &b);
                    parsed.pattern = None;
                    let (one, other) = (compared.event(event.clone()), parsed.event(event));
                    prop_assert_eq!(one.map_err(|refusal| refusal.kind), other.map_err(|refusal| refusal.kind));
                    prop_assert_eq!(compared.take(), parsed.take());
                    prop_assert_eq!(seen(&compared), seen(&parsed));
                }
            }
            prop_assert_eq!(compared.end_of_body(), parsed.end_of_body());
            prop_assert_eq!(compared.take(), parsed.take());
            prop_assert_eq!(seen(&compared), seen(&parsed));
        }
    }

    #[test]
    fn events_that_differ_in_their_words_are_of_one_pattern() {
        for kind in [0, 1, 2, 3, 4, 5] {
            let mut screen = screen(None, OnWholeAnswer::Buffer);
            screen.event(event(kind, "one", "two")).unwrap();
            let pattern = screen.pattern.unwrap();
            assert!(pattern.read(&event(kind, "three\n", "")).is_some(), "{}", KINDS[kind]);
        }
    }
}
