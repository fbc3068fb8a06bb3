//! Evaluation of typed conditions: no allocation, no panic, and every fault is an error that the caller turns into
//! a block. `&&`, `||`, `exists` and `all` absorb faults as CEL demands, whatever side they are on: a side that
//! decides the result hides a fault on the other.

use super::{Arithmetic, Bool, Comparison, Double, Int, List, Quantifier, Search, Text};
use crate::signal::Signal;
use crate::signals::{Signals, Value};

/// Why a condition has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The result does not fit in 64 bits.
    #[error("a whole number overflowed")]
    Overflow,
    /// Division or remainder of whole numbers by zero.
    #[error("a whole number was divided by zero")]
    DivisionByZero,
    /// Order was asked of something that is not a number.
    #[error("a result that is not a number was compared")]
    NotComparable,
    /// A signal does not hold the type that the table declares.
    #[error("a signal has the wrong type")]
    WrongType,
}

/// What an expression may look at.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'e> {
    signals: &'e Signals<'e>,
    items: Option<&'e Item<'e>>,
}

/// The item of a quantifier, and the one around it.
struct Item<'e> {
    text: &'e str,
    outer: Option<&'e Item<'e>>,
}

impl<'e> Scope<'e> {
    pub(crate) fn new(signals: &'e Signals<'e>) -> Self {
        Scope { signals, items: None }
    }
}

/// Whether the condition holds.
pub(crate) fn holds(condition: &Bool, scope: Scope<'_>) -> Result<bool, Fault> {
    match condition {
        Bool::Signal(signal) => match scope.signals.get(*signal) {
            Value::Bool(value) => Ok(value),
            _ => Err(Fault::WrongType),
        },
        Bool::Literal(value) => Ok(*value),
        Bool::Not(inner) => holds(inner, scope).map(|value| !value),
        Bool::And(parts) => fold(parts.iter().map(|part| holds(part, scope)), false),
        Bool::Or(parts) => fold(parts.iter().map(|part| holds(part, scope)), true),
        Bool::If(branches) => {
            holds(if holds(&branches.0, scope)? { &branches.1 } else { &branches.2 }, scope)
        }
        Bool::Bools(equal, sides) => {
            let (left, right) = (holds(&sides.0, scope)?, holds(&sides.1, scope)?);
            Ok((left == right) == *equal)
        }
        Bool::Ints(comparison, sides) => compare(*comparison, &int(&sides.0, scope)?, &int(&sides.1, scope)?),
        Bool::Doubles(comparison, sides) => {
            compare(*comparison, &double(&sides.0, scope)?, &double(&sides.1, scope)?)
        }
        Bool::Texts(comparison, sides) => {
            compare(*comparison, text(&sides.0, scope)?, text(&sides.1, scope)?)
        }
        Bool::IntIn(value, list) => Ok(list.contains(&int(value, scope)?)),
        Bool::DoubleIn(value, list) => {
            let value = double(value, scope)?;
            Ok(list.iter().any(|item| equal(item, &value)))
        }
        Bool::TextIn(value, list) => {
            let value = text(value, scope)?;
            match list {
                List::Literal(items) => Ok(items.iter().any(|item| **item == *value)),
                List::Signal(signal) => Ok(items(*signal, scope)?.contains(&value)),
            }
        }
        Bool::Search(search, haystack, needle) => {
            let (haystack, needle) = (text(haystack, scope)?, text(needle, scope)?);
            Ok(match search {
                Search::StartsWith => haystack.starts_with(needle),
                Search::EndsWith => haystack.ends_with(needle),
                Search::Contains => haystack.contains(needle),
            })
        }
        Bool::Quantified(quantifier, list, body) => {
            let decisive = *quantifier == Quantifier::Exists;
            match list {
                List::Literal(items) => fold(items.iter().map(|item| with_item(body, item, scope)), decisive),
                List::Signal(signal) => {
                    fold(items(*signal, scope)?.iter().map(|item| with_item(body, item, scope)), decisive)
                }
            }
        }
    }
}

fn with_item(body: &Bool, item: &str, scope: Scope<'_>) -> Result<bool, Fault> {
    let item = Item { text: item, outer: scope.items };
    holds(body, Scope { signals: scope.signals, items: Some(&item) })
}

