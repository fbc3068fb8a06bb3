//! Wire protocols: bytes of a caller's protocol in, a [`Call`] out, and back again at the end.
//!
//! One folder per vendor's protocol. Everything that knows field names of a wire format lives below here;
//! what is allowed, changed or recorded is decided by the pipeline.

use std::borrow::Cow;
use std::collections::BTreeSet;

use bytes::Bytes;
use flyball_core::json::{Document, Editor, Limits, Value};
use flyball_core::{Call, Operation};
use flyball_translation::{Dialect, Wanted};

use crate::refusal::{Kind, Refusal};

mod answers;
pub mod anthropic;
mod counts;
pub mod governed_speed;
pub mod openai;
pub mod passthrough;
mod reading;

pub use answers::{Answer, AnswerText, Channel, Chunk, Ending, Field, Mark, Piece, Told, Usage};

/// What an exchange came in as, and so what it is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `POST /v1/chat/completions`
    OpenAiChat,
    /// `POST /v1/embeddings`
    OpenAiEmbeddings,
    /// `POST /v1/responses`
    OpenAiResponses,
    /// `POST /v1/completions`: the completions of old.
    OpenAiCompletions,
    /// `POST /v1/moderations`
    OpenAiModerations,
    /// `POST /v1/images/generations`
    OpenAiImages,
    /// `POST /v1/audio/speech`
    OpenAiSpeech,
    /// `POST /v1/audio/transcriptions`
    OpenAiTranscriptions,
    /// `POST /v1/rerank`: what Cohere and Jina have in common.
    Rerank,
    /// What is passed to a provider as it is, below a path of the configuration.
    Passthrough,
    /// `POST /v1/messages`
    AnthropicMessages,
    /// `POST /v1/messages/count_tokens`
    AnthropicCountTokens,
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
            Protocol::OpenAiResponses => "/v1/responses",
            Protocol::OpenAiCompletions => "/v1/completions",
            Protocol::OpenAiModerations => "/v1/moderations",
            Protocol::OpenAiImages => "/v1/images/generations",
            Protocol::OpenAiSpeech => "/v1/audio/speech",
            Protocol::OpenAiTranscriptions => "/v1/audio/transcriptions",
            Protocol::Rerank => "/v1/rerank",
            Protocol::Passthrough => "passthrough",
            Protocol::AnthropicMessages => "/v1/messages",
            Protocol::AnthropicCountTokens => "/v1/messages/count_tokens",
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
            Protocol::OpenAiResponses => openai::responses::request::decode(document),
            Protocol::OpenAiCompletions => openai::completions::decode(document),
            Protocol::OpenAiModerations => openai::moderations::decode(document),
            Protocol::OpenAiImages => openai::images::decode(document),
            Protocol::OpenAiSpeech => openai::speech::decode(document),
            Protocol::OpenAiTranscriptions => openai::transcriptions::decode(document),
            Protocol::Rerank => openai::rerank::decode(document),
            Protocol::Passthrough => passthrough::decode(document),
            Protocol::AnthropicMessages => anthropic::request::decode(document, Operation::Chat),
            Protocol::AnthropicCountTokens => anthropic::request::decode(document, Operation::CountTokens),
            Protocol::Completion => governed_speed::decode_completion(&document, false),
            Protocol::CompletionStream => governed_speed::decode_completion(&document, true),
        }
    }

    /// The dialect of its calls and answers, where they are a conversation.
    pub fn dialect(self) -> Option<Dialect> {
        match self {
            Protocol::OpenAiChat | Protocol::Completion | Protocol::CompletionStream => Some(Dialect::Chat),
            Protocol::OpenAiResponses => Some(Dialect::Responses),
            Protocol::OpenAiCompletions => Some(Dialect::Completions),
            Protocol::AnthropicMessages | Protocol::AnthropicCountTokens => Some(Dialect::Messages),
            Protocol::OpenAiEmbeddings
            | Protocol::OpenAiModerations
            | Protocol::OpenAiImages
            | Protocol::OpenAiSpeech
            | Protocol::OpenAiTranscriptions
            | Protocol::Rerank
            | Protocol::Passthrough => None,
        }
    }

    /// Reads a whole answer in this protocol; none when it is not one.
    pub fn read_answer(self, document: &Document) -> Option<Answer> {
        match self {
            Protocol::OpenAiEmbeddings => openai::answer::embeddings(document),
            Protocol::OpenAiModerations => openai::moderations::answer(document),
            Protocol::OpenAiImages => openai::images::answer(document),
            // Sound only.
            Protocol::OpenAiSpeech => None,
            Protocol::OpenAiTranscriptions => openai::transcriptions::answer(document),
            Protocol::Rerank => openai::rerank::answer(document),
            Protocol::Passthrough => Some(passthrough::answer::read(document)),
            Protocol::OpenAiChat | Protocol::Completion | Protocol::CompletionStream => {
                openai::answer::chat(document)
            }
            Protocol::OpenAiResponses => openai::responses::answer::read(document),
            Protocol::OpenAiCompletions => openai::completions::answer(document),
            Protocol::AnthropicMessages => anthropic::answer::read(document),
            Protocol::AnthropicCountTokens => anthropic::answer::count(document),
        }
    }

    /// What a whole answer with this content type is made of.
    pub fn content(self, content_type: Option<&str>) -> Content {
        let written = content_type.unwrap_or_default().trim().to_ascii_lowercase();
        let is = |prefix: &str| written.starts_with(prefix);
        match self {
            Protocol::OpenAiSpeech if is("audio/") || is("application/octet-stream") => Content::Media,
            Protocol::OpenAiTranscriptions if is("text/") || is("application/x-subrip") => Content::Text,
            _ => Content::Json,
        }
    }

    /// Takes away what repeats the text of these answers, which were rewritten: log probabilities, annotations.
    /// None: of all, in one event.
    pub fn forget(self, editor: &mut Editor<'_>, document: &Document, rewritten: Option<&BTreeSet<u32>>) {
        let root = document.root();
        match self {
            Protocol::OpenAiEmbeddings | Protocol::AnthropicCountTokens => {}
            Protocol::Passthrough => passthrough::answer::forget(editor, document),
            Protocol::OpenAiResponses => openai::responses::answer::forget(editor, root),
            Protocol::AnthropicMessages => anthropic::answer::forget(editor, root),
            _ => openai::forget(editor, root, rewritten),
        }
    }

    /// Reads one event of a streamed answer; none when it is not one.
    pub fn read_event(self, document: &Document) -> Option<Chunk> {
        match self {
            Protocol::OpenAiResponses => openai::responses::event::read(document),
            Protocol::OpenAiCompletions => openai::completions::event(document),
            Protocol::AnthropicMessages => anthropic::event::read(document),
            Protocol::Passthrough => Some(passthrough::event::read(document)),
            _ => openai::chunk::read(document),
        }
    }

    /// The name of an event with this data, in protocols whose events have names: it is the data's `type`.
    pub fn event_name(self, document: &Document) -> Option<Cow<'_, str>> {
        match self {
            Protocol::OpenAiResponses | Protocol::AnthropicMessages => document.root().get("type")?.text(),
            _ => None,
        }
    }

    /// What the screen needs to end a stream.
    pub fn ending(self) -> Box<dyn Ending> {
        match self {
            Protocol::OpenAiResponses => Box::<openai::responses::end::Envelope>::default(),
            Protocol::OpenAiCompletions => Box::<openai::completions::Envelope>::default(),
            Protocol::AnthropicMessages => Box::<anthropic::end::Envelope>::default(),
            Protocol::Passthrough => Box::<passthrough::event::Envelope>::default(),
            _ => Box::<openai::end::Envelope>::default(),
        }
    }

    /// The data of an event that ends a stream and is no JSON.
    pub fn end_mark(self) -> Option<&'static [u8]> {
        match self {
            Protocol::OpenAiResponses | Protocol::AnthropicMessages => None,
            _ => Some(b"[DONE]"),
        }
    }

    /// The tokens of a whole answer in this protocol; counted by us.
    pub fn count_answer(self, document: &Document) -> u64 {
        match self {
            Protocol::OpenAiResponses => openai::responses::answer::tokens(document),
            Protocol::OpenAiCompletions => openai::completions::tokens(document),
            Protocol::AnthropicMessages => anthropic::answer::tokens(document),
            Protocol::OpenAiTranscriptions => openai::transcriptions::answer_tokens(document),
            Protocol::AnthropicCountTokens => 0,
            Protocol::Passthrough => passthrough::answer::tokens(document),
            _ => openai::tokens::answer(document),
        }
    }

    /// The body of a refusal in this protocol.
    pub fn error_body(self, refusal: &Refusal, request_id: &str) -> String {
        match self {
            Protocol::AnthropicMessages | Protocol::AnthropicCountTokens => {
                anthropic::error::body(refusal, request_id)
            }
            _ => openai::error::body(refusal, request_id),
        }
    }
}

