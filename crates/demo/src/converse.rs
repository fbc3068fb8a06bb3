//! Amazon Bedrock's `Converse` and `ConverseStream`: from a body to an answer. `request` reads and checks, the chat
//! decides what is said, `encode` writes it, `frame` packs its events. Credentials are looked at, not verified.

mod blocks;
mod encode;
mod frame;
mod refused;
mod request;
mod shape;
mod turns;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::json;

use crate::chat;
use crate::demo::DemoAnswer;
use crate::hash::hash;
use crate::models;
use crate::play::dialect::Dialect;
use crate::script::{Script, percent_decode};

use encode::Frame;
use refused::{Refused, STREAM_ERROR, STREAM_ERROR_MESSAGE, request_id};
use request::Request;

const DIALECT: Dialect = Dialect {
    stream: "application/vnd.amazon.eventstream",
    refusal: |status| Refused::scripted(status).refusal(),
    broken: |_| encode::framed("contentBlockDelta", b"{\"contentBlockIndex\":0,\"delta\":{"),
    failure: |_| {
        let payload = json!({
            "message": STREAM_ERROR_MESSAGE, "originalStatusCode": 500, "originalMessage": STREAM_ERROR_MESSAGE
        });
        let headers = [
            (":exception-type", STREAM_ERROR),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ];
        frame::frame(&headers, payload.to_string().as_bytes())
    },
};

/// The model that a path names, still percent-encoded, and whether it asks for a stream:
/// `/model/{modelId}/converse` and `/model/{modelId}/converse-stream`.
pub(crate) fn route(path: &str) -> Option<(&str, bool)> {
    let rest = path.strip_prefix("/model/")?;
    let (model, stream) = match rest.strip_suffix("/converse") {
        Some(model) => (model, false),
        None => (rest.strip_suffix("/converse-stream")?, true),
    };
    (!model.is_empty()).then_some((model, stream))
}

/// Answers a body. `model` is as it stands in the path.
pub(crate) fn answer(headers: &HeaderMap, body: &[u8], model: &str, stream: bool) -> DemoAnswer {
    let played = converse(headers, body, model, stream);
    let mut answer = played
        .unwrap_or_else(|refused| DIALECT.refused(&Script::default(), refused.status, refused.refusal()));
    if answer.status.is_success() {
        answer.headers.push(request_id(hash(body)));
    }
    answer
}

fn converse(headers: &HeaderMap, body: &[u8], model: &str, stream: bool) -> Result<DemoAnswer, Refused> {
    if !is_signed(headers) {
        return Err(Refused::unknown_client());
    }
    let model = percent_decode(model).filter(|model| models::exists(model));
    let model = model.ok_or_else(|| Refused::invalid("The provided model identifier is invalid."))?;
    let read = Request::read(body)?;
    let asked = chat::ask(&model, &read.chat)?;
    if let Some(answer) = DIALECT.regardless(&asked.script, asked.prompt_tokens) {
        return Ok(answer);
    }
    let spoken = asked.spoken.first().ok_or_else(|| Refused::invalid("The model has nothing to say."))?;
    let frame = Frame {
        prompt_tokens: asked.prompt_tokens,
        usage: !asked.script.no_usage,
        thought: read.thought.as_ref(),
        stop_sequence: read.stop_sequence,
        spoken,
    };
    if stream && !asked.script.ignore_stream {
        let events = encode::events(&frame, !asked.script.no_done);
        Ok(DIALECT.stream(&asked.script, events, asked.prompt_tokens))
    } else {
        let tokens = (asked.prompt_tokens, frame.output_tokens());
        Ok(DIALECT.plain(&asked.script, encode::document(&frame), tokens))
    }
}

/// Whether there are credentials of a form that AWS takes: a signature or an API key.
fn is_signed(headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let rest = given.strip_prefix("AWS4-HMAC-SHA256 ").or_else(|| given.strip_prefix("Bearer "));
    rest.is_some_and(|rest| !rest.trim().is_empty())
}
