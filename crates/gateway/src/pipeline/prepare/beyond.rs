//! What in a request reaches beyond it: state that the provider keeps from other calls (answers, conversations,
//! prompts, files, containers), and other models than the route's. A provider's account is shared: whose state an id
//! names is not known here, so it goes through only where the operator says that the account serves one tenant alone.

use flyball_core::json::{NodeKind, Value};
use flyball_translation::Dialect;

/// How deep parts lie within parts, at most: a tool's result holds parts, and these a source.
const DEPTH: usize = 6;

/// The field that names what the provider keeps; none when there is none. What is at the root and `dropped` does not
/// leave, and so names nothing.
pub(super) fn stored_state(
    root: Value<'_>,
    dialect: Dialect,
    dropped: impl Fn(&str) -> bool,
) -> Option<String> {
    let kept = |key: &str| !dropped(key);
    let set = |key: &str| root.get(key).filter(|_| kept(key)).map(|_| key.to_owned());
    let tools = || tools(root).filter(|_| kept("tools"));
    match dialect {
        Dialect::Responses => set("previous_response_id")
            .or_else(|| set("conversation"))
            .or_else(|| set("prompt"))
            .or_else(|| within(root, "input", 0))
            .or_else(tools),
        Dialect::Messages => {
            set("container").or_else(|| set("thread")).or_else(|| within(root, "messages", 0))
        }
        Dialect::Chat => within(root, "messages", 0).or_else(tools),
        _ => None,
    }
}

/// The field that names other models than the one that the route names, if it is not `dropped`.
pub(super) fn other_models(root: Value<'_>, dropped: impl Fn(&str) -> bool) -> Option<&'static str> {
    ["fallbacks", "models"].into_iter().find(|key| root.get(key).is_some() && !dropped(key))
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
    if is_reference(part) {
        return Some(String::new());
    }
    if part.get("file_id").is_some() {
        return Some("file_id".to_owned());
    }
    // A recording that the provider made in an earlier answer.
    if part.get("role").is_some() && part.get("audio").is_some_and(|audio| audio.get("id").is_some()) {
        return Some("audio.id".to_owned());
    }
    if let Some(path) = MEDIA.into_iter().find_map(|key| kept_medium(part.get(key)?, key)) {
        return Some(path);
    }
    let found = ["content", "output", "source", "file"].into_iter().find_map(|key| within(part, key, depth));
    // Tools come as items too.
    let brings = |kind: Value<'_>| kind.is_text("additional_tools") || kind.is_text("tool_search_output");
    found.or_else(|| part.get("type").filter(|kind| brings(*kind)).and_then(|_| tools(part)))
}

/// Members that hold the address of a medium, or an object with it.
const MEDIA: [&str; 6] = ["url", "image_url", "video_url", "audio_url", "file_url", "document_url"];

fn kept_medium(value: Value<'_>, key: &str) -> Option<String> {
    match value.get("url") {
        Some(url) => url.text().filter(|url| is_kept(url)).map(|_| format!("{key}.url")),
        None => value.text().filter(|url| is_kept(url)).map(|_| key.to_owned()),
    }
}

/// Whether an address leads to what a provider reads with its account's rights, or its machine's, and not to what is
/// public: buckets (`gs://`, `s3://`), local files, files that were uploaded to it.
fn is_kept(url: &str) -> bool {
    let url = url.trim();
    if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return false;
    }
    let Some((scheme, rest)) = url.split_once(':') else { return url.starts_with("files/") };
    if !["http", "https"].iter().any(|public| scheme.eq_ignore_ascii_case(public)) {
        return true;
    }
    let authority =
        rest.trim_start_matches(['/', '\\']).split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    host == "generativelanguage.googleapis.com"
}

/// Whether all that an item says is the id of one that the provider keeps. The type of a reference may be left out.
fn is_reference(item: Value<'_>) -> bool {
    match item.get("type") {
        None => item.get("id").is_some() && item.get("role").is_none(),
        Some(kind) if kind.is_text("image_generation_call") => item.get("result").is_none(),
        Some(kind) => kind.is_text("item_reference"),
    }
}

/// What a tool that the provider runs is given of what it keeps.
const KEPT: [&str; 5] = ["vector_store_ids", "file_ids", "file_id", "container_id", "skill_id"];

/// Tools that read what the provider keeps.
fn tools(object: Value<'_>) -> Option<String> {
    object.get("tools").into_iter().flat_map(Value::items).enumerate().find_map(|(index, tool)| {
        // Tools may hold tools; on a stack of our own, so that depth costs no more than breadth.
        let mut rest = vec![tool];
        while let Some(tool) = rest.pop() {
            let is = |name: &str| tool.get("type").is_some_and(|kind| kind.is_text(name));
            if is("namespace") {
                rest.extend(tool.get("tools").into_iter().flat_map(Value::items));
            } else if !is("function")
                && !is("custom")
                && let Some(key) = kept(tool)
            {
                return Some(format!("tools[{index}].{key}"));
            }
        }
        None
    })
}

