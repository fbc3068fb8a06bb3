//! Streams, event by event: a pure state machine from events in to bytes out, so that a test can prove that
//! chunking does not matter.
//!
//! Whole events are held, never split, while a piece of text that they carry may still turn out to be the
//! beginning of a finding; they leave in their order. A finding rewrites the events that it spans. What is not
//! rewritten leaves verbatim. Rules that need the whole answer either hold all of it (`buffer`) or are evaluated on
//! the growing prefix before each release, and a breach ends the stream (`running`).

mod held;
mod whole;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flyball_core::json::{Document, Limits, Value};
use flyball_core::{Category, Decision, Disposition, Finding, Treatment};
use flyball_guard::StreamScanner;
use flyball_mask::JsonStringTracker;
use held::{Held, HeldPiece, encode};
use whole::Whole;

use super::{sources, verbatim};
use crate::config::OnWholeAnswer;
use crate::edge::sse::Event;
use crate::pipeline::decide::Basis;
use crate::protocols::openai::chunk::{self, Chunk};
use crate::protocols::openai::end::Envelope;
use crate::protocols::{Channel, Field, Usage};
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;

/// Bounds on one event.
const EVENT_LIMITS: Limits = Limits { depth: 64, nodes: 100_000 };

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
    snapshot: Arc<Snapshot>,
    basis: Basis,
    channels: Vec<ChannelState>,
    pending: VecDeque<Held>,
    whole: Whole,
    sources: verbatim::Sources,
    /// What the rules that look at single findings say of one: the same for every finding.
    on_finding: Option<Decision>,
    envelope: Envelope,
    /// Answers that have begun and not ended.
    open: Vec<u32>,
    kinds: Vec<&'static str>,
    findings: u32,
    decision: Decision,
    usage: Option<Usage>,
    usage_event: Option<Bytes>,
    state: State,
    out: BytesMut,
}

/// One field that grows.
#[derive(Debug)]
struct ChannelState {
    channel: Channel,
    scanner: StreamScanner,
    /// Where the scanner's text begins in this channel's.
    base: usize,
    /// Length so far.
    total: usize,
    /// Up to where everything is final.
    settled: usize,
    json: Option<JsonStringTracker>,
    meter: verbatim::Meter,
    /// The text so far; only kept when the whole answer is held anyway.
    text: String,
    /// Findings whose treatment waits for the whole answer.
    findings: Vec<Finding>,
}

impl StreamScreen {
    /// Begins to screen the answer to the request in `basis`.
    pub fn new(snapshot: Arc<Snapshot>, basis: Basis) -> Self {
        let whole = match (snapshot.policy.has_whole_answer_rules(), snapshot.config.stream.on_whole_answer) {
            (false, _) => Whole::Unarmed,
            (true, OnWholeAnswer::Buffer) => Whole::Buffer,
            (true, OnWholeAnswer::Running) => Whole::Running,
        };
        let measured = whole != Whole::Unarmed && snapshot.measures_verbatim();
        let sources = if measured { sources(&snapshot, &basis) } else { verbatim::Sources::none() };
        StreamScreen {
            snapshot,
            basis,
            channels: Vec::new(),
            pending: VecDeque::new(),
            whole,
            sources,
            on_finding: None,
            envelope: Envelope::default(),
            open: Vec::new(),
            kinds: Vec::new(),
            findings: 0,
            decision: Decision::default(),
            usage: None,
            usage_event: None,
            state: State::Open,
            out: BytesMut::new(),
        }
    }

