//! The demo model's front: a request comes in, is sent to what its path names, and leaves as steps to play.
//! What answers look like is said in the folders and files of the endpoints.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flyball_core::Clock;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::audio;
use crate::chat;
use crate::completions;
use crate::converse;
use crate::embeddings;
use crate::gemini;
use crate::images;
use crate::messages;
use crate::models;
use crate::moderations;
use crate::play;
use crate::received::{Log, Received};
use crate::rejected::Rejected;
use crate::rerank;
use crate::responses;
use crate::script::{Script, percent_decode};

/// `created` of every answer while no clock is given: 2026-01-01T00:00:00Z.
const CREATED: u64 = 1_767_225_600;

/// A request to the demo model.
#[derive(Debug)]
pub struct DemoRequest<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path, with or without a query.
    pub path: &'a str,
    /// The headers. They change nothing in the answer; the log keeps them.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An answer of the demo model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers, without those that frame the body.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The length of the whole body in bytes, also when the steps do not send all of it. `None` for a stream.
    pub length: Option<u64>,
    /// What happens, in this order. After the last step the body ends, unless that step is [`Step::Cut`].
    pub steps: Vec<Step>,
    /// What a provider would bill.
    pub counted: Counted,
}

/// The tokens of an answer, whether it reports them or not. None where the status is no success: nobody bills a
/// refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the text that is complete with each [`Step::Send`], all sends before it included: an event's with
    /// its last byte, a document's with the document's.
    pub output: Vec<u64>,
}

/// One thing that happens while an answer goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, for so long. [`Duration::MAX`] means for ever.
    Wait(Duration),
    /// Status and headers go out. Comes once and before any [`Step::Send`], or never when the answer breaks off
    /// ahead of it.
    Head,
    /// These bytes of the body go out.
    Send(Bytes),
    /// The connection breaks. Always the last step.
    Cut,
}

/// The demo model. Cheap to share; it keeps no state but its log.
#[derive(Default)]
pub struct Demo {
    clock: Option<Arc<dyn Clock>>,
    log: Option<Log>,
}

impl std::fmt::Debug for Demo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Demo").field("log", &self.log).finish_non_exhaustive()
    }
}

impl Demo {
    /// A demo model that keeps no log and whose answers are all `created` at the start of 2026.
    #[must_use]
    pub fn new() -> Self {
        Demo::default()
    }

    /// Takes `created` from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Keeps the last `capacity` requests, headers and bodies included. For tests: what is kept is content.
    #[must_use]
    pub fn with_log(mut self, capacity: usize) -> Self {
        self.log = Some(Log::new(capacity));
        self
    }

    /// The logged requests, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.log.as_ref().map(Log::entries).unwrap_or_default()
    }

    /// Forgets the logged requests.
    pub fn forget(&self) {
        if let Some(log) = &self.log {
            log.clear();
        }
    }

    /// Answers a request. Never fails: what is wrong with a request is said in the answer.
    pub fn answer(&self, request: DemoRequest<'_>) -> DemoAnswer {
        if let Some(log) = &self.log {
            log.record(&request);
        }
        self.dispatch(&request)
            .unwrap_or_else(|rejected| play::error(&Script::default(), rejected.status, rejected.body()))
    }

    fn dispatch(&self, request: &DemoRequest<'_>) -> Result<DemoAnswer, Rejected> {
        let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
        let Some((endpoint, method)) = Endpoint::of(path) else {
            return Err(Rejected::unknown_path(request.method, path));
        };
        if request.method != method {
            if endpoint.is_of_messages() {
                return Ok(messages::wrong_method(request));
            }
            return Err(Rejected::wrong_method(request.method, path));
        }
        match endpoint {
            Endpoint::Chat { deployment } => {
                chat::answer(&request.body, decoded(deployment)?.as_deref(), self.created())
            }
            Endpoint::Completions { deployment } => {
                completions::answer(&request.body, decoded(deployment)?.as_deref(), self.created())
            }
            Endpoint::Converse { model, stream } => {
                Ok(converse::answer(request.headers, &request.body, model, stream))
            }
            Endpoint::Gemini { model, action } => Ok(gemini::answer(&request.body, model, action, query)),
            Endpoint::Images => images::answer(&request.body, self.created()),
            Endpoint::Moderations => moderations::answer(&request.body),
            Endpoint::Rerank { version } => Ok(rerank::answer(&request.body, version)),
            Endpoint::Speech => audio::speech(&request.body),
            Endpoint::Transcription => audio::transcription(request.headers, &request.body),
            Endpoint::Embeddings { deployment } => {
                embeddings::answer(&request.body, decoded(deployment)?.as_deref())
            }
            Endpoint::Models if messages::is_spoken(request.headers) => Ok(messages::models(request)),
            Endpoint::Models => {
                let body = models::list(self.created());
                Ok(play::plain(&Script::default(), StatusCode::OK, body, (0, 0)))
            }
            Endpoint::Model { id } => {
                let id = percent_decode(id).ok_or_else(|| Rejected::unknown_model(id))?;
                if messages::is_spoken(request.headers) {
                    return Ok(messages::model(request, &id));
                }
                let body = models::describe(&id, self.created())?;
                Ok(play::plain(&Script::default(), StatusCode::OK, body, (0, 0)))
            }
            Endpoint::Messages => Ok(messages::answer(request)),
            Endpoint::CountTokens => Ok(messages::count_tokens(request)),
            Endpoint::Responses => responses::answer(&request.body, self.created()),
        }
    }

    fn created(&self) -> u64 {
        match &self.clock {
            Some(clock) => u64::try_from(clock.now().seconds()).unwrap_or(0),
            None => CREATED,
        }
    }
}

