//! Which rules are worth evaluating for a call. Each rule is filed under one necessary condition, a *guard*, found
//! when the policy loads: either a text signal has one of a few values (`request.model == "x"`), or at least one of
//! some signals is not neutral. Rules without a guard are always evaluated. Skipping a rule whose guard fails never
//! changes a decision: the guard is a conjunct of the condition that is then false, and a false conjunct makes the
//! whole false, whatever the others are.

use std::collections::HashMap;

use crate::document::MAX_RULES;
use crate::expression::{Bool, Comparison, List, Scope, Text, holds};
use crate::rule::Rule;
use crate::signal::{Signal, SignalSet};
use crate::signals::{Signals, Value};

const WORDS: usize = MAX_RULES.div_ceil(64);

/// A set of rules, by their place in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuleSet([u64; WORDS]);

impl RuleSet {
    pub(crate) const EMPTY: RuleSet = RuleSet([0; WORDS]);

    pub(crate) fn insert(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
    }

    fn add(&mut self, other: &RuleSet) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Members of both sets, in the policy's order.
    pub(crate) fn common<'s>(&'s self, other: &'s RuleSet) -> impl Iterator<Item = usize> + 's {
        self.0.iter().zip(other.0).enumerate().flat_map(|(index, (word, more))| {
            let mut rest = word & more;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    index * 64 + bit
                })
            })
        })
    }
}

/// The rules of a policy, filed by guard.
#[derive(Debug)]
pub(crate) struct Index {
    /// Rules without a guard.
    always: RuleSet,
    /// Rules that wait for a signal to be other than neutral.
    by_signal: Vec<(Signal, RuleSet)>,
    /// Rules that wait for a text signal to have a value.
    by_text: Vec<(Signal, HashMap<Box<str>, RuleSet>)>,
}

enum Guard {
    None,
    Active(SignalSet),
    Equals(Signal, Vec<Box<str>>),
}

impl Index {
    pub(crate) fn new(rules: &[Rule]) -> Index {
        let mut index = Index { always: RuleSet::EMPTY, by_signal: Vec::new(), by_text: Vec::new() };
        for (place, rule) in rules.iter().enumerate() {
            match guard(rule.condition()) {
                Guard::None => index.always.insert(place),
                Guard::Active(signals) => {
                    for signal in signals.iter() {
                        entry(&mut index.by_signal, signal, || RuleSet::EMPTY).insert(place);
                    }
                }
                Guard::Equals(signal, values) => {
                    let by_value = entry(&mut index.by_text, signal, HashMap::new);
                    for value in values {
                        by_value.entry(value).or_insert(RuleSet::EMPTY).insert(place);
                    }
                }
            }
        }
        index
    }

    /// Every rule that may match; what is missing does not.
    pub(crate) fn candidates(&self, signals: &Signals<'_>) -> RuleSet {
        let mut candidates = self.always;
        for (signal, rules) in &self.by_signal {
            if signals.active().contains(*signal) {
                candidates.add(rules);
            }
        }
        for (signal, by_value) in &self.by_text {
            if let Value::Text(value) = signals.get(*signal)
                && let Some(rules) = by_value.get(value)
            {
                candidates.add(rules);
            }
        }
        candidates
    }
}

fn entry<K: PartialEq, V>(list: &mut Vec<(K, V)>, key: K, new: impl FnOnce() -> V) -> &mut V {
    let place = match list.iter().position(|(known, _)| *known == key) {
        Some(place) => place,
        None => {
            list.push((key, new()));
            list.len() - 1
        }
    };
    #[expect(clippy::indexing_slicing, reason = "the place was found or made above")]
    &mut list[place].1
}

/// The most telling guard of a condition: an equality; else the conjunct whose signals are least often set.
fn guard(condition: &Bool) -> Guard {
    let equality = condition.conjuncts().iter().find_map(|conjunct| match conjunct {
        Bool::Texts(Comparison::Equal, sides) => match &**sides {
            (Text::Signal(signal), Text::Literal(value)) | (Text::Literal(value), Text::Signal(signal)) => {
                Some(Guard::Equals(*signal, vec![value.clone()]))
            }
            _ => None,
        },
        Bool::TextIn(Text::Signal(signal), List::Literal(values)) => {
            Some(Guard::Equals(*signal, values.clone()))
        }
        _ => None,
    });
    if let Some(guard) = equality {
        return guard;
    }
    let neutral = Signals::neutral();
    condition
        .conjuncts()
        .iter()
        .filter(|conjunct| holds(conjunct, Scope::new(&neutral)) == Ok(false))
        .map(Bool::reads)
        .min_by_key(|reads| (reads.iter().any(Signal::usually_set), reads.iter().count()))
        .map_or(Guard::None, Guard::Active)
}
