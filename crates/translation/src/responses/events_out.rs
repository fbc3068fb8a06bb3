//! Writing a stream of events: each names its type and its number, and the last ones repeat what was said, so what
//! was said is kept until then.

use std::borrow::Cow;

use bytes::Bytes;

use super::items_out::{Body, Content, Item, NO_ARGUMENTS, summary};
use super::response_out::{Head, goes_on, item_status, status};
use crate::Envelope;
use crate::events::Written;
use crate::reply::{Event, Opened, Stop, Usage};
use crate::write::Json;

/// Writes the events of one answer.
#[derive(Debug)]
pub(crate) struct EventWriter {
    envelope: Envelope,
    /// None before the answer begins.
    head: Option<Head>,
    /// Events so far.
    sequence: u64,
    items: Vec<Told>,
    /// How many of them, from the first, are said to be complete.
    complete: usize,
    /// Parts that are not complete. Few at a time.
    open: Vec<Place>,
    stop: Option<Stop>,
    usage: Option<Usage>,
    ended: bool,
}

/// An item and how far it is.
#[derive(Debug)]
struct Told {
    item: Item<'static>,
    /// How many of its parts are not complete.
    open: usize,
    /// Whether it was said that it is complete.
    done: bool,
}

/// Where a part of the answer stands in this dialect.
#[derive(Clone, Copy, Debug)]
struct Place {
    part: u32,
    item: usize,
    content: usize,
}

/// The events of one kind of item.
struct Names {
    delta: &'static str,
    done: &'static str,
    /// The member of `done` that holds the whole.
    whole: &'static str,
}

impl EventWriter {
    /// Before the first event.
    pub(crate) fn new(envelope: Envelope) -> Self {
        EventWriter {
            envelope,
            head: None,
            sequence: 0,
            items: Vec::new(),
            complete: 0,
            open: Vec::new(),
            stop: None,
            usage: None,
            ended: false,
        }
    }

