//! OpenAI's Responses API: `POST /v1/responses`. A body is checked in `request`, becomes a chat, and what the demo
//! model says to that is written by `encode`. Nothing is stored, so what refers to something stored is not found.

mod echo;
mod encode;
mod input;
mod parts;
mod refused;
mod request;
mod tools;

use serde_json::Value;

use crate::chat::hear;
use crate::demo::DemoAnswer;
use crate::hash::hash;
use crate::play;
use crate::rejected::Rejected;
use crate::thinking::Thought;
use encode::Frame;

/// Answers a body.
pub(crate) fn answer(body: &[u8], created: u64) -> Result<DemoAnswer, Rejected> {
    let document: Value =
        serde_json::from_slice(body).map_err(|_| Rejected::invalid(None, "The body is not valid JSON."))?;
    let call = request::read(&document)?;
    let mut heard = hear::hear(&call.chat).map_err(refused::of_chat)?;
    if let Some(answer) = heard.regardless(|status| Rejected::scripted(status).body()) {
        return Ok(answer);
    }
    let cap = call.max_output_tokens.unwrap_or(u64::MAX);
    let thought = call.reasoning.map(|_| Thought::about(&heard.prompt)).filter(|thought| thought.fits(cap));
    if let Some(thought) = &thought {
        heard.choice = heard.choice.capped(cap.saturating_sub(thought.tokens()));
    }
    let frame = Frame {
        id: hash(body),
        created,
        request: &document,
        input: heard.prompt_tokens,
        usage: !heard.script.no_usage,
        thought: thought.as_ref().zip(call.reasoning),
        choice: &heard.choice,
    };
    if call.stream && !heard.script.ignore_stream {
        return Ok(play::stream(&heard.script, encode::events(&frame, &heard.script), heard.prompt_tokens));
    }
    let output = frame.output();
    Ok(heard.plain(encode::document(&frame), output, refused::server_error))
}
