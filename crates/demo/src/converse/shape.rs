//! Reading structures and unions as AWS's JSON protocols do: `null` is absence, an unknown member of a structure is
//! passed over, a union has exactly one member and that one must be known.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::refused::Refused;

/// A structure, and where it stands.
#[derive(Debug)]
pub(super) struct Shape<'v> {
    at: String,
    members: &'v Map<String, Value>,
}

impl<'v> Shape<'v> {
    pub(super) fn read(value: &'v Value, at: &str) -> Result<Self, Refused> {
        let place = if at.is_empty() { "the body" } else { at };
        let members = value.as_object().ok_or_else(|| Refused::type_of(place, "a structure"))?;
        Ok(Shape { at: at.to_owned(), members })
    }

    /// Where the member `name` stands, as errors say it.
    pub(super) fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn required(&self, name: &str) -> Result<&'v Value, Refused> {
        self.get(name).ok_or_else(|| Refused::member(&self.path(name), "not be null"))
    }

    /// A structure in this one.
    pub(super) fn inner(&self, name: &str) -> Result<Option<Shape<'v>>, Refused> {
        self.get(name).map(|value| Shape::read(value, &self.path(name))).transpose()
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'v str>, Refused> {
        self.typed(name, "a string", Value::as_str)
    }

    /// A string that must be there and not empty.
    pub(super) fn required_text(&self, name: &str) -> Result<&'v str, Refused> {
        self.required(name)?;
        let text = self.text(name)?.unwrap_or_default();
        if text.is_empty() {
            return Err(Refused::member(&self.path(name), "have length greater than or equal to 1"));
        }
        Ok(text)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Refused> {
        self.typed(name, "a float", Value::as_f64)
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Refused> {
        self.typed(name, "an integer", Value::as_i64)
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<&'v Map<String, Value>>, Refused> {
        self.typed(name, "a structure", Value::as_object)
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'v [Value]>, Refused> {
        self.typed(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    /// One of the values of an enumeration.
    pub(super) fn option(
        &self,
        name: &str,
        options: &[&'static str],
    ) -> Result<Option<&'static str>, Refused> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let option = options.iter().copied().find(|option| *option == text);
        let constraint = || format!("satisfy enum value set: [{}]", options.join(", "));
        option.map(Some).ok_or_else(|| Refused::member(&self.path(name), &constraint()))
    }

    /// Checks that a member holds base64 of at least one byte.
    pub(super) fn blob(&self, name: &str) -> Result<(), Refused> {
        let text = self.required_text(name)?;
        match STANDARD.decode(text) {
            Ok(_) => Ok(()),
            Err(_) => Err(Refused::type_of(&self.path(name), "a blob, it is no base64")),
        }
    }

    /// The one member of a union, which must be among `known`.
    pub(super) fn union(&self, known: &[&'static str]) -> Result<(&'static str, &'v Value), Refused> {
        let mut set = self.members.iter().filter(|(_, value)| !value.is_null());
        let (Some((name, value)), None) = (set.next(), set.next()) else {
            return Err(Refused::invalid(format!(
                "The union at '{}' must have exactly one member.",
                self.at
            )));
        };
        let known = known.iter().copied().find(|known| known == name);
        known.map(|known| (known, value)).ok_or_else(|| {
            Refused::invalid(format!("The union at '{}' has no member of this name.", self.at))
        })
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| Refused::type_of(&self.path(name), expected))
    }
}
