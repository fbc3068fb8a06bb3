//! The one outbound client. Every call that leaves the process goes through it, so that where calls may go
//! and what they may cost is decided in one place. It knows destinations and bounds, not providers.
//!
//! No redirect is followed: the answer is handed back as it is. A request that hyper never began to write,
//! because the pooled connection had been closed by the peer, is sent once more on another connection; one of
//! which a byte may have left is never repeated here. Dropping the answer, or the future of [`Egress::send`],
//! closes the HTTP/1.1 connection or resets the HTTP/2 stream, so that the provider stops.

mod addresses;
mod answer;
mod connector;
mod error;
mod link;
mod pool;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use addresses::is_public;
pub use answer::AnswerBody;
use bytes::Bytes;
pub use connector::Lookup;
use connector::{Connector, Resolver};
pub use error::{EgressError, SetupError, TimeoutPhase, Why};
use http::header::HOST;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use pool::{Acquired, Carrier, Lease, Pool};
use tokio::time::timeout;

/// How the client connects, and where it may.
#[derive(Clone, Debug)]
pub struct EgressSettings {
    /// Hosts that may be called: `api.example.com`, or `*.example.com` for everything below. Empty allows
    /// all.
    pub hosts: Vec<String>,
    /// Whether URLs that a tenant supplied may be plain `http`. An operator's may.
    pub tenant_plain_http: bool,
    /// PEM files with certification authorities to trust beside those of the operating system.
    pub authorities: Vec<PathBuf>,
    /// Whether HTTP/2 is offered in TLS handshakes.
    pub http2: bool,
    /// For name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// After which an unused connection is closed.
    pub pool_idle_timeout: Duration,
    /// Unused connections kept per host.
    pub pool_max_idle_per_host: usize,
    /// Bytes of an answer's head; at least 8192. On HTTP/1.1 it bounds the buffer, which may pass it by one
    /// growth.
    pub max_head_bytes: u32,
    /// Header fields of an answer (HTTP/1.1).
    pub max_headers: usize,
    /// Between pings on an HTTP/2 connection in use, and for their answers.
    pub ping_interval: Duration,
}

impl Default for EgressSettings {
    fn default() -> Self {
        EgressSettings {
            hosts: Vec::new(),
            tenant_plain_http: false,
            authorities: Vec::new(),
            http2: true,
            connect_timeout: Duration::from_secs(10),
            pool_idle_timeout: Duration::from_secs(90),
            pool_max_idle_per_host: 256,
            max_head_bytes: 64 << 10,
            max_headers: 100,
            ping_interval: Duration::from_secs(30),
        }
    }
}

/// Who wrote the URL of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The operator, in the configuration: private addresses are fine.
    Operator,
    /// A tenant: only public addresses.
    Tenant,
}

/// What one call may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Who wrote the URL.
    pub named_by: NamedBy,
    /// From the call of [`Egress::send`] to the head of the answer.
    pub head_timeout: Duration,
    /// Between two pieces of the answer's body.
    pub idle_timeout: Duration,
    /// Bytes of the answer's body.
    pub body_limit: u64,
}

/// The client. Clones share connections.
#[derive(Clone, Debug)]
pub struct Egress {
    settings: Arc<EgressSettings>,
    /// Connections are pooled apart by who named the destination: what an operator's URL opened to a private
    /// address must not serve a tenant's URL of the same host.
    operator: Pool,
    tenant: Pool,
}

impl Egress {
    /// A client that trusts the operating system's certification authorities and resolves names through it.
    ///
    /// # Errors
    /// When a file of [`EgressSettings::authorities`] cannot be used.
    pub fn new(settings: EgressSettings) -> Result<Self, SetupError> {
        Egress::with_lookup(settings, connector::system_lookup())
    }

