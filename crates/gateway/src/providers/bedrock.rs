//! Amazon Bedrock through its Converse API. The model is in the address; calls are signed with an access key
//! (Signature Version 4) or carry an API key.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use flyball_core::Timestamp;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Uri};

use super::keys::{KeyError, KeyPool};
use super::{Headers, Inbound, Outbound, path_segment, post};
use crate::edge::egress::{Egress, EgressError, Why};

/// The service's name in signatures.
const SERVICE: &str = "bedrock";

/// Amazon Bedrock.
#[derive(Debug)]
pub struct Bedrock {
    base: String,
    region: String,
    headers: Headers,
    credential: Credential,
}

/// What proves who is calling. Neither shows its secret when printed.
#[derive(Debug)]
enum Credential {
    AccessKey(Box<Credentials>),
    ApiKey(KeyPool),
}

/// An access key.
#[derive(Clone, Copy)]
pub struct AccessKey<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// The session's token, of temporary ones.
    pub session_token: Option<&'a str>,
}

impl Bedrock {
    /// Bedrock in `region`, at `base` or where that region is served.
    ///
    /// # Errors
    /// When the API key cannot stand in a header.
    pub fn new(
        base: Option<&str>,
        region: &str,
        access_key: Option<AccessKey<'_>>,
        api_key: Option<&str>,
        extra: &HeaderMap,
    ) -> Result<Self, KeyError> {
        let base = match base {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None => format!("https://bedrock-runtime.{region}.amazonaws.com"),
        };
        let credential = match access_key {
            Some(AccessKey { id, secret, session_token }) => {
                let token = session_token.map(str::to_owned);
                Credential::AccessKey(Box::new(Credentials::new(id, secret, token, None, "flyball")))
            }
            None => Credential::ApiKey(KeyPool::new(AUTHORIZATION, "Bearer ", api_key)?),
        };
        Ok(Bedrock { base, region: region.to_owned(), headers: Headers::new(extra), credential })
    }

    fn uri(&self, outbound: &Outbound<'_>) -> Result<Uri, EgressError> {
        let method = if outbound.stream { "converse-stream" } else { "converse" };
        let uri = format!("{}/model/{}/{method}", self.base, path_segment(outbound.model)).parse();
        uri.map_err(|_| EgressError::Refused { why: Why::Host })
    }

    /// Sends a call.
    pub(super) async fn call(&self, egress: &Egress, outbound: Outbound<'_>) -> Result<Inbound, EgressError> {
        let uri = self.uri(&outbound)?;
        let mut headers = self.headers.of(&outbound);
        if outbound.stream {
            headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.amazon.eventstream"));
        }
        match &self.credential {
            Credential::AccessKey(credentials) => {
                self.sign(credentials, &uri, &outbound.body, outbound.time, &mut headers)?;
                post(egress, uri, headers, outbound.body, outbound.bounds).await
            }
            Credential::ApiKey(keys) => {
                let key = keys.sign(&mut headers);
                let inbound = post(egress, uri, headers, outbound.body, outbound.bounds).await?;
                key.answered(inbound.status, inbound.retry_after());
                Ok(inbound)
            }
        }
    }

    /// Adds the signature of a call to its headers. Only the host and what belongs to the signature are signed: all
    /// else is set by us and may be set by the operator.
    fn sign(
        &self,
        credentials: &Credentials,
        uri: &Uri,
        body: &[u8],
        time: Timestamp,
        headers: &mut HeaderMap,
    ) -> Result<(), EgressError> {
        let unsignable = || EgressError::Refused { why: Why::Host };
        let identity = credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(time.0).unwrap_or(0)))
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| unsignable())?
            .into();
        let address = uri.to_string();
        let request =
            SignableRequest::new("POST", address.as_str(), std::iter::empty(), SignableBody::Bytes(body))
                .map_err(|_| unsignable())?;
        let (signed, _) = sign(request, &parameters).map_err(|_| unsignable())?.into_parts();
        for (name, value) in signed.headers() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsignable())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| unsignable())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flyball_core::Operation;
    use flyball_translation::Dialect;

    use super::*;
    use crate::providers::tests::outbound;

    fn bedrock(session_token: Option<&str>) -> Bedrock {
        let key = AccessKey { id: "AKIDEXAMPLE", secret: "secret", session_token };
        Bedrock::new(None, "us-east-1", Some(key), None, &HeaderMap::new()).unwrap()
    }

    fn signed(bedrock: &Bedrock, uri: &Uri, body: &[u8]) -> HeaderMap {
        let Credential::AccessKey(credentials) = &bedrock.credential else { panic!("an access key") };
        let mut headers = HeaderMap::new();
        let time = Timestamp(1_440_938_160_000_000);
        bedrock.sign(credentials, uri, body, time, &mut headers).unwrap();
        headers
    }

    #[test]
    fn models_are_in_the_address_and_signatures_cover_address_and_body() {
        let bedrock = bedrock(Some("token"));
        let outbound = outbound("anthropic.claude-v2:1", Operation::Chat, Some(Dialect::Converse));
        let uri = bedrock.uri(&outbound).unwrap();
        assert_eq!(
            uri.to_string(),
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-v2%3A1/converse"
        );
        let headers = signed(&bedrock, &uri, b"{}");
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(
            (text("x-amz-date"), text("x-amz-security-token")),
            ("20150830T123600Z".into(), "token".into())
        );
        let authorization = text("authorization");
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/bedrock/aws4_request, ";
        assert!(authorization.starts_with(scope), "{authorization}");
        assert_ne!(signed(&bedrock, &uri, b"{ }")["authorization"], headers["authorization"]);
        assert!(!format!("{bedrock:?}").contains("secret\""));
    }
}
