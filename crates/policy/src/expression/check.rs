//! The type check of a condition against the declared signals, and its lowering to the typed tree. Everything that
//! is wrong is reported, not only the first thing; the arms for one operator or function each stand in `calls`.

mod calls;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, SourceInfo};
use flyball_core::Kind;

use super::parse::{ConditionError, MAX_DEPTH, parse};
use super::{Bool, Double, Int, List, Text};
use crate::error::did_you_mean;
use crate::signal::{SIGNALS, Signal, SignalType};

/// An expression whose type is known.
#[derive(Debug)]
enum Typed {
    Bool(Bool),
    Int(Int),
    Double(Double),
    Text(Text),
    List(List),
    Ints(Vec<i64>),
    Doubles(Vec<f64>),
}

impl Typed {
    /// What people call its type.
    fn describe(&self) -> &'static str {
        match self {
            Typed::Bool(_) => "true or false",
            Typed::Int(_) => "a whole number",
            Typed::Double(_) => "a number with a fraction",
            Typed::Text(_) => "a text",
            Typed::List(_) => "a list of texts",
            Typed::Ints(_) | Typed::Doubles(_) => "a list of numbers",
        }
    }
}

/// Types and lowers the condition `source`. `kinds` are the finding kinds that detectors can report.
pub(crate) fn compile(source: &str, kinds: &[Kind]) -> Result<Bool, Vec<ConditionError>> {
    let (expression, info) = parse(source)?;
    let mut checker = Checker { info, kinds, items: Vec::new(), depth: 0, faults: Vec::new() };
    let condition = checker.condition(&expression, "a condition");
    match condition {
        Some(condition) if checker.faults.is_empty() => {
            if condition.reads().is_empty() {
                let remedy = "read a signal, or leave the rule out";
                return Err(vec![ConditionError::new(
                    0,
                    "the condition reads no signal: it is constant",
                    Some(remedy),
                )]);
            }
            Ok(condition)
        }
        _ => Err(checker.faults),
    }
}

struct Checker<'c> {
    info: SourceInfo,
    kinds: &'c [Kind],
    /// The names of the quantifiers' items around, outermost first.
    items: Vec<String>,
    depth: usize,
    faults: Vec<ConditionError>,
}

