//! A configuration before it has types: values that remember where they were written. Files, variables and
//! flags all become such a tree, so that every later error can name its place. Knows YAML, not the settings.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Spanned};

use super::error::{ConfigError, Place};

/// The largest configuration that is read, in bytes.
const LARGEST_FILE: usize = 16 * 1024 * 1024;

/// Most YAML events that aliases may repeat: far more than a configuration needs, too few for a bomb.
const LARGEST_REPLAY: usize = 20_000;

/// A value and the place where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// The text of a variable or flag, for settings that want a text which YAML takes for something else.
    pub(super) spelling: Option<Arc<str>>,
}

/// What YAML can say.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    /// Members in the order of the file, duplicates included.
    Map(Vec<Member>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: String,
    /// Where the key stands.
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Value {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a section",
        }
    }
}

impl Node {
    /// A tree without a member, from nowhere.
    pub(super) fn empty(place: Place) -> Self {
        Node { place, value: Value::Map(Vec::new()), spelling: None }
    }

    /// The member named `key` of a section.
    pub(super) fn member(&self, key: &str) -> Option<&Member> {
        match &self.value {
            Value::Map(members) => members.iter().find(|member| member.key == key),
            _ => None,
        }
    }

    /// The deepest place that is known on the way along `path`: a value's own, or the key above it.
    pub(super) fn place_of<S: AsRef<str>>(&self, path: &[S]) -> Place {
        let mut node = self;
        let mut place = &self.place;
        for segment in path {
            let segment = segment.as_ref();
            match &node.value {
                Value::Map(_) => match node.member(segment) {
                    Some(member) => {
                        node = &member.node;
                        place = &member.place;
                    }
                    None => break,
                },
                Value::List(items) => {
                    let index = segment.trim_matches(['[', ']']).parse().unwrap_or(usize::MAX);
                    match items.get(index) {
                        Some(item) => {
                            node = item;
                            place = &item.place;
                        }
                        None => break,
                    }
                }
                _ => break,
            }
        }
        place.clone()
    }

    /// The tree without its places.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => serde_json::Value::Number(value.clone()),
            Value::Text(value) => value.as_str().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(members) => {
                members.iter().map(|member| (member.key.clone(), member.node.to_json())).collect()
            }
        }
    }
}

/// Reads YAML that was written at `origin`. An empty text is an empty section.
pub(super) fn parse(text: &str, origin: &Place) -> Result<Node, ConfigError> {
    if text.len() > LARGEST_FILE {
        let message = format!("larger than {} MiB", LARGEST_FILE / 1024 / 1024);
        return Err(ConfigError::new(origin, "", message, ""));
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: LARGEST_REPLAY },
    };
    match serde_saphyr::from_str_with_options::<Option<Written>>(text, options) {
        Ok(Some(written)) => Ok(written.locate(origin)),
        Ok(None) => Ok(Node { place: origin.clone(), value: Value::Null, spelling: None }),
        Err(error) => {
            let place = error.location().map_or_else(|| origin.clone(), |at| located(origin, at));
            // The plain form: a snippet of the file could show what must not be shown.
            let message = error.without_snippet().to_string();
            let message = message.lines().next().unwrap_or_default();
            let message = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
            Err(ConfigError::new(&place, "", format!("not readable as YAML: {message}"), ""))
        }
    }
}

/// Reads the file at `path`.
pub(super) fn read(path: &Path) -> Result<Node, ConfigError> {
    let place = Place::File { file: Arc::new(path.to_path_buf()), line: 0, column: 0 };
    let bytes = std::fs::read(path).map_err(|error| {
        let remedy = "name an existing file with --config, or write one with `flyball init`";
        ConfigError::new(&place, "", format!("cannot be read ({error})"), remedy)
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let message = format!("not UTF-8 from byte {} on", error.valid_up_to());
        ConfigError::new(&place, "", message, "save the file as UTF-8")
    })?;
    let mut node = parse(text, &place)?;
    match node.value {
        Value::Map(_) => {}
        Value::Null => node = Node::empty(place),
        _ => {
            return Err(ConfigError::new(
                &node.place,
                "",
                format!("the file holds {} where settings are wanted", node.value.kind()),
                "write `key: value` lines",
            ));
        }
    }
    Ok(node)
}

/// `origin` with the position `at`, when it is a file.
fn located(origin: &Place, at: Location) -> Place {
    match origin {
        Place::File { file, .. } => Place::File {
            file: Arc::clone(file),
            line: u32::try_from(at.line()).unwrap_or(0),
            column: u32::try_from(at.column()).unwrap_or(0),
        },
        other => other.clone(),
    }
}

/// A node as the YAML reader hands it over.
#[derive(Deserialize)]
#[serde(transparent)]
struct Written(Spanned<Shape>);

enum Shape {
    Scalar(Value),
    List(Vec<Written>),
    Map(Vec<(Spanned<String>, Written)>),
}

impl Written {
    fn locate(self, origin: &Place) -> Node {
        let value = match self.0.value {
            Shape::Scalar(value) => value,
            Shape::List(items) => Value::List(items.into_iter().map(|item| item.locate(origin)).collect()),
            Shape::Map(members) => Value::Map(
                members
                    .into_iter()
                    .map(|(key, value)| Member {
                        place: located(origin, key.referenced),
                        key: key.value,
                        node: value.locate(origin),
                    })
                    .collect(),
            ),
        };
        Node { place: located(origin, self.0.referenced), value, spelling: None }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        Shape::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Number(value.into())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Shape, E> {
        serde_json::Number::from_f64(value)
            .map(|number| Shape::Scalar(Value::Number(number)))
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Shape, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = access.next_key()? {
            members.push((key, access.next_value()?));
        }
        Ok(Shape::Map(members))
    }
}
