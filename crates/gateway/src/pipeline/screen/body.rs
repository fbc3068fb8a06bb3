//! Plays a screened stream to the caller: reads from the provider, feeds the screen, writes what it releases, and
//! keeps time. Events that arrive together leave in one write. What an event means is the screen's business.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::super::dispatch::failed;
use super::events::Inbox;
use super::stream::{State, StreamScreen};
use crate::edge::body::BodyError;
use crate::edge::drain::Phase;
use crate::exchange::{Exchange, Outcome};
use crate::providers::{Inbound, InboundBody};
use crate::recording::SaltedHash;
use crate::refusal::{Kind, Refusal};

/// Released bytes are gathered up to this size before they are written.
const GATHER: usize = 32 * 1024;

/// A comment (WHATWG HTML, section 9.2.6): keeps proxies from cutting a silent stream.
const COMMENT: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// A provider's stream and what is needed to screen it.
pub struct Inflow {
    /// Until it has said everything.
    body: Option<InboundBody>,
    events: Inbox,
    screen: StreamScreen,
    received: usize,
    limit: usize,
    /// When the next event is too late.
    deadline: Instant,
    /// Whether something came since the deadline was set: it moves when the next is waited for, not before.
    arrived: bool,
    between_events: Duration,
    keep_alive: Duration,
    last_write: Instant,
    timer: Pin<Box<Sleep>>,
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl std::fmt::Debug for Inflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflow").field("screen", &self.screen.state()).finish_non_exhaustive()
    }
}

impl Inflow {
    /// A stream whose first event must come before `deadline`.
    pub(super) fn new(
        exchange: &Exchange,
        inbound: Inbound,
        events: Inbox,
        screen: StreamScreen,
        deadline: Instant,
    ) -> Self {
        let config = &exchange.snapshot.config;
        let keep_alive = config.timeouts.keep_alive_comment.get();
        let now = Instant::now();
        // A child, so that streams do not share a lock.
        let ending = exchange.gateway.drain.token(Phase::Ending).child_token();
        Inflow {
            body: Some(inbound.body),
            events,
            screen,
            received: 0,
            limit: config.limits.answer.get(),
            deadline,
            arrived: false,
            between_events: config.timeouts.between_events.get(),
            keep_alive,
            last_write: now,
            timer: Box::pin(tokio::time::sleep_until(deadline.min(now + keep_alive))),
            ending: Box::pin(ending.cancelled_owned()),
        }
    }

