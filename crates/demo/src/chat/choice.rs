//! One of the answers to a chat: what is said, cut to the caller's limits, in the pieces that a stream sends.

use flyball_core::tokens;

use super::request::ChatRequest;
use crate::split::Split;

/// A call of one of the caller's tools.
#[derive(Debug)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: String,
    /// A JSON object, as text.
    pub(super) arguments: String,
}

/// What an answer consists of.
#[derive(Debug)]
pub(super) enum Said {
    Text(String),
    Calls(Vec<ToolCall>),
}

/// One answer.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) index: u32,
    pub(super) said: Said,
    /// `stop`, `length` or `tool_calls`.
    pub(super) finish: &'static str,
    split: Split,
}

impl Choice {
    pub(super) fn new(index: u32, said: Said, split: Split) -> Self {
        let finish = match said {
            Said::Text(_) => "stop",
            Said::Calls(_) => "tool_calls",
        };
        Choice { index, said, finish, split }
    }

    /// Ends the text ahead of the first stop sequence, and after the allowed number of tokens. Tool calls stay
    /// whole: half of a JSON object is of no use to anybody.
    pub(super) fn limited(mut self, request: &ChatRequest<'_>) -> Self {
        let Said::Text(text) = &mut self.said else { return self };
        let stop = request.stop_sequences().filter_map(|stop| text.find(stop)).min();
        if let Some(at) = stop {
            text.truncate(at);
        }
        if let Some(most) = request.max_tokens() {
            let kept = tokens::beginning(text, most).len();
            if kept < text.len() {
                text.truncate(kept);
                self.finish = "length";
            }
        }
        self
    }

    /// The pieces of a text of this answer.
    pub(super) fn pieces<'a>(&self, text: &'a str) -> Vec<&'a str> {
        self.split.pieces(text)
    }

    /// The tokens of this answer.
    pub(super) fn tokens(&self) -> u64 {
        match &self.said {
            Said::Text(text) => tokens::count(text),
            Said::Calls(calls) => {
                calls.iter().map(|call| tokens::count(&call.name) + tokens::count(&call.arguments)).sum()
            }
        }
    }
}
