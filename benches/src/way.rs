//! Which protocol the client speaks and which the provider: a pair of them is a way. What bodies and answers look like
//! in each is the script's business.

use serde::{Deserialize, Serialize};

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's responses; no provider here speaks it.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// Google's `generateContent`; no client here speaks it.
    Gemini,
}

impl Dialect {
    /// Those that the simulator answers in.
    pub(crate) const PROVIDERS: [Dialect; 3] = [Dialect::Chat, Dialect::Messages, Dialect::Gemini];

    /// Where a client sends its calls.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Dialect::Chat | Dialect::Gemini => "/v1/chat/completions",
            Dialect::Responses => "/v1/responses",
            Dialect::Messages => "/v1/messages",
        }
    }

    /// What the names of models begin with whose provider speaks it.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Dialect::Chat | Dialect::Responses => "",
            Dialect::Messages => "anthropic-",
            Dialect::Gemini => "google-",
        }
    }
}

/// From the client's protocol to the provider's and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// What everything is compared with, and what all targets do.
    #[default]
    ChatToChat,
    /// Another protocol, passed on.
    MessagesToMessages,
    /// Translated.
    ChatToMessages,
    /// Translated.
    ResponsesToChat,
    /// Translated.
    ChatToGemini,
}

impl Way {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Way; 5] = [
        Way::ChatToChat,
        Way::MessagesToMessages,
        Way::ChatToMessages,
        Way::ResponsesToChat,
        Way::ChatToGemini,
    ];

    /// The name in filters, files and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::ChatToChat => "chat-to-chat",
            Way::MessagesToMessages => "messages-to-messages",
            Way::ChatToMessages => "chat-to-messages",
            Way::ResponsesToChat => "responses-to-chat",
            Way::ChatToGemini => "chat-to-gemini",
        }
    }

    /// What the client speaks.
    pub(crate) fn client(self) -> Dialect {
        match self {
            Way::ChatToChat | Way::ChatToMessages | Way::ChatToGemini => Dialect::Chat,
            Way::MessagesToMessages => Dialect::Messages,
            Way::ResponsesToChat => Dialect::Responses,
        }
    }

    /// What the provider speaks.
    pub(crate) fn provider(self) -> Dialect {
        match self {
            Way::ChatToChat | Way::ResponsesToChat => Dialect::Chat,
            Way::MessagesToMessages | Way::ChatToMessages => Dialect::Messages,
            Way::ChatToGemini => Dialect::Gemini,
        }
    }
}
