//! Anthropic, and whatever speaks its messages. Of the caller's headers, those pass that say which version of the
//! protocol it speaks and which of its novelties it uses.

use flyball_core::Operation;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::keys::{KeyError, KeyPool};
use super::{Headers, Inbound, Outbound, below, send};
use crate::edge::egress::{Egress, EgressError, Why};

const VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const BETA: HeaderName = HeaderName::from_static("anthropic-beta");

/// A provider that speaks messages.
#[derive(Debug)]
pub struct Anthropic {
    /// None: the base is no URL, and every call is refused.
    messages: Option<Uri>,
    count_tokens: Option<Uri>,
    base: String,
    headers: Headers,
    keys: KeyPool,
}

impl Anthropic {
    /// A provider at `base` (`https://api.anthropic.com`), asked in `version` where the caller names none.
    ///
    /// # Errors
    /// When a key or the version cannot stand in a header.
    pub fn new<'k>(
        base: &str,
        keys: impl IntoIterator<Item = &'k str>,
        version: &str,
        extra: &HeaderMap,
    ) -> Result<Self, KeyError> {
        let mut extra = extra.clone();
        extra.insert(VERSION, HeaderValue::from_str(version).map_err(|_| KeyError)?);
        let base = base.trim_end_matches('/');
        Ok(Anthropic {
            messages: format!("{base}/v1/messages").parse().ok(),
            count_tokens: format!("{base}/v1/messages/count_tokens").parse().ok(),
            base: base.to_owned(),
            headers: Headers::new(&extra),
            keys: KeyPool::new(HeaderName::from_static("x-api-key"), "", keys)?,
        })
    }

    /// Sends a call.
    pub(super) async fn call(&self, egress: &Egress, outbound: Outbound<'_>) -> Result<Inbound, EgressError> {
        let uri = match (outbound.address, outbound.operation) {
            (Some(address), _) => Some(below(&self.base, address)?),
            (None, Operation::CountTokens) => self.count_tokens.clone(),
            (None, _) => self.messages.clone(),
        };
        let uri = uri.ok_or(EgressError::Refused { why: Why::Host })?;
        let mut headers = self.headers.of(&outbound);
        // The first version is as good as any of several; of novelties, all are meant.
        if let Some(version) = outbound.caller.get(VERSION) {
            headers.insert(VERSION, version.clone());
        }
        for beta in outbound.caller.get_all(BETA) {
            headers.append(BETA, beta.clone());
        }
        let key = self.keys.sign(&mut headers);
        let inbound = send(egress, uri, headers, outbound).await?;
        key.answered(inbound.status, inbound.retry_after());
        Ok(inbound)
    }
}
