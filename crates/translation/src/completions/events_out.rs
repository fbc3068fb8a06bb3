//! Writes the events of a streamed answer as completions.

use bytes::Bytes;

use super::stop_word;
use crate::Envelope;
use crate::chat::{stream_head, usage, usage_chunk};
use crate::events::Written;
use crate::reply::{Event, Opened, Stop, Usage};
use crate::write::Json;

const OBJECT: &str = "text_completion";

/// What writes a stream.
#[derive(Debug)]
pub(crate) struct EventWriter {
    envelope: Envelope,
    /// What every event begins with: the members before `choices`.
    head: String,
    /// Parts that are open and whose words are the text's.
    open: Vec<(u32, u32)>,
    usage: Option<Usage>,
}

impl EventWriter {
    /// For one stream.
    pub(crate) fn new(envelope: Envelope) -> Self {
        let head = stream_head(&envelope, OBJECT, None, None, None);
        EventWriter { envelope, head, open: Vec::new(), usage: None }
    }

    /// Writes what `event` tells.
    pub(crate) fn write(&mut self, event: &Event<'_>, out: &mut Vec<Written>) {
        match event {
            Event::Start { id, model, created } => {
                self.head = stream_head(&self.envelope, OBJECT, id.as_deref(), model.as_deref(), *created);
            }
            Event::Open { choice, part, kind: Opened::Text | Opened::Refusal } => {
                self.open.push((*choice, *part));
            }
            Event::Piece { choice, part, text } if self.open.contains(&(*choice, *part)) => {
                self.event(*choice, text, None, out);
            }
            Event::Close { choice, part } => self.open.retain(|open| *open != (*choice, *part)),
            Event::Stop { choice, stop, .. } => self.event(*choice, "", Some(*stop), out),
            Event::Usage(told) => self.usage = Some(usage::merge(self.usage, told)),
            Event::End => {
                if let Some(told) = self.usage.filter(|_| self.envelope.stream_usage) {
                    out.push(usage_chunk(&self.head, &told));
                }
                out.push(Written { name: None, data: Bytes::from_static(b"[DONE]") });
            }
            Event::Open { .. } | Event::Piece { .. } | Event::Ping => {}
        }
    }

    fn event(&self, choice: u32, text: &str, stop: Option<Stop>, out: &mut Vec<Written>) {
        let mut json = Json::with_capacity(self.head.len() + text.len() + 96);
        json.object(|json| {
            json.members(&self.head);
            json.key("choices").array(|json| {
                json.object(|json| {
                    json.key("text").text(text);
                    json.key("index").number(u64::from(choice));
                    json.key("logprobs").raw("null");
                    json.key("finish_reason");
                    match stop {
                        Some(stop) => json.text(stop_word(stop)),
                        None => json.raw("null"),
                    }
                });
            });
            if self.envelope.stream_usage {
                json.key("usage").raw("null");
            }
        });
        out.push(Written { name: None, data: json.finish().into() });
    }
}
