//! From a finished body and a script to the steps of an answer: waits, cuts, hangs, splits. What the body says is
//! decided elsewhere.

pub(crate) mod dialect;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::demo::{Counted, DemoAnswer, Step};
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
    /// Where each event ends, and by how many tokens it lengthens the answer if it is a content delta.
    marks: Vec<(usize, Option<u64>)>,
    /// What a script's malformed event is in this dialect; chat's where there is none.
    pub(crate) broken: Option<Bytes>,
    /// What a script's error object is in this dialect; chat's where there is none.
    pub(crate) error: Option<Bytes>,
}

/// A write.
#[derive(Clone, Debug)]
struct Send {
    bytes: Bytes,
    /// The tokens of all text that is complete with it.
    output: u64,
}

impl Events {
    /// With room for so many events of so many bytes.
    pub(crate) fn with_capacity(events: usize, bytes: usize) -> Self {
        Events { bytes: Vec::with_capacity(bytes), marks: Vec::with_capacity(events), ..Events::default() }
    }

    /// Ends the event that was written to `bytes` last. `tokens`: of a content delta, by how many it lengthens the
    /// answer.
    pub(crate) fn end(&mut self, tokens: Option<u64>) {
        self.bytes.extend_from_slice(b"\n\n");
        self.marks.push((self.bytes.len(), tokens));
    }

    /// One write per event, and whether it is a content delta.
    fn into_sends(self) -> Vec<(Send, bool)> {
        let whole = Bytes::from(self.bytes);
        let (mut start, mut output) = (0, 0);
        let mut sends = Vec::with_capacity(self.marks.len());
        for (end, tokens) in self.marks {
            output += tokens.unwrap_or(0);
            sends.push((Send { bytes: whole.slice(start..end), output }, tokens.is_some()));
            start = end;
        }
        sends
    }
}

/// The answer that a script gives whatever was asked, to a prompt of so many tokens; `None` when it wants a real
/// one.
pub(crate) fn regardless(script: &Script, input: u64) -> Option<DemoAnswer> {
    if script.garbage {
        let status = script.status.unwrap_or(StatusCode::OK);
        let mut answer = plain(script, status, PAGE.to_vec(), (input, 0));
        set_content_type(&mut answer, HTML);
        return Some(answer);
    }
    if script.empty {
        return Some(plain(script, script.status.unwrap_or(StatusCode::OK), Vec::new(), (input, 0)));
    }
    if let Some(status) = script.status {
        return Some(error(script, status, Rejected::scripted(status).body()));
    }
    None
}

/// An answer that refuses.
pub(crate) fn error(script: &Script, status: StatusCode, body: Vec<u8>) -> DemoAnswer {
    plain(script, status, body, (0, 0))
}

/// An answer in one JSON document. `tokens`: those of the prompt and of the answer.
pub(crate) fn plain(
    script: &Script,
    status: StatusCode,
    mut body: Vec<u8>,
    (input, mut output): (u64, u64),
) -> DemoAnswer {
    if script.error_event.is_some() {
        body = Rejected::scripted(StatusCode::INTERNAL_SERVER_ERROR).body();
        output = 0;
    }
    if script.malformed.is_some() {
        body.truncate(body.len() / 2);
        output = 0;
    }
    let length = u64::try_from(body.len()).ok();
    let fault = Fault::of(script);
    let place = fault.map(|(place, _)| if place == Place::Head { Place::Head } else { Place::Body });
    let sends = if body.is_empty() { Vec::new() } else { vec![Send { bytes: Bytes::from(body), output }] };
    let sends = match place {
        Some(Place::Body | Place::After(_)) => first_half(sends),
        Some(Place::Head) | None => sends,
    };
    let mut steps = Vec::with_capacity(sends.len() + 1);
    push_wait(&mut steps, script.slow_head);
    push_wait(&mut steps, script.delay);
    let counted = push_rest(&mut steps, script, Duration::ZERO, sends, fault);
    let counted = if status.is_success() { Counted { input, output: counted } } else { Counted::default() };
    DemoAnswer { status, headers: headers(script, JSON), length, steps, counted }
}

