//! What the screen needs to know of answers and events, whatever their protocol: which strings there are, what they
//! belong to, what was counted. The protocols' folders fill it in; what happens to the strings is the screen's
//! business.

use bytes::BytesMut;
use flyball_core::json::{Document, NodeId};
use flyball_core::{Counting, Text, TextRole};

use crate::refusal::Refusal;

/// What an exchange cost in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input: u64,
    /// Tokens read from the provider's prompt cache.
    pub cached_input: u64,
    /// Tokens written, reasoning included.
    pub output: u64,
    /// Who says so.
    pub how: Counting,
}

/// Tokens as an answer or one event of it tells them: what is not told is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Tokens read, cached ones included.
    pub input: Option<u64>,
    /// Tokens read from the provider's prompt cache.
    pub cached_input: Option<u64>,
    /// Tokens written, reasoning included.
    pub output: Option<u64>,
}

impl Told {
    /// What is known when `later` was told too. Counts only grow; an event that repeats one in part does not take
    /// from it.
    #[must_use]
    pub fn and(self, later: Told) -> Told {
        Told {
            input: self.input.max(later.input),
            cached_input: self.cached_input.max(later.cached_input),
            output: self.output.max(later.output),
        }
    }

    /// The usage, once it is told how much was read.
    pub fn usage(self) -> Option<Usage> {
        let input = self.input?;
        let cached_input = self.cached_input.unwrap_or(0).min(input);
        Some(Usage { input, cached_input, output: self.output.unwrap_or(0), how: Counting::Reported })
    }
}

/// A whole answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// Every string to inspect: answer by answer, then the rest.
    pub texts: Vec<AnswerText>,
    /// What the provider counted.
    pub usage: Option<Usage>,
}

/// One event of a streamed answer.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Pieces of text, in the order of the bytes.
    pub pieces: Vec<Piece>,
    /// Names of called functions: not inspected, but written by the model.
    pub names: Vec<NodeId>,
    /// Answers that the event speaks of.
    pub choices: Vec<u32>,
    /// Answers that end with it.
    pub finished: Vec<u32>,
    /// What the provider counted.
    pub told: Option<Told>,
    /// Whether the event tells usage and nothing else, and is meant only for callers that asked for it.
    pub only_usage: bool,
    /// Whether the event is an error object.
    pub error: bool,
    /// Whether nothing may come after it.
    pub last: bool,
    /// What it does to the frame of the stream.
    pub mark: Mark,
    /// What only hides the event's length.
    pub padding: Option<NodeId>,
}

impl Chunk {
    /// The strings whose words change nothing in how the event reads: one that differs in these only is the same
    /// chunk.
    pub fn free(&self) -> impl Iterator<Item = NodeId> {
        self.pieces.iter().map(|piece| piece.node).chain(self.padding)
    }
}

/// What an event does to the frame of its stream: whoever ends a stream early has to close what it opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    #[default]
    None,
    /// It begins the answer.
    Begin,
    /// It opens the part with this number.
    Open(u32),
    /// It closes the part with this number.
    Close(u32),
}

/// How a stream ends that the provider does not end, and the events of an answer that we wrote.
pub trait Ending: std::fmt::Debug + Send {
    /// Takes from an event as it came what an own event would have to repeat.
    fn note(&mut self, document: &Document, chunk: &Chunk);

    /// The provider's own end mark came.
    fn marked(&mut self) {}

    /// An event with this mark is released.
    fn released(&mut self, _mark: Mark) {}

    /// The protocol's refusal end, to its last event. `open` are the answers that have begun and not ended.
    fn refuse(&mut self, open: &[u32], out: &mut BytesMut);

    /// An answer that we wrote, in place of all of the provider's, up to the end mark of [`Ending::end`].
    fn answer(&mut self, texts: &[(u32, String)], out: &mut BytesMut);

    /// The mark after the last event, in protocols where that is not an event of the answer.
    fn end(&self, _out: &mut BytesMut) {}

    /// The end of a stream that broke: an error in the protocol's shape, and no end mark, so that no client takes the
    /// answer for a complete one.
    fn broken(&mut self, refusal: &Refusal, request_id: &str, out: &mut BytesMut);
}

/// One string of an answer that is inspected and may be rewritten.
#[derive(Clone, Copy, Debug)]
pub struct AnswerText {
    /// Where it stands.
    pub text: Text,
    /// Which of the answers it belongs to.
    pub choice: u32,
    /// Whether it is the answer's own text, which counts for whole-answer signals and can be summarised.
    pub content: bool,
}

/// A field that grows over the events of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Channel {
    /// Which of the answers.
    pub choice: u32,
    /// Which part of it, in protocols where answers consist of parts.
    pub part: u32,
    /// Which field of it.
    pub field: Field,
}

/// The fields that grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The answer's text.
    Content,
    /// Reasoning that the provider shows.
    Reasoning,
    /// A refusal in words.
    Refusal,
    /// Arguments of the tool call with this index.
    ToolArguments(u32),
    /// What another tool is given, in whatever form: input of a custom tool, code, a command.
    ToolInput,
    /// Tokens of the text in the log probabilities.
    LogProbs,
    /// A field that the protocol does not name, by a hash of its path.
    Other(u64),
}

/// One piece of text in an event.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Where it stands in the event's document.
    pub node: NodeId,
    /// The field that it continues, or whose like it is where it repeats; none: it stands for itself.
    pub channel: Option<Channel>,
    /// Whether it only repeats what earlier events told, and stands for itself: a finding in it is none more.
    pub repeats: bool,
}

impl Piece {
    /// The field that it continues, where it does.
    pub fn continues(&self) -> Option<Channel> {
        self.channel.filter(|_| !self.repeats)
    }

    /// Who speaks in it, where it stands for itself.
    pub fn role(&self) -> TextRole {
        match self.channel {
            Some(Channel { field: Field::ToolArguments(_), .. }) => TextRole::ToolArguments,
            _ => TextRole::Assistant,
        }
    }
}
