//! What can go wrong on the way to a provider and back, sorted so that those who decide about retries and
//! breakers need not read texts. Errors hold neither URLs nor headers nor bodies: a key in a query must not
//! reach a log.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::connector::{AddressRefused, ConnectOverdue, NotResolved};

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A file of certification authorities cannot be used.
    #[error("{} holds no usable certificates in PEM form: {reason}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why a destination was refused before anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Neither https nor, where that is allowed, http.
    Scheme,
    /// No host, or one that is not on the list.
    Host,
    /// The URL holds a user name or password.
    Credentials,
    /// A tenant named a destination whose address is not public.
    Address,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Why::Scheme => "its scheme is not allowed",
            Why::Host => "its host is not allowed",
            Why::Credentials => "it holds credentials",
            Why::Address => "its address is not public",
        })
    }
}

/// What was waited for when time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutPhase {
    /// A connection: nothing was sent.
    Connect,
    /// The head of the answer.
    Head,
    /// The next piece of the body.
    Body,
}

impl std::fmt::Display for TimeoutPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TimeoutPhase::Connect => "connection",
            TimeoutPhase::Head => "head of the answer",
            TimeoutPhase::Body => "next piece of the answer",
        })
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The destination is not allowed. Nothing was sent.
    #[error("the destination is refused: {why}")]
    Refused {
        /// Which rule it breaks.
        why: Why,
    },
    /// The host name has no address. Nothing was sent.
    #[error("the host name could not be resolved")]
    Resolve,
    /// No connection. Nothing was sent.
    #[error("the connection could not be made: {0}")]
    Connect(io::ErrorKind),
    /// The TLS handshake failed. Nothing was sent.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// The credential that the call needs could not be had. Nothing was sent.
    #[error("there is no credential for the call: {reason}")]
    Credential {
        /// Why not; holds nothing secret.
        reason: Box<str>,
    },
    /// Time ran out.
    #[error("waiting for the {phase} took too long")]
    Timeout {
        /// What was waited for.
        phase: TimeoutPhase,
    },
    /// The peer closed or reset the connection or stream before its answer was complete.
    #[error("the connection was closed before the answer was complete")]
    Reset,
    /// The answer is not HTTP.
    #[error("the answer is not valid HTTP")]
    Protocol,
    /// The head of the answer is longer than allowed.
    #[error("the head of the answer is too large")]
    HeadTooLarge,
    /// The body of the answer is longer than allowed.
    #[error("the answer is longer than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
}

impl EgressError {
    /// Whether it is certain that the provider saw nothing of the request, so that sending it elsewhere
    /// repeats nothing.
    pub fn nothing_was_sent(&self) -> bool {
        match self {
            EgressError::Refused { .. }
            | EgressError::Resolve
            | EgressError::Connect(_)
            | EgressError::Tls(_)
            | EgressError::Credential { .. }
            | EgressError::Timeout { phase: TimeoutPhase::Connect } => true,
            EgressError::Timeout { phase: TimeoutPhase::Head | TimeoutPhase::Body }
            | EgressError::Reset
            | EgressError::Protocol
            | EgressError::HeadTooLarge
            | EgressError::BodyTooLarge { .. } => false,
        }
    }

    /// Sorts an error of connecting.
    pub(super) fn of_connect(error: &(dyn Error + 'static)) -> Self {
        if find::<AddressRefused>(error).is_some() {
            return EgressError::Refused { why: Why::Address };
        }
        if find::<ConnectOverdue>(error).is_some() {
            return EgressError::Timeout { phase: TimeoutPhase::Connect };
        }
        if let Some(tls) = find::<rustls::Error>(error) {
            return EgressError::Tls(tls.to_string());
        }
        if find::<NotResolved>(error).is_some() {
            return EgressError::Resolve;
        }
        match find::<io::Error>(error).map(io::Error::kind) {
            Some(io::ErrorKind::TimedOut) => EgressError::Timeout { phase: TimeoutPhase::Connect },
            kind => EgressError::Connect(kind.unwrap_or(io::ErrorKind::Other)),
        }
    }

    /// Sorts an error of an exchange that had begun.
    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            EgressError::HeadTooLarge
        } else if error.is_parse() {
            EgressError::Protocol
        } else {
            EgressError::Reset
        }
    }
}

/// The first error of type `E` in a chain of causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An I/O error hides the error that it was made of: its `source` is already the next cause.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}
