//! Requests that the demo model refuses, in the shape of Google's error object (`google.rpc.Status` over HTTP):
//! `code`, `message`, `status`.

use http::StatusCode;
use serde_json::json;

use crate::play::dialect::Refusal;
use crate::rejected::Rejected;

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
        Refused { status: StatusCode::BAD_REQUEST, kind: "INVALID_ARGUMENT", message: message.into() }
    }

    /// The field at `path` breaks a rule.
    pub(super) fn field(path: &str, rule: &str) -> Self {
        Refused::invalid(format!("* GenerateContentRequest.{path}: {rule}"))
    }

    /// The field at `path` is of another type.
    pub(super) fn type_of(path: &str, kind: &str) -> Self {
        Refused::invalid(format!("Invalid value at '{path}' ({kind})"))
    }

    /// The message at `path` has no such field.
    pub(super) fn unknown(name: &str, path: &str) -> Self {
        let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
        Refused::invalid(format!(
            "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
        ))
    }

    /// There is no such model here.
    pub(super) fn unknown_model(model: &str, action: &str) -> Self {
        Refused {
            status: StatusCode::NOT_FOUND,
            kind: "NOT_FOUND",
            message: format!(
                "models/{model} is not found for this API version, or is not supported for {action}."
            ),
        }
    }

    /// There is no such stored thing, or it is another's.
    pub(super) fn forbidden(message: &str) -> Self {
        Refused { status: StatusCode::FORBIDDEN, kind: "PERMISSION_DENIED", message: message.to_owned() }
    }

    /// What a provider says along with an error status that a script asked for.
    pub(super) fn scripted(status: StatusCode) -> Self {
        let (kind, message) = match status.as_u16() {
            400 => ("INVALID_ARGUMENT", "The request was refused by script."),
            401 => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
            403 => ("PERMISSION_DENIED", "The caller does not have permission."),
            404 => ("NOT_FOUND", "The model is not found."),
            408 | 504 => ("DEADLINE_EXCEEDED", "The deadline expired before the operation could complete."),
            409 => ("ABORTED", "The operation was aborted."),
            429 => ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
            500 => ("INTERNAL", "An internal error has occurred."),
            503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
            _ => ("UNKNOWN", "The request was not served."),
        };
        Refused { status, kind, message: message.to_owned() }
    }

    /// The error document and no headers of its own.
    pub(super) fn refusal(&self) -> Refusal {
        let error = json!({"error": {
            "code": self.status.as_u16(), "message": self.message, "status": self.kind
        }});
        (error.to_string().into_bytes(), Vec::new())
    }
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        Refused::invalid(rejected.message())
    }
}
