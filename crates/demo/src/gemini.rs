//! Google's `generateContent`, plain, streamed and counted, under the paths of the Gemini API and of Vertex AI: from a
//! body to an answer. `request` reads and checks, the chat decides what is said, `encode` writes it. Shapes: the
//! public description of `google.ai.generativelanguage.v1beta`.

mod config;
mod encode;
mod fields;
mod parts;
mod refused;
mod request;
mod schema;
mod tools;
mod turns;

use http::StatusCode;
use serde_json::{Value, json};

use crate::chat;
use crate::demo::DemoAnswer;
use crate::hash::hash;
use crate::models;
use crate::play;
use crate::play::dialect::{Dialect, Position, Refusal};
use crate::script::{Script, percent_decode};

use encode::Frame;
use fields::Fields;
use refused::Refused;
use request::Request;

const PLAIN: Dialect = EVENTS;
const EVENTS: Dialect = Dialect {
    stream: "text/event-stream",
    refusal: |status| Refused::scripted(status).refusal(),
    broken: |position| Form::Events.frame(b"{\"candidates\":[{\"index\":0,", position),
    failure: |position| Form::Events.frame(&failure(), position),
};
const ARRAY: Dialect = Dialect {
    stream: "application/json; charset=UTF-8",
    refusal: |status| in_array(Refused::scripted(status).refusal()),
    broken: |position| Form::Array.frame(b"{\"candidates\":[{\"index\":0,", position),
    failure: |position| [Form::Array.frame(&failure(), position), b"]".to_vec()].concat(),
};

/// What a path asks of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Generate,
    Stream,
    Count,
}

/// How the chunks of a stream are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Server-sent events, with the line ends that Google sends.
    Events,
    /// The elements of one JSON array.
    Array,
}

impl Form {
    fn chunk(self, chunk: &Value, position: Position) -> Vec<u8> {
        self.frame(chunk.to_string().as_bytes(), position)
    }

    fn frame(self, document: &[u8], position: Position) -> Vec<u8> {
        let (before, after): (&[u8], &[u8]) = match (self, position) {
            (Form::Events, _) => (b"data: ", b"\r\n\r\n"),
            (Form::Array, Position::First) => (b"[", b""),
            (Form::Array, Position::Later) => (b",\r\n", b""),
        };
        [before, document, after].concat()
    }
}

/// The model and the action that a path names: `/v1beta/models/{model}:{action}` or Vertex AI's long form. The
/// model is still percent-encoded.
pub(crate) fn route(path: &str) -> Option<(&str, Action)> {
    let named = path.strip_prefix("/v1beta/models/").or_else(|| vertex(path))?;
    let (model, action) = named.rsplit_once(':')?;
    let action = match action {
        "generateContent" => Action::Generate,
        "streamGenerateContent" => Action::Stream,
        "countTokens" => Action::Count,
        _ => return None,
    };
    (!model.is_empty()).then_some((model, action))
}

fn vertex(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1/projects/").or_else(|| path.strip_prefix("/v1beta1/projects/"))?;
    let (_, rest) = rest.split_once("/locations/")?;
    let (_, model) = rest.split_once("/publishers/google/models/")?;
    Some(model)
}

/// Answers a body. `model` is as it stands in the path.
pub(crate) fn answer(body: &[u8], model: &str, action: Action, query: &str) -> DemoAnswer {
    let form = if query.split('&').any(|pair| pair == "alt=sse") { Form::Events } else { Form::Array };
    let dialect = match (action, form) {
        (Action::Stream, Form::Events) => EVENTS,
        (Action::Stream, Form::Array) => ARRAY,
        (Action::Generate | Action::Count, _) => PLAIN,
    };
    let played = match action {
        Action::Count => count(body, model),
        Action::Generate => generate(body, model, action, None),
        Action::Stream => generate(body, model, action, Some(form)),
    };
    played.unwrap_or_else(|refused| {
        let refusal = refused.refusal();
        let refusal = if dialect.stream == ARRAY.stream { in_array(refusal) } else { refusal };
        dialect.refused(&Script::default(), refused.status, refusal)
    })
}

fn generate(body: &[u8], model: &str, action: Action, form: Option<Form>) -> Result<DemoAnswer, Refused> {
    let model = existing(model, action)?;
    let read = Request::read(&request::parse(body)?)?;
    let asked = chat::ask(&model, &read.chat)?;
    let dialect = match form {
        Some(Form::Array) => ARRAY,
        Some(Form::Events) | None => EVENTS,
    };
    if let Some(answer) = dialect.regardless(&asked.script, asked.prompt_tokens) {
        return Ok(answer);
    }
    let frame = Frame {
        id: hash(body),
        model: models::shown(&model),
        prompt_tokens: asked.prompt_tokens,
        usage: !asked.script.no_usage,
        thought: read.thought.as_ref(),
        spoken: &asked.spoken,
    };
    match form {
        Some(form) if !asked.script.ignore_stream => {
            let events = encode::events(&frame, form, !asked.script.no_done);
            Ok(dialect.stream(&asked.script, events, asked.prompt_tokens))
        }
        _ => {
            let tokens = (asked.prompt_tokens, frame.output_tokens());
            Ok(PLAIN.plain(&asked.script, encode::document(&frame), tokens))
        }
    }
}

/// Counts the tokens of a request, which stands in the body itself or under `generateContentRequest`.
fn count(body: &[u8], model: &str) -> Result<DemoAnswer, Refused> {
    let model = existing(model, Action::Count)?;
    let body = request::parse(body)?;
    let name = ["generateContentRequest", "generate_content_request"]
        .into_iter()
        .find(|name| body.get(name).is_some());
    let read = match name {
        Some(name) => {
            let fields = Fields::read(&body, "", &["generateContentRequest"])?;
            Request::read(fields.get("generateContentRequest").or(body.get(name)).unwrap_or(&Value::Null))?
        }
        None => Request::read(&body)?,
    };
    let asked = chat::ask(&model, &read.chat)?;
    if let Some(answer) = PLAIN.regardless(&asked.script, 0) {
        return Ok(answer);
    }
    let counted = json!({
        "totalTokens": asked.prompt_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": asked.prompt_tokens}],
    });
    Ok(play::plain(&asked.script, StatusCode::OK, counted.to_string().into_bytes(), (0, 0)))
}

fn existing(model: &str, action: Action) -> Result<String, Refused> {
    let action = match action {
        Action::Generate | Action::Stream => "generateContent",
        Action::Count => "countTokens",
    };
    let decoded = percent_decode(model).filter(|model| models::exists(model));
    decoded.ok_or_else(|| Refused::unknown_model(model, action))
}

fn failure() -> Vec<u8> {
    Refused::scripted(StatusCode::INTERNAL_SERVER_ERROR).refusal().0
}

fn in_array((document, headers): Refusal) -> Refusal {
    ([b"[", document.as_slice(), b"]"].concat(), headers)
}
