//! Bodies of the fuzz targets: what must hold for every sequence of foreign bytes. Plain functions, so that stable
//! tests replay the corpora in `fuzz/seeds`. Not part of the product's interface.

use std::fmt::Debug;

use bytes::Bytes;
use flyball_core::json::{Document, Editor, Limits, NodeId};
use http::{HeaderMap, Method};

use crate::edge::{event_stream, form, sse};
use crate::protocols::{Protocol, openai, passthrough};

/// The largest event that the decoders of streams take.
const LARGEST: usize = 1 << 16;

/// Decoding events never fails otherwise than by size, and does not depend on how the bytes are cut.
pub fn sse_decoder(bytes: &[u8]) {
    // Beyond the limit it matters when the decoder notices.
    let sizes: &[usize] = if bytes.len() < LARGEST { &[1, 7] } else { &[] };
    same_however_cut(bytes, sizes, |chunks| {
        let mut decoder = sse::Decoder::new(LARGEST);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(Bytes::copy_from_slice(chunk));
            while let Ok(Some(event)) = decoder.next_event() {
                events.push(event);
            }
        }
        events
    });
}

/// Frames of Amazon's event stream decode to the same events and the same fault however the bytes are cut; frames
/// whose checksums are right fail by their lengths or headers only.
pub fn event_stream(bytes: &[u8]) {
    let decode = |chunks: &mut dyn Iterator<Item = &[u8]>| {
        let mut decoder = event_stream::Decoder::new(LARGEST);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(chunk);
            loop {
                match decoder.next_event() {
                    Ok(Some(event)) => events.push(event),
                    Ok(None) => break,
                    Err(fault) => return (events, Some(fault)),
                }
            }
        }
        (events, None)
    };
    same_however_cut(bytes, &[1, 7], |chunks| decode(chunks));
    let (_, fault) = same_however_cut(&with_checksums(bytes), &[1, 7], |chunks| decode(chunks));
    assert_ne!(fault, Some(event_stream::FrameError::Checksum), "the checksums are right");
}

/// Decodes the bytes in one piece, and in pieces of each of the sizes, to the same.
fn same_however_cut<T: PartialEq + Debug>(
    bytes: &[u8],
    sizes: &[usize],
    decode: impl Fn(&mut dyn Iterator<Item = &[u8]>) -> T,
) -> T {
    let whole = decode(&mut std::iter::once(bytes));
    for size in sizes {
        assert_eq!(whole, decode(&mut bytes.chunks(*size)), "in pieces of {size}");
    }
    whole
}

/// The bytes as frames with right checksums, as far as the lengths in them allow: nothing else finds these.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    const PRELUDE: usize = 8;
    let mut mended = bytes.to_vec();
    let mut rest = mended.as_mut_slice();
    while let Some((prelude, after)) = std::mem::take(&mut rest).split_first_chunk_mut::<{ PRELUDE + 4 }>() {
        let sum = crc32fast::hash(prelude.get(..PRELUDE).unwrap_or_default());
        let [a, b, c, d, ..] = *prelude;
        if let Some(place) = prelude.get_mut(PRELUDE..) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        let total = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some((body, next)) =
            total.checked_sub(prelude.len()).and_then(|length| after.split_at_mut_checked(length))
        else {
            break;
        };
        let Some((content, checksum)) = body.split_last_chunk_mut::<4>() else { break };
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(prelude);
        hasher.update(content);
        *checksum = hasher.finalize().to_be_bytes();
        rest = next;
    }
    mended
}

/// What [`decoder`] says, of chat completions and embeddings.
pub fn chat_decoder(bytes: &[u8]) {
    decoder(&[Protocol::OpenAiChat, Protocol::OpenAiEmbeddings], bytes);
}

/// What [`decoder`] says, of Anthropic's messages and their counting.
pub fn messages_decoder(bytes: &[u8]) {
    decoder(&[Protocol::AnthropicMessages, Protocol::AnthropicCountTokens], bytes);
}

/// What [`decoder`] says, of responses and the completions of old.
pub fn responses_decoder(bytes: &[u8]) {
    decoder(&[Protocol::OpenAiResponses, Protocol::OpenAiCompletions], bytes);
}

/// What [`decoder`] says, of the endpoints that are no conversations, and of what is passed on: what is done to that
/// stays within its place.
pub fn endpoints_decoder(bytes: &[u8]) {
    let protocols = [
        Protocol::OpenAiModerations,
        Protocol::OpenAiImages,
        Protocol::Rerank,
        Protocol::OpenAiSpeech,
        Protocol::OpenAiTranscriptions,
        Protocol::Passthrough,
    ];
    decoder(&protocols, bytes);
    passed_on(bytes);
}

fn passed_on(bytes: &[u8]) {
    let Ok(document) = Document::parse(Bytes::copy_from_slice(bytes), Limits::default()) else { return };
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

/// Decoding a document as a request, an answer or an event of a protocol finds only texts that can be rewritten
/// without breaking it; what takes away what rewritten texts no longer carry leaves a document too.
fn decoder(protocols: &[Protocol], bytes: &[u8]) {
    let Ok(document) = Document::parse(Bytes::copy_from_slice(bytes), Limits::default()) else { return };
    for protocol in protocols {
        let forget = |editor: &mut Editor<'_>| protocol.forget(editor, &document, None);
        let _ = protocol.count_answer(&document);
        if let Some(answer) = protocol.read_answer(&document) {
            rewritten(&document, answer.texts.iter().map(|text| text.text.node), forget);
        }
        if let Some(chunk) = protocol.read_event(&document) {
            protocol.ending().note(&document, &chunk);
            rewritten(&document, chunk.free(), forget);
        }
        if let Ok(call) = protocol.decode(document.clone()) {
            rewritten(&document, call.texts.iter().map(|text| text.node), |_| {});
        }
    }
}

/// Each of the texts is there once, and with words in its place that need escapes a document is still one. What a tool
/// is given may be a text that is no string.
fn rewritten(document: &Document, texts: impl Iterator<Item = NodeId>, forget: impl FnOnce(&mut Editor<'_>)) {
    let mut editor = Editor::new(document);
    let mut nodes: Vec<_> = texts.collect();
    let count = nodes.len();
    for node in &nodes {
        let value = document.value(*node);
        match value.text().map(|text| text.len()) {
            Some(length) => editor.rewrite_text(value, [(0..length, "\"masked\\")]),
            None => editor.replace(value, "\"masked\""),
        }
    }
    forget(&mut editor);
    let rewritten = Document::parse(editor.finish(), Limits::default());
    assert!(rewritten.is_ok(), "a rewritten document is a document");
    nodes.sort_unstable();
    nodes.dedup();
    assert_eq!(nodes.len(), count, "a text is handed out once");
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
