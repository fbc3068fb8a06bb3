//! `POST /v1/images/generations`: images from a text. Request body to [`Call`], and what to inspect in the answer.

use flyball_core::json::{Document, NodeKind};
use flyball_core::{Call, Operation, TextRole};

use super::tokens;
use crate::protocols::reading::Reading;
use crate::protocols::{Answer, counts, end_user, missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// The most images of one call.
const MOST: u64 = 128;

/// Reads an image request. Partial images in events are not served: an image is inspected by nobody here, so that
/// there is nothing to gain from its parts.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value.
pub fn decode(document: Document) -> Result<Call, Refusal> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return Err(wrong_type("body", "a JSON object"));
    }
    let model = model_name(root)?;
    let prompt = root.get("prompt").ok_or_else(|| missing("prompt"))?;
    if prompt.kind() != NodeKind::String {
        return Err(wrong_type("prompt", "a string"));
    }
    let choices = match root.get("n") {
        None => 1,
        Some(n) => {
            match n.unsigned().filter(|n| (1..=MOST).contains(n)).and_then(|n| u32::try_from(n).ok()) {
                Some(n) => n,
                None => return Err(wrong_type("n", "a whole number from 1 to 128")),
            }
        }
    };
    if root.get("stream").is_some_and(|stream| stream.boolean() != Some(false)) {
        return Err(wrong_type("stream", "false here"));
    }
    let mut reading = Reading::new(&document);
    reading.text(prompt, TextRole::User);
    for key in
        ["model", "size", "quality", "style", "response_format", "output_format", "background", "moderation"]
    {
        root.get(key).into_iter().for_each(|value| reading.fixed(value));
    }
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Images,
        model,
        stream: false,
        stream_usage: false,
        choices,
        max_output_tokens: None,
        has_tools: false,
        server_tools: false,
        unseen_input: ["image", "images", "mask"].iter().any(|key| root.get(key).is_some()),
        end_user: end_user(root),
        texts,
        document,
    })
}

/// Reads an image answer; none when it is not one. Images in base64 are no text; what the provider made of the prompt
/// is.
pub fn answer(document: &Document) -> Option<Answer> {
    let mut answer = super::answer::list(document, "data", &["b64_json"])?;
    answer.usage = counts::told(document.root()).and_then(|told| told.usage());
    Some(answer)
}

/// The tokens of an image request.
pub fn request_tokens(document: &Document) -> u64 {
    tokens::members(document, &["prompt"])
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
    fn the_prompt_and_every_unknown_string_are_inspected() {
        let call =
            decode(parse(r#"{"model":"m","prompt":"a","n":2,"size":"1024x1024","note":"b"}"#)).unwrap();
        assert_eq!((call.texts.len(), call.choices, call.unseen_input), (2, 2, false));
        assert_eq!(request_tokens(&parse(r#"{"model":"m","prompt":"a b","user":"c"}"#)), 2);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, field) in [
            (r#"{"prompt":"a"}"#, "model"),
            (r#"{"model":"m"}"#, "prompt"),
            (r#"{"model":"m","prompt":["a"]}"#, "prompt"),
            (r#"{"model":"m","prompt":"a","n":0}"#, "n"),
            (r#"{"model":"m","prompt":"a","n":"2"}"#, "n"),
            (r#"{"model":"m","prompt":"a","stream":true}"#, "stream"),
        ] {
            assert_eq!(decode(parse(text)).unwrap_err().field.as_deref(), Some(field), "{text}");
        }
    }

    #[test]
    fn images_are_no_text_and_what_became_of_the_prompt_is() {
        let document = parse(
            r#"{"created":1,"data":[{"b64_json":"AAAA","revised_prompt":"a"},{"url":"https://x.org/i"}],
                "usage":{"input_tokens":5,"output_tokens":272,"total_tokens":277}}"#,
        );
        let answer = answer(&document).unwrap();
        let texts: Vec<_> = answer.texts.iter().map(|t| document.value(t.text.node).raw()).collect();
        assert_eq!(texts, [r#""a""#, r#""https://x.org/i""#]);
        assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((5, 272)));
    }
}
