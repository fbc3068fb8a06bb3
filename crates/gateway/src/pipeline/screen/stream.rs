//! Streams, event by event: a pure state machine from events in to bytes out, so that a test can prove that
//! chunking does not matter.
//!
//! Whole events are held, never split, while a piece of text that they carry may still turn out to be the
//! beginning of a finding; they leave in their order. A finding rewrites the events that it spans. What is not
//! rewritten leaves verbatim. Rules that need the whole answer either hold all of it (`buffer`) or are evaluated on
//! the growing prefix before each release, and a breach ends the stream (`running`).

mod channel;
mod counting;
mod held;
mod pattern;
mod whole;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use channel::ChannelState;
use flyball_core::json::{Document, Limits};
use flyball_core::{AnswerTreatment, Category, Decision, Disposition, Finding, Treatment};
use held::{Alone, Held, HeldPiece};
use pattern::Pattern;
use whole::Whole;

use super::{sources, verbatim};
use crate::config::OnWholeAnswer;
use crate::edge::sse::Event;
use crate::pipeline::decide::Basis;
use crate::pipeline::inspect::scan;
use crate::protocols::passthrough::event;
use crate::protocols::{Channel, Chunk, Ending, Field, Mark, Piece, Protocol, Told};
use crate::recording::Tally;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;

/// Bounds on one event.
const EVENT_LIMITS: Limits = Limits { depth: 64, nodes: 100_000 };

/// Room for events that leave together: more than one costs no more than to make room for it.
const RELEASE: usize = 4096;

/// Most fields that grow, over all answers.
const CHANNELS: usize = 4096;

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// More may come.
    Open,
    /// The provider ended it and everything was released.
    Done,
    /// The policy ended it.
    Blocked,
}

/// A stream under inspection.
#[derive(Debug)]
pub struct StreamScreen {
    /// What the events are in.
    protocol: Protocol,
    snapshot: Arc<Snapshot>,
    basis: Basis,
    channels: Vec<ChannelState>,
    /// How the last event read that was not like the one before.
    pattern: Option<Pattern>,
    pending: VecDeque<Held>,
    whole: Whole,
    sources: verbatim::Sources,
    /// What the rules that look at single findings say of one: the same for every finding.
    on_finding: Decision,
    ending: Box<dyn Ending>,
    /// Whether any answer has begun.
    begun: bool,
    /// Answers that have begun and not ended.
    open: Vec<u32>,
    kinds: Vec<&'static str>,
    findings: Tally,
    /// Whether there was any.
    found: bool,
    decision: Decision,
    /// What the provider told, and how much had come by then.
    told: Option<(Told, u64)>,
    /// Tokens of the names of called functions.
    name_tokens: u64,
    /// Leaves last.
    usage_event: Option<Held>,
    state: State,
    out: BytesMut,
}

impl StreamScreen {
    /// Begins to screen the answer to the request in `basis`.
    pub fn new(protocol: Protocol, snapshot: Arc<Snapshot>, basis: Basis) -> Self {
        let on_finding = on_findings(&snapshot, &basis, true);
        // A rule that also holds without a finding cannot wait for one, and a summary is made of the whole.
        let armed = snapshot.policy.has_whole_answer_rules()
            || on_finding.answer != AnswerTreatment::None
            || on_findings(&snapshot, &basis, false) != Decision::default();
        let whole = match (armed, snapshot.config.stream.on_whole_answer) {
            (false, _) => Whole::Unarmed,
            (true, OnWholeAnswer::Buffer) => Whole::Buffer,
            (true, OnWholeAnswer::Running) => Whole::Running,
        };
        let measured = whole != Whole::Unarmed && snapshot.measures_verbatim();
        let sources = if measured { sources(&snapshot, &basis) } else { verbatim::Sources::none() };
        StreamScreen {
            ending: protocol.ending(),
            protocol,
            snapshot,
            basis,
            channels: Vec::new(),
            pattern: None,
            pending: VecDeque::new(),
            whole,
            sources,
            on_finding,
            begun: false,
            open: Vec::new(),
            kinds: Vec::new(),
            findings: Tally::default(),
            found: false,
            decision: Decision::default(),
            told: None,
            name_tokens: 0,
            usage_event: None,
            state: State::Open,
            out: BytesMut::new(),
        }
    }

    /// Where the stream stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// How many bytes may be released now.
    pub fn waiting(&self) -> usize {
        self.out.len()
    }

    /// What may be released now.
    pub fn take(&mut self) -> BytesMut {
        self.out.split()
    }

    /// What was found.
    pub fn findings(&self) -> &Tally {
        &self.findings
    }

