//! Texts that differ in some strings only, as the events of a stream do: once one of them was parsed, the others
//! are read by comparing. What is compared is the bytes around those strings; the strings themselves are checked as
//! the parser checks them.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::{Document, NodeId, NodeKind, parse, text};

/// What a document has in common with others that differ from it in some strings only.
#[derive(Clone, Debug)]
pub struct Shape {
    source: Bytes,
    free: Vec<Free>,
}

/// A string that may read anything.
#[derive(Clone, Debug)]
struct Free {
    node: NodeId,
    /// What stands between its quotes.
    inside: Range<usize>,
}

impl Shape {
    /// The shape of `document`, in which the strings at `free` may read anything. What is no string there stays as
    /// it is.
    pub fn new(document: &Document, free: impl IntoIterator<Item = NodeId>) -> Self {
        let free = free.into_iter().map(|node| document.value(node));
        let mut free: Vec<Free> = free
            .filter(|value| value.kind() == NodeKind::String)
            .map(|value| {
                let span = value.span();
                Free { node: value.id(), inside: span.start + 1..span.end.saturating_sub(1) }
            })
            .collect();
        free.sort_unstable_by_key(|free| free.node);
        free.dedup_by_key(|free| free.node);
        Shape { source: document.source().clone(), free }
    }

    /// The place of a free string among those that [`Shape::read`] returns.
    pub fn place(&self, node: NodeId) -> Option<usize> {
        self.free.binary_search_by_key(&node, |free| free.node).ok()
    }

    /// The texts of the free strings of `source`, in the order of the bytes, if it is of this shape. Then
    /// [`Document::parse`] accepts it within the limits of the document that the shape was made of, and finds the
    /// same values at the same [`NodeId`]s. None says nothing about `source`.
    pub fn read<'s>(&self, source: &'s [u8]) -> Option<Vec<Cow<'s, str>>> {
        u32::try_from(source.len()).ok()?;
        let mut texts = Vec::with_capacity(self.free.len());
        // How far both texts are read.
        let (mut known, mut at) = (0, 0);
        for Free { inside, .. } in &self.free {
            let around = self.source.get(known..inside.start)?;
            let rest = source.get(at..)?.strip_prefix(around)?;
            let string = parse::string(rest).ok()?;
            let inner = std::str::from_utf8(rest.get(..string.length)?).ok()?;
            texts.push(if string.escaped { text::unescape(inner).into() } else { inner.into() });
            at += around.len() + string.length;
            known = inside.end;
        }
        (source.get(at..)? == self.source.get(known..)?).then_some(texts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::super::tests::any_json;
    use super::super::{Limits, quote};
    use super::*;

    fn parse(text: impl AsRef<[u8]>) -> Document {
        Document::parse(Bytes::copy_from_slice(text.as_ref()), Limits::default()).unwrap()
    }

    /// The strings of a document that `chosen` names in their order, again and again.
    fn some_strings(document: &Document, chosen: &[bool]) -> Vec<NodeId> {
        let strings = document.root().strings().zip(chosen.iter().cycle());
        strings.filter(|(_, chosen)| **chosen).map(|(string, _)| string.id()).collect()
    }

    /// The text of `document` with other bytes inside the strings at `places`.
    fn refilled(document: &Document, places: &[NodeId], with: &[Vec<u8>]) -> Vec<u8> {
        let mut text = document.source().to_vec();
        let filled: Vec<_> = places.iter().zip(with.iter().cycle()).collect();
        for (place, inside) in filled.into_iter().rev() {
            let span = document.value(*place).span();
            text.splice(span.start + 1..span.end - 1, inside.iter().copied());
        }
        text
    }

    /// A text as it stands between quotes.
    fn inside(text: &str) -> Vec<u8> {
        let quoted = quote(text).into_bytes();
        quoted[1..quoted.len() - 1].to_vec()
    }

    /// What stands between quotes, or what should not.
    fn any_inside() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<String>().prop_map(|text| inside(&text)),
            any::<String>().prop_map(String::into_bytes),
            r#"[a-z "\\u08d,:{}]{0,12}"#.prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..6),
        ]
    }

    #[test]
    fn what_differs_elsewhere_is_of_another_shape() {
        let document = parse(r#"{"a":"x","b":1}"#);
        let free = document.root().get("a").unwrap().id();
        let shape = Shape::new(&document, [free]);
        assert_eq!(shape.place(free), Some(0));
        assert_eq!(shape.read(br#"{"a":"\u0079\n","b":1}"#).unwrap(), ["y\n"]);
        for other in [
            &br#"{"a":"x","b":2}"#[..],
            br#"{"a":"x","b":1} "#,
            br#"{"a":"x","b":1"#,
            br#"{"a":"x"}"#,
            br#"{"a":"x\ud800","b":1}"#,
            b"{\"a\":\"\n\",\"b\":1}",
            b"{\"a\":\"\xff\",\"b\":1}",
            br#"{"a":null,"b":1}"#,
            b"",
        ] {
            assert_eq!(shape.read(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_as_a_shape_is_what_the_parser_reads(
            value in any_json(),
            chosen in prop::collection::vec(any::<bool>(), 1..6),
            with in prop::collection::vec(any_inside(), 1..4),
            mutation in prop::option::of((any::<Index>(), any::<u8>())),
        ) {
            let document = parse(value.to_string());
            let free = some_strings(&document, &chosen);
            let shape = Shape::new(&document, free.iter().copied());
            let mut text = refilled(&document, &free, &with);
            if let Some((at, byte)) = mutation {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let Some(texts) = shape.read(&text) else { return Ok(()) };
            let parsed = Document::parse(Bytes::from(text.clone()), Limits::default()).unwrap();
            prop_assert_eq!(parsed.len(), document.len());
            for (here, there) in document.values().zip(parsed.values()) {
                prop_assert_eq!(here.kind(), there.kind());
                match shape.place(here.id()) {
                    Some(place) => prop_assert_eq!(&there.text().unwrap(), &texts[place]),
                    None if matches!(here.kind(), NodeKind::Object | NodeKind::Array) => {
                        let (children, others) = (here.descendants(), there.descendants());
                        prop_assert_eq!(children.count(), others.count());
                    }
                    None => prop_assert_eq!(here.raw(), there.raw()),
                }
            }
        }

        #[test]
        fn whatever_the_free_strings_say_the_shape_is_recognised(
            value in any_json(),
            chosen in prop::collection::vec(any::<bool>(), 1..6),
            words in prop::collection::vec(any::<String>(), 1..4),
        ) {
            let document = parse(value.to_string());
            let free = some_strings(&document, &chosen);
            let with: Vec<Vec<u8>> = words.iter().map(|word| inside(word)).collect();
            let text = refilled(&document, &free, &with);
            let texts = Shape::new(&document, free.iter().copied()).read(&text);
            let expected: Vec<&str> = words.iter().map(String::as_str).cycle().take(free.len()).collect();
            prop_assert_eq!(texts.unwrap(), expected);
        }
    }
}
