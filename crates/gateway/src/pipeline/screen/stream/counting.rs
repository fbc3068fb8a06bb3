//! What a stream cost in tokens: as the provider told, and as we count. Pieces are counted where they are scanned,
//! in `channel`.

use flyball_core::json::Document;

use super::pattern::name_tokens;
use super::{EVENT_LIMITS, State, StreamScreen};
use crate::edge::sse::Event;
use crate::protocols::{Chunk, Told, Usage};

impl StreamScreen {
    /// What the provider told of all that came. Some tell along the way how much it is so far: that is not enough
    /// where the stream breaks off later.
    pub fn usage(&self) -> Option<Usage> {
        let (told, at) = self.told?;
        if self.state == State::Done || at == self.output_tokens() { told.usage() } else { None }
    }

    /// The tokens that came, as we count: the provider's text, before anything is masked.
    pub fn output_tokens(&self) -> u64 {
        self.channels.iter().map(|state| state.tokens.total()).sum::<u64>() + self.name_tokens
    }

    /// Counts an event that came and that nobody will see any more.
    pub fn count_unseen(&mut self, event: Event) {
        let Ok(document) = Document::parse(event.data, EVENT_LIMITS) else { return };
        let Some(chunk) = self.protocol.read_event(&document) else { return };
        for piece in &chunk.pieces {
            if let (Some(channel), Some(text)) = (piece.continues(), document.value(piece.node).text()) {
                let index = self.channel(channel);
                if let Some(state) = self.channels.get_mut(index) {
                    state.count(&text);
                }
            }
        }
        self.count_event(name_tokens(&document, &chunk), &chunk);
    }

    /// What an event tells of tokens beside its pieces, which are counted where they are scanned.
    pub(super) fn count_event(&mut self, name_tokens: u64, chunk: &Chunk) {
        self.name_tokens += name_tokens;
        if let Some(told) = chunk.told {
            let before = self.told.map_or(Told::default(), |(before, _)| before);
            self.told = Some((before.and(told), self.output_tokens()));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::tokens::count;
    use proptest::prelude::*;

    use super::super::tests::{Part, delta, encode_all, finish, play, screen};
    use super::*;
    use crate::config::OnWholeAnswer;

    fn event(data: &str) -> Event {
        Event { data: Bytes::copy_from_slice(data.as_bytes()), name: None, raw: None }
    }

    fn usage(output: u64) -> String {
        format!(r#"{{"choices":[],"usage":{{"prompt_tokens":5,"completion_tokens":{output}}}}}"#)
    }

    #[test]
    fn what_is_masked_counts_as_it_came() {
        let mut screen = screen(None, OnWholeAnswer::Buffer);
        let text = "Write to alex.example@example.com, please.";
        let bytes = encode_all(&[delta(Part::Content(0), text), finish(0)]);
        let shown = play(&mut screen, &bytes, usize::MAX);
        assert!(!String::from_utf8_lossy(&shown).contains("alex"));
        assert_eq!((screen.usage(), screen.output_tokens()), (None, count(text)));
    }

    #[test]
    fn usage_told_along_the_way_is_not_enough_where_more_came() {
        let mut screen = screen(None, OnWholeAnswer::Buffer);
        screen.event(event(&delta(Part::Content(0), "one two"))).unwrap();
        screen.event(event(&usage(2))).unwrap();
        assert_eq!(screen.usage().map(|usage| usage.output), Some(2));
        screen.event(event(&delta(Part::Content(0), " three"))).unwrap();
        assert_eq!((screen.usage(), screen.output_tokens()), (None, 3));
        screen.count_unseen(event(&delta(Part::Content(0), " four")));
        assert_eq!((screen.usage(), screen.output_tokens()), (None, 4));
        screen.count_unseen(event(&usage(9)));
        assert_eq!(screen.usage().map(|usage| usage.output), Some(9));
    }

    #[test]
    fn names_of_called_functions_and_reasoning_count_and_what_repeats_does_not() {
        let mut screen = screen(None, OnWholeAnswer::Buffer);
        let deltas = [
            r#"{"reasoning":"one","reasoning_content":"one"}"#,
            r#"{"reasoning":" two"}"#,
            r#"{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"three","arguments":"four"}}]}"#,
        ];
        for delta in deltas {
            let logprobs = r#"{"content":[{"token":"five"}]}"#;
            let data = format!(r#"{{"choices":[{{"index":0,"delta":{delta},"logprobs":{logprobs}}}]}}"#);
            screen.event(event(&data)).unwrap();
        }
        assert_eq!(screen.output_tokens(), 4);
    }

    proptest! {
        #[test]
        fn pieces_count_as_the_texts_that_they_make(
            pieces in prop::collection::vec((0u32..3, any::<bool>(), "[a-zA-Z0-9 .,@é人\\n]{0,9}"), 0..20),
        ) {
            let mut screen = screen(None, OnWholeAnswer::Buffer);
            let mut texts = std::collections::BTreeMap::<Part, String>::new();
            for (choice, call, text) in &pieces {
                let part = if *call { Part::Arguments(*choice) } else { Part::Content(*choice) };
                texts.entry(part).or_default().push_str(text);
                screen.event(event(&delta(part, text))).unwrap();
            }
            let whole: u64 = texts.values().map(|text| count(text)).sum();
            prop_assert_eq!(screen.output_tokens(), whole);
        }
    }
}
