//! The same course of an answer for dialects whose errors, events or content types are not those of OpenAI's chat
//! completions. What a dialect sends where a script breaks it stands in its [`Dialect`].

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use super::{Fault, HTML, PAGE, Send, first_half, headers, push_rest, push_wait, set_content_type};
use crate::demo::{Counted, DemoAnswer};
use crate::rejected::Rejected;
use crate::script::{Place, Script};

/// OpenAI's errors, and events with a list of choices.
pub(crate) const OPENAI: Dialect = Dialect {
    stream: "text/event-stream; charset=utf-8",
    refusal: |status| (Rejected::scripted(status).body(), Vec::new()),
    broken: |_| b"data: {\"id\":\"broken\",\"choices\":[{\"index\":0,\n\n".to_vec(),
    failure: |_| {
        let error = Rejected::scripted(StatusCode::INTERNAL_SERVER_ERROR).body();
        [b"data: ".as_slice(), &error, b"\n\n"].concat()
    },
};

/// What a dialect sends where a script breaks an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// The content type of a stream.
    pub(crate) stream: &'static str,
    /// A provider's refusal with this status: its document, and its headers beside the content type.
    pub(crate) refusal: fn(StatusCode) -> Refusal,
    /// A stream's event that cannot be read.
    pub(crate) broken: fn(Position) -> Vec<u8>,
    /// A stream's event that says that the answer failed.
    pub(crate) failure: fn(Position) -> Vec<u8>,
}

/// A refusal: document and headers.
pub(crate) type Refusal = (Vec<u8>, Vec<(HeaderName, HeaderValue)>);

/// Where in a stream an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    First,
    Later,
}

/// An event of a stream.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) bytes: Vec<u8>,
    /// By how many tokens it lengthens the answer, if it is a content delta.
    pub(crate) tokens: Option<u64>,
}

impl Event {
    /// An event that frames others.
    pub(crate) fn frame(bytes: Vec<u8>) -> Self {
        Event { bytes, tokens: None }
    }

    /// A content delta.
    pub(crate) fn content(bytes: Vec<u8>, tokens: u64) -> Self {
        Event { bytes, tokens: Some(tokens) }
    }
}

impl Dialect {
    /// The answer that a script gives whatever was asked, to a prompt of so many tokens; `None` when it wants a real
    /// one.
    pub(crate) fn regardless(&self, script: &Script, input: u64) -> Option<DemoAnswer> {
        if script.garbage {
            let status = script.status.unwrap_or(StatusCode::OK);
            let mut answer = super::plain(&quiet(script), status, PAGE.to_vec(), (input, 0));
            set_content_type(&mut answer, HTML);
            return Some(answer);
        }
        if script.empty {
            let status = script.status.unwrap_or(StatusCode::OK);
            return Some(super::plain(&quiet(script), status, Vec::new(), (input, 0)));
        }
        script.status.map(|status| self.refused(script, status, (self.refusal)(status)))
    }

    /// An answer that refuses.
    pub(crate) fn refused(
        &self,
        script: &Script,
        status: StatusCode,
        (body, headers): Refusal,
    ) -> DemoAnswer {
        let mut answer = super::plain(&quiet(script), status, body, (0, 0));
        answer.headers.extend(headers);
        answer
    }

    /// An answer in one JSON document. `tokens`: those of the prompt and of the answer.
    pub(crate) fn plain(&self, script: &Script, body: Vec<u8>, tokens: (u64, u64)) -> DemoAnswer {
        if script.error_event.is_some() {
            let (body, headers) = (self.refusal)(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = super::plain(&quiet(script), StatusCode::OK, body, (tokens.0, 0));
            answer.headers.extend(headers);
            return answer;
        }
        super::plain(script, StatusCode::OK, body, tokens)
    }

    /// An answer in one document of another type.
    pub(crate) fn document(
        &self,
        script: &Script,
        content_type: &'static str,
        body: Vec<u8>,
        tokens: (u64, u64),
    ) -> DemoAnswer {
        let mut answer = self.plain(script, body, tokens);
        if script.error_event.is_none() && !script.wrong_content_type {
            set_content_type(&mut answer, HeaderValue::from_static(content_type));
        }
        answer
    }

    /// An answer in events, to a prompt of so many tokens. The place 0 of a script is ahead of the first content
    /// delta, and behind an event that opens the answer.
    pub(crate) fn stream(&self, script: &Script, events: Vec<Event>, input: u64) -> DemoAnswer {
        let fault = Fault::of(script);
        let mut sends: Vec<Send> = Vec::with_capacity(events.len() + 1);
        let (mut deltas, mut output) = (0, 0);
        let opens = events.first().is_some_and(|event| event.tokens.is_none());
        let mut ended = !opens && self.interrupts(script, fault, 0, &mut sends, 0);
        for (at, event) in events.into_iter().enumerate() {
            if ended {
                break;
            }
            let content = event.tokens.is_some();
            deltas += usize::from(content);
            output += event.tokens.unwrap_or(0);
            sends.push(Send { bytes: Bytes::from(event.bytes), output });
            if content || at == 0 {
                ended = self.interrupts(script, fault, deltas, &mut sends, output);
            }
        }
        if let Some((Place::Body, _)) = fault {
            sends = first_half(sends);
        }
        let mut steps = Vec::with_capacity(sends.len() + 1);
        push_wait(&mut steps, script.slow_head);
        let output = push_rest(&mut steps, script, script.delay, sends, fault);
        let headers = headers(script, HeaderValue::from_static(self.stream));
        let counted = Counted { input, output };
        DemoAnswer { status: StatusCode::OK, headers, length: None, steps, counted }
    }

    /// Appends what a script wants after so many deltas. Whether nothing follows it.
    fn interrupts(
        &self,
        script: &Script,
        fault: Option<(Place, Fault)>,
        deltas: usize,
        sends: &mut Vec<Send>,
        output: u64,
    ) -> bool {
        let position = |sends: &[Send]| if sends.is_empty() { Position::First } else { Position::Later };
        if script.malformed == Some(deltas) {
            sends.push(Send { bytes: Bytes::from((self.broken)(position(sends))), output });
        }
        if script.error_event == Some(deltas) {
            sends.push(Send { bytes: Bytes::from((self.failure)(position(sends))), output });
            return true;
        }
        matches!(fault, Some((Place::After(count), _)) if count == deltas)
    }
}

/// The script without the error document of OpenAI's shape, whose place a dialect's own takes.
fn quiet(script: &Script) -> Script {
    Script { error_event: None, ..script.clone() }
}
