//! Reading messages as Google's JSON mapping of protocol buffers does: a field has two spellings, `lowerCamelCase` and
//! `snake_case`, `null` is absence, a whole number may be a string, and an unknown field is an error that names it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::refused::Refused;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The fields of one message.
#[derive(Debug)]
pub(super) struct Fields<'v> {
    /// Where the message stands; empty for the whole body.
    at: String,
    members: Vec<(&'static str, &'v Value)>,
}

impl<'v> Fields<'v> {
    /// Reads the message at `at`, whose fields are `known`.
    pub(super) fn read(value: &'v Value, at: &str, known: &[&'static str]) -> Result<Self, Refused> {
        let Some(object) = value.as_object() else {
            let place = if at.is_empty() { "the body" } else { at };
            return Err(Refused::type_of(place, "an object"));
        };
        let mut members: Vec<(&'static str, &'v Value)> = Vec::with_capacity(object.len());
        for (name, member) in object {
            let Some(known) = known.iter().find(|known| **known == name || snake(known) == *name) else {
                return Err(Refused::unknown(name, at));
            };
            if members.iter().any(|(other, _)| other == known) {
                return Err(Refused::invalid(format!("The field '{known}' is given twice at '{at}'.")));
            }
            if !member.is_null() {
                members.push((known, member));
            }
        }
        Ok(Fields { at: at.to_owned(), members })
    }

    /// Where the field `name` of this message stands, as errors say it.
    pub(super) fn path(&self, name: &str) -> String {
        let name = snake(name);
        if self.at.is_empty() { name } else { format!("{}.{name}", self.at) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'v str>, Refused> {
        self.typed(name, "TYPE_STRING", Value::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        self.typed(name, "TYPE_BOOL", Value::as_bool)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Refused> {
        self.typed(name, "TYPE_FLOAT", Value::as_f64)
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Refused> {
        self.typed(name, "TYPE_INT32", whole)
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<&'v Map<String, Value>>, Refused> {
        self.typed(name, "an object", Value::as_object)
    }

    /// The elements of a list; none where it is absent.
    pub(super) fn list(&self, name: &str) -> Result<&'v [Value], Refused> {
        Ok(self.typed(name, "a list", Value::as_array)?.map(Vec::as_slice).unwrap_or_default())
    }

    /// The elements of a list of strings.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'v str>, Refused> {
        let texts = self.list(name)?.iter().enumerate().map(|(at, value)| {
            let path = format!("{}[{at}]", self.path(name));
            value.as_str().ok_or_else(|| Refused::type_of(&path, "TYPE_STRING"))
        });
        texts.collect()
    }

    /// Checks that a field holds base64, of either alphabet.
    pub(super) fn bytes(&self, name: &str) -> Result<Option<&'v str>, Refused> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if STANDARD.decode(text).is_ok() || URL_SAFE.decode(text).is_ok() {
            return Ok(Some(text));
        }
        Err(Refused::type_of(&self.path(name), "TYPE_BYTES"))
    }

    fn typed<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| Refused::type_of(&self.path(name), kind))
    }
}

/// A whole number, also where it is a string or has an empty fraction.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15)?;
            format!("{number:.0}").parse().ok()
        }),
        _ => None,
    }
}

/// `lowerCamelCase` as `snake_case`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
