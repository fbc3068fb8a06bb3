//! What is wrong with a configuration, and where. Errors are collected, not thrown one by one: an operator
//! mends a file once. Finding the mistakes is the business of the neighbouring modules.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

/// Where a key was set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In no file, variable or flag: it is missing, or a default.
    #[default]
    Nowhere,
    /// In a file.
    File {
        /// The file as it was named.
        file: Arc<PathBuf>,
        /// Line, from 1; 0 when the whole file is meant.
        line: u32,
        /// Column in characters, from 1; 0 when the whole line is meant.
        column: u32,
    },
    /// In an environment variable, named here.
    Variable(Arc<str>),
    /// In a flag of the command line, named here with its dashes.
    Flag(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Nowhere => f.write_str("configuration"),
            Place::File { file, line: 0, .. } => write!(f, "{}", file.display()),
            Place::File { file, line, .. } => write!(f, "{}:{line}", file.display()),
            Place::Variable(name) | Place::Flag(name) => f.write_str(name),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct ConfigError {
    /// Where it is.
    pub place: Place,
    /// The path of the key at fault, as `routes.demo.provider`; empty when the whole source is meant.
    pub key: String,
    /// What is wrong. Never holds the value of a secret.
    pub message: String,
    /// What to do about it; empty when the message says it all.
    pub remedy: String,
}

impl ConfigError {
    pub(super) fn new(
        place: &Place,
        key: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        ConfigError { place: place.clone(), key: key.into(), message: message.into(), remedy: remedy.into() }
    }

    /// The file at fault, when it is one.
    pub fn file(&self) -> Option<&PathBuf> {
        match &self.place {
            Place::File { file, .. } => Some(file),
            _ => None,
        }
    }

    /// The line at fault, from 1.
    pub fn line(&self) -> Option<u32> {
        match self.place {
            Place::File { line, .. } if line > 0 => Some(line),
            _ => None,
        }
    }

    /// The column at fault, in characters from 1.
    pub fn column(&self) -> Option<u32> {
        match self.place {
            Place::File { column, .. } if column > 0 => Some(column),
            _ => None,
        }
    }
}

impl fmt::Display for ConfigError {
    /// `flyball.yaml:12: routes.gpt: unknown key 'provder': did you mean 'provider'?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if !self.remedy.is_empty() {
            write!(f, ": {}", self.remedy)?;
        }
        Ok(())
    }
}

/// Every mistake that was found, those of the file in its order, then the others. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// In the order of the file; what is not in the file comes last.
    pub(super) fn sorted(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by_key(|error| error.line().unwrap_or(u32::MAX));
        ConfigErrors(errors)
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        ConfigErrors(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    /// One error a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

/// The path of a key as people write it: names with dots in them are quoted, list items numbered from 0.
pub(super) fn key_text<S: AsRef<str>>(path: &[S]) -> String {
    let mut text = String::new();
    for segment in path {
        let segment = segment.as_ref();
        let plain =
            !segment.is_empty() && !segment.contains(|c: char| c == '.' || c == '"' || c.is_whitespace());
        if !text.is_empty() && !segment.starts_with('[') {
            text.push('.');
        }
        if plain {
            text.push_str(segment);
        } else {
            text.push_str(&format!("{segment:?}"));
        }
    }
    text
}

/// The name in `known` that was probably meant by `name`.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let lowered = name.to_lowercase();
    let allowance = (name.chars().count() / 3).max(1);
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        // A shortened or lengthened word is near however many letters it lacks.
        let shorter = candidate.len().min(lowered.len());
        let begins = shorter > 2 && (candidate.starts_with(&lowered) || lowered.starts_with(&candidate));
        if begins { 1 } else { strsim::damerau_levenshtein(&lowered, &candidate) }
    };
    let best = known.map(|candidate| (distance(candidate), candidate)).min();
    best.filter(|(distance, _)| *distance <= allowance).map(|(_, candidate)| candidate)
}

/// What to say about `name`, which is none of `known`: the nearest one, or all of them when there are few.
pub(super) fn suggestion<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean '{near}'?");
    }
    let mut names: Vec<_> = known.take(17).collect();
    let more = if names.len() > 16 { ", ..." } else { "" };
    names.truncate(16);
    if names.is_empty() { String::new() } else { format!("known here: {}{more}", names.join(", ")) }
}
