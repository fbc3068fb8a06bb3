//! What is known about the life of one connection: exchanges in hand, the head that is arriving, the time
//! since something happened. Connection, service and socket share it; a few relaxed atomics suffice, since
//! all of them run in the connection's task except the end of HTTP/2 exchanges.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The state of a connection. Times are milliseconds since it was opened.
#[derive(Debug)]
pub(super) struct Pulse {
    opened: Instant,
    exchanges: AtomicU32,
    /// When the first byte of a head arrived that is not complete yet; 0 when none is arriving.
    head_since: AtomicU64,
    /// When the last exchange ended.
    idle_since: AtomicU64,
    served: AtomicBool,
    http2: AtomicBool,
}

/// What to do with a connection at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again after this time.
    Wait(Duration),
    /// The head of a request is overdue.
    Overdue,
    /// Nothing happened for long.
    Idle,
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Pulse {
            opened: Instant::now(),
            exchanges: AtomicU32::new(0),
            head_since: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            served: AtomicBool::new(false),
            http2: AtomicBool::new(false),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Bytes arrived. On HTTP/1.1 without an exchange they belong to the next head.
    pub(super) fn received(&self) {
        if self.is_between() && !self.is_http2() && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(self.now().max(1), Ordering::Relaxed);
        }
    }

    /// An exchange begins.
    pub(super) fn begin(self: &Arc<Self>, http2: bool) -> Beat {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        if !self.served.swap(true, Ordering::Relaxed) {
            self.http2.store(http2, Ordering::Relaxed);
        }
        Beat { pulse: Arc::clone(self) }
    }

    /// Whether a request was seen and it was HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.http2.load(Ordering::Relaxed)
    }

    /// Whether no request and no part of one was ever seen.
    pub(super) fn is_untouched(&self) -> bool {
        !self.served.load(Ordering::Relaxed) && !self.head_arriving()
    }

    /// Whether no exchange is in hand.
    pub(super) fn is_between(&self) -> bool {
        self.exchanges.load(Ordering::Relaxed) == 0
    }

    /// Whether bytes arrived that no exchange took up yet.
    pub(super) fn head_arriving(&self) -> bool {
        self.head_since.load(Ordering::Relaxed) != 0
    }

    /// Judges the connection. The next look is never later than a head that begins now could be overdue.
    pub(super) fn verdict(&self, header_timeout: Duration, idle_timeout: Duration) -> Verdict {
        let now = self.now();
        let since = |then: u64| Duration::from_millis(now.saturating_sub(then));
        if !self.is_between() {
            return Verdict::Wait(header_timeout);
        }
        let head = self.head_since.load(Ordering::Relaxed);
        if head != 0 || !self.served.load(Ordering::Relaxed) {
            let waited = since(head);
            return match header_timeout.checked_sub(waited) {
                None | Some(Duration::ZERO) => Verdict::Overdue,
                Some(left) => Verdict::Wait(left),
            };
        }
        match idle_timeout.checked_sub(since(self.idle_since.load(Ordering::Relaxed))) {
            None | Some(Duration::ZERO) => Verdict::Idle,
            Some(left) => Verdict::Wait(left.min(header_timeout)),
        }
    }
}

/// One exchange on a connection, until its answer was handed to the connection or given up.
#[derive(Debug)]
pub(super) struct Beat {
    pulse: Arc<Pulse>,
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.pulse.idle_since.store(self.pulse.now(), Ordering::Relaxed);
        self.pulse.exchanges.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_connection_with_an_exchange_is_never_judged() {
        let pulse = Pulse::new();
        let beat = pulse.begin(false);
        assert_eq!(pulse.verdict(Duration::ZERO, Duration::ZERO), Verdict::Wait(Duration::ZERO));
        drop(beat);
        assert_eq!(pulse.verdict(LONG, Duration::ZERO), Verdict::Idle);
    }

    #[test]
    fn the_first_head_and_each_begun_head_must_arrive_in_time() {
        let pulse = Pulse::new();
        assert!(pulse.is_untouched());
        assert_eq!(pulse.verdict(Duration::ZERO, LONG), Verdict::Overdue);
        drop(pulse.begin(false));
        assert!(matches!(pulse.verdict(Duration::ZERO, LONG), Verdict::Wait(_)));
        pulse.received();
        assert!(pulse.head_arriving());
        assert_eq!(pulse.verdict(Duration::ZERO, LONG), Verdict::Overdue);
    }

    #[test]
    fn frames_between_exchanges_of_http2_are_no_head() {
        let pulse = Pulse::new();
        drop(pulse.begin(true));
        pulse.received();
        assert!(pulse.is_http2() && !pulse.head_arriving());
    }
}
