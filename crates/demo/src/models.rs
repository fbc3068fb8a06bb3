//! The models that the demo provider has: their names, and the two answers about them.

use crate::json::{push_number, push_string};
use crate::rejected::Rejected;

/// The names that the model list shows.
const LISTED: [&str; 3] = ["demo", "demo-embedding", "sim"];

/// Whether a request may name this model: `demo`, `demo-…`, `sim`, or a script `sim:…`.
pub(crate) fn exists(model: &str) -> bool {
    model == "demo" || model == "sim" || model.starts_with("demo-") || model.starts_with("sim:")
}

/// The name that answers show: a script is not repeated, lest its text be mistaken for the answer's.
pub(crate) fn shown(model: &str) -> &str {
    if model.starts_with("sim:") { "sim" } else { model }
}

/// The answer to `GET /v1/models`.
pub(crate) fn list(created: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"{\"object\":\"list\",\"data\":[");
    for (at, model) in LISTED.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_model(&mut out, model, created);
    }
    out.extend_from_slice(b"]}");
    out
}

/// The answer to `GET /v1/models/{id}`.
pub(crate) fn describe(model: &str, created: u64) -> Result<Vec<u8>, Rejected> {
    if !exists(model) {
        return Err(Rejected::unknown_model(model));
    }
    let mut out = Vec::with_capacity(128);
    push_model(&mut out, model, created);
    Ok(out)
}

fn push_model(out: &mut Vec<u8>, model: &str, created: u64) {
    out.extend_from_slice(b"{\"id\":");
    push_string(out, model);
    out.extend_from_slice(b",\"object\":\"model\",\"created\":");
    push_number(out, created);
    out.extend_from_slice(b",\"owned_by\":\"flyball\"}");
}
