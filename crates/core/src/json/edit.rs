//! Changing a document without rebuilding it: a list of splices, applied in one pass at the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::text::{escape_into, source_offsets};
use super::{Document, NodeId, Value};

/// Collects changes to a document. A value that is replaced, and a member that is taken out, take with them every
/// change within; of two replacements of one value the later counts. Ranges of text must not overlap.
#[derive(Debug)]
pub struct Editor<'d> {
    document: &'d Document,
    splices: Vec<Splice>,
    /// The keys of members that are taken out.
    removed: BTreeSet<NodeId>,
    /// New names of keys.
    renamed: BTreeMap<NodeId, String>,
    added: Vec<Added>,
    /// Objects that lose or gain members.
    touched: BTreeSet<NodeId>,
}

#[derive(Debug)]
struct Splice {
    range: Range<usize>,
    replacement: Vec<u8>,
}

/// A member that the document does not have.
#[derive(Debug)]
struct Added {
    object: NodeId,
    key: String,
    json: String,
}

impl<'d> Editor<'d> {
    /// No changes yet.
    pub fn new(document: &'d Document) -> Self {
        Editor {
            document,
            splices: Vec::new(),
            removed: BTreeSet::new(),
            renamed: BTreeMap::new(),
            added: Vec::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty() && self.touched.is_empty()
    }

    /// Where the values and parts of texts begin that were replaced so far, in the order of the bytes.
    pub fn replaced(&self) -> Vec<usize> {
        let mut places: Vec<usize> = self.splices.iter().map(|splice| splice.range.start).collect();
        places.sort_unstable();
        places
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

    /// Puts `json` before the first item of `array`; asked for again, it goes before the first item and after what
    /// was put there before.
    pub fn prepend_item(&mut self, array: Value<'_>, json: &str) {
        let at = array.span().start + 1;
        let empty = array.items().next().is_none() && !array.holds_scalars();
        let mut replacement = Vec::with_capacity(json.len() + 1);
        if empty && self.splices.iter().any(|splice| splice.range == (at..at)) {
            replacement.push(b',');
        }
        replacement.extend_from_slice(json.as_bytes());
        if !empty {
            replacement.push(b',');
        }
        self.splices.push(Splice { range: at..at, replacement });
    }

    /// The member that `object` has under this name, as changed so far.
    fn member<'v>(&self, object: Value<'v>, key: &str) -> Option<(Value<'v>, Value<'v>)> {
        object.members().find(|(name, _)| {
            let named = match self.renamed.get(&name.id()) {
                Some(new) => new == key,
                None => name.text().as_deref() == Some(key),
            };
            named && !self.removed.contains(&name.id())
        })
    }

    /// Sets the member `key` of `object` to `json`: in place where it exists, otherwise at the end.
    pub fn set(&mut self, object: Value<'_>, key: &str, json: &str) {
        if let Some((_, value)) = self.member(object, key) {
            self.replace(value, json);
            return;
        }
        let object = object.id();
        match self.added.iter_mut().find(|added| added.object == object && added.key == key) {
            Some(added) => added.json = json.to_owned(),
            None => {
                self.added.push(Added { object, key: key.to_owned(), json: json.to_owned() });
                self.touched.insert(object);
            }
        }
    }

    /// Takes the member `key` out of `object`, if it is there. Returns whether it was.
    pub fn remove(&mut self, object: Value<'_>, key: &str) -> bool {
        let id = object.id();
        if let Some((name, _)) = self.member(object, key) {
            self.removed.insert(name.id());
            self.touched.insert(id);
            return true;
        }
        let before = self.added.len();
        self.added.retain(|added| added.object != id || added.key != key);
        self.added.len() < before
    }

    /// Gives the member `key` of `object` another name, if it is there. Returns whether it was. A member that has
    /// that name already makes way.
    pub fn rename(&mut self, object: Value<'_>, key: &str, name: &str) -> bool {
        let Some((existing, _)) = self.member(object, key) else { return false };
        if key != name {
            self.remove(object, name);
            self.renamed.insert(existing.id(), name.to_owned());
            self.replace(existing, super::quote(name));
        }
        true
    }

    /// The changed text. The same buffer when nothing was changed.
    pub fn finish(mut self) -> Bytes {
        if self.is_empty() {
            return self.document.source().clone();
        }
        self.plan_members();
        // Stable: insertions at one place stay in the order in which they were asked for. They go before what is
        // replaced there, and what takes most with it goes first.
        self.splices.sort_by_key(|splice| {
            let Range { start, end } = splice.range;
            (start, start < end, Reverse(end))
        });
        let source = self.document.source();
        let growth: usize = self.splices.iter().map(|splice| splice.replacement.len()).sum();
        let mut out = BytesMut::with_capacity(source.len() + growth);
        let mut at = 0;
        let mut splices = self.splices.iter().peekable();
        while let Some(splice) = splices.next() {
            let again = splices.peek().is_some_and(|next| next.range == splice.range);
            if splice.range.start < at || again && !splice.range.is_empty() {
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
        self.added.sort_by_key(|added| added.object);
        let mut added = self.added.iter().peekable();
        for id in &self.touched {
            let object = self.document.value(*id);
            // End of the last member that stays, and beginning of those that are taken out after it.
            let (mut kept_end, mut pending, mut last_end) = (None, None, 0);
            for (key, value) in object.members() {
                let span = key.span().start..value.span().end;
                last_end = span.end;
                if self.removed.contains(&key.id()) {
                    pending = pending.or(Some(span.start));
                    continue;
                }
                if let Some(start) = pending.take() {
                    self.splices.push(Splice { range: start..span.start, replacement: Vec::new() });
                }
                kept_end = Some(span.end);
            }
            if let Some(start) = pending {
                self.splices
                    .push(Splice { range: kept_end.unwrap_or(start)..last_end, replacement: Vec::new() });
            }
            let mut any = kept_end.is_some();
            let mut insertion = Vec::new();
            while let Some(added) = added.next_if(|added| added.object == *id) {
                if any {
                    insertion.push(b',');
                }
                insertion.extend_from_slice(super::quote(&added.key).as_bytes());
                insertion.push(b':');
                insertion.extend_from_slice(added.json.as_bytes());
                any = true;
            }
            if !insertion.is_empty() {
                let close = object.span().end.saturating_sub(1);
                self.splices.push(Splice { range: close..close, replacement: insertion });
            }
        }
    }
}
