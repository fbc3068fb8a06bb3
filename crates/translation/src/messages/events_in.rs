//! A provider's stream of messages, read event by event.

use std::borrow::Cow;

use flyball_core::Document;
use flyball_core::json::{NodeKind, Value};

use super::answer_in::{explanation, reason, text};
use super::usage::Counts;
use crate::events::StreamError;
use crate::reply::{Event, Opened};

/// How many blocks one answer may have.
const MAX_BLOCKS: usize = 4096;

/// What a block of the stream became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    ToolCall,
    /// Something that only its vendor understands: left out.
    Skipped,
}

#[derive(Debug)]
struct Block {
    /// The provider's number of it.
    index: u64,
    /// Ours, which skipped blocks do not use up.
    part: u32,
    kind: Kind,
    open: bool,
    /// Arguments that came with the block's beginning. They count when no pieces follow.
    initial: Option<String>,
}

/// Reads a stream. Its memory grows with the number of blocks, not with what they hold.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    blocks: Vec<Block>,
    parts: u32,
    counts: Counts,
    started: bool,
    stopped: bool,
    ended: bool,
}

impl EventReader {
    /// Reads one event. What comes after the end is ignored; kinds of events and blocks that are not known are too,
    /// as the protocol asks.
    ///
    /// # Errors
    /// When the provider reports a fault, or sends what no reading of the protocol allows.
    pub(crate) fn read<'d>(
        &mut self,
        document: &'d Document,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let event = document.root();
        let kind = text(event, "type").ok_or(StreamError::Invalid)?;
        if self.ended {
            return Ok(());
        }
        match kind.as_ref() {
            "content_block_delta" => self.delta(event, events),
            "content_block_start" => self.block_start(event, events),
            "content_block_stop" => {
                let index = index(event)?;
                if let Some(block) = self.blocks.iter_mut().rev().find(|block| block.index == index) {
                    close(block, events);
                }
                Ok(())
            }
            "message_start" => {
                let message = event.get("message").ok_or(StreamError::Invalid)?;
                self.start(Some(message), events);
                self.usage(message, events);
                Ok(())
            }
            "message_delta" => {
                self.start(None, events);
                self.message_delta(event, events)
            }
            "message_stop" => {
                self.start(None, events);
                self.stop(None, events)?;
                self.ended = true;
                events.push(Event::End);
                Ok(())
            }
            "ping" => {
                // Before the beginning there is nothing to keep alive.
                if self.started {
                    events.push(Event::Ping);
                }
                Ok(())
            }
            "error" => Err(StreamError::Reported),
            _ => Ok(()),
        }
    }

    /// The body ended. An answer whose end was told is complete, though the mark behind it is missing.
    pub(crate) fn end_of_body(&mut self, events: &mut Vec<Event<'static>>) {
        if self.stopped && !self.ended {
            self.ended = true;
            events.push(Event::End);
        }
    }

    /// The answer begins, at the latest with the first event that says something of it.
    fn start<'d>(&mut self, message: Option<Value<'d>>, events: &mut Vec<Event<'d>>) {
        if !std::mem::replace(&mut self.started, true) {
            events.push(Event::Start {
                id: message.and_then(|message| text(message, "id")),
                model: message.and_then(|message| text(message, "model")),
                created: None,
            });
        }
    }

    fn usage<'d>(&mut self, holder: Value<'d>, events: &mut Vec<Event<'d>>) {
        if let Some(usage) = holder.get("usage") {
            self.counts.take(usage);
            events.push(Event::Usage(self.counts.usage()));
        }
    }

    fn message_delta<'d>(
        &mut self,
        event: Value<'d>,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let delta = event.get("delta").ok_or(StreamError::Invalid)?;
        if delta.get("stop_reason").is_some() {
            self.stop(Some(delta), events)?;
        }
        self.usage(event, events);
        Ok(())
    }

    /// The answer is complete. Told twice it is told once; blocks that are still open are complete too.
    fn stop<'d>(&mut self, delta: Option<Value<'d>>, events: &mut Vec<Event<'d>>) -> Result<(), StreamError> {
        if self.stopped {
            return Ok(());
        }
        self.blocks.iter_mut().for_each(|block| close(block, events));
        let stop = delta.map(reason).unwrap_or_default();
        if let Some(explained) = delta.and_then(|delta| explanation(delta, stop)) {
            let part = self.open(u64::MAX, Kind::Text, Some(Opened::Refusal), events)?;
            events.push(Event::Piece { choice: 0, part, text: explained });
            self.blocks.iter_mut().for_each(|block| close(block, events));
        }
        let stop_sequence = delta.and_then(|delta| text(delta, "stop_sequence"));
        events.push(Event::Stop { choice: 0, stop, stop_sequence });
        self.stopped = true;
        Ok(())
    }

    /// Begins a part; what has no `opened` is left out. Its number among the parts.
    fn open<'d>(
        &mut self,
        index: u64,
        kind: Kind,
        opened: Option<Opened<'d>>,
        events: &mut Vec<Event<'d>>,
    ) -> Result<u32, StreamError> {
        if self.stopped || self.blocks.len() >= MAX_BLOCKS {
            return Err(StreamError::Invalid);
        }
        self.start(None, events);
        let part = self.parts;
        self.blocks.push(Block { index, part, kind, open: true, initial: None });
        if let Some(kind) = opened {
            self.parts += 1;
            events.push(Event::Open { choice: 0, part, kind });
        }
        Ok(part)
    }

    fn block_start<'d>(&mut self, event: Value<'d>, events: &mut Vec<Event<'d>>) -> Result<(), StreamError> {
        let index = index(event)?;
        let block = event.get("content_block").ok_or(StreamError::Invalid)?;
        if self.blocks.iter().rev().any(|known| known.index == index && known.open) {
            return Ok(());
        }
        let kind = text(block, "type").ok_or(StreamError::Invalid)?;
        let (kind, opened, begun) = match kind.as_ref() {
            "text" => (Kind::Text, Some(Opened::Text), text(block, "text")),
            "thinking" => (Kind::Reasoning, Some(Opened::Reasoning), text(block, "thinking")),
            "tool_use" => {
                let id = text(block, "id").ok_or(StreamError::Invalid)?;
                let name = text(block, "name").ok_or(StreamError::Invalid)?;
                (Kind::ToolCall, Some(Opened::ToolCall { id, name }), None)
            }
            _ => (Kind::Skipped, None, None),
        };
        let part = self.open(index, kind, opened, events)?;
        if let Some(text) = begun.filter(|text| !text.is_empty()) {
            events.push(Event::Piece { choice: 0, part, text });
        }
        if let (Kind::ToolCall, Some(input), Some(last)) = (kind, block.get("input"), self.blocks.last_mut())
        {
            let holds = input.kind() == NodeKind::Object && input.members().next().is_some();
            last.initial = holds.then(|| input.raw().to_owned());
        }
        Ok(())
    }

    fn delta<'d>(&mut self, event: Value<'d>, events: &mut Vec<Event<'d>>) -> Result<(), StreamError> {
        let index = index(event)?;
        let delta = event.get("delta").ok_or(StreamError::Invalid)?;
        let (kind, piece) = match text(delta, "type").ok_or(StreamError::Invalid)?.as_ref() {
            "text_delta" => (Kind::Text, text(delta, "text")),
            "thinking_delta" => (Kind::Reasoning, text(delta, "thinking")),
            "input_json_delta" => (Kind::ToolCall, text(delta, "partial_json")),
            // Signatures and citations stay with their vendor.
            _ => return Ok(()),
        };
        let piece: Cow<'d, str> = piece.ok_or(StreamError::Invalid)?;
        let known = self.blocks.iter_mut().rev().find(|block| block.index == index);
        let part = match (known, kind) {
            (Some(block), _) if block.kind == Kind::Skipped => return Ok(()),
            (Some(block), _) if block.open && block.kind == kind => {
                if !piece.is_empty() {
                    block.initial = None;
                }
                block.part
            }
            // Text whose block's beginning went missing begins here; a call without name and id cannot.
            (None | Some(Block { open: false, .. }), Kind::Text) => {
                self.open(index, kind, Some(Opened::Text), events)?
            }
            (None | Some(Block { open: false, .. }), Kind::Reasoning) => {
                self.open(index, kind, Some(Opened::Reasoning), events)?
            }
            _ => return Err(StreamError::Invalid),
        };
        if !piece.is_empty() {
            events.push(Event::Piece { choice: 0, part, text: piece });
        }
        Ok(())
    }
}

fn index(event: Value<'_>) -> Result<u64, StreamError> {
    event.get("index").and_then(Value::unsigned).ok_or(StreamError::Invalid)
}

fn close(block: &mut Block, events: &mut Vec<Event<'_>>) {
    if !std::mem::replace(&mut block.open, false) || block.kind == Kind::Skipped {
        return;
    }
    if let Some(arguments) = block.initial.take() {
        events.push(Event::Piece { choice: 0, part: block.part, text: Cow::Owned(arguments) });
    }
    events.push(Event::Close { choice: 0, part: block.part });
}
