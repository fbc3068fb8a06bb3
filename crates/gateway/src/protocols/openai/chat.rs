//! `POST /v1/chat/completions`: request body to [`Call`].
//!
//! Every string value becomes a text to inspect, whether the protocol names its field or not. The exceptions are
//! ids and words of fixed meaning (roles, types, tool names, call ids), which must stay as they are, and encoded
//! media, which no detector reads: they set `unseen_input`.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::{Call, Operation, TextRole};

use crate::protocols::reading::Reading;
use crate::protocols::{end_user, missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// Reads a chat completion request.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value.
pub fn decode(document: Document) -> Result<Call, Refusal> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return Err(wrong_type("body", "a JSON object"));
    }
    let model = model_name(root)?;
    let messages = root.get("messages").ok_or_else(|| missing("messages"))?;
    if messages.kind() != NodeKind::Array || messages.holds_scalars() || messages.items().next().is_none() {
        return Err(wrong_type("messages", "a non-empty array of objects"));
    }
    let mut reader = Reader {
        reading: Reading::new(&document),
        has_tools: false,
        server_tools: false,
        unseen_input: false,
    };
    for (key, value) in root.members() {
        match key.name().as_ref() {
            b"model" => reader.reading.fixed(value),
            b"messages" => {
                for (index, message) in value.items().enumerate() {
                    reader.message(index, message)?;
                }
            }
            b"tools" => reader.tools(value)?,
            b"functions" => reader.has_tools = true,
            // OpenAI's, and OpenRouter's: searches and readers of files.
            b"web_search_options" | b"plugins" => reader.server_tools |= !value.is_null(),
            b"audio" => reader.unseen_input |= value.get("id").is_some(),
            _ => {}
        }
    }
    let stream = boolean(root, "stream")?.unwrap_or(false);
    let stream_usage = match root.get("stream_options") {
        None => false,
        Some(options) if options.kind() == NodeKind::Object => {
            boolean(options, "include_usage")?.unwrap_or(false)
        }
        Some(_) => return Err(wrong_type("stream_options", "an object")),
    };
    let choices = match number(root, "n")? {
        None => 1,
        Some(n @ 1..=128) => u32::try_from(n).unwrap_or(1),
        Some(_) => return Err(wrong_type("n", "a whole number from 1 to 128")),
    };
    let cap = number(root, "max_completion_tokens")?.max(number(root, "max_tokens")?);
    let Reader { mut reading, has_tools, server_tools, unseen_input } = reader;
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Chat,
        model,
        stream,
        stream_usage,
        choices,
        max_output_tokens: cap,
        has_tools,
        server_tools,
        unseen_input,
        end_user: end_user(root),
        texts,
        document,
    })
}

fn boolean(object: Value<'_>, key: &str) -> Result<Option<bool>, Refusal> {
    object.get(key).map(|value| value.boolean().ok_or_else(|| wrong_type(key, "true or false"))).transpose()
}

fn number(object: Value<'_>, key: &str) -> Result<Option<u64>, Refusal> {
    object.get(key).map(|value| value.unsigned().ok_or_else(|| wrong_type(key, "a whole number"))).transpose()
}

struct Reader {
    reading: Reading,
    has_tools: bool,
    server_tools: bool,
    unseen_input: bool,
}