    /// A client that resolves names with `lookup`.
    ///
    /// # Errors
    /// When a file of [`EgressSettings::authorities`] cannot be used.
    pub fn with_lookup(settings: EgressSettings, lookup: Lookup) -> Result<Self, SetupError> {
        let tls = connector::tls(&settings)?;
        let pool = |public_only| {
            let resolver = Resolver::new(Arc::clone(&lookup), public_only);
            Pool::new(Connector::new(resolver, tls.clone(), &settings), &settings)
        };
        let (operator, tenant) = (pool(false), pool(true));
        Ok(Egress { settings: Arc::new(settings), operator, tenant })
    }

    /// Sends a request and waits for the head of the answer, whatever its status is.
    ///
    /// # Errors
    /// See [`EgressError`]. No error holds a URL, a header or a body.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        bounds: Bounds,
    ) -> Result<Response<AnswerBody>, EgressError> {
        self.check(request.uri(), bounds.named_by)?;
        let pool = match bounds.named_by {
            NamedBy::Operator => &self.operator,
            NamedBy::Tenant => &self.tenant,
        };
        // Boxed, so that those who wait do not move it about.
        let (answer, lease) = match timeout(bounds.head_timeout, Box::pin(exchange(pool, request))).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(EgressError::Timeout { phase: TimeoutPhase::Head }),
        };
        if answer.body().size_hint().lower() > bounds.body_limit {
            return Err(EgressError::BodyTooLarge { limit: bounds.body_limit });
        }
        Ok(answer.map(|body| AnswerBody::new(body, lease, bounds.body_limit, bounds.idle_timeout)))
    }

    /// Checks what a URL itself shows. Names are checked again as addresses when they are resolved.
    fn check(&self, uri: &Uri, named_by: NamedBy) -> Result<(), EgressError> {
        let refuse = |why| Err(EgressError::Refused { why });
        let plain = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => false,
            Some(scheme) if *scheme == Scheme::HTTP => true,
            _ => return refuse(Why::Scheme),
        };
        if plain && named_by == NamedBy::Tenant && !self.settings.tenant_plain_http {
            return refuse(Why::Scheme);
        }
        let Some(authority) = uri.authority() else { return refuse(Why::Host) };
        if authority.as_str().contains('@') {
            return refuse(Why::Credentials);
        }
        let host = authority.host();
        if host.is_empty() || !self.allows(host) {
            return refuse(Why::Host);
        }
        // The connector resolves no literal addresses, so that its resolver does not see them.
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
        match literal {
            Ok(address) if named_by == NamedBy::Tenant && !is_public(address) => refuse(Why::Address),
            _ => Ok(()),
        }
    }

    fn allows(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let hosts = &self.settings.hosts;
        hosts.is_empty()
            || hosts.iter().any(|listed| match listed.strip_prefix("*.") {
                None => listed.eq_ignore_ascii_case(host),
                Some(parent) => {
                    let mut labels = host.split_once('.');
                    while let Some((_, rest)) = labels {
                        if rest.eq_ignore_ascii_case(parent) {
                            return true;
                        }
                        labels = rest.split_once('.');
                    }
                    false
                }
            })
    }
}

/// Sends a request on a connection of `pool`, and waits for the head of the answer.
async fn exchange(
    pool: &Pool,
    mut request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, Option<Lease>), EgressError> {
    let uri = request.uri().clone();
    loop {
        let Acquired { carrier, reused } = pool.acquire(&uri).await?;
        let outcome = match carrier {
            Carrier::Http1(mut lease) => {
                request.headers_mut().insert(HOST, lease.host.clone());
                // RFC 9112, section 3.2.1: the origin form.
                *request.uri_mut() = uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from);
                lease.link.send(request).await.map(|answer| (answer, Some(lease)))
            }
            Carrier::Http2(mut sender) => {
                request.headers_mut().remove(HOST);
                request.uri_mut().clone_from(&uri);
                Box::pin(sender.try_send_request(request)).await.map(|answer| (answer, None))
            }
        };
        let mut error = match outcome {
            Ok(answered) => return Ok(answered),
            Err(error) => error,
        };
        match error.take_message() {
            Some(unsent) if reused => request = unsent,
            _ => return Err(EgressError::of_exchange(error.error())),
        }
    }
}

#[cfg(test)]
mod tests;
