//! A Google service account: exchanges an assertion signed with its key for an access token (RFC 7523, as
//! <https://developers.google.com/identity/protocols/oauth2/service-account> describes) and keeps the token while it
//! is good. What the token is for is the provider's business.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use flyball_core::Timestamp;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full};
use jsonwebtoken::{Algorithm, Header, encode};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::config::ServiceAccount;
use crate::edge::egress::{Bounds, Egress, EgressError};

/// What tokens are asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long an assertion holds, in seconds: the most that is allowed.
const ASSERTION_SECONDS: i64 = 3600;

/// A token is renewed this long before it expires, in seconds.
const EARLY_SECONDS: i64 = 60;

/// How long a token holds whose answer does not say, in seconds.
const UNSAID_SECONDS: i64 = 300;

/// The longest that a token is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer, in bytes.
const LARGEST: u64 = 64 * 1024;

/// A service account and the token that it holds.
#[derive(Debug)]
pub(super) struct GoogleAccount {
    account: Arc<ServiceAccount>,
    header: Header,
    held: ArcSwapOption<Token>,
    /// Held by the one task that asks for a token. Nobody else waits for it while the held one is good.
    asking: Mutex<()>,
}

/// A token as it is sent. It does not show itself when printed.
#[derive(Debug)]
pub(super) struct Token {
    /// The value of `authorization`.
    pub(super) value: HeaderValue,
    renew_at: Timestamp,
    expires_at: Timestamp,
}

/// RFC 7523 section 3, and Google's `scope`.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: String,
    iat: i64,
    exp: i64,
}

/// RFC 6749 section 5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<i64>,
}

impl GoogleAccount {
    pub(super) fn new(account: Arc<ServiceAccount>) -> Self {
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&account.key_id);
        GoogleAccount { account, header, held: ArcSwapOption::empty(), asking: Mutex::new(()) }
    }

    /// The token of a call made at `now`: the held one, or a new one.
    ///
    /// # Errors
    /// [`EgressError::Credential`] when there is none to be had.
    pub(super) async fn token(
        &self,
        egress: &Egress,
        now: Timestamp,
        bounds: Bounds,
    ) -> Result<Arc<Token>, EgressError> {
        let held = self.held.load_full();
        if let Some(token) = held.as_ref().filter(|token| now < token.renew_at) {
            return Ok(Arc::clone(token));
        }
        let asking = match (self.asking.try_lock(), held) {
            (Ok(asking), _) => asking,
            // Somebody renews it, and it is still good.
            (Err(_), Some(token)) if now < token.expires_at => return Ok(token),
            (Err(_), _) => self.asking.lock().await,
        };
        self.renewed(asking, egress, now, bounds).await
    }

    /// The token that somebody else has asked for meanwhile, or a new one.
    async fn renewed(
        &self,
        _asking: MutexGuard<'_, ()>,
        egress: &Egress,
        now: Timestamp,
        bounds: Bounds,
    ) -> Result<Arc<Token>, EgressError> {
        if let Some(token) = self.held.load_full().filter(|token| now < token.renew_at) {
            return Ok(token);
        }
        // The call itself needs a part of its time.
        let patience = (bounds.head_timeout / 2).min(PATIENCE);
        let asked = timeout(patience, self.ask(egress, now, Bounds { body_limit: LARGEST, ..bounds }));
        let token = match asked.await {
            Ok(outcome) => Arc::new(outcome?),
            Err(_elapsed) => return Err(without("the token endpoint did not answer in time")),
        };
        self.held.store(Some(Arc::clone(&token)));
        Ok(token)
    }

    /// The provider refused this token: the next call asks for another.
    pub(super) fn refused(&self, token: &Arc<Token>) {
        let none: Option<Arc<Token>> = None;
        self.held.compare_and_swap(&Some(Arc::clone(token)), none);
    }

    async fn ask(&self, egress: &Egress, now: Timestamp, bounds: Bounds) -> Result<Token, EgressError> {
        let iat = now.0 / 1_000_000;
        let claims = Claims {
            iss: &self.account.client_email,
            scope: SCOPE,
            aud: self.account.token_uri.to_string(),
            iat,
            exp: iat + ASSERTION_SECONDS,
        };
        let assertion = encode(&self.header, &claims, &self.account.key)
            .map_err(|_| without("the service account's key does not sign"))?;
        // A JWT has no character that a form would escape.
        let form =
            format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let mut request = Request::new(Full::<Bytes>::new(form.into()));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(&self.account.token_uri);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = egress
            .send(request, bounds)
            .await
            .map_err(|error| without(&format!("no answer of the token endpoint: {error}")))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(without(&format!("the token endpoint answered with status {}", status.as_u16())));
        }
        let unreadable = || without("the token endpoint's answer holds no usable token");
        let body = answer.into_body().collect().await.map_err(|_| unreadable())?.to_bytes();
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        if granted.access_token.is_empty() {
            return Err(unreadable());
        }
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", granted.access_token)).map_err(|_| unreadable())?;
        value.set_sensitive(true);
        let holds = granted.expires_in.unwrap_or(UNSAID_SECONDS).clamp(0, ASSERTION_SECONDS * 24);
        let after = |seconds: i64| Timestamp(now.0.saturating_add(seconds.max(0) * 1_000_000));
        Ok(Token { value, renew_at: after(holds - EARLY_SECONDS), expires_at: after(holds) })
    }
}

fn without(reason: &str) -> EgressError {
    EgressError::Credential { reason: reason.into() }
}
