//! Conditions as text again, in CEL, for explanations: a part of a condition is shown as it was understood, not as
//! it was spaced.

use std::fmt::{self, Display as _};

use super::{Bool, Double, Int, List, Quantifier, Text};

/// The name of a quantifier's item in what is printed; the author's own name is not kept.
fn item_name(depth: usize) -> String {
    format!("item{}", depth + 1)
}

/// Prints with the number of quantifiers around.
struct In<'x, T>(&'x T, usize);

impl fmt::Display for Bool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        In(self, 0).fmt(f)
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        In(self, 0).fmt(f)
    }
}

impl fmt::Display for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        In(self, 0).fmt(f)
    }
}

fn join(parts: &[Bool], depth: usize, operator: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            write!(f, " {operator} ")?;
        }
        operand(part, depth, f)?;
    }
    Ok(())
}

/// A condition within another one, in brackets where its own operator binds less than the one around.
fn operand(part: &Bool, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match part {
        Bool::And(_) | Bool::Or(_) | Bool::If(_) | Bool::Bools(..) => write!(f, "({})", In(part, depth)),
        _ => In(part, depth).fmt(f),
    }
}

fn negated(part: &Bool, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match part {
        Bool::Signal(_) | Bool::Literal(_) | Bool::Not(_) | Bool::Search(..) | Bool::Quantified(..) => {
            write!(f, "!{}", In(part, depth))
        }
        _ => write!(f, "!({})", In(part, depth)),
    }
}

impl fmt::Display for In<'_, Bool> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let In(condition, depth) = *self;
        match condition {
            Bool::Signal(signal) => f.write_str(signal.name()),
            Bool::Literal(value) => write!(f, "{value}"),
            Bool::Not(inner) => negated(inner, depth, f),
            Bool::And(parts) => join(parts, depth, "&&", f),
            Bool::Or(parts) => join(parts, depth, "||", f),
            Bool::If(branches) => {
                write!(
                    f,
                    "({}) ? ({}) : ({})",
                    In(&branches.0, depth),
                    In(&branches.1, depth),
                    In(&branches.2, depth)
                )
            }
            Bool::Bools(equal, sides) => {
                write!(
                    f,
                    "({}) {} ({})",
                    In(&sides.0, depth),
                    if *equal { "==" } else { "!=" },
                    In(&sides.1, depth)
                )
            }
            Bool::Ints(comparison, sides) => {
                write!(f, "{} {} {}", In(&sides.0, depth), comparison.symbol(), In(&sides.1, depth))
            }
            Bool::Doubles(comparison, sides) => {
                write!(f, "{} {} {}", In(&sides.0, depth), comparison.symbol(), In(&sides.1, depth))
            }
            Bool::Texts(comparison, sides) => {
                write!(f, "{} {} {}", In(&sides.0, depth), comparison.symbol(), In(&sides.1, depth))
            }
            Bool::IntIn(value, items) => write!(f, "{} in {items:?}", In(value, depth)),
            Bool::DoubleIn(value, items) => write!(f, "{} in {items:?}", In(value, depth)),
            Bool::TextIn(value, list) => write!(f, "{} in {}", In(value, depth), In(list, depth)),
            Bool::Search(search, text, part) => {
                write!(f, "{}.{}({})", In(text, depth), search.name(), In(part, depth))
            }
            Bool::Quantified(quantifier, list, body) => {
                let name = match quantifier {
                    Quantifier::Exists => "exists",
                    Quantifier::All => "all",
                };
                write!(f, "{}.{name}({}, {})", In(list, depth), item_name(depth), In(&**body, depth + 1))
            }
        }
    }
}

impl fmt::Display for In<'_, Int> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let In(int, depth) = *self;
        match int {
            Int::Signal(signal) => f.write_str(signal.name()),
            Int::Literal(value) => write!(f, "{value}"),
            Int::Negate(inner) => write!(f, "-({})", In(&**inner, depth)),
            Int::Arithmetic(operation, sides) => {
                write!(f, "({} {} {})", In(&sides.0, depth), operation.symbol(), In(&sides.1, depth))
            }
            Int::TextSize(text) => write!(f, "size({})", In(text, depth)),
            Int::ListSize(list) => write!(f, "size({})", In(list, depth)),
            Int::If(branches) => write!(
                f,
                "(({}) ? {} : {})",
                In(&branches.0, depth),
                In(&branches.1, depth),
                In(&branches.2, depth)
            ),
        }
    }
}

impl fmt::Display for In<'_, Double> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let In(double, depth) = *self;
        match double {
            Double::Signal(signal) => f.write_str(signal.name()),
            Double::Literal(value) => write!(f, "{value:?}"),
            Double::Negate(inner) => write!(f, "-({})", In(&**inner, depth)),
            Double::Arithmetic(operation, sides) => {
                write!(f, "({} {} {})", In(&sides.0, depth), operation.symbol(), In(&sides.1, depth))
            }
            Double::FromInt(int) => write!(f, "double({})", In(int, depth)),
            Double::If(branches) => write!(
                f,
                "(({}) ? {} : {})",
                In(&branches.0, depth),
                In(&branches.1, depth),
                In(&branches.2, depth)
            ),
        }
    }
}

impl fmt::Display for In<'_, Text> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let In(text, depth) = *self;
        match text {
            Text::Signal(signal) => f.write_str(signal.name()),
            Text::Literal(value) => f.write_str(&quoted(value)),
            Text::Item(distance) => f.write_str(&item_name(depth.saturating_sub(distance + 1))),
            Text::If(branches) => write!(
                f,
                "(({}) ? {} : {})",
                In(&branches.0, depth),
                In(&branches.1, depth),
                In(&branches.2, depth)
            ),
        }
    }
}

impl fmt::Display for In<'_, List> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            List::Signal(signal) => f.write_str(signal.name()),
            List::Literal(items) => {
                let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

/// A text literal. JSON's escapes are also CEL's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
