//! `POST /v1/messages` and `/v1/messages/count_tokens`: request body to [`Call`].
//!
//! Every string value becomes a text to inspect, whether the protocol names its field or not. The exceptions are
//! ids and words of fixed meaning, encoded media, and what the vendor encrypted. Reasoning that the vendor signed is
//! inspected and has the role [`TextRole::Signed`]. What blocks are made of is read elsewhere.

use flyball_core::json::{Document, NodeKind, Value};
use flyball_core::{Call, Operation, TextRole};

use super::block::{self, Seen};
use crate::protocols::reading::Reading;
use crate::protocols::{missing, model_name, wrong_type};
use crate::refusal::Refusal;

/// Reads a request for a message, or for the count of its tokens.
///
/// # Errors
/// A refusal that names the first field with a wrong type or value.
pub fn decode(document: Document, operation: Operation) -> Result<Call, Refusal> {
    let root = document.root();
    if root.kind() != NodeKind::Object {
        return Err(wrong_type("body", "a JSON object"));
    }
    let model = model_name(root)?;
    let messages = root.get("messages").ok_or_else(|| missing("messages"))?;
    if messages.kind() != NodeKind::Array || messages.holds_scalars() || messages.items().next().is_none() {
        return Err(wrong_type("messages", "a non-empty array of objects"));
    }
    let mut reader = Reader { reading: Reading::new(&document), seen: Seen::default() };
    for (key, value) in root.members() {
        match key.name().as_ref() {
            b"model" => reader.reading.fixed(value),
            b"messages" => {
                for (index, message) in value.items().enumerate() {
                    reader.message(index, message)?;
                }
            }
            b"system" => reader.content(|| "system".to_owned(), value, TextRole::System)?,
            b"tools" => reader.tools(value)?,
            b"tool_choice" => reader.words(value, &["type", "name"]),
            b"thinking" => reader.words(value, &["type", "display"]),
            b"mcp_servers" if !value.is_null() => {
                (reader.seen.tool, reader.seen.server_tool) = (true, true);
                value.items().for_each(|server| reader.words(server, &["type", "name"]));
            }
            // What an earlier exchange left with the provider.
            b"container" if !value.is_null() => {
                (reader.seen.server_tool, reader.seen.unseen) = (true, true);
                reader.reading.fixed(value);
                reader.words(value, &["id"]);
            }
            b"thread" => reader.seen.unseen |= !value.is_null(),
            _ => {}
        }
    }
    let stream = checked(root, "stream", Value::boolean, "true or false")?.unwrap_or(false);
    let cap = checked(
        root,
        "max_tokens",
        |value| value.unsigned().filter(|cap| *cap > 0),
        "a positive whole number",
    )?;
    options(root)?;
    let end_user = end_user(root)?;
    let Reader { mut reading, seen } = reader;
    let texts = reading.take(root);
    let answered = operation != Operation::CountTokens;
    Ok(Call {
        operation,
        model,
        stream: stream && answered,
        // The protocol's streams always tell it.
        stream_usage: true,
        choices: 1,
        max_output_tokens: cap.filter(|_| answered),
        has_tools: seen.tool,
        server_tools: seen.server_tool,
        unseen_input: seen.unseen,
        end_user,
        texts,
        document,
    })
}

/// Checks the types of what is passed on as it is.
fn options(root: Value<'_>) -> Result<(), Refusal> {
    for key in ["temperature", "top_p"] {
        checked(root, key, Value::float, "a number")?;
    }
    checked(root, "top_k", Value::unsigned, "a whole number")?;
    let texts = |value: Value<'_>| {
        let texts = value.kind() == NodeKind::Array
            && !value.holds_scalars()
            && value.items().all(|item| item.kind() == NodeKind::String);
        texts.then_some(())
    };
    checked(root, "stop_sequences", texts, "an array of strings")?;
    for key in ["thinking", "tool_choice"] {
        checked(root, key, object, "an object")?;
    }
    checked(
        root,
        "mcp_servers",
        |value| (value.kind() == NodeKind::Array).then_some(()),
        "an array of objects",
    )?;
    Ok(())
}

/// The application's name for the person behind a request: `metadata.user_id`.
fn end_user(root: Value<'_>) -> Result<Option<String>, Refusal> {
    checked(root, "metadata", object, "an object")?;
    let Some(id) = root.get("metadata").and_then(|metadata| metadata.get("user_id")) else { return Ok(None) };
    let id = id.text().ok_or_else(|| wrong_type("metadata.user_id", "a string"))?;
    Ok((!id.is_empty()).then(|| id.into_owned()))
}

