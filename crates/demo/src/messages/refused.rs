//! Refusals in Anthropic's shape: an error with a type and a message, and the id of the request.

use http::{HeaderName, HeaderValue, StatusCode};

use crate::demo::DemoAnswer;
use crate::json::{push_hex, push_string};
use crate::play;
use crate::rejected::Rejected;
use crate::script::Script;
use crate::strict::{Breach, Place, Wrong};

/// The name of the header that carries the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// A refused request.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    message: String,
}

impl Refused {
    /// The request is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Refused { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// What is named is not there.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Refused { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// The path does not take this method.
    pub(super) fn method() -> Self {
        Refused { status: StatusCode::METHOD_NOT_ALLOWED, message: "Method Not Allowed".to_owned() }
    }

    /// The answer that says so to the request of this number.
    pub(super) fn answer(&self, request: u64) -> DemoAnswer {
        play::error(&Script::default(), self.status, document(self.status, &self.message, request))
    }
}

impl From<Breach> for Refused {
    fn from(breach: Breach) -> Self {
        let steps = breach.path.iter().map(|place| match place {
            Place::Key(key) => key.clone(),
            Place::At(at) => at.to_string(),
        });
        let path = steps.collect::<Vec<_>>().join(".");
        let reason = match breach.wrong {
            Wrong::Missing => "Field required".to_owned(),
            Wrong::Type("an object") => "Input should be a valid dictionary".to_owned(),
            Wrong::Type("an array") => "Input should be a valid list".to_owned(),
            Wrong::Type(expected) => {
                let noun = expected.split_once(' ').map_or(expected, |(_, noun)| noun);
                format!("Input should be a valid {noun}")
            }
            Wrong::Extra => "Extra inputs are not permitted".to_owned(),
            Wrong::Value(reason) => reason,
        };
        Refused::invalid(if path.is_empty() { reason } else { format!("{path}: {reason}") })
    }
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        Refused { status: rejected.status, message: rejected.message }
    }
}

/// The error document for a status that a script asked for.
pub(super) fn scripted(status: StatusCode, request: u64) -> Vec<u8> {
    let message = match status.as_u16() {
        401 => "invalid x-api-key",
        403 => "Your API key does not have permission to use the specified resource.",
        404 => "model: sim",
        413 => "Request exceeds the maximum size",
        429 => "This request would exceed your organization's rate limit.",
        529 => "Overloaded",
        _ if status.is_server_error() => "Internal server error",
        _ => "The request was refused by script.",
    };
    document(status, message, request)
}

/// The error object that a stream breaks off with.
pub(super) fn overloaded(request: u64) -> Vec<u8> {
    write("overloaded_error", "Overloaded", request)
}

/// Adds the id of the request to the headers of its answer.
pub(super) fn identified(mut answer: DemoAnswer, request: u64) -> DemoAnswer {
    if let Ok(id) = HeaderValue::from_str(&format!("req_{request:016x}")) {
        answer.headers.push((REQUEST_ID, id));
    }
    answer
}

/// The error types of Anthropic's API, by status.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ if status.is_server_error() => "api_error",
        _ => "invalid_request_error",
    }
}

fn document(status: StatusCode, message: &str, request: u64) -> Vec<u8> {
    write(kind(status), message, request)
}

fn write(kind: &str, message: &str, request: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + message.len());
    out.extend_from_slice(b"{\"type\":\"error\",\"error\":{\"type\":");
    push_string(&mut out, kind);
    out.extend_from_slice(b",\"message\":");
    push_string(&mut out, message);
    out.extend_from_slice(b"},\"request_id\":\"req_");
    push_hex(&mut out, request);
    out.extend_from_slice(b"\"}");
    out
}
