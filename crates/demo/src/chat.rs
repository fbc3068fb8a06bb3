//! Chat completions: from a body to an answer. The steps on the way are files of their own: `request` reads and
//! checks, `tools` and the crate's `skills` decide what is said, `encode` writes it.

mod ask;
mod choice;
mod encode;
pub(crate) mod hear;
mod logprobs;
mod request;
mod tools;

use crate::demo::DemoAnswer;
use crate::hash::hash;
use crate::hints::Hints;
use crate::models;
use crate::play;
use crate::rejected::Rejected;
use crate::schema;
use crate::script::Script;
use crate::skills;
use crate::split::Split;

pub(crate) use ask::{Asked, Call, Finish, Saying, Spoken, ask};
pub(crate) use request::{Str, parse_error};

use choice::{Choice, Said};
use encode::Frame;
use request::{ChatRequest, Format};

/// The words of an answer of which a script fixes only the number of deltas. All are of one length, so that as
/// many equal pieces as words are the words; each is one token, and the space at the end of the text is another.
const FILLER: [&str; 8] =
    ["steady ", "motion ", "around ", "shafts ", "govern ", "speeds ", "always ", "within "];

/// Answers a body. `deployment` is the model of Azure's path form, which outranks the body's.
pub(crate) fn answer(body: &[u8], deployment: Option<&str>, created: u64) -> Result<DemoAnswer, Rejected> {
    let request = ChatRequest::parse(body)?;
    let model = request.model(deployment)?;
    let (script, prompt) = script(model, &request)?;
    let prompt_tokens = request.prompt_tokens();
    if let Some(answer) = play::regardless(&script, prompt_tokens) {
        return Ok(answer);
    }
    request.check()?;
    let choices = (0..request.choices())
        .map(|index| choice(&request, &script, prompt, index))
        .collect::<Result<Vec<_>, _>>()?;
    let frame = Frame {
        id: hash(body),
        created,
        model: models::shown(model),
        prompt_tokens,
        usage: !script.no_usage,
        logprobs: request.top_logprobs(),
        choices: &choices,
    };
    if request.stream() && !script.ignore_stream {
        let events = encode::events(&frame, request.include_usage(), !script.no_done);
        Ok(play::stream(&script, events, prompt_tokens))
    } else {
        let tokens = (prompt_tokens, frame.completion_tokens());
        Ok(play::plain(&script, http::StatusCode::OK, encode::document(&frame), tokens))
    }
}

/// The script of a call, and the prompt without it.
fn script<'a>(model: &str, request: &'a ChatRequest<'_>) -> Result<(Script, &'a str), Rejected> {
    let prompt = request.prompt();
    if let Some(source) = model.strip_prefix("sim:") {
        let script = Script::parse(source)
            .map_err(|error| Rejected::invalid("model".to_owned(), error.to_string()))?;
        return Ok((script, prompt));
    }
    if model == "sim" && prompt.starts_with("sim:") {
        let (line, rest) = prompt.split_once('\n').unwrap_or((prompt, ""));
        let script = Script::parse(line.strip_prefix("sim:").unwrap_or(line))
            .map_err(|error| Rejected::invalid("messages".to_owned(), error.to_string()))?;
        return Ok((script, rest));
    }
    Ok((Script::default(), prompt))
}

/// What one of the wanted answers says.
fn choice(request: &ChatRequest<'_>, script: &Script, prompt: &str, index: u32) -> Result<Choice, Rejected> {
    let split = split(script);
    if let Some(text) = scripted_text(script) {
        return Ok(Choice::new(index, Said::Text(text), split).limited(request));
    }
    let said = match tools::calls(request, prompt, index)? {
        Some(calls) => Said::Calls(calls),
        None => Said::Text(text(request, prompt, index)),
    };
    Ok(Choice::new(index, said, split).limited(request))
}

fn text(request: &ChatRequest<'_>, prompt: &str, index: u32) -> String {
    let plain = || match request.tool_results() {
        Some(results) => results,
        None => format!("{}{}", request.media(), skills::answer(prompt, index)),
    };
    match request.format() {
        Format::Text => plain(),
        Format::Object => serde_json::json!({ "answer": plain() }).to_string(),
        Format::Schema(document) => schema::generate(document, &mut Hints::of(prompt)).to_string(),
    }
}

fn split(script: &Script) -> Split {
    match (script.chunks, script.chunk_bytes) {
        (Some(count), _) => Split::Pieces(count),
        (None, Some(bytes)) => Split::Bytes(bytes),
        (None, None) if script.huge.is_some() => Split::Whole,
        (None, None) => Split::Tokens,
    }
}

fn scripted_text(script: &Script) -> Option<String> {
    if let Some(text) = &script.text {
        return Some(text.clone());
    }
    if let Some(size) = script.huge {
        return Some("flyball ".chars().cycle().take(size).collect());
    }
    let count = script.chunks?;
    Some(FILLER.iter().copied().cycle().take(count).collect())
}
