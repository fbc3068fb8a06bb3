//! The decision lattice. A decision has three parts, each the strictest of all matching rules: what happens to
//! the call (disposition), to findings of a category (treatment), to the answer. Combining is a join: it can only
//! become stricter, in whatever order rules are read. `docs/adr/0004-decision-lattice.md` argues for it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::finding::{Category, Kind};

/// When a rule is evaluated: as soon as the latest signal that it reads is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Before the provider is called.
    Prompt,
    /// On what comes back.
    Output,
}

impl Stage {
    /// The name used in policies, metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Prompt => "prompt",
            Stage::Output => "output",
        }
    }
}

/// What happens to the call, from mildest to strictest. `review` joins when the binary can hold calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Disposition {
    /// It goes on.
    #[default]
    Allow,
    /// It goes on without tools, with capped output and a hardening instruction.
    SafeMode,
    /// It stops here.
    Block,
}

/// What happens to findings, from mildest to strictest. `alias` joins when the binary can restore aliases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Treatment {
    /// They stay.
    #[default]
    None,
    /// They are replaced by a type tag.
    Mask,
}

/// What happens to the answer as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnswerTreatment {
    /// It stays.
    #[default]
    None,
    /// It is replaced by a summary.
    Summarize,
}

/// The one word for a decision where an interface shows a single action; ordered from mildest to strictest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Nothing is changed.
    #[default]
    Allow,
    /// Findings are replaced by type tags.
    Mask,
    /// The answer is replaced by a summary.
    Summarize,
    /// The call goes on in safe mode.
    SafeMode,
    /// The call or answer stops.
    Block,
}

impl Action {
    /// Every action that the binary has.
    pub const ALL: &[Action] =
        &[Action::Allow, Action::Mask, Action::Summarize, Action::SafeMode, Action::Block];

    /// The name used in policies, metrics, headers and answers.
    pub fn name(self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::Mask => "mask",
            Action::Summarize => "summarize",
            Action::SafeMode => "safe_mode",
            Action::Block => "block",
        }
    }
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The rule's id.
    pub rule: Arc<str>,
    /// What the rule's author wrote for people.
    pub description: Arc<str>,
    /// What the rule asks for.
    pub action: Action,
}

/// Which findings a mask covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum MaskScope {
    /// All findings of a category.
    Category(Category),
    /// Findings of one kind.
    Kind(Kind),
}

/// What a policy said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What happens to the call.
    pub disposition: Disposition,
    /// Which findings are masked; empty when none are.
    pub masks: Vec<MaskScope>,
    /// What happens to the answer.
    pub answer: AnswerTreatment,
    /// Every rule that matched, in the policy's order.
    pub reasons: Vec<Reason>,
}

impl Decision {
    /// Joins another decision into this one; each part becomes the stricter of both.
    pub fn tighten(&mut self, other: Decision) {
        self.disposition = self.disposition.max(other.disposition);
        self.answer = self.answer.max(other.answer);
        for mask in other.masks {
            if !self.masks.contains(&mask) {
                self.masks.push(mask);
            }
        }
        for reason in other.reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
    }

    /// How a finding of this kind and category is treated.
    pub fn treatment(&self, kind: Kind, category: Category) -> Treatment {
        let covered = self.masks.iter().any(|scope| match scope {
            MaskScope::Category(masked) => *masked == category,
            MaskScope::Kind(masked) => *masked == kind,
        });
        if covered { Treatment::Mask } else { Treatment::None }
    }

    /// The strictest part as one word.
    pub fn action(&self) -> Action {
        match self.disposition {
            Disposition::Block => Action::Block,
            Disposition::SafeMode => Action::SafeMode,
            Disposition::Allow => match (self.answer, self.masks.is_empty()) {
                (AnswerTreatment::Summarize, _) => Action::Summarize,
                (AnswerTreatment::None, false) => Action::Mask,
                (AnswerTreatment::None, true) => Action::Allow,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_action_is_the_strictest_part() {
        let mut decision = Decision::default();
        assert_eq!(decision.action(), Action::Allow);
        decision.masks.push(MaskScope::Category(Category::Pii));
        assert_eq!(decision.action(), Action::Mask);
        decision.answer = AnswerTreatment::Summarize;
        assert_eq!(decision.action(), Action::Summarize);
        decision.disposition = Disposition::SafeMode;
        assert_eq!(decision.action(), Action::SafeMode);
        decision.disposition = Disposition::Block;
        assert_eq!(decision.action(), Action::Block);
    }

    #[test]
    fn tightening_never_loosens() {
        let mut strict = Decision { disposition: Disposition::Block, ..Decision::default() };
        strict.tighten(Decision::default());
        assert_eq!(strict.disposition, Disposition::Block);
    }
}
