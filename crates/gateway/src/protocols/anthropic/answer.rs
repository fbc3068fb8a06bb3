//! A whole message, and the count of a request's tokens: which strings to inspect, what it cost.
//!
//! Reasoning comes signed. Where something in it is masked, the signature does not fit any more: it is emptied, so
//! that nobody takes the text for what the vendor wrote. In a stream the signature has an event of its own, which
//! leaves as it came. Either way the vendor does not take such a block back: the next turn has to leave it out.

use flyball_core::TextRole;
use flyball_core::json::{Document, Editor, NodeId, NodeKind, Value};
use flyball_core::tokens::Prompt;

use super::block;
use crate::protocols::reading::Reading;
use crate::protocols::{Answer, AnswerText, Usage};

/// Reads a `message`; none when it is not one.
pub fn read(document: &Document) -> Option<Answer> {
    let root = document.root();
    let content = root.get("content").filter(|content| content.kind() == NodeKind::Array)?;
    let mut reading = Reading::new(document);
    message(&mut reading, root);
    let mut contents: Vec<NodeId> = Vec::new();
    for block in content.items() {
        block::read(&mut reading, block, TextRole::Assistant, block::Place::Answer);
        if block.get("type").is_some_and(|kind| kind.is_text("text")) {
            contents.extend(block.get("text").map(Value::id));
        }
    }
    // Both are in the order of the bytes.
    let texts = reading.take(root).into_iter().map(|text| {
        let content = contents.binary_search(&text.node).is_ok();
        AnswerText { text, choice: 0, content }
    });
    let usage = root.get("usage").and_then(super::told).and_then(crate::protocols::Told::usage);
    Some(Answer { texts: texts.collect(), usage })
}

/// Names what stays as it is in a message, beside its content.
pub(super) fn message(reading: &mut Reading, message: Value<'_>) {
    for key in ["id", "type", "role", "model", "stop_reason"] {
        message.get(key).into_iter().for_each(|value| reading.fixed(value));
    }
    if let Some(container) = message.get("container") {
        container.get("id").into_iter().for_each(|id| reading.fixed(id));
    }
    usage(reading, message);
}

/// Names what stays as it is in the usage of `object`.
pub(super) fn usage(reading: &mut Reading, object: Value<'_>) {
    let Some(usage) = object.get("usage") else { return };
    for key in ["service_tier", "speed", "inference_geo"] {
        usage.get(key).into_iter().for_each(|value| reading.fixed(value));
    }
}

/// Reads the answer of `count_tokens`, `{"input_tokens": n}`; none when it is not one. Nobody bills it.
pub fn count(document: &Document) -> Option<Answer> {
    let root = document.root();
    root.get("input_tokens").and_then(Value::unsigned)?;
    let texts = Reading::new(document).take(root);
    let texts = texts.into_iter().map(|text| AnswerText { text, choice: 0, content: false });
    Some(Answer { texts: texts.collect(), usage: Some(Usage::default()) })
}

/// Takes away what does not fit rewritten texts any more, of a message or of an event: citations, signatures. Of
/// blocks that were not rewritten nothing.
pub fn forget(editor: &mut Editor<'_>, root: Value<'_>) {
    let replaced = editor.replaced();
    let rewritten = |value: Value<'_>| {
        let span = value.span();
        replaced
            .get(replaced.partition_point(|place| *place < span.start))
            .is_some_and(|place| *place < span.end)
    };
    let messages = [Some(root), root.get("message")].into_iter().flatten();
    let blocks = messages.filter_map(|message| message.get("content")).flat_map(Value::items);
    for block in blocks.chain(root.get("content_block")) {
        if block.get("text").is_some_and(rewritten) && block.get("citations").is_some() {
            editor.set(block, "citations", "null");
        }
        let reasoning = block.get("thinking").or_else(|| block.get("content"));
        if reasoning.is_some_and(rewritten) && block.get("signature").is_some() {
            editor.set(block, "signature", "\"\"");
        }
    }
}