    /// Appends what an event becomes. Answers other than the first have no place here; nor have signs of life.
    pub(crate) fn write(&mut self, event: &Event<'_>, out: &mut Vec<Written>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, model, created } => {
                self.begin(id.as_deref(), model.as_deref(), *created, out);
            }
            Event::Open { choice: 0, part, kind } => self.open(*part, kind, out),
            Event::Piece { choice: 0, part, text } => self.piece(*part, text, out),
            Event::Close { choice: 0, part } => self.close(*part, out),
            Event::Stop { choice: 0, stop, .. } => {
                self.stop = Some(*stop);
                self.complete_items(Some(*stop), out);
            }
            Event::Usage(usage) => self.usage = Some(merged(self.usage.unwrap_or_default(), *usage)),
            Event::End => self.end(out),
            Event::Open { .. }
            | Event::Piece { .. }
            | Event::Close { .. }
            | Event::Stop { .. }
            | Event::Ping => {}
        }
    }

    fn begin(&mut self, id: Option<&str>, model: Option<&str>, created: Option<u64>, out: &mut Vec<Written>) {
        if self.head.is_some() {
            return;
        }
        let head = Head::new(&self.envelope, id, model, created);
        for name in ["response.created", "response.in_progress"] {
            emit(&mut self.sequence, name, head.size(), out, |json| {
                head.write(json.key("response"), None, &[], None);
            });
        }
        self.head = Some(head);
    }

    fn open(&mut self, part: u32, kind: &Opened<'_>, out: &mut Vec<Written>) {
        self.begin(None, None, None, out);
        let refusal = match kind {
            Opened::Text => false,
            Opened::Refusal => true,
            Opened::Reasoning => return self.open_item(part, Body::Reasoning(Cow::Borrowed("")), out),
            Opened::ToolCall { id, name } => {
                let (id, name) = (id.clone().into_owned().into(), name.clone().into_owned().into());
                return self.open_item(part, Body::Call { id, name, arguments: Cow::Borrowed("") }, out);
            }
        };
        if !self.items.last().is_some_and(|told| !told.done && goes_on(&told.item)) {
            self.add_item(Body::Message(Vec::new()), out);
        }
        let output_index = self.items.len().saturating_sub(1);
        let Some(Told { item, open, .. }) = self.items.last_mut() else { return };
        let Body::Message(contents) = &mut item.body else { return };
        let content = Content { refusal, text: Cow::Borrowed("") };
        let content_index = contents.len();
        emit(&mut self.sequence, "response.content_part.added", 256, out, |json| {
            place(json, &item.id, output_index);
            json.key("content_index").number(content_index as u64);
            content.write(json.key("part"), "");
        });
        contents.push(content);
        *open += 1;
        self.open.push(Place { part, item: output_index, content: content_index });
    }

    /// Begins an item that consists of one part.
    fn open_item(&mut self, part: u32, body: Body<'static>, out: &mut Vec<Written>) {
        let index = self.add_item(body, out);
        let Some(told) = self.items.last_mut() else { return };
        told.open = 1;
        if matches!(told.item.body, Body::Reasoning(_)) {
            emit(&mut self.sequence, "response.reasoning_summary_part.added", 256, out, |json| {
                place(json, &told.item.id, index);
                json.key("summary_index").number(0);
                summary(json.key("part"), "");
            });
        }
        self.open.push(Place { part, item: index, content: 0 });
    }

    /// Begins an item, and says of those before it that they are complete.
    fn add_item(&mut self, body: Body<'static>, out: &mut Vec<Written>) -> usize {
        self.complete_items(None, out);
        let stem = self.head.as_ref().map_or("", |head| head.stem.as_str());
        let index = self.items.len();
        let item = Item::new(stem, index, body);
        emit(&mut self.sequence, "response.output_item.added", 256, out, |json| {
            json.key("output_index").number(index as u64);
            item.write(json.key("item"), "in_progress");
        });
        self.items.push(Told { item, open: 0, done: false });
        index
    }

    fn piece(&mut self, part: u32, text: &str, out: &mut Vec<Written>) {
        if text.is_empty() {
            return;
        }
        let Some(at) = self.open.iter().rev().find(|place| place.part == part).copied() else { return };
        let Some(told) = self.items.get_mut(at.item) else { return };
        if let Some(said) = told.item.text_mut(at.content) {
            said.to_mut().push_str(text);
        }
        delta(&mut self.sequence, &told.item, at, text, out);
    }

    fn close(&mut self, part: u32, out: &mut Vec<Written>) {
        let Some(found) = self.open.iter().rposition(|place| place.part == part) else { return };
        let at = self.open.remove(found);
        let Some(told) = self.items.get_mut(at.item) else { return };
        told.open = told.open.saturating_sub(1);
        if let Body::Call { arguments, .. } = &mut told.item.body
            && arguments.is_empty()
        {
            *arguments = Cow::Borrowed(NO_ARGUMENTS);
            delta(&mut self.sequence, &told.item, at, NO_ARGUMENTS, out);
        }
        let item = &told.item;
        let Some((names, said)) = names(item, at.content) else { return };
        emit(&mut self.sequence, names.done, said.len() + 256, out, |json| {
            place(json, &item.id, at.item);
            content_index(json, item, at.content);
            json.key(names.whole).text(said);
            log_probabilities(json, item, at.content);
        });
        match &item.body {
            Body::Message(contents) => {
                let Some(content) = contents.get(at.content) else { return };
                emit(&mut self.sequence, "response.content_part.done", said.len() + 256, out, |json| {
                    place(json, &item.id, at.item);
                    content_index(json, item, at.content);
                    content.write(json.key("part"), said);
                });
            }
            Body::Reasoning(_) => {
                let name = "response.reasoning_summary_part.done";
                emit(&mut self.sequence, name, said.len() + 256, out, |json| {
                    place(json, &item.id, at.item);
                    content_index(json, item, at.content);
                    summary(json.key("part"), said);
                });
            }
            Body::Call { .. } => {}
        }
    }

    /// Says of all items without open parts that they are complete: not before it is known whether something
    /// follows, because the last item of an answer that was cut off is not.
    fn complete_items(&mut self, ending: Option<Stop>, out: &mut Vec<Written>) {
        let count = self.items.len();
        for (index, told) in self.items.iter_mut().enumerate().skip(self.complete) {
            if told.done || told.open > 0 {
                continue;
            }
            told.done = true;
            let status = item_status(ending, index + 1 == count);
            emit(&mut self.sequence, "response.output_item.done", told.item.size() + 256, out, |json| {
                json.key("output_index").number(index as u64);
                told.item.write(json.key("item"), status);
            });
        }
        let more = self.items.iter().skip(self.complete).take_while(|told| told.done).count();
        self.complete += more;
    }

    fn end(&mut self, out: &mut Vec<Written>) {
        self.begin(None, None, None, out);
        while let Some(part) = self.open.first().map(|place| place.part) {
            self.close(part, out);
        }
        let stop = self.stop.unwrap_or_default();
        self.complete_items(Some(stop), out);
        self.ended = true;
        let Some(head) = &self.head else { return };
        let items: Vec<&Item<'_>> = self.items.iter().map(|told| &told.item).collect();
        let room: usize = items.iter().map(|item| item.size() + 128).sum();
        let name = match status(stop) {
            (_, None) => "response.completed",
            (_, Some(_)) => "response.incomplete",
        };
        emit(&mut self.sequence, name, head.size() + room + room / 8, out, |json| {
            head.write(json.key("response"), Some(stop), &items, self.usage);
        });
    }
}