    /// What the policy said of the answer.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// When the provider sends something that its protocol does not know, or reports a fault. The stream ends.
    pub fn event(&mut self, event: Event) -> Result<(), Refusal> {
        if self.state != State::Open {
            return Ok(());
        }
        if self.protocol.end_mark().is_some_and(|mark| event.data == mark) {
            self.ending.marked();
            self.end();
            return Ok(());
        }
        // Taken out, so that what it tells can be used while the rest of the state changes.
        let familiar = self.pattern.take();
        let strings = familiar.as_ref().and_then(|pattern| pattern.read(&event));
        let (pattern, passed) = match (familiar, strings) {
            // What is remembered of an event is remembered already of those that are alike.
            (Some(pattern), Some(strings)) => {
                let passed = self.pass(&event, &pattern, &strings);
                (pattern, passed)
            }
            _ => {
                let (event, pattern) = self.read(event)?;
                let strings = pattern.read(&event).ok_or_else(invalid)?;
                let passed = self.pass(&event, &pattern, &strings);
                (pattern, passed)
            }
        };
        self.pattern = Some(pattern);
        passed
    }

    /// Reads an event in full and remembers what it tells of the stream. Its name is what its data says.
    fn read(&mut self, mut event: Event) -> Result<(Event, Pattern), Refusal> {
        let document =
            Document::parse(event.data.clone(), EVENT_LIMITS).map_err(|error| invalid().because(error))?;
        let chunk = self.protocol.read_event(&document).ok_or_else(invalid)?;
        let name = match self.protocol {
            Protocol::Passthrough => event::name(event.name.as_deref()),
            protocol => protocol.event_name(&document),
        };
        if event.name.as_deref() != name.as_deref().map(str::as_bytes) {
            event.name = name.map(|name| Bytes::copy_from_slice(name.as_bytes()));
            event.raw = None;
        }
        if chunk.error {
            return Err(Refusal::new(
                Kind::ProviderFailed,
                "The provider reported a fault in the middle of the answer.",
            ));
        }
        self.note(&document, &chunk);
        let pattern = Pattern::new(&document, event.name.clone(), chunk).ok_or_else(invalid)?;
        Ok((event, pattern))
    }

    /// Inspects an event and releases what may leave now.
    fn pass(&mut self, event: &Event, pattern: &Pattern, strings: &[Cow<'_, str>]) -> Result<(), Refusal> {
        let chunk = &pattern.chunk;
        let held = self.inspect(event, chunk, pattern.texts(strings));
        self.count_event(pattern.name_tokens, chunk);
        if self.channels.len() > CHANNELS {
            return Err(invalid());
        }
        if !chunk.only_usage {
            self.pending.push_back(held);
        } else if self.basis.call.stream_usage {
            self.usage_event = Some(held);
        }
        self.apply_findings();
        if let Mark::Close(part) = chunk.mark {
            self.close(|channel| channel.part == part);
        }
        for choice in &chunk.finished {
            self.close(|channel| channel.choice == *choice);
        }
        if chunk.last {
            self.end();
        } else {
            self.release();
        }
        Ok(())
    }

    /// The provider's stream ended. Whether properly: with its end mark, or after every answer had finished.
    pub fn end_of_body(&mut self) -> bool {
        if self.state == State::Open && self.open.is_empty() && self.begun {
            self.end();
        }
        self.state != State::Open
    }

    /// Ends the stream in the protocol's way of refusing. What is held is not released.
    fn refuse(&mut self) {
        self.pending.clear();
        if self.open.is_empty() {
            self.open.push(0);
        }
        self.ending.refuse(&std::mem::take(&mut self.open), &mut self.out);
        self.state = State::Blocked;
    }

    /// Ends a stream that broke: with an error, after what was released.
    pub fn broken(&mut self, refusal: &Refusal, request_id: &str, out: &mut BytesMut) {
        self.ending.broken(refusal, request_id, out);
    }

    /// Remembers what an own event would have to repeat, and which answers are open.
    fn note(&mut self, document: &Document, chunk: &Chunk) {
        self.begun |= !chunk.choices.is_empty();
        self.ending.note(document, chunk);
        for choice in &chunk.choices {
            if !self.open.contains(choice) && !chunk.finished.contains(choice) {
                self.open.push(*choice);
            }
        }
        self.open.retain(|choice| !chunk.finished.contains(choice));
    }

    /// Scans the texts of an event's pieces.
    fn inspect<'t>(&mut self, event: &Event, chunk: &Chunk, texts: impl Iterator<Item = &'t str>) -> Held {
        // Where the answer goes on in other fields than before, what was open in those ends.
        for state in &mut self.channels {
            let goes_on = |piece: &Piece| piece.continues() == Some(state.channel);
            let elsewhere =
                |piece: &Piece| piece.continues().is_some_and(|c| c.choice == state.channel.choice);
            if chunk.pieces.iter().any(elsewhere) && !chunk.pieces.iter().any(goes_on) {
                state.pause();
            }
        }
        let mut held = Held::new(event, chunk.mark);
        for (piece, text) in chunk.pieces.iter().zip(texts).filter(|(_, text)| !text.is_empty()) {
            let Some(channel) = piece.continues() else {
                let mut found = Vec::new();
                scan(&self.snapshot.scanner, 0, piece.role(), text, &mut found);
                let mut found: Vec<Finding> = found.into_iter().map(|located| located.finding).collect();
                if self.whole == Whole::Buffer && !chunk.only_usage {
                    found.iter().for_each(|finding| self.count(finding, !piece.repeats));
                    if !found.is_empty() {
                        held.alone.push(Alone { piece: *piece, text: text.to_owned(), findings: found });
                    }
                    continue;
                }
                found.retain(|finding| self.masks(finding, !piece.repeats));
                held.mask(piece, text, &found);
                continue;
            };
            let index = self.channel(channel);
            let Some(state) = self.channels.get_mut(index) else { continue };
            let start = state.total;
            state.push(text, self.whole, &self.sources);
            held.pieces.push(HeldPiece { channel: index, node: piece.node, span: start..state.total });
        }
        held
    }

