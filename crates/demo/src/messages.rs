//! Anthropic's Messages API: `POST /v1/messages`, `/v1/messages/count_tokens`, and the models in its shape. A body is
//! checked in `request`, becomes a chat, and what the demo model says to that is written by `encode`.

mod blocks;
mod content;
mod encode;
mod models;
mod refused;
mod request;
mod tools;

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::chat::hear::{self, Heard};
use crate::demo::{DemoAnswer, DemoRequest};
use crate::hash::hash;
use crate::play;
use crate::script::Script;
use crate::thinking::Thought;
use encode::Frame;
use refused::Refused;
use request::{Call, Purpose, Thinking, Version};

/// The header by which a caller says that it speaks this dialect.
const VERSION: &str = "anthropic-version";
const VERSIONS: [(&str, Version); 3] = [
    ("2023-01-01", Version::June2023),
    ("2023-06-01", Version::June2023),
    ("2026-10-21", Version::October2026),
];

/// Whether a request to a path that several dialects have is in this one.
pub(crate) fn is_spoken(headers: &HeaderMap) -> bool {
    headers.contains_key(VERSION)
}

/// Answers `POST /v1/messages`.
pub(crate) fn answer(request: &DemoRequest<'_>) -> DemoAnswer {
    settled(request, |number, version| {
        let body = body(request)?;
        let call = request::read(&body, Purpose::Answer, version)?;
        let mut heard = hear::hear(&call.chat)?;
        if let Some(answer) = heard.regardless(|status| refused::scripted(status, number)) {
            return Ok(answer);
        }
        let thought = thought(&call, &heard);
        if let Some(thought) = &thought {
            heard.choice = heard.choice.capped(call.max_tokens.saturating_sub(thought.tokens()));
        }
        let frame = Frame {
            id: number,
            model: crate::models::shown(body.get("model").and_then(Value::as_str).unwrap_or_default()),
            input: heard.prompt_tokens,
            usage: !heard.script.no_usage,
            thought: thought.as_ref(),
            shown: !matches!(
                call.thinking,
                Thinking::On { shown: false } | Thinking::Adaptive { shown: false }
            ),
            choice: &heard.choice,
        };
        if call.stream && !heard.script.ignore_stream {
            let events = encode::events(&frame, !heard.script.no_done);
            return Ok(play::stream(&heard.script, events, heard.prompt_tokens));
        }
        let document = encode::document(&frame);
        Ok(heard.plain(document, frame.output(), || refused::overloaded(number)))
    })
}

/// Answers `POST /v1/messages/count_tokens`.
pub(crate) fn count_tokens(request: &DemoRequest<'_>) -> DemoAnswer {
    settled(request, |number, version| {
        let call = request::read(&body(request)?, Purpose::Count, version)?;
        let heard = hear::hear(&call.chat)?;
        if let Some(answer) = heard.regardless(|status| refused::scripted(status, number)) {
            return Ok(answer);
        }
        let document = json!({"input_tokens": heard.prompt_tokens}).to_string().into_bytes();
        // Counting is free.
        let heard = Heard { prompt_tokens: 0, ..heard };
        Ok(heard.plain(document, 0, || refused::overloaded(number)))
    })
}

/// Answers `GET /v1/models`.
pub(crate) fn models(request: &DemoRequest<'_>) -> DemoAnswer {
    settled(request, |_, _| Ok(told(&models::list())))
}

/// Answers `GET /v1/models/{id}`.
pub(crate) fn model(request: &DemoRequest<'_>, id: &str) -> DemoAnswer {
    settled(request, |_, _| models::describe(id).map(|model| told(&model)))
}

/// Answers a request to a path of this dialect that does not take its method.
pub(crate) fn wrong_method(request: &DemoRequest<'_>) -> DemoAnswer {
    settled(request, |_, _| Err(Refused::method()))
}

/// Checks the version, answers, and names the request in the answer. The number stands for the request in its id.
fn settled(
    request: &DemoRequest<'_>,
    answer: impl FnOnce(u64, Version) -> Result<DemoAnswer, Refused>,
) -> DemoAnswer {
    let number = hash(&request.body);
    let answer = version(request.headers).and_then(|version| answer(number, version));
    refused::identified(answer.unwrap_or_else(|refused| refused.answer(number)), number)
}

fn version(headers: &HeaderMap) -> Result<Version, Refused> {
    let Some(named) = headers.get(VERSION) else {
        return Err(Refused::invalid("anthropic-version: header is required"));
    };
    let known = VERSIONS.iter().find(|(version, _)| named == version);
    known
        .map(|(_, version)| *version)
        .ok_or_else(|| Refused::invalid("anthropic-version: is not a valid version"))
}

fn body(request: &DemoRequest<'_>) -> Result<Value, Refused> {
    serde_json::from_slice(&request.body).map_err(|_| Refused::invalid("The request body is not valid JSON"))
}

/// What the model thinks first. Where it may decide, it does so when the cap leaves room for an answer.
fn thought(call: &Call, heard: &Heard) -> Option<Thought> {
    let thought = Thought::about(&heard.prompt);
    match call.thinking {
        Thinking::Off => None,
        Thinking::On { .. } => Some(thought),
        Thinking::Adaptive { .. } => thought.fits(call.max_tokens).then_some(thought),
    }
}

fn told(document: &Value) -> DemoAnswer {
    play::plain(&Script::default(), StatusCode::OK, document.to_string().into_bytes(), (0, 0))
}
