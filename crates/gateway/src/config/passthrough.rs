//! Settings of passthrough: paths below which calls go to one provider as they are.

use std::collections::BTreeMap;

use flyball_core::LawfulBasis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::lawful_basis_schema;

/// The first segments of the gateway's own paths.
const OWN: [&str; 10] =
    ["v1", "proxy", "process", "filter", "rules", "health", "metrics", "docs", "openapi.json", "admin"];

/// Calls that are passed to one provider. Every string of path, query and JSON bodies is inspected, and so is what
/// comes back; keys may use it when their model patterns match its name. What the provider keeps belongs to its account:
/// every key that may pass here can reach it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Passthrough {
    /// Where the path of such calls begins, as `/custom`. What follows is appended to the provider's `base_url`.
    #[schemars(extend("format" = "path-prefix"))]
    pub path: String,
    /// The name of the provider.
    #[schemars(extend("format" = "name"))]
    pub provider: String,
    /// The methods that may be used.
    #[serde(default = "post")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub methods: Vec<PassedMethod>,
    /// Whether bodies that are no JSON may pass. What of them is text is inspected; the rest is unseen.
    #[serde(default)]
    pub media: bool,
    /// Headers that these calls carry, besides and before the provider's.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
    /// Whether a request may name what the provider keeps of other calls (earlier answers, conversations, files), in
    /// fields that are known for it. Paths can lead there whatever this says: `methods` bounds what is done there.
    #[serde(default)]
    pub stored_state: bool,
    /// The ground on which personal data goes this way, for rules that read `request.lawful_basis`.
    #[serde(default)]
    #[schemars(schema_with = "lawful_basis_schema")]
    pub lawful_basis: Option<LawfulBasis>,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum PassedMethod {
    /// Reads.
    Get,
    /// Asks, or makes something.
    Post,
    /// Replaces something.
    Put,
    /// Changes something.
    Patch,
    /// Removes something.
    Delete,
}

impl PassedMethod {
    /// The method.
    pub fn method(self) -> http::Method {
        match self {
            PassedMethod::Get => http::Method::GET,
            PassedMethod::Post => http::Method::POST,
            PassedMethod::Put => http::Method::PUT,
            PassedMethod::Patch => http::Method::PATCH,
            PassedMethod::Delete => http::Method::DELETE,
        }
    }
}

fn post() -> Vec<PassedMethod> {
    vec![PassedMethod::Post]
}

/// Whether `text` is a path in lower case that is none of the gateway's own.
pub(super) fn is_path_prefix(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    let segment = |s: &str| !s.is_empty() && !s.starts_with('.') && s.bytes().all(plain);
    text.len() <= 128
        && text.strip_prefix('/').is_some_and(|path| {
            path.split('/').all(segment) && !path.split('/').next().is_some_and(|first| OWN.contains(&first))
        })
}

/// What of `path` follows `prefix`, if it lies there: nothing, or a path from its slash on.
pub fn below<'p>(prefix: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_paths_that_nothing_of_ours_lies_under() {
        for good in ["/custom", "/vendor/v1", "/a-b_c.d/e"] {
            assert!(is_path_prefix(good), "{good}");
        }
        for bad in [
            "", "/", "custom", "/a/", "//a", "/v1/x", "/docs", "/..", "/a/../b", "/A", "/a b", "/a?b",
            "/a%20",
        ] {
            assert!(!is_path_prefix(bad), "{bad}");
        }
    }

    #[test]
    fn a_path_lies_below_a_prefix_by_whole_segments() {
        assert_eq!(below("/a", "/a"), Some(""));
        assert_eq!(below("/a", "/a/b"), Some("/b"));
        assert_eq!(below("/a", "/ab"), None);
        assert_eq!(below("/a", "/b"), None);
    }
}
