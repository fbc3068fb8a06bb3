//! What the demo model says to a request of another dialect, once that dialect has checked it and turned it into a
//! chat. How the answer is written is the dialect's own business.

pub(crate) use super::choice::{Choice, Said, ToolCall};

use flyball_core::tokens::Counter;
use http::StatusCode;

use super::request::ChatRequest;
use super::{choice, script};
use crate::demo::DemoAnswer;
use crate::play;
use crate::rejected::Rejected;
use crate::script::Script;

/// What is said to a request.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) script: Script,
    /// What the caller said last, without a script.
    pub(crate) prompt: String,
    pub(crate) prompt_tokens: u64,
    pub(crate) choice: Choice,
}

/// Hears the body of a chat.
pub(crate) fn hear(chat: &[u8]) -> Result<Heard, Rejected> {
    let request = ChatRequest::parse(chat)?;
    let (script, prompt) = script(request.model(None)?, &request)?;
    request.check()?;
    let choice = choice(&request, &script, prompt, 0)?;
    Ok(Heard { prompt: prompt.to_owned(), prompt_tokens: request.prompt_tokens(), choice, script })
}

impl Heard {
    /// The answer that the script gives whatever was asked; `None` when it wants a real one. `error` is the
    /// dialect's error document for a status.
    pub(crate) fn regardless(&self, error: impl FnOnce(StatusCode) -> Vec<u8>) -> Option<DemoAnswer> {
        match self.script.status {
            Some(status) if !self.script.garbage && !self.script.empty => {
                Some(play::error(&self.calm(), status, error(status)))
            }
            _ => play::regardless(&self.calm(), self.prompt_tokens),
        }
    }

    /// An answer in one document, which says so many tokens. `error` is the dialect's error document.
    pub(crate) fn plain(&self, body: Vec<u8>, tokens: u64, error: impl FnOnce() -> Vec<u8>) -> DemoAnswer {
        let (body, tokens) = match self.script.error_event {
            Some(_) => (error(), 0),
            None => (body, tokens),
        };
        play::plain(&self.calm(), StatusCode::OK, body, (self.prompt_tokens, tokens))
    }

    /// The script without its error object, for which `play` has chat's words.
    fn calm(&self) -> Script {
        Script { error_event: None, ..self.script.clone() }
    }
}

/// The pieces of a text, each with the tokens that are new with it.
pub(crate) fn counted(pieces: Vec<&str>) -> impl Iterator<Item = (&str, u64)> {
    let mut counter = Counter::default();
    pieces.into_iter().map(move |piece| {
        let before = counter.total();
        counter.push(piece);
        (piece, counter.total() - before)
    })
}
