//! From a provider's bytes to events in the caller's dialect: framing, and translation where there is one. What the
//! events say is the screen's business.

use std::collections::VecDeque;

use bytes::Bytes;
use flyball_translation::events::{Events, StreamError, Written};

use super::Way;
use crate::edge::event_stream;
use crate::edge::sse::{self, Event};
use crate::protocols::{Told, Usage};
use crate::providers::Framing;
use crate::refusal::{Kind, Refusal};

/// Events that come, one after the other.
#[derive(Debug)]
pub struct Inbox {
    frames: Frames,
    /// None where the provider speaks the caller's dialect.
    translation: Option<Translation>,
}

#[derive(Debug)]
enum Frames {
    Sse(sse::Decoder),
    Amazon(event_stream::Decoder),
}

#[derive(Debug)]
struct Translation {
    events: Option<Events>,
    written: Vec<Written>,
    ready: VecDeque<Event>,
}

impl Inbox {
    /// For events that are framed so, of at most `limit` bytes each.
    pub(super) fn new(framing: Framing, limit: usize, way: Option<Way>) -> Self {
        Inbox {
            frames: match framing {
                Framing::Sse => Frames::Sse(sse::Decoder::new(limit)),
                Framing::Frames => Frames::Amazon(event_stream::Decoder::new(limit)),
            },
            translation: way.map(|Way { from, to, envelope }| Translation {
                events: Events::new(from, to, envelope),
                written: Vec::new(),
                ready: VecDeque::new(),
            }),
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, data: Bytes) {
        match &mut self.frames {
            Frames::Sse(decoder) => decoder.push(data),
            Frames::Amazon(decoder) => decoder.push(&data),
        }
    }

    /// The next event that is complete.
    ///
    /// # Errors
    /// When the provider sends what its protocol does not know, or reports a fault; the stream cannot go on then.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Refusal> {
        loop {
            if let Some(event) = self.translation.as_mut().and_then(|t| t.ready.pop_front()) {
                return Ok(Some(event));
            }
            let Some(event) = self.read()? else { return Ok(None) };
            match &mut self.translation {
                None => return Ok(Some(event)),
                Some(translation) => translation.take(&event)?,
            }
        }
    }

    /// The body has ended: the events that say so, where the provider's dialect has none for it.
    pub(super) fn end_of_body(&mut self) {
        if let Some(Translation { events: Some(events), written, ready }) = &mut self.translation {
            events.end_of_body(written);
            ready.extend(written.drain(..).map(event));
        }
    }

    /// What the provider told of the tokens of all that came, where its events are translated: what became of them
    /// does not say it. None in the outer layer where they are not.
    #[expect(clippy::option_option, reason = "not knowing is another thing than that nothing was told")]
    pub(super) fn usage(&self) -> Option<Option<Usage>> {
        let events = self.translation.as_ref()?.events.as_ref()?;
        Some(events.usage().and_then(|usage| Told::from(usage).usage()))
    }

    fn read(&mut self) -> Result<Option<Event>, Refusal> {
        match &mut self.frames {
            Frames::Sse(decoder) => decoder.next_event().map_err(|error| {
                Refusal::new(Kind::ProviderInvalidAnswer, "The provider sent an event that is too large.")
                    .because(error)
            }),
            Frames::Amazon(decoder) => decoder.next_event().map_err(|error| invalid().because(error)),
        }
    }
}

impl Translation {
    fn take(&mut self, event: &Event) -> Result<(), Refusal> {
        let Some(events) = &mut self.events else { return Err(invalid()) };
        let name = event.name.as_deref().and_then(|name| std::str::from_utf8(name).ok());
        let taken = events.event(name, &event.data, &mut self.written);
        self.ready.extend(self.written.drain(..).map(self::event));
        taken.map_err(|error| match error {
            StreamError::Reported => Refusal::new(
                Kind::ProviderFailed,
                "The provider reported a fault in the middle of the answer.",
            ),
            StreamError::Invalid => invalid(),
        })
    }
}

fn event(written: Written) -> Event {
    let name = written.name.map(|name| Bytes::from_static(name.as_bytes()));
    Event { raw: None, name, data: written.data }
}

fn invalid() -> Refusal {
    Refusal::new(Kind::ProviderInvalidAnswer, "The provider sent an event that its protocol does not know.")
}
