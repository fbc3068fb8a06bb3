//! Signals that somebody wrote down: in a test case, or on the command line of an explanation. They own their
//! texts and lend them as [`Signals`]. The hot path does not come here.

use serde_json::Value as Json;

use crate::error::did_you_mean;
use crate::signal::{SIGNALS, Signal, SignalType};
use crate::signals::{Signals, Value};

/// Why a written signal was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignal {
    /// There is no signal of that name.
    #[error("unknown signal `{name}`{}", hint(.remedy))]
    Unknown {
        /// The name as written.
        name: String,
        /// The nearest known name, as a question.
        remedy: Option<String>,
    },
    /// The value is not of the signal's type or range.
    #[error("`{name}` must be {wanted}")]
    WrongType {
        /// The signal.
        name: &'static str,
        /// What it has to be.
        wanted: &'static str,
    },
}

fn hint(remedy: &Option<String>) -> String {
    remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default()
}

#[derive(Clone, Debug, PartialEq)]
enum Stated {
    Plain(Value<'static>),
    Text(String),
    Texts(Vec<String>),
}

/// Signals by name, with texts of their own. What is not stated is neutral.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatedSignals {
    values: Vec<(Signal, Stated)>,
}

impl StatedSignals {
    /// States one signal; a later statement replaces an earlier one.
    ///
    /// # Errors
    /// [`BadSignal`] when the name is not in the table or the value not of its type.
    pub fn state(&mut self, name: &str, value: &Json) -> Result<(), BadSignal> {
        let Some(signal) = Signal::named(name) else {
            let remedy = did_you_mean(name, SIGNALS.iter().map(|info| info.name));
            return Err(BadSignal::Unknown { name: name.to_owned(), remedy });
        };
        let kind = signal.info().kind;
        let wrong = || BadSignal::WrongType { name: signal.name(), wanted: kind.name() };
        let stated = match kind {
            SignalType::Bool => value.as_bool().map(|value| Stated::Plain(Value::Bool(value))),
            SignalType::Int => {
                value.as_i64().filter(|value| *value >= 0).map(|value| Stated::Plain(Value::Int(value)))
            }
            SignalType::Double => value
                .as_f64()
                .filter(|value| (0.0..=1.0).contains(value))
                .map(|value| Stated::Plain(Value::Double(value))),
            SignalType::Text => value.as_str().map(|value| Stated::Text(value.to_owned())),
            SignalType::Texts => value.as_array().and_then(|items| {
                items
                    .iter()
                    .map(|item| item.as_str().map(str::to_owned))
                    .collect::<Option<_>>()
                    .map(Stated::Texts)
            }),
        };
        let stated = stated.ok_or_else(wrong)?;
        self.values.retain(|(known, _)| *known != signal);
        self.values.push((signal, stated));
        Ok(())
    }

    /// States every member of an object of dotted names.
    ///
    /// # Errors
    /// [`BadSignal`] for the first member that cannot be stated; anything but an object has none.
    pub fn from_json(object: &Json) -> Result<StatedSignals, BadSignal> {
        let mut stated = StatedSignals::default();
        for (name, value) in object.as_object().into_iter().flatten() {
            stated.state(name, value)?;
        }
        Ok(stated)
    }

    /// Calls `with` with the stated signals.
    pub fn lend<R>(&self, with: impl FnOnce(&Signals<'_>) -> R) -> R {
        let lists: Vec<(Signal, Vec<&str>)> = self
            .values
            .iter()
            .filter_map(|(signal, stated)| match stated {
                Stated::Texts(items) => Some((*signal, items.iter().map(String::as_str).collect())),
                _ => None,
            })
            .collect();
        let mut signals = Signals::neutral();
        for (signal, stated) in &self.values {
            match stated {
                Stated::Plain(value) => signals.put(*signal, *value),
                Stated::Text(text) => signals.put(*signal, Value::Text(text)),
                Stated::Texts(_) => {}
            }
        }
        for (signal, list) in &lists {
            signals.put(*signal, Value::Texts(list));
        }
        with(&signals)
    }
}
