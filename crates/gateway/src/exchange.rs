//! One exchange: what is known of it so far, gathered stage by stage.
//!
//! The stages' own types carry the evidence that a stage was passed; this record carries what has to be told
//! afterwards. It holds ids, names, counts and amounts; no text, except the body that was sent, which nothing shows
//! and which goes as soon as its tokens are known. Dropping it settles the exchange, so whatever
//! way an exchange takes (answered, refused, client gone, task cancelled), `settle` runs exactly once.

use std::sync::Arc;

use bytes::Bytes;
use flyball_core::{Action, Counting, Decision, ExchangeId, Operation, Principal, Timestamp};
use flyball_journal::Lsn;
use http::HeaderMap;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::pipeline::settle;
use crate::protocols::openai::transcriptions::Recording;
use crate::protocols::passthrough::Passing;
use crate::protocols::{Protocol, Usage, count_request};
use crate::recording::{Hash, Tally};
use crate::refusal::Kind;
use crate::snapshot::{Route, Snapshot};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The caller got the whole answer.
    Answered,
    /// Refused before the answer began, or ended in the middle of a stream by the policy or a fault.
    Refused(Kind),
    /// The caller went away first.
    Abandoned,
}

/// What the journal has of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing yet.
    Not,
    /// An intent is on its way into the journal.
    Intending,
    /// An intent, which ends at this position.
    Intended(Lsn),
    /// How it ended. Nothing more will be recorded.
    Settled,
}

/// An exchange in hand.
pub struct Exchange {
    /// The installation it runs in.
    pub gateway: Arc<Gateway>,
    /// Configuration, policy and routes as they were when it began.
    pub snapshot: Arc<Snapshot>,
    /// Its id.
    pub id: ExchangeId,
    /// The request id: the caller's, or its own id.
    pub request_id: String,
    /// What it came in as.
    pub protocol: Protocol,
    /// When it began.
    pub time: Timestamp,
    /// The same, for durations.
    pub started: Instant,
    /// The stage that it entered last.
    pub stage: &'static str,
    /// Who is calling; none before authentication.
    pub principal: Option<Arc<Principal>>,
    /// A pseudonym of the end user; 0: nobody was named.
    pub end_user: u64,
    /// A pseudonym of the session; 0: none was named.
    pub session: u64,
    /// What the exchange is counted under, besides.
    pub tags: Vec<String>,
    /// Headers of the caller's that may concern a provider, until one is called.
    pub caller_headers: HeaderMap,
    /// The recording that came with the request, until the request is written anew.
    pub recording: Option<Recording>,
    /// What is passed on beside the document, until the request is written anew.
    pub passing: Option<Passing>,
    /// Whether what no detector can read may pass in the answer.
    pub passes_media: bool,
    /// What is wanted.
    pub operation: Option<Operation>,
    /// Whether as a stream.
    pub stream: bool,
    /// The route it takes.
    pub route: Option<Arc<Route>>,
    /// What the policy said so far, on both sides.
    pub decision: Decision,
    /// Parameters that the route left out.
    pub dropped: Vec<String>,
    /// Findings in the request.
    pub prompt_findings: Tally,
    /// Findings in the answer.
    pub output_findings: Tally,
    /// The salt of its hashes.
    pub salt: [u8; 16],
    /// The body as it came, until it is sent: its hash is recorded when it is not.
    pub received: Option<Bytes>,
    /// The hash of what was released of the answer.
    pub output_hash: Option<Hash>,
    /// How often a provider was called.
    pub attempts: u32,
    /// What the journal has of it.
    pub recorded: Recorded,
    /// When the provider's head had arrived, in microseconds from the beginning.
    pub first_byte_micros: Option<u64>,
    /// The body that the provider has, or may have, until its tokens are known. None where it refused: nobody
    /// bills a refusal.
    pub sent: Option<Bytes>,
    /// What it cost in tokens; none while it is not known, and where nothing is billed.
    pub usage: Option<Usage>,
    /// How it ended. Abandoned, unless somebody says otherwise.
    pub outcome: Outcome,
    /// Counts it as work in hand for as long as it lives.
    pub in_flight: crate::edge::drain::InFlight,
}

impl Exchange {
    /// Notes that it enters a stage.
    pub fn at(&mut self, stage: &'static str) -> &mut Self {
        self.stage = stage;
        self
    }

    /// Notes what the provider told.
    pub fn reported(&mut self, usage: Usage) {
        self.usage = Some(usage);
        self.sent = None;
    }

    /// Counts what the provider did not tell: the request that it has, and `output` tokens that came of the answer.
    /// Nothing when usage is known, or nothing is billed.
    pub fn count(&mut self, output: u64) {
        if let (None, Some(body)) = (self.usage, self.sent.take()) {
            let input = count_request(self.protocol, body);
            self.usage = Some(Usage { input, cached_input: 0, output, how: Counting::Counted });
        }
    }

    /// The strictest action so far.
    pub fn action(&self) -> Action {
        self.decision.action()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        settle::run(self);
    }
}
