//! `POST /v1/audio/transcriptions`: what is said in a recording. The form's fields become a document, which is
//! inspected and edited like any other body; the recording itself cannot be read here and travels as it came.

use bytes::Bytes;
use flyball_core::json::{Document, NodeKind, Value, quote};
use flyball_core::{Call, Operation, TextRole};

use super::tokens;
use crate::edge::form::Part;
use crate::protocols::reading::Reading;
use crate::protocols::{Answer, AnswerText, counts, end_user, missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// The file of a form, and nothing of what is in the document.
#[derive(Debug)]
pub struct Recording {
    content_type: Option<String>,
    content: Bytes,
}

/// The document of a form's fields, and its recording. A field that stands more than once is an array; of the
/// recording, the document has the name.
///
/// # Errors
/// A refusal that names the field at fault.
pub fn open(parts: Vec<Part>) -> Result<(String, Recording), Refusal> {
    let mut recording = None;
    let mut fields: Vec<(String, Vec<String>)> = Vec::new();
    for part in parts {
        let Part { name, file_name, content_type, content } = part;
        if let Some(file_name) = file_name {
            if name != "file" || recording.is_some() {
                return Err(wrong_type(field_name(&name), "the only file, and named 'file'"));
            }
            recording = Some((file_name, Recording { content_type, content }));
            continue;
        }
        if name == "file" {
            return Err(wrong_type("file", "a file"));
        }
        let Ok(text) = String::from_utf8(content.into()) else {
            return Err(wrong_type(field_name(&name), "text in UTF-8"));
        };
        match fields.iter_mut().find(|(other, _)| *other == name) {
            Some((_, texts)) => texts.push(text),
            None => fields.push((name, vec![text])),
        }
    }
    let Some((file_name, recording)) = recording else { return Err(missing("file")) };
    let mut members = vec![format!(r#""file":{{"filename":{}}}"#, quote(&file_name))];
    for (name, texts) in fields {
        let texts: Vec<String> = texts.iter().map(|text| quote(text)).collect();
        members.push(match texts.as_slice() {
            [text] => format!("{}:{text}", quote(&name)),
            _ => format!("{}:[{}]", quote(&name), texts.join(",")),
        });
    }
    Ok((format!("{{{}}}", members.join(",")), recording))
}

/// A field's name as far as it may be repeated to its caller: names only.
fn field_name(name: &str) -> String {
    let plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b"_[]".contains(&b));
    if plain { name.to_owned() } else { "body".to_owned() }
}

/// The parts of a document of [`open`], whatever became of it, and of its recording.
pub fn close(document: &Document, recording: Recording) -> Vec<Part> {
    let root = document.root();
    let mut parts = Vec::new();
    let field = |name: &str, value: Value<'_>| {
        let text = value.text().map_or_else(|| value.raw().to_owned(), |text| text.into_owned());
        Part { name: name.to_owned(), file_name: None, content_type: None, content: text.into() }
    };
    for (key, value) in root.members() {
        let Some(name) = key.text().filter(|name| name != "file") else { continue };
        match value.kind() {
            NodeKind::Array if !value.holds_scalars() => {
                parts.extend(value.items().map(|item| field(&name, item)));
            }
            _ => parts.push(field(&name, value)),
        }
    }
    let file_name = root.get("file").and_then(|file| file.get("filename")?.text());
    let Recording { content_type, content } = recording;
    parts.push(Part {
        name: "file".to_owned(),
        file_name: Some(file_name.unwrap_or_default().into_owned()),
        content_type,
        content,
    });
    parts
}

/// Reads the document of [`open`]. Text in events is not served.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value.
pub fn decode(document: Document) -> Result<Call, Refusal> {
    let root = document.root();
    let model = model_name(root)?;
    if root.get("stream").is_some_and(|stream| !stream.is_text("false")) {
        return Err(wrong_type("stream", "false here"));
    }
    let mut reading = Reading::new(&document);
    root.get("prompt").into_iter().for_each(|text| reading.text(text, TextRole::User));
    for key in ["model", "language", "response_format", "temperature", "stream"] {
        root.get(key).into_iter().for_each(|value| reading.fixed(value));
    }
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Transcriptions,
        model,
        stream: false,
        stream_usage: false,
        choices: 1,
        max_output_tokens: None,
        has_tools: false,
        server_tools: false,
        unseen_input: true,
        end_user: end_user(root),
        texts,
        document,
    })
}

