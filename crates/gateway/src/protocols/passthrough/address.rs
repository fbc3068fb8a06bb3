//! Where a passed call goes, below its provider's base: a path and a query that name nothing above or beside it.
//! Scheme, host and credential are the provider's and not spoken of here.

use std::fmt::Write as _;

use http::Method;

use crate::protocols::wrong_type;
use crate::refusal::Refusal;

/// Parameters that hold credentials somewhere: ours goes along, and the caller's is nobody else's business.
const CREDENTIALS: [&str; 7] = ["key", "api_key", "api-key", "apikey", "access_token", "token", "sig"];

/// The part of an address that a caller chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The method.
    pub method: Method,
    /// Empty, or from the first slash on; as it came.
    path: String,
    /// As it came, without its question mark.
    query: Option<String>,
}

impl Address {
    /// A path, empty or from a slash on, and a query.
    ///
    /// # Errors
    /// A refusal when the path could lead elsewhere than below the base, or the query holds a credential.
    pub(super) fn new(method: Method, path: &str, query: Option<&str>) -> Result<Self, Refusal> {
        let address = Address { method, path: path.to_owned(), query: query.map(str::to_owned) };
        address.segments()?;
        for (key, _) in address.pairs()? {
            if CREDENTIALS.contains(&key.to_ascii_lowercase().as_str()) {
                return Err(wrong_type("query", "without credentials: the key belongs in a header"));
            }
        }
        Ok(address)
    }

    /// What follows the base.
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The parameter `key` of the query, whatever it holds.
    pub fn asks(&self, key: &str) -> bool {
        self.query.iter().flat_map(|query| query.split('&')).any(|pair| pair.split('=').next() == Some(key))
    }

    /// The segments of the path, decoded (RFC 3986, section 3.3).
    pub(super) fn segments(&self) -> Result<Vec<String>, Refusal> {
        let Some(path) = self.path.strip_prefix('/') else { return Ok(Vec::new()) };
        let mut segments: Vec<String> = Vec::new();
        let count = path.split('/').count();
        for (position, raw) in path.split('/').enumerate() {
            let segment = decode(raw, false).filter(|segment| stays_below(segment));
            match segment {
                Some(segment) if !segment.is_empty() || position + 1 == count => segments.push(segment),
                _ => {
                    return Err(wrong_type(
                        "path",
                        "one that leads below the passthrough, segment by segment",
                    ));
                }
            }
        }
        Ok(segments)
    }

    /// The parameters of the query, decoded (WHATWG URL, section 5.1).
    pub(super) fn pairs(&self) -> Result<Vec<(String, String)>, Refusal> {
        let pairs = self.query.iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(key, true)?, decode(value, true)?))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| wrong_type("query", "encoded UTF-8"))
    }

    /// The same address with other words in it. What is not changed stays as it was written.
    pub(super) fn rewritten(
        self,
        segments: Vec<String>,
        pairs: Vec<(String, String)>,
    ) -> Result<Self, Refusal> {
        let mut address = self;
        if segments != address.segments()? {
            address.path = segments.iter().fold(String::new(), |path, segment| path + "/" + &encode(segment));
        }
        if pairs != address.pairs()? {
            let pairs: Vec<String> =
                pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
            address.query = Some(pairs.join("&"));
        }
        Ok(address)
    }
}

/// Whether a decoded segment is a name in its folder, to every reader, also one who decodes it once more.
fn stays_below(segment: &str) -> bool {
    let mut seen = segment.to_owned();
    loop {
        let bad = |c: char| c.is_control() || c == '/' || c == '\\';
        // A parameter behind a dot segment is dropped by some readers.
        let name = seen.split(';').next().unwrap_or_default();
        if seen.contains(bad) || matches!(name, "." | "..") {
            return false;
        }
        match decode(&seen, false) {
            Some(again) if again != seen => seen = again,
            // A percent sign that encodes nothing is just one.
            _ => return true,
        }
    }
}

/// Percent-decoding (RFC 3986, section 2.1); none when an escape is none, or no UTF-8 comes of it.
fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
                u8::try_from(value).ok()?
            }
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(path: &str, query: Option<&str>) -> Result<Address, Refusal> {
        Address::new(Method::GET, path, query)
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in [
            "/..",
            "/a/../b",
            "/.",
            "/%2e%2e/a",
            "/.%2E",
            "/%252e%252e",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "//a",
            "/a//b",
            "/..;x=1/a",
            "/%00",
            "/%0a",
            "/%zz",
            "/%ff",
            "/%25252e%25252e/a",
        ] {
            assert_eq!(address(path, None).unwrap_err().field.as_deref(), Some("path"), "{path}");
        }
        for path in [
            "",
            "/",
            "/a",
            "/a/",
            "/a.b/..c/d..",
            "/models/g:generate",
            "/100%25",
            "/a%20b",
            "/...",
            "/%C3%A9",
        ] {
            assert_eq!(address(path, None).unwrap().target(), path);
        }
    }

    #[test]
    fn credentials_in_a_query_are_refused() {
        for query in ["key=a", "x=1&API_KEY=b", "access%5Ftoken=c", "sig"] {
            assert_eq!(address("/a", Some(query)).unwrap_err().field.as_deref(), Some("query"), "{query}");
        }
        assert!(address("/a", Some("%zz=1")).is_err());
        assert!(address("/a", Some("alt=sse&pageToken=x")).unwrap().asks("alt"));
    }

    #[test]
    fn what_is_rewritten_is_encoded_and_the_rest_stays() {
        let first = address("/a/x@y.org", Some("q=x%40y.org&r=1+2")).unwrap();
        let pairs = first.pairs().unwrap();
        let path = first.clone().rewritten(vec!["a".into(), "<email>".into()], pairs).unwrap();
        assert_eq!(path.target(), "/a/%3Cemail%3E?q=x%40y.org&r=1+2");
        let pairs = vec![("q".into(), "<email>".into()), ("r".into(), "1 2".into())];
        let query = first.clone().rewritten(first.segments().unwrap(), pairs).unwrap();
        assert_eq!(query.target(), "/a/x@y.org?q=%3Cemail%3E&r=1%202");
    }

    proptest! {
        #[test]
        fn an_accepted_path_has_no_dot_segment_however_often_it_is_decoded(path in "(/(%25|%2[eE]|%2[fF]|[.a/;%2e]){0,6}){1,3}") {
            if let Ok(address) = address(&path, None) {
                let mut seen = address.target();
                for _ in 0..8 {
                    for segment in seen.split('/') {
                        let name = segment.split(';').next().unwrap_or_default();
                        prop_assert!(name != ".." && name != ".", "{} in {}", segment, path);
                    }
                    match decode(&seen, false) {
                        Some(again) => seen = again,
                        None => break,
                    }
                }
            }
        }
    }
}
