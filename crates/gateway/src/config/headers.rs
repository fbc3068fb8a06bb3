//! Which headers an operator may add to calls towards a provider. Credentials have their own setting, and what
//! belongs to the connection or to us is set by the code that sends.

const CREDENTIALS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "cookie",
    "set-cookie",
];

/// RFC 9110 section 7.6.1, and what frames or negotiates a message.
const CONNECTION: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why `name` cannot be set, with the remedy.
pub(super) fn forbidden(name: &str) -> Option<(&'static str, &'static str)> {
    let name = name.to_ascii_lowercase();
    if CREDENTIALS.contains(&name.as_str()) {
        Some(("credentials cannot be set as a header", "use the provider's api_key"))
    } else if CONNECTION.contains(&name.as_str()) || name.starts_with("x-flyball-") {
        Some(("the gateway sets this header itself", "remove it"))
    } else {
        None
    }
}