/// Reads a transcription: an object, or the string that a transcription in plain text was made.
pub fn answer(document: &Document) -> Option<Answer> {
    let root = document.root();
    if !matches!(root.kind(), NodeKind::Object | NodeKind::String) {
        return None;
    }
    let mut reading = Reading::new(document);
    let whole = if root.kind() == NodeKind::String { Some(root) } else { root.get("text") };
    whole.into_iter().for_each(|text| reading.text(text, TextRole::Assistant));
    let texts = reading.take(root).into_iter().map(|text| AnswerText {
        content: whole.is_some_and(|whole| whole.id() == text.node),
        choice: 0,
        text,
    });
    let texts = texts.collect();
    Some(Answer { texts, usage: counts::told(root).and_then(|told| told.usage()) })
}

/// The tokens of a transcription's text.
pub fn answer_tokens(document: &Document) -> u64 {
    match document.root().text() {
        Some(text) => flyball_core::tokens::count(&text),
        None => tokens::members(document, &["text"]),
    }
}

/// The tokens of what is said beside the recording, whose own are not known.
pub fn request_tokens(document: &Document) -> u64 {
    tokens::members(document, &["prompt"])
}

#[cfg(test)]
mod tests {
    use flyball_core::json::Limits;

    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap()
    }

    fn part(name: &str, file_name: Option<&str>, content: &'static [u8]) -> Part {
        let content = Bytes::from_static(content);
        Part { name: name.to_owned(), file_name: file_name.map(str::to_owned), content_type: None, content }
    }

    #[test]
    fn a_form_becomes_a_document_and_a_form_again() {
        let parts = vec![
            part("model", None, b"m"),
            part("prompt", None, b"a \"b\""),
            part("granularities[]", None, b"word"),
            part("granularities[]", None, b"segment"),
            part("file", Some("a.mp3"), b"\xFF\x00"),
        ];
        let (text, recording) = open(parts.clone()).unwrap();
        let document = parse(&text);
        let call = decode(document.clone()).unwrap();
        assert_eq!((call.model.as_str(), call.unseen_input, call.texts.len()), ("m", true, 4));
        assert_eq!(close(&document, recording), parts);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (parts, field) in [
            (vec![part("model", None, b"m")], "file"),
            (vec![part("file", None, b"m")], "file"),
            (vec![part("file", Some("a"), b"m"), part("file", Some("b"), b"m")], "file"),
            (vec![part("mask", Some("a"), b"m")], "mask"),
            (vec![part("prompt", None, b"\xFF")], "prompt"),
            (vec![part("A b", None, b"\xFF")], "body"),
        ] {
            assert_eq!(open(parts).unwrap_err().field.as_deref(), Some(field));
        }
        for (text, field) in [(r#"{"file":{}}"#, "model"), (r#"{"model":"m","stream":"true"}"#, "stream")] {
            assert_eq!(decode(parse(text)).unwrap_err().field.as_deref(), Some(field));
        }
    }

    #[test]
    fn every_string_of_an_answer_is_inspected() {
        for (text, expected) in [
            (r#""all of it""#, vec![true]),
            (
                r#"{"text":"a","language":"b","segments":[{"text":"c"}],"words":[{"word":"d"}]}"#,
                vec![true, false, false, false],
            ),
        ] {
            let document = parse(text);
            let contents: Vec<_> = answer(&document).unwrap().texts.iter().map(|text| text.content).collect();
            assert_eq!(contents, expected, "{text}");
        }
        assert!(answer(&parse("[]")).is_none());
        assert_eq!(answer_tokens(&parse(r#"{"text":"a b","segments":[{"text":"a b"}]}"#)), 2);
        assert_eq!(answer_tokens(&parse(r#""a b c""#)), 3);
    }
}
