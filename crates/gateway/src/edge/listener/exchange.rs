//! One request and its answer, on the connection's side: what every answer gets, whatever the handler says,
//! and the body that keeps the connection awake until it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};

use super::executor::{Touch, touched};
use super::pulse::Beat;
use super::{ListenerSettings, Peer};
use crate::edge::body::{Body, BodyError};
use crate::edge::drain::{Drain, Phase};
use crate::edge::headers::{self, Page};

/// What an answer needs to know of its request.
pub(super) struct Terms {
    version: Version,
    /// Whether only the head of the answer is wanted.
    head_only: bool,
    page: Page,
    tls: bool,
    origin: Option<HeaderValue>,
    /// The answer itself, when the request is a question about CORS.
    preflight: Option<http::HeaderMap>,
}

impl Terms {
    pub(super) fn of<B>(request: &Request<B>, peer: Peer, settings: &ListenerSettings) -> Self {
        let path = request.uri().path();
        let scripted = settings.scripted.iter().any(|prefix| path.starts_with(prefix.as_str()));
        let cors = settings.cors.as_ref();
        Terms {
            version: request.version(),
            head_only: request.method() == Method::HEAD,
            page: if scripted { Page::Scripted } else { Page::Data },
            tls: peer.tls,
            origin: cors.and_then(|_| request.headers().get(ORIGIN).cloned()),
            preflight: cors.and_then(|cors| cors.preflight(request.method(), request.headers())),
        }
    }

    /// The answer to a preflight.
    pub(super) fn take_preflight(&mut self) -> Option<Response<Body>> {
        let fields = self.preflight.take()?;
        let mut answer = Response::new(Body::Empty);
        *answer.status_mut() = StatusCode::NO_CONTENT;
        *answer.headers_mut() = fields;
        Some(answer)
    }

    /// Adds to an answer what every answer has.
    pub(super) fn finish(&self, answer: &mut Response<Body>, settings: &ListenerSettings, drain: &Drain) {
        let fields = answer.headers_mut();
        headers::secure(fields, self.page, self.tls);
        if let Some(cors) = &settings.cors {
            cors.permit(self.origin.as_ref(), fields);
        }
        if self.version <= Version::HTTP_11 && drain.phase() >= Phase::Draining {
            fields.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // RFC 9110, section 9.3.2. On HTTP/1.1 hyper leaves the content out; on HTTP/2 it would send it, and the
        // peer would reset the stream.
        if self.head_only && self.version == Version::HTTP_2 {
            if let Some(length) = answer.body().size_hint().exact() {
                answer.headers_mut().entry(CONTENT_LENGTH).or_insert(HeaderValue::from(length));
            }
            *answer.body_mut() = Body::Empty;
        }
    }
}

/// The most that an HTTP/2 stream is given at once. It buffers what it is given, whatever its peer's window
/// is, and only between two pieces can be seen that the peer does not read.
const PIECE: usize = 64 << 10;

/// The body of an answer on its way. While it exists the exchange counts.
pub(super) struct ExchangeBody {
    body: Body,
    /// What is left of a frame that is handed over in pieces.
    rest: Bytes,
    in_pieces: bool,
    _beat: Beat,
}

impl ExchangeBody {
    pub(super) fn new(body: Body, terms: &Terms, beat: Beat) -> Self {
        ExchangeBody { body, rest: Bytes::new(), in_pieces: terms.version == Version::HTTP_2, _beat: beat }
    }

    /// Hands over the next piece of a frame, or a frame that is small enough as it is.
    fn piece(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.into_data() {
            Ok(mut data) if self.in_pieces && data.len() > PIECE => {
                self.rest = data.split_off(PIECE);
                Frame::data(data)
            }
            Ok(data) => Frame::data(data),
            Err(trailers) => trailers,
        }
    }
}

impl http_body::Body for ExchangeBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if !self.rest.is_empty() {
            touched(Touch::Gave);
            let rest = Frame::data(std::mem::take(&mut self.rest));
            return Poll::Ready(Some(Ok(self.piece(rest))));
        }
        let outcome = Pin::new(&mut self.body).poll_frame(cx);
        touched(if outcome.is_pending() { Touch::Waits } else { Touch::Gave });
        outcome.map_ok(|frame| self.piece(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let body = self.body.size_hint();
        let mut whole = SizeHint::new();
        if let Some(upper) = body.upper() {
            whole.set_upper(upper + rest);
        }
        whole.set_lower(body.lower() + rest);
        whole
    }
}
