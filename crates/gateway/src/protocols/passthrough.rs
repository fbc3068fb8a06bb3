//! Passthrough: calls of which nothing is known but that they go to one provider. A request becomes one document of
//! its path, its query and its body, so that every string of it is inspected and edited like those of any other
//! call; answers and events are read in `answer` and `event`, addresses in `address`.

pub mod address;
pub mod answer;
pub mod event;

use bytes::Bytes;
use flyball_core::json::{Document, Limits, NodeKind, Value, quote};
use flyball_core::{Call, Operation, Text, TextRole};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use self::address::Address;
use super::openai::tokens;
use super::reading::Reading;
use super::{end_user, wrong_type};
use crate::refusal::{Kind, Refusal};

/// The shortest string that is taken for an encoded file when it holds nothing but base64.
const ENCODED: usize = 256;

/// Members by which vendors refer to what they keep of other calls.
const KEPT: [&str; 10] = [
    "previous_response_id",
    "conversation",
    "container",
    "file_id",
    "file_ids",
    "vector_store_ids",
    "thread_id",
    "fileUri",
    "file_uri",
    "cachedContent",
];

/// Members that name or hold what no detector can read: what the provider fetches, and files.
const UNSEEN: [&[u8]; 5] = [b"fileData", b"file_data", b"file_url", b"image_url", b"inlineData"];

/// What leaves beside the document, and how.
#[derive(Debug)]
pub struct Passing {
    /// Where it goes, as it came.
    pub address: Address,
    /// What a body that is no JSON is.
    content_type: Option<HeaderValue>,
    /// A body that is no text.
    media: Option<Bytes>,
}

/// A request on its way out.
#[derive(Debug)]
pub struct Passed {
    /// Where it goes.
    pub address: Address,
    /// The body.
    pub body: Bytes,
    /// What the body is; none: JSON, or there is none.
    pub content_type: Option<HeaderValue>,
}

