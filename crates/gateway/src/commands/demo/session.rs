//! One conversation over HTTP, as any application would hold it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::output::{Failure, Outcome};
use crate::edge::egress::{AnswerBody, Bounds, Egress, EgressSettings, NamedBy};
use crate::edge::sse::Decoder;

/// Model calls may take long; silence this long is a failure.
const BOUNDS: Bounds = Bounds {
    named_by: NamedBy::Operator,
    head_timeout: Duration::from_secs(600),
    idle_timeout: Duration::from_secs(120),
    body_limit: 64 << 20,
};

/// The largest event of a stream.
const LARGEST_EVENT: usize = 1 << 20;

/// The model that is talked to when there is one of that name.
const FAVOURITE: &str = "demo";

/// A conversation.
pub(super) struct Session {
    egress: Egress,
    base: String,
    authorization: HeaderValue,
    model: String,
    messages: Vec<Value>,
}

/// What came of a prompt.
#[derive(Debug, Default, Serialize)]
pub(super) struct Reply {
    /// The answer after the policy; absent when it was blocked before it began.
    answer: Option<String>,
    /// The strictest action; for a stream, of what was known when it began.
    action: String,
    /// Rules that blocked.
    rules: Vec<String>,
    /// Why it was blocked.
    refusal: Option<String>,
    finish_reason: Option<String>,
    model: Option<String>,
    request_id: Option<String>,
    cost: Option<String>,
    /// The answer came as a stream: what its own rules did is not in the head.
    #[serde(skip)]
    streamed: bool,
}

impl Session {
    /// Begins one with `model`, or with the first that the key may use.
    pub(super) async fn open(url: &str, key: &str, model: Option<String>) -> Result<Session, Failure> {
        let wrong = |what: &str| Failure::wrong(what.to_owned());
        if url.contains('@') {
            return Err(wrong("--url holds no credentials: they go into --key"));
        }
        let base = url.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        let mut authorization = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| wrong("the key holds characters that no key has"))?;
        authorization.set_sensitive(true);
        let egress =
            Egress::new(EgressSettings::default()).map_err(|error| Failure::failed(error.to_string()))?;
        let mut session = Session { egress, base, authorization, model: String::new(), messages: Vec::new() };
        session.model = match model {
            Some(model) => model,
            None => session.first_model().await?,
        };
        Ok(session)
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    async fn first_model(&self) -> Result<String, Failure> {
        let response = self.send(Method::GET, "/v1/models", Bytes::new()).await?;
        let (status, body) = (response.status(), self.whole(response).await?);
        if status != StatusCode::OK {
            return Err(failure(status, &body));
        }
        let models = body.get("data").and_then(Value::as_array).into_iter().flatten();
        let names: Vec<&str> = models.filter_map(|model| model.get("id")?.as_str()).collect();
        let first = names.iter().find(|name| **name == FAVOURITE).or(names.first());
        first.map(|name| (*name).to_owned()).ok_or_else(|| Failure::refused("the key may use no model"))
    }

    /// Asks, and waits for the whole answer.
    pub(super) async fn ask(&mut self, prompt: &str) -> Result<Reply, Failure> {
        let response = self.post(prompt, false).await?;
        let mut reply = Reply::begin(response.headers());
        let (status, body) = (response.status(), self.whole(response).await?);
        if status == StatusCode::OK {
            let choice = body.pointer("/choices/0");
            let at = |path: &str| choice?.pointer(path)?.as_str().map(str::to_owned);
            reply.answer = Some(at("/message/content").unwrap_or_default());
            reply.finish_reason = at("/finish_reason");
        } else {
            reply.refused(status, &body)?;
        }
        self.remember(prompt, &reply);
        Ok(reply)
    }

    /// Asks, and hands over the answer piece by piece as it comes.
    pub(super) async fn stream(
        &mut self,
        prompt: &str,
        mut show: impl FnMut(&str) -> Outcome,
    ) -> Result<Reply, Failure> {
        let response = self.post(prompt, true).await?;
        let mut reply = Reply { streamed: true, ..Reply::begin(response.headers()) };
        if response.status() != StatusCode::OK {
            let (status, body) = (response.status(), self.whole(response).await?);
            reply.refused(status, &body)?;
            return Ok(reply);
        }
        let mut decoder = Decoder::new(LARGEST_EVENT);
        let mut body = response.into_body();
        let mut answer = String::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.failed(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            decoder.push(data);
            while let Some(event) = decoder.next_event().map_err(|error| self.failed(&error))? {
                // Comments hold no data; the last event is no JSON.
                let Ok(value) = serde_json::from_slice::<Value>(&event.data) else { continue };
                if let Some(message) = value.pointer("/error/message").and_then(Value::as_str) {
                    return Err(Failure::failed(message));
                }
                if let Some(piece) = value.pointer("/choices/0/delta/content").and_then(Value::as_str) {
                    answer.push_str(piece);
                    show(piece)?;
                }
                if let Some(reason) = value.pointer("/choices/0/finish_reason").and_then(Value::as_str) {
                    reply.finish_reason = Some(reason.to_owned());
                }
            }
        }
        reply.answer = Some(answer);
        self.remember(prompt, &reply);
        Ok(reply)
    }

