//! Writing the answer of a `Converse`: one document, or the events of a stream. Shapes: AWS's model of the service
//! `bedrock-runtime`.

use serde_json::{Map, Value, json};

use super::frame::frame;
use crate::chat::{Call, Finish, Saying, Spoken};
use crate::hash::hash;
use crate::play::dialect::Event;
use crate::thought::Thought;

/// What the padding of events is cut from, so that their size does not tell the size of their text.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// All that an answer is written from.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) prompt_tokens: u64,
    /// Whether usage is reported.
    pub(super) usage: bool,
    pub(super) thought: Option<&'a Thought>,
    /// Whether to say which stop sequence ended the answer.
    pub(super) stop_sequence: bool,
    pub(super) spoken: &'a Spoken,
}

impl Frame<'_> {
    /// The tokens of the answer and of what was thought.
    pub(super) fn output_tokens(&self) -> u64 {
        self.thought.map_or(0, Thought::tokens) + self.spoken.tokens()
    }

    fn stop_reason(&self) -> &'static str {
        match self.spoken.finish() {
            Finish::End => "end_turn",
            Finish::Stop => "stop_sequence",
            Finish::Length => "max_tokens",
            Finish::Calls => "tool_use",
        }
    }

    /// What usage and time there is to report. Time passes only where a script wants it, so this one is made up: ten
    /// milliseconds for each token.
    fn push_metadata(&self, out: &mut Map<String, Value>) {
        let output = self.output_tokens();
        if self.usage {
            let usage = json!({
                "inputTokens": self.prompt_tokens,
                "outputTokens": output,
                "totalTokens": self.prompt_tokens + output,
                "cacheReadInputTokens": 0,
                "cacheWriteInputTokens": 0,
            });
            out.insert("usage".to_owned(), usage);
        }
        out.insert("metrics".to_owned(), json!({"latencyMs": 10 * output.max(1)}));
    }

    fn push_stop(&self, out: &mut Map<String, Value>) {
        out.insert("stopReason".to_owned(), json!(self.stop_reason()));
        if self.stop_sequence {
            let fields = json!({"stop_sequence": self.spoken.stop()});
            out.insert("additionalModelResponseFields".to_owned(), fields);
        }
    }
}

/// The answer as one document.
pub(super) fn document(frame: &Frame<'_>) -> Vec<u8> {
    let thought = frame.thought.map(|thought| {
        let text = json!({"text": thought.text, "signature": thought.signature});
        json!({"reasoningContent": {"reasoningText": text}})
    });
    let mut content: Vec<Value> = thought.into_iter().collect();
    match frame.spoken.saying() {
        Saying::Text("") => {}
        Saying::Text(text) => content.push(json!({"text": text})),
        Saying::Calls(calls) => content.extend(calls.iter().map(|call| {
            // What the demo model calls a tool with is JSON that it wrote itself.
            let input = serde_json::from_str(call.arguments).unwrap_or_else(|_| Value::Object(Map::new()));
            json!({"toolUse": {"toolUseId": id(call), "name": call.name, "input": input}})
        })),
    }
    let mut document = Map::new();
    document.insert("output".to_owned(), json!({"message": {"role": "assistant", "content": content}}));
    frame.push_stop(&mut document);
    frame.push_metadata(&mut document);
    Value::Object(document).to_string().into_bytes()
}

/// The answer as events. `done`: whether the one comes that says why it ends.
pub(super) fn events(frame: &Frame<'_>, done: bool) -> Vec<Event> {
    let mut events = vec![Event::frame(event("messageStart", json!({"role": "assistant"})))];
    let delta = |index: usize, delta: Value| {
        event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}))
    };
    let stop = |index: usize| Event::frame(event("contentBlockStop", json!({"contentBlockIndex": index})));
    let mut index = 0;
    if let Some(thought) = frame.thought {
        let text = json!({"reasoningContent": {"text": thought.text}});
        events.push(Event::content(delta(index, text), thought.tokens()));
        let signature = json!({"reasoningContent": {"signature": thought.signature}});
        events.push(Event::frame(delta(index, signature)));
        events.push(stop(index));
        index += 1;
    }
    match frame.spoken.saying() {
        Saying::Text(text) => {
            let before = events.len();
            let pieces = frame.spoken.pieces(text);
            events
                .extend(pieces.map(|(piece, new)| Event::content(delta(index, json!({"text": piece})), new)));
            if events.len() > before {
                events.push(stop(index));
            }
        }
        Saying::Calls(calls) => {
            for call in calls {
                let start = json!({"toolUse": {"toolUseId": id(&call), "name": call.name}});
                let start = event("contentBlockStart", json!({"contentBlockIndex": index, "start": start}));
                let arguments: Vec<_> = frame.spoken.pieces(call.arguments).collect();
                let counted: u64 = arguments.iter().map(|(_, new)| new).sum();
                events.push(Event::content(start, call.tokens() - counted));
                events.extend(arguments.into_iter().map(|(piece, new)| {
                    Event::content(delta(index, json!({"toolUse": {"input": piece}})), new)
                }));
                events.push(stop(index));
                index += 1;
            }
        }
    }
    if done {
        let mut reason = Map::new();
        frame.push_stop(&mut reason);
        events.push(Event::frame(event("messageStop", Value::Object(reason))));
    }
    let mut metadata = Map::new();
    frame.push_metadata(&mut metadata);
    events.push(Event::frame(event("metadata", Value::Object(metadata))));
    events
}

/// One event as a frame, padded.
fn event(kind: &str, mut payload: Value) -> Vec<u8> {
    let seed = hash(payload.to_string().as_bytes());
    let length = usize::try_from(seed).unwrap_or(0) % PADDING.len();
    if let Some(members) = payload.as_object_mut() {
        members.insert("p".to_owned(), json!(PADDING.get(..length)));
    }
    framed(kind, payload.to_string().as_bytes())
}

/// A payload as the frame of an event.
pub(super) fn framed(kind: &str, payload: &[u8]) -> Vec<u8> {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers, payload)
}

fn id(call: &Call<'_>) -> String {
    format!("tooluse_{}", call.id)
}