/// What a path names. In Azure's form the deployment takes the place of the body's model.
enum Endpoint<'a> {
    Chat { deployment: Option<&'a str> },
    Embeddings { deployment: Option<&'a str> },
    Completions { deployment: Option<&'a str> },
    Converse { model: &'a str, stream: bool },
    Gemini { model: &'a str, action: gemini::Action },
    Images,
    Moderations,
    Rerank { version: rerank::Version },
    Speech,
    Transcription,
    Models,
    Model { id: &'a str },
    Messages,
    CountTokens,
    Responses,
}

impl<'a> Endpoint<'a> {
    fn is_of_messages(&self) -> bool {
        matches!(self, Endpoint::Messages | Endpoint::CountTokens)
    }

    /// The endpoint and the method it takes.
    fn of(path: &'a str) -> Option<(Self, &'static str)> {
        if let Some(rest) = path.strip_prefix("/openai/deployments/") {
            let (name, rest) = rest.split_once('/')?;
            let deployment = Some(name);
            return match rest {
                "chat/completions" => Some((Endpoint::Chat { deployment }, "POST")),
                "completions" => Some((Endpoint::Completions { deployment }, "POST")),
                "embeddings" => Some((Endpoint::Embeddings { deployment }, "POST")),
                _ => None,
            };
        }
        if let Some((model, action)) = gemini::route(path) {
            return Some((Endpoint::Gemini { model, action }, "POST"));
        }
        if let Some((model, stream)) = converse::route(path) {
            return Some((Endpoint::Converse { model, stream }, "POST"));
        }
        match path.strip_prefix("/v1").unwrap_or(path) {
            "/images/generations" => Some((Endpoint::Images, "POST")),
            "/moderations" => Some((Endpoint::Moderations, "POST")),
            "/rerank" => Some((Endpoint::Rerank { version: rerank::Version::First }, "POST")),
            "/v2/rerank" => Some((Endpoint::Rerank { version: rerank::Version::Second }, "POST")),
            "/audio/speech" => Some((Endpoint::Speech, "POST")),
            "/audio/transcriptions" => Some((Endpoint::Transcription, "POST")),
            "/chat/completions" => Some((Endpoint::Chat { deployment: None }, "POST")),
            "/completions" => Some((Endpoint::Completions { deployment: None }, "POST")),
            "/embeddings" => Some((Endpoint::Embeddings { deployment: None }, "POST")),
            "/messages" => Some((Endpoint::Messages, "POST")),
            "/messages/count_tokens" => Some((Endpoint::CountTokens, "POST")),
            "/responses" => Some((Endpoint::Responses, "POST")),
            "/models" => Some((Endpoint::Models, "GET")),
            other => {
                let id = other.strip_prefix("/models/").filter(|id| !id.is_empty())?;
                Some((Endpoint::Model { id }, "GET"))
            }
        }
    }
}

fn decoded(deployment: Option<&str>) -> Result<Option<String>, Rejected> {
    match deployment {
        None => Ok(None),
        Some(name) => percent_decode(name).map(Some).ok_or_else(|| Rejected::unknown_model(name)),
    }
}
