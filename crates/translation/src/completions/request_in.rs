//! Reads a completions request: its prompt becomes a turn of the user's.

use flyball_core::Document;
use flyball_core::json::{NodeKind, Value};

use crate::Untranslatable;
use crate::chat::options::{self, child, object, other, wrong};
use crate::conversation::{Part, Request, Speaker, Turn};
use crate::fields::Meaning;
use crate::gate::Gate;

/// Reads a request.
pub(crate) fn read_request<'d>(
    document: &'d Document,
    gate: &mut Gate,
) -> Result<Request<'d>, Untranslatable> {
    let root = document.root();
    object(root, || "body".into())?;
    let mut request = Request::default();
    for (key, value) in root.members() {
        if value.is_null() {
            continue;
        }
        let name = key.name();
        match name.as_ref() {
            // The provider's file writes the name of its own model.
            b"model" => {}
            b"prompt" => prompt(value, &mut request, gate)?,
            b"max_tokens" => {
                let cap = value.unsigned().ok_or_else(|| wrong("max_tokens", "must be a whole number"))?;
                if gate.pass(Meaning::MaxOutputTokens, || "max_tokens".into(), value)? {
                    request.max_output_tokens = Some(cap);
                }
            }
            b"suffix" => other(gate, Meaning::Suffix, "suffix", value, &mut request)?,
            b"echo" => other(gate, Meaning::Echo, "echo", value, &mut request)?,
            b"best_of" => other(gate, Meaning::BestOf, "best_of", value, &mut request)?,
            b"logprobs" => other(gate, Meaning::LogProbs, "logprobs", value, &mut request)?,
            name => {
                if !options::read(name, value, &mut request, gate)? {
                    gate.unknown(child("", key), value)?;
                }
            }
        }
    }
    if root.get("prompt").is_none() {
        return Err(wrong("prompt", "is missing"));
    }
    Ok(request)
}

/// One text, alone or in a list. Several prompts would be several conversations, and tokens are those of one
/// vendor's models.
fn prompt<'d>(value: Value<'d>, request: &mut Request<'d>, gate: &mut Gate) -> Result<(), Untranslatable> {
    let mut items = value.items();
    let text = match (value.kind(), items.next(), items.next()) {
        (NodeKind::String, ..) => value.text(),
        (NodeKind::Array, Some(one), None) if !value.holds_scalars() => one.text(),
        _ => None,
    };
    let text = text.ok_or_else(|| gate.refusal("prompt".into()))?;
    if gate.pass(Meaning::Text, || "prompt".into(), value)? {
        let parts = if text.is_empty() { Vec::new() } else { vec![Part::Text(text)] };
        request.turns.push(Turn { speaker: Speaker::User, path: "prompt".into(), parts });
    }
    Ok(())
}
