//! Writing a legacy completion: one document, or the events of a stream. Shape: OpenAI's API description,
//! `CreateCompletionResponse`, which serves both.

use serde_json::{Map, Value, json};

use super::logprobs::Logprobs;
use crate::play::dialect::Event;

/// All that an answer is written from.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) id: u64,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) prompt_tokens: u64,
    /// Whether usage is reported.
    pub(super) usage: bool,
    /// How many alternatives each token shows, when log probabilities are wanted.
    pub(super) logprobs: Option<u32>,
    pub(super) texts: &'a [Text<'a>],
}

/// One of the answers.
#[derive(Debug)]
pub(super) struct Text<'a> {
    /// The prompt, where it is to be repeated.
    pub(super) echo: Option<&'a str>,
    /// The answer's pieces, each with its tokens.
    pub(super) pieces: Vec<(&'a str, u64)>,
    /// `stop` or `length`.
    pub(super) finish: &'static str,
}

impl Frame<'_> {
    /// The tokens of all answers. What is repeated costs nothing.
    pub(super) fn completion_tokens(&self) -> u64 {
        self.texts.iter().flat_map(|text| &text.pieces).map(|(_, tokens)| tokens).sum()
    }

    fn document(&self, choices: Vec<Value>) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("id".to_owned(), json!(format!("cmpl-{:016x}", self.id)));
        document.insert("object".to_owned(), json!("text_completion"));
        document.insert("created".to_owned(), json!(self.created));
        document.insert("model".to_owned(), json!(self.model));
        document.insert("choices".to_owned(), Value::Array(choices));
        document.insert("system_fingerprint".to_owned(), json!("fp_flyball_demo"));
        document
    }

    fn usage(&self) -> Value {
        let completion = self.completion_tokens();
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        })
    }
}

/// The answer as one document.
pub(super) fn document(frame: &Frame<'_>) -> Vec<u8> {
    let choices = frame.texts.iter().enumerate().map(|(index, text)| {
        let mut logprobs = frame.logprobs.map(Logprobs::new);
        let mut whole = String::new();
        if let Some(echo) = text.echo {
            whole.push_str(echo);
            logprobs.iter_mut().for_each(|logprobs| logprobs.push_prompt(echo));
        }
        for (piece, _) in &text.pieces {
            whole.push_str(piece);
            logprobs.iter_mut().for_each(|logprobs| logprobs.push(piece));
        }
        choice(index, &whole, logprobs.as_mut(), Some(text.finish))
    });
    let mut document = frame.document(choices.collect());
    if frame.usage {
        document.insert("usage".to_owned(), frame.usage());
    }
    Value::Object(document).to_string().into_bytes()
}

/// The answer as events: the pieces of all answers in turn, the finish reasons, usage, `[DONE]`.
pub(super) fn events(frame: &Frame<'_>, include_usage: bool, done: bool) -> Vec<Event> {
    let include_usage = include_usage && frame.usage;
    let chunk = |choice: Value| {
        let mut chunk = frame.document(vec![choice]);
        if include_usage {
            chunk.insert("usage".to_owned(), Value::Null);
        }
        data(&Value::Object(chunk).to_string())
    };
    let mut events = Vec::new();
    let mut logprobs: Vec<_> = frame.texts.iter().map(|_| frame.logprobs.map(Logprobs::new)).collect();
    for (index, (text, logprobs)) in frame.texts.iter().zip(&mut logprobs).enumerate() {
        if let Some(echo) = text.echo {
            logprobs.iter_mut().for_each(|logprobs| logprobs.push_prompt(echo));
            events.push(Event::content(chunk(choice(index, echo, logprobs.as_mut(), None)), 0));
        }
    }
    let longest = frame.texts.iter().map(|text| text.pieces.len()).max().unwrap_or(0);
    for at in 0..longest {
        for (index, (text, logprobs)) in frame.texts.iter().zip(&mut logprobs).enumerate() {
            let Some((piece, tokens)) = text.pieces.get(at) else { continue };
            logprobs.iter_mut().for_each(|logprobs| logprobs.push(piece));
            events.push(Event::content(chunk(choice(index, piece, logprobs.as_mut(), None)), *tokens));
        }
    }
    for (index, text) in frame.texts.iter().enumerate() {
        events.push(Event::frame(chunk(choice(index, "", None, Some(text.finish)))));
    }
    if include_usage {
        let mut last = frame.document(Vec::new());
        last.insert("usage".to_owned(), frame.usage());
        events.push(Event::frame(data(&Value::Object(last).to_string())));
    }
    if done {
        events.push(Event::frame(data("[DONE]")));
    }
    events
}

/// An event of this data.
fn data(text: &str) -> Vec<u8> {
    format!("data: {text}\n\n").into_bytes()
}

fn choice(index: usize, text: &str, logprobs: Option<&mut Logprobs>, finish: Option<&str>) -> Value {
    let logprobs = logprobs.map_or(Value::Null, Logprobs::take);
    json!({"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish})
}
