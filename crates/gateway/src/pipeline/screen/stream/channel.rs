//! One field of a streamed answer that grows: what was seen in it, and up to where it is final.

use flyball_core::Finding;
use flyball_guard::StreamScanner;
use flyball_mask::JsonStringTracker;

use super::super::verbatim::{Meter, Sources};
use super::whole::Whole;
use crate::protocols::{Channel, Field};

/// One field that grows.
#[derive(Debug)]
pub(super) struct ChannelState {
    pub(super) channel: Channel,
    scanner: StreamScanner,
    /// Length so far.
    pub(super) total: usize,
    /// Up to where everything is final.
    pub(super) settled: usize,
    /// Up to where the text was taken for complete.
    closed: usize,
    /// Whether it went on after that: it is not taken for complete early again.
    reopened: bool,
    pub(super) json: Option<JsonStringTracker>,
    pub(super) meter: Meter,
    /// The text so far; only kept when the whole answer is held anyway.
    pub(super) text: String,
    /// Findings that were not treated yet.
    pub(super) findings: Vec<Finding>,
}

impl ChannelState {
    /// A field of which nothing has come.
    pub(super) fn new(channel: Channel, whole: Whole) -> Self {
        let tracker = || match whole {
            // Findings are treated when the answer is complete, however far back they lie.
            Whole::Buffer => JsonStringTracker::keeping(usize::MAX),
            _ => JsonStringTracker::default(),
        };
        ChannelState {
            channel,
            scanner: StreamScanner::new(),
            total: 0,
            settled: 0,
            closed: 0,
            reopened: false,
            json: matches!(channel.field, Field::ToolArguments(_)).then(tracker),
            meter: Meter::default(),
            text: String::new(),
            findings: Vec::new(),
        }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, text: &str, whole: Whole, sources: &Sources) {
        self.reopened |= self.closed > 0;
        self.total += text.len();
        if let Some(json) = &mut self.json {
            json.push(text);
        }
        if self.channel.field == Field::Content {
            match whole {
                Whole::Buffer => self.text.push_str(text),
                Whole::Running => self.meter.push(sources, text),
                Whole::Unarmed => {}
            }
        }
        let known = self.findings.len();
        self.settled = self.scanner.push(text, &mut self.findings);
        self.forget_reported(known);
    }

    /// Another field goes on: takes the text for complete, so that it does not hold the other one back. Should it go
    /// on all the same, what was released before cannot be taken back; the scanner still sees both parts as one, and
    /// the rest of a finding is treated.
    pub(super) fn pause(&mut self) {
        if !self.reopened {
            self.close();
        }
    }

    /// The text is complete.
    pub(super) fn close(&mut self) {
        if self.settled == self.total {
            return;
        }
        let known = self.findings.len();
        self.scanner.clone().finish(&mut self.findings);
        self.forget_reported(known);
        (self.closed, self.settled) = (self.total, self.total);
    }

    /// Drops findings that were reported when the text was taken for complete.
    fn forget_reported(&mut self, known: usize) {
        let mut place = 0;
        self.findings.retain(|finding| {
            place += 1;
            place <= known || finding.span.end > self.closed
        });
    }
}
