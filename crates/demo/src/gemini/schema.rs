//! Google's `Schema`, a selection of OpenAPI 3.0: checked, and written as the JSON Schema that it means.

use serde_json::{Map, Value, json};

use super::fields::{Fields, snake, whole};
use super::refused::Refused;

const KNOWN: [&str; 22] = [
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
];

/// Keywords whose value is a whole number, which may come as a string.
const COUNTS: [&str; 6] =
    ["maxItems", "minItems", "minProperties", "maxProperties", "minLength", "maxLength"];

const KINDS: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

/// The JSON Schema that the `Schema` at `at` means.
pub(super) fn json_schema(value: &Value, at: &str) -> Result<Value, Refused> {
    let fields = Fields::read(value, at, &KNOWN)?;
    let mut schema = Map::new();
    if let Some(kind) = kind(&fields)? {
        let kind =
            if fields.flag("nullable")?.unwrap_or(false) { json!([kind, "null"]) } else { json!(kind) };
        schema.insert("type".to_owned(), kind);
    }
    for name in ["format", "title", "description", "pattern"] {
        if let Some(text) = fields.text(name)? {
            schema.insert(name.to_owned(), json!(text));
        }
    }
    for name in ["minimum", "maximum"] {
        if let Some(number) = fields.number(name)? {
            schema.insert(name.to_owned(), json!(number));
        }
    }
    for name in COUNTS {
        if let Some(value) = fields.get(name) {
            let count = whole(value).filter(|count| *count >= 0);
            let count = count.ok_or_else(|| Refused::type_of(&fields.path(name), "TYPE_INT64"))?;
            schema.insert(name.to_owned(), json!(count));
        }
    }
    for name in ["enum", "required"] {
        let texts = fields.texts(name)?;
        if !texts.is_empty() {
            schema.insert(name.to_owned(), json!(texts));
        }
    }
    fields.texts("propertyOrdering")?;
    for name in ["default", "example"] {
        if let Some(value) = fields.get(name) {
            schema.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(items) = fields.get("items") {
        schema.insert("items".to_owned(), json_schema(items, &fields.path("items"))?);
    }
    let alternatives = fields.list("anyOf")?.iter().enumerate();
    let alternatives: Vec<_> = alternatives
        .map(|(place, value)| json_schema(value, &format!("{}[{place}]", fields.path("anyOf"))))
        .collect::<Result<_, _>>()?;
    if !alternatives.is_empty() {
        schema.insert("anyOf".to_owned(), Value::Array(alternatives));
    }
    if let Some(properties) = fields.object("properties")? {
        let mut written = Map::new();
        for (place, (name, property)) in properties.iter().enumerate() {
            let at = format!("{}[{place}].value", fields.path("properties"));
            written.insert(name.clone(), json_schema(property, &at)?);
        }
        for name in fields.texts("required")? {
            if !properties.contains_key(name) {
                return Err(Refused::field(&fields.path("required"), "property is not defined"));
            }
        }
        schema.insert("properties".to_owned(), Value::Object(written));
    }
    if schema.get("type").is_some_and(|kind| kind == "array") && fields.get("items").is_none() {
        return Err(Refused::field(&fields.path("items"), "missing field."));
    }
    Ok(Value::Object(schema))
}

fn kind(fields: &Fields<'_>) -> Result<Option<&'static str>, Refused> {
    let Some(kind) = fields.text("type")? else { return Ok(None) };
    let lower = kind.to_ascii_lowercase();
    let known = KINDS.into_iter().find(|known| *known == lower);
    let path = || snake(&fields.path("type"));
    known.map(Some).ok_or_else(|| {
        Refused::type_of(&path(), "type.googleapis.com/google.ai.generativelanguage.v1beta.Type")
    })
}
