//! What a field must look like to be read at all. What it means is not known here.

use std::borrow::Cow;

use flyball_core::json::{NodeKind, Value};

use crate::gate::{Gate, Untranslatable};

/// Where something stands, told when it is needed.
pub(super) type Path<'p> = &'p dyn Fn() -> String;

/// A string.
pub(super) fn text<'d>(value: Value<'d>, path: Path<'_>) -> Result<Cow<'d, str>, Untranslatable> {
    value.text().ok_or_else(|| Untranslatable::new(path(), "must be a string"))
}

/// A number, as it is written.
pub(super) fn number<'d>(value: Value<'d>, path: Path<'_>) -> Result<&'d str, Untranslatable> {
    if value.kind() == NodeKind::Number {
        Ok(value.raw())
    } else {
        Err(Untranslatable::new(path(), "must be a number"))
    }
}

/// A whole number that is not negative.
pub(super) fn whole(value: Value<'_>, path: Path<'_>) -> Result<u64, Untranslatable> {
    value.unsigned().ok_or_else(|| Untranslatable::new(path(), "must be a whole number"))
}

/// `true` or `false`.
pub(super) fn boolean(value: Value<'_>, path: Path<'_>) -> Result<bool, Untranslatable> {
    value.boolean().ok_or_else(|| Untranslatable::new(path(), "must be true or false"))
}

/// An object.
pub(super) fn object<'d>(value: Value<'d>, path: Path<'_>) -> Result<Value<'d>, Untranslatable> {
    if value.kind() == NodeKind::Object {
        Ok(value)
    } else {
        Err(Untranslatable::new(path(), "must be an object"))
    }
}

/// The items of an array of strings, objects or arrays.
pub(super) fn items<'d>(
    value: Value<'d>,
    path: Path<'_>,
) -> Result<impl Iterator<Item = (usize, Value<'d>)> + use<'d>, Untranslatable> {
    if value.kind() == NodeKind::Array && !value.holds_scalars() {
        Ok(value.items().enumerate())
    } else {
        Err(Untranslatable::new(path(), "must be an array of objects"))
    }
}

/// A member that no other dialect has: left out by name where it is what it is without being said, else refused.
pub(super) fn only(
    gate: &mut Gate,
    value: Value<'_>,
    default: &str,
    path: Path<'_>,
) -> Result<(), Untranslatable> {
    if value.raw() == default {
        gate.drop(path());
        return Ok(());
    }
    gate.unknown(path(), value)
}
