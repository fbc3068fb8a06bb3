//! The provider of the bench: one thread, answers made beforehand, as cheap as can be, because it shares a core with
//! the client. How it behaves stands in the model's name. `GET /count` says how many calls it answered, so that a
//! proxy which answers by itself is found out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem;

use crate::http1::Message;
use crate::poll::{Poller, Waiting, wake_precisely};
use crate::script::{self, Behaviour};
use crate::way::Dialect;

/// The key of the listener; connections count from 0.
const LISTENER: usize = usize::MAX;
/// Connections that wait to be accepted.
const QUEUE: i32 = 4096;
/// Bytes read at once.
const READ: usize = 64 * 1024;
/// The answer to what names no behaviour.
const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

/// The answers of one behaviour in one protocol.
#[derive(Debug)]
struct Answers {
    behaviour: Behaviour,
    plain: Vec<u8>,
    /// What each write of a stream carries, without and with usage that has to be asked for. One write when events
    /// arrive together.
    streams: [Vec<Vec<u8>>; 2],
}

impl Answers {
    fn new(dialect: Dialect, behaviour: Behaviour) -> Answers {
        let model = behaviour.model();
        let stream = |usage: bool| {
            let mut writes = script::events(dialect, &model);
            if let Some(first) = writes.first_mut() {
                first.splice(..0, script::STREAM_HEAD.iter().copied());
            }
            if let Some(last) = writes.last_mut() {
                if usage && dialect == Dialect::Chat {
                    last.extend(script::usage_event(&model));
                }
                last.extend(script::stream_end(dialect));
            }
            if behaviour.pace_ms == 0 { vec![writes.concat()] } else { writes }
        };
        let plain = script::plain_answer(dialect, &model);
        Answers { behaviour, plain, streams: [stream(false), stream(true)] }
    }
}

/// What a connection still has to send.
#[derive(Clone, Copy, Debug)]
struct Due {
    dialect: Dialect,
    behaviour: Behaviour,
    /// `None`: the plain answer; otherwise whether usage is wanted.
    stream: Option<bool>,
    /// How many writes went out.
    written: usize,
}

#[derive(Debug)]
struct Peer {
    socket: TcpStream,
    request: Message,
    due: Option<Due>,
    /// Tells this connection from an earlier one of the same key.
    generation: u64,
}

/// The whole state of the simulator.
#[derive(Debug)]
struct Simulator {
    poller: Poller,
    listener: TcpListener,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    timers: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    answers: HashMap<(Dialect, Behaviour), Answers>,
    scratch: Vec<u8>,
    ready: Vec<usize>,
    generation: u64,
    answered: u64,
}

/// Serves until the process is ended.
///
/// # Errors
///
/// When the address cannot be had, or epoll fails.
pub(crate) fn serve(address: SocketAddr, waiting: Waiting) -> io::Result<()> {
    wake_precisely()?;
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    // Many connections come at once; the library's queue of 128 would put most of them off by a second.
    rustix::net::listen(&listener, QUEUE)?;
    let poller = Poller::new(waiting)?;
    poller.watch(&listener, LISTENER)?;
    let answers = Dialect::PROVIDERS.into_iter().flat_map(|dialect| {
        let behaviours = Behaviour::all().into_iter();
        behaviours.map(move |behaviour| ((dialect, behaviour), Answers::new(dialect, behaviour)))
    });
    let mut simulator = Simulator {
        poller,
        listener,
        peers: Vec::new(),
        free: Vec::new(),
        timers: BinaryHeap::new(),
        answers: answers.collect(),
        scratch: vec![0; READ],
        ready: Vec::new(),
        generation: 0,
        answered: 0,
    };
    loop {
        simulator.turn()?;
    }
}

impl Simulator {
    fn turn(&mut self) -> io::Result<()> {
        let limit =
            self.timers.peek().map(|Reverse((at, _, _))| at.saturating_duration_since(Instant::now()));
        let mut ready = std::mem::take(&mut self.ready);
        self.poller.wait(limit, &mut ready)?;
        for &key in &ready {
            if key == LISTENER {
                self.accept()?;
            } else if let Err(_gone) = self.read(key) {
                self.close(key);
            }
        }
        self.ready = ready;
        let now = Instant::now();
        while let Some(&Reverse((at, key, generation))) = self.timers.peek() {
            if at > now {
                break;
            }
            self.timers.pop();
            let is_same = self.peer(key).is_some_and(|peer| peer.generation == generation);
            if is_same && let Err(_gone) = self.write(key, at) {
                self.close(key);
            }
        }
        Ok(())
    }

    fn peer(&mut self, key: usize) -> Option<&mut Peer> {
        self.peers.get_mut(key)?.as_mut()
    }

    fn close(&mut self, key: usize) {
        if let Some(peer) = self.peers.get_mut(key).and_then(Option::take) {
            // The peer may be gone already.
            let _closed = peer.socket.shutdown(Shutdown::Both);
            self.free.push(key);
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // That connection ended before it was accepted.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let key = self.free.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            self.poller.watch(&socket, key)?;
            self.generation += 1;
            let peer = Peer { socket, request: Message::default(), due: None, generation: self.generation };
            if let Some(place) = self.peers.get_mut(key) {
                *place = Some(peer);
            }
        }
    }

