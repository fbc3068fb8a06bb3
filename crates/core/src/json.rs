//! A JSON text (RFC 8259) as the caller sent it, with an index of where every value stands.
//!
//! Governing a call means reading a few fields, inspecting every string and changing very little. So the bytes
//! are kept as they came; [`Document::parse`] validates them once and notes the positions of values in one flat
//! vector, and [`Editor`] splices changes into the original. What is not touched stays verbatim to the byte.
//! Stricter than most parsers: duplicate keys and unpaired surrogates are refused, because two readers could
//! understand them differently. Values go in, values come out; what fields mean is the protocols' business.

mod edit;
mod parse;
mod shape;
mod text;

pub use edit::Editor;
pub use parse::{JsonError, JsonErrorKind, Limits};
pub use shape::Shape;
pub use text::{escape_into, quote};

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// A number, in the caller's spelling.
    Number,
    /// A string.
    String,
    /// `[...]`. Numbers, booleans and nulls inside arrays are validated but not indexed: a vector of a thousand
    /// numbers costs one node.
    Array,
    /// `{...}`
    Object,
    /// A member's name; the value is the node that follows.
    Key,
}

/// One indexed value. Sixteen bytes: a body of 32 MiB may hold a million of them.
#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    end: u32,
    /// Index of the first node after this value and all within it.
    next: u32,
    kind: NodeKind,
    /// String or key: contains an escape. Array: contains values that are not indexed.
    flag: bool,
}

/// A value's place in its document; meaningless in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// Its number among [`Document::values`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A validated JSON text and the index of its values.
#[derive(Clone, Debug)]
pub struct Document {
    source: Bytes,
    nodes: Vec<Node>,
}

impl Document {
    /// Validates `source` and indexes it.
    ///
    /// # Errors
    /// Anything that RFC 8259 does not allow, plus duplicate keys, unpaired surrogates and exceeded limits, with
    /// the byte offset.
    pub fn parse(source: Bytes, limits: Limits) -> Result<Document, JsonError> {
        let nodes = parse::index(&source, limits)?;
        Ok(Document { source, nodes })
    }

    /// The bytes as they came.
    pub fn source(&self) -> &Bytes {
        &self.source
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, index: 0 }
    }

    /// The value that stands at `id`.
    pub fn value(&self, id: NodeId) -> Value<'_> {
        Value { document: self, index: id.0 }
    }

    /// Every value in the order of the bytes, keys included.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let count = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        (0..count).map(|index| Value { document: self, index })
    }

    /// How many values are indexed.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a document has at least one value.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// A value within a document.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    document: &'d Document,
    index: u32,
}

impl<'d> Value<'d> {
    fn node(self) -> Node {
        // Indexes come from the parser only; the default is never reached and keeps this free of panics.
        self.document.nodes.get(self.index as usize).copied().unwrap_or(Node {
            start: 0,
            end: 0,
            next: 0,
            kind: NodeKind::Null,
            flag: false,
        })
    }

    /// Its place.
    pub fn id(self) -> NodeId {
        NodeId(self.index)
    }

    /// What it is.
    pub fn kind(self) -> NodeKind {
        self.node().kind
    }

    /// Where it stands in the source: quotes and brackets included.
    pub fn span(self) -> Range<usize> {
        let node = self.node();
        node.start as usize..node.end as usize
    }

