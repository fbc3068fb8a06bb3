//! How a breach is worded in this API: OpenAI's error object, with `param` as a path and a code for the kind.

use http::StatusCode;

use crate::rejected::Rejected;
use crate::strict::{Breach, Place, Wrong};

impl From<Breach> for Rejected {
    fn from(breach: Breach) -> Self {
        let param = path(&breach.path);
        let named = |text: &str| format!("{text}: '{param}'.");
        match breach.wrong {
            Wrong::Missing => Rejected::missing(&param),
            Wrong::Type(_) if param.is_empty() => {
                Rejected::invalid(None, "The body must be a JSON object of this endpoint.")
            }
            Wrong::Type(expected) => {
                let message = format!("Invalid type for '{param}': expected {expected}.");
                Rejected::coded("invalid_type", param, message)
            }
            Wrong::Extra => {
                let message = named("Unknown parameter");
                Rejected::coded("unknown_parameter", param, message)
            }
            Wrong::Value(reason) => {
                let message = format!("Invalid '{param}': {reason}.");
                Rejected::coded("invalid_value", param, message)
            }
        }
    }
}

/// What is wrong with the chat that a request became, said of the request.
pub(super) fn of_chat(mut rejected: Rejected) -> Rejected {
    if rejected.param.as_deref() == Some("messages") {
        rejected.param = Some("input".to_owned());
    }
    rejected
}

/// What is named is not stored here.
pub(super) fn not_stored(param: &str, id: &str) -> Rejected {
    let message = format!(
        "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with `store` \
         set to true, or remove this item from your input."
    );
    let mut rejected = Rejected::invalid(param.to_owned(), message);
    rejected.status = StatusCode::NOT_FOUND;
    rejected
}

/// The error document of a provider that failed.
pub(super) fn server_error() -> Vec<u8> {
    Rejected::scripted(StatusCode::INTERNAL_SERVER_ERROR).body()
}

/// A path as this API writes it: `input[0].content`.
fn path(places: &[Place]) -> String {
    let mut path = String::new();
    for place in places {
        match place {
            Place::At(at) => path.push_str(&format!("[{at}]")),
            Place::Key(key) if path.is_empty() => path.push_str(key),
            Place::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
        }
    }
    path
}
