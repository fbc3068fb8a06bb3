//! Requests that the demo model refuses, in the shape of OpenAI's error object: `message`, `type`, `param`,
//! `code`.

use http::StatusCode;

use crate::json::{push_optional, push_string};

/// A refused request.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    pub(crate) param: Option<String>,
    pub(crate) message: String,
}

impl Rejected {
    /// The request is wrong; `param` names the field at fault.
    pub(crate) fn invalid(param: impl Into<Option<String>>, message: impl Into<String>) -> Self {
        Rejected {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            param: param.into(),
            message: message.into(),
        }
    }

    /// The field `param` is required and was not sent.
    pub(crate) fn missing(param: &str) -> Self {
        Rejected {
            code: Some("missing_required_parameter"),
            ..Rejected::invalid(param.to_owned(), format!("Missing required parameter: '{param}'."))
        }
    }

    /// The request is wrong in a way that has a code of its own.
    pub(crate) fn coded(
        code: &'static str,
        param: impl Into<Option<String>>,
        message: impl Into<String>,
    ) -> Self {
        Rejected { code: Some(code), ..Rejected::invalid(param, message) }
    }

    /// There is no such model here.
    pub(crate) fn unknown_model(model: &str) -> Self {
        Rejected {
            status: StatusCode::NOT_FOUND,
            code: Some("model_not_found"),
            ..Rejected::invalid("model".to_owned(), format!("The model '{model}' does not exist."))
        }
    }

    /// There is no such path here.
    pub(crate) fn unknown_path(method: &str, path: &str) -> Self {
        Rejected {
            status: StatusCode::NOT_FOUND,
            code: Some("unknown_url"),
            ..Rejected::invalid(None, format!("Unknown request URL: {method} {path}."))
        }
    }

    /// The path exists, but not with this method.
    pub(crate) fn wrong_method(method: &str, path: &str) -> Self {
        Rejected {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: Some("method_not_supported"),
            ..Rejected::invalid(None, format!("{path} does not accept {method}."))
        }
    }

    /// What a provider says along with an error status that a script asked for.
    pub(crate) fn scripted(status: StatusCode) -> Self {
        let (kind, code, message) = match status.as_u16() {
            400 => ("invalid_request_error", None, "The request was refused by script."),
            401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided."),
            403 => ("invalid_request_error", Some("unsupported_country"), "Access was refused."),
            404 => ("invalid_request_error", Some("model_not_found"), "The model does not exist."),
            429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached for requests."),
            503 => ("server_error", Some("overloaded"), "The engine is currently overloaded."),
            _ if status.is_server_error() => {
                ("server_error", None, "The server had an error while processing the request.")
            }
            _ => ("invalid_request_error", None, "The request was not served."),
        };
        Rejected { status, kind, code, param: None, message: message.to_owned() }
    }

    /// What is wrong, in words.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The error document.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.message.len());
        out.extend_from_slice(b"{\"error\":{\"message\":");
        push_string(&mut out, &self.message);
        out.extend_from_slice(b",\"type\":");
        push_string(&mut out, self.kind);
        out.extend_from_slice(b",\"param\":");
        push_optional(&mut out, self.param.as_deref());
        out.extend_from_slice(b",\"code\":");
        push_optional(&mut out, self.code);
        out.extend_from_slice(b"}}");
        out
    }
}
