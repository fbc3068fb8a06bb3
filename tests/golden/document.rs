//! Transcripts as files: read, written so that a line is a thought, and without what differs from run to run.

use serde_json::Value;

/// The width of a line that holds more than one thing.
const WIDTH: usize = 118;

/// What stands deeper stands on one line, however long: an event, a message.
const DEEPEST: usize = 4;

pub(super) fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What fits on a line stands on one.
pub(super) fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &Value, depth: usize, before: usize, out: &mut String) {
    let line = line(value);
    let broken = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if !broken || depth > DEEPEST || (depth > 0 && 2 * depth + before + line.chars().count() <= WIDTH) {
        return out.push_str(&line);
    }
    let indent = "  ".repeat(depth + 1);
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value)).collect()
        }
        Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
        _ => Vec::new(),
    };
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    out.push(open);
    for (index, (key, part)) in parts.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&indent);
        out.push_str(key);
        write(part, depth + 1, key.chars().count(), out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

fn line(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let parts: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), line(value)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The value without the exchange's own id and its time: what is made anew each time is named.
pub(super) fn normal(value: Value, id: &str) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(key, value)| {
                    // Answers written by hand say times long ago.
                    let now = matches!(key.as_str(), "created" | "created_at" | "completed_at")
                        && value.as_u64().is_some_and(|seconds| seconds > 1_770_000_000);
                    let value = if now { Value::from("<now>") } else { normal(value, id) };
                    (key, value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| normal(item, id)).collect()),
        Value::String(text) => Value::String(text.replace(&id.replace('-', ""), "<id>").replace(id, "<id>")),
        other => other,
    }
}