    /// The index of a channel's state.
    fn channel(&mut self, channel: Channel) -> usize {
        match self.channels.iter().position(|state| state.channel == channel) {
            Some(index) => index,
            None => {
                self.channels.push(ChannelState::new(channel, self.whole, self.snapshot.scanner));
                self.channels.len() - 1
            }
        }
    }

    /// Settles whatever is open in these channels.
    fn close(&mut self, which: impl Fn(Channel) -> bool) {
        self.channels.iter_mut().filter(|state| which(state.channel)).for_each(ChannelState::close);
        self.apply_findings();
    }

    /// Counts new findings and, unless the whole answer is awaited, treats them.
    fn apply_findings(&mut self) {
        if self.whole == Whole::Buffer {
            return;
        }
        for index in 0..self.channels.len() {
            let Some(state) = self.channels.get_mut(index) else { continue };
            // Log probabilities only repeat: a finding in them is none more.
            let counts = state.channel.field != Field::LogProbs;
            for finding in std::mem::take(&mut state.findings) {
                if self.masks(&finding, counts) {
                    self.rewrite(index, &finding);
                }
            }
        }
    }

    /// Notes a finding. Whether it is to be masked, as the rules say that look at single findings.
    fn masks(&mut self, finding: &Finding, counts: bool) -> bool {
        if !self.found {
            self.found = true;
            self.decision.tighten(self.on_finding.clone());
        }
        self.count(finding, counts);
        self.on_finding.treatment(finding.kind, finding.category) == Treatment::Mask
    }

    /// Counts a finding. One that only repeats is none more, unless it is the first of its kind.
    fn count(&mut self, finding: &Finding, more: bool) {
        if more || !self.findings.has(finding.kind) {
            self.findings.add(finding.kind);
        }
        if finding.category == Category::Pii && !self.kinds.contains(&finding.kind.0) {
            self.kinds.push(finding.kind.0);
        }
    }

    /// Puts the tag into the event where the finding begins and takes the rest of it out of the others.
    fn rewrite(&mut self, channel: usize, finding: &Finding) {
        let Some(state) = self.channels.get(channel) else { return };
        let (range, tag) = match &state.json {
            Some(json) => json.strings.part(finding),
            None => (finding.span.clone(), flyball_mask::tag(finding.kind)),
        };
        let mut tag = Some(tag);
        for held in &mut self.pending {
            for piece in held.pieces.iter().filter(|piece| piece.channel == channel) {
                let start = range.start.max(piece.span.start);
                let end = range.end.min(piece.span.end);
                if start < end {
                    let range = start - piece.span.start..end - piece.span.start;
                    held.edits.push((piece.node, range, tag.take().unwrap_or_default()));
                }
            }
        }
    }

    /// Releases from the front what nothing can change any more.
    fn release(&mut self) {
        if self.found && self.on_finding.disposition == Disposition::Block {
            self.refuse();
            return;
        }
        if self.whole == Whole::Buffer {
            return;
        }
        if self.whole == Whole::Running && self.breached() {
            self.refuse();
            return;
        }
        while let Some(front) = self.pending.front() {
            let settled = front.pieces.iter().all(|piece| {
                self.channels.get(piece.channel).is_none_or(|state| piece.span.end <= state.settled)
            });
            if !settled {
                return;
            }
            if let Some(front) = self.pending.pop_front() {
                if self.out.capacity() == 0 {
                    self.out.reserve(RELEASE);
                }
                self.ending.released(front.mark);
                front.encode(self.protocol, &mut self.out);
            }
        }
    }

    /// The provider's end mark came.
    fn end(&mut self) {
        self.close(|_| true);
        match self.whole {
            Whole::Unarmed => self.release(),
            Whole::Running => {
                for state in &mut self.channels {
                    state.meter.finish(&self.sources);
                }
                self.release();
            }
            Whole::Buffer => self.judge_buffer(),
        }
        if self.state != State::Open {
            return;
        }
        if let Some(usage) = self.usage_event.take() {
            usage.encode(self.protocol, &mut self.out);
        }
        self.ending.end(&mut self.out);
        self.state = State::Done;
    }
}

fn invalid() -> Refusal {
    Refusal::new(Kind::ProviderInvalidAnswer, "The provider sent an event that is not a chunk.")
}

/// What the rules that look at single findings say, with one or without.
fn on_findings(snapshot: &Snapshot, basis: &Basis, some: bool) -> Decision {
    let mut signals = basis.signals();
    signals.output_contains_pii(some);
    snapshot.policy.decide_span(&signals)
}

#[cfg(test)]
mod tests;
