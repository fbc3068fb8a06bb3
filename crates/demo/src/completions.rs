//! OpenAI's legacy completions: each prompt is asked as a chat of one message, and its answer written in the older
//! shape, plain or in events.

mod encode;
mod logprobs;
mod request;

use serde_json::{Map, Value, json};

use crate::chat::{self, Asked, Finish, Saying, Spoken};
use crate::demo::DemoAnswer;
use crate::hash::hash;
use crate::models;
use crate::play::dialect::OPENAI;
use crate::rejected::Rejected;

use encode::{Frame, Text};
use request::{CompletionRequest, Prompt};

/// Answers a body. `deployment` is the model of Azure's path form, which outranks the body's.
pub(crate) fn answer(body: &[u8], deployment: Option<&str>, created: u64) -> Result<DemoAnswer, Rejected> {
    let request = CompletionRequest::parse(body)?;
    let model = request.model(deployment)?;
    let prompts = request.prompts()?;
    request.check()?;
    let asked: Vec<Asked> =
        prompts.iter().map(|prompt| ask(model, &request, *prompt)).collect::<Result<_, _>>()?;
    let prompt_tokens =
        prompts.iter().zip(&asked).map(|(prompt, asked)| prompt.tokens + asked.prompt_tokens).sum();
    // The script of the first prompt steers the answer.
    let script = asked.first().map(|asked| asked.script.clone()).unwrap_or_default();
    if let Some(answer) = OPENAI.regardless(&script, prompt_tokens) {
        return Ok(answer);
    }
    let texts: Vec<Text<'_>> = prompts
        .iter()
        .zip(&asked)
        .flat_map(|(prompt, asked)| asked.spoken.iter().map(|spoken| text(&request, *prompt, spoken)))
        .collect();
    let frame = Frame {
        id: hash(body),
        created,
        model: models::shown(model),
        prompt_tokens,
        usage: !script.no_usage,
        logprobs: request.logprobs(),
        texts: &texts,
    };
    if request.stream() && !script.ignore_stream {
        let events = encode::events(&frame, request.include_usage(), !script.no_done);
        Ok(OPENAI.stream(&script, events, prompt_tokens))
    } else {
        let tokens = (prompt_tokens, frame.completion_tokens());
        Ok(OPENAI.plain(&script, encode::document(&frame), tokens))
    }
}

fn ask(model: &str, request: &CompletionRequest, prompt: Prompt<'_>) -> Result<Asked, Rejected> {
    let mut chat = Map::new();
    chat.insert("messages".to_owned(), json!([{"role": "user", "content": prompt.text}]));
    chat.insert("n".to_owned(), json!(request.choices()));
    chat.insert("max_tokens".to_owned(), json!(request.max_tokens()));
    let stops = request.stops();
    if !stops.is_empty() {
        chat.insert("stop".to_owned(), json!(stops));
    }
    chat::ask(model, &Value::Object(chat))
}

fn text<'a>(request: &CompletionRequest, prompt: Prompt<'a>, spoken: &'a Spoken) -> Text<'a> {
    let said = match spoken.saying() {
        Saying::Text(said) => said,
        // No tools are offered here, so none is called.
        Saying::Calls(_) => "",
    };
    let finish = if spoken.finish() == Finish::Length { "length" } else { "stop" };
    Text { echo: request.echo().then_some(prompt.text), pieces: spoken.pieces(said).collect(), finish }
}
