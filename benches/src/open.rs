//! The open loop: calls start at a fixed rate, whether or not earlier ones were answered, and a call's time counts
//! from when it should have started. A proxy that stalls is charged for every call that the stall put off
//! (no coordinated omission).

use std::time::{Duration, Instant};

use crate::closed::nanos;
use crate::connection::{Connection, Failure, Failures, READ, Workload};
use crate::percentiles::Percentiles;
use crate::poll::Poller;

/// A rate that is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// Calls a second, evenly spaced.
    pub(crate) rate: f64,
    /// Connections at most; a call that finds none free waits, and its time runs.
    pub(crate) connections: usize,
    /// Time before the window, not counted.
    pub(crate) warm_up: Duration,
    /// Time that is counted.
    pub(crate) window: Duration,
}

/// What a trial showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Nanoseconds of every call that should have started in the window. One that was never answered counts with
    /// the time that it had waited at the end.
    pub(crate) latencies: Vec<u64>,
    /// Calls of the window that were not answered in time.
    pub(crate) unanswered: u64,
    /// Calls that failed.
    pub(crate) failures: Failures,
}

impl Shown {
    /// The 99th percentile, nanoseconds; `None` when calls failed or were not answered.
    pub(crate) fn p99(self) -> Option<u64> {
        let is_whole = self.unanswered == 0 && self.failures.count() == 0;
        Percentiles::of(self.latencies).filter(|_| is_whole).map(|found| found.p99)
    }
}

/// Backlog at which a trial is given up: the proxy cannot keep up.
const BACKLOG: Duration = Duration::from_millis(500);
/// How long calls in hand may take after the window.
const DRAIN: Duration = Duration::from_millis(500);

/// Makes the trial.
///
/// # Errors
///
/// When the connections do not stand, or epoll fails.
pub(crate) fn run(workload: &Workload, trial: Trial) -> Result<Shown, Failure> {
    let mut poller = Poller::new(workload.waiting)?;
    let mut connections = Vec::with_capacity(trial.connections);
    for key in 0..trial.connections {
        let connection = Connection::open(workload.address)?;
        poller.watch(&connection, key)?;
        connections.push(connection);
    }
    let mut idle: Vec<usize> = (0..connections.len()).rev().collect();
    let (mut scratch, mut ready) = (vec![0; READ], Vec::new());
    let mut shown = Shown::default();
    let begin = Instant::now();
    let (opens, closes) = (begin + trial.warm_up, begin + trial.warm_up + trial.window);
    let at = |call: u64| begin + Duration::from_secs_f64(call as f64 / trial.rate);
    let mut next: u64 = 0;
    loop {
        let now = Instant::now();
        while at(next) <= now && at(next) < closes {
            let Some(&key) = idle.last() else { break };
            let Some(connection) = connections.get_mut(key) else { break };
            idle.pop();
            let scheduled = at(next);
            next += 1;
            if let Err(failure) = connection.send(workload, scheduled) {
                shown.failures.add(failure);
                renew(&poller, connection, key, workload)?;
                idle.push(key);
            }
        }
        let is_over = at(next) >= closes && idle.len() == connections.len();
        let is_late = now >= closes + DRAIN || now.saturating_duration_since(at(next)) > BACKLOG;
        if is_over || is_late || shown.failures.are_too_many() {
            account_for_the_rest(&mut shown, &connections, (opens, closes), now, (next, at));
            return Ok(shown);
        }
        let wake = if at(next) < closes && !idle.is_empty() { at(next) } else { closes + DRAIN };
        let limit = wake.saturating_duration_since(Instant::now()).min(Duration::from_millis(50));
        poller.wait(Some(limit), &mut ready)?;
        for &key in &ready {
            let Some(connection) = connections.get_mut(key) else { continue };
            let started = connection.started();
            match connection.receive(&mut scratch, workload) {
                Ok(None) => continue,
                Ok(Some(answered)) => {
                    if started.is_some_and(|started| started >= opens) {
                        shown.latencies.push(nanos(answered.latency));
                    }
                    idle.push(key);
                }
                Err(failure) => {
                    shown.failures.add(failure);
                    let was_busy = started.is_some();
                    renew(&poller, connection, key, workload)?;
                    if was_busy {
                        idle.push(key);
                    }
                }
            }
        }
    }
}

fn renew(
    poller: &Poller,
    connection: &mut Connection,
    key: usize,
    workload: &Workload,
) -> Result<(), Failure> {
    let fresh = Connection::open(workload.address)?;
    poller.watch(&fresh, key)?;
    *connection = fresh;
    Ok(())
}

/// Calls of the window that are in hand or were never sent count as unanswered, with the time they waited so far.
fn account_for_the_rest(
    shown: &mut Shown,
    connections: &[Connection],
    (opens, closes): (Instant, Instant),
    now: Instant,
    (next, at): (u64, impl Fn(u64) -> Instant),
) {
    let in_hand = connections.iter().filter_map(Connection::started);
    let unsent = (next..).map(at).take_while(|&scheduled| scheduled < closes && scheduled <= now);
    let rest: Vec<u64> = in_hand
        .chain(unsent)
        .filter(|&scheduled| scheduled >= opens)
        .map(|scheduled| nanos(now.saturating_duration_since(scheduled)))
        .collect();
    shown.unanswered += rest.len() as u64;
    shown.latencies.extend(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Shape;
    use crate::poll::Waiting;
    use crate::script::{self, Behaviour};
    use crate::simulator;
    use crate::way::{Dialect, Way};

    fn trial(rate: f64, connections: usize) -> Shown {
        let address = simulator::tests::started();
        let body = script::body(Way::ChatToChat, Shape::Plain170, Behaviour { delay_ms: 20, pace_ms: 0 });
        let workload = Workload {
            address,
            request: script::request(Dialect::Chat, "bench", &[], &body),
            client: Dialect::Chat,
            is_stream: false,
            waiting: Waiting::Sleep,
        };
        let window = Duration::from_millis(300);
        run(&workload, Trial { rate, connections, warm_up: Duration::ZERO, window }).unwrap()
    }

    #[test]
    fn every_call_of_the_schedule_is_accounted_for() {
        let shown = trial(100.0, 64);
        assert_eq!(shown.failures.count(), 0, "{:?}", shown.failures);
        assert_eq!(shown.latencies.len(), 30);
    }

    #[test]
    fn a_server_that_cannot_keep_up_is_charged_for_the_calls_it_puts_off() {
        // One connection and 20 ms an answer: at most 50 calls a second, whatever the machine.
        let shown = trial(1000.0, 1);
        assert!(shown.unanswered > 200, "{}", shown.unanswered);
        assert_eq!(shown.p99(), None);
    }
}
