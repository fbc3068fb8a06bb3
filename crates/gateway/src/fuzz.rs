//! Bodies of the fuzz targets: what must hold for every sequence of foreign bytes. Plain functions, so that stable
//! tests replay the corpora in `fuzz/seeds`. Not part of the product's interface.

use bytes::Bytes;
use flyball_core::json::{Document, Editor, Limits, NodeId};
use flyball_core::{Call, Operation, Text};
use http::{HeaderMap, Method};

use crate::edge::form;
use crate::edge::sse::Decoder;
use crate::protocols::{Protocol, anthropic, openai, passthrough};

/// Decoding events never fails otherwise than by size, and does not depend on how the bytes are cut.
pub fn sse_decoder(bytes: &[u8]) {
    let decode = |size: usize| {
        let mut decoder = Decoder::new(1 << 16);
        let mut events = Vec::new();
        for chunk in bytes.chunks(size) {
            decoder.push(Bytes::copy_from_slice(chunk));
            while let Ok(Some(event)) = decoder.next_event() {
                events.push(event);
            }
        }
        events
    };
    let whole = decode(bytes.len().max(1));
    // Beyond the limit it matters when the decoder notices.
    if bytes.len() < 1 << 16 {
        assert_eq!(whole, decode(1));
        assert_eq!(whole, decode(7));
    }
}

/// A document that is accepted is JSON for others too, and decoding it as a request, an answer or an event finds
/// only texts that can be rewritten without breaking it.
pub fn chat_decoder(bytes: &[u8]) {
    let Ok(document) = Document::parse(Bytes::copy_from_slice(bytes), Limits::default()) else { return };
    let _ = openai::chunk::read(&document);
    let _ = openai::answer::chat(&document);
    let _ = openai::answer::embeddings(&document);
    let _ = openai::embeddings::decode(document.clone());
    let Ok(call) = openai::chat::decode(document) else { return };
    rewritten_call(&call);
}

/// The same for Anthropic's messages; what takes away what rewritten texts no longer carry leaves a document too.
pub fn messages_decoder(bytes: &[u8]) {
    let Ok(document) = Document::parse(Bytes::copy_from_slice(bytes), Limits::default()) else { return };
    let _ = anthropic::answer::count(&document);
    let _ = anthropic::answer::tokens(&document);
    let mut texts: Vec<Text> = Vec::new();
    texts.extend(
        anthropic::answer::read(&document).into_iter().flat_map(|answer| answer.texts).map(|t| t.text),
    );
    if texts.is_empty()
        && let Some(chunk) = anthropic::event::read(&document)
    {
        texts.extend(
            chunk.pieces.iter().map(|piece| Text { node: piece.node, role: flyball_core::TextRole::Other }),
        );
    }
    rewritten(&document, &texts, |editor| anthropic::answer::forget(editor, document.root()));
    for operation in [Operation::Chat, Operation::CountTokens] {
        if let Ok(call) = anthropic::request::decode(document.clone(), operation) {
            rewritten_call(&call);
        }
    }
}

fn rewritten_call(call: &Call) {
    rewritten(&call.document, &call.texts, |_| {});
}

