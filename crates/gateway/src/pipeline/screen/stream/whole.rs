//! Rules about the whole answer: evaluated on the growing prefix, or once on an answer that was held to its end.

use flyball_core::{AnswerTreatment, Decision, Disposition, Finding, Stage, Treatment};

use super::super::summary;
use super::StreamScreen;
use super::held::Alone;
use crate::protocols::Field;

/// How rules about the whole answer are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// There are none.
    Unarmed,
    /// All events are held to the end.
    Buffer,
    /// The growing prefix is judged before each release.
    Running,
}

impl StreamScreen {
    /// Whether the answer so far breaks a rule about the whole of it. A summary cannot be made of what was
    /// released already, so that the stricter of both ends it.
    pub(super) fn breached(&mut self) -> bool {
        let decision = self.judge();
        let breach =
            decision.disposition == Disposition::Block || decision.answer == AnswerTreatment::Summarize;
        self.decision.tighten(decision);
        breach
    }

    /// What all output rules say of the answer so far.
    fn judge(&self) -> Decision {
        let contents = || self.channels.iter().filter(|state| state.channel.field == Field::Content);
        let length: usize = contents().map(|state| state.total).sum();
        let ratio = contents().map(|state| match self.whole {
            Whole::Buffer => self.sources.ratio(&state.text),
            _ => state.meter.ratio(),
        });
        let mut signals = self.basis.signals();
        signals
            .output_contains_pii(!self.kinds.is_empty())
            .output_pii_kinds(&self.kinds)
            .output_pii_count(u64::from(self.findings.total()))
            .output_length(length as u64)
            .output_verbatim_ratio(ratio.fold(0.0, f64::max));
        self.snapshot.policy.decide(Stage::Output, &signals)
    }

    /// The whole answer is here: judge it and release what the decision leaves.
    pub(super) fn judge_buffer(&mut self) {
        let found: Vec<(usize, Finding)> = self
            .channels
            .iter_mut()
            .enumerate()
            .flat_map(|(index, state)| {
                std::mem::take(&mut state.findings).into_iter().map(move |f| (index, f))
            })
            .collect();
        for (index, finding) in &found {
            if self.channels.get(*index).is_some_and(|state| state.channel.field != Field::LogProbs) {
                self.count(finding, true);
            }
        }
        let decision = self.judge();
        self.decision.tighten(decision.clone());
        if decision.disposition == Disposition::Block {
            self.refuse();
            return;
        }
        let masked: Vec<(usize, Finding)> = found
            .into_iter()
            .filter(|(_, f)| decision.treatment(f.kind, f.category) == Treatment::Mask)
            .collect();
        if decision.answer == AnswerTreatment::Summarize {
            self.summarize(&masked);
            return;
        }
        for (channel, finding) in &masked {
            self.rewrite(*channel, finding);
        }
        while let Some(mut held) = self.pending.pop_front() {
            for Alone { piece, text, mut findings } in std::mem::take(&mut held.alone) {
                findings.retain(|f| decision.treatment(f.kind, f.category) == Treatment::Mask);
                held.mask(&piece, &text, &findings);
            }
            self.ending.released(held.mark);
            held.encode(self.protocol, &mut self.out);
        }
    }

    /// Sends a summary in place of the answer. Tool calls are part of what is replaced.
    fn summarize(&mut self, masked: &[(usize, Finding)]) {
        self.pending.clear();
        let sentences = self.snapshot.config.summarize.sentences as usize;
        let mut texts: Vec<(u32, String)> = Vec::new();
        for (index, state) in self.channels.iter().enumerate() {
            if state.channel.field != Field::Content {
                continue;
            }
            let here: Vec<Finding> =
                masked.iter().filter(|(channel, _)| *channel == index).map(|(_, f)| f.clone()).collect();
            let text = flyball_mask::redact(&state.text, &here);
            let short = summary::extract(&text, sentences, &self.sources);
            texts.push((state.channel.choice, short));
        }
        self.ending.answer(&texts, &mut self.out);
    }
}
