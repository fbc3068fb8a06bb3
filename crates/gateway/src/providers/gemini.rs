//! Google's `generateContent`: the Gemini API, and the same on Vertex AI under another address and credential. The
//! model is in the address.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Uri};

use super::keys::{KeyError, KeyPool};
use super::{Headers, Inbound, Outbound, below, path_segment, send};
use crate::edge::egress::{Egress, EgressError, Why};

/// A provider that speaks `generateContent`.
#[derive(Debug)]
pub struct Gemini {
    base: String,
    /// What stands before the model's name.
    models: String,
    headers: Headers,
    keys: KeyPool,
}

impl Gemini {
    /// The Gemini API at `base` (`https://generativelanguage.googleapis.com`).
    ///
    /// # Errors
    /// When a key cannot stand in a header.
    pub fn new<'k>(
        base: &str,
        keys: impl IntoIterator<Item = &'k str>,
        extra: &HeaderMap,
    ) -> Result<Self, KeyError> {
        let base = base.trim_end_matches('/');
        Ok(Gemini {
            base: base.to_owned(),
            models: format!("{base}/v1beta/models/"),
            headers: Headers::new(extra),
            keys: KeyPool::new(HeaderName::from_static("x-goog-api-key"), "", keys)?,
        })
    }

    /// A project on Vertex AI, at `base` or where its location is served.
    ///
    /// # Errors
    /// When the token cannot stand in a header.
    pub fn vertex(
        base: Option<&str>,
        project: &str,
        location: &str,
        token: Option<&str>,
        extra: &HeaderMap,
    ) -> Result<Self, KeyError> {
        let base = match base {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None if location == "global" => "https://aiplatform.googleapis.com".to_owned(),
            None => format!("https://{location}-aiplatform.googleapis.com"),
        };
        let (project, location) = (path_segment(project), path_segment(location));
        Ok(Gemini {
            base: base.clone(),
            models: format!("{base}/v1/projects/{project}/locations/{location}/publishers/google/models/"),
            headers: Headers::new(extra),
            keys: KeyPool::new(AUTHORIZATION, "Bearer ", token)?,
        })
    }

    fn uri(&self, outbound: &Outbound<'_>) -> Result<Uri, EgressError> {
        if let Some(address) = outbound.address {
            return below(&self.base, address);
        }
        let method = if outbound.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        let uri = format!("{}{}:{method}", self.models, path_segment(outbound.model)).parse();
        uri.map_err(|_| EgressError::Refused { why: Why::Host })
    }

    /// Sends a call.
    pub(super) async fn call(&self, egress: &Egress, outbound: Outbound<'_>) -> Result<Inbound, EgressError> {
        let uri = self.uri(&outbound)?;
        let mut headers = self.headers.of(&outbound);
        let key = self.keys.sign(&mut headers);
        let inbound = send(egress, uri, headers, outbound).await?;
        key.answered(inbound.status, inbound.retry_after());
        Ok(inbound)
    }
}

#[cfg(test)]
mod tests {
    use flyball_core::Operation;
    use flyball_translation::Dialect;

    use super::*;
    use crate::providers::tests::outbound;

    #[test]
    fn models_are_in_the_address() {
        let asked = |gemini: &Gemini, stream| {
            let mut outbound = outbound("gemini 2", Operation::Chat, Some(Dialect::Gemini));
            outbound.stream = stream;
            gemini.uri(&outbound).unwrap().to_string()
        };
        let gemini = Gemini::new("https://x.org/", ["k"], &HeaderMap::new()).unwrap();
        assert_eq!(asked(&gemini, false), "https://x.org/v1beta/models/gemini%202:generateContent");
        assert_eq!(
            asked(&gemini, true),
            "https://x.org/v1beta/models/gemini%202:streamGenerateContent?alt=sse"
        );
        let vertex = Gemini::vertex(None, "p", "europe-west4", Some("t"), &HeaderMap::new()).unwrap();
        assert_eq!(
            asked(&vertex, false),
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/google/models/gemini%202:generateContent"
        );
        let global = Gemini::vertex(None, "p", "global", Some("t"), &HeaderMap::new()).unwrap();
        assert!(asked(&global, false).starts_with("https://aiplatform.googleapis.com/v1/projects/p/"));
    }
}
