//! The socket as the HTTP machinery sees it. Adds what that machinery lacks: a limit on writes that make no
//! progress, note of arriving bytes, and the security headers on the bare refusals that it sends by itself
//! when a request head cannot be parsed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::HeaderMap;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::Counters;
use super::pulse::Pulse;
use crate::edge::headers::{self, Page};

/// A socket under watch.
pub(super) struct Watched<S> {
    socket: S,
    pulse: Arc<Pulse>,
    counters: Arc<Counters>,
    write_timeout: Duration,
    /// Made when a write first waits and kept from then on.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether a write waits. A write that succeeds only clears this; the timer is not touched.
    waiting: bool,
    tls: bool,
    /// A refusal that is going out in place of a bare one.
    refusal: Option<Refusal>,
}

struct Refusal {
    bytes: Vec<u8>,
    sent: usize,
}

impl<S> Watched<S> {
    pub(super) fn new(
        socket: S,
        tls: bool,
        pulse: Arc<Pulse>,
        counters: Arc<Counters>,
        write_timeout: Duration,
    ) -> Self {
        Watched { socket, pulse, counters, write_timeout, timer: None, waiting: false, tls, refusal: None }
    }

    /// Passes on the outcome of a write, and turns one that waited too long into an error.
    fn judge<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = false;
            return outcome;
        }
        let write_timeout = self.write_timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + write_timeout);
        }
        ready!(timer.as_mut().poll(cx));
        self.counters.slow_readers.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }

    /// Recognises a refusal that the HTTP machinery made by itself, and dresses it. The head of an answer of
    /// ours is longer, by the headers that are missing here; a body that is not all handed over keeps its
    /// exchange open.
    fn dress(&mut self, bytes: &[u8]) {
        let bare = self.pulse.is_between()
            && bytes.len() < 256
            && bytes.starts_with(b"HTTP/1.1 4")
            && bytes.ends_with(b"\r\n\r\n")
            && memmem::find(bytes, b"\r\ncontent-length: 0\r\n").is_some();
        let Some(head) = bytes.strip_suffix(b"\r\n").filter(|_| bare) else { return };
        let mut dressed = head.to_vec();
        let mut fields = HeaderMap::new();
        headers::secure(&mut fields, Page::Data, self.tls);
        for (name, value) in &fields {
            dressed.extend_from_slice(name.as_str().as_bytes());
            dressed.extend_from_slice(b": ");
            dressed.extend_from_slice(value.as_bytes());
            dressed.extend_from_slice(b"\r\n");
        }
        dressed.extend_from_slice(b"\r\n");
        self.refusal = Some(Refusal { bytes: dressed, sent: 0 });
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    /// Writes one buffer, or the refusal that stands for it; the refusal counts as the whole buffer once it
    /// is out.
    fn write_one(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.refusal.is_none() {
            self.dress(bytes);
        }
        while let Some(refusal) = &mut self.refusal {
            let rest = refusal.bytes.get(refusal.sent..).unwrap_or_default();
            if rest.is_empty() {
                self.refusal = None;
                return Poll::Ready(Ok(bytes.len()));
            }
            refusal.sent += ready!(Pin::new(&mut self.socket).poll_write(cx, rest))?;
        }
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.pulse.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = this.write_one(cx, bytes);
        this.judge(cx, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = match slices {
            [only] => this.write_one(cx, only),
            _ => Pin::new(&mut this.socket).poll_write_vectored(cx, slices),
        };
        this.judge(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.socket).poll_flush(cx);
        this.judge(cx, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.socket).poll_shutdown(cx);
        this.judge(cx, outcome)
    }
}