    /// Reads what came; a complete request is answered, or put off for its delay.
    fn read(&mut self, key: usize) -> io::Result<()> {
        let Some(peer) = self.peers.get_mut(key).and_then(Option::as_mut) else { return Ok(()) };
        let count = match peer.socket.read(&mut self.scratch) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let bytes = self.scratch.get(..count).unwrap_or_default();
        peer.request.feed(bytes).map_err(io::Error::other)?;
        if !peer.request.is_done() {
            return Ok(());
        }
        if peer.request.head().starts_with(b"GET /count ") {
            let body = self.answered.to_string();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            peer.request.clear();
            return write_whole(&mut peer.socket, answer.as_bytes());
        }
        let body = peer.request.body();
        let dialect = dialect(peer.request.head());
        // Google has the model in the address, and there too whether events are wanted.
        let (named, is_stream) = match dialect {
            Dialect::Gemini => {
                let head = peer.request.head();
                (head, memmem::find(head, b":streamGenerateContent").is_some())
            }
            _ => (body, script::is_true(body, "stream")),
        };
        let behaviour =
            Behaviour::find(named).filter(|behaviour| self.answers.contains_key(&(dialect, *behaviour)));
        let Some(behaviour) = behaviour else {
            peer.request.clear();
            return write_whole(&mut peer.socket, BAD_REQUEST);
        };
        let stream = is_stream.then(|| script::is_true(body, "include_usage"));
        peer.request.clear();
        peer.due = Some(Due { dialect, behaviour, stream, written: 0 });
        let now = Instant::now();
        if behaviour.delay_ms == 0 {
            return self.write(key, now);
        }
        let at = now + Duration::from_millis(behaviour.delay_ms.into());
        self.timers.push(Reverse((at, key, peer.generation)));
        Ok(())
    }

    /// Writes what is due at `at`.
    fn write(&mut self, key: usize, at: Instant) -> io::Result<()> {
        let Some(peer) = self.peers.get_mut(key).and_then(Option::as_mut) else { return Ok(()) };
        let Some(mut due) = peer.due.take() else { return Ok(()) };
        let Some(answers) = self.answers.get(&(due.dialect, due.behaviour)) else { return Ok(()) };
        let [without_usage, with_usage] = &answers.streams;
        let writes = match due.stream {
            None => std::slice::from_ref(&answers.plain),
            Some(false) => without_usage,
            Some(true) => with_usage,
        };
        write_whole(&mut peer.socket, writes.get(due.written).map_or(&[], Vec::as_slice))?;
        due.written += 1;
        if due.written >= writes.len() {
            self.answered += 1;
            return Ok(());
        }
        peer.due = Some(due);
        // Counted from when it was due, so that a late write does not make all later ones late.
        let next = at + Duration::from_millis(answers.behaviour.pace_ms.into());
        self.timers.push(Reverse((next, key, peer.generation)));
        Ok(())
    }
}

/// The protocol of a request.
fn dialect(head: &[u8]) -> Dialect {
    if head.starts_with(b"POST /v1/messages ") {
        Dialect::Messages
    } else if head.starts_with(b"POST /v1beta/") {
        Dialect::Gemini
    } else {
        Dialect::Chat
    }
}

/// Writes everything at once. An answer fits into the socket's buffer many times over: one that does not, because
/// nobody reads, ends the connection, which the client counts as a failure.
fn write_whole(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    if socket.write(bytes)? == bytes.len() { Ok(()) } else { Err(ErrorKind::WriteZero.into()) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sockets::free_address;
    use crate::targets::get;
    use crate::way::Way;

    /// The address of a simulator that runs until the test's process ends.
    pub(crate) fn started() -> SocketAddr {
        let address = free_address().unwrap();
        std::thread::spawn(move || serve(address, Waiting::Sleep));
        while TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        address
    }

    fn ask(address: SocketAddr, body: &str) -> Message {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all(&script::request(Dialect::Chat, "bench", &[], body)).unwrap();
        let mut answer = Message::default();
        let mut bytes = [0; 4096];
        while !answer.is_done() {
            let count = socket.read(&mut bytes).unwrap();
            assert!(count > 0, "the simulator closed the connection");
            answer.feed(&bytes[..count]).unwrap();
        }
        answer
    }

    #[test]
    fn usage_comes_in_a_stream_for_those_who_ask() {
        let address = started();
        let model = Behaviour { delay_ms: 0, pace_ms: 0 }.model();
        let usages = |options: &str| {
            let body = format!(r#"{{"model":"{model}","stream":true{options}}}"#);
            let answer = ask(address, &body);
            String::from_utf8(answer.body().to_vec()).unwrap().matches("total_tokens").count()
        };
        assert_eq!(usages(""), 0);
        assert_eq!(usages(r#","stream_options":{"include_usage":true}"#), 1);
    }

    #[test]
    fn calls_are_counted_and_what_names_no_behaviour_is_refused() {
        let address = started();
        let count = || get(address, "/count").unwrap().1;
        assert_eq!(count(), "0");
        let now = Behaviour { delay_ms: 0, pace_ms: 0 };
        ask(address, &script::body(Way::ChatToChat, crate::cell::Shape::Plain170, now));
        assert_eq!(ask(address, r#"{"model":"other"}"#).status(), Some(400));
        assert_eq!(count(), "1");
    }
}
