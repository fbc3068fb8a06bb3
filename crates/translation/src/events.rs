//! A stream of one dialect's events as one of another's: each event is read, and what it tells is written at once.
//! Framing is not done here: names and data come in, names and data go out. Most events differ from the one before in
//! a few words only: `pattern` spares the reading of these.

mod pattern;

use bytes::Bytes;
use flyball_core::json::{Document, Limits};
use pattern::Pattern;

use crate::reply::Event;
use crate::{Dialect, Envelope, chat, completions, converse, gemini, messages, responses};

/// Bounds on one event.
const LIMITS: Limits = Limits { depth: 64, nodes: 100_000 };

/// An event to write: its name, where the dialect names events, and its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// As `content_block_delta`; none in dialects whose events have no names.
    pub name: Option<&'static str>,
    /// The data: one line.
    pub data: Bytes,
}

/// Why a stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The provider sent something that its dialect does not know.
    #[error("the provider sent an event that its protocol does not know")]
    Invalid,
    /// The provider reported a fault.
    #[error("the provider reported a fault in the middle of the answer")]
    Reported,
}

/// What reads a dialect's events.
#[derive(Debug)]
enum Reader {
    Chat(chat::EventReader),
    Messages(messages::EventReader),
    Gemini(gemini::EventReader),
    Converse(converse::EventReader),
}

/// What writes a dialect's events.
#[derive(Debug)]
enum Writer {
    Chat(chat::EventWriter),
    Completions(completions::EventWriter),
    Responses(Box<responses::EventWriter>),
    Messages(messages::EventWriter),
}

/// A stream on its way from one dialect into another.
#[derive(Debug)]
pub struct Events {
    reader: Reader,
    writer: Writer,
    /// Of the last event that was read, if others can be told by it.
    pattern: Option<Pattern>,
}

impl Events {
    /// From one dialect into another; none when there is no such way.
    pub fn new(from: Dialect, to: Dialect, envelope: Envelope) -> Option<Self> {
        let reader = match from {
            Dialect::Chat => Reader::Chat(chat::EventReader::default()),
            Dialect::Messages => Reader::Messages(messages::EventReader::default()),
            Dialect::Gemini => Reader::Gemini(gemini::EventReader::default()),
            Dialect::Converse => Reader::Converse(converse::EventReader::default()),
            Dialect::Responses | Dialect::Completions => return None,
        };
        let writer = match to {
            Dialect::Chat => Writer::Chat(chat::EventWriter::new(envelope)),
            Dialect::Completions => Writer::Completions(completions::EventWriter::new(envelope)),
            Dialect::Responses => Writer::Responses(Box::new(responses::EventWriter::new(envelope))),
            Dialect::Messages => Writer::Messages(messages::EventWriter::new(envelope)),
            Dialect::Gemini | Dialect::Converse => return None,
        };
        Some(Events { reader, writer, pattern: None })
    }

    /// Takes an event and appends what it becomes.
    ///
    /// # Errors
    /// The stream cannot go on; nothing more may be taken.
    pub fn event(
        &mut self,
        name: Option<&str>,
        data: &Bytes,
        out: &mut Vec<Written>,
    ) -> Result<(), StreamError> {
        if let Some(piece) = self.pattern.as_ref().and_then(|pattern| pattern.read(name, data)) {
            self.writer.write(&piece, out);
            return Ok(());
        }
        self.pattern = None;
        if let (Reader::Chat(reader), b"[DONE]") = (&mut self.reader, data.as_ref()) {
            let mut events = Vec::new();
            reader.done(&mut events);
            self.write(&events, out);
            return Ok(());
        }
        let document = Document::parse(data.clone(), LIMITS).map_err(|_| StreamError::Invalid)?;
        let mut events = Vec::with_capacity(4);
        let read = match &mut self.reader {
            Reader::Chat(reader) => reader.read(&document, &mut events),
            Reader::Messages(reader) => reader.read(&document, &mut events),
            Reader::Gemini(reader) => reader.read(&document, &mut events),
            Reader::Converse(reader) => reader.read(name, &document, &mut events),
        };
        self.write(&events, out);
        if read.is_ok()
            && let [event] = events.as_slice()
        {
            self.pattern = Pattern::new(name, &document, event);
        }
        read
    }

    /// The provider's body ended. Appends what is still to be said, where the mark of the end is missing and
    /// everything else was told.
    pub fn end_of_body(&mut self, out: &mut Vec<Written>) {
        let mut events = Vec::new();
        match &mut self.reader {
            Reader::Gemini(reader) => reader.end_of_body(&mut events),
            Reader::Chat(reader) => reader.end_of_body(&mut events),
            Reader::Messages(reader) => reader.end_of_body(&mut events),
            Reader::Converse(_) => {}
        }
        self.write(&events, out);
    }

    fn write(&mut self, events: &[Event<'_>], out: &mut Vec<Written>) {
        for event in events {
            self.writer.write(event, out);
        }
    }
}

impl Writer {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<Written>) {
        match self {
            Writer::Chat(writer) => writer.write(event, out),
            Writer::Completions(writer) => writer.write(event, out),
            Writer::Responses(writer) => writer.write(event, out),
            Writer::Messages(writer) => writer.write(event, out),
        }
    }
}
