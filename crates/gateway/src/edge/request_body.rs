//! Reads a request body into one buffer, within bounds of size and time, and takes `content-encoding` off.
//!
//! A body that arrives in one frame is handed on without a copy. Encoded bodies are decoded between reads, in
//! slices, with a yield to the runtime after each quarter of a mebibyte: no thread is taken and no other
//! exchange waits for a long decode. No answer is built here; errors are typed.

mod decode;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use decode::{Decoder, Encoding};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

/// What a request body may cost.
#[derive(Clone, Copy, Debug)]
pub struct RequestBodyLimits {
    /// Bytes, both as received and after decoding.
    pub size: usize,
    /// Between two reads.
    pub read_timeout: Duration,
    /// For the whole body; what stops a body that drips.
    pub total_timeout: Duration,
    /// How many times longer than received a body may become by decoding, once it is longer than a mebibyte.
    pub expansion: usize,
}

/// Why a request body was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestBodyError {
    /// Longer than the limit, announced or received, encoded or decoded.
    #[error("the request body is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Decoding makes it so much longer that it can only be meant as a bomb.
    #[error("the request body expands more than {limit} times when decoded")]
    Expands {
        /// The largest allowed ratio.
        limit: usize,
    },
    /// The peer was too slow.
    #[error("the request body did not arrive in time")]
    Slow,
    /// An encoding that is not identity, gzip or zstd, or more than one of them.
    #[error("the content-encoding {encoding:?} is not supported; use gzip, zstd or none")]
    UnsupportedEncoding {
        /// What was asked for, cut to a printable length.
        encoding: String,
    },
    /// The bytes are not what `content-encoding` says, or stop too early.
    #[error("the request body is not valid {encoding}")]
    Corrupt {
        /// The encoding that was announced.
        encoding: &'static str,
    },
    /// The peer went away or broke HTTP before the end of the body.
    #[error("the connection failed before the end of the request body")]
    Interrupted(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads `body`, whose request had `headers`.
///
/// # Errors
/// See [`RequestBodyError`]. An announced length above the limit and an unknown encoding are refused before
/// anything is read.
pub async fn read<B>(
    headers: &HeaderMap,
    body: B,
    limits: &RequestBodyLimits,
) -> Result<Bytes, RequestBodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let encoding = Encoding::of(headers)?;
    // For a received request the lower bound is the Content-Length.
    if body.size_hint().lower() > limits.size as u64 {
        return Err(RequestBodyError::TooLarge { limit: limits.size });
    }
    let frames = Reader { body, left: limits.size, limits, deadline: Instant::now() + limits.total_timeout };
    match encoding {
        None => collect(frames).await,
        Some(encoding) => decode(frames, encoding, limits).await,
    }
}

/// Reads frames within the limits.
struct Reader<'a, B> {
    body: B,
    left: usize,
    limits: &'a RequestBodyLimits,
    deadline: Instant,
}

impl<B> Reader<'_, B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// The next piece that is not empty; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, RequestBodyError> {
        loop {
            if self.body.is_end_stream() {
                return Ok(None);
            }
            let now = Instant::now();
            // A body that is always ready, with nothing in it, never waits.
            if now >= self.deadline {
                return Err(RequestBodyError::Slow);
            }
            let until = self.deadline.min(now + self.limits.read_timeout);
            let Ok(frame) = timeout_at(until, self.body.frame()).await else {
                return Err(RequestBodyError::Slow);
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| RequestBodyError::Interrupted(error.into()))?;
            // Trailers say nothing that we use.
            let Ok(data) = frame.into_data() else { continue };
            self.left = self
                .left
                .checked_sub(data.len())
                .ok_or(RequestBodyError::TooLarge { limit: self.limits.size })?;
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }
}

async fn collect<B>(mut frames: Reader<'_, B>) -> Result<Bytes, RequestBodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Some(first) = frames.next().await? else { return Ok(Bytes::new()) };
    let Some(second) = frames.next().await? else { return Ok(first) };
    let have = first.len() + second.len();
    // What is announced is at most the limit. It is reserved at once only up to a bound: an announcement
    // costs the peer nothing.
    let announced = usize::try_from(frames.body.size_hint().lower()).unwrap_or(0).min(1 << 20);
    let mut whole = BytesMut::with_capacity(have + announced);
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    drop((first, second));
    while let Some(piece) = frames.next().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

async fn decode<B>(
    mut frames: Reader<'_, B>,
    encoding: Encoding,
    limits: &RequestBodyLimits,
) -> Result<Bytes, RequestBodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Encoded bytes given to the decoder at once: at the ratio of deflate they become a mebibyte at most.
    const SLICE: usize = 1 << 10;
    /// Decoded bytes between two yields.
    const BURST: usize = 1 << 18;

    let Some(mut piece) = frames.next().await? else { return Ok(Bytes::new()) };
    let mut decoder = Decoder::new(encoding, limits)?;
    let mut yielded_at = 0;
    loop {
        for slice in piece.chunks(SLICE) {
            decoder.feed(slice)?;
            if decoder.produced() - yielded_at >= BURST {
                yielded_at = decoder.produced();
                tokio::task::yield_now().await;
            }
        }
        match frames.next().await? {
            Some(next) => piece = next,
            None => return decoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests;
