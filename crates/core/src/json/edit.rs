//! Changing a document without rebuilding it: a list of splices, applied in one pass at the end.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::text::{escape_into, source_offsets};
use super::{Document, NodeId, NodeKind, Value};

/// Collects changes to a document. Changes must not overlap: of two that do, the one that begins first wins and
/// the other is left out, so ask for the outer one only.
#[derive(Debug)]
pub struct Editor<'d> {
    document: &'d Document,
    splices: Vec<Splice>,
    /// Members taken out and put in, by object.
    removed: Vec<NodeId>,
    added: Vec<(NodeId, Vec<u8>)>,
}

#[derive(Debug)]
struct Splice {
    range: Range<usize>,
    replacement: Vec<u8>,
}

impl<'d> Editor<'d> {
    /// No changes yet.
    pub fn new(document: &'d Document) -> Self {
        Editor { document, splices: Vec::new(), removed: Vec::new(), added: Vec::new() }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty() && self.removed.is_empty() && self.added.is_empty()
    }

    /// Puts `json`, a JSON text, in place of `value`.
    pub fn replace(&mut self, value: Value<'_>, json: impl Into<Vec<u8>>) {
        self.splices.push(Splice { range: value.span(), replacement: json.into() });
    }

    /// Replaces parts of a string's text. `parts` are ascending, disjoint ranges of the decoded text with what
    /// comes in their place.
    pub fn rewrite_text<'p>(
        &mut self,
        value: Value<'_>,
        parts: impl IntoIterator<Item = (Range<usize>, &'p str)>,
    ) {
        let span = value.span();
        let raw = value.raw();
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        let parts: Vec<_> = parts.into_iter().collect();
        let decoded: Vec<usize> = parts.iter().flat_map(|(range, _)| [range.start, range.end]).collect();
        let offsets = source_offsets(inner, &decoded);
        for ((_, text), ends) in parts.iter().zip(offsets.chunks_exact(2)) {
            if let [start, end] = ends {
                let mut replacement = Vec::with_capacity(text.len());
                escape_into(text, &mut replacement);
                self.splices
                    .push(Splice { range: span.start + 1 + start..span.start + 1 + end, replacement });
            }
        }
    }

    /// Appends `text` to a string's text.
    pub fn append_text(&mut self, value: Value<'_>, text: &str) {
        let end = value.span().end.saturating_sub(1);
        let mut replacement = Vec::with_capacity(text.len());
        escape_into(text, &mut replacement);
        self.splices.push(Splice { range: end..end, replacement });
    }

    /// Puts `json` before the first item of `array`.
    pub fn prepend_item(&mut self, array: Value<'_>, json: &str) {
        let at = array.span().start + 1;
        let empty = array.items().next().is_none() && !array.holds_scalars();
        let mut replacement = json.as_bytes().to_vec();
        if !empty {
            replacement.push(b',');
        }
        self.splices.push(Splice { range: at..at, replacement });
    }

    /// Sets the member `key` of `object` to `json`: in place where it exists, otherwise at the end.
    pub fn set(&mut self, object: Value<'_>, key: &str, json: &str) {
        let existing = object.members().find(|(name, _)| name.text().as_deref() == Some(key));
        match existing {
            Some((_, value)) => self.replace(value, json),
            None => {
                let mut member = super::quote(key).into_bytes();
                member.push(b':');
                member.extend_from_slice(json.as_bytes());
                self.added.push((object.id(), member));
            }
        }
    }

    /// Takes the member `key` out of `object`, if it is there. Returns whether it was.
    pub fn remove(&mut self, object: Value<'_>, key: &str) -> bool {
        match object.members().find(|(name, _)| name.text().as_deref() == Some(key)) {
            Some((name, _)) => {
                self.removed.push(name.id());
                true
            }
            None => false,
        }
    }

    /// Gives the member `key` of `object` another name, if it is there. Returns whether it was.
    pub fn rename(&mut self, object: Value<'_>, key: &str, name: &str) -> bool {
        match object.members().find(|(existing, _)| existing.text().as_deref() == Some(key)) {
            Some((existing, _)) => {
                self.replace(existing, super::quote(name));
                true
            }
            None => false,
        }
    }

    /// The changed text. The same buffer when nothing was changed.
    pub fn finish(mut self) -> Bytes {
        if self.is_empty() {
            return self.document.source().clone();
        }
        self.plan_members();
        // Stable: of splices at one place, the one asked for first comes first. Insertions go before rewrites.
        self.splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        let source = self.document.source();
        let growth: usize = self.splices.iter().map(|splice| splice.replacement.len()).sum();
        let mut out = BytesMut::with_capacity(source.len() + growth);
        let mut at = 0;
        for splice in &self.splices {
            if splice.range.start < at {
                continue;
            }
            out.extend_from_slice(source.get(at..splice.range.start).unwrap_or_default());
            out.extend_from_slice(&splice.replacement);
            at = splice.range.end;
        }
        out.extend_from_slice(source.get(at..).unwrap_or_default());
        out.freeze()
    }

    /// Turns removed and added members into splices that leave the commas right.
    fn plan_members(&mut self) {
        let mut objects: Vec<NodeId> = self.added.iter().map(|(object, _)| *object).collect();
        for value in self.document.values().filter(|_| !self.removed.is_empty()) {
            if value.kind() == NodeKind::Object
                && value.members().any(|(key, _)| self.removed.contains(&key.id()))
            {
                objects.push(value.id());
            }
        }
        objects.sort_unstable();
        objects.dedup();
        for id in objects {
            let object = self.document.value(id);
            let members: Vec<(Range<usize>, bool)> = object
                .members()
                .map(|(key, value)| (key.span().start..value.span().end, self.removed.contains(&key.id())))
                .collect();
            let mut kept_end = None;
            let mut pending: Option<usize> = None;
            for (span, removed) in &members {
                match (removed, pending) {
                    (true, None) => pending = Some(span.start),
                    (false, Some(start)) => {
                        self.cut(start..span.start);
                        pending = None;
                    }
                    _ => {}
                }
                if !removed {
                    kept_end = Some(span.end);
                }
            }
            if let (Some(start), Some((last, _))) = (pending, members.last()) {
                self.cut(kept_end.unwrap_or(start)..last.end);
            }
            let mut any = kept_end.is_some();
            let close = object.span().end.saturating_sub(1);
            let mut insertion = Vec::new();
            for (_, member) in self.added.iter().filter(|(target, _)| *target == id) {
                if any {
                    insertion.push(b',');
                }
                insertion.extend_from_slice(member);
                any = true;
            }
            if !insertion.is_empty() {
                self.splices.push(Splice { range: close..close, replacement: insertion });
            }
        }
    }

    /// Takes a range out, and with it whatever else was to be changed there.
    fn cut(&mut self, range: Range<usize>) {
        self.splices.retain(|splice| splice.range.start < range.start || splice.range.end > range.end);
        self.splices.push(Splice { range, replacement: Vec::new() });
    }
}
