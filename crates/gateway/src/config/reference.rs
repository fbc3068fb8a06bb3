//! The reference page of the configuration, made from the schema: what the types say is what the page says.

use std::fmt::Write;

use serde_json::Value as Json;

use super::check::{tagged, words};
use super::layers::alternatives;
use super::schema;

const HEAD: &str = "\
# Configuration

<!-- Made from the types in crates/gateway/src/config; a test compares. Do not edit. -->

The gateway reads one file, `flyball.yaml`. Environment variables win over the file, flags over both. A variable's
name is `FLYBALL__` and the key with `__` for each dot, in any case: `FLYBALL__LIMITS__MODEL_BODY=16MiB` sets
`limits.model_body`. Names of providers and routes have `_` for what a variable's name cannot hold. A value is
read as YAML. Unknown, duplicate and merged (`<<`) keys are errors. Paths in the file are relative to the file's
folder, paths in variables and flags to the working folder. `NAME` stands for a name of your choice.

| form | written as |
|---|---|
| period | a whole number and `ms`, `s`, `m`, `h` or `d`: `500ms`, `10m` |
| size | a whole number and `B`, `KiB`, `MiB` or `GiB`: `32MiB` |
| secret-reference | `env:NAME` or `file:/path`: where the secret is kept, never the secret |
| socket-address | an IP address and a port: `127.0.0.1:8080`, `[::]:8080` |

| key | form | default | meaning |
|---|---|---|---|
";

/// The page, in Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    rows(&schema(), "", &mut page);
    page
}

fn rows(schema: &Json, prefix: &str, page: &mut String) {
    let defaults = schema.get("default");
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    for (key, inner) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        if inner.get("const").is_some() {
            continue;
        }
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let default = match inner.get("default").or_else(|| defaults?.get(key)) {
            _ if required.contains(&key.as_str()) => "required".to_owned(),
            Some(Json::Null) | None => "absent".to_owned(),
            Some(Json::Object(_)) => String::new(),
            Some(Json::String(text)) => format!("`{}`", cell(text)),
            Some(value) => format!("`{}`", cell(&value.to_string())),
        };
        row(page, &path, inner, &default);
        below(inner, &path, page);
    }
}

/// What stands within a setting: a section's keys, the alternatives of one, what names of one's choice hold.
fn below(schema: &Json, path: &str, page: &mut String) {
    let tags = tagged(schema);
    if let Some((key, _, _)) = tags.first() {
        let choices: Vec<_> = tags.iter().map(|(_, word, _)| *word).collect();
        let meaning: Vec<_> = tags.iter().map(|(_, word, meaning)| format!("`{word}`: {meaning}")).collect();
        line(page, &format!("{path}.{key}"), &choices.join(", "), "required", &meaning.join(" "));
    }
    for alternative in alternatives(schema) {
        rows(alternative, path, page);
        if let Some(inner @ Json::Object(_)) = alternative.get("additionalProperties") {
            let named = format!("{path}.NAME");
            if inner.get("properties").is_some() || inner.get("oneOf").is_some() {
                below(inner, &named, page);
            }
        }
    }
}

fn row(page: &mut String, path: &str, schema: &Json, default: &str) {
    let text = |schema: &Json| schema.get("description").and_then(Json::as_str).map(str::to_owned);
    let choices = schema.get("oneOf").and_then(Json::as_array).into_iter().flatten().filter_map(|choice| {
        Some(format!(" `{}`: {}", choice.get("const")?.as_str()?, text(choice).unwrap_or_default()))
    });
    let meaning = text(schema).into_iter().chain(choices).collect::<String>();
    line(page, path, &form(schema), default, &meaning);
}

fn line(page: &mut String, path: &str, form: &str, default: &str, meaning: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(page, "| `{}` | {} | {default} | {} |", cell(path), cell(form), cell(meaning));
}

/// What a setting looks like, in words.
fn form(schema: &Json) -> String {
    let text = |key: &str| schema.get(key).and_then(Json::as_str);
    if let Some(words) = words(schema) {
        return words.join(", ");
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.get("format").is_some()) {
        return format!("names, each with a {}", form(values));
    }
    let [least, most] = [["x-minimum", "minimum"], ["x-maximum", "maximum"]].map(|keys| {
        keys.iter()
            .find_map(|key| schema.get(*key))
            .map(|bound| bound.to_string().trim_matches('"').to_owned())
    });
    let range = match (least, most) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (None, Some(most)) => format!(", at most {most}"),
        (Some(least), None) => format!(", at least {least}"),
        (None, None) => String::new(),
    };
    if let Some(items) = schema.get("items") {
        return format!("list of {}", form(items));
    }
    let kind = match schema.get("type") {
        Some(Json::String(kind)) => kind.as_str(),
        Some(Json::Array(kinds)) => kinds.first().and_then(Json::as_str).unwrap_or_default(),
        _ => "object",
    };
    let name = match kind {
        "object" => "section",
        "integer" => "whole number",
        "string" => text("format").unwrap_or("text"),
        other => other,
    };
    format!("{name}{range}")
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
