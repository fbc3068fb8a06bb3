//! Answers of which nothing is known: every string is inspected, usage is read where it stands in a known form.

use flyball_core::TextRole;
use flyball_core::json::{Document, Editor, NodeKind, Value};
use flyball_core::tokens::Prompt;

use crate::protocols::reading::Reading;
use crate::protocols::{Answer, AnswerText, counts};

/// Members that spell a text once more, token by token, so that a finding may lie across them.
const SPELLED: [&[u8]; 2] = [b"logprobs", b"logprobsResult"];

/// Reads an answer. What reads like prose counts as the answer's own text; names and ids do not.
pub fn read(document: &Document) -> Answer {
    let mut reading = Reading::new(document);
    let texts = reading.take(document.root()).into_iter().map(|mut text| {
        let content = document.value(text.node).text().is_some_and(|text| is_prose(&text));
        text.role = if content { TextRole::Assistant } else { TextRole::Other };
        AnswerText { text, choice: 0, content }
    });
    let texts = texts.collect();
    let usage = counts::told(document.root()).and_then(|told| told.usage());
    Answer { texts, usage }
}

/// Whether a text is long enough to copy from another and has more than one word, or letters that need no spaces.
fn is_prose(text: &str) -> bool {
    text.len() >= 32 && text.chars().any(|c| c.is_whitespace() || !c.is_ascii())
}

/// Takes away what spells the texts of an answer or event once more.
pub fn forget(editor: &mut Editor<'_>, document: &Document) {
    let objects = document.values().filter(|value| value.kind() == NodeKind::Object);
    let spelled = objects.flat_map(Value::members).filter(|(key, _)| SPELLED.contains(&key.name().as_ref()));
    let mut values: Vec<Value<'_>> = spelled.map(|(_, value)| value).collect();
    values.sort_unstable_by_key(|value| value.id());
    let mut end = 0;
    for value in values {
        // What lies within one that was taken away goes with it.
        if value.span().start >= end {
            end = value.span().end;
            editor.replace(value, *b"null");
        }
    }
}

/// The tokens of an answer: those of its prose.
pub fn tokens(document: &Document) -> u64 {
    let mut written = Prompt::default();
    let texts = document.root().strings().filter_map(|value| value.text());
    texts.filter(|text| is_prose(text)).for_each(|text| written.text(&text));
    written.total()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;

    use super::*;

    fn parse(text: &'static str) -> Document {
        Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap()
    }

    #[test]
    fn every_string_is_inspected_and_prose_is_the_answer() {
        let document = parse(
            r#"{"id":"x","parts":[{"text":"This is a sentence of more than thirty-two bytes."}],"usage":{"input_tokens":3,"output_tokens":4}}"#,
        );
        let answer = read(&document);
        let contents: Vec<_> = answer.texts.iter().map(|text| text.content).collect();
        assert_eq!(contents, [false, true]);
        assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((3, 4)));
        assert!(tokens(&document) >= 8);
        assert_eq!(read(&parse(r#""bare""#)).texts.len(), 1);
    }

    #[test]
    fn what_spells_the_text_again_is_taken_away_at_any_depth() {
        let document = parse(
            r#"{"a":[{"logprobs":{"content":[{"token":"x","logprobs":[1]}]}}],"logprobsResult":{"x":"y"}}"#,
        );
        let mut editor = Editor::new(&document);
        forget(&mut editor, &document);
        assert_eq!(editor.finish(), r#"{"a":[{"logprobs":null}],"logprobsResult":null}"#);
    }
}
