//! Refusals: the one way in which the gateway says no.
//!
//! A [`Refusal`] has two faces. The public one (code, message, field, remedy, when to try again) is written for
//! the caller and never holds content, a secret or an inner cause. The internal one is for the log. The table
//! [`KINDS`] maps each kind to HTTP status, E-code, protocol error type and metric label; the reference page
//! `docs/reference/errors.md` is generated from it. Encoding into a protocol's error body is the protocols' work.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;

/// Why something was refused. One row of [`KINDS`] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The request body is not acceptable JSON.
    MalformedJson,
    /// The request body is not an acceptable form.
    MalformedForm,
    /// A field has the wrong type or a value out of range.
    InvalidField,
    /// A required field is absent.
    MissingField,
    /// The body is larger than the route allows.
    BodyTooLarge,
    /// The body is compressed in a way that is not understood.
    UnsupportedEncoding,
    /// The body is of a kind that may not pass.
    UnsupportedMedia,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The connection broke while the body was read.
    BodyBroken,
    /// No credential was sent.
    MissingCredential,
    /// The credential is not a live one.
    InvalidCredential,
    /// The credential's lifetime is over.
    ExpiredCredential,
    /// Two different credentials were sent.
    AmbiguousCredential,
    /// The credential's role may not do this.
    WrongRole,
    /// The policy refused the request.
    PolicyBlockedPrompt,
    /// The policy refused the answer.
    PolicyBlockedOutput,
    /// The model does not exist for this credential.
    UnknownModel,
    /// The route does not offer the operation.
    UnsupportedOperation,
    /// No such endpoint.
    UnknownEndpoint,
    /// The endpoint exists, not for this method.
    WrongMethod,
    /// A resource does not exist.
    NotFound,
    /// A resource exists already.
    Conflict,
    /// The provider did not answer in time.
    ProviderTimeout,
    /// The provider asks for fewer calls.
    ProviderRateLimited,
    /// No connection to the provider.
    ProviderUnreachable,
    /// The provider's answer is not what its protocol says.
    ProviderInvalidAnswer,
    /// The provider refused the request's content.
    ProviderRejected,
    /// The provider refused our credential.
    ProviderCredential,
    /// The provider knows neither the model nor the address that the route names.
    ProviderUnknownTarget,
    /// The provider's protocol cannot say what the request says.
    Untranslatable,
    /// The request names what the provider keeps, and the route does not allow that.
    StoredState,
    /// The provider failed.
    ProviderFailed,
    /// The provider's answer broke off.
    ProviderBrokeOff,
    /// The gateway is stopping.
    ShuttingDown,
    /// The gateway has more work than it may hold.
    Overloaded,
    /// The gateway could not read or write its state.
    StateUnavailable,
    /// A defect of the gateway.
    Internal,
}

/// What a kind of refusal looks like from outside.
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    /// The kind.
    pub kind: Kind,
    /// HTTP status before the first byte of an answer.
    pub status: StatusCode,
    /// Stable code, for people and logs.
    pub code: &'static str,
    /// Machine name: the protocol error's `code`, the metric label, and the anchor in the reference.
    pub name: &'static str,
    /// OpenAI's `error.type`.
    pub openai_type: &'static str,
    /// Anthropic's `error.type`.
    pub anthropic_type: &'static str,
    /// Whether repeating the same request can help.
    pub retryable: bool,
    /// What the caller or operator can do about it.
    pub remedy: &'static str,
}

macro_rules! kinds {
    ($($kind:ident $status:ident $code:literal $name:literal $openai:literal $anthropic:literal $retry:literal $remedy:literal;)*) => {
        /// Every kind of refusal: the only place where status, code, name and remedy are decided.
        pub static KINDS: &[KindRow] = &[$(Kind::$kind.row()),*];

        impl Kind {
            /// The kind's row.
            pub const fn row(self) -> KindRow {
                match self {
                    $(Kind::$kind => KindRow {
                        kind: Kind::$kind,
                        status: StatusCode::$status,
                        code: $code,
                        name: $name,
                        openai_type: $openai,
                        anthropic_type: $anthropic,
                        retryable: $retry,
                        remedy: $remedy,
                    }),*
                }
            }
        }
    };
}