    /// The next bytes for the caller. An error ends the stream; what was released before is in `out`.
    fn poll(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<Result<(), Refusal>> {
        // First, so that a provider who never pauses does not outlast the stop.
        if self.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(Refusal::new(Kind::ShuttingDown, "The gateway is stopping.")));
        }
        let polled = self.advance(cx, out);
        // Also before an error: what was released may leave.
        let released = self.screen.take();
        if out.is_empty() {
            *out = released;
        } else {
            out.extend_from_slice(&released);
        }
        polled
    }

    /// Reads and screens until there is something to write or nothing to read.
    fn advance(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<Result<(), Refusal>> {
        loop {
            self.judge()?;
            if self.screen.state() != State::Open || self.screen.waiting() >= GATHER {
                return Poll::Ready(Ok(()));
            }
            let data = match &mut self.body {
                Some(body) => body.poll_data(cx),
                None => Poll::Ready(None),
            };
            match data {
                Poll::Ready(Some(Ok(data))) => {
                    self.received += data.len();
                    if self.received > self.limit {
                        let message = format!("The provider's answer is larger than {} bytes.", self.limit);
                        return Poll::Ready(Err(Refusal::new(Kind::ProviderInvalidAnswer, message)));
                    }
                    self.arrived = true;
                    self.events.push(data);
                }
                Poll::Ready(None) => {
                    self.events.end_of_body();
                    self.judge()?;
                    let complete = self.screen.end_of_body();
                    return Poll::Ready(if complete { Ok(()) } else { Err(broke_off()) });
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(failed(error))),
                Poll::Pending if self.screen.waiting() > 0 => return Poll::Ready(Ok(())),
                Poll::Pending => return self.poll_time(cx, out),
            }
        }
    }

    /// Counts the events that came and were not looked at: the policy or the caller ended the stream before them.
    fn count_rest(&mut self) {
        if self.screen.state() != State::Done {
            while let Ok(Some(event)) = self.events.next() {
                self.screen.count_unseen(event);
            }
        }
    }

    /// Hands every event that has come to the screen.
    fn judge(&mut self) -> Result<(), Refusal> {
        while self.screen.state() == State::Open {
            let Some(event) = self.events.next()? else { break };
            self.screen.event(event)?;
        }
        Ok(())
    }

    /// Nothing comes: is it time for a comment, or for an end?
    fn poll_time(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<Result<(), Refusal>> {
        if std::mem::take(&mut self.arrived) {
            self.deadline = Instant::now() + self.between_events;
        }
        // The timer is moved only when it fires: events do not touch it.
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now >= self.deadline {
                let refusal = Refusal::new(Kind::ProviderTimeout, "The provider stopped sending events.");
                return Poll::Ready(Err(refusal));
            }
            if now >= self.last_write + self.keep_alive {
                out.extend_from_slice(&COMMENT);
                self.last_write = now;
            }
            self.timer.as_mut().reset(self.deadline.min(self.last_write + self.keep_alive));
            if !out.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }
}

fn broke_off() -> Refusal {
    Refusal::new(Kind::ProviderBrokeOff, "The provider's answer broke off.")
}

/// A response body. The exchange settles when it is dropped: after the last byte, or when the caller goes away,
/// which also cancels the provider's call.
pub struct Screened {
    inflow: Inflow,
    ended: bool,
    /// Of what was released.
    hash: SaltedHash,
    /// Last, so that it settles when the rest is gone.
    exchange: Exchange,
}

impl Screened {
    /// The answer of `exchange`.
    pub(super) fn new(exchange: Exchange, inflow: Inflow) -> Self {
        Screened { inflow, ended: false, hash: SaltedHash::new(&exchange.salt), exchange }
    }

    /// Writes what is known of the answer into the exchange's record: once, when it ends.
    fn tell(&mut self, outcome: Option<Outcome>) {
        self.inflow.count_rest();
        let screen = &self.inflow.screen;
        match self.inflow.events.usage().unwrap_or_else(|| screen.usage()) {
            Some(usage) => self.exchange.reported(usage),
            None => self.exchange.count(screen.output_tokens()),
        }
        self.exchange.output_findings = screen.findings().clone();
        self.exchange.gateway.metrics.decided(flyball_core::Stage::Output, screen.decision());
        self.exchange.decision.tighten(screen.decision().clone());
        if let Some(outcome) = outcome {
            self.exchange.outcome = outcome;
        }
    }
}

impl http_body::Body for Screened {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let mut out = BytesMut::new();
        match this.inflow.poll(cx, &mut out) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => match this.inflow.screen.state() {
                State::Open => {}
                State::Done => {
                    this.ended = true;
                    if let Some(body) = this.inflow.body.take() {
                        body.let_end(cx, &this.exchange.gateway.tracker);
                    }
                    this.tell(Some(Outcome::Answered));
                }
                State::Blocked => {
                    this.ended = true;
                    this.tell(Some(Outcome::Refused(Kind::PolicyBlockedOutput)));
                }
            },
            Poll::Ready(Err(refusal)) => {
                this.inflow.screen.broken(&refusal, &this.exchange.request_id, &mut out);
                this.ended = true;
                this.tell(Some(Outcome::Refused(refusal.kind)));
                crate::events::refused(&this.exchange, &refusal);
            }
        }
        this.inflow.last_write = Instant::now();
        if out.is_empty() {
            return Poll::Ready(None);
        }
        this.hash.update(&out);
        Poll::Ready(Some(Ok(Frame::data(out.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl Drop for Screened {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(None);
        }
        self.exchange.output_hash = Some(self.hash.clone().finish());
    }
}
