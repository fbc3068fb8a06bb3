//! Writes chat's chunks, as the official SDKs put them together again.

use bytes::Bytes;

use super::{stops, usage};
use crate::Envelope;
use crate::events::Written;
use crate::reply::{Event, Opened, Stop, Usage};
use crate::write::Json;

/// The longest id and name of a model, in bytes, that is repeated in chunks.
const LONGEST: usize = 256;

/// What writes a stream.
#[derive(Debug)]
pub(crate) struct EventWriter {
    envelope: Envelope,
    /// What every chunk begins with: the members before `choices`.
    head: String,
    /// How many of the answers were begun.
    choices: u32,
    open: Vec<Open>,
    /// The number of calls in each answer that has some.
    calls: Vec<(u32, u64)>,
    usage: Option<Usage>,
}

/// A part that is not complete.
#[derive(Debug)]
struct Open {
    choice: u32,
    part: u32,
    kind: Kind,
}

/// What its pieces are.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Reasoning,
    Refusal,
    /// Arguments of the call with this number.
    Call(u64),
}

impl EventWriter {
    /// For one stream.
    pub(crate) fn new(envelope: Envelope) -> Self {
        EventWriter {
            head: stream_head(&envelope, "chat.completion.chunk", None, None, None),
            envelope,
            choices: 0,
            open: Vec::new(),
            calls: Vec::new(),
            usage: None,
        }
    }

    /// Writes what `event` tells.
    pub(crate) fn write(&mut self, event: &Event<'_>, out: &mut Vec<Written>) {
        match event {
            Event::Start { id, model, created } => {
                self.head = stream_head(
                    &self.envelope,
                    "chat.completion.chunk",
                    id.as_deref(),
                    model.as_deref(),
                    *created,
                );
                self.begin(0, out);
            }
            Event::Open { choice, part, kind } => self.open(*choice, *part, kind, out),
            Event::Piece { choice, part, text } => self.piece(*choice, *part, text, out),
            Event::Close { choice, part } => {
                self.open.retain(|open| (open.choice, open.part) != (*choice, *part));
            }
            Event::Stop { choice, stop, .. } => {
                self.begin(*choice, out);
                self.chunk(*choice, |_| {}, Some(*stop), out);
            }
            Event::Usage(told) => self.usage = Some(usage::merge(self.usage, told)),
            Event::Ping => {}
            Event::End => self.end(out),
        }
    }

    /// The first chunk of an answer, after those of the answers before it: readers count them.
    fn begin(&mut self, choice: u32, out: &mut Vec<Written>) {
        while self.choices <= choice {
            let begun = self.choices;
            self.choices += 1;
            let delta = |json: &mut Json| {
                json.key("role").text("assistant");
                json.key("content").raw("null");
            };
            self.chunk(begun, delta, None, out);
        }
    }

    fn open(&mut self, choice: u32, part: u32, kind: &Opened<'_>, out: &mut Vec<Written>) {
        self.begin(choice, out);
        let kind = match kind {
            Opened::Text => Kind::Text,
            Opened::Reasoning => Kind::Reasoning,
            Opened::Refusal => Kind::Refusal,
            Opened::ToolCall { id, name } => {
                let number = self.next_call(choice);
                let call = |json: &mut Json| {
                    json.key("tool_calls").array(|json| {
                        json.object(|json| {
                            json.key("index").number(number);
                            json.key("id").text(id);
                            json.key("type").text("function");
                            json.key("function").object(|json| {
                                json.key("name").text(name);
                                json.key("arguments").text("");
                            });
                        });
                    });
                };
                self.chunk(choice, call, None, out);
                Kind::Call(number)
            }
        };
        self.open.push(Open { choice, part, kind });
    }

    fn next_call(&mut self, choice: u32) -> u64 {
        match self.calls.iter_mut().find(|(of, _)| *of == choice) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.calls.push((choice, 0));
                0
            }
        }
    }

    fn piece(&mut self, choice: u32, part: u32, text: &str, out: &mut Vec<Written>) {
        let open = self.open.iter().rfind(|open| (open.choice, open.part) == (choice, part));
        let Some(kind) = open.map(|open| open.kind) else { return };
        let delta = |json: &mut Json| match kind {
            Kind::Text => json.key("content").text(text),
            Kind::Reasoning => json.key("reasoning_content").text(text),
            Kind::Refusal => json.key("refusal").text(text),
            Kind::Call(number) => json.key("tool_calls").array(|json| {
                json.object(|json| {
                    json.key("index").number(number);
                    json.key("function").object(|json| json.key("arguments").text(text));
                });
            }),
        };
        self.chunk(choice, delta, None, out);
    }

    fn chunk(&self, choice: u32, delta: impl FnOnce(&mut Json), stop: Option<Stop>, out: &mut Vec<Written>) {
        let mut json = Json::with_capacity(self.head.len() + 256);
        json.object(|json| {
            json.members(&self.head);
            json.key("choices").array(|json| {
                json.object(|json| {
                    json.key("index").number(u64::from(choice));
                    json.key("delta").object(delta);
                    json.key("logprobs").raw("null");
                    json.key("finish_reason");
                    match stop {
                        Some(stop) => json.text(stops::word(stop)),
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

    fn end(&mut self, out: &mut Vec<Written>) {
        if let Some(told) = self.usage.filter(|_| self.envelope.stream_usage) {
            out.push(usage_chunk(&self.head, &told));
        }
        out.push(Written { name: None, data: Bytes::from_static(b"[DONE]") });
    }
}

/// The members that all chunks of a stream begin with; what the provider does not say is the envelope's.
pub(crate) fn stream_head(
    envelope: &Envelope,
    object: &str,
    id: Option<&str>,
    model: Option<&str>,
    created: Option<u64>,
) -> String {
    // Every chunk repeats them: what the provider says takes their place only where it is as short as such names are.
    let short = |name: &&str| name.len() <= LONGEST;
    let (id, model) = (id.filter(short), model.filter(short));
    let mut json = Json::with_capacity(128);
    json.key("id").text(id.unwrap_or(&envelope.id));
    json.key("object").text(object);
    json.key("created").number(created.unwrap_or(envelope.created));
    json.key("model").text(model.unwrap_or(&envelope.model));
    // What was written is text: names and JSON of texts and numbers.
    String::from_utf8(json.finish()).unwrap_or_default()
}

/// The chunk that tells usage, last before the mark of the end.
pub(crate) fn usage_chunk(head: &str, told: &Usage) -> Written {
    let mut json = Json::with_capacity(head.len() + 256);
    json.object(|json| {
        json.members(head);
        json.key("choices").array(|_| {});
        json.key("usage");
        usage::write(told, json);
    });
    Written { name: None, data: json.finish().into() }
}
