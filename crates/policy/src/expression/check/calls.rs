//! Operators and functions: which operands each takes, and what it becomes. Whatever is not named here is not part
//! of a condition; `matches` is left out because its cost depends on the author's pattern.

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators};

use super::{Checker, Typed, literal_int, widened};
use crate::error::did_you_mean;
use crate::expression::{Arithmetic, Bool, Comparison, Double, Int, List, Quantifier, Search, Text};

/// The functions that a condition may call.
const FUNCTIONS: &[&str] = &["size", "startsWith", "endsWith", "contains", "exists", "all", "double"];

impl Checker<'_> {
    pub(super) fn call(&mut self, expression: &IdedExpr, call: &CallExpr) -> Option<Typed> {
        let name = call.func_name.as_str();
        match (name, call.target.as_deref(), call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, None, [left, right]) => {
                self.logical(name == operators::LOGICAL_AND, left, right)
            }
            (operators::LOGICAL_NOT, None, [inner]) => {
                let inner = self.condition(inner, "what `!` negates")?;
                Some(Typed::Bool(Bool::Not(Box::new(inner))))
            }
            (operators::NEGATE, None, [inner]) => match self.typed(inner)? {
                Typed::Int(int) => Some(Typed::Int(Int::Negate(Box::new(int)))),
                Typed::Double(double) => Some(Typed::Double(Double::Negate(Box::new(double)))),
                other => self.fault(inner, format!("`-` negates numbers, not {}", other.describe()), None),
            },
            (operators::CONDITIONAL, None, [condition, then, otherwise]) => {
                self.conditional(expression, condition, then, otherwise)
            }
            (operators::IN, None, [item, list]) => self.membership(expression, item, list),
            (operators::INDEX, ..) => {
                let remedy = Some("use `in`, `exists` or `all`".to_owned());
                self.fault(expression, "lists are not indexed in a condition", remedy)
            }
            ("size", Some(of), []) | ("size", None, [of]) => match self.typed(of)? {
                Typed::Text(text) => Some(Typed::Int(Int::TextSize(text))),
                Typed::List(list) => Some(Typed::Int(Int::ListSize(list))),
                other => {
                    self.fault(of, format!("`size` is of texts and lists, not of {}", other.describe()), None)
                }
            },
            ("startsWith", Some(text), [part]) => self.search(Search::StartsWith, text, part),
            ("endsWith", Some(text), [part]) => self.search(Search::EndsWith, text, part),
            ("contains", Some(text), [part]) => self.search(Search::Contains, text, part),
            ("exists", Some(list), [item, body]) => self.quantified(Quantifier::Exists, list, item, body),
            ("all", Some(list), [item, body]) => self.quantified(Quantifier::All, list, item, body),
            ("double", None, [number]) => match self.typed(number)? {
                Typed::Int(int) => Some(Typed::Double(Double::FromInt(int))),
                Typed::Double(double) => Some(Typed::Double(double)),
                other => {
                    self.fault(number, format!("`double` takes a number, not {}", other.describe()), None)
                }
            },
            (name, None, [left, right]) => {
                if let Some(comparison) = comparison(name) {
                    self.comparison(expression, comparison, left, right)
                } else if let Some(arithmetic) = arithmetic(name) {
                    self.arithmetic(expression, arithmetic, left, right)
                } else {
                    self.unknown_function(expression, name)
                }
            }
            (name, ..) => self.unknown_function(expression, name),
        }
    }

    fn unknown_function<T>(&mut self, expression: &IdedExpr, name: &str) -> Option<T> {
        match name {
            "has" => {
                let remedy =
                    Some("a signal always has a value: compare with `\"\"`, `0` or `false`".to_owned());
                self.fault(expression, "`has` is not part of a condition", remedy)
            }
            "map" | "filter" | "exists_one" | "existsOne" => {
                let remedy = Some("use `exists` or `all`".to_owned());
                self.fault(expression, format!("`{name}` is not part of a condition"), remedy)
            }
            "matches" => {
                let remedy = Some("use `startsWith`, `endsWith` or `contains`".to_owned());
                self.fault(expression, "`matches` is not part of a condition", remedy)
            }
            known if FUNCTIONS.contains(&known) => {
                let usage = match known {
                    "size" => "size(x) or x.size()",
                    "exists" => "list.exists(item, condition)",
                    "all" => "list.all(item, condition)",
                    "double" => "double(number)",
                    _ => "text.startsWith(part), text.endsWith(part), text.contains(part)",
                };
                self.fault(
                    expression,
                    format!("wrong arguments for `{known}`"),
                    Some(format!("write {usage}")),
                )
            }
            other => {
                let remedy = did_you_mean(other, FUNCTIONS.iter().copied());
                self.fault(expression, format!("unknown function `{other}`"), remedy)
            }
        }
    }

    fn logical(&mut self, and: bool, left: &IdedExpr, right: &IdedExpr) -> Option<Typed> {
        let what = if and { "what stands beside `&&`" } else { "what stands beside `||`" };
        // Both sides are looked at before either ends the branch, so that faults of both are reported.
        let sides = [left, right].map(|side| (side, self.condition(side, what)));
        let mut parts = Vec::new();
        for (side, condition) in sides {
            let condition = condition?;
            if !condition.varies() {
                return self.fault(
                    side,
                    "this part is constant: it reads no signal",
                    Some("leave it out".to_owned()),
                );
            }
            match condition {
                Bool::And(inner) if and => parts.extend(inner),
                Bool::Or(inner) if !and => parts.extend(inner),
                other => parts.push(other),
            }
        }
        Some(Typed::Bool(if and { Bool::And(parts) } else { Bool::Or(parts) }))
    }

    fn conditional(
        &mut self,
        expression: &IdedExpr,
        condition: &IdedExpr,
        then: &IdedExpr,
        otherwise: &IdedExpr,
    ) -> Option<Typed> {
        let condition = self.condition(condition, "what stands before `?`");
        let (then, otherwise) = (self.typed(then), self.typed(otherwise));
        let (condition, then, otherwise) = (condition?, then?, otherwise?);
        Some(match self.balanced(expression, "`? :` gives", then, otherwise)? {
            (Typed::Bool(a), Typed::Bool(b)) => Typed::Bool(Bool::If(Box::new((condition, a, b)))),
            (Typed::Int(a), Typed::Int(b)) => Typed::Int(Int::If(Box::new((condition, a, b)))),
            (Typed::Double(a), Typed::Double(b)) => Typed::Double(Double::If(Box::new((condition, a, b)))),
            (Typed::Text(a), Typed::Text(b)) => Typed::Text(Text::If(Box::new((condition, a, b)))),
            _ => return self.fault(expression, "`? :` does not choose between lists", None),
        })
    }

    /// Both sides in one type: a whole-number literal beside a double becomes one.
    fn balanced(
        &mut self,
        expression: &IdedExpr,
        what: &str,
        left: Typed,
        right: Typed,
    ) -> Option<(Typed, Typed)> {
        match (left, right) {
            (Typed::Int(left), Typed::Double(right)) => match literal_int(&left) {
                Some(value) => Some((Typed::Double(Double::Literal(widened(value))), Typed::Double(right))),
                None => self.mixed_numbers(expression, what),
            },
            (Typed::Double(left), Typed::Int(right)) => match literal_int(&right) {
                Some(value) => Some((Typed::Double(left), Typed::Double(Double::Literal(widened(value))))),
                None => self.mixed_numbers(expression, what),
            },
            (left, right) if std::mem::discriminant(&left) == std::mem::discriminant(&right) => {
                Some((left, right))
            }
            (left, right) => {
                let message = format!("{what} two types: {} and {}", left.describe(), right.describe());
                self.fault(expression, message, None)
            }
        }
    }

    fn mixed_numbers<T>(&mut self, expression: &IdedExpr, what: &str) -> Option<T> {
        let remedy = Some("write a whole number, or convert with `double(...)`".to_owned());
        self.fault(
            expression,
            format!("{what} two types: a whole number and a number with a fraction"),
            remedy,
        )
    }

    fn comparison(
        &mut self,
        expression: &IdedExpr,
        comparison: Comparison,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Option<Typed> {
        let sides = (self.typed(left), self.typed(right));
        let what = format!("`{}` compares", comparison.symbol());
        let condition = match self.balanced(expression, &what, sides.0?, sides.1?)? {
            (Typed::Int(a), Typed::Int(b)) => Bool::Ints(comparison, Box::new((a, b))),
            (Typed::Double(a), Typed::Double(b)) => Bool::Doubles(comparison, Box::new((a, b))),
            (Typed::Text(a), Typed::Text(b)) => {
                match (&a, &b) {
                    (Text::Signal(signal), Text::Literal(value)) => self.known_value(right, *signal, value),
                    (Text::Literal(value), Text::Signal(signal)) => self.known_value(left, *signal, value),
                    _ => {}
                }
                Bool::Texts(comparison, Box::new((a, b)))
            }
            (Typed::Bool(a), Typed::Bool(b)) if comparison.is_equality() => {
                Bool::Bools(comparison == Comparison::Equal, Box::new((a, b)))
            }
            (Typed::Bool(_), _) => return self.fault(expression, "true and false have no order", None),
            _ => {
                let remedy = Some("use `in`, `size`, `exists` or `all`".to_owned());
                return self.fault(expression, "lists are not compared", remedy);
            }
        };
        Some(Typed::Bool(condition))
    }

    fn arithmetic(
        &mut self,
        expression: &IdedExpr,
        operation: Arithmetic,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Option<Typed> {
        let sides = (self.typed(left), self.typed(right));
        let what = format!("`{}` combines", operation.symbol());
        match self.balanced(expression, &what, sides.0?, sides.1?)? {
            (Typed::Int(a), Typed::Int(b)) => Some(Typed::Int(Int::Arithmetic(operation, Box::new((a, b))))),
            (Typed::Double(_), Typed::Double(_)) if operation == Arithmetic::Remainder => {
                self.fault(expression, "`%` is of whole numbers only", None)
            }
            (Typed::Double(a), Typed::Double(b)) => {
                Some(Typed::Double(Double::Arithmetic(operation, Box::new((a, b)))))
            }
            (other, _) => {
                let message = format!("`{}` combines numbers, not {}", operation.symbol(), other.describe());
                self.fault(expression, message, None)
            }
        }
    }

    fn membership(&mut self, expression: &IdedExpr, item: &IdedExpr, list: &IdedExpr) -> Option<Typed> {
        let (typed_item, typed_list) = (self.typed(item), self.typed(list));
        let condition = match (typed_item?, typed_list?) {
            (Typed::Text(text), Typed::List(items)) => {
                match (&text, &items) {
                    (Text::Signal(signal), List::Literal(values)) => {
                        values.iter().for_each(|value| self.known_value(list, *signal, value));
                    }
                    (Text::Literal(value), List::Signal(signal)) => self.known_value(item, *signal, value),
                    _ => {}
                }
                Bool::TextIn(text, items)
            }
            (Typed::Int(int), Typed::Ints(items)) => Bool::IntIn(int, items),
            (Typed::Double(double), Typed::Doubles(items)) => Bool::DoubleIn(double, items),
            (Typed::Double(double), Typed::Ints(items)) => {
                Bool::DoubleIn(double, items.into_iter().map(widened).collect())
            }
            (item, list @ (Typed::List(_) | Typed::Ints(_) | Typed::Doubles(_))) => {
                let message = format!("{} is never in {}", item.describe(), list.describe());
                return self.fault(expression, message, None);
            }
            (_, other) => {
                let message = format!("`in` looks into a list, not into {}", other.describe());
                return self.fault(list, message, Some("use `contains` for texts".to_owned()));
            }
        };
        Some(Typed::Bool(condition))
    }

    fn search(&mut self, search: Search, text: &IdedExpr, part: &IdedExpr) -> Option<Typed> {
        let sides = (self.typed(text), self.typed(part));
        match (sides.0?, sides.1?) {
            (Typed::Text(text), Typed::Text(part)) => Some(Typed::Bool(Bool::Search(search, text, part))),
            (Typed::List(_), _) => self.fault(
                text,
                format!("`{}` is of texts, not of lists", search.name()),
                Some("use `in`".to_owned()),
            ),
            (Typed::Text(_), other) => {
                self.fault(part, format!("`{}` takes a text, not {}", search.name(), other.describe()), None)
            }
            (other, _) => self.fault(
                text,
                format!("`{}` is of texts, not of {}", search.name(), other.describe()),
                None,
            ),
        }
    }

    fn quantified(
        &mut self,
        quantifier: Quantifier,
        list: &IdedExpr,
        item: &IdedExpr,
        body: &IdedExpr,
    ) -> Option<Typed> {
        let Expr::Ident(name) = &item.expr else {
            return self.fault(
                item,
                "the first argument names the item",
                Some("write `list.exists(item, ...)`".into()),
            );
        };
        let typed_list = self.typed(list);
        self.items.push(name.clone());
        let body = self.condition(body, "the second argument");
        self.items.pop();
        match (typed_list?, body?) {
            (Typed::List(list), body) => {
                Some(Typed::Bool(Bool::Quantified(quantifier, list, Box::new(body))))
            }
            (other, _) => self.fault(
                list,
                format!("`exists` and `all` are of lists of texts, not of {}", other.describe()),
                None,
            ),
        }
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn arithmetic(operator: &str) -> Option<Arithmetic> {
    Some(match operator {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Remainder,
        _ => return None,
    })
}
