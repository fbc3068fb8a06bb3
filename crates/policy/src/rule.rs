//! One rule, checked and compiled: its stage and scope follow from what it reads, and its action has to make sense
//! there. How many rules are looked at for a call is decided in `index`.

use std::sync::Arc;

use flyball_core::{Action, Category, Decision, Disposition, Kind, Reason, Stage};
use flyball_core::{AnswerTreatment, decision::MaskScope};
use serde::{Serialize, Serializer};

use crate::document::RuleSource;
use crate::error::{Faults, Place};
use crate::expression::{Bool, Fault, Scope, compile, holds};
use crate::signal::{Scope as SignalScope, Signal, SignalSet};
use crate::signals::Signals;

/// A compiled rule. Serializes to what an interface shows of it.
#[derive(Debug, Serialize)]
pub struct Rule {
    id: Arc<str>,
    description: Arc<str>,
    when: String,
    action: Action,
    owner: String,
    stage: Stage,
    /// Whether it can be decided only when the answer is complete.
    whole_answer: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<Kind>,
    #[serde(serialize_with = "names")]
    reads: SignalSet,
    #[serde(skip)]
    condition: Bool,
}

fn names<S: Serializer>(reads: &SignalSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(reads.iter().map(Signal::name))
}

impl Rule {
    /// Checks and compiles `rule`, which stands in the file `source`.
    pub(crate) fn compile(
        rule: RuleSource,
        source: &str,
        kinds: &[Kind],
        faults: &mut Faults,
    ) -> Option<Rule> {
        faults.within((!rule.id.is_empty()).then_some(rule.id.as_str()));
        let condition = match compile(&rule.when, kinds) {
            Ok(condition) => condition,
            Err(errors) => {
                for error in errors {
                    let place = locate(source, &rule, error.at);
                    faults.add(place, error.message, error.remedy);
                }
                return None;
            }
        };
        let reads = condition.reads();
        let stage = reads.iter().map(|signal| signal.info().stage).max().unwrap_or(Stage::Prompt);
        let action = rule.action?;
        if let Some((message, remedy)) = misplaced(action, stage) {
            faults.add(rule.action_place, message, Some(remedy.to_owned()));
            return None;
        }
        let scoped = |scope| reads.iter().filter(move |signal| signal.info().scope == scope).count();
        // A mask acts on the finding at hand; with two signals of findings it would have to know which is meant.
        let whole_answer =
            scoped(SignalScope::WholeAnswer) > 0 || (action == Action::Mask && scoped(SignalScope::Span) > 1);
        Some(Rule {
            id: rule.id.into(),
            description: rule.description.into(),
            when: rule.when.trim().to_owned(),
            action,
            owner: rule.owner,
            stage,
            whole_answer,
            kinds: rule.kinds,
            reads,
            condition,
        })
    }

    /// The id, unique in its policy.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What its author wrote for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The condition as it was written.
    pub fn when(&self) -> &str {
        &self.when
    }

    /// What it asks for.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Who answers for it; empty when nobody is named.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// When it is evaluated.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether it can be decided only when the answer is complete.
    pub fn is_whole_answer(&self) -> bool {
        self.whole_answer
    }

    /// The kinds that its mask is restricted to; empty for all personal data, and for other actions.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The signals that its condition reads, in the order of the table.
    pub fn reads(&self) -> impl Iterator<Item = Signal> {
        self.reads.iter()
    }

    pub(crate) fn read_set(&self) -> SignalSet {
        self.reads
    }

    pub(crate) fn condition(&self) -> &Bool {
        &self.condition
    }

    pub(crate) fn evaluate(&self, signals: &Signals<'_>) -> Result<bool, Fault> {
        holds(&self.condition, Scope::new(signals))
    }

    /// Joins what the rule asks for into `decision`.
    pub(crate) fn apply(&self, decision: &mut Decision) {
        match self.action {
            Action::Mask if self.kinds.is_empty() => add_mask(decision, MaskScope::Category(Category::Pii)),
            Action::Mask => self.kinds.iter().for_each(|kind| add_mask(decision, MaskScope::Kind(*kind))),
            Action::Summarize => decision.answer = decision.answer.max(AnswerTreatment::Summarize),
            Action::SafeMode => decision.disposition = decision.disposition.max(Disposition::SafeMode),
            Action::Allow => {}
            // Block, and whatever a later vocabulary adds before this crate knows it.
            _ => decision.disposition = Disposition::Block,
        }
        let (rule, description) = (Arc::clone(&self.id), Arc::clone(&self.description));
        decision.reasons.push(Reason { rule, description, action: self.action });
    }

    /// Blocks, because the rule could not be evaluated.
    pub(crate) fn fail(&self, fault: Fault, decision: &mut Decision) {
        decision.disposition = Disposition::Block;
        decision.reasons.push(Reason {
            rule: Arc::clone(&self.id),
            description: format!("the rule failed ({fault}), so the policy refuses").into(),
            action: Action::Block,
        });
    }
}

fn add_mask(decision: &mut Decision, scope: MaskScope) {
    if !decision.masks.contains(&scope) {
        decision.masks.push(scope);
    }
}

/// Why an action cannot be taken at a stage, and what to do instead.
fn misplaced(action: Action, stage: Stage) -> Option<(&'static str, &'static str)> {
    match (stage, action) {
        (Stage::Prompt, Action::Summarize) => Some((
            "`summarize` replaces an answer, but the condition reads no signal of the answer",
            "read an `output.` signal, or use `mask`, `safe_mode` or `block`",
        )),
        (Stage::Output, Action::SafeMode) => Some((
            "`safe_mode` changes the call, which is over when the answer is there",
            "read signals of the request and prompt only, or use `mask`, `summarize` or `block`",
        )),
        _ => None,
    }
}

/// The place in the file of the character `at` of a rule's condition. A quoted, folded or indented text is not
/// spelt in the file as it is read, so both are walked along, blanks aside; escapes are skipped over.
fn locate(source: &str, rule: &RuleSource, at: usize) -> Place {
    let before = rule.when.chars().take(at).filter(|c| !c.is_whitespace());
    let target = rule.when.chars().nth(at);
    let wanted = before.chain(target.filter(|c| !c.is_whitespace()));
    let mut place = rule.when_place;
    let mut found = place;
    let mut raw = source.get(rule.when_offset..).unwrap_or_default().chars();
    let step = |character: char, place: &mut Place| {
        if character == '\n' {
            *place = Place { line: place.line + 1, column: 1 };
        } else {
            place.column += 1;
        }
    };
    // A block text begins on the line after its `|` or `>`.
    if raw.clone().next().is_some_and(|first| matches!(first, '|' | '>')) {
        for character in raw.by_ref() {
            step(character, &mut place);
            if character == '\n' {
                break;
            }
        }
    }
    for character in wanted {
        for candidate in raw.by_ref() {
            let here = place;
            step(candidate, &mut place);
            if candidate == character {
                found = here;
                break;
            }
        }
    }
    found
}
