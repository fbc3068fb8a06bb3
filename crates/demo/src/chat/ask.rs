//! What the demo model says to a request of another dialect, once that dialect has read, checked and written it as a
//! chat. How the answer is written is the dialect's own business, and so are its checks: those of a chat are not
//! made here.

use flyball_core::tokens::{Counter, count};
use serde_json::Value;

use super::choice::{Choice, Said, ToolCall};
use super::request::ChatRequest;
use super::{choice, script};
use crate::rejected::Rejected;
use crate::script::Script;

/// What the demo model says.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What is to go wrong.
    pub(crate) script: Script,
    /// The tokens of all that the model read.
    pub(crate) prompt_tokens: u64,
    /// The answers. None where the script answers whatever was asked.
    pub(crate) spoken: Vec<Spoken>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Spoken {
    choice: Choice,
    stop: Option<String>,
}

/// What an answer consists of.
#[derive(Debug)]
pub(crate) enum Saying<'a> {
    Text(&'a str),
    Calls(Vec<Call<'a>>),
}

/// A call of one of the caller's tools.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// What tells this call from others: hexadecimal digits.
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    /// A JSON object, as text.
    pub(crate) arguments: &'a str,
}

/// Why an answer ends where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// All is said.
    End,
    /// A stop sequence came.
    Stop,
    /// The caller's limit is reached.
    Length,
    /// Tools are called.
    Calls,
}

/// Asks the demo model. `chat` has the members of a chat completion's body: of a message's part only `type` and
/// `text` are read.
pub(crate) fn ask(model: &str, chat: &Value) -> Result<Asked, Rejected> {
    let body = chat.to_string();
    let request = ChatRequest::parse(body.as_bytes())?;
    let (script, prompt) = script(model, &request)?;
    let prompt_tokens = request.prompt_tokens();
    let mut asked = Asked { script, prompt_tokens, spoken: Vec::new() };
    if asked.script.garbage || asked.script.empty || asked.script.status.is_some() {
        return Ok(asked);
    }
    let unstopped = chat.get("stop").map(|_| without_stop(chat));
    let unstopped = match &unstopped {
        Some(body) => Some(ChatRequest::parse(body.as_bytes())?),
        None => None,
    };
    for index in 0..request.choices() {
        let choice = choice(&request, &asked.script, prompt, index)?;
        let stop = match &unstopped {
            Some(unstopped) => {
                stop_of(&choice, &self::choice(unstopped, &asked.script, prompt, index)?, &request)
            }
            None => None,
        };
        asked.spoken.push(Spoken { choice, stop });
    }
    Ok(asked)
}

fn without_stop(chat: &Value) -> String {
    let mut chat = chat.clone();
    if let Some(members) = chat.as_object_mut() {
        members.remove("stop");
        // The sequence at the end of the answer has to be seen whole.
        members.remove("max_tokens");
    }
    chat.to_string()
}

/// The stop sequence that ended `choice`, which would have been `whole` without any.
fn stop_of(choice: &Choice, whole: &Choice, request: &ChatRequest<'_>) -> Option<String> {
    let (Said::Text(text), Said::Text(whole)) = (&choice.said, &whole.said) else { return None };
    if choice.finish != "stop" {
        return None;
    }
    let rest = whole.get(text.len()..)?;
    request.stop_sequences().find(|stop| rest.starts_with(stop)).map(str::to_owned)
}

impl Spoken {
    pub(crate) fn saying(&self) -> Saying<'_> {
        match &self.choice.said {
            Said::Text(text) => Saying::Text(text),
            Said::Calls(calls) => Saying::Calls(calls.iter().map(Call::of).collect()),
        }
    }

    pub(crate) fn finish(&self) -> Finish {
        match self.choice.finish {
            "length" => Finish::Length,
            "tool_calls" => Finish::Calls,
            _ if self.stop.is_some() => Finish::Stop,
            _ => Finish::End,
        }
    }

    /// A text of this answer in the pieces that a stream sends, each with the tokens that are new with it.
    pub(crate) fn pieces<'a>(&self, text: &'a str) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let mut counter = Counter::default();
        self.choice.pieces(text).into_iter().map(move |piece| {
            let before = counter.total();
            counter.push(piece);
            (piece, counter.total() - before)
        })
    }

    /// The stop sequence that ended this answer.
    pub(crate) fn stop(&self) -> Option<&str> {
        self.stop.as_deref()
    }

    /// The tokens of this answer.
    pub(crate) fn tokens(&self) -> u64 {
        self.choice.tokens()
    }
}

impl<'a> Call<'a> {
    fn of(call: &'a ToolCall) -> Self {
        let id = call.id.strip_prefix("call_").unwrap_or(&call.id);
        Call { id, name: &call.name, arguments: &call.arguments }
    }

    /// The tokens of the call.
    pub(crate) fn tokens(&self) -> u64 {
        count(self.name) + count(self.arguments)
    }
}