kinds! {
    MalformedJson BAD_REQUEST "E109" "malformed_json" "invalid_request_error" "invalid_request_error" false
        "Send one JSON value in UTF-8, without duplicate keys, within the depth and size limits.";
    MalformedForm BAD_REQUEST "E119" "malformed_form" "invalid_request_error" "invalid_request_error" false
        "Send multipart/form-data with a boundary, whose parts have names, within the limits.";
    InvalidField BAD_REQUEST "E110" "invalid_value" "invalid_request_error" "invalid_request_error" false
        "Correct the field that the answer names.";
    MissingField BAD_REQUEST "E111" "missing_required_parameter" "invalid_request_error" "invalid_request_error" false
        "Add the field that the answer names.";
    BodyTooLarge PAYLOAD_TOO_LARGE "E108" "body_too_large" "invalid_request_error" "request_too_large" false
        "Send less, or raise limits.model_body or limits.other_body.";
    UnsupportedEncoding UNSUPPORTED_MEDIA_TYPE "E112" "unsupported_encoding" "invalid_request_error" "invalid_request_error" false
        "Send the body as it is, or compressed once with gzip or zstd.";
    UnsupportedMedia UNSUPPORTED_MEDIA_TYPE "E118" "unsupported_media" "invalid_request_error" "invalid_request_error" false
        "Send JSON, or set media on the passthrough in the configuration.";
    BodyTimeout REQUEST_TIMEOUT "E113" "body_timeout" "invalid_request_error" "invalid_request_error" false
        "Send the body without long pauses, or raise limits.body_timeout.";
    BodyBroken BAD_REQUEST "E114" "body_broken" "invalid_request_error" "invalid_request_error" false
        "Send the whole body that the headers announce.";
    MissingCredential UNAUTHORIZED "E206" "missing_api_key" "invalid_request_error" "authentication_error" false
        "Send a key as `Authorization: Bearer fb_...` or `x-api-key: fb_...`.";
    InvalidCredential UNAUTHORIZED "E204" "invalid_api_key" "invalid_request_error" "authentication_error" false
        "Use a key that was created here and is not revoked.";
    ExpiredCredential UNAUTHORIZED "E202" "expired_api_key" "invalid_request_error" "authentication_error" false
        "Ask the operator for a new key.";
    AmbiguousCredential UNAUTHORIZED "E207" "ambiguous_api_key" "invalid_request_error" "authentication_error" false
        "Send one key, in one header.";
    WrongRole FORBIDDEN "E205" "role_not_allowed" "permission_error" "permission_error" false
        "Use a key whose role may do this: tenants' keys call models, the operator's key administers.";
    PolicyBlockedPrompt FORBIDDEN "E301" "policy_blocked" "policy_error" "permission_error" false
        "Change the request, or ask the owner of the rules that the answer names.";
    PolicyBlockedOutput FORBIDDEN "E305" "policy_blocked_output" "policy_error" "permission_error" false
        "Change the request, or ask the owner of the rules that the answer names.";
    UnknownModel NOT_FOUND "E607" "model_not_found" "invalid_request_error" "not_found_error" false
        "Use a model that GET /v1/models lists for this key.";
    UnsupportedOperation BAD_REQUEST "E115" "unsupported_operation" "invalid_request_error" "invalid_request_error" false
        "Use a model whose route offers the operation.";
    Untranslatable BAD_REQUEST "E116" "untranslatable" "invalid_request_error" "invalid_request_error" false
        "Leave the field out, name it in the route's drop_params, or use a model whose provider knows it.";
    StoredState BAD_REQUEST "E117" "stored_state" "invalid_request_error" "invalid_request_error" false
        "Send what is meant in the request, or set the route's stored_state where its provider's account serves one tenant only.";
    UnknownEndpoint NOT_FOUND "E905" "unknown_endpoint" "invalid_request_error" "not_found_error" false
        "See /docs for the endpoints.";
    WrongMethod METHOD_NOT_ALLOWED "E906" "method_not_allowed" "invalid_request_error" "invalid_request_error" false
        "Use a method that the `allow` header names.";
    NotFound NOT_FOUND "E908" "not_found" "invalid_request_error" "not_found_error" false
        "Check the id.";
    Conflict CONFLICT "E907" "conflict" "invalid_request_error" "invalid_request_error" false
        "Choose another name, or use what exists.";
    ProviderTimeout GATEWAY_TIMEOUT "E601" "provider_timeout" "provider_error" "api_error" true
        "Try again, or raise the timeouts.";
    ProviderRateLimited TOO_MANY_REQUESTS "E602" "provider_rate_limited" "provider_error" "rate_limit_error" true
        "Wait as long as `retry-after` says.";
    ProviderUnreachable BAD_GATEWAY "E605" "provider_unreachable" "provider_error" "api_error" true
        "Check the provider's base_url and the network.";
    ProviderInvalidAnswer BAD_GATEWAY "E606" "provider_invalid_answer" "provider_error" "api_error" true
        "Check that the provider speaks the protocol of its kind.";
    ProviderRejected BAD_REQUEST "E608" "provider_rejected" "invalid_request_error" "invalid_request_error" false
        "Correct the request as the provider's message says.";
    ProviderCredential BAD_GATEWAY "E609" "provider_credential" "provider_error" "api_error" false
        "Check the provider's api_key in the configuration.";
    ProviderUnknownTarget BAD_GATEWAY "E611" "provider_unknown_target" "provider_error" "api_error" false
        "Check the route's model and the provider's base_url in the configuration.";
    ProviderFailed BAD_GATEWAY "E603" "provider_failed" "provider_error" "api_error" true
        "Try again later.";
    ProviderBrokeOff BAD_GATEWAY "E610" "provider_broke_off" "provider_error" "api_error" true
        "Try again.";
    ShuttingDown SERVICE_UNAVAILABLE "E705" "shutting_down" "server_error" "overloaded_error" true
        "Try again: another replica, or this one after its restart, answers.";
    Overloaded SERVICE_UNAVAILABLE "E903" "overloaded" "server_error" "overloaded_error" true
        "Wait as long as `retry-after` says.";
    StateUnavailable SERVICE_UNAVAILABLE "E702" "state_unavailable" "server_error" "api_error" true
        "Look at the log and at the disk that holds the data folder.";
    Internal INTERNAL_SERVER_ERROR "E700" "internal" "server_error" "api_error" false
        "Report it with the request id.";
}

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Refusal {
    /// What kind it is.
    pub kind: Kind,
    /// For the caller. Never holds content, secrets or inner causes.
    pub message: Cow<'static, str>,
    /// The field at fault, as a path: `messages[0].role`.
    pub field: Option<Box<str>>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// The rules that led to it.
    pub rules: Box<[std::sync::Arc<str>]>,
    /// The methods that the endpoint has, for [`Kind::WrongMethod`].
    pub allow: Option<Cow<'static, str>>,
    /// For the log.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Refusal {
    /// A refusal with a message for the caller.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Refusal {
            kind,
            message: message.into(),
            field: None,
            retry_after: None,
            rules: Box::default(),
            allow: None,
            cause: None,
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn at(mut self, field: impl Into<Box<str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Keeps the inner cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The kind's row.
    pub fn row(&self) -> KindRow {
        self.kind.row()
    }
}

/// The reference page.
pub fn reference() -> String {
    let mut page = String::from(
        "# Errors\n\nEvery refusal has OpenAI's error shape: `{\"error\": {message, type, param, code, flyball_code, \
         remedy, request_id}}`. On Anthropic's endpoints it has Anthropic's: `{\"type\": \"error\", \"error\": {type, \
         message, param, code, flyball_code, remedy}, \"request_id\"}`. Where rules led to it, `rules` names them. \
         Generated from `crates/gateway/src/refusal.rs`; do not edit.\n\n\
         | E-code | `code` | status | OpenAI's `type` | Anthropic's `type` | retry helps | remedy |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in KINDS {
        let retry = if row.retryable { "yes" } else { "no" };
        page.push_str(&format!(
            "| {} | `{}` | {} | `{}` | `{}` | {retry} | {} |\n",
            row.code,
            row.name,
            row.status.as_u16(),
            row.openai_type,
            row.anthropic_type,
            row.remedy
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_well_formed() {
        let codes: HashSet<_> = KINDS.iter().map(|row| row.code).collect();
        let names: HashSet<_> = KINDS.iter().map(|row| row.name).collect();
        assert_eq!((codes.len(), names.len()), (KINDS.len(), KINDS.len()));
        for row in KINDS {
            assert!(row.code.len() == 4 && row.code.starts_with('E'), "{}", row.code);
            assert!(row.status.is_client_error() || row.status.is_server_error());
            assert!(row.remedy.ends_with('.'));
        }
    }

    #[test]
    fn anthropics_types_are_those_that_it_has_for_the_status() {
        for row in KINDS {
            let expected: &[&str] = match row.status.as_u16() {
                401 => &["authentication_error"],
                403 => &["permission_error"],
                404 => &["not_found_error"],
                413 => &["request_too_large"],
                429 => &["rate_limit_error"],
                400..500 => &["invalid_request_error"],
                503 => &["overloaded_error", "api_error"],
                _ => &["api_error"],
            };
            assert!(expected.contains(&row.anthropic_type), "{}: {}", row.name, row.anthropic_type);
        }
    }
}
