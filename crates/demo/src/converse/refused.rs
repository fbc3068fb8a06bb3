//! Requests that the demo model refuses, in the shape of AWS's errors in JSON: a document with a `message`, and the
//! header `x-amzn-errortype` for the kind.

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use crate::hash::hash;
use crate::play::dialect::Refusal;
use crate::rejected::Rejected;

/// The kind of error that a broken stream ends in.
pub(super) const STREAM_ERROR: &str = "modelStreamErrorException";

/// What such an error says.
pub(super) const STREAM_ERROR_MESSAGE: &str = "The system encountered an unexpected error during processing.";

/// A refused request.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Refused {
    /// The request is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Refused { status: StatusCode::BAD_REQUEST, kind: "ValidationException", message: message.into() }
    }

    /// The member at `path` breaks a constraint of the service's model.
    pub(super) fn member(path: &str, constraint: &str) -> Self {
        Refused::invalid(format!(
            "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must {constraint}"
        ))
    }

    /// The member at `path` is of another type.
    pub(super) fn type_of(path: &str, expected: &str) -> Self {
        let message = format!("The value at '{path}' can not be converted to {expected}");
        Refused { status: StatusCode::BAD_REQUEST, kind: "SerializationException", message }
    }

    /// The credentials are no credentials.
    pub(super) fn unknown_client() -> Self {
        Refused {
            status: StatusCode::FORBIDDEN,
            kind: "UnrecognizedClientException",
            message: "The security token included in the request is invalid.".to_owned(),
        }
    }

    /// What a provider says along with an error status that a script asked for.
    pub(super) fn scripted(status: StatusCode) -> Self {
        let (kind, message) = match status.as_u16() {
            400 => ("ValidationException", "The request was refused by script."),
            401 | 403 => {
                ("AccessDeniedException", "You don't have access to the model with the specified model ID.")
            }
            404 => (
                "ResourceNotFoundException",
                "Could not resolve the foundation model from the model identifier.",
            ),
            408 => ("ModelTimeoutException", "Model has timed out in processing the request."),
            424 => ("ModelErrorException", "The model returned an error."),
            429 => ("ThrottlingException", "Too many requests, please wait before trying again."),
            503 => ("ServiceUnavailableException", "Bedrock is unable to process your request."),
            _ if status.is_server_error() => ("InternalServerException", STREAM_ERROR_MESSAGE),
            _ => ("UnknownOperationException", "The request was not served."),
        };
        Refused { status, kind, message: message.to_owned() }
    }

    /// The error document and the headers that go with it.
    pub(super) fn refusal(&self) -> Refusal {
        let headers = vec![
            (HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(self.kind)),
            request_id(hash(self.message.as_bytes())),
        ];
        (json!({"message": self.message}).to_string().into_bytes(), headers)
    }
}

/// The header that tells requests apart.
pub(super) fn request_id(seed: u64) -> (HeaderName, HeaderValue) {
    let digits = format!("{seed:016x}");
    let id =
        HeaderValue::from_str(&format!("00000000-0000-4000-8000-{}", digits.get(..12).unwrap_or(&digits)));
    let id = id.unwrap_or(HeaderValue::from_static("00000000-0000-4000-8000-000000000000"));
    (HeaderName::from_static("x-amzn-requestid"), id)
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        Refused::invalid(rejected.message())
    }
}
