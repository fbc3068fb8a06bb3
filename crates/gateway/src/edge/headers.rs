//! Headers that belong to the connection and not to what is said on it: the security headers of every answer,
//! the request id, and CORS. All values are static; nothing here reads a configuration file or a body.

mod cors;

pub use cors::{Cors, CorsError};
use http::HeaderMap;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// The header that carries the request id in both directions.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is accepted from a caller, in bytes.
pub const REQUEST_ID_MAX: usize = 128;

/// What an answer is to a browser that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Data: nothing in it may run, load or be framed.
    Data,
    /// A page of our own that runs the scripts and styles served beside it (the API browser).
    Scripted,
}

/// A policy for data: nothing may load, nobody may frame it.
const DATA_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// Scripts only from our own origin and never inline; the API browser sets style attributes and inlines its
/// icons.
const SCRIPTED_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// One year. Subdomains are not ours to speak for.
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Headers that every answer carries whatever it is.
static FIXED: [(HeaderName, HeaderValue); 8] = [
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-embedder-policy"), HeaderValue::from_static("require-corp")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
             microphone=(), payment=(), usb=()",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Adds the security headers to an answer. A header that the answer already has stays as it is.
/// `Strict-Transport-Security` goes out on TLS only, as RFC 6797 section 7.2 demands.
pub fn secure(headers: &mut HeaderMap, page: Page, tls: bool) {
    headers.reserve(FIXED.len() + 2);
    for (name, value) in &FIXED {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    headers.entry(CONTENT_SECURITY_POLICY).or_insert_with(|| match page {
        Page::Data => DATA_POLICY,
        Page::Scripted => SCRIPTED_POLICY,
    });
    if tls {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(TRANSPORT_SECURITY);
    }
}

/// The id of a request: the caller's `x-request-id` when there is exactly one and it is 1 to
/// [`REQUEST_ID_MAX`] visible ASCII characters, otherwise `fresh()`, which should be a UUID version 7.
pub fn request_id(headers: &HeaderMap, fresh: impl FnOnce() -> String) -> String {
    let mut given = headers.get_all(X_REQUEST_ID).iter();
    match (given.next(), given.next()) {
        (Some(value), None) => visible(value).map_or_else(fresh, str::to_owned),
        _ => fresh(),
    }
}

fn visible(value: &HeaderValue) -> Option<&str> {
    let bytes = value.as_bytes();
    let fits = (1..=REQUEST_ID_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    if fits { value.to_str().ok() } else { None }
}

#[cfg(test)]
mod tests;
