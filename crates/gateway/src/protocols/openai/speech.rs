//! `POST /v1/audio/speech`: a text read aloud. Request body to [`Call`]; the answer is sound, which nobody here can
//! inspect: it passes as it comes.

use flyball_core::json::{Document, NodeKind};
use flyball_core::{Call, Operation, TextRole};

use crate::protocols::reading::Reading;
use crate::protocols::{end_user, missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// Reads a speech request. Sound in events is not served.
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
    if input.kind() != NodeKind::String {
        return Err(wrong_type("input", "a string"));
    }
    if root.get("stream_format").is_some_and(|format| !format.is_text("audio")) {
        return Err(wrong_type("stream_format", "'audio' here"));
    }
    let mut reading = Reading::new(&document);
    reading.text(input, TextRole::User);
    root.get("instructions").into_iter().for_each(|text| reading.text(text, TextRole::System));
    for key in ["model", "voice", "response_format", "stream_format"] {
        root.get(key).into_iter().for_each(|value| reading.fixed(value));
    }
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Speech,
        model,
        stream: false,
        stream_usage: false,
        choices: 1,
        max_output_tokens: None,
        has_tools: false,
        server_tools: false,
        unseen_input: false,
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

    fn read(text: &str) -> Result<Call, Refusal> {
        decode(Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap())
    }

    #[test]
    fn what_is_read_aloud_and_how_is_inspected() {
        let call =
            read(r#"{"model":"m","input":"a","voice":"alloy","instructions":"b","speed":1.5}"#).unwrap();
        let roles: Vec<_> = call.texts.iter().map(|text| text.role).collect();
        assert_eq!(roles, [TextRole::User, TextRole::System]);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, field) in [
            (r#"{"input":"a"}"#, "model"),
            (r#"{"model":"m"}"#, "input"),
            (r#"{"model":"m","input":["a"]}"#, "input"),
            (r#"{"model":"m","input":"a","stream_format":"sse"}"#, "stream_format"),
        ] {
            assert_eq!(read(text).unwrap_err().field.as_deref(), Some(field), "{text}");
        }
    }
}
