//! What the last event that was read in full tells of those that follow: most differ from it in a few words only, so
//! that comparing takes the place of parsing. What the words mean is looked at all the same.

use std::borrow::Cow;

use flyball_core::json::{Document, Shape};
use flyball_core::tokens;

use crate::protocols::openai::chunk::Chunk;

/// How events read that are alike but for their words.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) chunk: Chunk,
    /// Tokens of the names of called functions in each.
    pub(super) name_tokens: u64,
    shape: Shape,
    /// For each of the chunk's pieces: which of the shape's strings it is.
    places: Vec<usize>,
}

impl Pattern {
    /// The pattern of an event that was read as `chunk`. None, if a piece of it were no string: nothing may pass
    /// that cannot be looked at.
    pub(super) fn new(document: &Document, chunk: Chunk) -> Option<Self> {
        let shape = Shape::new(document, chunk.free());
        let places = chunk.pieces.iter().map(|piece| shape.place(piece.node)).collect::<Option<_>>()?;
        Some(Pattern { name_tokens: name_tokens(document, &chunk), chunk, shape, places })
    }

    /// The strings of an event, if it is one of these.
    pub(super) fn read<'e>(&self, data: &'e [u8]) -> Option<Vec<Cow<'e, str>>> {
        self.shape.read(data)
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