/// `decisive` as soon as one result is; else the first fault; else the opposite.
fn fold(results: impl Iterator<Item = Result<bool, Fault>>, decisive: bool) -> Result<bool, Fault> {
    let mut fault = None;
    for result in results {
        match result {
            Ok(value) if value == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    fault.map_or(Ok(!decisive), Err)
}

/// Equality as CEL has it: what cannot be compared is not equal.
fn equal<T: PartialOrd + ?Sized>(left: &T, right: &T) -> bool {
    left.partial_cmp(right).is_some_and(std::cmp::Ordering::is_eq)
}

fn compare<T: PartialOrd + ?Sized>(comparison: Comparison, left: &T, right: &T) -> Result<bool, Fault> {
    let order = left.partial_cmp(right);
    match comparison {
        Comparison::Equal => return Ok(equal(left, right)),
        Comparison::NotEqual => return Ok(!equal(left, right)),
        _ => {}
    }
    let order = order.ok_or(Fault::NotComparable)?;
    Ok(match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Equal | Comparison::NotEqual => order.is_eq(),
    })
}

/// The value of a whole number.
pub(crate) fn int(expression: &Int, scope: Scope<'_>) -> Result<i64, Fault> {
    match expression {
        Int::Signal(signal) => match scope.signals.get(*signal) {
            Value::Int(value) => Ok(value),
            _ => Err(Fault::WrongType),
        },
        Int::Literal(value) => Ok(*value),
        Int::Negate(inner) => int(inner, scope)?.checked_neg().ok_or(Fault::Overflow),
        Int::Arithmetic(operation, sides) => {
            let (left, right) = (int(&sides.0, scope)?, int(&sides.1, scope)?);
            match operation {
                Arithmetic::Add => left.checked_add(right),
                Arithmetic::Subtract => left.checked_sub(right),
                Arithmetic::Multiply => left.checked_mul(right),
                Arithmetic::Divide | Arithmetic::Remainder if right == 0 => {
                    return Err(Fault::DivisionByZero);
                }
                Arithmetic::Divide => left.checked_div(right),
                Arithmetic::Remainder => left.checked_rem(right),
            }
            .ok_or(Fault::Overflow)
        }
        Int::TextSize(value) => Ok(count(text(value, scope)?.chars().count())),
        Int::ListSize(List::Literal(items)) => Ok(count(items.len())),
        Int::ListSize(List::Signal(signal)) => Ok(count(items(*signal, scope)?.len())),
        Int::If(branches) => int(if holds(&branches.0, scope)? { &branches.1 } else { &branches.2 }, scope),
    }
}

fn count(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The value of a double.
pub(crate) fn double(expression: &Double, scope: Scope<'_>) -> Result<f64, Fault> {
    match expression {
        Double::Signal(signal) => match scope.signals.get(*signal) {
            Value::Double(value) => Ok(value),
            _ => Err(Fault::WrongType),
        },
        Double::Literal(value) => Ok(*value),
        Double::Negate(inner) => Ok(-double(inner, scope)?),
        Double::Arithmetic(operation, sides) => {
            let (left, right) = (double(&sides.0, scope)?, double(&sides.1, scope)?);
            Ok(match operation {
                Arithmetic::Add => left + right,
                Arithmetic::Subtract => left - right,
                Arithmetic::Multiply => left * right,
                Arithmetic::Divide => left / right,
                // CEL has no remainder of doubles; the checker refuses it.
                Arithmetic::Remainder => return Err(Fault::WrongType),
            })
        }
        #[expect(clippy::cast_precision_loss, reason = "CEL's double() rounds to the nearest double")]
        Double::FromInt(inner) => Ok(int(inner, scope)? as f64),
        Double::If(branches) => {
            double(if holds(&branches.0, scope)? { &branches.1 } else { &branches.2 }, scope)
        }
    }
}

fn text<'e>(expression: &'e Text, scope: Scope<'e>) -> Result<&'e str, Fault> {
    match expression {
        Text::Signal(signal) => match scope.signals.get(*signal) {
            Value::Text(value) => Ok(value),
            _ => Err(Fault::WrongType),
        },
        Text::Literal(value) => Ok(value),
        Text::Item(distance) => std::iter::successors(scope.items, |item| item.outer)
            .nth(*distance)
            .map(|item| item.text)
            .ok_or(Fault::WrongType),
        Text::If(branches) => text(if holds(&branches.0, scope)? { &branches.1 } else { &branches.2 }, scope),
    }
}

fn items<'e>(signal: Signal, scope: Scope<'e>) -> Result<&'e [&'e str], Fault> {
    match scope.signals.get(signal) {
        Value::Texts(items) => Ok(items),
        _ => Err(Fault::WrongType),
    }
}
