//! The chunks of `streamGenerateContent`. Each is an answer of which only what is new is told. No mark ends the
//! stream, and older models tell in every chunk why it would end there: so ends are told when the body is over.

use std::borrow::Cow;

use flyball_core::Document;
use flyball_core::json::Value;

use crate::events::StreamError;
use crate::gemini::parts_in::{self, Said};
use crate::reply::{Event, Opened, Stop, Usage};

/// The most parts of one choice.
const PARTS: u32 = 4096;
/// The most choices.
const CHOICES: usize = 128;

/// What is known of a stream.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    started: bool,
    /// The answer's id, of which ids of calls are made.
    answer: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Choice {
    /// Whether it was told of.
    seen: bool,
    /// The open part's number and whether it is a thought.
    open: Option<(u32, bool)>,
    parts: u32,
    calls: u32,
    stop: Option<Stop>,
}

impl EventReader {
    /// Reads a chunk.
    ///
    /// # Errors
    /// When it is no chunk, or an error.
    pub(crate) fn read<'d>(
        &mut self,
        document: &'d Document,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let root = document.root();
        if root.get("error").is_some() {
            return Err(StreamError::Reported);
        }
        let candidates = root.get("candidates");
        let usage = parts_in::usage(root);
        let refused = parts_in::prompt_refused(root);
        let known = candidates.is_some() || usage.is_some() || refused || root.get("modelVersion").is_some();
        if !known || self.ended {
            return Err(StreamError::Invalid);
        }
        self.start(root, events);
        for candidate in candidates.into_iter().flat_map(Value::items) {
            self.candidate(candidate, events)?;
        }
        if refused {
            let choice = self.choice(0)?;
            choice.stop = Some(Stop::Refusal);
        }
        if let Some(usage) = usage.filter(|usage| self.usage != Some(*usage)) {
            self.usage = Some(usage);
            events.push(Event::Usage(usage));
        }
        Ok(())
    }

    /// The body is over: the stream was complete if every choice told why it ended.
    pub(crate) fn end_of_body(&mut self, events: &mut Vec<Event<'static>>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let mut complete = self.choices.iter().any(|choice| choice.seen);
        for (number, choice) in (0..).zip(&mut self.choices).filter(|(_, choice)| choice.seen) {
            let Some(stop) = choice.stop else {
                complete = false;
                continue;
            };
            choice.close(number, events);
            events.push(Event::Stop { choice: number, stop, stop_sequence: None });
        }
        if complete {
            events.push(Event::End);
        }
    }

    fn start<'d>(&mut self, root: Value<'d>, events: &mut Vec<Event<'d>>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let text = |name: &str| root.get(name).and_then(Value::text);
        let id = text("responseId");
        self.answer = id.as_deref().unwrap_or_default().to_owned();
        let created = text("createTime").and_then(|time| parts_in::seconds(&time));
        events.push(Event::Start { id, model: text("modelVersion"), created });
    }

    fn choice(&mut self, number: u32) -> Result<&mut Choice, StreamError> {
        let number = number as usize;
        if number >= CHOICES {
            return Err(StreamError::Invalid);
        }
        if number >= self.choices.len() {
            self.choices.resize_with(number + 1, Choice::default);
        }
        let choice = self.choices.get_mut(number).ok_or(StreamError::Invalid)?;
        choice.seen = true;
        Ok(choice)
    }

    fn candidate<'d>(
        &mut self,
        candidate: Value<'d>,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let number = parts_in::index(candidate).ok_or(StreamError::Invalid)?;
        self.choice(number)?;
        let Some(choice) = self.choices.get_mut(number as usize) else { return Err(StreamError::Invalid) };
        for said in parts_in::said(candidate) {
            match said {
                Said::Text(text) => choice.piece(number, false, text, events)?,
                Said::Thought(text) => choice.piece(number, true, text, events)?,
                Said::Call { id, name, arguments } => {
                    choice.close(number, events);
                    let id = parts_in::call_id(id, &self.answer, number, choice.calls, &name);
                    choice.calls += 1;
                    let part = choice.next()?;
                    events.push(Event::Open { choice: number, part, kind: Opened::ToolCall { id, name } });
                    events.push(Event::Piece { choice: number, part, text: Cow::Borrowed(arguments) });
                    events.push(Event::Close { choice: number, part });
                }
            }
        }
        // A call may come after the reason to end: the reason is then that.
        match parts_in::stop(candidate, choice.calls > 0) {
            Some(stop) => choice.stop = Some(stop),
            None if choice.calls > 0 && choice.stop == Some(Stop::End) => choice.stop = Some(Stop::ToolUse),
            None => {}
        }
        Ok(())
    }
}

impl Choice {
    fn next(&mut self) -> Result<u32, StreamError> {
        if self.parts == PARTS {
            return Err(StreamError::Invalid);
        }
        self.parts += 1;
        Ok(self.parts - 1)
    }

    fn close(&mut self, choice: u32, events: &mut Vec<Event<'_>>) {
        if let Some((part, _)) = self.open.take() {
            events.push(Event::Close { choice, part });
        }
    }

    fn piece<'d>(
        &mut self,
        choice: u32,
        thought: bool,
        text: Cow<'d, str>,
        events: &mut Vec<Event<'d>>,
    ) -> Result<(), StreamError> {
        let part = match self.open {
            Some((part, kind)) if kind == thought => part,
            _ => {
                self.close(choice, events);
                let part = self.next()?;
                self.open = Some((part, thought));
                let kind = if thought { Opened::Reasoning } else { Opened::Text };
                events.push(Event::Open { choice, part, kind });
                part
            }
        };
        events.push(Event::Piece { choice, part, text });
        Ok(())
    }
}
