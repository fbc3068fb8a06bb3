//! What a provider sees of a conversation: that each turn begins with the bytes of the one before, as its prompt cache
//! wants it; that the headers of the client's protocol come with it; and that nothing personal does.

use flyball_core::json::{Document, Limits};
use flyball_demo::Received;

use super::Transcript;

/// The members that hold what is said, by dialect.
const CONVERSATIONS: [&str; 3] = ["messages", "input", "contents"];

/// The members that a cache reads ahead of it.
const AHEAD: [&str; 5] = ["instructions", "system", "systemInstruction", "tools", "toolConfig"];

/// A request as the provider got it.
pub(super) struct Seen {
    document: Document,
}

impl Seen {
    pub(super) fn new(received: Received) -> Self {
        let limits = Limits { depth: 64, nodes: 1_000_000 };
        Seen { document: Document::parse(received.body, limits).unwrap() }
    }

    fn conversation(&self) -> &str {
        let root = self.document.root();
        CONVERSATIONS.iter().find_map(|name| root.get(name)).unwrap().raw()
    }

    fn ahead(&self) -> Vec<Option<&str>> {
        let root = self.document.root();
        AHEAD.iter().map(|name| Some(root.get(name)?.raw())).collect()
    }

    /// Fails unless the next request begins as this one does.
    pub(super) fn assert_begins(&self, next: &Seen, what: &str) {
        let before = self.conversation().trim_end().strip_suffix(']').unwrap().trim_end();
        let after = next.conversation();
        let same = before.bytes().zip(after.bytes()).take_while(|(one, other)| one == other).count();
        let around = |text: &str| {
            let from = text.floor_char_boundary(same.saturating_sub(120));
            text[from..text.floor_char_boundary(same + 120)].to_owned()
        };
        assert!(
            same == before.len() && after.len() > same,
            "{what}: the provider's cache is lost at byte {same}:\n{}\n{}",
            around(before),
            around(after)
        );
        assert_eq!(self.ahead(), next.ahead(), "{what}: what stands ahead of the conversation changes");
    }

    /// Fails when any text holds one of these.
    pub(super) fn assert_untold(&self, personal: &[&str], what: &str) {
        for text in self.document.values().filter_map(flyball_core::json::Value::text) {
            for value in personal {
                assert!(!text.contains(value), "{what}: {value} was told");
            }
        }
    }
}

/// Fails unless the headers that say how to read the body are the client's, and others are not.
pub(super) fn assert_headers(transcript: &Transcript, received: &Received, what: &str) {
    for (name, value) in &transcript.headers {
        let known = matches!(name.as_str(), "content-type" | "anthropic-version" | "anthropic-beta");
        let (told, value) = (received.header(name), value.as_str());
        assert_eq!(told == value, known, "{what}: {name} is {told:?}");
    }
}
