//! Mistakes in configuration and policy files, in one shape whichever loader found them.

use std::fmt;

use flyball_policy::{LoadError, LoadErrors};
use serde::Serialize;

use super::output::{Ending, Failure, Outcome, Output};
use crate::config::ConfigError;
use crate::edge::tls::TlsError;
use crate::snapshot::SnapshotError;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Mistake {
    /// The file, when it is in one.
    file: Option<String>,
    line: Option<u64>,
    column: Option<u64>,
    /// The key or rule at fault.
    subject: Option<String>,
    message: String,
    remedy: Option<String>,
    /// All of it for people.
    #[serde(skip)]
    text: String,
}

impl Mistake {
    /// One that is in no particular line.
    pub(super) fn general(error: &dyn fmt::Display) -> Self {
        let text = error.to_string();
        Mistake {
            file: None,
            line: None,
            column: None,
            subject: None,
            message: text.clone(),
            remedy: None,
            text,
        }
    }

    pub(super) fn of_snapshot(error: &SnapshotError) -> Vec<Self> {
        match error {
            SnapshotError::Policy(errors) => Mistake::of_policy(errors),
            error => vec![Mistake::general(error)],
        }
    }

    pub(super) fn of_policy(LoadErrors(errors): &LoadErrors) -> Vec<Self> {
        errors.iter().map(Mistake::from).collect()
    }
}

impl From<&ConfigError> for Mistake {
    fn from(error: &ConfigError) -> Self {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Mistake {
            file: error.file().map(|file| file.display().to_string()),
            line: error.line().map(u64::from),
            column: error.column().map(u64::from),
            subject: given(&error.key),
            message: error.message.clone(),
            remedy: given(&error.remedy),
            text: error.to_string(),
        }
    }
}

impl From<&LoadError> for Mistake {
    fn from(error: &LoadError) -> Self {
        Mistake {
            file: Some(error.file.to_string()),
            line: Some(error.place.line),
            column: Some(error.place.column),
            subject: error.rule.clone(),
            message: error.message.clone(),
            remedy: error.remedy.clone(),
            text: error.to_string(),
        }
    }
}

impl From<&TlsError> for Mistake {
    fn from(error: &TlsError) -> Self {
        Mistake { subject: Some("tls".to_owned()), ..Mistake::general(error) }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reports mistakes as the result of a command that looks for them.
pub(super) fn report(mistakes: &[Mistake], output: Output) -> Outcome {
    let value = serde_json::json!({ "valid": false, "mistakes": mistakes });
    output.show(&value, || lines(mistakes))?;
    Err(Failure::told(Ending::Wrong))
}

/// Mistakes that keep a command from its work.
pub(super) fn failure(mistakes: &[Mistake]) -> Failure {
    Failure::wrong(lines(mistakes)).with_details(mistakes)
}

fn lines(mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    lines.join("\n")
}
