//! Laying environment and flags over the file: `FLYBALL__SECTION__KEY` sets `section.key`, and a flag beats both.
//! Names that do not exist are laid in as they are; the check of the whole tree reports them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

use super::error::{ConfigError, Place, key_text};
use super::tree::{self, Member, Node, Value};

/// What every variable of ours begins with.
const PREFIX: &str = "FLYBALL__";

/// What the flags of a command set. Absent ones leave the setting alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<String>,
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--policy`
    pub policy: Option<PathBuf>,
    /// `--log-level`
    pub log_level: Option<String>,
    /// `--log-format`
    pub log_format: Option<String>,
}

/// Lays every variable of ours over `root`.
pub(super) fn lay_environment(
    root: &mut Node,
    schema: &Json,
    environment: &BTreeMap<String, String>,
    errors: &mut Vec<ConfigError>,
) {
    for (name, text) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let place = Place::Variable(name.as_str().into());
        match tree::parse(text, &place) {
            Ok(mut node) => {
                node.spelling = Some(text.as_str().into());
                let segments: Vec<_> = path.split("__").collect();
                if let Err(error) = lay(root, schema, &segments, &mut Vec::new(), node) {
                    errors.push(error);
                }
            }
            Err(mut error) => {
                error.remedy =
                    "write the value as YAML; put a text with special characters in quotes".to_owned();
                errors.push(error);
            }
        }
    }
}

/// Lays the flags over `root`.
pub(super) fn lay_flags(root: &mut Node, schema: &Json, flags: &Overrides, errors: &mut Vec<ConfigError>) {
    let path_text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let rows: [(&str, &[&str], Option<String>); 5] = [
        ("--listen", &["listen"], flags.listen.clone()),
        ("--data", &["data"], path_text(&flags.data)),
        ("--policy", &["policy"], path_text(&flags.policy)),
        ("--log-level", &["log", "level"], flags.log_level.clone()),
        ("--log-format", &["log", "format"], flags.log_format.clone()),
    ];
    for (flag, segments, text) in rows {
        let Some(text) = text else { continue };
        let place = Place::Flag(flag.into());
        let spelling: Arc<str> = text.as_str().into();
        let node = Node { place, value: Value::Text(text), spelling: Some(spelling) };
        if let Err(error) = lay(root, schema, segments, &mut Vec::new(), node) {
            errors.push(error);
        }
    }
}

/// Puts `leaf` where `segments` lead, making sections on the way. `path` is the way so far.
fn lay(
    node: &mut Node,
    schema: &Json,
    segments: &[&str],
    path: &mut Vec<String>,
    leaf: Node,
) -> Result<(), ConfigError> {
    let Some((segment, rest)) = segments.split_first() else {
        if let (Place::Variable(first), Place::Variable(_), true) =
            (&node.place, &leaf.place, node.spelling.is_some())
        {
            let message = format!("set twice, also by {first}");
            return Err(ConfigError::new(&leaf.place, key_text(path), message, "keep one of the variables"));
        }
        *node = leaf;
        return Ok(());
    };
    let key = resolve(node, schema, segment, path, &leaf.place)?;
    path.push(key.clone());
    let place = leaf.place.clone();
    enter(node, &key, &place, |inner| lay(inner, below(schema, &key), rest, path, leaf))
}

/// The key that `segment` means: a setting's name or a name already given, whatever the case and whatever
/// characters a variable cannot hold; else a new name in lower case.
fn resolve(
    node: &Node,
    schema: &Json,
    segment: &str,
    path: &[String],
    place: &Place,
) -> Result<String, ConfigError> {
    let folded = fold(segment);
    if let Some(name) = names(schema).find(|name| fold(name) == folded) {
        return Ok(name.to_owned());
    }
    let Value::Map(members) = &node.value else { return Ok(segment.to_lowercase()) };
    let mut found = members.iter().map(|member| &member.key).filter(|key| fold(key) == folded);
    match (found.next(), found.next()) {
        (Some(first), Some(second)) if first != second => {
            let message = format!("'{segment}' means both '{first}' and '{second}'");
            Err(ConfigError::new(place, key_text(path), message, "set it in the file"))
        }
        (Some(name), _) => Ok(name.clone()),
        (None, _) => Ok(segment.to_lowercase()),
    }
}

/// Lower case, with everything that is no letter or digit as `_`.
fn fold(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// The alternatives of a schema: itself, or what it chooses from.
pub(super) fn alternatives(schema: &Json) -> impl Iterator<Item = &Json> + Clone {
    let choices = ["oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    std::iter::once(schema).chain(choices)
}

/// The names of a section's settings.
pub(super) fn names(schema: &Json) -> impl Iterator<Item = &str> + Clone {
    alternatives(schema)
        .filter_map(|alternative| alternative.get("properties")?.as_object())
        .flat_map(|properties| properties.keys().map(String::as_str))
}

/// The schema of the member named `key`.
fn below<'s>(schema: &'s Json, key: &str) -> &'s Json {
    const NOTHING: &Json = &Json::Null;
    let of = |alternative: &'s Json| {
        alternative
            .get("properties")
            .and_then(|properties| properties.get(key))
            .or_else(|| alternative.get("additionalProperties").filter(|additional| additional.is_object()))
    };
    alternatives(schema).find_map(of).unwrap_or(NOTHING)
}

/// Runs `act` on the value of the member named `key`, made when it is missing. What was no section becomes one.
fn enter<R>(node: &mut Node, key: &str, place: &Place, act: impl FnOnce(&mut Node) -> R) -> R {
    let mut members = match std::mem::replace(&mut node.value, Value::Null) {
        Value::Map(members) => members,
        _ => Vec::new(),
    };
    let mut fresh = Member { key: key.to_owned(), place: place.clone(), node: Node::empty(place.clone()) };
    let result = match members.iter_mut().find(|member| member.key == key) {
        Some(member) => act(&mut member.node),
        None => {
            let result = act(&mut fresh.node);
            members.push(fresh);
            result
        }
    };
    node.value = Value::Map(members);
    result
}