/// The document of a request to the passage `name`, and what is not in it. `media`: whether the body may be something
/// else than JSON.
///
/// # Errors
/// A refusal that names the part at fault.
pub fn open(
    name: &str,
    method: &Method,
    (path, query): (&str, Option<&str>),
    headers: &HeaderMap,
    body: Bytes,
    media: bool,
    limits: Limits,
) -> Result<(String, Passing), Refusal> {
    let address = Address::new(method.clone(), path, query)?;
    let mut text = format!(
        r#"{{"name":{},"path":{},"query":{}"#,
        quote(name),
        array(address.segments()?.iter().map(|segment| quote(segment))),
        array(address.pairs()?.iter().map(|(key, value)| array([quote(key), quote(value)].into_iter()))),
    );
    let content_type = headers.get(CONTENT_TYPE);
    let mut passing = Passing { address, content_type: None, media: None };
    if body.is_empty() {
    } else if is_json(content_type) {
        // By itself first: what is no document alone must not become a part of one.
        Document::parse(body.clone(), limits).map_err(|error| {
            Refusal::new(Kind::MalformedJson, format!("The body is not acceptable JSON: {error}.")).at("body")
        })?;
        text.push_str(r#","body":"#);
        text.push_str(&String::from_utf8_lossy(&body));
    } else if !media {
        let message = "Only JSON may pass here, unless the passthrough allows media.";
        return Err(Refusal::new(Kind::UnsupportedMedia, message));
    } else {
        passing.content_type = content_type.cloned();
        match std::str::from_utf8(&body) {
            Ok(written) => {
                text.push_str(r#","text":"#);
                text.push_str(&quote(written));
            }
            Err(_) => {
                text.push_str(r#","media":true"#);
                passing.media = Some(body);
            }
        }
    }
    text.push('}');
    Ok((text, passing))
}

/// Whether a body with this content type is JSON. Who says nothing means JSON.
pub fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let Some(content_type) = content_type else { return true };
    let written = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let essence = written.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// The request that a document of [`open`] stands for, whatever became of it.
///
/// # Errors
/// When the address that became of it is none.
pub fn close(document: &Document, passing: Passing) -> Result<Passed, Refusal> {
    let root = document.root();
    let texts = |value: Option<Value<'_>>| -> Vec<String> {
        value.into_iter().flat_map(Value::items).filter_map(|item| Some(item.text()?.into_owned())).collect()
    };
    let segments = texts(root.get("path"));
    let pairs: Vec<(String, String)> = root
        .get("query")
        .into_iter()
        .flat_map(Value::items)
        .filter_map(|pair| match texts(Some(pair)).as_slice() {
            [key, value] => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect();
    let address = passing.address.rewritten(segments, pairs)?;
    let body = match (root.members().find(|(key, _)| key.name().as_ref() == b"body"), root.get("text")) {
        (Some((_, body)), _) => document.source().slice(body.span()),
        (None, Some(text)) => Bytes::from(text.text().unwrap_or_default().into_owned()),
        (None, None) => passing.media.unwrap_or_default(),
    };
    Ok(Passed { address, body, content_type: passing.content_type })
}

/// Reads the document of [`open`].
///
/// # Errors
/// None that the document of [`open`] could have.
pub fn decode(document: Document) -> Result<Call, Refusal> {
    let root = document.root();
    let name = root.get("name").and_then(Value::text).ok_or_else(|| wrong_type("body", "a request"))?;
    let name = name.into_owned();
    let body = root.get("body");
    let member = |key: &str| body.and_then(|body| body.get(key));
    let wants_events = member("stream").and_then(Value::boolean) == Some(true);
    let asks_for_events = root.get("query").into_iter().flat_map(Value::items).any(|pair| {
        let mut words = pair.items();
        let mut is = |word: &str| words.next().is_some_and(|text| text.is_text(word));
        is("alt") && is("sse")
    });
    let tools = member("tools");
    let (has_tools, server_tools) =
        (tools.is_some(), tools.into_iter().flat_map(Value::items).any(runs_elsewhere));
    let encoded = body.into_iter().flat_map(Value::strings).any(is_encoded);
    let fetched = document.values().any(|key| UNSEEN.contains(&key.name().as_ref()));
    let named = kept(&document).is_some();
    let unseen_input =
        encoded || fetched || named || root.get("text").is_some() || root.get("media").is_some();
    let caps = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    let max_output_tokens = caps.iter().find_map(|key| member(key)?.unsigned());
    let choices = member("n").and_then(Value::unsigned).and_then(|n| u32::try_from(n).ok());
    let end_user = body.and_then(end_user);
    let mut reading = Reading::new(&document);
    root.get("name").into_iter().for_each(|name| reading.fixed(name));
    let texts = reading.take(root);
    Ok(Call {
        operation: Operation::Passthrough,
        model: name,
        stream: wants_events || asks_for_events,
        stream_usage: true,
        choices: choices.unwrap_or(1).max(1),
        max_output_tokens,
        has_tools,
        server_tools,
        unseen_input,
        end_user,
        texts: texts.into_iter().map(|text| Text { role: TextRole::User, ..text }).collect(),
        document,
    })
}

/// The member by which a request names what the provider keeps; none when it does not, as far as is known.
fn kept(document: &Document) -> Option<&'static str> {
    let names = |value: Value<'_>| match value.kind() {
        NodeKind::String => true,
        NodeKind::Array => value.items().any(|item| item.kind() == NodeKind::String),
        // In a schema the same word is the name of a parameter.
        NodeKind::Object => value.get("id").is_some_and(|id| id.kind() == NodeKind::String),
        _ => false,
    };
    let objects = document.values().filter(|value| value.kind() == NodeKind::Object);
    let mut members = objects.flat_map(Value::members);
    members.find_map(|(key, value)| {
        let key = key.text()?;
        KEPT.into_iter().find(|kept| *kept == key).filter(|_| names(value))
    })
}

/// Refuses a request that names what the provider keeps of other calls.
///
/// # Errors
/// A refusal that names the field.
pub fn stay_within(document: &Document) -> Result<(), Refusal> {
    match kept(document) {
        None => Ok(()),
        Some(field) => {
            let message = format!("'{field}' names what the provider keeps of other calls.");
            Err(Refusal::new(Kind::StoredState, message).at(field))
        }
    }
}

/// Whether a string is an encoded file: inspected like any other, but nothing that a detector can read.
fn is_encoded(value: Value<'_>) -> bool {
    let raw = value.raw().trim_matches('"');
    if raw.len() < ENCODED {
        return false;
    }
    let data = raw.split_once(";base64,").map_or(raw, |(_, data)| data);
    data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-\\".contains(&b))
}

/// Whether a tool is one that the provider runs, as far as vendors say so in known ways.
fn runs_elsewhere(tool: Value<'_>) -> bool {
    match tool.get("type") {
        Some(kind) => !kind.is_text("function") && !kind.is_text("custom"),
        None => {
            ["function", "input_schema", "functionDeclarations", "function_declarations", "name", "toolSpec"]
                .iter()
                .all(|key| tool.get(key).is_none())
        }
    }
}

/// The tokens of a request: all its strings, since it is not known which of them a model reads.
pub fn request_tokens(document: &Document) -> u64 {
    match document.root().get("body").map(|body| body.kind()) {
        Some(NodeKind::Null) | None => tokens::members(document, &["text"]),
        Some(_) => tokens::members(document, &["body"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "application/json";

    fn opened(
        path: &str,
        query: Option<&str>,
        kind: &'static str,
        body: &[u8],
        media: bool,
    ) -> Result<(Document, Passing), Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let body = Bytes::copy_from_slice(body);
        let (text, passing) =
            open("vendor", &Method::POST, (path, query), &headers, body, media, Limits::default())?;
        Ok((Document::parse(text.into(), Limits::default()).unwrap(), passing))
    }

    #[test]
    fn a_request_that_nothing_was_done_to_leaves_as_it_came() {
        for (path, query, kind, body) in [
            ("/v1beta/models/g:generate", Some("alt=sse&x=a%20b"), JSON, &br#" {"a": [1, "b"]} "#[..]),
            ("", None, JSON, b""),
            ("/", Some(""), "application/problem+json; charset=utf-8", b"null"),
            ("/a%20b/", None, "text/csv", b"a,b\n\"c\""),
            ("/a", None, "audio/mpeg", b"\xFF\xFB\x00"),
        ] {
            let (document, passing) = opened(path, query, kind, body, true).unwrap();
            decode(document.clone()).unwrap();
            let passed = close(&document, passing).unwrap();
            assert_eq!(
                passed.address.target(),
                format!("{path}{}", query.map_or(String::new(), |q| format!("?{q}")))
            );
            let trimmed = if kind == JSON { body.trim_ascii() } else { body };
            assert_eq!(passed.body, trimmed, "{path}");
            assert_eq!(
                passed.content_type.is_some(),
                !is_json(Some(&HeaderValue::from_static(kind))),
                "{path}"
            );
        }
    }

    #[test]
    fn path_query_and_body_are_inspected() {
        let body =
            br#"{"messages":["c"],"tools":[{"type":"web_search"}],"stream":true,"max_tokens":7,"user":"u"}"#;
        let (document, _) = opened("/a", Some("k=b"), JSON, body, false).unwrap();
        let call = decode(document).unwrap();
        let texts: Vec<_> =
            call.texts.iter().map(|t| call.document.value(t.node).text().unwrap().into_owned()).collect();
        assert_eq!(texts, ["a", "k", "b", "c", "web_search", "u"]);
        assert_eq!((call.stream, call.server_tools, call.unseen_input), (true, true, false));
        assert_eq!((call.model.as_str(), call.max_output_tokens), ("vendor", Some(7)));
        assert_eq!(call.end_user.as_deref(), Some("u"));
        let (document, _) =
            opened("/a", Some("alt=sse"), JSON, br#"{"tools":[{"type":"function"}]}"#, false).unwrap();
        let call = decode(document).unwrap();
        assert_eq!((call.stream, call.has_tools, call.server_tools), (true, true, false));
    }

    #[test]
    fn what_no_detector_reads_is_said_to_be_unseen_or_refused() {
        let image = format!(r#"{{"image":"{}"}}"#, "A".repeat(ENCODED));
        assert!(decode(opened("/a", None, JSON, image.as_bytes(), false).unwrap().0).unwrap().unseen_input);
        for (body, unseen, kept) in [
            (&br#"{"input":[{"content":[{"file_id":"f-1"}]}]}"#[..], true, true),
            (br#"{"tools":[{"vector_store_ids":["v"]}]}"#, true, true),
            (br#"{"conversation":{"id":"c"}}"#, true, true),
            (br#"{"contents":[{"image_url":{"url":"https://x.org/i"}}]}"#, true, false),
            (br#"{"tools":[{"parameters":{"properties":{"file_id":{"type":"string"}}}}]}"#, false, false),
        ] {
            let (document, _) = opened("/a", None, JSON, body, false).unwrap();
            assert_eq!(stay_within(&document).is_err(), kept, "{document:?}");
            assert_eq!(decode(document).unwrap().unseen_input, unseen);
        }
        for (kind, body) in [("audio/mpeg", &b"\xFF"[..]), ("text/plain", b"a")] {
            assert!(decode(opened("/a", None, kind, body, true).unwrap().0).unwrap().unseen_input, "{kind}");
            assert_eq!(opened("/a", None, kind, body, false).unwrap_err().kind, Kind::UnsupportedMedia);
        }
    }

    #[test]
    fn a_body_cannot_reach_beyond_its_place() {
        for body in [&br#"1,"name":"other""#[..], br#"{}}"#, b"{", b"\xFF"] {
            assert_eq!(
                opened("/a", None, JSON, body, true).unwrap_err().kind,
                Kind::MalformedJson,
                "{body:?}"
            );
        }
    }
}
