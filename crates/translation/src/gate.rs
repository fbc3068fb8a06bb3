//! What may pass from one dialect to another. Readers ask here for everything that they come across, and the lists
//! of [`crate::fields`] answer: carried, left out by name, or refused by name. Nothing else decides that.

use flyball_core::json::Value;

use crate::Dialect;
use crate::fields::{self, Fate, Meaning};

/// Why a request cannot be said in another dialect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{field}' {reason}")]
pub struct Untranslatable {
    /// The field at fault, as a path: `messages[0].content[1]`.
    pub field: String,
    /// What is the matter with it, as the rest of a sentence. Never holds content.
    pub reason: String,
}

impl Untranslatable {
    /// `field` is at fault for this reason.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Untranslatable { field: field.into(), reason: reason.into() }
    }

    /// There is no way from `from` to `to`.
    pub(crate) fn direction(from: Dialect, to: Dialect) -> Self {
        Untranslatable::new(
            "model",
            format!("cannot be reached: {} is not written as {}", from.name(), to.name()),
        )
    }
}

/// How many paths of what is left out say which item of a list it is. Those after them say `[]`: there are as many of
/// these as fields at most, so that what is told fits into a header whatever is sent.
const EXACT: usize = 16;

/// How many characters of the path of something unknown are told.
const LONGEST: usize = 200;

/// What passes, and what was left out so far.
#[derive(Debug)]
pub struct Gate {
    from: Dialect,
    to: Dialect,
    /// In place of the second dialect's.
    #[cfg(test)]
    fates: Option<fn(Meaning) -> Fate>,
    dropped: Vec<String>,
}

impl Gate {
    /// Between two dialects.
    pub fn new(from: Dialect, to: Dialect) -> Self {
        Gate {
            from,
            to,
            #[cfg(test)]
            fates: None,
            dropped: Vec::new(),
        }
    }

    /// Between two dialects, with other fates than the second's: for tests of one reader alone.
    #[cfg(test)]
    pub(crate) fn with_fates(from: Dialect, to: Dialect, fates: fn(Meaning) -> Fate) -> Self {
        Gate { fates: Some(fates), ..Gate::new(from, to) }
    }

    fn fate(&self, meaning: Meaning) -> Fate {
        #[cfg(test)]
        if let Some(fates) = self.fates {
            return fates(meaning);
        }
        fields::fate(self.to, meaning)
    }

    /// Where the request goes.
    pub fn to(&self) -> Dialect {
        self.to
    }

    /// Whether what is meant at `path` is carried: false when it is left out, which is noted. `value` is what the
    /// caller wrote; one that changes nothing is left out where it would be refused.
    ///
    /// # Errors
    /// When the other dialect cannot say it and it matters.
    pub fn pass(
        &mut self,
        meaning: Meaning,
        path: impl FnOnce() -> String,
        value: Value<'_>,
    ) -> Result<bool, Untranslatable> {
        match self.fate(meaning) {
            Fate::Carried(_) | Fate::Converted(..) => Ok(true),
            Fate::Dropped => {
                self.drop(path());
                Ok(false)
            }
            Fate::Refused if fields::changes_nothing(self.from, meaning, value) => {
                self.drop(path());
                Ok(false)
            }
            Fate::Refused => Err(self.refusal(path())),
        }
    }

    /// A member of the request that its own dialect's list does not have: it may matter.
    ///
    /// # Errors
    /// Always, unless it is `null`.
    pub fn unknown(&mut self, path: String, value: Value<'_>) -> Result<(), Untranslatable> {
        if value.is_null() { Ok(()) } else { Err(self.refusal(path)) }
    }

    /// Notes that something was left out, or not kept as it was. After the first paths, which item of a list it was is
    /// no longer told: `messages[].content[].cache_control`.
    pub fn drop(&mut self, path: String) {
        let path = if self.dropped.len() < EXACT { path } else { without_numbers(&path) };
        if !self.dropped.contains(&path) {
            self.dropped.push(path);
        }
    }

    /// Notes that something meant was left out or not kept as it was, by the name that the caller's dialect has for
    /// it. For writers: they know no paths of the caller's.
    pub fn drop_meaning(&mut self, meaning: Meaning) {
        if let Some(name) = self.name_of(meaning) {
            self.drop(name.to_owned());
        }
    }

    /// The name that the caller's dialect has for what is meant.
    pub fn name_of(&self, meaning: Meaning) -> Option<&'static str> {
        fields::request(self.from).iter().find(|field| field.meaning == meaning).map(|field| field.name)
    }

    /// The refusal of what stands at `path`.
    pub fn refusal(&self, path: String) -> Untranslatable {
        let reason = format!("cannot be said in the protocol of this model's provider ({})", self.to.name());
        // The name of a member is as long as the caller likes, and may be empty.
        let field = match path.char_indices().nth(LONGEST) {
            Some((end, _)) => path.get(..end).unwrap_or_default().to_owned(),
            None if path.is_empty() => "body".to_owned(),
            None => path,
        };
        Untranslatable { field, reason }
    }

    /// What was left out, each once, in the order in which it was come across.
    pub(crate) fn into_dropped(self) -> Vec<String> {
        self.dropped
    }
}

/// A path without the numbers of items.
fn without_numbers(path: &str) -> String {
    let mut inside = false;
    let kept = path.chars().filter(|character| {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ => return !inside,
        }
        true
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_member_is_named_in_a_bounded_way_whatever_its_name() {
        let gate = Gate::new(Dialect::Messages, Dialect::Chat);
        assert_eq!(gate.refusal(String::new()).field, "body");
        assert_eq!(gate.refusal("ü".repeat(1000)).field, "ü".repeat(LONGEST));
    }

    #[test]
    fn what_is_told_of_left_out_fields_stays_short_however_many_there_are() {
        let mut gate = Gate::new(Dialect::Messages, Dialect::Chat);
        for item in 0..100_000 {
            gate.drop(format!("messages[{item}].content[{item}].cache_control"));
        }
        let dropped = gate.into_dropped();
        assert_eq!(dropped.len(), EXACT + 1);
        assert_eq!(dropped[0], "messages[0].content[0].cache_control");
        assert_eq!(dropped[EXACT], "messages[].content[].cache_control");
    }
}
