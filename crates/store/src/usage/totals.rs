//! Sums over exchanges.

use std::ops::AddAssign;

use flyball_core::{Counting, Money, Outcome};

use super::settled::{MAX_COST, MAX_TOKENS, Settled};

/// Sums over exchanges. Each exchange is in exactly one of the five outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageTotals {
    /// How many exchanges there were, whatever their outcome.
    pub exchanges: u64,
    /// Those whose caller got the whole answer.
    pub answered: u64,
    /// Those that policy stopped.
    pub blocked: u64,
    /// Those that failed otherwise.
    pub failed: u64,
    /// Those whose caller went away.
    pub abandoned: u64,
    /// Those during which the process died.
    pub interrupted: u64,
    /// Tokens that went to models, cached ones included.
    pub input_tokens: u64,
    /// Those of them that providers read from their caches.
    pub cached_input_tokens: u64,
    /// Tokens that came from models.
    pub output_tokens: u64,
    /// What it cost, as far as prices are known.
    pub cost: Money,
    /// Exchanges with tokens and without a known price.
    pub unpriced: u64,
    /// Exchanges whose tokens the provider told.
    pub reported: u64,
    /// Exchanges whose tokens our own tokenizer counted.
    pub counted: u64,
    /// Exchanges whose tokens are the reservation, because nobody knows better.
    pub estimated: u64,
}

impl From<&Settled> for UsageTotals {
    fn from(settled: &Settled) -> Self {
        let ended = |outcome| u64::from(settled.outcome == outcome);
        let known = |counting| u64::from(settled.counting == counting);
        let input_tokens = settled.input_tokens.min(MAX_TOKENS);
        let output_tokens = settled.output_tokens.min(MAX_TOKENS);
        let used = input_tokens > 0 || output_tokens > 0;
        UsageTotals {
            exchanges: 1,
            answered: ended(Outcome::Answered),
            blocked: ended(Outcome::Blocked),
            failed: ended(Outcome::Failed),
            abandoned: ended(Outcome::Abandoned),
            interrupted: ended(Outcome::Interrupted),
            input_tokens,
            cached_input_tokens: settled.cached_input_tokens.min(input_tokens),
            output_tokens,
            cost: settled.cost.unwrap_or(Money::ZERO).clamp(Money::ZERO, MAX_COST),
            unpriced: u64::from(used && settled.cost.is_none()),
            reported: known(Counting::Reported),
            counted: known(Counting::Counted),
            estimated: known(Counting::Estimated),
        }
    }
}

impl AddAssign for UsageTotals {
    fn add_assign(&mut self, other: Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.exchanges, other.exchanges);
        add(&mut self.answered, other.answered);
        add(&mut self.blocked, other.blocked);
        add(&mut self.failed, other.failed);
        add(&mut self.abandoned, other.abandoned);
        add(&mut self.interrupted, other.interrupted);
        add(&mut self.input_tokens, other.input_tokens);
        add(&mut self.cached_input_tokens, other.cached_input_tokens);
        add(&mut self.output_tokens, other.output_tokens);
        self.cost += other.cost;
        add(&mut self.unpriced, other.unpriced);
        add(&mut self.reported, other.reported);
        add(&mut self.counted, other.counted);
        add(&mut self.estimated, other.estimated);
    }
}
