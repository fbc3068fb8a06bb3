//! Plays the steps of one answer: what stands before the head while the response is awaited, the rest as the
//! response's body.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec::IntoIter;

use bytes::Bytes;
use flyball_demo::{Demo, DemoRequest, Step};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::{Counters, ScriptedCut};

/// How long a cut waits so that what was sent before it reaches the socket.
const FLUSH: Duration = Duration::from_millis(2);

/// Where the counts are told to other processes; it is not counted itself.
const COUNTED: &str = "/counted";

/// Counts a request once, however it ends.
struct Counted {
    counters: Arc<Counters>,
    played: bool,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let counter = if self.played { &self.counters.completed } else { &self.counters.cancelled };
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

/// Answers one request. An error means that the connection breaks without an answer.
pub(super) async fn answer(
    request: Request<Incoming>,
    demo: Arc<Demo>,
    counters: Arc<Counters>,
) -> Result<Response<Playing>, ScriptedCut> {
    if request.uri().path() == COUNTED {
        return Ok(told(&counters));
    }
    counters.started.fetch_add(1, Ordering::SeqCst);
    let mut counted = Counted { counters, played: false };
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Err(ScriptedCut) };
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let answer = demo.answer(DemoRequest {
        method: head.method.as_str(),
        path,
        headers: &head.headers,
        body: body.to_bytes(),
    });
    counted.counters.calls.fetch_add(1, Ordering::SeqCst);
    counted.counters.input_tokens.fetch_add(answer.counted.input, Ordering::SeqCst);
    let output = answer.counted.output.into_iter();
    let mut steps = answer.steps.into_iter();
    loop {
        match steps.next() {
            Some(Step::Wait(time)) => sleep(time).await,
            Some(Step::Head) => break,
            Some(Step::Cut | Step::Send(_)) | None => {
                counted.played = true;
                return Err(ScriptedCut);
            }
        }
    }
    let left =
        steps.as_slice().iter().map(|step| if let Step::Send(bytes) = step { size(bytes) } else { 0 }).sum();
    let mut response =
        Response::new(Playing { steps, output, told: 0, waiting: None, cutting: false, left, counted });
    *response.status_mut() = answer.status;
    response.headers_mut().extend(answer.headers);
    // The announced length is that of the whole body, so that a cut shows as a body that is too short.
    if let Some(length) = answer.length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

/// What a provider would bill so far, and what happened, as one JSON document.
fn told(counters: &Counters) -> Response<Playing> {
    let (counted, counts) = (counters.counted(), counters.counts());
    let document = serde_json::json!({
        "calls": counted.calls,
        "input_tokens": counted.input_tokens,
        "output_tokens": counted.output_tokens,
        "started": counts.started,
        "completed": counts.completed,
        "cancelled": counts.cancelled,
    });
    let body = Bytes::from(document.to_string());
    Response::new(Playing {
        left: size(&body),
        steps: vec![Step::Send(body)].into_iter(),
        output: Vec::new().into_iter(),
        told: 0,
        waiting: None,
        cutting: false,
        counted: Counted { counters: Arc::default(), played: true },
    })
}

fn size(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The body of a response: the steps after the head.
pub(super) struct Playing {
    steps: IntoIter<Step>,
    /// The tokens that are complete with each write.
    output: IntoIter<u64>,
    /// Those that were counted.
    told: u64,
    waiting: Option<Pin<Box<Sleep>>>,
    cutting: bool,
    /// The bytes that are still to be sent.
    left: u64,
    counted: Counted,
}

impl Body for Playing {
    type Data = Bytes;
    type Error = ScriptedCut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ScriptedCut>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                if waiting.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.waiting = None;
            }
            if self.cutting {
                self.counted.played = true;
                return Poll::Ready(Some(Err(ScriptedCut)));
            }
            match self.steps.next() {
                Some(Step::Wait(time)) => self.waiting = Some(Box::pin(sleep(time))),
                Some(Step::Head) => {}
                Some(Step::Cut) => {
                    self.cutting = true;
                    let mut flush = Box::pin(sleep(FLUSH));
                    if flush.as_mut().poll(context).is_ready() {
                        // However late it is: what was sent is flushed only when this has been pending once.
                        context.waker().wake_by_ref();
                    }
                    self.waiting = Some(flush);
                    return Poll::Pending;
                }
                Some(Step::Send(bytes)) => {
                    self.left = self.left.saturating_sub(size(&bytes));
                    let complete = self.output.next().unwrap_or(self.told);
                    let new = complete - self.told;
                    self.told = complete;
                    self.counted.counters.output_tokens.fetch_add(new, Ordering::SeqCst);
                    self.counted.played = self.steps.as_slice().is_empty();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                None => {
                    self.counted.played = true;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.as_slice().is_empty() && self.waiting.is_none() && !self.cutting
    }

    fn size_hint(&self) -> SizeHint {
        // Exact only where nothing but bytes is to come: a body that ends in a cut has no length to rely on.
        if self.steps.as_slice().iter().all(|step| matches!(step, Step::Send(_))) && !self.cutting {
            SizeHint::with_exact(self.left)
        } else {
            SizeHint::default()
        }
    }
}
