//! A call, whatever protocol it came in. Protocols decode into it at the edge and encode from it at the end; the
//! stages between do not know protocols.
//!
//! The body is not rebuilt: the [`Document`] keeps the caller's bytes, and every change is a splice into them,
//! so fields that nobody governs travel verbatim.

use crate::json::{Document, NodeId};

/// What the caller wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// An answer to a conversation.
    Chat,
    /// Vectors for texts.
    Embeddings,
    /// How many tokens a conversation has, without an answer to it.
    CountTokens,
    /// A verdict on texts or images, by the provider's own categories.
    Moderations,
    /// Documents in the order in which they answer a question.
    Rerank,
    /// Images from a text.
    Images,
    /// A text read aloud.
    Speech,
    /// What is said in a recording.
    Transcriptions,
    /// Whatever the provider makes of it: nothing is known of the call but where it goes.
    Passthrough,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 9] = [
        Operation::Chat,
        Operation::Embeddings,
        Operation::CountTokens,
        Operation::Moderations,
        Operation::Rerank,
        Operation::Images,
        Operation::Speech,
        Operation::Transcriptions,
        Operation::Passthrough,
    ];

    /// The name used in policies, metrics and usage.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Chat => "chat",
            Operation::Embeddings => "embeddings",
            Operation::CountTokens => "count_tokens",
            Operation::Moderations => "moderations",
            Operation::Rerank => "rerank",
            Operation::Images => "images",
            Operation::Speech => "speech",
            Operation::Transcriptions => "transcriptions",
            Operation::Passthrough => "passthrough",
        }
    }
}

/// Who speaks in a text, as far as the protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextRole {
    /// Instructions of the application.
    System,
    /// The person or program on the other side.
    User,
    /// An earlier answer, or the answer itself.
    Assistant,
    /// What a tool gave back.
    Tool,
    /// Arguments of a tool call: a JSON text within a string. A mask must leave it JSON.
    ToolArguments,
    /// Text that its vendor signed: inspected, never altered.
    Signed,
    /// Any other string value, known to the protocol or not.
    Other,
}

/// One string value of a document that is inspected and, unless it is signed, may be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where it stands.
    pub node: NodeId,
    /// Who speaks.
    pub role: TextRole,
}

/// A decoded request.
#[derive(Debug)]
pub struct Call {
    /// What is wanted.
    pub operation: Operation,
    /// The body as it came.
    pub document: Document,
    /// The public model name that the caller asked for.
    pub model: String,
    /// Whether the answer is wanted as a stream of events.
    pub stream: bool,
    /// Whether the caller asked for usage at the end of the stream.
    pub stream_usage: bool,
    /// How many answers are wanted.
    pub choices: u32,
    /// The caller's cap on output tokens per choice.
    pub max_output_tokens: Option<u64>,
    /// Whether tools are offered to the model.
    pub has_tools: bool,
    /// Whether the provider itself would run tools (web search and the like).
    pub server_tools: bool,
    /// Whether something goes to the model that no detector can read: media, encoded files, token ids.
    pub unseen_input: bool,
    /// The application's name for the person behind the call, where it gives one.
    pub end_user: Option<String>,
    /// Every string value to inspect, in the order of the bytes.
    pub texts: Vec<Text>,
}