    /// Its spelling in the source.
    pub fn raw(self) -> &'d str {
        let bytes = self.document.source.get(self.span()).unwrap_or_default();
        // The parser has checked the whole source.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The text of a string or key, without quotes and escapes. Borrowed when there are no escapes.
    pub fn text(self) -> Option<Cow<'d, str>> {
        let node = self.node();
        matches!(node.kind, NodeKind::String | NodeKind::Key).then(|| self.decoded(node))
    }

    /// The bytes of a member's name, to be compared with names that are known; empty for any value but a key.
    /// Cheaper than [`Value::text`], which shows that it is UTF-8.
    pub fn name(self) -> Cow<'d, [u8]> {
        let node = self.node();
        match (node.kind, node.flag) {
            (NodeKind::Key, false) => Cow::Borrowed(self.inside(node)),
            (NodeKind::Key, true) => Cow::Owned(self.decoded(node).into_owned().into_bytes()),
            _ => Cow::Borrowed(&[]),
        }
    }

    /// The strings at and below this one, names not counted, in the order of the bytes.
    pub fn strings(self) -> impl Iterator<Item = Value<'d>> {
        let document = self.document;
        let span = self.index..self.node().next;
        let nodes = document.nodes.get(span.start as usize..span.end as usize).unwrap_or_default();
        span.zip(nodes)
            .filter(|(_, node)| node.kind == NodeKind::String)
            .map(move |(index, _)| Value { document, index })
    }

    /// What stands between the quotes of a string or key of this document.
    fn inside(self, node: Node) -> &'d [u8] {
        let inside = node.start as usize + 1..(node.end as usize).saturating_sub(1);
        self.document.source.get(inside).unwrap_or_default()
    }

    /// Whether a string or key reads `expected`. Without escapes the bytes tell, and are not checked again.
    fn reads(self, node: Node, expected: &str) -> bool {
        if node.flag { self.decoded(node) == expected } else { self.inside(node) == expected.as_bytes() }
    }

    /// What a string or key stands for.
    fn decoded(self, node: Node) -> Cow<'d, str> {
        // The parser has checked the whole source.
        let inside = std::str::from_utf8(self.inside(node)).unwrap_or_default();
        if node.flag { Cow::Owned(text::unescape(inside)) } else { Cow::Borrowed(inside) }
    }

    /// Whether this is the string `expected`.
    pub fn is_text(self, expected: &str) -> bool {
        let node = self.node();
        node.kind == NodeKind::String && self.reads(node, expected)
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Option<bool> {
        match (self.kind(), self.raw()) {
            (NodeKind::Bool, "true") => Some(true),
            (NodeKind::Bool, _) => Some(false),
            _ => None,
        }
    }

    /// A number that is a whole one from 0 to `u64::MAX`, written without fraction or exponent.
    pub fn unsigned(self) -> Option<u64> {
        if self.kind() == NodeKind::Number { self.raw().parse().ok() } else { None }
    }

    /// A number as a float.
    pub fn float(self) -> Option<f64> {
        if self.kind() == NodeKind::Number { self.raw().parse().ok() } else { None }
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == NodeKind::Null
    }

    /// Whether this is an array that holds numbers, booleans or nulls.
    pub fn holds_scalars(self) -> bool {
        let node = self.node();
        node.kind == NodeKind::Array && node.flag
    }

    /// The member named `key` of an object; `null` counts as absent.
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        let object = self.node();
        if object.kind != NodeKind::Object {
            return None;
        }
        let nodes = self.document.nodes.get(..object.next as usize).unwrap_or_default();
        let mut at = self.index as usize + 1;
        while let Some([name, value, ..]) = nodes.get(at..) {
            // Most names differ in their length already.
            let may_read = name.flag || (name.end - name.start) as usize == key.len() + 2;
            if may_read && self.reads(*name, key) {
                let index = at as u32 + 1;
                return (value.kind != NodeKind::Null).then_some(Value { document: self.document, index });
            }
            at = (value.next as usize).max(at + 2);
        }
        None
    }

    /// Keys and values of an object, in order; nothing for any other value.
    pub fn members(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> {
        let node = self.node();
        let end = if node.kind == NodeKind::Object { node.next } else { self.index };
        let mut at = self.index + 1;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let key = Value { document: self.document, index: at };
            let value = Value { document: self.document, index: at + 1 };
            at = value.node().next.max(at + 2);
            Some((key, value))
        })
    }

    /// The strings, objects and arrays in an array, in order; nothing for any other value.
    pub fn items(self) -> impl Iterator<Item = Value<'d>> {
        let node = self.node();
        let end = if node.kind == NodeKind::Array { node.next } else { self.index };
        let mut at = self.index + 1;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let item = Value { document: self.document, index: at };
            at = item.node().next.max(at + 1);
            Some(item)
        })
    }

    /// Every value below this one, keys included, in the order of the bytes.
    pub fn descendants(self) -> impl Iterator<Item = Value<'d>> {
        let document = self.document;
        (self.index + 1..self.node().next).map(move |index| Value { document, index })
    }
}

#[cfg(test)]
mod tests;
