//! The policy document: which sections there are, which keys a rule has, and the typed form that is shown, hashed
//! and compiled. Whether a condition makes sense is decided in `rule`.
//!
//! Sections that describe rather than decide (the vocabulary of ADR-006) are mappings whose inside is the author's
//! own; `thresholds` is typed, because gates compare numbers with it.

use flyball_core::{Action, Kind};
use serde_json::{Map, Value, json};

use crate::Vocabulary;
use crate::error::{Faults, Place, did_you_mean};
use crate::thresholds::Thresholds;
use crate::yaml::{Content, Entry, Node};

/// The version of the document format that this binary reads.
const VERSION: i128 = 1;

/// The most rules in one policy.
pub(crate) const MAX_RULES: usize = 1000;

/// Sections whose inside is free.
const DESCRIPTIVE: &[&str] = &[
    "meta",
    "frameworks",
    "ownership",
    "environment",
    "classification",
    "ci_cd_gates",
    "evidence_artifacts",
    "monitoring",
    "incident_response",
    "sprint_integration",
    "maturity_targets",
];

const RULE_KEYS: &[&str] = &["id", "description", "when", "action", "owner", "kinds"];

/// Words of the vocabulary that wait for a later binary.
const NOT_YET: &[&str] = &["alias", "review"];

/// A document whose shape is right.
#[derive(Debug)]
pub(crate) struct Document {
    /// The typed form, without defaults.
    pub(crate) json: Value,
    pub(crate) thresholds: Thresholds,
    pub(crate) rules: Vec<RuleSource>,
}

/// A rule as it was written.
#[derive(Debug)]
pub(crate) struct RuleSource {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) when: String,
    /// Where the condition stands.
    pub(crate) when_place: Place,
    /// Byte offset of the condition's value in the file.
    pub(crate) when_offset: usize,
    /// Absent when the word was none; the condition is looked at all the same.
    pub(crate) action: Option<Action>,
    pub(crate) action_place: Place,
    pub(crate) owner: String,
    /// Kinds that a mask is restricted to; sorted, each once. Empty: the whole category of personal data.
    pub(crate) kinds: Vec<Kind>,
}

/// Reads the document. What could not be read is a fault and left out.
pub(crate) fn read(root: &Node, vocabulary: &Vocabulary<'_>, faults: &mut Faults) -> Document {
    let mut document = Document { json: Value::Null, thresholds: Thresholds::default(), rules: Vec::new() };
    let mut json = Map::new();
    let Some(entries) = root.entries("a policy", faults) else { return document };
    let mut versioned = false;
    let mut ruled = false;
    for entry in entries {
        let node = &entry.node;
        match entry.key.as_str() {
            "version" => {
                versioned = true;
                if !matches!(node.value, Content::Int(VERSION)) {
                    faults.add(node.place, "this binary reads policies of `version: 1`", None);
                }
                json.insert("version".to_owned(), json!(1));
            }
            "thresholds" => {
                document.thresholds = Thresholds::read(node, faults);
                insert_unless_empty(&mut json, entry, faults);
            }
            "rules" => {
                ruled = true;
                document.rules = rules(node, vocabulary, faults);
            }
            key if DESCRIPTIVE.contains(&key) => {
                let _ = node.entries(&format!("`{key}`"), faults);
                insert_unless_empty(&mut json, entry, faults);
            }
            key => {
                let known = DESCRIPTIVE.iter().copied().chain(["version", "thresholds", "rules"]);
                faults.add(entry.place, format!("unknown section `{key}`"), did_you_mean(key, known));
            }
        }
    }
    if !versioned {
        faults.add(root.place, "`version` is missing", Some("add `version: 1`".to_owned()));
    }
    if !ruled {
        faults.add(
            root.place,
            "`rules` is missing",
            Some("add `rules: []` for a policy without rules".to_owned()),
        );
    }
    json.insert("rules".to_owned(), document.rules.iter().map(RuleSource::to_json).collect());
    document.json = Value::Object(json);
    document
}

fn insert_unless_empty(json: &mut Map<String, Value>, entry: &Entry, faults: &mut Faults) {
    let value = to_json(&entry.node, faults);
    if value.as_object().is_some_and(|members| !members.is_empty()) {
        json.insert(entry.key.clone(), value);
    }
}

fn rules(node: &Node, vocabulary: &Vocabulary<'_>, faults: &mut Faults) -> Vec<RuleSource> {
    let Some(items) = node.items("`rules`", faults) else { return Vec::new() };
    if items.len() > MAX_RULES {
        faults.add(node.place, format!("{} rules; {MAX_RULES} are allowed", items.len()), None);
        return Vec::new();
    }
    let mut seen: std::collections::HashMap<&str, Place> = std::collections::HashMap::new();
    let mut rules = Vec::with_capacity(items.len());
    for item in items {
        faults.within(None);
        let Some(entries) = item.entries("a rule", faults) else { continue };
        let find = |key: &str| entries.iter().find(|entry| entry.key == key);
        if let Some(Entry { node: Node { value: Content::Text(id), place, .. }, .. }) = find("id") {
            faults.within(Some(id));
            if let Some(first) = seen.get(id.as_str()) {
                faults.add(*place, format!("the id is taken by the rule in line {}", first.line), None);
            }
            seen.entry(id).or_insert(*place);
        }
        if let Some(rule) = rule(item, entries, vocabulary, faults) {
            rules.push(rule);
        }
    }
    faults.within(None);
    rules
}