fn object(value: Value<'_>) -> Option<()> {
    (value.kind() == NodeKind::Object).then_some(())
}

/// A member as `read` sees it; refused where it sees nothing.
fn checked<'d, T>(
    root: Value<'d>,
    key: &str,
    read: impl FnOnce(Value<'d>) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, Refusal> {
    root.get(key).map(|value| read(value).ok_or_else(|| wrong_type(key, expected))).transpose()
}

struct Reader {
    reading: Reading,
    seen: Seen,
}

impl Reader {
    fn words(&mut self, object: Value<'_>, keys: &[&str]) {
        for value in keys.iter().filter_map(|key| object.get(key)) {
            self.reading.fixed(value);
        }
    }

    fn message(&mut self, index: usize, message: Value<'_>) -> Result<(), Refusal> {
        let path = || format!("messages[{index}]");
        if message.kind() != NodeKind::Object {
            return Err(wrong_type(path(), "an object"));
        }
        let role = message.get("role").ok_or_else(|| missing(&format!("{}.role", path())))?;
        self.reading.fixed(role);
        let role = match role.text().as_deref() {
            Some("user") => TextRole::User,
            Some("assistant") => TextRole::Assistant,
            Some("system") => TextRole::System,
            _ => return Err(wrong_type(format!("{}.role", path()), "one of user, assistant, system")),
        };
        let content = message.get("content").ok_or_else(|| missing(&format!("{}.content", path())))?;
        self.content(|| format!("{}.content", path()), content, role)
    }

    /// A text, or blocks.
    fn content(
        &mut self,
        path: impl Fn() -> String,
        content: Value<'_>,
        role: TextRole,
    ) -> Result<(), Refusal> {
        match content.kind() {
            NodeKind::Null => {}
            NodeKind::String => self.reading.text(content, role),
            NodeKind::Array if !content.holds_scalars() => {
                for (index, block) in content.items().enumerate() {
                    self.block(|| format!("{}[{index}]", path()), block, role)?;
                }
            }
            _ => return Err(wrong_type(path(), "a string or an array of blocks")),
        }
        Ok(())
    }

    fn block(&mut self, path: impl Fn() -> String, block: Value<'_>, role: TextRole) -> Result<(), Refusal> {
        if block.kind() != NodeKind::Object {
            return Err(wrong_type(path(), "an object"));
        }
        let kind = block.get("type").ok_or_else(|| missing(&format!("{}.type", path())))?;
        let kind = kind.text().ok_or_else(|| wrong_type(format!("{}.type", path()), "a string"))?;
        let member = match kind.as_ref() {
            "text" => Some("text"),
            "thinking" => Some("thinking"),
            _ => None,
        };
        if let Some(member) = member {
            let value = block.get(member).ok_or_else(|| missing(&format!("{}.{member}", path())))?;
            if value.kind() != NodeKind::String {
                return Err(wrong_type(format!("{}.{member}", path()), "a string"));
            }
        }
        let Seen { unseen, tool, server_tool } = block::read(&mut self.reading, block, role, true);
        self.seen.unseen |= unseen;
        self.seen.tool |= tool;
        self.seen.server_tool |= server_tool;
        Ok(())
    }

