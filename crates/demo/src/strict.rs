//! Reading a document as strictly as a vendor does: a field knows where it stands, so that whatever is wrong with it
//! can be named. Which fields there are, and how a breach is worded, is the dialect's business.

use serde_json::{Map, Value};

/// A value of a document, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'p, 'v> {
    parent: Option<&'p Field<'p, 'v>>,
    segment: Segment<'v>,
    value: &'v Value,
}

/// One step of a path through a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'v> {
    /// The document itself.
    Root,
    /// A member of an object.
    Key(&'v str),
    /// An element of an array.
    At(usize),
}

/// What is wrong with a document, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// The place, as a path of keys and positions.
    pub(crate) path: Vec<Place>,
    pub(crate) wrong: Wrong,
}

/// A step of the path to a breach.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Key(String),
    At(usize),
}

/// The ways in which a field can be wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is required and was not sent.
    Missing,
    /// It is of another type than this one, which is named with its article.
    Type(&'static str),
    /// There is no such field.
    Extra,
    /// Its value does not do, for this reason: a sentence without the field's name.
    Value(String),
}

impl<'p, 'v> Field<'p, 'v> {
    /// The whole document.
    pub(crate) fn root(value: &'v Value) -> Self {
        Field { parent: None, segment: Segment::Root, value }
    }

    pub(crate) fn value(&self) -> &'v Value {
        self.value
    }

    /// A member; `None` when it is absent or null.
    pub(crate) fn get<'s>(&'s self, key: &'v str) -> Option<Field<'s, 'v>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Field { parent: Some(self), segment: Segment::Key(key), value })
    }

    /// A member that must be there.
    pub(crate) fn need<'s>(&'s self, key: &'v str) -> Result<Field<'s, 'v>, Breach> {
        self.get(key).ok_or_else(|| self.missing(key))
    }

    /// The text of a member that must be there.
    pub(crate) fn need_text(&self, key: &'v str) -> Result<&'v str, Breach> {
        self.need(key)?.text()
    }

    /// The text of a member that may be there.
    pub(crate) fn get_text(&self, key: &'v str) -> Result<Option<&'v str>, Breach> {
        self.get(key).map(|field| field.text()).transpose()
    }

    /// The truth of a member that may be there.
    pub(crate) fn get_flag(&self, key: &'v str) -> Result<Option<bool>, Breach> {
        self.get(key).map(|field| field.flag()).transpose()
    }

    /// Checks a member that may be there: a number within these bounds, which are included.
    pub(crate) fn get_number(&self, key: &'v str, least: f64, most: f64) -> Result<Option<f64>, Breach> {
        let Some(field) = self.get(key) else { return Ok(None) };
        let number = field.value.as_f64().ok_or_else(|| field.wrong_type("a number"))?;
        if number < least {
            return Err(field.wrong(format!("Input should be greater than or equal to {least}")));
        }
        if number > most {
            return Err(field.wrong(format!("Input should be less than or equal to {most}")));
        }
        Ok(Some(number))
    }

    /// Checks a member that may be there: a whole number that is not below `least`.
    pub(crate) fn get_whole(&self, key: &'v str, least: i64) -> Result<Option<i64>, Breach> {
        let Some(field) = self.get(key) else { return Ok(None) };
        let number = field.value.as_i64().ok_or_else(|| field.wrong_type("an integer"))?;
        if number < least {
            return Err(field.wrong(format!("Input should be greater than or equal to {least}")));
        }
        Ok(Some(number))
    }

    /// Checks a member that may be there: one of these words.
    pub(crate) fn get_word(&self, key: &'v str, words: &[&str]) -> Result<Option<&'v str>, Breach> {
        self.get(key).map(|field| field.word(words)).transpose()
    }

    pub(crate) fn text(&self) -> Result<&'v str, Breach> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    pub(crate) fn flag(&self) -> Result<bool, Breach> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("a boolean"))
    }

    pub(crate) fn object(&self) -> Result<&'v Map<String, Value>, Breach> {
        self.value.as_object().ok_or_else(|| self.wrong_type("an object"))
    }

    /// The elements of an array.
    pub(crate) fn items<'s>(&'s self) -> Result<impl Iterator<Item = Field<'s, 'v>>, Breach> {
        let values = self.value.as_array().ok_or_else(|| self.wrong_type("an array"))?;
        let item = move |(at, value)| Field { parent: Some(self), segment: Segment::At(at), value };
        Ok(values.iter().enumerate().map(item))
    }

    /// One of these words.
    pub(crate) fn word(&self, words: &[&str]) -> Result<&'v str, Breach> {
        let word = self.text()?;
        if words.contains(&word) {
            return Ok(word);
        }
        Err(self.wrong(format!("Input should be one of: {}", words.join(", "))))
    }

    /// Checks that this is an object without other members than these.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Breach> {
        match self.object()?.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.beneath(key, Wrong::Extra)),
        }
    }

    /// The member `key` is missing.
    pub(crate) fn missing(&self, key: &str) -> Breach {
        self.beneath(key, Wrong::Missing)
    }

    /// This value does not do.
    pub(crate) fn wrong(&self, reason: impl Into<String>) -> Breach {
        Breach { path: self.path(), wrong: Wrong::Value(reason.into()) }
    }

    /// This value is of another type than that.
    pub(crate) fn wrong_type(&self, expected: &'static str) -> Breach {
        Breach { path: self.path(), wrong: Wrong::Type(expected) }
    }

    fn beneath(&self, key: &str, wrong: Wrong) -> Breach {
        let mut path = self.path();
        path.push(Place::Key(key.to_owned()));
        Breach { path, wrong }
    }

    fn path(&self) -> Vec<Place> {
        let mut path = self.parent.map(Field::path).unwrap_or_default();
        match self.segment {
            Segment::Root => {}
            Segment::Key(key) => path.push(Place::Key(key.to_owned())),
            Segment::At(at) => path.push(Place::At(at)),
        }
        path
    }
}

