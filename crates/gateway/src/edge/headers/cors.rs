//! Cross-origin access (Fetch standard, section 3.2), off unless origins are configured. Origins are compared
//! as whole values; nothing is reflected that was not listed.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-request-id, x-flyball-request-id, x-flyball-action, x-flyball-receipt, x-flyball-cost, \
     x-flyball-model, x-flyball-cache, x-flyball-attempts, retry-after",
);
/// How long a browser may remember a preflight: ten minutes.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const VARIES: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// Why an origin list cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CorsError {
    /// `*` together with credentials would hand every site the user's session.
    #[error("the origin * cannot be combined with credentials; list the origins")]
    WildcardWithCredentials,
    /// Not of the form `scheme://host[:port]`.
    #[error("{0:?} is not an origin of the form scheme://host[:port]")]
    NotAnOrigin(String),
}

/// Which origins may read answers from a browser.
#[derive(Clone, Debug)]
pub struct Cors {
    origins: Vec<HeaderValue>,
    any: bool,
    credentials: bool,
}

impl Cors {
    /// Allows `origins` (`scheme://host[:port]`, lower case, or a single `*`). `credentials` lets browsers
    /// send cookies along; API keys in `Authorization` do not need it.
    ///
    /// # Errors
    /// See [`CorsError`].
    pub fn new(origins: &[String], credentials: bool) -> Result<Self, CorsError> {
        let any = origins.iter().any(|origin| origin == "*");
        if any && credentials {
            return Err(CorsError::WildcardWithCredentials);
        }
        let origins = origins
            .iter()
            .filter(|origin| *origin != "*")
            .map(|origin| parse_origin(origin).ok_or_else(|| CorsError::NotAnOrigin(origin.clone())))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Cors { origins, any, credentials })
    }

    /// The headers of the answer (204) to a preflight request; `None` when this is not a preflight. A
    /// preflight from an origin that is not allowed is answered without permission, which the browser takes
    /// as a no.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<HeaderMap> {
        let origin = headers.get(ORIGIN)?;
        if *method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut answer = HeaderMap::new();
        answer.insert(VARY, VARIES);
        if let Some(allowed) = self.allowed(origin) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            // SDKs add headers of their own that change with each version, so the list is given back; the
            // origin was allowed by name, and no header grants anything by itself.
            if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
            }
            self.allow_credentials(&mut answer);
        }
        Some(answer)
    }

    /// Adds the permission to read an answer to a request that came from `origin`.
    pub fn permit(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if !self.any {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(allowed) = origin.and_then(|origin| self.allowed(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            self.allow_credentials(headers);
        }
    }

    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.any {
            return Some(HeaderValue::from_static("*"));
        }
        self.origins.iter().find(|listed| *listed == origin).cloned()
    }

    fn allow_credentials(&self, headers: &mut HeaderMap) {
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// An origin is a scheme and an authority and nothing else (RFC 6454 section 7).
fn parse_origin(text: &str) -> Option<HeaderValue> {
    let (scheme, authority) = text.split_once("://")?;
    let plain = !scheme.is_empty()
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
        && !authority.is_empty()
        && authority.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
        && !authority.contains(['/', '?', '#', '@', '*']);
    if plain { HeaderValue::from_str(text).ok() } else { None }
}
