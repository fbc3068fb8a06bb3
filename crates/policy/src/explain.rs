//! Why a policy decided as it did, and what it would have taken to decide otherwise. Evaluates every rule of a
//! stage part by part; nothing of this is on the hot path.

use std::fmt;

use flyball_core::{Action, Stage};
use serde::Serialize;

use crate::expression::{Bool, Scope, double, holds, int};
use crate::policy::Policy;
use crate::rule::Rule;
use crate::signals::{Signals, Value};

/// What every rule of a stage made of a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The stage that was asked.
    pub stage: Stage,
    /// The decision as one word.
    pub action: Action,
    /// The policy's hash.
    pub policy_hash: String,
    /// Every rule of the stage, in the order of the file.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule made of a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleExplanation {
    /// The rule's id.
    pub rule: String,
    /// What its author wrote for people.
    pub description: String,
    /// What it asks for.
    pub action: Action,
    /// How it went.
    pub outcome: Outcome,
    /// The parts that all have to hold.
    pub parts: Vec<Part>,
}

/// How a rule went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It matched.
    Fired,
    /// One part did not hold: the only one of several, or a comparison of numbers that were not neutral.
    Nearly,
    /// It did not match.
    NotFired,
    /// It could not be evaluated, which blocks.
    Failed,
}

/// One part of a condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The part, as it was understood.
    pub text: String,
    /// Whether it holds; absent when it could not be evaluated.
    pub holds: Option<bool>,
    /// The signals that it reads, as `name = value`.
    pub values: Vec<String>,
    /// For a comparison of numbers that did not hold: by how much it fell short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_by: Option<f64>,
}

impl Policy {
    /// Explains what [`Policy::decide`] says about the same signals.
    pub fn explain(&self, stage: Stage, signals: &Signals<'_>) -> Explanation {
        Explanation {
            stage,
            action: self.decide(stage, signals).action(),
            policy_hash: self.hash().to_owned(),
            rules: self
                .rules()
                .iter()
                .filter(|rule| rule.stage() == stage)
                .map(|rule| one(rule, signals))
                .collect(),
        }
    }
}

fn one(rule: &Rule, signals: &Signals<'_>) -> RuleExplanation {
    let parts: Vec<Part> =
        rule.condition().conjuncts().iter().map(|conjunct| part(conjunct, signals)).collect();
    let outcome = match rule.evaluate(signals) {
        Err(_) => Outcome::Failed,
        Ok(true) => Outcome::Fired,
        Ok(false) => {
            let mut missing = parts.iter().filter(|part| part.holds != Some(true));
            match (missing.next(), missing.next()) {
                (Some(only), None) if parts.len() > 1 || only.short_by.is_some() => Outcome::Nearly,
                _ => Outcome::NotFired,
            }
        }
    };
    RuleExplanation {
        rule: rule.id().to_owned(),
        description: rule.description().to_owned(),
        action: rule.action(),
        outcome,
        parts,
    }
}

fn part(conjunct: &Bool, signals: &Signals<'_>) -> Part {
    let holds = holds(conjunct, Scope::new(signals)).ok();
    let reads = conjunct.reads();
    let seen = reads.intersects(signals.active());
    let short_by = if holds == Some(false) && seen { distance(conjunct, signals) } else { None };
    let values =
        reads.iter().map(|signal| format!("{} = {}", signal.name(), shown(signals.get(signal)))).collect();
    Part { text: conjunct.to_string(), holds, values, short_by }
}

fn shown(value: Value<'_>) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}

/// How far apart the sides of a comparison of numbers are.
fn distance(conjunct: &Bool, signals: &Signals<'_>) -> Option<f64> {
    let scope = Scope::new(signals);
    let apart = match conjunct {
        Bool::Doubles(_, sides) => (double(&sides.0, scope).ok()? - double(&sides.1, scope).ok()?).abs(),
        #[expect(clippy::cast_precision_loss, reason = "a distance shown to people")]
        Bool::Ints(_, sides) => int(&sides.0, scope).ok()?.abs_diff(int(&sides.1, scope).ok()?) as f64,
        _ => return None,
    };
    // Digits beyond the sixth are noise of binary fractions.
    Some((apart * 1e6).round() / 1e6)
}

impl fmt::Display for Explanation {
    /// One line a rule, one indented line a part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} (policy {})", self.stage.name(), self.action.name(), self.policy_hash)?;
        for rule in &self.rules {
            let outcome = match rule.outcome {
                Outcome::Fired => "fired",
                Outcome::Nearly => "nearly fired",
                Outcome::NotFired => "not fired",
                Outcome::Failed => "failed, which blocks",
            };
            writeln!(f, "  {} ({}): {outcome}", rule.rule, rule.action.name())?;
            for part in &rule.parts {
                let mark = match part.holds {
                    Some(true) => "yes",
                    Some(false) => "no ",
                    None => "?  ",
                };
                write!(f, "    {mark} {}    [{}]", part.text, part.values.join(", "))?;
                match part.short_by {
                    Some(short_by) => writeln!(f, " short by {short_by}")?,
                    None => writeln!(f)?,
                }
            }
        }
        Ok(())
    }
}
