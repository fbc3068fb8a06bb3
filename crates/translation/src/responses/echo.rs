//! What an answer repeats of the request.

use std::fmt::Write as _;

use flyball_core::Document;

/// Members that are repeated as they were sent, and what they are when they were not.
const REPEATED: &[(&str, &str)] = &[
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_p", "null"),
    ("user", "null"),
];

/// What is so for every answer that comes from another dialect, whatever was asked.
const ALWAYS: &str = r#""background":false,"previous_response_id":null,"store":false,"top_logprobs":0,"truncation":"disabled""#;

/// What an answer to this request repeats of it: members of an object, on one line.
pub(crate) fn echo(document: &Document) -> String {
    let root = document.root();
    members(|name| root.get(name).map(flyball_core::json::Value::raw))
}

/// What an answer repeats of a request that says nothing.
pub(super) fn silent() -> String {
    members(|_| None)
}

fn members<'d>(value: impl Fn(&str) -> Option<&'d str>) -> String {
    let mut echo = String::with_capacity(1024);
    for (name, default) in REPEATED {
        // Line ends in a JSON text stand between tokens only: in strings they are escaped.
        let json = value(name).unwrap_or(default).replace(['\n', '\r'], "");
        // Writing into a string does not fail.
        let _ = write!(echo, "\"{name}\":{json},");
    }
    echo.push_str(ALWAYS);
    echo
}
