//! Log probabilities in the legacy form: four lists of one entry per token. They look like a model's: each token's own
//! is the largest, and the sum of the probabilities is at most one.

use flyball_core::tokens;
use serde_json::{Map, Value, json};

use crate::hash::{choose, hash, mix};

const WORDS: [&str; 8] = [" mill", " weight", " lever", " valve", " shaft", " belt", " wheel", " steam"];

/// The log probabilities of a text that grows.
#[derive(Debug)]
pub(super) struct Logprobs {
    alternatives: u32,
    offset: usize,
    tokens: Vec<Value>,
    own: Vec<Value>,
    top: Vec<Value>,
    offsets: Vec<Value>,
}

impl Logprobs {
    /// With so many alternatives for each token.
    pub(super) fn new(alternatives: u32) -> Self {
        let (tokens, own, top, offsets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Logprobs { alternatives, offset: 0, tokens, own, top, offsets }
    }

    /// Appends a prompt. Nothing stands before its first token, so that one has no probability.
    pub(super) fn push_prompt(&mut self, prompt: &str) {
        for piece in tokens::pieces(prompt) {
            self.push(piece);
        }
        self.own.first_mut().into_iter().for_each(|own| *own = Value::Null);
        self.top.first_mut().into_iter().for_each(|top| *top = Value::Null);
    }

    /// Appends a token.
    pub(super) fn push(&mut self, token: &str) {
        let seed = hash(token.as_bytes());
        let percent = 60 + u32::try_from(seed % 40).unwrap_or(0);
        let probability = f64::from(percent) / 100.0;
        let mut top = Map::new();
        let mut left = 1.0 - probability;
        for rank in 0..self.alternatives {
            if rank == 0 {
                top.insert(token.to_owned(), json!(probability.ln()));
            } else {
                left /= 2.0;
                let word = choose(&WORDS, mix(seed));
                // The rank keeps the alternatives of one token apart.
                top.insert(format!("{word}{rank}"), json!(left.ln()));
            }
        }
        self.tokens.push(json!(token));
        self.own.push(json!(probability.ln()));
        self.top.push(Value::Object(top));
        self.offsets.push(json!(self.offset));
        self.offset += token.chars().count();
    }

    /// What was appended since this was asked last.
    pub(super) fn take(&mut self) -> Value {
        let top = std::mem::take(&mut self.top);
        json!({
            "tokens": std::mem::take(&mut self.tokens),
            "token_logprobs": std::mem::take(&mut self.own),
            "top_logprobs": if self.alternatives == 0 { Value::Null } else { Value::Array(top) },
            "text_offset": std::mem::take(&mut self.offsets),
        })
    }
}
