//! What a stream cost in tokens: as the provider told, and as we count. Pieces are counted where they are scanned,
//! in `channel`.

use flyball_core::json::Document;
use flyball_core::tokens;

use super::{EVENT_LIMITS, State, StreamScreen};
use crate::edge::sse::Event;
use crate::protocols::Usage;
use crate::protocols::openai::chunk::{self, Chunk};

impl StreamScreen {
    /// What the provider told of all that came. Some tell along the way how much it is so far: that is not enough
    /// where the stream breaks off later.
    pub fn usage(&self) -> Option<Usage> {
        let (usage, at) = self.usage?;
        (self.state == State::Done || at == self.output_tokens()).then_some(usage)
    }

    /// The tokens that came, as we count: the provider's text, before anything is masked.
    pub fn output_tokens(&self) -> u64 {
        self.channels.iter().map(|state| state.tokens.total()).sum::<u64>() + self.name_tokens
    }

    /// Counts an event that came and that nobody will see any more.
    pub fn count_unseen(&mut self, event: Event) {
        let Ok(document) = Document::parse(event.data, EVENT_LIMITS) else { return };
        let Some(chunk) = chunk::read(&document) else { return };
        for piece in &chunk.pieces {
            if let (Some(channel), Some(text)) = (piece.channel, document.value(piece.node).text()) {
                let index = self.channel(channel);
                if let Some(state) = self.channels.get_mut(index) {
                    state.count(&text);
                }
            }
        }
        self.count_event(&document, &chunk);
    }

    /// What an event tells of tokens beside its pieces, which are counted where they are scanned.
    pub(super) fn count_event(&mut self, document: &Document, chunk: &Chunk) {
        for name in chunk.names.iter().filter_map(|name| document.value(*name).text()) {
            self.name_tokens += tokens::count(&name);
        }
        if let Some(usage) = chunk.usage {
            self.usage = Some((usage, self.output_tokens()));
        }
    }
}
