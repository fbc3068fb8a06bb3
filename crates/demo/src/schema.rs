//! From a JSON Schema to a document that satisfies it, filled with what the prompt offers.
//!
//! Understood: `type`, `properties`, `required`, `items`, `prefixItems`, `enum`, `const`, `anyOf`, `oneOf`,
//! `allOf`, local `$ref`, lengths, bounds, `multipleOf` and the common string formats. Not understood, so not
//! guaranteed: `pattern`, `not`, conditionals, `uniqueItems`, `minProperties`.

use serde_json::{Map, Number, Value, json};

use crate::hints::Hints;

/// Below this depth only what is required is made.
const SPARSE_DEPTH: usize = 6;
/// Below this depth a schema that requires itself for ever gets `null`.
const LAST_DEPTH: usize = 32;
/// The most values of one document. Schemas that branch into themselves grow without end otherwise.
const MOST_VALUES: usize = 20_000;
/// The most elements or characters that a lower bound can ask for.
const LARGEST: u64 = 10_000;

/// A document that satisfies `schema`.
pub(crate) fn generate(schema: &Value, hints: &mut Hints) -> Value {
    Generator { root: schema, hints, left: MOST_VALUES }.value(schema, "", 0)
}

struct Generator<'s, 'h> {
    root: &'s Value,
    hints: &'h mut Hints,
    /// How many values may still be made.
    left: usize,
}

impl<'s> Generator<'s, '_> {
    /// A value for `schema`, which stands under the property `name`.
    fn value(&mut self, schema: &'s Value, name: &str, depth: usize) -> Value {
        if self.left == 0 {
            return Value::Null;
        }
        self.left -= 1;
        if depth > LAST_DEPTH {
            return Value::Null;
        }
        if let Some(target) = text(schema, "$ref") {
            let pointer = target.strip_prefix('#').unwrap_or(target);
            return match self.root.pointer(pointer) {
                Some(target) => self.value(target, name, depth + 1),
                None => Value::Null,
            };
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(options) = list(schema, "enum") {
            return self.option(options);
        }
        if let Some(options) = list(schema, "anyOf").or_else(|| list(schema, "oneOf")) {
            return self.alternative(options, name, depth);
        }
        if let Some(parts) = list(schema, "allOf") {
            return self.merged(schema, parts, name, depth);
        }
        match kind(schema) {
            "object" => Value::Object(self.object(schema, depth)),
            "array" => self.array(schema, name, depth),
            "string" => Value::String(self.string(schema, name)),
            "integer" => self.number(schema, true),
            "number" => self.number(schema, false),
            "boolean" => Value::Bool(true),
            _ => Value::Null,
        }
    }

    /// The option that the prompt mentions, or the first.
    fn option(&self, options: &[Value]) -> Value {
        let mentioned =
            options.iter().find(|option| option.as_str().is_some_and(|text| self.hints.mentions(text)));
        mentioned.or(options.first()).cloned().unwrap_or(Value::Null)
    }

    /// Deep down the alternative that does not nest, elsewhere the first that is not null.
    fn alternative(&mut self, options: &'s [Value], name: &str, depth: usize) -> Value {
        let flat =
            |option: &&Value| option.get("$ref").is_none() && !matches!(kind(option), "object" | "array");
        let chosen = if depth >= SPARSE_DEPTH { options.iter().find(flat) } else { None };
        let chosen = chosen.or_else(|| options.iter().find(|option| kind(option) != "null"));
        match chosen.or(options.first()) {
            Some(option) => self.value(option, name, depth + 1),
            None => Value::Null,
        }
    }

    /// The union of objects; for other types the first part that says anything.
    fn merged(&mut self, schema: &'s Value, parts: &'s [Value], name: &str, depth: usize) -> Value {
        let mut members = self.object(schema, depth);
        let mut other = None;
        for part in parts {
            match self.value(part, name, depth + 1) {
                Value::Object(more) => members.extend(more),
                value => other = other.or(Some(value)),
            }
        }
        match other {
            Some(value) if members.is_empty() => value,
            _ => Value::Object(members),
        }
    }

    fn object(&mut self, schema: &'s Value, depth: usize) -> Map<String, Value> {
        let mut members = Map::new();
        let required = list(schema, "required").unwrap_or_default();
        let is_required = |name: &str| required.iter().any(|entry| entry.as_str() == Some(name));
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                if depth < SPARSE_DEPTH || is_required(name) {
                    members.insert(name.clone(), self.value(property, name, depth + 1));
                }
            }
        }
        for name in required.iter().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                members.insert(name.to_owned(), Value::String(format!("example {name}")));
            }
        }
        members
    }

    fn array(&mut self, schema: &'s Value, name: &str, depth: usize) -> Value {
        let least = bound(schema, "minItems").unwrap_or(0);
        let most = bound(schema, "maxItems").unwrap_or(u64::MAX);
        let wanted = if depth < SPARSE_DEPTH { 2 } else { 0 };
        let count = wanted.max(least).min(most).min(LARGEST);
        let first = list(schema, "prefixItems").unwrap_or_default();
        let items = schema.get("items");
        let mut elements = Vec::new();
        for at in 0..count {
            let place = usize::try_from(at).ok();
            let element = match place.and_then(|at| first.get(at)).or(items) {
                Some(Value::Bool(false)) => break,
                Some(schema) => self.value(schema, name, depth + 1),
                None => json!(at + 1),
            };
            elements.push(element);
        }
        Value::Array(elements)
    }

    fn string(&mut self, schema: &Value, name: &str) -> String {
        if let Some(format) = text(schema, "format").and_then(formatted) {
            return format.to_owned();
        }
        let least = bound(schema, "minLength").unwrap_or(0).min(LARGEST);
        let most = bound(schema, "maxLength").unwrap_or(u64::MAX);
        let fallback = || format!("example {}", if name.is_empty() { "text" } else { name });
        let mut text = self.hints.string().unwrap_or_else(fallback);
        let mut length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        if length > most {
            text = text.chars().take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
        }
        while length < least {
            text.push('x');
            length += 1;
        }
        text
    }

    fn number(&mut self, schema: &Value, whole: bool) -> Value {
        let step = real(schema, "multipleOf").filter(|step| *step > 0.0);
        let least = real(schema, "minimum").or(real(schema, "exclusiveMinimum"));
        let most = real(schema, "maximum").or(real(schema, "exclusiveMaximum"));
        let fits = |number: f64| {
            (!whole || number.fract() == 0.0)
                && step.is_none_or(|step| (number / step).fract() == 0.0)
                && real(schema, "minimum").is_none_or(|bound| number >= bound)
                && real(schema, "maximum").is_none_or(|bound| number <= bound)
                && real(schema, "exclusiveMinimum").is_none_or(|bound| number > bound)
                && real(schema, "exclusiveMaximum").is_none_or(|bound| number < bound)
        };
        if let Some(number) = self.hints.number()
            && number.as_f64().is_some_and(fits)
        {
            return Value::Number(number);
        }
        // A grid of the step (of ones where there is none), from the bound that exists; between two close bounds
        // of a real number, their middle.
        let grid = step.unwrap_or(1.0);
        let start = match (least, most) {
            (Some(least), _) => (least / grid).ceil() * grid,
            (None, Some(most)) => (most / grid).floor() * grid,
            (None, None) => grid,
        };
        let middle = least.zip(most).map(|(least, most)| f64::midpoint(least, most));
        let candidates = [grid, 0.0, start, start + grid, start - grid].into_iter().chain(middle);
        let chosen = candidates.into_iter().find(|number| fits(*number)).unwrap_or(start);
        number(chosen)
    }
}

