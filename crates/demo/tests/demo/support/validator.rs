//! Says whether a document satisfies a JSON Schema, for the keywords that the demo model understands. Written
//! apart from the generator, so that the two can disagree.

use serde_json::Value;

/// Whether `value` satisfies `schema`, whose references point into `root`.
pub(crate) fn satisfies(value: &Value, schema: &Value, root: &Value) -> bool {
    if let Some(target) = schema["$ref"].as_str() {
        return satisfies(value, root.pointer(&target[1..]).unwrap(), root);
    }
    let every = |key: &str| {
        schema[key].as_array().is_none_or(|all| all.iter().all(|part| satisfies(value, part, root)))
    };
    let some = |key: &str| {
        schema[key].as_array().is_none_or(|all| all.iter().any(|part| satisfies(value, part, root)))
    };
    every("allOf")
        && some("anyOf")
        && some("oneOf")
        && schema.get("const").is_none_or(|constant| constant == value)
        && schema["enum"].as_array().is_none_or(|options| options.contains(value))
        && type_fits(value, &schema["type"])
        && object_fits(value, schema, root)
        && array_fits(value, schema, root)
        && string_fits(value, schema)
        && number_fits(value, schema)
}

fn type_fits(value: &Value, kind: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| type_fits(value, kind)),
        Value::String(kind) => match kind.as_str() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("no type {other}"),
        },
        _ => true,
    }
}

fn object_fits(value: &Value, schema: &Value, root: &Value) -> bool {
    let Some(members) = value.as_object() else { return true };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let has_all = required.iter().all(|name| members.contains_key(name.as_str().unwrap()));
    has_all
        && members.iter().all(|(name, member)| match schema["properties"].get(name) {
            Some(property) => satisfies(member, property, root),
            None => schema["additionalProperties"] != false,
        })
}

fn array_fits(value: &Value, schema: &Value, root: &Value) -> bool {
    let Some(elements) = value.as_array() else { return true };
    let count = elements.len() as u64;
    let first = schema["prefixItems"].as_array().map_or(0, Vec::len);
    let items_fit = elements.iter().enumerate().all(|(at, element)| match schema["prefixItems"].get(at) {
        Some(own) => satisfies(element, own, root),
        None if at >= first && schema.get("items").is_some() => satisfies(element, &schema["items"], root),
        None => true,
    });
    items_fit
        && schema["minItems"].as_u64().is_none_or(|least| count >= least)
        && schema["maxItems"].as_u64().is_none_or(|most| count <= most)
}

fn string_fits(value: &Value, schema: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    let length = text.chars().count() as u64;
    schema["minLength"].as_u64().is_none_or(|least| length >= least)
        && schema["maxLength"].as_u64().is_none_or(|most| length <= most)
        && (schema["format"] != "email" || text.contains('@'))
}

fn number_fits(value: &Value, schema: &Value) -> bool {
    let Some(number) = value.as_f64() else { return true };
    schema["minimum"].as_f64().is_none_or(|bound| number >= bound)
        && schema["maximum"].as_f64().is_none_or(|bound| number <= bound)
        && schema["exclusiveMinimum"].as_f64().is_none_or(|bound| number > bound)
        && schema["exclusiveMaximum"].as_f64().is_none_or(|bound| number < bound)
        && schema["multipleOf"].as_f64().is_none_or(|step| number % step == 0.0)
}
