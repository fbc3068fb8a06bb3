//! One of the answers to a chat: what is said, cut to the caller's limits, in the pieces that a stream sends.

use flyball_core::tokens;

use super::request::ChatRequest;
use crate::split::Split;

/// A call of one of the caller's tools.
#[derive(Debug)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    /// A JSON object, as text.
    pub(crate) arguments: String,
}

/// What an answer consists of.
#[derive(Debug)]
pub(crate) enum Said {
    Text(String),
    Calls(Vec<ToolCall>),
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) index: u32,
    pub(crate) said: Said,
    /// `stop`, `length` or `tool_calls`.
    pub(crate) finish: &'static str,
    /// The stop sequence that ended the text.
    pub(crate) stopped_by: Option<String>,
    split: Split,
}

impl Choice {
    pub(crate) fn new(index: u32, said: Said, split: Split) -> Self {
        let finish = match said {
            Said::Text(_) => "stop",
            Said::Calls(_) => "tool_calls",
        };
        Choice { index, said, finish, stopped_by: None, split }
    }

    /// Ends the text ahead of the first stop sequence, and after the allowed number of tokens. Tool calls stay
    /// whole: half of a JSON object is of no use to anybody.
    pub(super) fn limited(mut self, request: &ChatRequest<'_>) -> Self {
        let Said::Text(text) = &mut self.said else { return self };
        let places = request.stop_sequences().filter_map(|stop| text.find(stop).map(|at| (at, stop)));
        if let Some((at, stop)) = places.min() {
            text.truncate(at);
            self.stopped_by = Some(stop.to_owned());
        }
        match request.max_tokens() {
            Some(most) => self.capped(most),
            None => self,
        }
    }

    /// Ends the text after so many tokens.
    pub(crate) fn capped(mut self, most: u64) -> Self {
        let Said::Text(text) = &mut self.said else { return self };
        let kept = tokens::beginning(text, most).len();
        if kept < text.len() {
            text.truncate(kept);
            self.finish = "length";
            self.stopped_by = None;
        }
        self
    }

    /// The pieces of a text of this answer.
    pub(crate) fn pieces<'a>(&self, text: &'a str) -> Vec<&'a str> {
        self.split.pieces(text)
    }

    /// The tokens of this answer.
    pub(crate) fn tokens(&self) -> u64 {
        match &self.said {
            Said::Text(text) => tokens::count(text),
            Said::Calls(calls) => {
                calls.iter().map(|call| tokens::count(&call.name) + tokens::count(&call.arguments)).sum()
            }
        }
    }
}
