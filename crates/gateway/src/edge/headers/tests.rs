//! What goes out with every answer, and what a caller may put into a request id or an origin.

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, VARY,
};
use proptest::prelude::*;

use super::*;

const REQUIRED: [&str; 9] = [
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-embedder-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "cache-control",
    "x-content-type-options",
    "x-frame-options",
];

#[test]
fn every_security_header_is_there_and_transport_security_only_on_tls() {
    for (page, tls) in
        [(Page::Data, false), (Page::Data, true), (Page::Scripted, false), (Page::Scripted, true)]
    {
        let mut headers = HeaderMap::new();
        secure(&mut headers, page, tls);
        for name in REQUIRED {
            assert_eq!(headers.get_all(name).iter().count(), 1, "{name}");
        }
        assert_eq!(headers.contains_key("strict-transport-security"), tls);
    }
}

#[test]
fn a_header_that_the_answer_brings_is_kept() {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    secure(&mut headers, Page::Data, false);
    assert_eq!(headers.get_all(CACHE_CONTROL).iter().collect::<Vec<_>>(), ["max-age=60"]);
}

#[test]
fn only_scripted_pages_may_run_scripts_and_never_inline_ones() {
    let policy = |page| {
        let mut headers = HeaderMap::new();
        secure(&mut headers, page, false);
        headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    };
    assert!(!policy(Page::Data).contains("script-src"));
    assert!(policy(Page::Data).contains("default-src 'none'"));
    assert!(policy(Page::Scripted).contains("script-src 'self';"));
}

fn ids(values: &[&[u8]]) -> String {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(X_REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
    }
    request_id(&headers, || "fresh".to_owned())
}

#[test]
fn a_request_id_is_taken_only_when_it_is_single_short_and_visible() {
    assert_eq!(ids(&[b"abc-1"]), "abc-1");
    assert_eq!(ids(&[&[b'x'; 128]]), "x".repeat(128));
    assert_eq!(ids(&[&[b'x'; 129]]), "fresh");
    assert_eq!(ids(&[b""]), "fresh");
    assert_eq!(ids(&[b"two words"]), "fresh");
    assert_eq!(ids(&["gr\u{fc}n".as_bytes()]), "fresh");
    assert_eq!(ids(&[b"a", b"b"]), "fresh");
    assert_eq!(ids(&[]), "fresh");
}

proptest! {
    #[test]
    fn no_request_id_ever_holds_anything_but_visible_ascii(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, value);
            let id = request_id(&headers, || "fresh".to_owned());
            prop_assert!((1..=REQUEST_ID_MAX).contains(&id.len()));
            prop_assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}

fn preflight(origin: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ORIGIN, HeaderValue::from_static(origin));
    headers.insert("access-control-request-method", HeaderValue::from_static("POST"));
    headers.insert("access-control-request-headers", HeaderValue::from_static("authorization"));
    headers
}

#[test]
fn a_preflight_is_permitted_for_a_listed_origin_and_for_no_other() {
    let cors = Cors::new(&["https://app.example".to_owned()], false).unwrap();
    let answer = cors.preflight(&Method::OPTIONS, &preflight("https://app.example")).unwrap();
    assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
    assert_eq!(answer[ACCESS_CONTROL_ALLOW_HEADERS], "authorization");
    assert!(!answer.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    for origin in ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example"] {
        let answer = cors.preflight(&Method::OPTIONS, &preflight(origin)).unwrap();
        assert!(!answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{origin}");
    }
    assert!(cors.preflight(&Method::POST, &preflight("https://app.example")).is_none());
    assert!(cors.preflight(&Method::OPTIONS, &HeaderMap::new()).is_none());
}

#[test]
fn answers_name_the_origin_and_vary_by_it() {
    let cors = Cors::new(&["https://app.example".to_owned()], true).unwrap();
    let mut headers = HeaderMap::new();
    cors.permit(Some(&HeaderValue::from_static("https://app.example")), &mut headers);
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    let mut other = HeaderMap::new();
    cors.permit(Some(&HeaderValue::from_static("https://evil.example")), &mut other);
    assert!(!other.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    assert_eq!(other[VARY], "origin");
}

#[test]
fn every_origin_together_with_credentials_is_refused() {
    let every = ["*".to_owned()];
    assert_eq!(Cors::new(&every, true).unwrap_err(), CorsError::WildcardWithCredentials);
    let mut headers = HeaderMap::new();
    Cors::new(&every, false)
        .unwrap()
        .permit(Some(&HeaderValue::from_static("https://any.example")), &mut headers);
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}

#[test]
fn what_is_not_an_origin_is_named() {
    for text in [
        "app.example",
        "https://app.example/",
        "https://*.example",
        "https://App.example",
        "https://",
        "://x",
    ] {
        assert_eq!(
            Cors::new(&[text.to_owned()], false).unwrap_err(),
            CorsError::NotAnOrigin(text.to_owned()),
            "{text}"
        );
    }
}
