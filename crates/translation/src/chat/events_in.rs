//! Reads chat's chunks. A chunk may tell anything of several answers; what began is kept here until it ends.

use std::borrow::Cow;

use flyball_core::Document;
use flyball_core::json::{NodeKind, Value};

use super::said::{self, Said};
use super::{stops, usage};
use crate::events::StreamError;
use crate::ids;
use crate::reply::{Event, Opened};

/// The most parts of one stream.
const PARTS: u32 = 4096;
/// The most answers of one stream, as OpenAI has it.
const CHOICES: u64 = 128;

/// What reads a stream.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    started: bool,
    ended: bool,
    /// The answer's id, for calls whose provider gives none.
    id: String,
    parts: u32,
    choices: Vec<Choice>,
}

/// One of the answers.
#[derive(Debug)]
struct Choice {
    number: u32,
    /// The number of the part that opens next.
    next: u32,
    /// The open part of text, reasoning or refusal.
    said: Option<(Said, u32)>,
    /// Open calls.
    calls: Vec<Call>,
    called: bool,
    stopped: bool,
}

/// A call of a tool.
#[derive(Debug)]
struct Call {
    index: u64,
    part: u32,
    id: String,
}

impl EventReader {
    /// Reads a chunk.
    ///
    /// # Errors
    /// When it is none, or reports a fault.
    pub(crate) fn read<'d>(
        &mut self,
        document: &'d Document,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let root = document.root();
        if root.get("error").is_some() {
            return Err(StreamError::Reported);
        }
        let (choices, told) = (root.get("choices"), root.get("usage"));
        let known = root.kind() == NodeKind::Object && (choices.is_some() || told.is_some());
        if !known || choices.is_some_and(|choices| choices.kind() != NodeKind::Array) {
            return Err(StreamError::Invalid);
        }
        if self.ended {
            return Ok(());
        }
        self.start(root, events);
        for (position, item) in choices.into_iter().flat_map(Value::items).enumerate() {
            self.choice(item, position as u64, events)?;
        }
        if let Some(told) = told.filter(|told| told.kind() == NodeKind::Object) {
            events.push(Event::Usage(usage::read(told)));
        }
        Ok(())
    }

    /// The mark of the end.
    pub(crate) fn done(&mut self, events: &mut Vec<Event<'static>>) {
        if self.ended || !self.started {
            return;
        }
        for choice in &mut self.choices {
            choice.stop("", events);
        }
        self.ended = true;
        events.push(Event::End);
    }

    /// The body's end. Without the mark a stream is complete only when every answer said why it ended.
    pub(crate) fn end_of_body(&mut self, events: &mut Vec<Event<'static>>) {
        let stopped = !self.choices.is_empty() && self.choices.iter().all(|choice| choice.stopped);
        if stopped && !self.ended {
            self.ended = true;
            events.push(Event::End);
        }
    }

    fn start<'d>(&mut self, root: Value<'d>, events: &mut Vec<Event<'d>>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let id = root.get("id").and_then(Value::text).filter(|id| !id.is_empty());
        self.id = id.as_deref().unwrap_or_default().to_owned();
        events.push(Event::Start {
            id,
            model: root.get("model").and_then(Value::text).filter(|model| !model.is_empty()),
            created: root.get("created").and_then(Value::unsigned).filter(|created| *created > 0),
        });
    }

    fn choice<'d>(
        &mut self,
        item: Value<'d>,
        position: u64,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let number = item.get("index").and_then(Value::unsigned).unwrap_or(position);
        if number >= CHOICES {
            return Err(StreamError::Invalid);
        }
        let number = u32::try_from(number).map_err(|_| StreamError::Invalid)?;
        let known = self.choices.iter().position(|choice| choice.number == number);
        let at = known.unwrap_or_else(|| {
            self.choices.push(Choice::new(number));
            self.choices.len() - 1
        });
        let Some(choice) = self.choices.get_mut(at).filter(|choice| !choice.stopped) else { return Ok(()) };
        let first = choice.next;
        let delta = item.get("delta");
        let of = |name: &str| delta.and_then(|delta| delta.get(name));
        if let Some(delta) = delta {
            said::each(delta, |kind, text| choice.say(kind, text, events));
        }
        for (position, call) in of("tool_calls").into_iter().flat_map(Value::items).enumerate() {
            choice.call(call, position as u64, &self.id, events)?;
        }
        self.parts += choice.next - first;
        if self.parts > PARTS {
            return Err(StreamError::Invalid);
        }
        if let Some(word) = item.get("finish_reason").and_then(Value::text) {
            choice.stop(&word, events);
        }
        Ok(())
    }
}

impl Choice {
    fn new(number: u32) -> Self {
        Choice { number, next: 0, said: None, calls: Vec::new(), called: false, stopped: false }
    }

    fn open<'d>(&mut self, kind: Opened<'d>, events: &mut Vec<Event<'d>>) -> u32 {
        let part = self.next;
        self.next += 1;
        events.push(Event::Open { choice: self.number, part, kind });
        part
    }

    /// Words, which end the words of another kind.
    fn say<'d>(&mut self, kind: Said, text: Cow<'d, str>, events: &mut Vec<Event<'d>>) {
        let open = self.said.filter(|(open, _)| *open == kind).map(|(_, part)| part);
        let part = open.unwrap_or_else(|| {
            self.close_said(events);
            let opened = match kind {
                Said::Reasoning => Opened::Reasoning,
                Said::Text => Opened::Text,
                Said::Refusal => Opened::Refusal,
            };
            let part = self.open(opened, events);
            self.said = Some((kind, part));
            part
        });
        events.push(Event::Piece { choice: self.number, part, text });
    }

    /// A piece of a call. Calls stay open until the answer ends, for their pieces may come in turns; a new id at the
    /// place of a known call is a new call, of a provider that does not count.
    fn call<'d>(
        &mut self,
        call: Value<'d>,
        position: u64,
        answer: &str,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let index = call.get("index").and_then(Value::unsigned).unwrap_or(position);
        let function = call.get("function");
        let of = |name: &str| function.and_then(|function| function.get(name)).and_then(Value::text);
        let id = call.get("id").and_then(Value::text).filter(|id| !id.is_empty());
        let name = of("name").filter(|name| !name.is_empty());
        let known = self.calls.iter().rposition(|known| {
            known.index == index && (name.is_none() || id.as_deref().is_none_or(|id| id == known.id))
        });
        let part = match known.and_then(|at| self.calls.get(at)) {
            Some(known) => known.part,
            None => {
                let name = name.ok_or(StreamError::Invalid)?;
                self.close_said(events);
                let id = id.unwrap_or_else(|| Cow::Owned(ids::made(answer, self.number, self.next, &name)));
                self.called = true;
                let kept = id.clone().into_owned();
                let part = self.open(Opened::ToolCall { id, name }, events);
                self.calls.push(Call { index, part, id: kept });
                part
            }
        };
        if let Some(text) = of("arguments").filter(|text| !text.is_empty()) {
            events.push(Event::Piece { choice: self.number, part, text });
        }
        Ok(())
    }

    fn close_said(&mut self, events: &mut Vec<Event<'_>>) {
        if let Some((_, part)) = self.said.take() {
            events.push(Event::Close { choice: self.number, part });
        }
    }

    fn stop(&mut self, word: &str, events: &mut Vec<Event<'_>>) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.close_said(events);
        for call in self.calls.drain(..) {
            events.push(Event::Close { choice: self.number, part: call.part });
        }
        let stop = stops::read(word, self.called);
        events.push(Event::Stop { choice: self.number, stop, stop_sequence: None });
    }
}
