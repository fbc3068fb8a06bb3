//! Conditions of rules: CEL text becomes, once at load, a small tree in which every node's type is known, so that
//! evaluation neither allocates nor looks anything up by name. Here stand the tree and what can be asked of its
//! shape; `parse` reads the text, `check` types and lowers it, `eval` computes, `display` prints.
//!
//! The language is a subset of CEL (cel-spec, language definition): what it accepts means what CEL says, which a
//! test compares with the `cel` crate's own evaluator. One liberty is taken: a whole-number literal stands for a
//! double where a double is wanted, `prompt.jailbreak_score * 2 > 1`.

mod check;
mod display;
mod eval;
mod parse;

pub(crate) use check::compile;
pub(crate) use eval::{Fault, Scope, double, holds, int};

use crate::signal::{Signal, SignalSet};

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(crate) fn is_equality(self) -> bool {
        matches!(self, Comparison::Equal | Comparison::NotEqual)
    }

    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

/// The four operations and the remainder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}

/// Where in a text another one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    StartsWith,
    EndsWith,
    Contains,
}

impl Search {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Search::StartsWith => "startsWith",
            Search::EndsWith => "endsWith",
            Search::Contains => "contains",
        }
    }
}

/// Whether one item or every item has to satisfy a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Exists,
    All,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bool {
    Signal(Signal),
    Literal(bool),
    Not(Box<Bool>),
    /// True when all are: at least two, none of them an `And` itself.
    And(Vec<Bool>),
    /// True when one is: at least two, none of them an `Or` itself.
    Or(Vec<Bool>),
    If(Box<(Bool, Bool, Bool)>),
    /// Equal, or not.
    Bools(bool, Box<(Bool, Bool)>),
    Ints(Comparison, Box<(Int, Int)>),
    Doubles(Comparison, Box<(Double, Double)>),
    Texts(Comparison, Box<(Text, Text)>),
    IntIn(Int, Vec<i64>),
    DoubleIn(Double, Vec<f64>),
    TextIn(Text, List),
    Search(Search, Text, Text),
    Quantified(Quantifier, List, Box<Bool>),
}

/// A whole number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Int {
    Signal(Signal),
    Literal(i64),
    Negate(Box<Int>),
    Arithmetic(Arithmetic, Box<(Int, Int)>),
    /// Characters (Unicode code points) of a text.
    TextSize(Text),
    ListSize(List),
    If(Box<(Bool, Int, Int)>),
}

/// A double.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Double {
    Signal(Signal),
    Literal(f64),
    Negate(Box<Double>),
    Arithmetic(Arithmetic, Box<(Double, Double)>),
    FromInt(Int),
    If(Box<(Bool, Double, Double)>),
}

/// A text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    Signal(Signal),
    Literal(Box<str>),
    /// The item of a quantifier, counted outwards from the innermost one, which is 0.
    Item(usize),
    If(Box<(Bool, Text, Text)>),
}

/// A list of texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum List {
    Signal(Signal),
    Literal(Vec<Box<str>>),
}

impl Bool {
    /// The parts that must all hold: the members of an `And`, or the condition itself.
    pub(crate) fn conjuncts(&self) -> &[Bool] {
        match self {
            Bool::And(parts) => parts,
            whole => std::slice::from_ref(whole),
        }
    }

    /// The signals that it reads.
    pub(crate) fn reads(&self) -> SignalSet {
        let mut reads = Reads::default();
        reads.condition(self);
        reads.signals
    }

    /// Whether it can have more than one value: it reads a signal or the item of a quantifier around it.
    pub(crate) fn varies(&self) -> bool {
        let mut reads = Reads::default();
        reads.condition(self);
        reads.item || !reads.signals.is_empty()
    }
}

/// What an expression reads, gathered by walking it.
#[derive(Default)]
struct Reads {
    signals: SignalSet,
    item: bool,
}

impl Reads {
    fn condition(&mut self, condition: &Bool) {
        match condition {
            Bool::Signal(signal) => self.signals.insert(*signal),
            Bool::Literal(_) => {}
            Bool::Not(inner) => self.condition(inner),
            Bool::And(parts) | Bool::Or(parts) => parts.iter().for_each(|part| self.condition(part)),
            Bool::If(branches) => {
                self.condition(&branches.0);
                self.condition(&branches.1);
                self.condition(&branches.2);
            }
            Bool::Bools(_, sides) => {
                self.condition(&sides.0);
                self.condition(&sides.1);
            }
            Bool::Ints(_, sides) => {
                self.int(&sides.0);
                self.int(&sides.1);
            }
            Bool::Doubles(_, sides) => {
                self.double(&sides.0);
                self.double(&sides.1);
            }
            Bool::Texts(_, sides) => {
                self.text(&sides.0);
                self.text(&sides.1);
            }
            Bool::IntIn(int, _) => self.int(int),
            Bool::DoubleIn(double, _) => self.double(double),
            Bool::TextIn(text, list) => {
                self.text(text);
                self.list(list);
            }
            Bool::Search(_, text, part) => {
                self.text(text);
                self.text(part);
            }
            Bool::Quantified(_, list, body) => {
                self.list(list);
                self.condition(body);
            }
        }
    }

    fn int(&mut self, int: &Int) {
        match int {
            Int::Signal(signal) => self.signals.insert(*signal),
            Int::Literal(_) => {}
            Int::Negate(inner) => self.int(inner),
            Int::Arithmetic(_, sides) => {
                self.int(&sides.0);
                self.int(&sides.1);
            }
            Int::TextSize(text) => self.text(text),
            Int::ListSize(list) => self.list(list),
            Int::If(branches) => {
                self.condition(&branches.0);
                self.int(&branches.1);
                self.int(&branches.2);
            }
        }
    }

    fn double(&mut self, double: &Double) {
        match double {
            Double::Signal(signal) => self.signals.insert(*signal),
            Double::Literal(_) => {}
            Double::Negate(inner) => self.double(inner),
            Double::Arithmetic(_, sides) => {
                self.double(&sides.0);
                self.double(&sides.1);
            }
            Double::FromInt(int) => self.int(int),
            Double::If(branches) => {
                self.condition(&branches.0);
                self.double(&branches.1);
                self.double(&branches.2);
            }
        }
    }

    fn text(&mut self, text: &Text) {
        match text {
            Text::Signal(signal) => self.signals.insert(*signal),
            Text::Literal(_) => {}
            Text::Item(_) => self.item = true,
            Text::If(branches) => {
                self.condition(&branches.0);
                self.text(&branches.1);
                self.text(&branches.2);
            }
        }
    }

    fn list(&mut self, list: &List) {
        if let List::Signal(signal) = list {
            self.signals.insert(*signal);
        }
    }
}