/// An answer in events, to a prompt of so many tokens.
pub(crate) fn stream(script: &Script, mut events: Events, input: u64) -> DemoAnswer {
    let fault = Fault::of(script);
    let broken = events.broken.take().unwrap_or(Bytes::from_static(BROKEN_EVENT));
    let error = events.error.take().unwrap_or_else(error_event);
    let mut sends = Vec::with_capacity(events.marks.len() + 1);
    let mut deltas = 0;
    for (at, (send, content)) in events.into_sends().into_iter().enumerate() {
        deltas += usize::from(content);
        let output = send.output;
        sends.push(send);
        // The first event says the role; place 0 is right after it.
        if !content && at > 0 {
            continue;
        }
        if script.malformed == Some(deltas) {
            sends.push(Send { bytes: broken.clone(), output });
        }
        if script.error_event == Some(deltas) {
            sends.push(Send { bytes: error, output });
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
    let output = push_rest(&mut steps, script, script.delay, sends, fault);
    let counted = Counted { input, output };
    DemoAnswer { status: StatusCode::OK, headers: headers(script, EVENTS), length: None, steps, counted }
}

/// Chat's error object in a stream.
fn error_event() -> Bytes {
    let mut event = b"data: ".to_vec();
    event.extend_from_slice(&Rejected::scripted(StatusCode::INTERNAL_SERVER_ERROR).body());
    event.extend_from_slice(b"\n\n");
    Bytes::from(event)
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

/// Appends the head, the writes and the fault. Returns the tokens that are complete with each write.
fn push_rest(
    steps: &mut Vec<Step>,
    script: &Script,
    delay: Duration,
    sends: Vec<Send>,
    fault: Option<(Place, Fault)>,
) -> Vec<u64> {
    if let Some((Place::Head, fault)) = fault {
        steps.push(fault.step());
        return Vec::new();
    }
    steps.push(Step::Head);
    push_wait(steps, delay);
    let sends = match script.raw_split {
        Some(size) => split(&sends, size),
        None => sends,
    };
    let mut output = Vec::with_capacity(sends.len());
    for (at, send) in sends.into_iter().enumerate() {
        if at > 0 {
            push_wait(steps, script.gap);
        }
        steps.push(Step::Send(send.bytes));
        output.push(send.output);
    }
    if let Some((_, fault)) = fault {
        steps.push(fault.step());
    }
    output
}

fn push_wait(steps: &mut Vec<Step>, time: Duration) {
    if !time.is_zero() {
        steps.push(Step::Wait(time));
    }
}

fn first_half(sends: Vec<Send>) -> Vec<Send> {
    let mut left = sends.iter().map(|send| send.bytes.len()).sum::<usize>() / 2;
    let mut kept: Vec<Send> = Vec::with_capacity(sends.len());
    for send in sends {
        if left == 0 {
            break;
        }
        let bytes = send.bytes.slice(..send.bytes.len().min(left));
        left -= bytes.len();
        let before = kept.last().map_or(0, |send| send.output);
        let output = if bytes.len() == send.bytes.len() { send.output } else { before };
        kept.push(Send { bytes, output });
    }
    kept
}

fn split(sends: &[Send], size: usize) -> Vec<Send> {
    let mut whole = BytesMut::new();
    let mut ends = Vec::with_capacity(sends.len());
    for send in sends {
        whole.extend_from_slice(&send.bytes);
        ends.push((whole.len(), send.output));
    }
    let (mut whole, mut sent, mut complete) = (whole.freeze(), 0, 0);
    let mut ends = ends.into_iter().peekable();
    let mut parts = Vec::with_capacity(whole.len() / size + 1);
    while !whole.is_empty() {
        let bytes = whole.split_to(size.min(whole.len()));
        sent += bytes.len();
        while let Some((_, output)) = ends.next_if(|(end, _)| *end <= sent) {
            complete = output;
        }
        parts.push(Send { bytes, output: complete });
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
