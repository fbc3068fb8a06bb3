//! The wire formats of conversations.

/// A wire format in which models are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's completions of old: one prompt, one text.
    Completions,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// Google's `generateContent`.
    Gemini,
    /// Bedrock's Converse.
    Converse,
}

impl Dialect {
    /// Those that callers speak.
    pub const CALLERS: [Dialect; 4] =
        [Dialect::Chat, Dialect::Completions, Dialect::Responses, Dialect::Messages];

    /// Those that providers speak and a request can be written in.
    pub const PROVIDERS: [Dialect; 4] =
        [Dialect::Chat, Dialect::Messages, Dialect::Gemini, Dialect::Converse];

    /// The name used in configuration, metrics and documents.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Chat => "chat",
            Dialect::Completions => "completions",
            Dialect::Responses => "responses",
            Dialect::Messages => "messages",
            Dialect::Gemini => "gemini",
            Dialect::Converse => "converse",
        }
    }
}
