//! A graceful stop: one-way phases, and the count of exchanges in hand. What to answer in a phase is decided
//! by those who ask; nothing here knows sockets or protocols.
//!
//! ```text
//! running -> draining -> refusing -> ending -> done
//!            |<- delay ->|
//!            |<------- limit -------->|<- grace ->|
//! ```
//!
//! Draining says "not ready" but serves, so that load balancers look away before anybody is refused. Refusing
//! closes listeners and idle connections. Ending tells what is still at work to send its terminal event.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long the phases last.
#[derive(Clone, Copy, Debug)]
pub struct DrainSettings {
    /// From the signal until new work is refused.
    pub delay: Duration,
    /// From the signal until work in hand is told to end. A limit below `delay` shortens the delay.
    pub limit: Duration,
    /// How long work that was told to end may take to send its terminal event and settle.
    pub grace: Duration,
}

/// Where a stop stands. Phases only move forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Serving.
    Running,
    /// Readiness says no; new work is still accepted, and connections are asked to close.
    Draining,
    /// New work is refused; work in hand goes on.
    Refusing,
    /// Work in hand is told to end.
    Ending,
    /// Nothing is waited for any more; connections that are left are dropped.
    Done,
}

/// How a drain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Exchanges that were still at work when they were told to end.
    pub told_to_end: usize,
    /// Exchanges that had not finished when the grace was over.
    pub abandoned: usize,
}

/// The stop of one process. Clones share it.
#[derive(Clone, Debug)]
pub struct Drain {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: DrainSettings,
    phase: AtomicU8,
    in_flight: AtomicUsize,
    connections: AtomicUsize,
    /// Notified whenever a count falls to zero.
    idle: Notify,
    draining: CancellationToken,
    refusing: CancellationToken,
    ending: CancellationToken,
    done: CancellationToken,
}

impl Drain {
    /// A process that runs.
    pub fn new(settings: DrainSettings) -> Self {
        let shared = Shared {
            settings,
            phase: AtomicU8::new(Phase::Running as u8),
            in_flight: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            idle: Notify::new(),
            draining: CancellationToken::new(),
            refusing: CancellationToken::new(),
            ending: CancellationToken::new(),
            done: CancellationToken::new(),
        };
        Drain { shared: Arc::new(shared) }
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        match self.shared.phase.load(Ordering::SeqCst) {
            0 => Phase::Running,
            1 => Phase::Draining,
            2 => Phase::Refusing,
            3 => Phase::Ending,
            _ => Phase::Done,
        }
    }

    /// What readiness should say.
    pub fn is_ready(&self) -> bool {
        self.phase() == Phase::Running
    }

    /// Counts an exchange as work in hand until the guard is dropped; `None` when new work is refused.
    pub fn enter(&self) -> Option<InFlight> {
        // Counted first and looked at second: either the drain sees this exchange or this sees the refusal.
        self.shared.in_flight.fetch_add(1, Ordering::SeqCst);
        let guard = InFlight { shared: Arc::clone(&self.shared) };
        (self.phase() < Phase::Refusing).then_some(guard)
    }

    /// Exchanges in hand.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::SeqCst)
    }

    /// Counts a connection until the guard is dropped. An exchange is over when its answer was handed to its
    /// connection; the connection may hold bytes of it that the peer has not taken, so the drain waits for
    /// both.
    pub fn attach(&self) -> Attached {
        self.shared.connections.fetch_add(1, Ordering::SeqCst);
        Attached { shared: Arc::clone(&self.shared) }
    }

    /// Cancelled when `phase` is reached; for `Running`, when that phase is left. What streams watch is
    /// `token(Phase::Ending)`. A task that polls it often should watch a child of it, so that tasks do not
    /// share a lock.
    pub fn token(&self, phase: Phase) -> &CancellationToken {
        match phase {
            Phase::Running | Phase::Draining => &self.shared.draining,
            Phase::Refusing => &self.shared.refusing,
            Phase::Ending => &self.shared.ending,
            Phase::Done => &self.shared.done,
        }
    }

    /// Runs the stop from the first signal to its end. When `hurry` completes (a second signal), work in hand
    /// is told to end at once. Returns when nothing is in hand or the grace is over.
    pub async fn run(&self, hurry: impl Future<Output = ()>) -> DrainReport {
        let settings = self.shared.settings;
        let begun = Instant::now();
        {
            let mut patience = pin!(self.wait_patiently(begun));
            let mut hurry = pin!(hurry);
            tokio::select! {
                () = &mut patience => {}
                () = &mut hurry => {}
            }
        }
        self.advance(Phase::Refusing);
        let told_to_end = self.in_flight();
        self.advance(Phase::Ending);
        tokio::select! {
            () = self.until_idle() => {}
            () = sleep_until(Instant::now() + settings.grace) => {}
        }
        let abandoned = self.in_flight();
        self.advance(Phase::Done);
        DrainReport { told_to_end, abandoned }
    }

    /// Draining and refusing, without a hurry.
    async fn wait_patiently(&self, begun: Instant) {
        let settings = self.shared.settings;
        self.advance(Phase::Draining);
        sleep_until(begun + settings.delay.min(settings.limit)).await;
        self.advance(Phase::Refusing);
        tokio::select! {
            () = self.until_idle() => {}
            () = sleep_until(begun + settings.limit) => {}
        }
    }

    /// Resolves when neither an exchange nor a connection is left.
    pub async fn until_idle(&self) {
        loop {
            let idle = self.shared.idle.notified();
            let mut idle = pin!(idle);
            idle.as_mut().enable();
            if self.in_flight() == 0 && self.shared.connections.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }

    fn advance(&self, to: Phase) {
        let before = self.shared.phase.fetch_max(to as u8, Ordering::SeqCst);
        if before < to as u8 {
            for passed in [Phase::Draining, Phase::Refusing, Phase::Ending, Phase::Done] {
                if passed <= to {
                    self.token(passed).cancel();
                }
            }
        }
    }
}

/// One exchange in hand. Dropping it says that the exchange is over, its answer sent or given up.
#[derive(Debug)]
pub struct InFlight {
    shared: Arc<Shared>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.shared.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.idle.notify_waiters();
        }
    }
}

/// One open connection, for [`Drain::attach`].
#[derive(Debug)]
pub struct Attached {
    shared: Arc<Shared>,
}

impl Drop for Attached {
    fn drop(&mut self) {
        if self.shared.connections.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.idle.notify_waiters();
        }
    }
}

/// Completes at the next SIGTERM or SIGINT (elsewhere than on Unix: Ctrl-C). Call it again for the second
/// one.
///
/// # Errors
/// When the operating system does not let the signal be watched.
pub async fn shutdown_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests;
