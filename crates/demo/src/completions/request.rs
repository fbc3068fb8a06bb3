//! The body of a legacy completion, read and checked. Fields that change nothing here are ignored.

use serde::Deserialize;

use crate::chat::parse_error;
use crate::models;
use crate::rejected::Rejected;

const MOST_CHOICES: u32 = 128;
const MOST_CANDIDATES: u32 = 20;
const MOST_LOGPROBS: u32 = 5;
const MOST_STOPS: usize = 4;
const MOST_PROMPTS: usize = 2048;
/// How long an answer is where the caller does not say.
const DEFAULT_TOKENS: u64 = 16;

#[derive(Debug, Deserialize)]
pub(super) struct CompletionRequest {
    model: Option<String>,
    prompt: Option<Prompts>,
    max_tokens: Option<u64>,
    #[serde(rename = "suffix")]
    _suffix: Option<String>,
    echo: Option<bool>,
    logprobs: Option<u32>,
    n: Option<u32>,
    best_of: Option<u32>,
    stop: Option<Stop>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Prompts {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    ManyTokens(Vec<Vec<u32>>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Many(Vec<String>),
}

/// One of the prompts of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prompt<'r> {
    /// Empty where the prompt comes in tokens, whose vocabulary is not known here.
    pub(super) text: &'r str,
    /// The tokens that came as such.
    pub(super) tokens: u64,
}

impl CompletionRequest {
    /// Reads a body. An error names the field at fault.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Rejected> {
        serde_json::from_slice(body).map_err(|error| parse_error::<CompletionRequest>(body, &error))
    }

    /// The model that is asked for, if it exists.
    pub(super) fn model<'s>(&'s self, deployment: Option<&'s str>) -> Result<&'s str, Rejected> {
        let model = deployment.or(self.model.as_deref()).ok_or_else(|| Rejected::missing("model"))?;
        if models::exists(model) { Ok(model) } else { Err(Rejected::unknown_model(model)) }
    }

    /// The prompts, of which there is at least one.
    pub(super) fn prompts(&self) -> Result<Vec<Prompt<'_>>, Rejected> {
        let text = |text| Prompt { text, tokens: 0 };
        let ids = |ids: &Vec<u32>| Prompt { text: "", tokens: u64::try_from(ids.len()).unwrap_or(u64::MAX) };
        let prompts: Vec<_> = match self.prompt.as_ref().ok_or_else(|| Rejected::missing("prompt"))? {
            Prompts::Text(one) => vec![text(one)],
            Prompts::Texts(many) => many.iter().map(|one| text(one)).collect(),
            Prompts::Tokens(one) if one.is_empty() => Vec::new(),
            Prompts::Tokens(one) => vec![ids(one)],
            Prompts::ManyTokens(many) => many.iter().map(ids).collect(),
        };
        if (1..=MOST_PROMPTS).contains(&prompts.len()) {
            return Ok(prompts);
        }
        Err(Rejected::invalid("prompt".to_owned(), "'prompt' must hold 1 to 2048 prompts."))
    }

    /// Checks what the types do not say.
    pub(super) fn check(&self) -> Result<(), Rejected> {
        let invalid = |param: &str, message: &str| Err(Rejected::invalid(param.to_owned(), message));
        if !(1..=MOST_CHOICES).contains(&self.choices()) {
            return invalid("n", "'n' must be from 1 to 128.");
        }
        if let Some(candidates) = self.best_of {
            if !(self.choices()..=MOST_CANDIDATES.max(self.choices())).contains(&candidates) {
                return invalid("best_of", "'best_of' must be from 'n' to 20.");
            }
            if self.stream() && candidates > self.choices() {
                return invalid("best_of", "'best_of' above 'n' can not be streamed.");
            }
        }
        if self.logprobs.is_some_and(|count| count > MOST_LOGPROBS) {
            return invalid("logprobs", "'logprobs' must be from 0 to 5.");
        }
        if matches!(&self.stop, Some(Stop::Many(stops)) if stops.len() > MOST_STOPS) {
            return invalid("stop", "'stop' takes at most four sequences.");
        }
        if self.stream_options.is_some() && !self.stream() {
            return invalid("stream_options", "'stream_options' is only for streams.");
        }
        let bounded = [
            ("temperature", self.temperature, 0.0, 2.0),
            ("top_p", self.top_p, 0.0, 1.0),
            ("presence_penalty", self.presence_penalty, -2.0, 2.0),
            ("frequency_penalty", self.frequency_penalty, -2.0, 2.0),
        ];
        for (name, value, least, most) in bounded {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                return invalid(name, &format!("'{name}' must be from {least} to {most}."));
            }
        }
        Ok(())
    }

    pub(super) fn choices(&self) -> u32 {
        self.n.unwrap_or(1)
    }

    pub(super) fn max_tokens(&self) -> u64 {
        self.max_tokens.unwrap_or(DEFAULT_TOKENS)
    }

    pub(super) fn echo(&self) -> bool {
        self.echo.unwrap_or(false)
    }

    /// How many alternatives each token shows, when log probabilities are wanted.
    pub(super) fn logprobs(&self) -> Option<u32> {
        self.logprobs
    }

    /// The sequences that end an answer.
    pub(super) fn stops(&self) -> Vec<&str> {
        match &self.stop {
            None => Vec::new(),
            Some(Stop::One(one)) => vec![one],
            Some(Stop::Many(many)) => many.iter().map(String::as_str).collect(),
        }
    }

    pub(super) fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    pub(super) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }
}
