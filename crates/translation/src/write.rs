//! Writing JSON without a tree: members and items in the order in which they are put, commas where they belong.

use flyball_core::json::escape_into;

/// A JSON text in the making.
#[derive(Debug)]
pub(crate) struct Json {
    out: Vec<u8>,
    /// Whether the next value is the first of its object or array.
    first: bool,
}

impl Json {
    /// With room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Json { out: Vec::with_capacity(bytes), first: true }
    }

    /// What was written.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    /// Begins a member: its value must follow. `name` has nothing that must be escaped: names are the dialects'.
    pub(crate) fn key(&mut self, name: &'static str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.first = true;
        self
    }

    /// An object.
    pub(crate) fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.comma();
        self.out.push(b'{');
        self.first = true;
        members(self);
        self.out.push(b'}');
        self.first = false;
    }

    /// An array.
    pub(crate) fn array(&mut self, items: impl FnOnce(&mut Self)) {
        self.comma();
        self.out.push(b'[');
        self.first = true;
        items(self);
        self.out.push(b']');
        self.first = false;
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) {
        self.comma();
        self.out.push(b'"');
        escape_into(text, &mut self.out);
        self.out.push(b'"');
    }

    /// A value that is JSON already; for numbers, words and what is carried as it was written.
    pub(crate) fn raw(&mut self, json: &str) {
        self.comma();
        self.out.extend_from_slice(json.as_bytes());
    }

    /// A whole number.
    pub(crate) fn number(&mut self, number: u64) {
        use std::io::Write as _;
        self.comma();
        match u8::try_from(number) {
            // Most numbers are indexes.
            Ok(digit @ 0..10) => self.out.push(b'0' + digit),
            _ => {
                // Writing into a vector does not fail.
                let _ = write!(self.out, "{number}");
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    /// Members that are JSON already, without the braces around them; nothing when there are none.
    pub(crate) fn members(&mut self, members: &str) {
        if !members.is_empty() {
            self.raw(members);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_values_and_nowhere_else() {
        let mut json = Json::with_capacity(64);
        json.object(|json| {
            json.key("a").text("x\n\"");
            json.key("b").array(|json| {
                json.number(1);
                json.object(|_| {});
                json.array(|json| json.boolean(true));
                json.raw("null");
            });
            json.members("");
            json.members(r#""c":2,"d":3"#);
            json.key("e").object(|json| json.key("f").number(4));
        });
        let text = String::from_utf8(json.finish()).unwrap();
        assert_eq!(text, r#"{"a":"x\n\"","b":[1,{},[true],null],"c":2,"d":3,"e":{"f":4}}"#);
    }
}
