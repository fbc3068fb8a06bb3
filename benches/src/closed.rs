//! The closed loop: every connection sends its next call when it has the answer to the last. Gives the most that a
//! proxy does with so many callers, and what a call costs it.

use std::time::{Duration, Instant};

use crate::connection::{Connection, Failure, Failures, READ, Workload};
use crate::poll::Poller;

/// How long calls in hand may take after the window.
const DRAIN: Duration = Duration::from_secs(20);

/// How a cell is driven.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Connections.
    pub(crate) connections: usize,
    /// Time before the window, not counted.
    pub(crate) warm_up: Duration,
    /// Time that is counted.
    pub(crate) window: Duration,
    /// Over which time the connections send their first call, so that those of slow answers do not go in step.
    pub(crate) stagger: Duration,
}

/// What was seen in the window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// From the start of each call that ended in the window to its end, nanoseconds.
    pub(crate) latencies: Vec<u64>,
    /// The same to the first word of each stream.
    pub(crate) first_tokens: Vec<u64>,
    /// How long the window really was.
    pub(crate) window: Duration,
    /// Calls that failed, in the window or beside it.
    pub(crate) failures: Failures,
    /// Calls that were answered rightly, in the window or beside it.
    pub(crate) answered: u64,
}

/// The two ends of the window, at which the caller reads its counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// It begins.
    Begin,
    /// It ends. The connections still stand.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Window(Instant),
    Drain,
}

/// Drives the cell; calls `edge` at both ends of the window.
///
/// # Errors
///
/// When the connections do not stand at the beginning, epoll fails, or `edge` does.
pub(crate) fn run<E: From<Failure> + From<std::io::Error>>(
    workload: &Workload,
    plan: Plan,
    mut edge: impl FnMut(Edge) -> Result<(), E>,
) -> Result<Seen, E> {
    let mut poller = Poller::new(workload.waiting)?;
    let mut connections = Vec::with_capacity(plan.connections);
    for key in 0..plan.connections {
        let connection = Connection::open(workload.address)?;
        poller.watch(&connection, key)?;
        connections.push(connection);
    }
    let (mut scratch, mut ready) = (vec![0; READ], Vec::new());
    let mut seen = Seen::default();
    let mut phase = Phase::WarmUp;
    let begin = Instant::now();
    let mut next_first_call = 0;
    let mut until = begin + plan.warm_up;
    loop {
        let now = Instant::now();
        match phase {
            Phase::WarmUp if now >= until => {
                edge(Edge::Begin)?;
                let opened = Instant::now();
                (phase, until) = (Phase::Window(opened), opened + plan.window);
            }
            Phase::Window(opened) if now >= until || seen.failures.are_too_many() => {
                seen.window = now.duration_since(opened);
                edge(Edge::End)?;
                (phase, until) = (Phase::Drain, Instant::now() + DRAIN);
            }
            Phase::Drain => {
                let waiting = connections.iter().filter(|connection| connection.is_busy()).count();
                if waiting == 0 {
                    return Ok(seen);
                }
                if now >= until {
                    for _ in 0..waiting {
                        seen.failures.add("no answer within 20 s after the window");
                    }
                    return Ok(seen);
                }
            }
            Phase::WarmUp | Phase::Window(_) => {}
        }
        while phase != Phase::Drain
            && let Some(connection) = connections.get_mut(next_first_call)
        {
            let share = next_first_call as f64 / plan.connections as f64;
            if begin + plan.stagger.mul_f64(share) > Instant::now() {
                break;
            }
            connection.send(workload, Instant::now())?;
            next_first_call += 1;
        }
        let limit = if next_first_call < connections.len() && phase != Phase::Drain {
            Duration::from_micros(200)
        } else {
            until.saturating_duration_since(Instant::now())
        };
        poller.wait(Some(limit), &mut ready)?;
        for &key in &ready {
            let Some(connection) = connections.get_mut(key) else { continue };
            let outcome = connection.receive(&mut scratch, workload);
            let ended = match outcome {
                Ok(None) => continue,
                Ok(Some(answered)) => {
                    seen.answered += 1;
                    if matches!(phase, Phase::Window(_)) {
                        seen.latencies.push(nanos(answered.latency));
                        seen.first_tokens.extend(answered.first_token.map(nanos));
                    }
                    Ok(())
                }
                Err(failure) => Err(failure),
            };
            let again = |connection: &mut Connection| match phase {
                Phase::Drain => Ok(()),
                _ => connection.send(workload, Instant::now()),
            };
            if let Err(failure) = ended.and_then(|()| again(connection)) {
                seen.failures.add(failure);
                match Connection::open(workload.address) {
                    Ok(fresh) => {
                        poller.watch(&fresh, key)?;
                        *connection = fresh;
                        if let Err(failure) = again(connection) {
                            seen.failures.add(failure);
                        }
                    }
                    Err(failure) => seen.failures.add(failure),
                }
            }
        }
    }
}

/// Nanoseconds of a duration.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::cell::{Cell, Shape};
    use crate::poll::Waiting;
    use crate::script::{self, Behaviour};
    use crate::simulator;
    use crate::way::Way;

    fn seen(cell: Cell, address: std::net::SocketAddr) -> (Seen, Vec<Edge>) {
        let behaviour = Behaviour { delay_ms: cell.delay_ms, pace_ms: cell.shape.pace_ms() };
        let client = cell.way.client();
        let body = script::body(cell.way, cell.shape, behaviour);
        let request = script::request(client, "bench", &[], &body);
        let is_stream = cell.shape.is_stream();
        let workload = Workload { address, request, client, is_stream, waiting: Waiting::Spin };
        let plan = Plan {
            connections: cell.connections,
            warm_up: Duration::from_millis(20),
            window: Duration::from_millis(400),
            stagger: cell.provider_time(),
        };
        let mut edges = Vec::new();
        let seen = run::<anyhow::Error>(&workload, plan, |edge| {
            edges.push(edge);
            Ok(())
        });
        (seen.unwrap(), edges)
    }

    #[test]
    fn the_simulator_answers_every_shape_and_delay_rightly() {
        let address = simulator::tests::started();
        let other =
            Shape::ALL.map(|shape| Cell { connections: 3, delay_ms: 0, shape, way: Way::MessagesToMessages });
        for cell in Cell::over(3).chain(other) {
            let (seen, edges) = seen(cell, address);
            assert_eq!(seen.failures.count(), 0, "{cell}: {:?}", seen.failures);
            assert!(!seen.latencies.is_empty() && seen.answered >= seen.latencies.len() as u64);
            let first = if cell.shape.is_stream() { seen.latencies.len() } else { 0 };
            assert_eq!(seen.first_tokens.len(), first);
            assert_eq!(edges, [Edge::Begin, Edge::End]);
        }
    }

    #[test]
    fn wrong_answers_are_failures_and_no_samples() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                while socket.read(&mut bytes).is_ok_and(|count| count > 0) {
                    // Once the client has seen enough, nobody reads this.
                    let _sent = socket.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy");
                }
            }
        });
        let (seen, _) =
            seen(Cell { connections: 1, delay_ms: 0, shape: Shape::Plain170, way: Way::ChatToChat }, address);
        assert!(seen.failures.count() > 0);
        assert!(seen.latencies.is_empty() && seen.answered == 0);
        assert_eq!(seen.failures.reasons(), ["status 503: busy"]);
    }
}