impl Checker<'_> {
    /// Notes a fault. Always `None`, so that it can end a branch.
    fn fault<T>(&mut self, at: &IdedExpr, message: impl Into<String>, remedy: Option<String>) -> Option<T> {
        let at = self.start(at);
        self.faults.push(ConditionError { at, message: message.into(), remedy });
        None
    }

    /// The first character of an expression: the parser notes an operator's own place for what it combines.
    fn start(&self, expression: &IdedExpr) -> usize {
        let own = self.info.offset_for(expression.id).map(|(start, _)| match &expression.expr {
            // Of `f(x)` the bracket is noted; the name stands before it.
            Expr::Call(call) if call.target.is_none() && call.func_name.starts_with(char::is_alphabetic) => {
                (start as usize).saturating_sub(call.func_name.chars().count())
            }
            _ => start as usize,
        });
        let first = match &expression.expr {
            Expr::Select(select) => Some(self.start(&select.operand)),
            Expr::Call(call) => call.target.as_deref().or(call.args.first()).map(|first| self.start(first)),
            _ => None,
        };
        match (own, first) {
            (Some(own), Some(first)) => own.min(first),
            (own, first) => own.or(first).unwrap_or(0),
        }
    }

    /// A condition; `what` names its place in messages.
    fn condition(&mut self, expression: &IdedExpr, what: &str) -> Option<Bool> {
        match self.typed(expression)? {
            Typed::Bool(condition) => Some(condition),
            other => {
                let message = format!("{what} must be true or false, not {}", other.describe());
                self.fault(expression, message, Some("compare it with something".to_owned()))
            }
        }
    }

    fn typed(&mut self, expression: &IdedExpr) -> Option<Typed> {
        if self.depth >= MAX_DEPTH {
            let remedy = Some("split the rule".to_owned());
            return self.fault(expression, format!("operators nest deeper than {MAX_DEPTH}"), remedy);
        }
        self.depth += 1;
        let typed = self.typed_within(expression);
        self.depth -= 1;
        typed
    }

    fn typed_within(&mut self, expression: &IdedExpr) -> Option<Typed> {
        match &expression.expr {
            Expr::Literal(literal) => self.literal(expression, literal),
            Expr::Ident(name) => match self.items.iter().rev().position(|item| item == name) {
                Some(distance) => Some(Typed::Text(Text::Item(distance))),
                None => self.signal(expression, name),
            },
            Expr::Select(_) => match dotted(expression) {
                Some(name) => self.signal(expression, &name),
                None => self.fault(expression, "only signals have fields", None),
            },
            Expr::Call(call) => self.call(expression, call),
            Expr::List(list) => self.list(expression, &list.elements),
            Expr::Map(_) | Expr::Struct(_) => {
                self.fault(expression, "maps and messages are not part of a condition", None)
            }
            Expr::Comprehension(_) | Expr::Unspecified => {
                self.fault(expression, "not part of a condition", None)
            }
        }
    }

    fn literal(&mut self, expression: &IdedExpr, literal: &LiteralValue) -> Option<Typed> {
        match literal {
            LiteralValue::Boolean(value) => Some(Typed::Bool(Bool::Literal(*value.inner()))),
            LiteralValue::Int(value) => Some(Typed::Int(Int::Literal(*value.inner()))),
            LiteralValue::Double(value) => Some(Typed::Double(Double::Literal(*value.inner()))),
            LiteralValue::String(value) => Some(Typed::Text(Text::Literal(value.inner().into()))),
            LiteralValue::UInt(_) => {
                let remedy = Some("leave out the `u`".to_owned());
                self.fault(expression, "unsigned literals are not part of a condition", remedy)
            }
            LiteralValue::Null => {
                let remedy =
                    Some("a signal always has a value: compare with `\"\"`, `0` or `false`".to_owned());
                self.fault(expression, "`null` is not part of a condition", remedy)
            }
            LiteralValue::Bytes(_) => {
                self.fault(expression, "byte literals are not part of a condition", None)
            }
        }
    }

    fn signal(&mut self, expression: &IdedExpr, name: &str) -> Option<Typed> {
        let Some(signal) = Signal::named(name) else {
            let remedy = did_you_mean(name, SIGNALS.iter().map(|info| info.name));
            return self.fault(expression, format!("unknown signal `{name}`"), remedy);
        };
        Some(match signal.info().kind {
            SignalType::Bool => Typed::Bool(Bool::Signal(signal)),
            SignalType::Int => Typed::Int(Int::Signal(signal)),
            SignalType::Double => Typed::Double(Double::Signal(signal)),
            SignalType::Text => Typed::Text(Text::Signal(signal)),
            SignalType::Texts => Typed::List(List::Signal(signal)),
        })
    }

    /// A list of literals of one type.
    fn list(&mut self, expression: &IdedExpr, elements: &[IdedExpr]) -> Option<Typed> {
        let mut items = Vec::with_capacity(elements.len());
        for element in elements {
            items.push((element, self.typed(element)?));
        }
        let (mut texts, mut ints, mut doubles) = (Vec::new(), Vec::new(), Vec::new());
        for (element, item) in items {
            match item {
                Typed::Text(Text::Literal(text)) => texts.push(text),
                Typed::Double(Double::Literal(value)) => doubles.push(value),
                Typed::Int(value) => match literal_int(&value) {
                    Some(value) => ints.push(value),
                    None => return self.fault(element, "a list holds literals only", None),
                },
                _ => return self.fault(element, "a list holds texts or numbers, written out", None),
            }
        }
        match (texts.is_empty(), ints.is_empty(), doubles.is_empty()) {
            (false, true, true) => Some(Typed::List(List::Literal(texts))),
            (true, false, true) => Some(Typed::Ints(ints)),
            (true, true, false) => Some(Typed::Doubles(doubles)),
            (true, false, false) => {
                doubles.extend(ints.into_iter().map(widened));
                Some(Typed::Doubles(doubles))
            }
            (true, true, true) => self.fault(expression, "an empty list contains nothing", None),
            _ => self.fault(expression, "a list mixes texts and numbers", None),
        }
    }

    /// A literal that stands beside a signal with a closed set of values has to be one of them: a misspelt one would
    /// make a rule that never matches.
    fn known_value(&mut self, expression: &IdedExpr, signal: Signal, value: &str) {
        let kinds = || self.kinds.iter().map(|kind| kind.0).collect::<Vec<_>>();
        let known = match signal {
            Signal::PromptPiiKinds | Signal::OutputPiiKinds => kinds(),
            other => match other.closed_values() {
                Some(known) => known,
                None => return,
            },
        };
        if !known.contains(&value) {
            let remedy = did_you_mean(value, known.iter().copied())
                .unwrap_or_else(|| format!("it can be {}", listed(&known)));
            let message = format!("`{}` is never `{value}`", signal.name());
            let _: Option<()> = self.fault(expression, message, Some(remedy));
        }
    }
}

/// `a`, `b` or `c`, quoted.
fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The dotted name that an expression spells.
fn dotted(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            let mut name = dotted(&select.operand)?;
            name.push('.');
            name.push_str(&select.field);
            Some(name)
        }
        _ => None,
    }
}

/// The value of a whole number that is written out.
fn literal_int(int: &Int) -> Option<i64> {
    match int {
        Int::Literal(value) => Some(*value),
        Int::Negate(inner) => literal_int(inner)?.checked_neg(),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "the nearest double is what the author means")]
fn widened(value: i64) -> f64 {
    value as f64
}
