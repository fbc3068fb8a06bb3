//! What in a request reaches beyond it: state that the provider keeps from other calls (answers, conversations,
//! prompts, files, containers), and other models than the route's. A provider's account is shared: whose state an id
//! names is not known here, so it goes through only where the operator says that the account serves one tenant alone.

use flyball_core::json::{NodeKind, Value};
use flyball_translation::Dialect;

/// How deep parts lie within parts, at most: a tool's result holds parts, and these a source.
const DEPTH: usize = 6;

/// The field that names what the provider keeps; none when there is none.
pub(super) fn stored_state(root: Value<'_>, dialect: Dialect) -> Option<String> {
    let set = |key: &str| root.get(key).map(|_| key.to_owned());
    match dialect {
        Dialect::Responses => set("previous_response_id")
            .or_else(|| set("conversation"))
            .or_else(|| set("prompt"))
            .or_else(|| within(root, "input", 0))
            .or_else(|| tools(root)),
        Dialect::Messages => {
            set("container").or_else(|| set("thread")).or_else(|| within(root, "messages", 0))
        }
        Dialect::Chat => within(root, "messages", 0).or_else(|| tools(root)),
        _ => None,
    }
}

/// The field that names other models than the one that the route names.
pub(super) fn other_models(root: Value<'_>) -> Option<&'static str> {
    ["fallbacks", "models"].into_iter().find(|key| root.get(key).is_some())
}

/// In the items of a list, and in what they consist of.
fn within(object: Value<'_>, key: &str, depth: usize) -> Option<String> {
    let value = object.get(key)?;
    if value.kind() == NodeKind::Object {
        return part(value, depth + 1).map(|path| format!("{key}.{path}"));
    }
    let found = value.items().enumerate().find_map(|(index, item)| Some((index, part(item, depth + 1)?)));
    found.map(|(index, path)| match path.as_str() {
        "" => format!("{key}[{index}]"),
        path => format!("{key}[{index}].{path}"),
    })
}

fn part(part: Value<'_>, depth: usize) -> Option<String> {
    if depth > DEPTH || part.kind() != NodeKind::Object {
        return None;
    }
    if part.get("type").is_some_and(|kind| kind.is_text("item_reference")) {
        return Some(String::new());
    }
    if part.get("file_id").is_some() {
        return Some("file_id".to_owned());
    }
    // A recording that the provider made in an earlier answer.
    if part.get("role").is_some() && part.get("audio").is_some_and(|audio| audio.get("id").is_some()) {
        return Some("audio.id".to_owned());
    }
    ["content", "output", "source", "file"].into_iter().find_map(|key| within(part, key, depth))
}

/// Tools that read what the provider keeps.
fn tools(root: Value<'_>) -> Option<String> {
    let tools = root.get("tools").into_iter().flat_map(Value::items).enumerate();
    tools.into_iter().find_map(|(index, tool)| {
        let container =
            |value: &Value<'_>| value.kind() == NodeKind::String || value.get("file_ids").is_some();
        if tool.get("vector_store_ids").is_some() {
            Some(format!("tools[{index}].vector_store_ids"))
        } else if tool.get("container").filter(container).is_some() {
            Some(format!("tools[{index}].container"))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::{Document, Limits};

    use super::*;

    fn found(dialect: Dialect, body: &str) -> Option<String> {
        let document = Document::parse(Bytes::copy_from_slice(body.as_bytes()), Limits::default()).unwrap();
        stored_state(document.root(), dialect)
    }

    #[test]
    fn ids_of_what_a_provider_keeps_are_found_where_the_protocols_have_them() {
        use Dialect::{Chat, Messages, Responses};
        for (dialect, body, field) in [
            (Responses, r#"{"previous_response_id":"resp_1"}"#, "previous_response_id"),
            (Responses, r#"{"conversation":{"id":"c"}}"#, "conversation"),
            (Responses, r#"{"prompt":{"id":"p"}}"#, "prompt"),
            (Responses, r#"{"input":["x",{"type":"item_reference","id":"msg_1"}]}"#, "input[1]"),
            (
                Responses,
                r#"{"input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]}"#,
                "input[0].content[0].file_id",
            ),
            (
                Responses,
                r#"{"tools":[{"type":"file_search","vector_store_ids":["v"]}]}"#,
                "tools[0].vector_store_ids",
            ),
            (Responses, r#"{"tools":[{"type":"code_interpreter","container":"c"}]}"#, "tools[0].container"),
            (
                Messages,
                r#"{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]}]}"#,
                "messages[0].content[0].content[0].source.file_id",
            ),
            (Messages, r#"{"container":"c"}"#, "container"),
            (
                Chat,
                r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}"#,
                "messages[0].content[0].file.file_id",
            ),
            (Chat, r#"{"messages":[{"role":"assistant","audio":{"id":"a"}}]}"#, "messages[0].audio.id"),
        ] {
            assert_eq!(found(dialect, body).as_deref(), Some(field), "{body}");
        }
    }

    #[test]
    fn what_tools_and_texts_are_called_is_nobodys_state() {
        for body in [
            r#"{"tools":[{"type":"function","name":"f","parameters":{"properties":{"file_id":{"type":"string"}}}}],"input":[{"type":"function_call","arguments":"{\"file_id\":1}"}]}"#,
            r#"{"tools":[{"type":"code_interpreter","container":{"type":"auto"}}],"input":"file_id"}"#,
            r#"{"previous_response_id":null,"messages":[{"content":[{"type":"tool_use","input":{"file_id":"x"}}]}]}"#,
        ] {
            for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
                assert_eq!(found(dialect, body), None, "{body}");
            }
        }
    }
}
