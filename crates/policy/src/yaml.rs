//! YAML with places: a tree in which every key and value knows its line and column, so that faults of meaning can
//! be reported as precisely as faults of syntax. What the keys mean is not decided here.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, MergeKeyPolicy, Spanned};

use crate::error::{Faults, Place};

/// The largest file that is read, in bytes.
pub(crate) const MAX_FILE_BYTES: usize = 1 << 20;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    /// Byte offset of the value in the file.
    pub(crate) offset: usize,
    pub(crate) value: Content,
}

/// What stands at a place.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    /// Whole numbers, wide enough for every integer that YAML reading yields.
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    /// What people call the kind of value that stands here.
    pub(crate) fn describe(&self) -> &'static str {
        match self.value {
            Content::Null => "nothing",
            Content::Bool(_) => "true or false",
            Content::Int(_) => "a whole number",
            Content::Float(_) => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    /// The entries of a mapping; a fault for anything else.
    pub(crate) fn entries(&self, what: &str, faults: &mut Faults) -> Option<&[Entry]> {
        match &self.value {
            Content::Map(entries) => Some(entries),
            _ => self.fault(what, "a mapping", faults),
        }
    }

    /// The items of a list; a fault for anything else.
    pub(crate) fn items(&self, what: &str, faults: &mut Faults) -> Option<&[Node]> {
        match &self.value {
            Content::List(items) => Some(items),
            _ => self.fault(what, "a list", faults),
        }
    }

    /// A text; a fault for anything else.
    pub(crate) fn text(&self, what: &str, faults: &mut Faults) -> Option<&str> {
        match &self.value {
            Content::Text(text) => Some(text),
            _ => self.fault(what, "a text", faults),
        }
    }

    /// A number; a fault for anything else.
    pub(crate) fn number(&self, what: &str, faults: &mut Faults) -> Option<f64> {
        match self.value {
            #[expect(
                clippy::cast_precision_loss,
                reason = "thresholds are far below 2^53; larger ones are refused"
            )]
            Content::Int(value) => Some(value as f64),
            Content::Float(value) => Some(value),
            _ => self.fault(what, "a number", faults),
        }
    }

    fn fault<T>(&self, what: &str, wanted: &str, faults: &mut Faults) -> Option<T> {
        faults.add(self.place, format!("{what} must be {wanted}, not {}", self.describe()), None);
        None
    }
}

/// Reads one document.
///
/// Duplicate and merged keys, unknown tags, several documents and `yes` for `true` are faults; size and depth are
/// bounded. On a fault of syntax there is one fault and no tree.
pub(crate) fn read(source: &str, faults: &mut Faults) -> Option<Node> {
    let start = Place { line: 1, column: 1 };
    if source.len() > MAX_FILE_BYTES {
        faults.add(start, format!("the file is larger than {MAX_FILE_BYTES} bytes"), None);
        return None;
    }
    let options = serde_saphyr::options! {
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_documents: 1,
            max_nodes: 100_000,
            max_events: 300_000,
            max_total_scalar_bytes: MAX_FILE_BYTES,
            max_anchors: 1_000,
            max_aliases: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
    };
    match serde_saphyr::from_str_with_options::<Node>(source, options) {
        Ok(node) => Some(node),
        Err(error) => {
            let error = error.without_snippet();
            let place = error
                .location()
                .map(|at| Place { line: at.line(), column: at.column() })
                .filter(|place| place.line > 0)
                .unwrap_or(start);
            let (message, remedy) = explain(error);
            faults.add(place, message, remedy.map(str::to_owned));
            None
        }
    }
}

/// The fault in our words where the reader's speak of its own options; else the reader's sentence.
fn explain(error: &Error) -> (String, Option<&'static str>) {
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => (format!("the key `{key}` stands twice"), None),
        Error::DuplicateMappingKey { key: None, .. } => ("a key stands twice".to_owned(), None),
        Error::MergeKeyNotAllowed { .. } => {
            ("merged keys (`<<`) are not read".to_owned(), Some("write the keys out"))
        }
        Error::NonFiniteFloat { .. } => ("infinity and not-a-number are no values here".to_owned(), None),
        Error::NullIntoString { .. } => ("a key must be a text".to_owned(), None),
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            ("the file holds more than one document".to_owned(), Some("remove the `---`"))
        }
        Error::Budget { .. } => ("the file holds or nests too much".to_owned(), None),
        other => {
            let text = other.render();
            // The location is ours to print; what remains is the sentence before it.
            let line = text.lines().next().unwrap_or_default();
            (line.split(" at line ").next().unwrap_or(line).to_owned(), None)
        }
    }
}

/// Where the text itself stands: for an alias that is its anchor's value.
fn place_of<T>(spanned: &Spanned<T>) -> Place {
    Place { line: spanned.defined.line().max(1), column: spanned.defined.column().max(1) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        let place = place_of(&spanned);
        let offset = spanned.defined.span().byte_offset().unwrap_or(0);
        Ok(Node { place, offset: usize::try_from(offset).unwrap_or(0), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Int(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Int(value.into()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Int(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Content, E> {
        Ok(Content::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = items.next_element::<Node>()? {
            list.push(node);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some((key, node)) = entries.next_entry::<Spanned<String>, Node>()? {
            let place = place_of(&key);
            map.push(Entry { key: key.value, place, node });
        }
        Ok(Content::Map(map))
    }
}
