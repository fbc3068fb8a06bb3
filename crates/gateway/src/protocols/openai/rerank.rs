//! `POST /v1/rerank`: documents in the order in which they answer a query, in the form that Cohere and Jina have in
//! common. Request body to [`Call`], and what to inspect in the answer.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::{Call, Operation, TextRole};

use super::tokens;
use crate::protocols::reading::Reading;
use crate::protocols::{Answer, counts, end_user, missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// Reads a rerank request. Documents are strings, or objects whose strings are all inspected; one with an `image`
/// cannot be and sets `unseen_input`.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value.
pub fn decode(document: Document) -> Result<Call, Refusal> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return Err(wrong_type("body", "a JSON object"));
    }
    let model = model_name(root)?;
    let query = root.get("query").ok_or_else(|| missing("query"))?;
    if !matches!(query.kind(), NodeKind::String | NodeKind::Object) {
        return Err(wrong_type("query", "a string or an object"));
    }
    let documents = root.get("documents").ok_or_else(|| missing("documents"))?;
    let known = |item: Value<'_>| matches!(item.kind(), NodeKind::String | NodeKind::Object);
    if documents.holds_scalars() || documents.items().next().is_none() || !documents.items().all(known) {
        return Err(wrong_type("documents", "a non-empty array of strings or objects"));
    }
    let unseen_input = documents
        .items()
        .chain([query])
        .any(|item| ["image", "url"].iter().any(|key| item.get(key).is_some()));
    let mut reading = Reading::new(&document);
    for value in query.strings().chain(documents.strings()) {
        reading.text(value, TextRole::User);
    }
    root.get("model").into_iter().for_each(|model| reading.fixed(model));
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Rerank,
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

/// Reads a rerank answer; none when it is not one. Documents that come back are inspected like any text.
pub fn answer(document: &Document) -> Option<Answer> {
    let mut answer = super::answer::list(document, "results", &[])?;
    answer.usage = counts::told(document.root()).and_then(|told| told.usage());
    Some(answer)
}

/// The tokens of a rerank request.
pub fn request_tokens(document: &Document) -> u64 {
    tokens::members(document, &["query", "documents"])
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
    fn query_and_documents_are_inspected_in_both_forms() {
        let text = r#"{"model":"m","query":"a b","documents":["c",{"title":"d","text":"e"}],"rank_fields":["title"]}"#;
        let call = decode(parse(text)).unwrap();
        let user = call.texts.iter().filter(|text| text.role == TextRole::User).count();
        assert_eq!((user, call.texts.len(), call.unseen_input), (4, 5, false));
        assert_eq!(request_tokens(&parse(text)), 5);
        let image = r#"{"model":"m","query":"a","documents":[{"image":"AAAA"}]}"#;
        assert!(decode(parse(image)).unwrap().unseen_input);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, field) in [
            (r#"{"query":"a","documents":["b"]}"#, "model"),
            (r#"{"model":"m","documents":["b"]}"#, "query"),
            (r#"{"model":"m","query":[1],"documents":["b"]}"#, "query"),
            (r#"{"model":"m","query":"a"}"#, "documents"),
            (r#"{"model":"m","query":"a","documents":"b"}"#, "documents"),
            (r#"{"model":"m","query":"a","documents":["b",7]}"#, "documents"),
        ] {
            assert_eq!(decode(parse(text)).unwrap_err().field.as_deref(), Some(field), "{text}");
        }
    }

    #[test]
    fn usage_is_read_where_tokens_are_told() {
        let usage = |text: &str| answer(&parse(text)).unwrap().usage.map(|usage| usage.input);
        assert_eq!(usage(r#"{"results":[],"usage":{"total_tokens":9}}"#), Some(9));
        assert_eq!(usage(r#"{"results":[],"meta":{"billed_units":{"input_tokens":7}}}"#), Some(7));
        assert_eq!(usage(r#"{"results":[],"meta":{"billed_units":{"search_units":1}}}"#), None);
        assert!(answer(&parse(r#"{"data":[]}"#)).is_none());
    }
}