/// Appends an event with these members and the next number.
fn emit(
    sequence: &mut u64,
    name: &'static str,
    room: usize,
    out: &mut Vec<Written>,
    members: impl FnOnce(&mut Json),
) {
    let mut json = Json::with_capacity(room + 64);
    json.object(|json| {
        json.key("type").text(name);
        json.key("sequence_number").number(*sequence);
        members(json);
    });
    *sequence += 1;
    out.push(Written { name: Some(name), data: Bytes::from(json.finish()) });
}

fn delta(sequence: &mut u64, item: &Item<'_>, at: Place, text: &str, out: &mut Vec<Written>) {
    let Some((names, _)) = names(item, at.content) else { return };
    emit(sequence, names.delta, text.len() + text.len() / 8 + 192, out, |json| {
        place(json, &item.id, at.item);
        content_index(json, item, at.content);
        json.key("delta").text(text);
        log_probabilities(json, item, at.content);
    });
}

fn place(json: &mut Json, id: &str, output_index: usize) {
    json.key("item_id").text(id);
    json.key("output_index").number(output_index as u64);
}

/// The number of a text within its item, under the name that its kind has.
fn content_index(json: &mut Json, item: &Item<'_>, content: usize) {
    match item.body {
        Body::Message(_) => json.key("content_index").number(content as u64),
        Body::Reasoning(_) => json.key("summary_index").number(content as u64),
        Body::Call { .. } => {}
    }
}

/// Events of texts have log probabilities, if only none.
fn log_probabilities(json: &mut Json, item: &Item<'_>, content: usize) {
    if let Body::Message(contents) = &item.body
        && contents.get(content).is_some_and(|content| !content.refusal)
    {
        json.key("logprobs").array(|_| {});
    }
}

/// The names of an item's events, and what it says so far.
fn names<'a>(item: &'a Item<'_>, content: usize) -> Option<(Names, &'a str)> {
    let names = |delta, done, whole| Names { delta, done, whole };
    Some(match &item.body {
        Body::Message(contents) => {
            let content = contents.get(content)?;
            let names = if content.refusal {
                names("response.refusal.delta", "response.refusal.done", "refusal")
            } else {
                names("response.output_text.delta", "response.output_text.done", "text")
            };
            (names, content.text.as_ref())
        }
        Body::Reasoning(text) => (
            names("response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "text"),
            text.as_ref(),
        ),
        Body::Call { arguments, .. } => (
            names(
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
                "arguments",
            ),
            arguments.as_ref(),
        ),
    })
}

/// What is known after a later telling: it replaces what it tells again.
fn merged(known: Usage, told: Usage) -> Usage {
    Usage {
        input: told.input.or(known.input),
        cached: told.cached.or(known.cached),
        cache_write: told.cache_write.or(known.cache_write),
        output: told.output.or(known.output),
        reasoning: told.reasoning.or(known.reasoning),
    }
}