fn rule(
    item: &Node,
    entries: &[Entry],
    vocabulary: &Vocabulary<'_>,
    faults: &mut Faults,
) -> Option<RuleSource> {
    for entry in entries.iter().filter(|entry| !RULE_KEYS.contains(&entry.key.as_str())) {
        let remedy = did_you_mean(&entry.key, RULE_KEYS.iter().copied());
        faults.add(entry.place, format!("unknown key `{}`", entry.key), remedy);
    }
    let node = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node);
    let required = |key: &str, faults: &mut Faults| {
        let found = node(key);
        if found.is_none() {
            faults.add(item.place, format!("`{key}` is missing"), None);
        }
        found
    };
    let optional_text = |key: &str, faults: &mut Faults| {
        node(key)
            .and_then(|node| node.text(&format!("`{key}`"), faults))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let id = required("id", faults).and_then(|node| id(node, faults));
    let when = required("when", faults).and_then(|node| Some((node, node.text("`when`", faults)?)));
    let action_node = required("action", faults);
    let action = action_node.and_then(|node| action(node, faults));
    let description = optional_text("description", faults);
    let owner = optional_text("owner", faults);
    let kinds_node = node("kinds");
    let kinds = kinds_node.map(|node| kinds(node, vocabulary, faults)).unwrap_or_default();
    if let (Some(node), Some(action)) = (kinds_node, action)
        && action != Action::Mask
    {
        faults.add(node.place, format!("`kinds` restricts masks; `{}` takes none", action.name()), None);
    }
    let (when_node, when) = when?;
    Some(RuleSource {
        id: id.unwrap_or_default().to_owned(),
        description,
        when: when.trim_end().to_owned(),
        when_place: when_node.place,
        when_offset: when_node.offset,
        action,
        action_place: action_node.map_or(item.place, |node| node.place),
        owner,
        kinds,
    })
}

/// `[a-z0-9][a-z0-9._-]{0,63}`: short enough for a metric label, plain enough for a file name.
fn id<'n>(node: &'n Node, faults: &mut Faults) -> Option<&'n str> {
    let id = node.text("`id`", faults)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let well_formed = id.len() <= 64
        && id.bytes().next().is_some_and(plain)
        && id.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
    if !well_formed {
        let remedy = "use 1 to 64 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit";
        faults.add(node.place, "not a rule id", Some(remedy.to_owned()));
    }
    Some(id)
}

fn action(node: &Node, faults: &mut Faults) -> Option<Action> {
    let word = node.text("`action`", faults)?;
    if let Some(action) = Action::ALL.iter().find(|action| action.name() == word) {
        return Some(*action);
    }
    if NOT_YET.contains(&word) {
        let remedy = if word == "alias" { "use `mask`" } else { "use `block`" };
        faults.add(node.place, format!("this binary cannot `{word}` yet"), Some(remedy.to_owned()));
        return None;
    }
    let names: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
    let remedy = did_you_mean(word, names.iter().copied())
        .or_else(|| Some(format!("use one of {}", names.join(", "))));
    faults.add(node.place, format!("unknown action `{word}`"), remedy);
    None
}

fn kinds(node: &Node, vocabulary: &Vocabulary<'_>, faults: &mut Faults) -> Vec<Kind> {
    let mut kinds = Vec::new();
    if matches!(&node.value, Content::List(items) if items.is_empty()) {
        faults.add(node.place, "`kinds` is empty", Some("leave it out to mask all personal data".to_owned()));
    }
    for item in node.items("`kinds`", faults).unwrap_or_default() {
        let Some(word) = item.text("a kind", faults) else { continue };
        match vocabulary.kinds.iter().find(|(kind, _)| kind.0 == word) {
            Some((kind, _)) => kinds.push(*kind),
            None => {
                let known: Vec<&str> = vocabulary.kinds.iter().map(|(kind, _)| kind.0).collect();
                let remedy = did_you_mean(word, known.iter().copied())
                    .unwrap_or_else(|| format!("detectors find {}", known.join(", ")));
                faults.add(item.place, format!("unknown kind of finding `{word}`"), Some(remedy));
            }
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

impl RuleSource {
    fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("id".to_owned(), json!(self.id));
        if !self.description.is_empty() {
            json.insert("description".to_owned(), json!(self.description));
        }
        json.insert("when".to_owned(), json!(self.when.trim()));
        json.insert("action".to_owned(), json!(self.action.map(Action::name)));
        if !self.owner.is_empty() {
            json.insert("owner".to_owned(), json!(self.owner));
        }
        if !self.kinds.is_empty() {
            json.insert("kinds".to_owned(), json!(self.kinds));
        }
        Value::Object(json)
    }
}

/// A free value as JSON. Whole numbers beyond 2^53 are refused: the canonical form writes doubles.
fn to_json(node: &Node, faults: &mut Faults) -> Value {
    const EXACT: i128 = 1 << 53;
    match &node.value {
        Content::Null => Value::Null,
        Content::Bool(value) => json!(value),
        Content::Int(value) => match i64::try_from(*value) {
            Ok(small) if value.abs() <= EXACT => json!(small),
            _ => {
                let remedy = "put it in quotes".to_owned();
                faults.add(node.place, "a whole number beyond 2^53 loses digits", Some(remedy));
                Value::Null
            }
        },
        Content::Float(value) => json!(value),
        Content::Text(text) => json!(text),
        Content::List(items) => items.iter().map(|item| to_json(item, faults)).collect(),
        Content::Map(entries) => Value::Object(
            entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.node, faults))).collect(),
        ),
    }
}
