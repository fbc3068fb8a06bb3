//! The strings of a document as a decoder reads them. A decoder names those that it knows; all others are inspected
//! just the same, wherever they stand and whatever shape the protocol would give their place.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::{Text, TextRole};

/// Which strings were named, and as what.
#[derive(Debug)]
pub(super) struct Reading {
    /// By number of the node: whether a decoder has dealt with it.
    known: Vec<bool>,
    texts: Vec<Text>,
}

impl Reading {
    /// Nothing is known yet.
    pub(super) fn new(document: &Document) -> Self {
        Reading { known: vec![false; document.len()], texts: Vec::new() }
    }

    /// Notes that `value` is dealt with. False when it was already, or is no string.
    pub(super) fn claim(&mut self, value: Value<'_>) -> bool {
        let known = self.known.get_mut(value.id().index()).filter(|_| value.kind() == NodeKind::String);
        known.is_some_and(|known| !std::mem::replace(known, true))
    }

    /// A text that somebody speaks.
    pub(super) fn text(&mut self, value: Value<'_>, role: TextRole) {
        if self.claim(value) {
            self.texts.push(Text { node: value.id(), role });
        }
    }

    /// What a tool is given, where it stands as JSON and not as a text: keys and numbers are read too.
    pub(super) fn arguments(&mut self, value: Value<'_>) {
        if !matches!(value.kind(), NodeKind::Object | NodeKind::Array) {
            return;
        }
        let whole = value.id().index();
        if self.known.get_mut(whole).is_some_and(|known| !std::mem::replace(known, true)) {
            value.strings().for_each(|string| self.fixed(string));
            self.texts.push(Text { node: value.id(), role: TextRole::ToolArguments });
        }
    }

    /// An id or a word of fixed meaning, if it is a string: neither inspected nor changed.
    pub(super) fn fixed(&mut self, value: Value<'_>) {
        self.claim(value);
    }

    /// Texts of a `tool_calls` array, in requests and answers alike.
    pub(super) fn tool_calls(&mut self, calls: Value<'_>) {
        for (key, value) in calls.items().flat_map(Value::members) {
            match key.name().as_ref() {
                b"id" | b"type" => self.fixed(value),
                b"function" | b"custom" => self.function(value),
                _ => {}
            }
        }
    }

    /// Texts of a function, declared or called.
    pub(super) fn function(&mut self, function: Value<'_>) {
        for (key, value) in function.members() {
            match key.name().as_ref() {
                b"name" => self.fixed(value),
                b"arguments" => self.text(value, TextRole::ToolArguments),
                _ => {}
            }
        }
    }

    /// All texts in `value` that were not handed out yet, in the order of the bytes; those that nobody named have
    /// the role "other".
    pub(super) fn take(&mut self, value: Value<'_>) -> Vec<Text> {
        for value in value.strings() {
            self.text(value, TextRole::Other);
        }
        self.texts.sort_unstable_by_key(|text| text.node);
        std::mem::take(&mut self.texts)
    }
}
