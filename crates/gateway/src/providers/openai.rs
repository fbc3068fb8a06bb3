//! Providers that speak OpenAI's protocol: OpenAI itself, Azure OpenAI, vLLM, llama.cpp's server and many more.
//! Only headers made here leave us: nothing of the caller's is forwarded.

use bytes::Bytes;
use flyball_core::Operation;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;

use super::{Inbound, InboundBody, Outbound};
use crate::edge::egress::{Egress, EgressError, Why};

/// An OpenAI-compatible provider.
#[derive(Debug)]
pub struct OpenAi {
    address: Address,
    /// What is sent with calls that expect a whole answer.
    headers: HeaderMap,
    /// What is sent with calls that expect events.
    stream_headers: HeaderMap,
}

/// Where calls go.
#[derive(Debug)]
enum Address {
    /// One address for each operation.
    Plain {
        /// None: the base is no URL, and every call is refused.
        chat: Option<Uri>,
        embeddings: Option<Uri>,
    },
    /// Azure's form: deployments in the path and this `api-version`.
    Azure { base: String, version: String },
}

/// Why a provider cannot be built from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum OpenAiError {
    /// The credential holds characters that no header may have.
    #[error("the api_key holds characters that cannot stand in a header")]
    ApiKey,
}

impl OpenAi {
    /// A provider at `base` (`https://api.openai.com/v1`), with the operator's extra headers.
    ///
    /// # Errors
    /// When the key cannot stand in a header.
    pub fn new(
        base: &str,
        api_key: Option<&str>,
        azure_version: Option<&str>,
        extra: &HeaderMap,
    ) -> Result<Self, OpenAiError> {
        let mut headers = extra.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Compressed events could not be passed on as they come.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(key) = api_key {
            let (name, text) = if azure_version.is_some() {
                (HeaderName::from_static("api-key"), key.to_owned())
            } else {
                (AUTHORIZATION, format!("Bearer {key}"))
            };
            let mut value = HeaderValue::from_str(&text).map_err(|_| OpenAiError::ApiKey)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let base = base.trim_end_matches('/');
        let address = match azure_version {
            Some(version) => Address::Azure { base: base.to_owned(), version: version.to_owned() },
            None => {
                let at = |operation| format!("{base}/{}", endpoint(operation)).parse().ok();
                Address::Plain { chat: at(Operation::Chat), embeddings: at(Operation::Embeddings) }
            }
        };
        let mut stream_headers = headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        stream_headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        Ok(OpenAi { address, headers, stream_headers })
    }

    fn uri(&self, outbound: &Outbound<'_>) -> Result<Uri, EgressError> {
        let uri = match (&self.address, outbound.operation) {
            (Address::Plain { embeddings, .. }, Operation::Embeddings) => embeddings.clone(),
            (Address::Plain { chat, .. }, _) => chat.clone(),
            (Address::Azure { base, version }, operation) => {
                let (deployment, endpoint) = (percent_encode(outbound.model), endpoint(operation));
                format!("{base}/openai/deployments/{deployment}/{endpoint}?api-version={version}")
                    .parse()
                    .ok()
            }
        };
        uri.ok_or(EgressError::Refused { why: Why::Host })
    }

    /// Sends a call.
    pub(super) async fn call(&self, egress: &Egress, outbound: Outbound<'_>) -> Result<Inbound, EgressError> {
        let uri = self.uri(&outbound)?;
        let mut request = Request::new(Full::<Bytes>::new(outbound.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.clone_from(if outbound.stream { &self.stream_headers } else { &self.headers });
        for (name, value) in outbound.headers {
            headers.insert(name, value.clone());
        }
        let (parts, body) = egress.send(request, outbound.bounds).await?.into_parts();
        Ok(Inbound { status: parts.status, headers: parts.headers, body: InboundBody::Wire(body) })
    }
}

/// The last part of an operation's path.
fn endpoint(operation: Operation) -> &'static str {
    match operation {
        Operation::Embeddings => "embeddings",
        _ => "chat/completions",
    }
}

/// RFC 3986 section 2.1, for one path segment.
fn percent_encode(segment: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(segment.len());
    for &byte in segment.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(openai: &OpenAi, model: &str, operation: Operation) -> String {
        let headers = HeaderMap::new();
        let bounds = crate::edge::egress::Bounds {
            named_by: crate::edge::egress::NamedBy::Operator,
            head_timeout: std::time::Duration::MAX,
            idle_timeout: std::time::Duration::MAX,
            body_limit: 0,
        };
        let outbound = Outbound {
            operation,
            dialect: None,
            model,
            body: Bytes::new(),
            headers: &headers,
            caller: &headers,
            stream: false,
            bounds,
        };
        openai.uri(&outbound).unwrap().to_string()
    }

    #[test]
    fn addresses_follow_both_forms() {
        let plain = OpenAi::new("https://x.org/v1/", Some("k"), None, &HeaderMap::new()).unwrap();
        assert_eq!(uri(&plain, "m", Operation::Chat), "https://x.org/v1/chat/completions");
        let azure = OpenAi::new("https://x.org", Some("k"), Some("2024-10-21"), &HeaderMap::new()).unwrap();
        assert_eq!(
            uri(&azure, "my model", Operation::Embeddings),
            "https://x.org/openai/deployments/my%20model/embeddings?api-version=2024-10-21"
        );
        assert!(azure.headers.contains_key("api-key") && !azure.headers.contains_key("authorization"));
        assert!(!format!("{plain:?}").contains("Bearer k"), "credentials are marked as sensitive");
    }
}