/// Each of the texts is a string or what a tool is given, is there once, and with other words in them a document is still
/// one.
fn rewritten(document: &Document, texts: &[Text], more: impl FnOnce(&mut Editor<'_>)) {
    let mut editor = Editor::new(document);
    let mut nodes: Vec<_> = texts.iter().map(|text| text.node).collect();
    for text in texts {
        let value = document.value(text.node);
        match value.text().map(|text| text.len()) {
            Some(length) => editor.rewrite_text(value, [(0..length, "\"masked\\")]),
            None => {
                assert_eq!(text.role, flyball_core::TextRole::ToolArguments, "a text is a string");
                editor.replace(value, "\"masked\"");
            }
        }
    }
    more(&mut editor);
    let rewritten = Document::parse(editor.finish(), Limits::default());
    assert!(rewritten.is_ok(), "a rewritten document is a document");
    nodes.sort_unstable();
    nodes.dedup();
    assert_eq!(nodes.len(), texts.len(), "a text is handed out once");
}

/// Decoding a document as a request, an answer or an event of the Responses protocol or of the completions of old
/// finds only texts that can be rewritten without breaking it.
pub fn responses_decoder(bytes: &[u8]) {
    let Ok(document) = Document::parse(Bytes::copy_from_slice(bytes), Limits::default()) else { return };
    every_reading(&document, &[Protocol::OpenAiResponses, Protocol::OpenAiCompletions]);
}

/// The same of the endpoints that are no conversations, and of what is passed on.
pub fn endpoints_decoder(bytes: &[u8]) {
    let Ok(document) = Document::parse(Bytes::copy_from_slice(bytes), Limits::default()) else { return };
    let protocols = [
        Protocol::OpenAiModerations,
        Protocol::OpenAiImages,
        Protocol::Rerank,
        Protocol::OpenAiSpeech,
        Protocol::OpenAiTranscriptions,
        Protocol::Passthrough,
    ];
    every_reading(&document, &protocols);
    // As the body of a call that is passed on: what is done to it stays within its place.
    let source = document.source().clone();
    let target = ("/a", Some("b=c"));
    let opened =
        passthrough::open("n", &Method::POST, target, &HeaderMap::new(), source, false, Limits::default());
    let Ok((text, passing)) = opened else { return };
    let Ok(document) = Document::parse(text.into(), Limits { depth: 1024, ..Limits::default() }) else {
        return;
    };
    let Ok(call) = passthrough::decode(document) else { return };
    let mut editor = Editor::new(&call.document);
    for text in &call.texts {
        let value = call.document.value(text.node);
        let length = value.text().map_or(0, |text| text.len());
        editor.rewrite_text(value, [(0..length, "/../\"]?#{")]);
    }
    let rewritten = Document::parse(editor.finish(), Limits { depth: 1024, ..Limits::default() });
    let passed = rewritten.ok().and_then(|document| passthrough::close(&document, passing).ok());
    assert!(passed.is_some(), "a rewritten call is a call");
    if let Some(passed) = passed {
        assert!(Document::parse(passed.body, Limits::default()).is_ok(), "a rewritten body is a document");
        assert_eq!(passed.address.target().matches(['/', '?', '#']).count(), 2, "an address keeps its form");
    }
}

/// Reading a form yields parts within bounds, which read the same when they are written anew.
pub fn form_decoder(bytes: &[u8]) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let read = |content_type: &str, body: Bytes| runtime.block_on(form::read(Some(content_type), body));
    let Ok(parts) = read("multipart/form-data; boundary=b", Bytes::copy_from_slice(bytes)) else { return };
    let boundary = "flyball-0192f0c1";
    let again = read(&format!("multipart/form-data; boundary={boundary}"), form::write(&parts, boundary));
    assert!(again.is_ok_and(|again| again == parts), "parts read as they were written");
    if let Ok((document, _)) = openai::transcriptions::open(parts) {
        assert!(Document::parse(document.into(), Limits::default()).is_ok(), "fields make a document");
    }
}

fn every_reading(document: &Document, protocols: &[Protocol]) {
    for protocol in protocols.iter().copied() {
        let _ = protocol.count_answer(document);
        if let Some(answer) = protocol.read_answer(document) {
            rewrite(protocol, document, answer.texts.iter().map(|text| text.text.node));
        }
        if let Some(chunk) = protocol.read_event(document) {
            protocol.ending().note(document, &chunk);
            rewrite(protocol, document, chunk.free());
        }
        if let Ok(call) = protocol.decode(document.clone()) {
            rewrite(protocol, document, call.texts.iter().map(|text| text.node));
        }
    }
}

/// Puts something that needs escapes in place of every text and takes away what repeats them.
fn rewrite(protocol: Protocol, document: &Document, texts: impl Iterator<Item = NodeId>) {
    let mut editor = Editor::new(document);
    for node in texts {
        let value = document.value(node);
        let length = value.text().map_or(0, |text| text.len());
        editor.rewrite_text(value, [(0..length, "\"masked\\")]);
    }
    protocol.forget(&mut editor, document, None);
    let rewritten = Document::parse(editor.finish(), Limits::default());
    assert!(rewritten.is_ok(), "a rewritten document is a document");
}

/// Loading a policy says yes or no, whatever it is given, and a policy that loads has a stable hash.
pub fn policy_loader(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    let vocabulary = flyball_policy::Vocabulary { kinds: &flyball_guard::KINDS };
    let load = || flyball_policy::Policy::load(source, "fuzz.yaml", &vocabulary);
    if let (Ok(first), Ok(second)) = (load(), load()) {
        assert_eq!(first.hash(), second.hash());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Names of members and words of the Responses protocol and of the completions of old.
    const WORDS: &[&str] = &[
        "type",
        "role",
        "input",
        "output",
        "content",
        "text",
        "delta",
        "arguments",
        "logprobs",
        "token",
        "annotations",
        "item",
        "part",
        "response",
        "tools",
        "summary",
        "prompt",
        "choices",
        "instructions",
        "output_index",
        "image_url",
        "message",
        "function_call",
        "output_text",
        "namespace",
        "user",
        "response.output_text.delta",
        "response.output_item.added",
        "response.output_item.done",
        "response.completed",
    ];

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0u64..3).prop_map(Value::from),
            prop::sample::select(WORDS).prop_map(Value::from),
            "[\\PC\"\\\\]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(prop::sample::select(WORDS), inner, 0..6).prop_map(|m| json!(m)),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_document_reads_as_something_that_can_be_rewritten(
            mut document in document(),
            kind in prop::sample::select(WORDS),
        ) {
            if let Some(members) = document.as_object_mut() {
                members.insert("model".to_owned(), "m".into());
                members.insert("type".to_owned(), kind.into());
            }
            responses_decoder(document.to_string().as_bytes());
        }
    }
}