/// Whether this is one of the names that vendors allow for tools and calls: letters, digits, underscores and
/// hyphens, at least one and at most so many.
pub(crate) fn is_name(name: &str, most: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= most && name.bytes().all(allowed)
}

/// The first object of a JSON Schema that takes members it does not list; `None` when all are closed. Vendors that
/// force their output into a schema refuse open ones.
pub(crate) fn open_object(schema: &Value) -> Option<&Value> {
    let is_object = schema.get("type").is_some_and(|kind| match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "object"),
        kind => kind == "object",
    });
    if is_object && schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Some(schema);
    }
    parts(schema).find_map(open_object)
}

/// A property of a JSON Schema that its object does not require; `None` when all are required.
pub(crate) fn optional_property(schema: &Value) -> Option<&str> {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| {
        required.is_some_and(|names| names.iter().any(|required| required.as_str() == Some(name)))
    };
    let mut names = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let own = names.find(|name| !is_required(name)).map(String::as_str);
    own.or_else(|| parts(schema).find_map(optional_property))
}

/// The schemas directly within a schema.
fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    let member = |key: &str| schema.get(key);
    let named = ["properties", "$defs", "definitions"].into_iter().filter_map(member);
    let listed = ["anyOf", "allOf", "oneOf", "prefixItems"].into_iter().filter_map(member);
    let named = named.filter_map(Value::as_object).flat_map(Map::values);
    named.chain(listed.filter_map(Value::as_array).flatten()).chain(schema.get("items"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_breach_names_the_way_to_its_field() {
        let document = json!({"list": [{"name": 5, "more": true}]});
        let root = Field::root(&document);
        let list = root.need("list").unwrap();
        let item = list.items().unwrap().next().unwrap();
        let way = |last: &str| vec![Place::Key("list".to_owned()), Place::At(0), Place::Key(last.to_owned())];
        assert_eq!(item.need_text("name"), Err(Breach { path: way("name"), wrong: Wrong::Type("a string") }));
        assert_eq!(item.need_text("other"), Err(Breach { path: way("other"), wrong: Wrong::Missing }));
        assert_eq!(item.only(&["name"]), Err(Breach { path: way("more"), wrong: Wrong::Extra }));
        assert_eq!(item.only(&["name", "more"]), Ok(()));
    }

    #[test]
    fn an_open_object_is_found_at_any_depth() {
        let closed = json!({"type": "object", "additionalProperties": false, "required": ["a"],
            "properties": {"a": {"type": "array", "items": {"type": "string"}}}});
        assert_eq!((open_object(&closed), optional_property(&closed)), (None, None));
        let open = json!({"type": "array", "items": {"anyOf": [{"type": ["object", "null"],
            "properties": {"b": {"type": "string"}}}]}});
        assert!(open_object(&open).is_some());
        assert_eq!(optional_property(&open), Some("b"));
    }
}
