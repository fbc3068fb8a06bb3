//! `POST /v1/moderations`: a verdict on texts and images. Request body to [`Call`], and what to inspect in the answer.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::{Call, Operation, TextRole};

use super::tokens;
use crate::protocols::reading::Reading;
use crate::protocols::{Answer, end_user, missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// Reads a moderation request. OpenAI lets the model be left out; here it names the route. Images cannot be inspected
/// and set `unseen_input`.
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
    let items = || input.items();
    let known = |item: Value<'_>| matches!(item.kind(), NodeKind::String | NodeKind::Object);
    if input.kind() != NodeKind::String
        && (input.holds_scalars() || items().next().is_none() || !items().all(known))
    {
        return Err(wrong_type("input", "a string, or a non-empty array of strings and parts"));
    }
    let is_text = |item: Value<'_>| item.get("type").is_some_and(|kind| kind.is_text("text"));
    let unseen_input = items().any(|item| item.kind() == NodeKind::Object && !is_text(item));
    let mut reading = Reading::new(&document);
    reading.text(input, TextRole::User);
    for item in items() {
        reading.text(item, TextRole::User);
        item.get("text").into_iter().for_each(|text| reading.text(text, TextRole::User));
        item.get("type").into_iter().for_each(|kind| reading.fixed(kind));
    }
    root.get("model").into_iter().for_each(|model| reading.fixed(model));
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Moderations,
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

/// Reads a moderation answer; none when it is not one.
pub fn answer(document: &Document) -> Option<Answer> {
    super::answer::list(document, "results", &[])
}

/// The tokens of a moderation request. Addresses of images are not read as text.
pub fn request_tokens(document: &Document) -> u64 {
    match document.root().get("input") {
        Some(input) if input.kind() == NodeKind::String => tokens::members(document, &["input"]),
        input => tokens::parts(input),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;

    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap()
    }

    #[test]
    fn every_form_of_input_is_inspected_and_images_are_said_to_be_unseen() {
        for (text, expected, unseen) in [
            (r#"{"model":"m","input":"a"}"#, 1, false),
            (r#"{"model":"m","input":["a","b"]}"#, 2, false),
            (r#"{"model":"m","input":[{"type":"text","text":"a"}]}"#, 1, false),
            (
                r#"{"model":"m","input":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x.org/i"}}]}"#,
                2,
                true,
            ),
        ] {
            let call = decode(parse(text)).unwrap();
            assert_eq!((call.texts.len(), call.unseen_input), (expected, unseen), "{text}");
        }
        assert_eq!(request_tokens(&parse(r#"{"model":"m","input":["a b","c"],"user":"u"}"#)), 3);
        let image = r#"{"input":[{"type":"text","text":"a b"},{"type":"image_url","image_url":{"url":"https://x.org/i"}}]}"#;
        assert_eq!(request_tokens(&parse(image)), 2 + 85);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, field) in [
            (r#"{"input":"a"}"#, "model"),
            (r#"{"model":"m"}"#, "input"),
            (r#"{"model":"m","input":[]}"#, "input"),
            (r#"{"model":"m","input":[1]}"#, "input"),
            (r#"{"model":"m","input":[["a"]]}"#, "input"),
        ] {
            assert_eq!(decode(parse(text)).unwrap_err().field.as_deref(), Some(field), "{text}");
        }
    }
}