    /// What was blocked is not said again.
    fn remember(&mut self, prompt: &str, reply: &Reply) {
        if let (Some(answer), false) = (&reply.answer, reply.is_blocked()) {
            self.messages.push(json!({ "role": "user", "content": prompt }));
            self.messages.push(json!({ "role": "assistant", "content": answer }));
        }
    }

    async fn post(&self, prompt: &str, stream: bool) -> Result<Response<AnswerBody>, Failure> {
        let mut messages = self.messages.clone();
        messages.push(json!({ "role": "user", "content": prompt }));
        let body = json!({ "model": self.model, "messages": messages, "stream": stream });
        self.send(Method::POST, "/v1/chat/completions", Bytes::from(body.to_string())).await
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<AnswerBody>, Failure> {
        let uri: Uri = format!("{}{path}", self.base)
            .parse()
            .map_err(|_| Failure::wrong("--url is not a URL, as http://127.0.0.1:8080"))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.egress.send(request, BOUNDS).await.map_err(|error| self.failed(&error))
    }

    async fn whole(&self, response: Response<AnswerBody>) -> Result<Value, Failure> {
        let body = response.into_body().collect().await.map_err(|error| self.failed(&error))?.to_bytes();
        serde_json::from_slice(&body).map_err(|_| self.failed(&"the answer is not JSON: is it a gateway?"))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::failed(format!("{}: {error}", self.base))
    }
}

fn failure(status: StatusCode, body: &Value) -> Failure {
    let message = body.pointer("/error/message").and_then(Value::as_str).unwrap_or("no reason was given");
    let message = format!("{}: {message}", status.as_u16());
    if status.is_client_error() { Failure::refused(message) } else { Failure::failed(message) }
}

impl Reply {
    fn begin(headers: &HeaderMap) -> Self {
        let header = |name| headers.get(name)?.to_str().ok().map(str::to_owned);
        Reply {
            action: header("x-flyball-action").unwrap_or_default(),
            model: header("x-flyball-model"),
            request_id: header("x-flyball-request-id"),
            cost: header("x-flyball-cost"),
            ..Reply::default()
        }
    }

    /// Takes a refusal in: one by the policy is an answer, any other ends the conversation.
    fn refused(&mut self, status: StatusCode, body: &Value) -> Outcome {
        let error = body.get("error");
        let at = |key: &str| error?.get(key);
        if at("code").and_then(Value::as_str) != Some("policy_blocked") {
            return Err(failure(status, body));
        }
        self.refusal = at("message").and_then(Value::as_str).map(str::to_owned);
        let rules = at("rules").and_then(Value::as_array).into_iter().flatten();
        self.rules = rules.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(())
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.refusal.is_some() || self.finish_reason.as_deref() == Some("content_filter")
    }

    /// What was said in place of an answer.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// The answer, or what was said in its place.
    pub(super) fn text(&self) -> &str {
        self.refusal.as_deref().or(self.answer.as_deref()).unwrap_or_default()
    }

    /// One line about what happened.
    pub(super) fn account(&self) -> String {
        let mut parts = vec![match (self.is_blocked(), self.streamed) {
            (true, _) => "action block".to_owned(),
            (false, true) => format!("action on the prompt {}", self.action),
            (false, false) => format!("action {}", self.action),
        }];
        if !self.rules.is_empty() {
            parts.push(format!("rules {}", self.rules.join(", ")));
        }
        parts.extend(self.cost.as_ref().map(|cost| format!("cost {cost}")));
        parts.extend(self.request_id.as_ref().map(|id| format!("request {id}")));
        format!("[{}]", parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_an_answer_and_any_other_refusal_is_not() {
        let mut reply = Reply::default();
        let blocked = json!({ "error": { "code": "policy_blocked", "message": "No.", "rules": ["a", "b"] } });
        assert!(reply.refused(StatusCode::FORBIDDEN, &blocked).is_ok());
        assert!(reply.is_blocked());
        assert_eq!((reply.text(), reply.account().as_str()), ("No.", "[action block; rules a, b]"));
        let unknown = json!({ "error": { "code": "invalid_api_key", "message": "Who?" } });
        assert!(Reply::default().refused(StatusCode::UNAUTHORIZED, &unknown).is_err());
    }
}
