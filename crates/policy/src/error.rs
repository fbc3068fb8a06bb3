//! What is wrong with a policy or test file: every fault with its place and its remedy. Faults of a single
//! evaluation are not errors of this kind; they become a block in the decision.

use std::fmt;
use std::sync::Arc;

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
pub struct LoadError {
    /// The file, as the caller named it.
    pub file: Arc<str>,
    /// Where in the file.
    #[serde(flatten)]
    pub place: Place,
    /// The rule or case that it belongs to, if any.
    pub rule: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would mend it, where that can be said.
    pub remedy: Option<String>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.place.line, self.place.column)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule `{rule}`: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

/// Every fault of a file, in the order of their places. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(transparent)]
pub struct LoadErrors(pub Vec<LoadError>);

impl fmt::Display for LoadErrors {
    /// One fault a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// Collects faults, so that one load names them all.
#[derive(Debug)]
pub(crate) struct Faults {
    file: Arc<str>,
    found: Vec<LoadError>,
    /// What the faults added next belong to.
    rule: Option<String>,
}

impl Faults {
    pub(crate) fn new(file: &str) -> Self {
        Faults { file: file.into(), found: Vec::new(), rule: None }
    }

    pub(crate) fn within(&mut self, rule: Option<&str>) {
        self.rule = rule.map(str::to_owned);
    }

    pub(crate) fn add(&mut self, place: Place, message: impl Into<String>, remedy: Option<String>) {
        self.found.push(LoadError {
            file: Arc::clone(&self.file),
            place,
            rule: self.rule.clone(),
            message: message.into(),
            remedy,
        });
    }

    /// `value` when nothing was found.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, LoadErrors> {
        if self.found.is_empty() { Ok(value) } else { Err(self.into_errors()) }
    }

    /// The faults found, in the order of their places; for a caller that knows of at least one.
    pub(crate) fn into_errors(mut self) -> LoadErrors {
        self.found.sort_by_key(|error| error.place);
        LoadErrors(self.found)
    }
}

/// `did you mean ...?` for the known name closest to `given`, if one is close.
pub(crate) fn did_you_mean<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    // Long names would make this quadratic work for an attacker and are never a slip of the finger.
    if given.len() > 128 {
        return None;
    }
    let folded = given.to_lowercase();
    let nearest = known
        .into_iter()
        .map(|name| {
            // The last part alone counts too: `contains_pii` is meant to be `prompt.contains_pii`.
            let last = name.rsplit('.').next().unwrap_or(name);
            let given_last = folded.rsplit('.').next().unwrap_or(&folded);
            let whole = strsim::damerau_levenshtein(&folded, name);
            let part = strsim::damerau_levenshtein(given_last, last);
            (whole.min(part + 1), whole, name)
        })
        .min()?;
    let (distance, _, name) = nearest;
    (distance <= (name.len() / 3).max(1)).then(|| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_named_only_when_it_is_near() {
        let known = ["prompt.contains_pii", "output.contains_pii", "request.model"];
        assert_eq!(
            did_you_mean("prompt.contain_pii", known),
            Some("did you mean `prompt.contains_pii`?".into())
        );
        assert_eq!(did_you_mean("request.modle", known), Some("did you mean `request.model`?".into()));
        assert_eq!(did_you_mean("model", known), Some("did you mean `request.model`?".into()));
        assert_eq!(did_you_mean("weather", known), None);
    }
}
