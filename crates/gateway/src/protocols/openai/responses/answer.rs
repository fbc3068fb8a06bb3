//! A whole answer of the Responses protocol: which strings to inspect, what it cost.

use flyball_core::json::{Document, Editor, NodeKind, Value};
use flyball_core::tokens::Prompt;

use super::items::Items;
use crate::protocols::{Answer, AnswerText};

/// Reads a `response`; none when it is not one.
pub fn read(document: &Document) -> Option<Answer> {
    let root = document.root();
    root.get("output").filter(|output| output.kind() == NodeKind::Array)?;
    let mut items = Items::new(document);
    items.response(root);
    let Items { mut reading, own, .. } = items;
    let texts = reading.take(root).into_iter().map(|text| {
        // Both are in the order of the bytes.
        AnswerText { text, choice: 0, content: own.binary_search(&text.node).is_ok() }
    });
    let usage = root.get("usage").and_then(super::told).and_then(|told| told.usage());
    Some(Answer { texts: texts.collect(), usage })
}

/// Takes log probabilities and annotations away from an answer, or from an event of one.
pub fn forget(editor: &mut Editor<'_>, root: Value<'_>) {
    let mut parts: Vec<Value<'_>> = vec![root];
    parts.extend(root.get("part"));
    let response = root.get("response").unwrap_or(root);
    let items = response.get("output").into_iter().flat_map(Value::items).chain(root.get("item"));
    parts.extend(items.filter_map(|item| item.get("content")).flat_map(Value::items));
    for part in parts {
        for key in ["logprobs", "annotations"] {
            if part.get(key).is_some() {
                editor.set(part, key, "[]");
            }
        }
    }
}

/// The tokens that the model wrote; counted by us.
pub fn tokens(document: &Document) -> u64 {
    let mut written = Prompt::default();
    let mut write = |value: Option<Value<'_>>| {
        value.and_then(Value::text).into_iter().for_each(|text| written.text(&text));
    };
    for item in document.root().get("output").into_iter().flat_map(Value::items) {
        for key in ["name", "arguments", "input", "code"] {
            write(item.get(key));
        }
        for key in ["content", "summary"] {
            for part in item.get(key).into_iter().flat_map(Value::items) {
                write(part.get("text"));
                write(part.get("refusal"));
            }
        }
    }
    written.total()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;
    use flyball_core::{Counting, TextRole};

    use super::*;
    use crate::protocols::Usage;

    const ANSWER: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m",
        "instructions":"be kind","metadata":{"k":"v"},"tools":[{"type":"function","name":"f","description":"d"}],"output":[
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"thought"}],"encrypted_content":"AAAA"},
        {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[
            {"type":"output_text","text":"a b","annotations":[{"type":"url_citation","title":"t","url":"u"}],"logprobs":[{"token":"a"}]},
            {"type":"refusal","refusal":"no"}]},
        {"type":"function_call","id":"fc_1","call_id":"call_1","name":"look","arguments":"{}","status":"completed"},
        {"type":"image_generation_call","id":"ig_1","result":"AAAA","revised_prompt":"cat"}],
        "usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"total_tokens":14}}"#;

    fn parse(text: &'static str) -> Document {
        Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap()
    }

    #[test]
    fn every_string_is_a_text_and_the_answers_own_are_told_apart() {
        let document = parse(ANSWER);
        let answer = read(&document).unwrap();
        let texts: Vec<_> = answer
            .texts
            .iter()
            .map(|t| (document.value(t.text.node).text().unwrap().into_owned(), t.text.role, t.content))
            .collect();
        let expected = [
            ("be kind", TextRole::System, false),
            ("v", TextRole::Other, false),
            ("d", TextRole::Other, false),
            ("thought", TextRole::Assistant, false),
            ("a b", TextRole::Assistant, true),
            ("t", TextRole::Other, false),
            ("u", TextRole::Other, false),
            ("a", TextRole::Other, false),
            ("no", TextRole::Assistant, false),
            ("{}", TextRole::ToolArguments, false),
            ("cat", TextRole::Other, false),
        ];
        assert_eq!(texts, expected.map(|(text, role, content)| (text.to_owned(), role, content)));
        let usage = Usage { input: 9, cached_input: 4, output: 5, how: Counting::Reported };
        assert_eq!(answer.usage, Some(usage));
    }

    #[test]
    fn what_has_no_output_is_no_answer() {
        assert!(read(&parse(r#"{"error":{"message":"no"}}"#)).is_none());
        assert!(read(&parse(r#"{"output":"text"}"#)).is_none());
    }

    #[test]
    fn what_repeats_a_text_is_taken_away() {
        let document = parse(ANSWER);
        let mut editor = Editor::new(&document);
        forget(&mut editor, document.root());
        let left = editor.finish();
        let left = String::from_utf8_lossy(&left);
        assert!(left.contains(r#""text":"a b","annotations":[],"logprobs":[]"#), "{left}");
        for event in [
            r#"{"type":"response.output_text.done","text":"a","logprobs":[{"token":"gone"}]}"#,
            r#"{"type":"response.content_part.done","part":{"type":"output_text","text":"a","annotations":[{"title":"gone"}]}}"#,
            r#"{"type":"response.output_item.done","item":{"type":"message","content":[{"text":"a","logprobs":[{"token":"gone"}]}]}}"#,
            r#"{"type":"response.completed","response":{"output":[{"content":[{"text":"a","logprobs":[{"token":"gone"}]}]}]}}"#,
        ] {
            let document = parse(event);
            let mut editor = Editor::new(&document);
            forget(&mut editor, document.root());
            let left = editor.finish();
            assert!(!String::from_utf8_lossy(&left).contains("gone"), "{event}");
        }
    }

    #[test]
    fn what_the_model_wrote_counts() {
        assert_eq!(tokens(&parse(ANSWER)), 1 + 2 + 1 + 1 + flyball_core::tokens::count("{}"));
    }
}
