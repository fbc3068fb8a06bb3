//! The body of a provider's answer, bounded in length and in the time between its pieces.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use super::pool::Lease;
use super::{EgressError, TimeoutPhase};

/// The body of an answer. Dropping it before its end tells the provider to stop.
#[derive(Debug)]
pub struct AnswerBody {
    body: Incoming,
    /// The connection that it comes on, where this body has it for itself: nobody else drives it.
    lease: Option<Lease>,
    left: u64,
    limit: u64,
    idle_timeout: Duration,
    /// Made when a piece is first waited for and kept from then on.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether a piece is waited for. One that comes only clears this; the timer is not touched.
    waiting: bool,
}

impl AnswerBody {
    pub(super) fn new(body: Incoming, lease: Option<Lease>, limit: u64, idle_timeout: Duration) -> Self {
        let lease = lease.and_then(|lease| {
            if !body.is_end_stream() {
                return Some(lease);
            }
            lease.give_back();
            None
        });
        AnswerBody { body, lease, left: limit, limit, idle_timeout, timer: None, waiting: false }
    }

    /// The next frame: what has arrived, or what driving the connection brings.
    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let body = Pin::new(&mut self.body);
        let Some(lease) = &mut self.lease else { return body.poll_frame(cx) };
        // Only driving the connection brings anything: nobody else has to wake this task.
        let idle = &mut Context::from_waker(Waker::noop());
        let arrival = match body.poll_frame(idle) {
            Poll::Ready(arrival) => arrival,
            Poll::Pending => {
                lease.link.drive(cx);
                ready!(Pin::new(&mut self.body).poll_frame(idle))
            }
        };
        if (arrival.is_none() || self.body.is_end_stream())
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
        Poll::Ready(arrival)
    }

    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle_timeout = self.idle_timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + idle_timeout);
        }
        timer.as_mut().poll(cx)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = EgressError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        let this = self.get_mut();
        let frame = match this.poll_arrival(cx) {
            Poll::Ready(frame) => {
                this.waiting = false;
                frame
            }
            Poll::Pending => {
                ready!(this.poll_overdue(cx));
                return Poll::Ready(Some(Err(EgressError::Timeout { phase: TimeoutPhase::Body })));
            }
        };
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return Poll::Ready(Some(Err(EgressError::of_exchange(&error)))),
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match this.left.checked_sub(length) {
            Some(left) => this.left = left,
            None => return Poll::Ready(Some(Err(EgressError::BodyTooLarge { limit: this.limit }))),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