    /// Where the stream stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// What may be released now.
    pub fn take(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// What the provider counted.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// How many findings there were.
    pub fn findings(&self) -> u32 {
        self.findings
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
        if event.data.as_ref() == b"[DONE]" {
            self.end();
            return Ok(());
        }
        let invalid = || Refusal::new(Kind::ProviderInvalidAnswer, "The provider sent an event that is not a chunk.");
        let document = Document::parse(event.data, EVENT_LIMITS).map_err(|error| invalid().because(error))?;
        let chunk = chunk::read(&document).ok_or_else(invalid)?;
        if chunk.error {
            return Err(Refusal::new(Kind::ProviderFailed, "The provider reported a fault in the middle of the answer."));
        }
        self.note(&document, &chunk);
        if chunk.only_usage {
            let wanted = self.basis.call.stream_usage;
            self.usage_event = event.raw.filter(|_| wanted).or_else(|| wanted.then(|| encode(document.source())));
            return Ok(());
        }
        self.hold(event.raw, document, &chunk);
        for choice in &chunk.finished {
            self.close(|channel| channel.choice == *choice);
        }
        self.release();
        Ok(())
    }

    /// The provider's stream ended. Whether properly: with its end mark, or after every answer had finished.
    pub fn end_of_body(&mut self) -> bool {
        if self.state == State::Open && self.open.is_empty() && !self.envelope.id.is_empty() {
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
        self.envelope.refuse(self.open.drain(..), &mut self.out);
        self.state = State::Blocked;
    }

    /// Remembers what an own event would have to repeat.
    fn note(&mut self, document: &Document, chunk: &Chunk) {
        let root = document.root();
        if self.envelope.id.is_empty() {
            let text = |key: &str| root.get(key).and_then(Value::text).unwrap_or_default().into_owned();
            let created = root.get("created").and_then(Value::unsigned).unwrap_or(0);
            self.envelope = Envelope { id: text("id"), created, model: text("model") };
        }
        for choice in root.get("choices").into_iter().flat_map(Value::items) {
            let index = choice.get("index").and_then(Value::unsigned);
            let index = index.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
            if !self.open.contains(&index) && !chunk.finished.contains(&index) {
                self.open.push(index);
            }
        }
        self.open.retain(|choice| !chunk.finished.contains(choice));
        if chunk.usage.is_some() {
            self.usage = chunk.usage;
        }
    }

    /// Scans an event's pieces and queues it.
    fn hold(&mut self, raw: Option<Bytes>, document: Document, chunk: &Chunk) {
        let mut held = Held { raw, document, pieces: Vec::new(), edits: Vec::new() };
        let mut found = Vec::new();
        for piece in &chunk.pieces {
            let value = held.document.value(piece.node);
            let Some(text) = value.text().filter(|text| !text.is_empty()) else { continue };
            let Some(channel) = piece.channel else {
                self.snapshot.scanner.scan(&text, &mut found);
                let decided: Vec<Finding> = found.drain(..).filter(|finding| self.masks(finding)).collect();
                let parts = flyball_mask::parts(&decided);
                held.edits.extend(parts.into_iter().map(|(range, tag)| (piece.node, range, tag)));
                continue;
            };
            // The answer goes on in another field: what was open in the one before ends there.
            self.close_others(channel);
            let index = self.channel(channel);
            let Some(state) = self.channels.get_mut(index) else { continue };
            let start = state.total;
            state.total += text.len();
            held.pieces.push(HeldPiece { channel: index, node: piece.node, span: start..state.total });
            if let Some(json) = &mut state.json {
                json.push(&text);
            }
            if channel.field == Field::Content {
                match self.whole {
                    Whole::Buffer => state.text.push_str(&text),
                    Whole::Running => state.meter.push(&self.sources, &text),
                    Whole::Unarmed => {}
                }
            }
            state.settled = state.base + state.scanner.push(&text, &mut found);
            let base = state.base;
            let shifted = found.drain(..).map(|f| Finding { span: f.span.start + base..f.span.end + base, ..f });
            state.findings.extend(shifted);
        }
        self.pending.push_back(held);
        self.apply_findings();
    }

    /// The index of a channel's state.
    fn channel(&mut self, channel: Channel) -> usize {
        match self.channels.iter().position(|state| state.channel == channel) {
            Some(index) => index,
            None => {
                let json = matches!(channel.field, Field::ToolArguments(_)).then(|| match self.whole {
                    // Findings are treated when all of it is there.
                    Whole::Buffer => JsonStringTracker::keeping(usize::MAX),
                    _ => JsonStringTracker::default(),
                });
                self.channels.push(ChannelState {
                    channel,
                    scanner: StreamScanner::new(),
                    base: 0,
                    total: 0,
                    settled: 0,
                    json,
                    meter: verbatim::Meter::default(),
                    text: String::new(),
                    findings: Vec::new(),
                });
                self.channels.len() - 1
            }
        }
    }

    fn close_others(&mut self, channel: Channel) {
        self.close(|other| other.choice == channel.choice && other.field != channel.field);
    }

    /// Settles whatever is open in these channels.
    fn close(&mut self, which: impl Fn(Channel) -> bool) {
        let mut found = Vec::new();
        for state in self.channels.iter_mut().filter(|state| which(state.channel)) {
            if state.settled == state.total {
                continue;
            }
            state.scanner.finish(&mut found);
            let base = state.base;
            let shifted = found.drain(..).map(|f| Finding { span: f.span.start + base..f.span.end + base, ..f });
            state.findings.extend(shifted);
            state.scanner = StreamScanner::new();
            state.base = state.total;
            state.settled = state.total;
        }
        self.apply_findings();
    }

    /// Counts new findings and, unless the whole answer is awaited, treats them.
    fn apply_findings(&mut self) {
        if self.whole == Whole::Buffer {
            return;
        }
        for index in 0..self.channels.len() {
            let Some(state) = self.channels.get_mut(index) else { continue };
            for finding in std::mem::take(&mut state.findings) {
                if self.masks(&finding) {
                    self.rewrite(index, &finding);
                }
            }
        }
    }

    /// Whether a finding is to be masked, as the rules say that look at single findings.
    fn masks(&mut self, finding: &Finding) -> bool {
        self.count(finding);
        let decision = match &self.on_finding {
            Some(decision) => decision,
            None => {
                let mut signals = self.basis.signals();
                signals.output_contains_pii(true);
                let decision = self.snapshot.policy.decide_span(&signals);
                self.decision.tighten(decision.clone());
                self.on_finding.insert(decision)
            }
        };
        decision.treatment(finding.kind, finding.category) == Treatment::Mask
    }

    fn count(&mut self, finding: &Finding) {
        self.findings = self.findings.saturating_add(1);
        if finding.category == Category::Pii && !self.kinds.contains(&finding.kind.0) {
            self.kinds.push(finding.kind.0);
        }
    }

    /// Puts the tag into the event where the finding begins and takes the rest of it out of the others.
    fn rewrite(&mut self, channel: usize, finding: &Finding) {
        let Some(state) = self.channels.get(channel) else { return };
        let (span, tag) = match &state.json {
            Some(json) => json.part(finding),
            None => (finding.span.clone(), flyball_mask::tag(finding.kind)),
        };
        let mut tag = Some(tag);
        for held in &mut self.pending {
            for piece in held.pieces.iter().filter(|piece| piece.channel == channel) {
                let start = span.start.max(piece.span.start);
                let end = span.end.min(piece.span.end);
                if start < end {
                    let range = start - piece.span.start..end - piece.span.start;
                    held.edits.push((piece.node, range, tag.take().unwrap_or_default()));
                }
            }
        }
    }

    /// Releases from the front what nothing can change any more.
    fn release(&mut self) {
        if self.on_finding.as_ref().is_some_and(|decision| decision.disposition == Disposition::Block) {
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
                front.encode(&mut self.out);
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
            self.out.extend_from_slice(&usage);
        }
        Event::encode(b"[DONE]", &mut self.out);
        self.state = State::Done;
    }
}

#[cfg(test)]
mod tests;
