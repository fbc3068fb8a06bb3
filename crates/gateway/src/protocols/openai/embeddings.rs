//! `POST /v1/embeddings`: request body to [`Call`].

use flyball_core::json::{Document, NodeKind};
use flyball_core::{Call, Operation, TextRole};

use crate::protocols::reading::Reading;
use crate::protocols::{end_user, missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// Reads an embeddings request. Inputs given as token ids cannot be inspected and set `unseen_input`.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value.
pub fn decode(document: Document) -> Result<Call, Refusal> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return Err(wrong_type("body", "a JSON object"));
    }
    let model = model_name(root)?;
    let input = root.get("input").ok_or_else(|| missing("input"))?;
    let unseen_input = match input.kind() {
        NodeKind::String => false,
        NodeKind::Array if input.holds_scalars() || input.items().next().is_some() => {
            input.holds_scalars() || input.items().any(|item| item.holds_scalars())
        }
        _ => return Err(wrong_type("input", "a string or a non-empty array")),
    };
    let mut reading = Reading::new(&document);
    for value in std::iter::once(input).chain(input.descendants()) {
        reading.text(value, TextRole::User);
    }
    for value in [root.get("model"), root.get("encoding_format")].into_iter().flatten() {
        reading.fixed(value);
    }
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Embeddings,
        model,
        stream: false,
        stream_usage: false,
        choices: 1,
        max_output_tokens: None,
        has_tools: false,
        server_tools: false,
        unseen_input,
        end_user: end_user(root),
        texts,
        document,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;

    use super::*;

    fn decode_text(text: &str) -> Result<Call, Refusal> {
        decode(Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap())
    }

    #[test]
    fn texts_are_inspected_and_token_ids_are_not_hidden() {
        let call = decode_text(r#"{"model":"m","input":["a","b"]}"#).unwrap();
        assert_eq!((call.texts.len(), call.unseen_input), (2, false));
        assert!(decode_text(r#"{"model":"m","input":[1,2]}"#).unwrap().unseen_input);
        assert!(decode_text(r#"{"model":"m","input":[[1],[2]]}"#).unwrap().unseen_input);
        assert_eq!(decode_text(r#"{"model":"m","input":[]}"#).unwrap_err().field.as_deref(), Some("input"));
        assert_eq!(decode_text(r#"{"model":"m","input":7}"#).unwrap_err().field.as_deref(), Some("input"));
    }
}
