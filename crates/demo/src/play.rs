//! From a finished body and a script to the steps of an answer: waits, cuts, hangs, splits. What the body says is
//! decided elsewhere.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::demo::{DemoAnswer, Step};
use crate::rejected::Rejected;
use crate::script::{Place, Script};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const PAGE: &[u8] = b"<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n";
const BROKEN_EVENT: &[u8] = b"data: {\"id\":\"chatcmpl-broken\",\"choices\":[{\"index\":0,\n\n";

/// The events of a stream, in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) bytes: Vec<u8>,
    /// Where each event ends, and whether it is a content delta.
    marks: Vec<(usize, bool)>,
}

impl Events {
    /// With room for so many events of so many bytes.
    pub(crate) fn with_capacity(events: usize, bytes: usize) -> Self {
        Events { bytes: Vec::with_capacity(bytes), marks: Vec::with_capacity(events) }
    }

    /// Ends the event that was written to `bytes` last.
    pub(crate) fn end(&mut self, content: bool) {
        self.bytes.extend_from_slice(b"\n\n");
        self.marks.push((self.bytes.len(), content));
    }

    fn into_pieces(self) -> Vec<(Bytes, bool)> {
        let whole = Bytes::from(self.bytes);
        let mut start = 0;
        let mut pieces = Vec::with_capacity(self.marks.len());
        for (end, content) in self.marks {
            pieces.push((whole.slice(start..end), content));
            start = end;
        }
        pieces
    }
}

/// The answer that a script gives whatever was asked; `None` when it wants a real one.
pub(crate) fn regardless(script: &Script) -> Option<DemoAnswer> {
    if script.garbage {
        let mut answer = plain(script, script.status.unwrap_or(StatusCode::OK), PAGE.to_vec());
        set_content_type(&mut answer, HTML);
        return Some(answer);
    }
    if script.empty {
        return Some(plain(script, script.status.unwrap_or(StatusCode::OK), Vec::new()));
    }
    if let Some(status) = script.status {
        return Some(plain(script, status, Rejected::scripted(status).body()));
    }
    None
}

/// An answer in one JSON document.
pub(crate) fn plain(script: &Script, status: StatusCode, mut body: Vec<u8>) -> DemoAnswer {
    if script.error_event.is_some() {
        body = Rejected::scripted(StatusCode::INTERNAL_SERVER_ERROR).body();
    }
    if script.malformed.is_some() {
        body.truncate(body.len() / 2);
    }
    let length = u64::try_from(body.len()).ok();
    let fault = Fault::of(script);
    let place = fault.map(|(place, _)| if place == Place::Head { Place::Head } else { Place::Body });
    let sends = if body.is_empty() { Vec::new() } else { vec![Bytes::from(body)] };
    let sends = match place {
        Some(Place::Body | Place::After(_)) => first_half(sends),
        Some(Place::Head) | None => sends,
    };
    let mut steps = Vec::with_capacity(sends.len() + 1);
    push_wait(&mut steps, script.slow_head);
    push_wait(&mut steps, script.delay);
    push_rest(&mut steps, script, Duration::ZERO, sends, fault);
    DemoAnswer { status, headers: headers(script, JSON), length, steps }
}

/// An answer in events.
pub(crate) fn stream(script: &Script, events: Events) -> DemoAnswer {
    let fault = Fault::of(script);
    let mut sends = Vec::with_capacity(events.marks.len() + 1);
    let mut deltas = 0;
    for (at, (bytes, content)) in events.into_pieces().into_iter().enumerate() {
        deltas += usize::from(content);
        sends.push(bytes);
        // The first event says the role; place 0 is right after it.
        if !content && at > 0 {
            continue;
        }
        if script.malformed == Some(deltas) {
            sends.push(Bytes::from_static(BROKEN_EVENT));
        }
        if script.error_event == Some(deltas) {
            let mut event = b"data: ".to_vec();
            event.extend_from_slice(&Rejected::scripted(StatusCode::INTERNAL_SERVER_ERROR).body());
            event.extend_from_slice(b"\n\n");
            sends.push(Bytes::from(event));
            break;
        }
        if matches!(fault, Some((Place::After(count), _)) if count == deltas) {
            break;
        }
    }
    if let Some((Place::Body, _)) = fault {
        sends = first_half(sends);
    }
    let mut steps = Vec::with_capacity(sends.len() + 1);
    push_wait(&mut steps, script.slow_head);
    push_rest(&mut steps, script, script.delay, sends, fault);
    DemoAnswer { status: StatusCode::OK, headers: headers(script, EVENTS), length: None, steps }
}

/// How an answer stops short.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Cut,
    Hang,
}

impl Fault {
    fn of(script: &Script) -> Option<(Place, Fault)> {
        let cut = script.cut.map(|place| (place, Fault::Cut));
        cut.or(script.hang.map(|place| (place, Fault::Hang)))
    }

    fn step(self) -> Step {
        match self {
            Fault::Cut => Step::Cut,
            Fault::Hang => Step::Wait(Duration::MAX),
        }
    }
}

/// Appends the head, the writes and the fault.
fn push_rest(
    steps: &mut Vec<Step>,
    script: &Script,
    delay: Duration,
    sends: Vec<Bytes>,
    fault: Option<(Place, Fault)>,
) {
    if let Some((Place::Head, fault)) = fault {
        steps.push(fault.step());
        return;
    }
    steps.push(Step::Head);
    push_wait(steps, delay);
    let sends = match script.raw_split {
        Some(size) => split(&sends, size),
        None => sends,
    };
    for (at, bytes) in sends.into_iter().enumerate() {
        if at > 0 {
            push_wait(steps, script.gap);
        }
        steps.push(Step::Send(bytes));
    }
    if let Some((_, fault)) = fault {
        steps.push(fault.step());
    }
}

fn push_wait(steps: &mut Vec<Step>, time: Duration) {
    if !time.is_zero() {
        steps.push(Step::Wait(time));
    }
}

fn first_half(sends: Vec<Bytes>) -> Vec<Bytes> {
    let mut left = sends.iter().map(Bytes::len).sum::<usize>() / 2;
    let mut kept = Vec::with_capacity(sends.len());
    for bytes in sends {
        if left == 0 {
            break;
        }
        let part = bytes.slice(..bytes.len().min(left));
        left -= part.len();
        kept.push(part);
    }
    kept
}

fn split(sends: &[Bytes], size: usize) -> Vec<Bytes> {
    let mut whole = Bytes::from(sends.concat());
    let mut parts = Vec::with_capacity(whole.len() / size + 1);
    while !whole.is_empty() {
        parts.push(whole.split_to(size.min(whole.len())));
    }
    parts
}

fn headers(script: &Script, content_type: HeaderValue) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::with_capacity(2);
    headers.push((CONTENT_TYPE, if script.wrong_content_type { TEXT } else { content_type }));
    headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    if let Some(seconds) = script.retry_after {
        headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
    }
    if script.status.is_some_and(|status| status.is_redirection()) {
        headers.push((LOCATION, HeaderValue::from_static("http://127.0.0.1:9/elsewhere")));
    }
    headers
}

fn set_content_type(answer: &mut DemoAnswer, content_type: HeaderValue) {
    for (name, value) in &mut answer.headers {
        if *name == CONTENT_TYPE {
            *value = content_type.clone();
        }
    }
}
