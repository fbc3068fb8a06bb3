//! The check of a whole tree against the schema: unknown, duplicate, merged and missing keys, types, ranges and
//! formats, all found in one pass. The schema that is shipped is the one that decides here, so the two cannot
//! differ. What needs more than one setting at a time is checked in `cross`.

use std::path::Path;

use serde_json::Value as Json;

use super::error::{ConfigError, Place, key_text, nearest, suggestion};
use super::formats;
use super::layers::names;
use super::secret::SecretRef;
use super::tree::{Member, Node, Value};

/// Checks `root` and mends what may be mended: empty sections go, texts of variables become texts again, and
/// relative paths of a file become paths from where its folder is seen.
pub(super) fn check(root: &mut Node, schema: &Json, errors: &mut Vec<ConfigError>) {
    let place = root.place.clone();
    Check { schema, errors, path: Vec::new() }.visit(schema, root, &place);
}

struct Check<'a> {
    schema: &'a Json,
    errors: &'a mut Vec<ConfigError>,
    path: Vec<String>,
}

impl Check<'_> {
    fn report(&mut self, place: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.errors.push(ConfigError::new(place, key_text(&self.path), message, remedy));
    }

    /// Checks `node`, whose key stands at `key_place`.
    fn visit(&mut self, schema: &Json, node: &mut Node, key_place: &Place) {
        if matches!(node.value, Value::Null) && allows_null(schema) {
            return;
        }
        if let Some(choices) = words(schema) {
            return self.visit_word(&choices, node);
        }
        if let Some(branches) = schema.get("oneOf").and_then(Json::as_array) {
            return self.visit_tagged(branches, node, key_place);
        }
        if let Some(branches) = schema.get("anyOf").and_then(Json::as_array) {
            if let Some(branch) = branches.iter().find(|branch| !is_type(branch, "null")) {
                self.visit(branch, node, key_place);
            }
            return;
        }
        if is_type(schema, "object") {
            self.visit_section(schema, node, key_place);
        } else if is_type(schema, "array") {
            self.visit_list(schema, node, key_place);
        } else if is_type(schema, "string") {
            self.visit_text(schema, node);
        } else if is_type(schema, "integer") || is_type(schema, "number") {
            self.visit_number(schema, node);
        } else if is_type(schema, "boolean") {
            if !matches!(node.value, Value::Bool(_)) {
                self.wrong_kind(node, "true or false");
            }
        } else {
            self.visit_anything(node);
        }
    }

    fn wrong_kind(&mut self, node: &Node, wanted: &str) {
        let found = node.value.kind();
        let remedy = match node.value {
            Value::Null => "write a value, or remove the key for its default",
            _ => "",
        };
        self.report(&node.place, format!("{wanted} is wanted here, not {found}"), remedy);
    }

    fn visit_section(&mut self, schema: &Json, node: &mut Node, key_place: &Place) {
        if matches!(node.value, Value::Null) {
            node.value = Value::Map(Vec::new());
        }
        let Value::Map(members) = &mut node.value else { return self.wrong_kind(node, "a section") };
        self.check_keys(members);
        // A section whose every line is commented out counts as absent.
        let property = |key: &str| schema.get("properties").and_then(|properties| properties.get(key));
        members.retain(|member| {
            let empty = matches!(member.node.value, Value::Null);
            !(empty
                && property(&member.key)
                    .is_some_and(|inner| is_type(inner, "object") || is_type(inner, "array")))
        });
        let additional = schema.get("additionalProperties");
        let mut meant = Vec::new();
        for member in members.iter_mut() {
            if let Some(inner) = property(&member.key) {
                self.path.push(member.key.clone());
                self.visit(inner, &mut member.node, &member.place);
                self.path.pop();
            } else if additional == Some(&Json::Bool(false)) {
                let remedy = self.where_else(schema, &member.key);
                meant.extend(nearest(&member.key, names(schema)));
                self.report(&member.place, format!("unknown key '{}'", member.key), remedy);
            } else {
                self.path.push(member.key.clone());
                self.visit_name(schema, member);
                match additional {
                    Some(inner @ Json::Object(_)) => self.visit(inner, &mut member.node, &member.place),
                    _ => self.visit_anything(&mut member.node),
                }
                self.path.pop();
            }
        }
        for wanted in schema.get("required").and_then(Json::as_array).into_iter().flatten() {
            let wanted = wanted.as_str().unwrap_or_default();
            // A misspelt key is one mistake, not two.
            if !meant.contains(&wanted) && !members.iter().any(|member| member.key == wanted) {
                self.report(key_place, format!("the key '{wanted}' is missing"), "add it");
            }
        }
    }

    /// What to say about a key that is unknown here: the nearest one, or the section where it belongs.
    fn where_else(&self, schema: &Json, key: &str) -> String {
        let sections = self.schema.get("properties").and_then(Json::as_object);
        let home = sections
            .into_iter()
            .flatten()
            .find(|(_, section)| section.get("properties").is_some_and(|keys| keys.get(key).is_some()));
        match home {
            Some((section, _)) if nearest(key, names(schema)).is_none() => {
                format!("did you mean '{section}.{key}'?")
            }
            _ => suggestion(key, names(schema)),
        }
    }

    /// Duplicate and merged keys. Of duplicates only the first stays.
    fn check_keys(&mut self, members: &mut Vec<Member>) {
        let mut kept: Vec<Member> = Vec::with_capacity(members.len());
        for member in members.drain(..) {
            if member.key == "<<" {
                let remedy = "write the keys out: what a merge brings in cannot be seen in its place";
                self.report(&member.place, "merged keys (<<) are not allowed", remedy);
            } else if let Some(first) = kept.iter().find(|earlier| earlier.key == member.key) {
                let message = format!("duplicate key '{}', first at {}", member.key, first.place);
                self.report(&member.place, message, "keep one of them");
            } else {
                kept.push(member);
            }
        }
        *members = kept;
    }

    /// A name that the operator chose, against the format that names have here.
    fn visit_name(&mut self, schema: &Json, member: &Member) {
        let format = schema.get("propertyNames").and_then(|names| names.get("format")).and_then(Json::as_str);
        if let Some(Err(fault)) = format.map(|format| formats::check(format, &member.key)) {
            self.report(&member.place, fault.message, fault.remedy);
        }
    }

    fn visit_list(&mut self, schema: &Json, node: &mut Node, key_place: &Place) {
        let Value::List(items) = &mut node.value else {
            let found = node.value.kind();
            let remedy = "write [one, two], or one line with a dash for each";
            return self.report(&node.place, format!("a list is wanted here, not {found}"), remedy);
        };
        if let Some(least) = schema.get("minItems").and_then(Json::as_u64)
            && (items.len() as u64) < least
        {
            self.report(
                key_place,
                "the list is empty",
                "name at least one, or remove the key for its default",
            );
        }
        for (index, item) in items.iter_mut().enumerate() {
            self.path.push(format!("[{index}]"));
            let place = item.place.clone();
            if let Some(inner) = schema.get("items") {
                self.visit(inner, item, &place);
            }
            self.path.pop();
        }
    }

    fn visit_word(&mut self, choices: &[&str], node: &mut Node) {
        respell(node);
        let Value::Text(text) = &node.value else {
            return self.wrong_kind(node, &format!("one of {}", choices.join(", ")));
        };
        if !choices.contains(&text.as_str()) {
            let remedy = suggestion(text, choices.iter().copied());
            let message = format!("'{text}' is none of the choices");
            self.report(&node.place.clone(), message, remedy);
        }
    }

    /// A section of which one key says what the others are.
    fn visit_tagged(&mut self, branches: &[Json], node: &mut Node, key_place: &Place) {
        let tags: Vec<_> = branches.iter().filter_map(tag).collect();
        let Some(&(key, _)) = tags.first() else { return self.visit_anything(node) };
        let Value::Map(members) = &mut node.value else { return self.wrong_kind(node, "a section") };
        let choices: Vec<_> = tags.iter().map(|(_, word)| *word).collect();
        let Some(tag) = members.iter_mut().find(|member| member.key == key) else {
            let remedy = format!("add it, one of {}", choices.join(", "));
            return self.report(key_place, format!("the key '{key}' is missing"), remedy);
        };
        self.path.push(key.to_owned());
        let before = self.errors.len();
        self.visit_word(&choices, &mut tag.node);
        self.path.pop();
        let Value::Text(word) = &tag.node.value else { return };
        let chosen = tags.iter().position(|(_, known)| known == word);
        if let Some(branch) = chosen.and_then(|index| branches.get(index))
            && before == self.errors.len()
        {
            self.visit_section(branch, node, key_place);
        }
    }

    fn visit_text(&mut self, schema: &Json, node: &mut Node) {
        respell(node);
        let format = schema.get("format").and_then(Json::as_str).unwrap_or_default();
        let Value::Text(text) = &mut node.value else {
            return match (&node.value, formats::fault(format)) {
                (Value::Number(_) | Value::Bool(_), None) => {
                    let found = node.value.kind();
                    let message = format!("a text is wanted here, not {found}");
                    self.report(&node.place, message, "put it in quotes");
                }
                (Value::Number(_) | Value::Bool(_), Some(fault)) => {
                    self.report(&node.place, fault.message, fault.remedy);
                }
                _ => self.wrong_kind(node, "a text"),
            };
        };
        let bound = |key: &str| schema.get(key).and_then(Json::as_str);
        let (least, most) = (bound("x-minimum"), bound("x-maximum"));
        let length = text.chars().count() as u64;
        let too_short = schema.get("minLength").and_then(Json::as_u64).is_some_and(|least| length < least);
        let too_long = schema.get("maxLength").and_then(Json::as_u64).is_some_and(|most| length > most);
        let fault = formats::check(format, text).err();
        if let Some(fault) = fault {
            self.report(&node.place, fault.message, fault.remedy);
        } else if formats::outside(format, text, least, most) {
            let message = format!("{text} is out of range");
            self.report(&node.place, message, range(least, most));
        } else if too_short || too_long {
            self.report(&node.place, format!("a text of {length} characters is not possible here"), "");
        } else if let Place::File { file, .. } = &node.place {
            let folder = file.parent().unwrap_or(Path::new(""));
            match format {
                "path" => *text = folder.join(&*text).to_string_lossy().into_owned(),
                "secret-reference" => *text = SecretRef::under(text, folder),
                _ => {}
            }
        }
    }

    fn visit_number(&mut self, schema: &Json, node: &Node) {
        let whole = is_type(schema, "integer");
        let wanted = if whole { "a whole number" } else { "a number" };
        let Value::Number(number) = &node.value else { return self.wrong_kind(node, wanted) };
        if whole && !number.is_u64() && !number.is_i64() {
            let message = format!("{wanted} is wanted here, not {number}");
            return self.report(&node.place, message, "");
        }
        let bound = |key: &str| schema.get(key).filter(|bound| bound.is_number());
        let value = number.as_f64().unwrap_or(f64::NAN);
        let below = bound("minimum").and_then(Json::as_f64).is_some_and(|least| value < least);
        let above = bound("maximum").and_then(Json::as_f64).is_some_and(|most| value > most);
        if below || above {
            let remedy = range(bound("minimum"), bound("maximum"));
            self.report(&node.place, format!("{number} is out of range"), remedy);
        }
    }

    /// What has no schema still has no duplicate and merged keys.
    fn visit_anything(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Map(members) => {
                self.check_keys(members);
                for member in members {
                    self.path.push(member.key.clone());
                    self.visit_anything(&mut member.node);
                    self.path.pop();
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| self.visit_anything(item)),
            _ => {}
        }
    }
}

