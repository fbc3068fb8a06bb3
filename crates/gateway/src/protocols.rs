//! Wire protocols: bytes of a caller's protocol in, a [`Call`] out, and back again at the end.
//!
//! One folder per vendor's protocol. Everything that knows field names of a wire format lives below here;
//! what is allowed, changed or recorded is decided by the pipeline.

use flyball_core::json::{Document, NodeId, Value};
use flyball_core::{Call, Counting, Text};

use crate::refusal::{Kind, Refusal};

pub mod governed_speed;
pub mod openai;
mod reading;

/// What an exchange came in as, and so what it is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `POST /v1/chat/completions`
    OpenAiChat,
    /// `POST /v1/embeddings`
    OpenAiEmbeddings,
    /// `POST /proxy/completion`: one prompt, one answer.
    Completion,
    /// `POST /proxy/completion/stream`
    CompletionStream,
}

impl Protocol {
    /// The protocol's endpoint, for metrics and logs.
    pub fn endpoint(self) -> &'static str {
        match self {
            Protocol::OpenAiChat => "/v1/chat/completions",
            Protocol::OpenAiEmbeddings => "/v1/embeddings",
            Protocol::Completion => "/proxy/completion",
            Protocol::CompletionStream => "/proxy/completion/stream",
        }
    }

    /// Reads a request body.
    ///
    /// # Errors
    /// A refusal that names the field at fault.
    pub fn decode(self, document: Document) -> Result<Call, Refusal> {
        match self {
            Protocol::OpenAiChat => openai::chat::decode(document),
            Protocol::OpenAiEmbeddings => openai::embeddings::decode(document),
            Protocol::Completion => governed_speed::decode_completion(&document, false),
            Protocol::CompletionStream => governed_speed::decode_completion(&document, true),
        }
    }
}

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
    /// The field that it continues; none: it stands for itself.
    pub channel: Option<Channel>,
}

/// A refusal for a field of the wrong type.
fn wrong_type(field: impl Into<String>, expected: &str) -> Refusal {
    let field = field.into();
    Refusal::new(Kind::InvalidField, format!("'{field}' must be {expected}.")).at(field)
}

/// A refusal for an absent field.
fn missing(field: &str) -> Refusal {
    Refusal::new(Kind::MissingField, format!("'{field}' is required.")).at(field)
}

/// The application's name for the person behind a request: `safety_identifier`, or its predecessor `user`.
fn end_user(root: Value<'_>) -> Option<String> {
    let name = root.get("safety_identifier").or_else(|| root.get("user"))?.text()?;
    (!name.is_empty()).then(|| name.into_owned())
}

/// The public model name of a request.
fn model_name(root: Value<'_>) -> Result<String, Refusal> {
    let model = root.get("model").ok_or_else(|| missing("model"))?;
    let name = model.text().ok_or_else(|| wrong_type("model", "a string"))?;
    let visible = |c: char| !c.is_control() && !c.is_whitespace();
    if name.is_empty() || name.chars().count() > 256 || !name.chars().all(visible) {
        return Err(wrong_type("model", "1 to 256 visible characters"));
    }
    Ok(name.into_owned())
}
