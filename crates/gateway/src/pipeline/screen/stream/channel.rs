//! One field of a streamed answer that grows: what was seen in it, and up to where it is final.

use flyball_core::Finding;
use flyball_core::tokens::Counter;
use flyball_guard::{Scanner, StreamScanner};
use flyball_mask::JsonStringTracker;

use super::super::verbatim::{Meter, Sources};
use super::whole::Whole;
use crate::pipeline::inspect::Unescaped;
use crate::protocols::{Channel, Field};

/// How much text is remembered to find the strings in it: the longest value, each character of it an escape.
const REMEMBERED: usize = 4096;

/// Where the strings are in a text that is JSON, and how its reader sees them.
#[derive(Debug)]
pub(super) struct Json {
    pub(super) strings: JsonStringTracker,
    unescaped: Unescaped,
}

/// One field that grows.
#[derive(Debug)]
pub(super) struct ChannelState {
    pub(super) channel: Channel,
    scanner: StreamScanner,
    /// The tokens of the text as it came; of fields that a model writes.
    pub(super) tokens: Counter,
    /// Length so far.
    pub(super) total: usize,
    /// Up to where everything is final.
    pub(super) settled: usize,
    /// Up to where the text was taken for complete.
    closed: usize,
    /// Whether it went on after that: it is not taken for complete early again.
    reopened: bool,
    /// Of text that is JSON.
    pub(super) json: Option<Json>,
    pub(super) meter: Meter,
    /// The text so far; only kept when the whole answer is held anyway.
    pub(super) text: String,
    /// Findings that were not treated yet.
    pub(super) findings: Vec<Finding>,
}

impl ChannelState {
    /// A field of which nothing has come.
    pub(super) fn new(channel: Channel, whole: Whole, scanner: Scanner) -> Self {
        let remembered = match whole {
            // Findings are treated when the answer is complete, however far back they lie.
            Whole::Buffer => usize::MAX,
            _ => REMEMBERED,
        };
        ChannelState {
            channel,
            scanner: scanner.stream(),
            tokens: Counter::default(),
            total: 0,
            settled: 0,
            closed: 0,
            reopened: false,
            json: matches!(channel.field, Field::ToolArguments(_)).then(|| Json {
                strings: JsonStringTracker::keeping(remembered),
                unescaped: Unescaped::default(),
            }),
            meter: Meter::default(),
            text: String::new(),
            findings: Vec::new(),
        }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, text: &str, whole: Whole, sources: &Sources) {
        self.reopened |= self.closed > 0;
        self.total += text.len();
        self.count(text);
        if self.channel.field == Field::Content {
            match whole {
                Whole::Buffer => self.text.push_str(text),
                Whole::Running => self.meter.push(sources, text),
                Whole::Unarmed => {}
            }
        }
        let mut found = Vec::new();
        self.settled = match &mut self.json {
            None => self.scanner.push(text, &mut found),
            Some(json) => {
                json.strings.push(text);
                let mut read = String::with_capacity(text.len());
                json.unescaped.push(text, &mut read);
                let settled = self.scanner.push(&read, &mut found);
                let place = json.unescaped.place(settled);
                locate(&json.unescaped, &mut found);
                json.unescaped.forget_before(settled);
                place
            }
        };
        self.keep(found);
    }

    /// Counts a piece.
    pub(super) fn count(&mut self, text: &str) {
        // Other fields repeat what the model wrote, or are the provider's own.
        if !matches!(self.channel.field, Field::LogProbs | Field::Other(_)) {
            self.tokens.push(text);
        }
    }

    /// Another field goes on: takes the text for complete, so that a last word does not hold the other one back. A
    /// digit or an `@` does: what it may begin must not get out. Should the text go on all the same, the word cannot
    /// be taken back; the scanner still sees both parts as one, and the rest of a finding is treated.
    pub(super) fn pause(&mut self) {
        if !self.reopened && self.scanner.holds_a_mere_word() {
            self.close();
        }
    }

    /// The text is complete.
    pub(super) fn close(&mut self) {
        if self.settled == self.total {
            return;
        }
        let (mut scanner, mut found) = (self.scanner.clone(), Vec::new());
        if let Some(json) = &self.json {
            scanner.push(json.unescaped.partial(), &mut found);
        }
        scanner.finish(&mut found);
        if let Some(json) = &self.json {
            locate(&json.unescaped, &mut found);
        }
        self.keep(found);
        (self.closed, self.settled) = (self.total, self.total);
    }

    /// Keeps findings, except those that were reported when the text was taken for complete.
    fn keep(&mut self, found: Vec<Finding>) {
        self.findings.extend(found.into_iter().filter(|finding| finding.span.end > self.closed));
    }
}

/// Turns places in what a reader sees into places in the text.
fn locate(unescaped: &Unescaped, found: &mut [Finding]) {
    for finding in found {
        finding.span = unescaped.range(&finding.span);
    }
}