impl Reader {
    fn message(&mut self, index: usize, message: Value<'_>) -> Result<(), Refusal> {
        if message.kind() != NodeKind::Object {
            return Err(wrong_type(format!("messages[{index}]"), "an object"));
        }
        let role = message.get("role").ok_or_else(|| missing(&format!("messages[{index}].role")))?;
        let role = match role.text().as_deref() {
            Some("system" | "developer") => TextRole::System,
            Some("user") => TextRole::User,
            Some("assistant") => TextRole::Assistant,
            Some("tool" | "function") => TextRole::Tool,
            _ => {
                return Err(wrong_type(
                    format!("messages[{index}].role"),
                    "one of system, developer, user, assistant, tool, function",
                ));
            }
        };
        for (key, value) in message.members() {
            match key.name().as_ref() {
                b"role" | b"tool_call_id" => self.reading.fixed(value),
                b"content" => match value.kind() {
                    NodeKind::String => self.reading.text(value, role),
                    NodeKind::Null => {}
                    NodeKind::Array => {
                        for (part, value) in value.items().enumerate() {
                            self.part(&format!("messages[{index}].content[{part}]"), value, role)?;
                        }
                    }
                    _ => {
                        return Err(wrong_type(
                            format!("messages[{index}].content"),
                            "a string or an array of parts",
                        ));
                    }
                },
                b"refusal" | b"reasoning_content" | b"reasoning" => self.reading.text(value, role),
                b"tool_calls" => self.reading.tool_calls(value),
                b"function_call" => self.reading.function(value),
                b"audio" => {
                    self.unseen_input |= !value.is_null();
                    self.media(value);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn part(&mut self, path: &str, part: Value<'_>, role: TextRole) -> Result<(), Refusal> {
        if part.kind() != NodeKind::Object {
            return Err(wrong_type(path, "an object"));
        }
        for (key, value) in part.members() {
            match key.name().as_ref() {
                b"type" => self.reading.fixed(value),
                b"text" | b"refusal" => self.reading.text(value, role),
                // OpenAI's, and those of Mistral and of servers of one's own.
                b"image_url" | b"input_audio" | b"file" | b"video_url" | b"audio_url" | b"document_url" => {
                    self.unseen_input = true;
                    self.media(value);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Names and addresses of media are inspected; their encoded bytes are not.
    fn media(&mut self, media: Value<'_>) {
        let encoded = |value: Value<'_>| value.text().is_some_and(|url| url.starts_with("data:"));
        if encoded(media) {
            self.reading.fixed(media);
        }
        for (key, value) in media.members() {
            match key.name().as_ref() {
                b"data" | b"file_data" | b"format" | b"detail" | b"file_id" | b"id" => {
                    self.reading.fixed(value)
                }
                b"url" if encoded(value) => self.reading.fixed(value),
                _ => {}
            }
        }
    }

    fn tools(&mut self, tools: Value<'_>) -> Result<(), Refusal> {
        if tools.is_null() {
            return Ok(());
        }
        if tools.kind() != NodeKind::Array || tools.holds_scalars() {
            return Err(wrong_type("tools", "an array of objects"));
        }
        for tool in tools.items() {
            self.has_tools = true;
            let kind = tool.get("type");
            // What is neither a function nor a custom tool of the caller's is run by the provider.
            self.server_tools |= !kind.is_some_and(|kind| kind.is_text("function") || kind.is_text("custom"));
            for (key, value) in tool.members() {
                match key.name().as_ref() {
                    b"type" => self.reading.fixed(value),
                    b"function" | b"custom" => self.reading.function(value),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::Text;
    use flyball_core::json::Limits;

    use super::*;
    use crate::refusal::Kind;

    fn decode_text(text: &str) -> Result<Call, Refusal> {
        decode(Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap())
    }

    fn texts(call: &Call) -> Vec<(String, TextRole)> {
        let text = |t: &Text| (call.document.value(t.node).text().unwrap().into_owned(), t.role);
        call.texts.iter().map(text).collect()
    }

    #[test]
    fn every_string_but_ids_and_words_of_fixed_meaning_is_a_text() {
        let call = decode_text(
            r#"{"model":"m","user":"u","unknown":{"deep":["x"]},"messages":[
                {"role":"system","content":"s"},
                {"role":"user","content":[{"type":"text","text":"t"},{"type":"odd","odd":"o"}]},
                {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
                {"role":"tool","tool_call_id":"c","content":"r"}],
                "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"p":"q"}}}]}"#,
        )
        .unwrap();
        let expected = [
            ("u", TextRole::Other),
            ("x", TextRole::Other),
            ("s", TextRole::System),
            ("t", TextRole::User),
            ("o", TextRole::Other),
            ("{}", TextRole::ToolArguments),
            ("r", TextRole::Tool),
            ("d", TextRole::Other),
            ("q", TextRole::Other),
        ];
        assert_eq!(texts(&call), expected.map(|(text, role)| (text.to_owned(), role)));
        assert!(call.has_tools && !call.server_tools && !call.unseen_input);
    }

    #[test]
    fn strings_are_texts_wherever_they_stand() {
        // Places where the protocol has an object, an array, or a word, and the request something else.
        let call = decode_text(
            r#"{"model":"m","tool_choice":{"type":"1"},"messages":[
                {"role":"assistant","content":null,"tool_calls":"2"},
                {"role":"assistant","content":null,"tool_calls":{"0":"3"},"audio":{"id":"-","note":"4"}},
                {"role":"assistant","content":null,"tool_calls":["5",{"id":["6"],"function":"7"}]},
                {"role":"assistant","content":null,"function_call":"8","reasoning":["9"]},
                {"role":"user","tool_call_id":{"x":"10"},"content":[
                    {"type":["11"],"text":{"value":"12"}},
                    {"type":"image_url","image_url":["13",{"url":"14"}]}]}],
                "tools":[["15"],{"type":"function","function":{"name":["16"],"arguments":["17"]}}]}"#,
        )
        .unwrap();
        let expected: Vec<String> = (1..=17).map(|number| number.to_string()).collect();
        assert_eq!(texts(&call).into_iter().map(|(text, _)| text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn media_and_provider_tools_are_noticed() {
        let call = decode_text(
            r#"{"model":"m","messages":[{"role":"user","content":[
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
                {"type":"image_url","image_url":{"url":"https://x.org/a@b.png"}},
                {"type":"file","file":{"file_data":"AAAA","filename":"cv.pdf"}}]}],
                "tools":[{"type":"web_search"}]}"#,
        )
        .unwrap();
        assert!(call.unseen_input && call.server_tools);
        let seen: Vec<String> = texts(&call).into_iter().map(|(text, _)| text).collect();
        assert_eq!(seen, ["https://x.org/a@b.png", "cv.pdf"]);
    }

    #[test]
    fn wrong_types_name_their_field() {
        for (text, kind, field) in [
            (r#"[]"#, Kind::InvalidField, "body"),
            (r#"{}"#, Kind::MissingField, "model"),
            (r#"{"model":1}"#, Kind::InvalidField, "model"),
            (r#"{"model":"a b"}"#, Kind::InvalidField, "model"),
            (r#"{"model":"m"}"#, Kind::MissingField, "messages"),
            (r#"{"model":"m","messages":[]}"#, Kind::InvalidField, "messages"),
            (r#"{"model":"m","messages":["x"]}"#, Kind::InvalidField, "messages[0]"),
            (r#"{"model":"m","messages":[{}]}"#, Kind::MissingField, "messages[0].role"),
            (r#"{"model":"m","messages":[{"role":"king"}]}"#, Kind::InvalidField, "messages[0].role"),
            (
                r#"{"model":"m","messages":[{"role":"user","content":{}}]}"#,
                Kind::InvalidField,
                "messages[0].content",
            ),
            (r#"{"model":"m","messages":[{"role":"user"}],"stream":"yes"}"#, Kind::InvalidField, "stream"),
            (r#"{"model":"m","messages":[{"role":"user"}],"n":0}"#, Kind::InvalidField, "n"),
            (
                r#"{"model":"m","messages":[{"role":"user"}],"max_tokens":-1}"#,
                Kind::InvalidField,
                "max_tokens",
            ),
            (r#"{"model":"m","messages":[{"role":"user"}],"tools":{}}"#, Kind::InvalidField, "tools"),
        ] {
            let refusal = decode_text(text).unwrap_err();
            assert_eq!((refusal.kind, refusal.field.as_deref()), (kind, Some(field)), "{text}");
        }
    }
}
