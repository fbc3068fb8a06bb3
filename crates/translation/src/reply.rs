//! An answer and its events as all dialects mean them. Texts are borrowed from the document that was read.

use std::borrow::Cow;

use crate::conversation::ToolCall;

/// What a model answered.
#[derive(Debug, Default)]
pub struct Answer<'d> {
    /// The provider's id of it.
    pub id: Option<Cow<'d, str>>,
    /// The model, as the provider names it.
    pub model: Option<Cow<'d, str>>,
    /// When it was made, in seconds since 1970.
    pub created: Option<u64>,
    /// The answers, in the order of their numbers.
    pub choices: Vec<Choice<'d>>,
    /// What it cost.
    pub usage: Option<Usage>,
}

/// One of the answers.
#[derive(Debug, Default)]
pub struct Choice<'d> {
    /// What it consists of, in its order.
    pub parts: Vec<Part<'d>>,
    /// Why it ended.
    pub stop: Stop,
    /// The stop sequence that ended it.
    pub stop_sequence: Option<Cow<'d, str>>,
}

/// A part of an answer.
#[derive(Debug)]
pub enum Part<'d> {
    /// Text.
    Text(Cow<'d, str>),
    /// Reasoning that the provider shows.
    Reasoning(Cow<'d, str>),
    /// A refusal in words.
    Refusal(Cow<'d, str>),
    /// A call of a tool.
    ToolCall(ToolCall<'d>),
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stop {
    /// It was complete.
    #[default]
    End,
    /// The cap on output tokens, or the context's end.
    Length,
    /// One of the request's stop sequences.
    StopSequence,
    /// It calls tools.
    ToolUse,
    /// The model or its provider refused.
    Refusal,
    /// The provider paused a long turn, to be sent back as it is.
    Pause,
}

/// Tokens as the provider counted them. Counts that it did not tell are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Read, those from and into the cache included.
    pub input: Option<u64>,
    /// Of these: read from the provider's prompt cache.
    pub cached: Option<u64>,
    /// Of these: written into it.
    pub cache_write: Option<u64>,
    /// Written, reasoning included.
    pub output: Option<u64>,
    /// Of these: reasoning.
    pub reasoning: Option<u64>,
}

/// Something that happens in a streamed answer. Readers keep to this order: one `Start` first; for each part `Open`,
/// its pieces, `Close`; for each choice one `Stop` when all its parts are closed; `Usage` as often as it is told,
/// each telling the whole of what it tells; one `End` last, only where the provider's stream ended properly. Parts of
/// one choice have numbers from 0 in the order of their opening and several may be open at a time.
#[derive(Debug)]
pub enum Event<'d> {
    /// The answer begins.
    Start {
        /// The provider's id of it.
        id: Option<Cow<'d, str>>,
        /// The model, as the provider names it.
        model: Option<Cow<'d, str>>,
        /// When it was made, in seconds since 1970.
        created: Option<u64>,
    },
    /// A part begins.
    Open {
        /// Which of the answers.
        choice: u32,
        /// Its number within the answer.
        part: u32,
        /// What it is.
        kind: Opened<'d>,
    },
    /// A part goes on: text, reasoning, a refusal's text, or arguments, as it was opened.
    Piece {
        /// Which of the answers.
        choice: u32,
        /// Which part.
        part: u32,
        /// What is added.
        text: Cow<'d, str>,
    },
    /// A part is complete.
    Close {
        /// Which of the answers.
        choice: u32,
        /// Which part.
        part: u32,
    },
    /// An answer is complete.
    Stop {
        /// Which of the answers.
        choice: u32,
        /// Why.
        stop: Stop,
        /// The stop sequence that ended it.
        stop_sequence: Option<Cow<'d, str>>,
    },
    /// What it costs so far.
    Usage(Usage),
    /// A sign of life.
    Ping,
    /// The stream is complete.
    End,
}

/// What a part of a streamed answer is.
#[derive(Clone, Debug)]
pub enum Opened<'d> {
    /// Text.
    Text,
    /// Reasoning.
    Reasoning,
    /// A refusal in words.
    Refusal,
    /// A call of a tool.
    ToolCall {
        /// The call's id.
        id: Cow<'d, str>,
        /// The tool's name.
        name: Cow<'d, str>,
    },
}