    fn tools(&mut self, tools: Value<'_>) -> Result<(), Refusal> {
        if tools.is_null() {
            return Ok(());
        }
        if tools.kind() != NodeKind::Array || tools.holds_scalars() {
            return Err(wrong_type("tools", "an array of objects"));
        }
        for (index, tool) in tools.items().enumerate() {
            if tool.kind() != NodeKind::Object {
                return Err(wrong_type(format!("tools[{index}]"), "an object"));
            }
            self.seen.tool = true;
            self.seen.server_tool |= block::tool(&mut self.reading, tool);
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
        let document = Document::parse(Bytes::copy_from_slice(text.as_bytes()), Limits::default()).unwrap();
        decode(document, Operation::Chat)
    }

    /// What a request with these blocks in its one message reads as.
    fn blocks(blocks: &str) -> Call {
        decode_text(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{blocks}]}}]}}"#))
            .unwrap()
    }

    fn texts(call: &Call) -> Vec<(String, TextRole)> {
        let text = |t: &Text| (call.document.value(t.node).text().unwrap().into_owned(), t.role);
        call.texts.iter().map(text).collect()
    }

    #[test]
    fn every_string_but_ids_and_words_of_fixed_meaning_is_a_text() {
        use TextRole::{Assistant, Other, Signed, System, Tool, User};
        let call = decode_text(
            r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"k"}}],
                "metadata":{"user_id":"u"},"unknown":{"deep":["x"]},"stop_sequences":["q"],"stream":true,
                "thinking":{"type":"enabled","budget_tokens":1024},"tool_choice":{"type":"tool","name":"-"},"messages":[
                {"role":"user","content":"t"},
                {"role":"assistant","content":[
                    {"type":"thinking","thinking":"a","signature":"-"},
                    {"type":"thinking","thinking":"b","signature":""},
                    {"type":"redacted_thinking","data":"-"},
                    {"type":"tool_use","id":"-","name":"-","input":{"type":"base64","data":"c"},"caller":{"type":"-"}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"-","content":[{"type":"text","text":"d"}]},
                    {"type":"tool_result","tool_use_id":"-","content":"e"}]}],
                "tools":[{"name":"-","description":"f","input_schema":{"p":"g"}}]}"#,
        )
        .unwrap();
        let expected = [
            ("s", System),
            ("k", Other),
            ("u", Other),
            ("x", Other),
            ("q", Other),
            ("t", User),
            ("a", Signed),
            ("b", Assistant),
            ("base64", Other),
            ("c", Other),
            ("d", Tool),
            ("e", Tool),
            ("f", Other),
            ("g", Other),
        ];
        assert_eq!(texts(&call), expected.map(|(text, role)| (text.to_owned(), role)));
        assert_eq!((call.end_user.as_deref(), call.max_output_tokens), (Some("u"), Some(9)));
        assert!(call.stream && call.stream_usage && call.has_tools && call.choices == 1);
        assert!(!call.server_tools && !call.unseen_input);
    }

    #[test]
    fn strings_are_texts_wherever_they_stand() {
        let call = decode_text(
            r#"{"model":"m","tool_choice":{"type":["1"]},"messages":[
                {"role":"assistant","content":[
                    {"type":"tool_use","id":["2"],"name":{"x":"3"},"input":"4"},
                    {"type":"redacted_thinking","data":["5"]},
                    {"type":"tool_result","tool_use_id":"-","content":{"x":"6"}},
                    {"type":"odd","data":"7","signature":"8"},
                    {"type":"text","text":"9","data":"10","encrypted_content":"11","citations":["12"]},
                    {"type":"image","source":["13"]},
                    {"type":"document","source":{"type":"text","data":"14","file_id":"15"}}]}],
                "tools":[{"name":["16"]}],"mcp_servers":["17"],"container":{"id":["18"]}}"#,
        )
        .unwrap();
        let expected: Vec<String> = (1..=18).map(|number| number.to_string()).collect();
        assert_eq!(texts(&call).into_iter().map(|(text, _)| text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_no_detector_reads_is_noticed_and_not_changed() {
        for (block, unseen, read) in [
            (
                r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"#,
                true,
                &[][..],
            ),
            (r#"{"type":"image","source":{"type":"url","url":"https://x.org"}}"#, true, &["https://x.org"]),
            (r#"{"type":"document","title":"t","source":{"type":"file","file_id":"f"}}"#, true, &["t"]),
            (
                r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}}"#,
                false,
                &["d"],
            ),
            (
                r#"{"type":"document","source":{"type":"content","content":[{"type":"text","text":"d"},{"type":"image","source":{"type":"base64","data":"A"}}]}}"#,
                true,
                &["d"],
            ),
            (
                r#"{"type":"tool_result","content":[{"type":"image","source":{"type":"base64","data":"A"}}]}"#,
                true,
                &[],
            ),
            (r#"{"type":"container_upload","file_id":"f"}"#, true, &[]),
            (
                r#"{"type":"text","text":"d","citations":[{"type":"char_location","cited_text":"c","file_id":"f"}]}"#,
                false,
                &["d", "c"],
            ),
            (
                r#"{"type":"web_search_tool_result","tool_use_id":"i","content":[{"type":"web_search_result","url":"u","encrypted_content":"AA"}]}"#,
                false,
                &["u"],
            ),
            (r#"{"type":"hologram","data":"AAAA"}"#, true, &["AAAA"]),
        ] {
            let call = blocks(block);
            let found: Vec<String> = texts(&call).into_iter().map(|(text, _)| text).collect();
            assert_eq!(
                (call.unseen_input, found.as_slice()),
                (unseen, &read.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()[..]),
                "{block}"
            );
        }
    }

    #[test]
    fn tools_that_the_provider_runs_are_told_from_those_of_the_caller() {
        for (more, tools, servers) in [
            (r#""tools":[]"#, false, false),
            (r#""tools":[{"name":"f","input_schema":{}}]"#, true, false),
            (r#""tools":[{"type":"custom","name":"f"},{"type":"bash_20250124","name":"bash"}]"#, true, false),
            (r#""tools":[{"type":"web_search_20250305","name":"web_search"}]"#, true, true),
            (r#""tools":[{"type":"mcp_toolset"}]"#, true, true),
            (r#""tools":[{"type":["x"]}]"#, true, true),
            (r#""mcp_servers":[{"type":"url","url":"https://x.org","name":"x"}]"#, true, true),
            (r#""container":"container_1""#, false, true),
        ] {
            let text = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{more}}}"#);
            let call = decode_text(&text).unwrap();
            assert_eq!((call.has_tools, call.server_tools), (tools, servers), "{more}");
        }
        let added = |tool: &str| blocks(&format!(r#"{{"type":"tool_addition","tool":{tool}}}"#));
        assert!(!added(r#"{"type":"tool_reference","name":"f"}"#).server_tools);
        assert!(!added(r#"{"type":"tool_definition","definition":{"name":"f"}}"#).server_tools);
        assert!(
            added(r#"{"type":"tool_definition","definition":{"type":"web_fetch_20250910"}}"#).server_tools
        );
        assert!(added(r#"{"type":"mcp_toolset_reference","name":"f"}"#).server_tools);
    }

    #[test]
    fn counting_tokens_is_neither_a_stream_nor_an_answer() {
        let text = r#"{"model":"m","stream":true,"max_tokens":5,"messages":[{"role":"user","content":"x"}]}"#;
        let document = Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap();
        let call = decode(document, Operation::CountTokens).unwrap();
        assert_eq!(
            (call.operation, call.stream, call.max_output_tokens),
            (Operation::CountTokens, false, None)
        );
    }

    #[test]
    fn wrong_types_name_their_field() {
        use Kind::{InvalidField, MissingField};
        let whole = [
            (r#"[]"#, InvalidField, "body"),
            (r#"{}"#, MissingField, "model"),
            (r#"{"model":"m"}"#, MissingField, "messages"),
            (r#"{"model":"m","messages":[]}"#, InvalidField, "messages"),
            (r#"{"model":"m","messages":["x"]}"#, InvalidField, "messages[0]"),
            (r#"{"model":"m","messages":[{}]}"#, MissingField, "messages[0].role"),
            (r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#, InvalidField, "messages[0].role"),
            (r#"{"model":"m","messages":[{"role":"user"}]}"#, MissingField, "messages[0].content"),
            (
                r#"{"model":"m","messages":[{"role":"user","content":{}}]}"#,
                InvalidField,
                "messages[0].content",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":["x"]}]}"#,
                InvalidField,
                "messages[0].content[0]",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":[{}]}]}"#,
                MissingField,
                "messages[0].content[0].type",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":[]}]}]}"#,
                InvalidField,
                "messages[0].content[0].text",
            ),
        ];
        for (text, kind, field) in whole {
            let refusal = decode_text(text).unwrap_err();
            assert_eq!((refusal.kind, refusal.field.as_deref()), (kind, Some(field)), "{text}");
        }
        for (more, field) in [
            (r#""stream":"yes""#, "stream"),
            (r#""max_tokens":0"#, "max_tokens"),
            (r#""temperature":"hot""#, "temperature"),
            (r#""top_k":1.5"#, "top_k"),
            (r#""stop_sequences":"x""#, "stop_sequences"),
            (r#""stop_sequences":[1]"#, "stop_sequences"),
            (r#""system":5"#, "system"),
            (r#""system":[{"type":"text"}]"#, "system[0].text"),
            (r#""metadata":"x""#, "metadata"),
            (r#""metadata":{"user_id":5}"#, "metadata.user_id"),
            (r#""tools":{}"#, "tools"),
            (r#""tools":["x"]"#, "tools[0]"),
            (r#""tool_choice":"any""#, "tool_choice"),
            (r#""thinking":true"#, "thinking"),
        ] {
            let text = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{more}}}"#);
            assert_eq!(decode_text(&text).unwrap_err().field.as_deref(), Some(field), "{more}");
        }
    }
}
