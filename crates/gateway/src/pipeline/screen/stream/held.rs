//! An event that is held back, with what findings have done to it so far.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use flyball_core::json::{Document, Editor, NodeId};
use flyball_core::{Finding, TextRole};

use super::EVENT_LIMITS;
use crate::edge::sse::Event;
use crate::protocols::{Mark, Piece, Protocol};

/// An event that is held.
#[derive(Debug)]
pub(super) struct Held {
    /// The event as it came, where it may leave so.
    raw: Option<Bytes>,
    name: Option<Bytes>,
    /// What it does to the frame of the stream.
    pub(super) mark: Mark,
    /// Its data, which was read already.
    data: Bytes,
    /// The texts in it that something may still change.
    pub(super) pieces: Vec<HeldPiece>,
    /// Findings in texts that stand for themselves and whose treatment waits for the whole answer.
    pub(super) alone: Vec<Alone>,
    /// What is put in place of what.
    pub(super) edits: Vec<(NodeId, Range<usize>, String)>,
}

/// A text in a held event that stands for itself.
#[derive(Debug)]
pub(super) struct Alone {
    pub(super) piece: Piece,
    pub(super) text: String,
    pub(super) findings: Vec<Finding>,
}

/// A piece of text in a held event.
#[derive(Debug)]
pub(super) struct HeldPiece {
    /// The channel that it continues, by index.
    pub(super) channel: usize,
    /// Where it stands in the event.
    pub(super) node: NodeId,
    /// Where it stands in the channel's text.
    pub(super) span: Range<usize>,
}

impl Held {
    /// An event to which nothing was done.
    pub(super) fn new(event: &Event, mark: Mark) -> Self {
        let Event { raw, name, data } = event.clone();
        Held { raw, name, mark, data, pieces: Vec::new(), alone: Vec::new(), edits: Vec::new() }
    }

    /// Masks findings in a text that stands for itself.
    pub(super) fn mask(&mut self, piece: &Piece, text: &str, findings: &[Finding]) {
        let parts = match piece.role() {
            _ if findings.is_empty() => return,
            TextRole::ToolArguments => flyball_mask::json_parts(text, findings),
            _ => flyball_mask::parts(findings),
        };
        self.edits.extend(parts.into_iter().map(|(range, tag)| (piece.node, range, tag)));
    }

    /// Writes the event: as it came, unless a finding rewrote it.
    pub(super) fn encode(self, protocol: Protocol, out: &mut BytesMut) {
        if self.edits.is_empty() {
            match self.raw {
                Some(raw) => out.extend_from_slice(&raw),
                None => Event::encode(self.name.as_deref(), &self.data, out),
            }
            return;
        }
        // Few events are rewritten: to read these again costs less than to keep what was read of all. What was read
        // once reads the same again; if it did not, it would not leave.
        let Ok(document) = Document::parse(self.data, EVENT_LIMITS) else { return };
        let mut editor = Editor::new(&document);
        let mut edits = self.edits;
        edits.sort_by_key(|(node, range, _)| (*node, range.start));
        let mut rest = edits.as_slice();
        while let Some((node, _, _)) = rest.first() {
            let count = rest.iter().take_while(|(other, _, _)| other == node).count();
            let (here, after) = rest.split_at(count);
            let parts = here.iter().map(|(_, range, tag)| (range.clone(), tag.as_str()));
            editor.rewrite_text(document.value(*node), parts);
            rest = after;
        }
        protocol.forget(&mut editor, &document, None);
        Event::encode(self.name.as_deref(), &editor.finish(), out);
    }
}