/// The tokens of a message, as we count: what it says, its reasoning, and the tools that it calls.
pub fn tokens(document: &Document) -> u64 {
    let mut written = Prompt::default();
    for block in document.root().get("content").into_iter().flat_map(Value::items) {
        for value in ["text", "thinking", "name"].into_iter().filter_map(|key| block.get(key)) {
            value.text().into_iter().for_each(|text| written.text(&text));
        }
        block.get("input").into_iter().for_each(|input| written.text(input.raw()));
    }
    written.total()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::Counting;
    use flyball_core::json::Limits;

    use super::*;
    use crate::pipeline::inspect::words;

    fn document(text: &str) -> Document {
        Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap()
    }

    const MESSAGE: &str = r#"{"id":"-","type":"message","role":"assistant","model":"-","content":[
        {"type":"thinking","thinking":"one","signature":"-"},
        {"type":"redacted_thinking","data":"-"},
        {"type":"text","text":"two","citations":[{"type":"char_location","cited_text":"three","document_title":"four","file_id":"-"}]},
        {"type":"tool_use","id":"-","name":"-","input":{"type":"five","data":"six"}},
        {"type":"server_tool_use","id":"-","name":"-","input":{"query":"seven"}},
        {"type":"web_search_tool_result","tool_use_id":"-","content":[
            {"type":"web_search_result","url":"eight","title":"nine","encrypted_content":"-"}]},
        {"type":"odd","data":"ten","id":["eleven"]},
        "twelve"],
        "stop_reason":"end_turn","stop_sequence":"thirteen","note":{"deep":["fourteen"]},
        "usage":{"input_tokens":3,"cache_read_input_tokens":4,"cache_creation_input_tokens":5,"output_tokens":6,"service_tier":"-"}}"#;

    #[test]
    fn every_string_but_ids_and_what_is_encrypted_is_inspected() {
        let document = document(MESSAGE);
        let answer = read(&document).unwrap();
        let text = |t: &AnswerText| words(document.value(t.text.node)).unwrap().into_owned();
        let texts: Vec<String> = answer.texts.iter().map(text).collect();
        let words = "one two three four {\"type\":\"five\",\"data\":\"six\"} {\"query\":\"seven\"} eight nine ten eleven twelve thirteen fourteen";
        assert_eq!(texts.join(" "), words);
        let own: Vec<String> = answer.texts.iter().filter(|text| text.content).map(text).collect();
        assert_eq!(own, ["two"]);
        assert!(answer.texts.iter().all(|text| text.text.role != TextRole::Signed));
    }

    #[test]
    fn what_the_prompt_cache_took_part_in_counts_as_read() {
        let usage = read(&document(MESSAGE)).unwrap().usage.unwrap();
        assert_eq!((usage.input, usage.cached_input, usage.output), (12, 4, 6));
        assert_eq!(usage.how, Counting::Reported);
        for untold in [
            r#"{"content":[],"usage":{"output_tokens":6}}"#,
            r#"{"content":[],"usage":{"input_tokens":0,"output_tokens":0}}"#,
        ] {
            assert_eq!(read(&document(untold)).unwrap().usage, None, "{untold}");
        }
    }

    #[test]
    fn what_is_no_message_is_none() {
        for other in ["[]", "{}", r#"{"content":"text"}"#, r#"{"type":"error"}"#] {
            assert!(read(&document(other)).is_none(), "{other}");
        }
        assert!(count(&document(r#"{"input_tokens":"3"}"#)).is_none());
    }

    #[test]
    fn a_count_costs_nothing_and_what_comes_beside_it_is_inspected() {
        let answer = count(&document(r#"{"input_tokens":3,"note":"x"}"#)).unwrap();
        assert_eq!((answer.texts.len(), answer.usage), (1, Some(Usage::default())));
    }

    #[test]
    fn rewritten_blocks_lose_signature_and_citations_and_others_keep_them() {
        let document = document(
            r#"{"content":[{"type":"thinking","thinking":"a","signature":"s"},{"type":"thinking","thinking":"b","signature":"s"},{"type":"text","text":"c","citations":[1]},{"type":"text","text":"d","citations":[2]}]}"#,
        );
        let blocks: Vec<_> = document.root().get("content").unwrap().items().collect();
        let mut editor = Editor::new(&document);
        editor.replace(blocks[3].get("text").unwrap(), "\"\"");
        editor.rewrite_text(blocks[0].get("thinking").unwrap(), [(0..1, "x")]);
        forget(&mut editor, document.root());
        let expected = r#"{"content":[{"type":"thinking","thinking":"x","signature":""},{"type":"thinking","thinking":"b","signature":"s"},{"type":"text","text":"c","citations":[1]},{"type":"text","text":"","citations":null}]}"#;
        assert_eq!(String::from_utf8_lossy(&editor.finish()), expected);
    }

    #[test]
    fn reasoning_and_calls_count() {
        let message = document(
            r#"{"id":"x y","content":[{"type":"thinking","thinking":"a b","signature":"c d"},{"type":"text","text":"e"},{"type":"tool_use","name":"f","input":{}}]}"#,
        );
        assert_eq!(tokens(&message), 2 + 1 + 1 + flyball_core::tokens::count("{}"));
    }
}
