//! One protocol's requests, answers and events in another's.
//!
//! What is common to all is in the middle: a [`conversation`] on the way in, a [`reply`] on the way out. Each
//! dialect has a folder that reads its wire format into these and writes them as its own, and two lists: what its
//! fields mean, and where it puts what is meant. From the lists follows what happens to every field in every
//! direction ([`fields`]): they bind the code (the [`gate`]), make tests, and are the reference page.
//!
//! A translated body is at most eight times as large as what was sent and four kilobytes more (a tool that is nothing but
//! a name grows most), an answer too; a stream at most sixteen times and a kilobyte for each event. The fuzz targets and
//! `tests/every_way/bounds.rs` hold it to that.
//!
//! Deliberately absent: I/O, HTTP, credentials, anything that inspects or decides. Requests that stay within one
//! dialect do not pass here: they are spliced, not translated.

mod chat;
mod claude;
mod completions;
pub mod conversation;
mod converse;
mod dialect;
pub mod events;
pub mod fields;
pub mod fuzz;
pub mod gate;
mod gemini;
mod ids;
mod messages;
mod reference;
pub mod reply;
mod responses;
mod sides;
#[cfg(test)]
mod trial;
mod write;

use bytes::Bytes;
use flyball_core::json::Document;

pub use dialect::Dialect;
pub use gate::Untranslatable;
pub use reference::reference;

use gate::Gate;
use reply::Usage;

/// What a request becomes.
#[derive(Debug)]
pub struct Translated {
    /// The body for the provider. It names the model where the dialect has that in the body.
    pub body: Bytes,
    /// Fields of the caller's that were left out because they change nothing, by their paths, each once.
    pub dropped: Vec<String>,
    /// What an answer repeats of the request, as members of a JSON object, where the caller's dialect does that.
    pub echo: String,
    /// The most output tokens of one answer that the body asks for; none where it sets no cap.
    pub max_output_tokens: Option<u64>,
}

/// What a target wants that the request does not say.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The provider's name of the model.
    pub model: &'a str,
    /// The cap on output tokens where the caller sets none and the dialect must have one.
    pub max_output_tokens: u64,
}

/// Writes a request of one dialect as one of another.
///
/// # Errors
/// When it holds something that the other dialect cannot say and that changes what is meant.
pub fn request(
    from: Dialect,
    document: &Document,
    to: Dialect,
    wanted: Wanted<'_>,
) -> Result<Translated, Untranslatable> {
    let mut gate = Gate::new(from, to);
    let mut request = match from {
        Dialect::Chat => chat::read_request(document, &mut gate),
        Dialect::Completions => completions::read_request(document, &mut gate),
        Dialect::Responses => responses::read_request(document, &mut gate),
        Dialect::Messages => messages::read_request(document, &mut gate),
        Dialect::Gemini | Dialect::Converse => return Err(Untranslatable::direction(from, to)),
    }?;
    without_tools(&mut request);
    let body = match to {
        Dialect::Chat => chat::write_request(&request, wanted, &mut gate),
        Dialect::Messages => messages::write_request(&request, wanted, &mut gate),
        Dialect::Gemini => gemini::write_request(&request, wanted, &mut gate),
        Dialect::Converse => converse::write_request(&request, wanted, &mut gate),
        Dialect::Responses | Dialect::Completions => return Err(Untranslatable::direction(from, to)),
    }?;
    let echo = match from {
        Dialect::Responses => responses::echo(document),
        _ => String::new(),
    };
    let max_output_tokens = match to {
        Dialect::Messages => Some(request.max_output_tokens.unwrap_or(wanted.max_output_tokens)),
        _ => request.max_output_tokens,
    };
    Ok(Translated { body: body.into(), dropped: gate.into_dropped(), echo, max_output_tokens })
}

/// Without tools there is no choice among them. Some callers say so all the same, and most providers refuse it.
fn without_tools(request: &mut conversation::Request<'_>) {
    use conversation::ToolChoice;
    if request.tools.is_empty() {
        request.parallel_tool_calls = None;
        request.tool_choice.take_if(|choice| matches!(choice, ToolChoice::Auto | ToolChoice::None));
    }
}

/// What an answer says of itself where the provider's does not.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Its id.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The model.
    pub model: String,
    /// What it repeats of the request: [`Translated::echo`].
    pub echo: String,
    /// Whether the caller asked for usage at the end of a stream, where that has to be asked for.
    pub stream_usage: bool,
}

/// What an answer becomes.
#[derive(Debug)]
pub struct Answered {
    /// The body for the caller.
    pub body: Bytes,
    /// What the provider told of tokens. Dialects that must tell them tell zeros where it told none.
    pub usage: Option<Usage>,
}

/// Writes an answer of one dialect as one of another; none when it is not one of the first.
pub fn answer(from: Dialect, document: &Document, to: Dialect, envelope: &Envelope) -> Option<Answered> {
    let answer = match from {
        Dialect::Chat => chat::read_answer(document),
        Dialect::Messages => messages::read_answer(document),
        Dialect::Gemini => gemini::read_answer(document),
        Dialect::Converse => converse::read_answer(document),
        Dialect::Responses | Dialect::Completions => None,
    }?;
    let body = match to {
        Dialect::Chat => chat::write_answer(&answer, envelope),
        Dialect::Completions => completions::write_answer(&answer, envelope),
        Dialect::Responses => responses::write_answer(&answer, envelope),
        Dialect::Messages => messages::write_answer(&answer, envelope),
        Dialect::Gemini | Dialect::Converse => return None,
    };
    Some(Answered { body: body.into(), usage: answer.usage })
}
