//! What of a request and of an answer are tokens, where the provider does not tell how many there were. How a text
//! is counted says [`flyball_core::tokens`]; answers that come in events are counted by the screen, piece by piece.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::tokens::Prompt;

/// The tokens of a chat completion request.
pub fn conversation(document: &Document) -> u64 {
    let root = document.root();
    let mut prompt = Prompt::default();
    root.get("messages").into_iter().flat_map(Value::items).for_each(|m| message(&mut prompt, m));
    // Offered tools and the wanted form are read by the model too.
    for key in ["tools", "functions", "response_format"] {
        for value in root.get(key).into_iter().flat_map(Value::descendants) {
            value.text().into_iter().for_each(|text| prompt.text(&text));
        }
    }
    prompt.total()
}

/// The tokens of an embeddings request.
pub fn inputs(document: &Document) -> u64 {
    let mut prompt = Prompt::default();
    document.root().get("input").into_iter().for_each(|input| input_tokens(&mut prompt, input));
    prompt.total()
}

/// The tokens of every string below these members, which are what a model reads.
pub(in crate::protocols) fn members(document: &Document, keys: &[&str]) -> u64 {
    let mut prompt = Prompt::default();
    for value in keys.iter().filter_map(|key| document.root().get(key)).flat_map(Value::strings) {
        string(&mut prompt, Some(value));
    }
    prompt.total()
}

/// The tokens of parts that are texts or media.
pub(super) fn parts(parts: Option<Value<'_>>) -> u64 {
    let mut prompt = Prompt::default();
    for part in parts.into_iter().flat_map(Value::items) {
        match part.get("text") {
            Some(text) => string(&mut prompt, Some(text)),
            None if part.kind() == NodeKind::String => string(&mut prompt, Some(part)),
            None => prompt.medium(),
        }
    }
    prompt.total()
}

/// The tokens of every string: where it is not known which of them a model reads.
pub fn strings(document: &Document) -> u64 {
    let mut prompt = Prompt::default();
    for value in document.root().strings() {
        string(&mut prompt, Some(value));
    }
    prompt.total()
}

/// The tokens of a `chat.completion`.
pub fn answer(document: &Document) -> u64 {
    let mut written = Prompt::default();
    let choices = document.root().get("choices").into_iter().flat_map(Value::items);
    choices.filter_map(|choice| choice.get("message")).for_each(|message| speech(&mut written, message));
    written.total()
}

/// Texts, or tokens that the caller cut.
fn input_tokens(prompt: &mut Prompt, input: Value<'_>) {
    if input.holds_scalars() {
        let commas = input.raw().bytes().filter(|byte| *byte == b',').count();
        prompt.tokens(commas as u64 + 1);
    }
    string(prompt, Some(input));
    input.items().for_each(|item| input_tokens(prompt, item));
}

fn message(prompt: &mut Prompt, message: Value<'_>) {
    prompt.message();
    speech(prompt, message);
}

/// What a message says, whoever speaks.
fn speech(prompt: &mut Prompt, message: Value<'_>) {
    let content = message.get("content");
    string(prompt, content);
    for part in content.into_iter().flat_map(Value::items) {
        string(prompt, part.get("text"));
        let medium = ["image_url", "input_audio", "file", "video_url"];
        if part.get("type").is_some_and(|kind| medium.iter().any(|name| kind.is_text(name))) {
            prompt.medium();
        } else {
            string(prompt, part.get("refusal"));
        }
    }
    string(prompt, message.get("refusal"));
    // Some providers send the same reasoning under both names.
    string(prompt, message.get("reasoning_content").or_else(|| message.get("reasoning")));
    let calls = message.get("tool_calls").into_iter().flat_map(Value::items);
    for function in calls.filter_map(|call| call.get("function")).chain(message.get("function_call")) {
        string(prompt, function.get("name"));
        string(prompt, function.get("arguments"));
    }
}

fn string(prompt: &mut Prompt, value: Option<Value<'_>>) {
    if let Some(value) = value.filter(|value| value.kind() == NodeKind::String)
        && let Some(text) = value.text()
    {
        prompt.text(&text);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::Limits;

    use super::*;

    fn asked(count: fn(&Document) -> u64, body: &'static str) -> u64 {
        count(&Document::parse(Bytes::from_static(body.as_bytes()), Limits::default()).unwrap())
    }

    #[test]
    fn everything_that_the_model_reads_counts_and_nothing_else() {
        let bare = asked(
            conversation,
            r#"{"model":"m","user":"x y z","messages":[{"role":"user","content":"a b"}]}"#,
        );
        assert_eq!(bare, 4 + 2);
        let full = asked(
            conversation,
            r#"{"model":"m","messages":[
                {"role":"user","content":[{"type":"text","text":"a b"},{"type":"image_url","image_url":{"url":"https://x.org"}}]},
                {"role":"assistant","content":null,"refusal":"c","tool_calls":[{"id":"i","type":"function","function":{"name":"f","arguments":"g h"}}]},
                {"role":"tool","tool_call_id":"i","content":"d\u0020e"}],
                "tools":[{"k":["v",1]}],"response_format":{"k":"v"}}"#,
        );
        assert_eq!(full, 3 * 4 + 2 + 85 + 1 + 1 + 2 + 2 + 2 + 2);
    }

    #[test]
    fn inputs_count_as_texts_or_as_the_tokens_that_they_are() {
        for (body, expected) in [
            (r#"{"input":"a b"}"#, 2),
            (r#"{"input":["a b","c"]}"#, 3),
            (r#"{"input":[5, 6, 7]}"#, 3),
            (r#"{"input":[[5],[6,7]],"user":"a"}"#, 3),
        ] {
            assert_eq!(asked(inputs, body), expected, "{body}");
        }
    }

    #[test]
    fn all_answers_count_with_reasoning_and_calls() {
        let text = r#"{"id":"x y","choices":[
            {"message":{"content":"a b","reasoning_content":"c","reasoning":"c","refusal":null},"logprobs":{"content":[{"token":"a"}]}},
            {"message":{"content":[{"type":"text","text":"d"}],"function_call":{"name":"e","arguments":"f"}}}]}"#;
        let document = Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap();
        assert_eq!(answer(&document), 2 + 1 + 1 + 1 + 1);
    }
}
