//! The body of every answer. Three forms, so that the usual ones (nothing, one buffer) need no allocation and
//! tell their exact size. What is in a body, and how a stream is framed, is decided elsewhere.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Why a streamed answer could not be finished. HTTP has no word for it after the first byte, so the
/// connection (HTTP/1.1) or the stream (HTTP/2) is reset.
#[derive(Debug, thiserror::Error)]
#[error("the answer could not be finished: {source}")]
pub struct BodyError {
    source: Box<dyn Error + Send + Sync>,
}

impl BodyError {
    /// Wraps the cause. It is logged and never shown to the caller.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        BodyError { source: source.into() }
    }
}

/// A source of frames that a [`Body`] streams.
pub type Frames = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>;

/// The body of an answer.
pub enum Body {
    /// No bytes at all.
    Empty,
    /// One buffer; `None` once it was handed out.
    Full(Option<Bytes>),
    /// Frames as they come.
    Stream(Frames),
}

impl Body {
    /// A body of one buffer. An empty buffer is an empty body.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Body::Empty } else { Body::Full(Some(bytes)) }
    }

    /// A body that is produced while it is sent. It is not polled while the peer does not read.
    pub fn stream(frames: impl http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Body::Stream(Box::pin(frames))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The content stays out of logs.
        match self {
            Body::Empty => f.write_str("Empty"),
            Body::Full(bytes) => write!(f, "Full({} bytes)", bytes.as_ref().map_or(0, Bytes::len)),
            Body::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body::full(bytes)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Body::Empty => Poll::Ready(None),
            Body::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Stream(frames) => frames.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_none(),
            Body::Stream(frames) => frames.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Empty => SizeHint::with_exact(0),
            Body::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Stream(frames) => frames.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[test]
    fn sizes_are_exact_before_and_after_the_bytes_are_taken() {
        assert_eq!(Body::Empty.size_hint().exact(), Some(0));
        assert!(Body::full(Bytes::new()).is_end_stream());
        let mut body = Body::full("four");
        assert_eq!(body.size_hint().exact(), Some(4));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) else {
            panic!("a full body has its frame ready");
        };
        assert_eq!(frame.into_data().ok().as_deref(), Some(&b"four"[..]));
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(body.is_end_stream());
    }

    #[test]
    fn a_stream_passes_on_what_its_source_says() {
        let body = Body::stream(Full::new(Bytes::from_static(b"abc")).map_err(|never| match never {}));
        assert_eq!(body.size_hint().exact(), Some(3));
        assert_eq!(format!("{body:?}"), "Stream");
    }
}
