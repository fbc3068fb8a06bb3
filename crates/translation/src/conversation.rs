//! A request as all dialects mean it. Texts are borrowed from the document that was read.

use std::borrow::Cow;

use flyball_core::json::Value;

/// What a model is asked.
#[derive(Debug, Default)]
pub struct Request<'d> {
    /// Instructions of the application that precede the conversation, in their order.
    pub system: Vec<Cow<'d, str>>,
    /// The conversation. Turns of one side may follow each other; writers whose dialect does not have that merge
    /// them. A turn of the system here stands in the middle: see [`Speaker::System`].
    pub turns: Vec<Turn<'d>>,
    /// Tools that the caller runs.
    pub tools: Vec<Tool<'d>>,
    /// Which of them must or may be called.
    pub tool_choice: Option<ToolChoice<'d>>,
    /// Whether several may be called at once; none: as the provider likes.
    pub parallel_tool_calls: Option<bool>,
    /// The cap on output tokens per answer.
    pub max_output_tokens: Option<u64>,
    /// Numbers as the caller wrote them.
    pub temperature: Option<&'d str>,
    /// See above.
    pub top_p: Option<&'d str>,
    /// See above.
    pub top_k: Option<&'d str>,
    /// See above.
    pub seed: Option<&'d str>,
    /// See above.
    pub presence_penalty: Option<&'d str>,
    /// See above.
    pub frequency_penalty: Option<&'d str>,
    /// Texts that end the answer.
    pub stop: Vec<Cow<'d, str>>,
    /// How many answers are wanted; none: one.
    pub choices: Option<u64>,
    /// The form of the answer; none: text.
    pub format: Option<Format<'d>>,
    /// Whether and how much the model thinks first.
    pub reasoning: Option<Reasoning<'d>>,
    /// How many words the answer should have: `low`, `medium`, `high`.
    pub verbosity: Option<Cow<'d, str>>,
    /// A name for the person behind the call.
    pub end_user: Option<Cow<'d, str>>,
    /// Whether events are wanted.
    pub stream: bool,
    /// Whether the caller asked for usage at the end of the stream.
    pub stream_usage: bool,
    /// Fields that one writer alone knows how to carry (log probabilities, penalties by token, service tier ...):
    /// what they mean and their JSON.
    pub others: Vec<(crate::fields::Meaning, Value<'d>)>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The application, in the middle of the conversation. Dialects without such turns say it as a text of the
    /// user's between `<system>` and `</system>`, where it stands: what came before stays as it was, so that the
    /// provider's prompt cache holds.
    System,
    /// The person or program on the other side; also results of tools.
    User,
    /// An earlier answer.
    Assistant,
}

/// What one side says at a time.
#[derive(Debug)]
pub struct Turn<'d> {
    /// Who speaks.
    pub speaker: Speaker,
    /// Where it stands in the caller's body, for refusals: `messages[3]`.
    pub path: String,
    /// What is said. Not empty, unless the caller sent nothing.
    pub parts: Vec<Part<'d>>,
}

/// A part of a turn.
#[derive(Debug)]
pub enum Part<'d> {
    /// Text.
    Text(Cow<'d, str>),
    /// A picture. `detail` as OpenAI has it: `low`, `high`, `auto`.
    Image {
        /// Where its bytes are.
        source: Source<'d>,
        /// How closely to look.
        detail: Option<Cow<'d, str>>,
    },
    /// A document (PDF, plain text).
    Document {
        /// Where its bytes are.
        source: Source<'d>,
        /// Its name.
        name: Option<Cow<'d, str>>,
    },
    /// A recording.
    Audio {
        /// `wav`, `mp3` ...
        format: Cow<'d, str>,
        /// Base64.
        data: Cow<'d, str>,
    },
    /// A call of a tool, in an answer.
    ToolCall(ToolCall<'d>),
    /// What a tool gave back.
    ToolResult(ToolResult<'d>),
    /// Reasoning that nobody signed.
    Reasoning(Cow<'d, str>),
    /// A refusal in words, in an answer.
    Refusal(Cow<'d, str>),
}

/// Where the bytes of media are.
#[derive(Clone, Debug)]
pub enum Source<'d> {
    /// Here, in base64.
    Bytes {
        /// As `image/png`.
        media_type: Cow<'d, str>,
        /// Base64.
        data: Cow<'d, str>,
    },
    /// Here, as text.
    Text(Cow<'d, str>),
    /// At an address that the provider fetches.
    Link(Cow<'d, str>),
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub struct ToolCall<'d> {
    /// Its id, as the caller knows it. Writers whose dialect allows fewer characters make it fit, the same way for
    /// call and result.
    pub id: Cow<'d, str>,
    /// The tool's name.
    pub name: Cow<'d, str>,
    /// Arguments: a JSON text as the model wrote it. May be empty or, after a cap, incomplete.
    pub arguments: Cow<'d, str>,
}

/// What a tool gave back.
#[derive(Debug)]
pub struct ToolResult<'d> {
    /// The id of the call.
    pub id: Cow<'d, str>,
    /// Texts, and media where the dialect has them.
    pub parts: Vec<Part<'d>>,
    /// Whether the tool failed.
    pub error: bool,
}

/// A tool that the caller runs.
#[derive(Debug)]
pub struct Tool<'d> {
    /// Its name.
    pub name: Cow<'d, str>,
    /// What it is for.
    pub description: Option<Cow<'d, str>>,
    /// JSON Schema of its arguments, an object; none: it takes none.
    pub parameters: Option<Value<'d>>,
    /// Whether arguments must keep to the schema.
    pub strict: Option<bool>,
}

/// Which tools must or may be called.
#[derive(Clone, Debug)]
pub enum ToolChoice<'d> {
    /// As the model likes.
    Auto,
    /// None may be.
    None,
    /// Some must be.
    Any,
    /// This one must be.
    Named(Cow<'d, str>),
}

/// The form of an answer.
#[derive(Debug)]
pub enum Format<'d> {
    /// Any JSON object.
    Json,
    /// JSON of a schema.
    Schema {
        /// The schema's name.
        name: Option<Cow<'d, str>>,
        /// What it is for.
        description: Option<Cow<'d, str>>,
        /// The schema.
        schema: Value<'d>,
        /// Whether the answer must keep to it.
        strict: Option<bool>,
    },
}

/// Whether and how much a model thinks first.
#[derive(Clone, Debug)]
pub enum Reasoning<'d> {
    /// Not at all.
    Off,
    /// As much as this word says: `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    Effort(Cow<'d, str>),
    /// At most so many tokens.
    Budget(u64),
    /// As much as the model likes.
    Adaptive,
}