/// A variable's text, where YAML saw a number or a truth value in it and the setting wants a text.
fn respell(node: &mut Node) {
    if let (Some(spelling), Value::Number(_) | Value::Bool(_)) = (&node.spelling, &node.value) {
        node.value = Value::Text(spelling.to_string());
    }
}

fn is_type(schema: &Json, name: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(only)) => only == name,
        Some(Json::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

fn allows_null(schema: &Json) -> bool {
    let branches = schema.get("anyOf").and_then(Json::as_array);
    is_type(schema, "null") || branches.into_iter().flatten().any(|branch| is_type(branch, "null"))
}

/// The key that tells a branch from the others, and its value there.
fn tag(branch: &Json) -> Option<(&str, &str)> {
    let properties = branch.get("properties")?.as_object()?;
    properties.iter().find_map(|(key, inner)| Some((key.as_str(), inner.get("const")?.as_str()?)))
}

/// The branches of a section of which one key says what the others are: that key, its value, what it means.
pub(super) fn tagged(schema: &Json) -> Vec<(&str, &str, &str)> {
    let branches = schema.get("oneOf").and_then(Json::as_array).into_iter().flatten();
    let read = |branch| {
        let (key, word) = tag(branch)?;
        let meaning = branch.get("description").and_then(Json::as_str).unwrap_or_default();
        Some((key, word, meaning))
    };
    branches.filter_map(read).collect()
}

/// The words of a choice.
pub(super) fn words(schema: &Json) -> Option<Vec<&str>> {
    if let Some(listed) = schema.get("enum").and_then(Json::as_array) {
        return Some(listed.iter().filter_map(Json::as_str).collect());
    }
    let branches = schema.get("oneOf")?.as_array()?;
    branches.iter().map(|branch| branch.get("const")?.as_str()).collect()
}

fn range<T: std::fmt::Display>(least: Option<T>, most: Option<T>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("write {least} to {most}"),
        (Some(least), None) => format!("write {least} or more"),
        (None, Some(most)) => format!("write {most} or less"),
        (None, None) => String::new(),
    }
}
