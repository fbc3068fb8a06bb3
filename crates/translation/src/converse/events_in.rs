//! The events of `ConverseStream`: their names come from the headers of their frames. `metadata` with the counts
//! follows `messageStop` and is the last.

use std::borrow::Cow;

use flyball_core::Document;
use flyball_core::json::Value;

use crate::converse::answer_in;
use crate::events::StreamError;
use crate::reply::{Event, Opened};

/// The most parts of one answer.
const PARTS: u32 = 4096;

/// What is known of a stream.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    started: bool,
    /// The blocks that are open, in the order of their opening.
    open: Vec<Block>,
    parts: u32,
    stopped: bool,
    counted: bool,
    ended: bool,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    /// Bedrock's number of it.
    index: u64,
    /// Ours.
    part: u32,
    kind: Kind,
    /// Whether it has a piece.
    begun: bool,
}

impl Block {
    /// Arguments of which nothing was told are an object without members, as in a whole answer.
    fn close(self, events: &mut Vec<Event<'_>>) {
        if self.kind == Kind::Call && !self.begun {
            events.push(Event::Piece { choice: 0, part: self.part, text: Cow::Borrowed("{}") });
        }
        events.push(Event::Close { choice: 0, part: self.part });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Call,
}

impl EventReader {
    /// Reads an event.
    ///
    /// # Errors
    /// When it is none of Converse's, or an exception.
    pub(crate) fn read<'d>(
        &mut self,
        name: Option<&str>,
        document: &'d Document,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let root = document.root();
        match name.ok_or(StreamError::Invalid)? {
            exception if exception.ends_with("Exception") => return Err(StreamError::Reported),
            // What the framing sends before the first event.
            "initial-response" => return Ok(()),
            "messageStart" => self.start(events),
            "contentBlockStart" => self.open_call(root, events)?,
            "contentBlockDelta" => self.delta(root, events)?,
            "contentBlockStop" => {
                let index = index(root)?;
                if let Some(at) = self.open.iter().rposition(|block| block.index == index) {
                    self.open.remove(at).close(events);
                }
            }
            "messageStop" => self.stop(root, events),
            "metadata" => {
                self.start(events);
                if let Some(usage) = answer_in::usage(root).filter(|_| !self.ended) {
                    events.push(Event::Usage(usage));
                }
                self.counted = true;
                self.end(events);
            }
            _ => return Err(StreamError::Invalid),
        }
        Ok(())
    }

    fn start(&mut self, events: &mut Vec<Event<'_>>) {
        if !std::mem::replace(&mut self.started, true) {
            events.push(Event::Start { id: None, model: None, created: None });
        }
    }

    /// Only calls are announced; texts begin with their first piece.
    fn open_call<'d>(&mut self, root: Value<'d>, events: &mut Vec<Event<'d>>) -> Result<(), StreamError> {
        let index = index(root)?;
        let Some(call) = root.get("start").and_then(|start| start.get("toolUse")) else { return Ok(()) };
        if self.open.iter().any(|block| block.index == index) {
            return Ok(());
        }
        let text = |name: &str| call.get(name).and_then(Value::text).ok_or(StreamError::Invalid);
        let kind = Opened::ToolCall { id: text("toolUseId")?, name: text("name")? };
        self.open(index, Kind::Call, kind, events)?;
        Ok(())
    }

    fn delta<'d>(&mut self, root: Value<'d>, events: &mut Vec<Event<'d>>) -> Result<(), StreamError> {
        let index = index(root)?;
        let delta = root.get("delta").ok_or(StreamError::Invalid)?;
        let reasoning = delta.get("reasoningContent");
        let (kind, opened, text) = if let Some(text) = delta.get("text") {
            (Kind::Text, Some(Opened::Text), text)
        } else if let Some(input) = delta.get("toolUse").and_then(|call| call.get("input")) {
            (Kind::Call, None, input)
        } else if let Some(text) = reasoning.and_then(|reasoning| reasoning.get("text")) {
            (Kind::Reasoning, Some(Opened::Reasoning), text)
        } else {
            // Signatures, what is encrypted, citations: nothing that another dialect could tell.
            return Ok(());
        };
        let text: Cow<'d, str> = text.text().ok_or(StreamError::Invalid)?;
        let block = self.open.iter_mut().rev().find(|block| block.index == index);
        let part = match (block, opened) {
            (Some(block), _) if block.kind == kind => {
                block.begun |= !text.is_empty();
                block.part
            }
            (Some(_), _) | (None, None) => return Err(StreamError::Invalid),
            (None, Some(_)) if text.is_empty() => return Ok(()),
            (None, Some(opened)) => self.open(index, kind, opened, events)?,
        };
        if !text.is_empty() {
            events.push(Event::Piece { choice: 0, part, text });
        }
        Ok(())
    }

    fn open<'d>(
        &mut self,
        index: u64,
        kind: Kind,
        opened: Opened<'d>,
        events: &mut Vec<Event<'d>>,
    ) -> Result<u32, StreamError> {
        if self.stopped || self.parts == PARTS {
            return Err(StreamError::Invalid);
        }
        self.start(events);
        let part = self.parts;
        self.parts += 1;
        self.open.push(Block { index, part, kind, begun: kind != Kind::Call });
        events.push(Event::Open { choice: 0, part, kind: opened });
        Ok(part)
    }

    fn stop<'d>(&mut self, root: Value<'d>, events: &mut Vec<Event<'d>>) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.start(events);
        self.open.drain(..).for_each(|block| block.close(events));
        let stop_sequence = answer_in::stop_sequence(root);
        events.push(Event::Stop { choice: 0, stop: answer_in::stop(root), stop_sequence });
        self.end(events);
    }

    fn end(&mut self, events: &mut Vec<Event<'_>>) {
        if self.stopped && self.counted && !std::mem::replace(&mut self.ended, true) {
            events.push(Event::End);
        }
    }
}

fn index(root: Value<'_>) -> Result<u64, StreamError> {
    root.get("contentBlockIndex").and_then(Value::unsigned).ok_or(StreamError::Invalid)
}
