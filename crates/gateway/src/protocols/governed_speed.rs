//! The interfaces of the policy gateways that Flyball follows: `/filter/*`, `/proxy/completion*`, `/process`.
//!
//! They are other spellings of the governed path: a completion becomes a chat call, a filter runs the same
//! detectors and the same policy and tells what they said.

use bytes::Bytes;
use flyball_core::Call;
use flyball_core::json::{Document, Limits, NodeKind, Value, quote};
use serde::Serialize;
use serde_json::json;

use super::{missing, openai, wrong_type};
use crate::refusal::{Kind, Refusal};

/// The route that answers a completion that names no model.
pub const DEFAULT_MODEL: &str = "demo";

/// Reads `{prompt, model?, max_tokens?}` into a chat call.
///
/// # Errors
/// A refusal that names the field at fault.
pub fn decode_completion(document: &Document, stream: bool) -> Result<Call, Refusal> {
    let root = object(document)?;
    let prompt = text_field(root, "prompt")?.ok_or_else(|| missing("prompt"))?;
    if prompt.raw().len() == 2 {
        return Err(wrong_type("prompt", "a non-empty string"));
    }
    let model =
        text_field(root, "model")?.map_or_else(|| quote(DEFAULT_MODEL), |model| model.raw().to_owned());
    let mut body = format!(r#"{{"model":{model},"messages":[{{"role":"user","content":{}}}]"#, prompt.raw());
    if let Some(cap) = root.get("max_tokens") {
        let cap = cap.unsigned().ok_or_else(|| wrong_type("max_tokens", "a whole number"))?;
        body.push_str(&format!(r#","max_tokens":{cap}"#));
    }
    if stream {
        body.push_str(r#","stream":true"#);
    }
    body.push('}');
    let document = Document::parse(Bytes::from(body), Limits::default())
        .map_err(|error| Refusal::new(Kind::Internal, "The request could not be rebuilt.").because(error))?;
    openai::chat::decode(document)
}

/// What a completion is answered with.
pub fn encode_completion(answer: &Document) -> Option<Bytes> {
    let root = answer.root();
    let message = root.get("choices")?.items().next()?.get("message")?;
    let content = message.get("content").and_then(Value::text).unwrap_or_default();
    let usage = root.get("usage").map_or("null", Value::raw);
    let model = root.get("model").map_or("null", Value::raw);
    Some(Bytes::from(format!(r#"{{"content":{},"model":{model},"usage":{usage}}}"#, quote(&content))))
}

/// What a caller of a filter states about a text. It can only make the decision stricter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stated {
    /// "This holds personal data."
    pub contains_pii: bool,
    /// From 0 to 1.
    pub jailbreak_score: f64,
    /// From 0 to 1.
    pub verbatim_ratio: f64,
}

/// A text to filter.
#[derive(Debug)]
pub struct FilterRequest {
    /// The text.
    pub text: String,
    /// What the caller states.
    pub stated: Stated,
    /// For outputs: the texts that the answer was made from.
    pub context: Vec<String>,
}

/// Reads `{prompt, context?}` or `{output, context?}`; `field` names the text.
///
/// A stated `lawful_basis` is accepted for compatibility and has no effect: only an operator can note one, on the
/// key or the route.
///
/// # Errors
/// A refusal that names the field at fault.
pub fn decode_filter(document: &Document, field: &str) -> Result<FilterRequest, Refusal> {
    let root = object(document)?;
    let text = text_field(root, field)?.ok_or_else(|| missing(field))?;
    let mut request = FilterRequest {
        text: text.text().unwrap_or_default().into_owned(),
        stated: Stated::default(),
        context: Vec::new(),
    };
    let Some(context) = root.get("context") else { return Ok(request) };
    match context.kind() {
        NodeKind::String => request.context.push(context.text().unwrap_or_default().into_owned()),
        NodeKind::Object => {
            if let Some(value) = context.get("contains_pii") {
                request.stated.contains_pii =
                    value.boolean().ok_or_else(|| wrong_type("context.contains_pii", "true or false"))?;
            }
            request.stated.jailbreak_score = share(context, "jailbreak_score")?;
            request.stated.verbatim_ratio = share(context, "verbatim_ratio")?;
            for source in context.get("sources").into_iter().flat_map(Value::items) {
                request.context.extend(source.text().map(std::borrow::Cow::into_owned));
            }
        }
        _ => return Err(wrong_type("context", "an object")),
    }
    Ok(request)
}

fn share(context: Value<'_>, key: &str) -> Result<f64, Refusal> {
    let Some(value) = context.get(key) else { return Ok(0.0) };
    match value.float() {
        Some(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(wrong_type(format!("context.{key}"), "a number from 0 to 1")),
    }
}

fn object(document: &Document) -> Result<Value<'_>, Refusal> {
    let root = document.root();
    if root.kind() == NodeKind::Object { Ok(root) } else { Err(wrong_type("body", "a JSON object")) }
}

fn text_field<'d>(root: Value<'d>, key: &str) -> Result<Option<Value<'d>>, Refusal> {
    match root.get(key) {
        Some(value) if value.kind() == NodeKind::String => Ok(Some(value)),
        Some(_) => Err(wrong_type(key, "a string")),
        None => Ok(None),
    }
}

/// A finding as a filter tells it: never the text.
#[derive(Debug, Serialize)]
pub struct FilterFinding {
    /// What it is.
    pub kind: &'static str,
    /// What it is about.
    pub category: &'static str,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// How sure the detector is.
    pub score: f32,
    /// Its version.
    pub detector_version: u16,
}

/// What a filter answers.
#[derive(Debug, Serialize)]
pub struct FilterAnswer {
    /// Whether the text may go on.
    pub allowed: bool,
    /// The decision as one word.
    pub action: &'static str,
    /// Every rule that matched.
    pub reasons: Vec<flyball_core::Reason>,
    /// What the detectors saw.
    pub findings: Vec<FilterFinding>,
    /// What the rules could read.
    pub signals: serde_json::Value,
    /// Which policy decided.
    pub policy_hash: String,
    /// The text after the decision; absent when it is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// The `/process` form of a filter's answer. `processing_time_ms` is told for information only: no verdict
/// depends on it.
pub fn encode_process(answer: &FilterAnswer, milliseconds: f64) -> serde_json::Value {
    let reasons: Vec<&str> = answer.reasons.iter().map(|reason| reason.description.as_ref()).collect();
    json!({
        "status": if answer.allowed { "success" } else { "blocked" },
        "sanitized_prompt": answer.output,
        "reason": if reasons.is_empty() { None } else { Some(reasons.join("; ")) },
        "processing_time_ms": milliseconds,
    })
}