/// A JSON number; whole ones without a fraction, as schemas of type `integer` want them.
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = if value.fract() == 0.0 && value.abs() <= EXACT {
        format!("{value:.0}").parse::<i64>().ok()
    } else {
        None
    };
    if let Some(whole) = whole {
        return Value::from(whole);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The type that a schema asks for, or that its keywords suggest.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() || schema.get("required").is_some() => "object",
        _ if schema.get("items").is_some() || schema.get("prefixItems").is_some() => "array",
        _ if schema.get("minimum").is_some() || schema.get("maximum").is_some() => "number",
        _ => "string",
    }
}

/// An example of a string format (JSON Schema 2020-12 Validation, section 7.3).
fn formatted(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2026-01-01",
        "time" => "12:00:00Z",
        "date-time" => "2026-01-01T12:00:00Z",
        "duration" => "PT1H",
        "email" | "idn-email" => "alex.example@example.com",
        "hostname" | "idn-hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "iri" | "uri-reference" => "https://example.com/",
        "uuid" => "0190a8c0-0000-7000-8000-000000000001",
        _ => return None,
    })
}

fn text<'s>(schema: &'s Value, key: &str) -> Option<&'s str> {
    schema.get(key).and_then(Value::as_str)
}

fn list<'s>(schema: &'s Value, key: &str) -> Option<&'s [Value]> {
    schema.get(key).and_then(Value::as_array).map(Vec::as_slice)
}

fn bound(schema: &Value, key: &str) -> Option<u64> {
    schema.get(key).and_then(Value::as_u64)
}

fn real(schema: &Value, key: &str) -> Option<f64> {
    schema.get(key).and_then(Value::as_f64)
}
