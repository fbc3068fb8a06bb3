//! Writing a `GenerateContentResponse`: one document, or the chunks of a stream. A text comes in pieces, a function
//! call whole; the last chunk says why each candidate ended.

use serde_json::{Map, Value, json};

use super::Form;
use crate::chat::{Call, Finish, Saying, Spoken};
use crate::play::dialect::{Event, Position};
use crate::thought::Thought;

/// All that an answer is written from.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) id: u64,
    pub(super) model: &'a str,
    pub(super) prompt_tokens: u64,
    /// Whether usage is reported.
    pub(super) usage: bool,
    /// What the first candidate thought.
    pub(super) thought: Option<&'a Thought>,
    pub(super) spoken: &'a [Spoken],
}

/// One chunk's share of an answer.
struct Delta {
    candidate: usize,
    part: Value,
    tokens: u64,
    thought: bool,
}

impl Frame<'_> {
    fn thought_tokens(&self) -> u64 {
        self.thought.map_or(0, Thought::tokens)
    }

    fn said_tokens(&self) -> u64 {
        self.spoken.iter().map(Spoken::tokens).sum()
    }

    /// The tokens of all candidates and of what was thought.
    pub(super) fn output_tokens(&self) -> u64 {
        self.thought_tokens() + self.said_tokens()
    }

    fn response(&self, candidates: Vec<Value>, (thought, said): (u64, u64)) -> Value {
        let mut response = Map::new();
        response.insert("candidates".to_owned(), Value::Array(candidates));
        if self.usage {
            let mut usage = Map::new();
            let mut count = |name: &str, tokens: u64| usage.insert(name.to_owned(), json!(tokens));
            count("promptTokenCount", self.prompt_tokens);
            count("candidatesTokenCount", said);
            count("totalTokenCount", self.prompt_tokens + said + thought);
            if thought > 0 {
                count("thoughtsTokenCount", thought);
            }
            let details = json!([{"modality": "TEXT", "tokenCount": self.prompt_tokens}]);
            usage.insert("promptTokensDetails".to_owned(), details);
            response.insert("usageMetadata".to_owned(), Value::Object(usage));
        }
        response.insert("modelVersion".to_owned(), json!(self.model));
        response.insert("responseId".to_owned(), json!(format!("{:016x}", self.id)));
        Value::Object(response)
    }
}

/// The answer as one document.
pub(super) fn document(frame: &Frame<'_>) -> Vec<u8> {
    let candidates = frame.spoken.iter().enumerate().map(|(at, spoken)| {
        let thought = frame.thought.filter(|_| at == 0);
        let mut parts: Vec<Value> = thought.map(thought_part).into_iter().collect();
        match spoken.saying() {
            Saying::Text("") => {}
            Saying::Text(text) => parts.push(signed(json!({"text": text}), thought)),
            Saying::Calls(calls) => parts.extend(call_parts(&calls, thought)),
        }
        let content = if parts.is_empty() {
            json!({"role": "model"})
        } else {
            json!({"parts": parts, "role": "model"})
        };
        json!({"content": content, "finishReason": reason(spoken.finish()), "index": at})
    });
    let tokens = (frame.thought_tokens(), frame.said_tokens());
    frame.response(candidates.collect(), tokens).to_string().into_bytes()
}

/// The answer as chunks. `done`: whether the last one comes.
pub(super) fn events(frame: &Frame<'_>, form: Form, done: bool) -> Vec<Event> {
    let deltas = deltas(frame);
    let mut events = Vec::with_capacity(deltas.len() + 2);
    let position = |events: &[Event]| if events.is_empty() { Position::First } else { Position::Later };
    let (mut thought, mut said) = (0, 0);
    for delta in deltas {
        *(if delta.thought { &mut thought } else { &mut said }) += delta.tokens;
        let content = json!({"parts": [delta.part], "role": "model"});
        let chunk =
            frame.response(vec![json!({"content": content, "index": delta.candidate})], (thought, said));
        let bytes = form.chunk(&chunk, position(&events));
        events.push(Event::content(bytes, delta.tokens));
    }
    if !done {
        return events;
    }
    let candidates = frame.spoken.iter().enumerate().map(|(at, spoken)| {
        // Behind a text its signature comes with an empty one; behind calls nothing is left to sign.
        let thought = frame.thought.filter(|_| at == 0 && matches!(spoken.saying(), Saying::Text(_)));
        let part = signed(json!({"text": ""}), thought);
        let content = json!({"parts": [part], "role": "model"});
        json!({"content": content, "finishReason": reason(spoken.finish()), "index": at})
    });
    let last = frame.response(candidates.collect(), (frame.thought_tokens(), frame.said_tokens()));
    events.push(Event::frame(form.chunk(&last, position(&events))));
    if form == Form::Array {
        events.push(Event::frame(b"]".to_vec()));
    }
    events
}

/// The deltas of all candidates in turn.
fn deltas(frame: &Frame<'_>) -> Vec<Delta> {
    let own = |candidate: usize, spoken: &Spoken| -> Vec<Delta> {
        let thought = frame.thought.filter(|_| candidate == 0);
        let delta = |part, tokens| Delta { candidate, part, tokens, thought: false };
        let mut deltas: Vec<Delta> = thought
            .map(|thought| Delta { thought: true, ..delta(thought_part(thought), thought.tokens()) })
            .into_iter()
            .collect();
        match spoken.saying() {
            Saying::Text(text) => {
                deltas.extend(spoken.pieces(text).map(|(piece, new)| delta(json!({"text": piece}), new)));
            }
            Saying::Calls(calls) => {
                let parts = call_parts(&calls, thought);
                deltas.extend(parts.into_iter().zip(&calls).map(|(part, call)| delta(part, call.tokens())));
            }
        }
        deltas
    };
    let mut queues: Vec<_> =
        frame.spoken.iter().enumerate().map(|(at, spoken)| own(at, spoken).into_iter()).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(queues.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

fn thought_part(thought: &Thought) -> Value {
    json!({"text": thought.text, "thought": true})
}

/// A part with the signature of the thought before it.
fn signed(part: Value, thought: Option<&Thought>) -> Value {
    match (part, thought) {
        (Value::Object(mut members), Some(thought)) => {
            members.insert("thoughtSignature".to_owned(), json!(thought.signature));
            Value::Object(members)
        }
        (part, _) => part,
    }
}

/// One part per call; the first carries the signature.
fn call_parts(calls: &[Call<'_>], thought: Option<&Thought>) -> Vec<Value> {
    let parts = calls.iter().enumerate().map(|(at, call)| {
        // What the demo model calls a tool with is JSON that it wrote itself.
        let arguments = serde_json::from_str(call.arguments).unwrap_or_else(|_| Value::Object(Map::new()));
        let part = json!({"functionCall": {"name": call.name, "args": arguments}});
        signed(part, thought.filter(|_| at == 0))
    });
    parts.collect()
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::End | Finish::Stop | Finish::Calls => "STOP",
        Finish::Length => "MAX_TOKENS",
    }
}
