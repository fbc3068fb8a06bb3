//! One connection of the client: sends a request that was made beforehand, reads the answer, checks it, and notes
//! when the first word of a stream came.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use memchr::memmem;

use crate::check::{self, Wrong};
use crate::http1::{Message, WireError};
use crate::poll::Waiting;
use crate::script::WORDS;
use crate::way::Dialect;

/// Bytes read at once.
pub(crate) const READ: usize = 64 * 1024;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);

/// Where a call goes and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// Where it goes.
    pub(crate) address: SocketAddr,
    /// The whole request.
    pub(crate) request: Vec<u8>,
    /// The protocol of request and answer.
    pub(crate) client: Dialect,
    /// Whether its answer is a stream.
    pub(crate) is_stream: bool,
    /// What the client does meanwhile.
    pub(crate) waiting: Waiting,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A socket failed.
    #[error("socket: {0}")]
    Socket(#[from] io::Error),
    /// The connection ended within an answer.
    #[error("the connection was closed before the answer was complete")]
    Closed,
    /// A request did not go out at once.
    #[error("the socket did not take the whole request")]
    ShortWrite,
    /// The answer is not HTTP.
    #[error("the answer is not understood: {0}")]
    Wire(#[from] WireError),
    /// The answer is not the right one.
    #[error("{0}")]
    Wrong(#[from] Wrong),
}

/// An answer that was complete and right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// From the start of the call to the end of the answer.
    pub(crate) latency: Duration,
    /// From the start of the call to the first word of a stream.
    pub(crate) first_token: Option<Duration>,
}

/// A connection that carries one call at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    answer: Message,
    /// When the call in hand started, or should have.
    started: Option<Instant>,
    first_token: Option<Instant>,
    /// Up to where the first word was looked for.
    searched: usize,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Result<Connection, Failure> {
        let socket = TcpStream::connect_timeout(&address, CONNECT)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Connection { socket, answer: Message::default(), started: None, first_token: None, searched: 0 })
    }

    /// Whether a call is in hand.
    pub(crate) fn is_busy(&self) -> bool {
        self.started.is_some()
    }

    /// When the call in hand started.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.started
    }

    /// Sends the request; its time counts from `started`.
    pub(crate) fn send(&mut self, workload: &Workload, started: Instant) -> Result<(), Failure> {
        self.answer.clear();
        self.started = Some(started);
        self.first_token = None;
        self.searched = 0;
        // A request fits into the buffer of an idle connection many times over.
        if self.socket.write(&workload.request)? == workload.request.len() {
            Ok(())
        } else {
            Err(Failure::ShortWrite)
        }
    }

    /// Reads what came. Gives the answer when that was its end.
    pub(crate) fn receive(
        &mut self,
        scratch: &mut [u8],
        workload: &Workload,
    ) -> Result<Option<Answered>, Failure> {
        let count = match self.socket.read(scratch) {
            Ok(0) => return Err(Failure::Closed),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let now = Instant::now();
        self.answer.feed(scratch.get(..count).unwrap_or_default())?;
        if workload.is_stream && self.first_token.is_none() {
            self.look_for_first_word(now);
        }
        if !self.answer.is_done() {
            return Ok(None);
        }
        let started = self.started.take().ok_or(Failure::Closed)?;
        let status = self.answer.status().unwrap_or_default();
        check::answer(workload.client, status, self.answer.body(), workload.is_stream)?;
        Ok(Some(Answered {
            latency: now.duration_since(started),
            first_token: self.first_token.map(|first| first.duration_since(started)),
        }))
    }

    fn look_for_first_word(&mut self, now: Instant) {
        let [word, ..] = WORDS;
        let body = self.answer.body();
        let from = self.searched.saturating_sub(word.len());
        if memmem::find(body.get(from..).unwrap_or_default(), word.as_bytes()).is_some() {
            self.first_token = Some(now);
        }
        self.searched = body.len();
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Calls that failed, and the first reasons.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures {
    count: u64,
    reasons: Vec<String>,
}

impl Failures {
    /// Reasons that are kept; further ones are only counted.
    const KEPT: usize = 3;
    /// A run with more failures than this is given up.
    const TOO_MANY: u64 = 1000;

    /// Notes a failure.
    pub(crate) fn add(&mut self, reason: impl ToString) {
        self.count += 1;
        let reason = reason.to_string();
        if self.reasons.len() < Self::KEPT && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether it makes no sense to go on.
    pub(crate) fn are_too_many(&self) -> bool {
        self.count > Self::TOO_MANY
    }

    /// The first different reasons.
    pub(crate) fn reasons(&self) -> &[String] {
        &self.reasons
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::script::{STREAM_HEAD, events, stream_end};

    #[test]
    fn the_first_token_is_the_first_word_and_not_the_first_byte() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let workload = Workload {
            address: listener.local_addr().unwrap(),
            request: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            client: Dialect::Chat,
            is_stream: true,
            waiting: Waiting::Sleep,
        };
        let mut connection = Connection::open(workload.address).unwrap();
        connection.socket.set_nonblocking(false).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        connection.send(&workload, Instant::now()).unwrap();
        let mut scratch = vec![0; READ];
        let events = events(Dialect::Chat, "m");
        peer.write_all(&[STREAM_HEAD, &events[0]].concat()).unwrap();
        assert!(connection.receive(&mut scratch, &workload).unwrap().is_none());
        assert!(connection.first_token.is_none());
        peer.write_all(&events[1]).unwrap();
        assert!(connection.receive(&mut scratch, &workload).unwrap().is_none());
        assert!(connection.first_token.is_some());
        peer.write_all(&[&events[2..].concat(), stream_end(Dialect::Chat)].concat()).unwrap();
        let answered = loop {
            if let Some(answered) = connection.receive(&mut scratch, &workload).unwrap() {
                break answered;
            }
        };
        assert!(answered.first_token.unwrap() <= answered.latency);
        assert!(!connection.is_busy());
    }

    #[test]
    fn failures_keep_their_first_different_reasons() {
        let mut failures = Failures::default();
        for reason in ["a", "a", "b", "c", "d"] {
            failures.add(reason);
        }
        assert_eq!(failures.count(), 5);
        assert_eq!(failures.reasons(), ["a", "b", "c"]);
    }
}
