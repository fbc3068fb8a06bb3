//! Providers that speak OpenAI's protocol: OpenAI itself, Azure OpenAI, vLLM, llama.cpp's server and many more.
//! Only headers made here leave us: nothing of the caller's is forwarded, but for what is passed on as it is, which may
//! say what novelties it uses.

use flyball_core::Operation;
use flyball_translation::Dialect;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Uri};

use super::keys::{KeyError, KeyPool};
use super::{Headers, Inbound, Outbound, below, path_segment, send};
use crate::config::Native;
use crate::edge::egress::{Egress, EgressError, Why};

const BETA: HeaderName = HeaderName::from_static("openai-beta");

/// An OpenAI-compatible provider.
#[derive(Debug)]
pub struct OpenAi {
    address: Address,
    headers: Headers,
    keys: KeyPool,
    native: Vec<Native>,
}

/// Where calls go.
#[derive(Debug)]
enum Address {
    /// One for each endpoint.
    Plain(Box<Endpoints>),
    /// Azure's form: deployments in the path and this `api-version`.
    Azure { base: String, version: String },
}

/// Addresses of endpoints. None: the base is no URL, and every call is refused.
#[derive(Debug)]
struct Endpoints {
    base: String,
    chat: Option<Uri>,
    embeddings: Option<Uri>,
    responses: Option<Uri>,
    completions: Option<Uri>,
}

impl OpenAi {
    /// A provider at `base` (`https://api.openai.com/v1`), with the operator's extra headers, that speaks these
    /// dialects besides chat completions.
    ///
    /// # Errors
    /// When a key cannot stand in a header.
    pub fn new<'k>(
        base: &str,
        keys: impl IntoIterator<Item = &'k str>,
        native: Vec<Native>,
        extra: &HeaderMap,
    ) -> Result<Self, KeyError> {
        let base = base.trim_end_matches('/');
        let at = |endpoint: &str| format!("{base}/{endpoint}").parse().ok();
        let address = Address::Plain(Box::new(Endpoints {
            base: base.to_owned(),
            chat: at("chat/completions"),
            embeddings: at("embeddings"),
            responses: at("responses"),
            completions: at("completions"),
        }));
        let keys = KeyPool::new(AUTHORIZATION, "Bearer ", keys)?;
        Ok(OpenAi { address, headers: Headers::new(extra), keys, native })
    }

    /// A resource on Azure.
    ///
    /// # Errors
    /// When a key cannot stand in a header.
    pub fn azure<'k>(
        base: &str,
        keys: impl IntoIterator<Item = &'k str>,
        version: &str,
        extra: &HeaderMap,
    ) -> Result<Self, KeyError> {
        let base = base.trim_end_matches('/').to_owned();
        let keys = KeyPool::new(HeaderName::from_static("api-key"), "", keys)?;
        let address = Address::Azure { base, version: version.to_owned() };
        Ok(OpenAi { address, headers: Headers::new(extra), keys, native: Vec::new() })
    }

    /// The dialect in which a call that came in as `spoken` is made.
    pub(super) fn dialect(&self, spoken: Dialect) -> Dialect {
        match spoken {
            Dialect::Responses if self.native.contains(&Native::Responses) => spoken,
            Dialect::Completions if self.native.contains(&Native::Completions) => spoken,
            _ => Dialect::Chat,
        }
    }

    /// Whether it does this. Azure has no address for all that others have.
    pub(super) fn offers(&self, operation: Operation) -> bool {
        match self.address {
            Address::Plain(_) => true,
            Address::Azure { .. } => !matches!(operation, Operation::Moderations | Operation::Rerank),
        }
    }

    fn uri(&self, outbound: &Outbound<'_>) -> Result<Uri, EgressError> {
        if let Some(address) = outbound.address {
            return match &self.address {
                Address::Plain(endpoints) => below(&endpoints.base, address),
                Address::Azure { base, .. } if address.asks("api-version") => below(base, address),
                Address::Azure { base, version } => {
                    let target = address.target();
                    let mark = if target.contains('?') { '&' } else { '?' };
                    let uri = format!("{base}{target}{mark}api-version={version}").parse();
                    uri.map_err(|_| EgressError::Refused { why: Why::Host })
                }
            };
        }
        let uri = match &self.address {
            Address::Plain(endpoints) => match endpoint(outbound) {
                Endpoint::Chat => endpoints.chat.clone(),
                Endpoint::Embeddings => endpoints.embeddings.clone(),
                Endpoint::Responses => endpoints.responses.clone(),
                Endpoint::Completions => endpoints.completions.clone(),
                Endpoint::Other(path) => format!("{}/{path}", endpoints.base).parse().ok(),
            },
            Address::Azure { base, version } => {
                let deployment = path_segment(outbound.model);
                let endpoint = match endpoint(outbound) {
                    Endpoint::Embeddings => "embeddings",
                    Endpoint::Other(path) => path,
                    _ => "chat/completions",
                };
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
        let mut headers = self.headers.of(&outbound);
        if outbound.address.is_some() {
            for beta in outbound.caller.get_all(BETA) {
                headers.append(BETA, beta.clone());
            }
        }
        let key = self.keys.sign(&mut headers);
        let inbound = send(egress, uri, headers, outbound).await?;
        key.answered(inbound.status, inbound.retry_after());
        Ok(inbound)
    }
}

/// Where a call goes.
enum Endpoint {
    Chat,
    Embeddings,
    Responses,
    Completions,
    /// Called too rarely for its address to be kept.
    Other(&'static str),
}

fn endpoint(outbound: &Outbound<'_>) -> Endpoint {
    match (outbound.operation, outbound.dialect) {
        (Operation::Embeddings, _) => Endpoint::Embeddings,
        (Operation::Moderations, _) => Endpoint::Other("moderations"),
        (Operation::Rerank, _) => Endpoint::Other("rerank"),
        (Operation::Speech, _) => Endpoint::Other("audio/speech"),
        (Operation::Transcriptions, _) => Endpoint::Other("audio/transcriptions"),
        (Operation::Images, _) => Endpoint::Other("images/generations"),
        (_, Some(Dialect::Responses)) => Endpoint::Responses,
        (_, Some(Dialect::Completions)) => Endpoint::Completions,
        _ => Endpoint::Chat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::tests::outbound;

    #[test]
    fn addresses_follow_both_forms() {
        let plain = OpenAi::new("https://x.org/v1/", ["k"], Vec::new(), &HeaderMap::new()).unwrap();
        let uri = |openai: &OpenAi, model, operation, dialect| {
            openai.uri(&outbound(model, operation, dialect)).unwrap().to_string()
        };
        for (dialect, expected) in [
            (Dialect::Chat, "https://x.org/v1/chat/completions"),
            (Dialect::Responses, "https://x.org/v1/responses"),
            (Dialect::Completions, "https://x.org/v1/completions"),
        ] {
            assert_eq!(uri(&plain, "m", Operation::Chat, Some(dialect)), expected);
        }
        let azure = OpenAi::azure("https://x.org", ["k"], "2024-10-21", &HeaderMap::new()).unwrap();
        assert_eq!(
            uri(&azure, "my model", Operation::Embeddings, None),
            "https://x.org/openai/deployments/my%20model/embeddings?api-version=2024-10-21"
        );
        assert!(!format!("{plain:?}").contains("Bearer k"), "credentials are marked as sensitive");
    }
}