fn kept(tool: Value<'_>) -> Option<&'static str> {
    if tool.get("container").is_some_and(|container| container.kind() == NodeKind::String) {
        return Some("container");
    }
    let mut objects = std::iter::once(tool).chain(tool.descendants());
    objects.find_map(|object| KEPT.into_iter().find(|key| object.get(key).is_some()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::{Document, Limits};

    use super::*;

    fn found(dialect: Dialect, body: &str) -> Option<String> {
        let document = Document::parse(Bytes::copy_from_slice(body.as_bytes()), Limits::default()).unwrap();
        stored_state(document.root(), dialect, |_| false)
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
            (Responses, r#"{"input":[{"id":"msg_1"}]}"#, "input[0]"),
            (Responses, r#"{"input":[{"type":null,"id":"msg_1"}]}"#, "input[0]"),
            (Responses, r#"{"input":[{"type":"image_generation_call","id":"ig_1"}]}"#, "input[0]"),
            (
                Responses,
                r#"{"tools":[{"type":"shell","environment":{"type":"container_reference","container_id":"c"}}]}"#,
                "tools[0].container_id",
            ),
            (
                Responses,
                r#"{"tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["f"]}}]}"#,
                "tools[0].file_ids",
            ),
            (
                Responses,
                r#"{"tools":[{"type":"image_generation","input_image_mask":{"file_id":"f"}}]}"#,
                "tools[0].file_id",
            ),
            (
                Responses,
                r#"{"tools":[{"type":"namespace","tools":[{"type":"file_search","vector_store_ids":["v"]}]}]}"#,
                "tools[0].vector_store_ids",
            ),
            (
                Responses,
                r#"{"input":[{"type":"additional_tools","role":"developer","tools":[{"type":"file_search","vector_store_ids":["v"]}]}]}"#,
                "input[0].tools[0].vector_store_ids",
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
    fn addresses_that_only_the_account_can_read_are_state_too() {
        for (url, kept) in [
            ("gs://bucket/secret.pdf", true),
            (" GS://bucket/secret.pdf", true),
            ("s3://bucket/secret.png", true),
            ("file:///etc/passwd", true),
            ("file:/etc/passwd", true),
            ("files/abc", true),
            ("https://generativelanguage.googleapis.com/v1beta/files/abc", true),
            ("https://GenerativeLanguage.googleapis.com.:443/v1beta/files/abc", true),
            ("https://me@generativelanguage.googleapis.com/v1beta/files/abc", true),
            ("https://storage.googleapis.com/public/x.png", false),
            ("https://example.com/a.png?from=gs://x", false),
            ("HTTP://example.com/googleapis.com", false),
            ("data:image/png;base64,AAAA", false),
            ("AAAA", false),
        ] {
            for (dialect, body, field) in [
                (
                    Dialect::Chat,
                    r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":URL}}]}]}"#,
                    "messages[0].content[0].image_url.url",
                ),
                (
                    Dialect::Responses,
                    r#"{"input":[{"role":"user","content":[{"type":"input_file","file_url":URL}]}]}"#,
                    "input[0].content[0].file_url",
                ),
                (
                    Dialect::Messages,
                    r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":URL}}]}]}"#,
                    "messages[0].content[0].source.url",
                ),
            ] {
                let body = body.replace("URL", &format!("\"{url}\""));
                assert_eq!(found(dialect, &body).as_deref(), kept.then_some(field), "{body}");
            }
        }
    }

    #[test]
    fn what_is_dropped_hides_nothing_that_is_not() {
        let text = r#"{"previous_response_id":"r","fallbacks":[],"models":["m"],"input":[{"type":"item_reference","id":"i"}]}"#;
        let document = Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap();
        let (root, dropped) =
            (document.root(), |key: &str| ["previous_response_id", "fallbacks"].contains(&key));
        assert_eq!(stored_state(root, Dialect::Responses, dropped).as_deref(), Some("input[0]"));
        assert_eq!(other_models(root, dropped), Some("models"));
        assert_eq!(other_models(root, |key| key != "tools"), None);
    }

    #[test]
    fn what_tools_and_texts_are_called_is_nobodys_state() {
        for body in [
            r#"{"tools":[{"type":"namespace","tools":[{"type":"function","name":"f","parameters":{"properties":{"file_ids":{}}}}]}],"input":[{"type":"image_generation_call","id":"ig_1","result":"AAAA"}]}"#,
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