/// What a whole answer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A JSON document.
    Json,
    /// A text, which is read as the document that is nothing but this string.
    Text,
    /// Sound, images and the like: no detector can read them.
    Media,
}

/// Bounds on a body that we wrote: whatever was let in fits.
pub(crate) const OWN_LIMITS: Limits = Limits { depth: 1024, nodes: 16_000_000 };

/// The tokens of a request in this protocol, as it leaves; counted by us. Conversations are counted in one form,
/// whatever they came in.
pub fn count_request(protocol: Protocol, body: Bytes) -> u64 {
    let Ok(document) = Document::parse(body.clone(), OWN_LIMITS) else {
        // More than was let in: its texts cannot be told from the rest of it.
        return flyball_core::tokens::count(&String::from_utf8_lossy(&body));
    };
    match protocol.dialect() {
        None => match protocol {
            Protocol::OpenAiModerations => openai::moderations::request_tokens(&document),
            Protocol::OpenAiImages => openai::images::request_tokens(&document),
            Protocol::OpenAiTranscriptions => openai::transcriptions::request_tokens(&document),
            Protocol::Rerank => openai::rerank::request_tokens(&document),
            Protocol::Passthrough => passthrough::request_tokens(&document),
            _ => openai::tokens::inputs(&document),
        },
        Some(Dialect::Chat) => openai::tokens::conversation(&document),
        Some(dialect) => {
            let wanted = Wanted { model: "", max_output_tokens: 1 };
            let chat = flyball_translation::request(dialect, &document, Dialect::Chat, wanted);
            match chat.map(|chat| Document::parse(chat.body, OWN_LIMITS)) {
                Ok(Ok(chat)) => openai::tokens::conversation(&chat),
                _ => openai::tokens::strings(&document),
            }
        }
    }
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
