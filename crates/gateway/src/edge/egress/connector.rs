//! Makes connections: resolves a name once, judges the addresses, connects to exactly those, and speaks TLS.
//! There is no second resolution between judging and connecting, so that a name cannot change its mind in
//! between.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tower::Service;

use super::addresses::is_public;
use super::{EgressSettings, SetupError};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Resolves a host name to addresses; their ports are ignored.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The operating system's resolver.
pub(super) fn system_lookup() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// A name resolved to an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("the address is not public")]
pub(super) struct AddressRefused;

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name was not resolved")]
pub(super) struct NotResolved;

/// Resolution, TCP and TLS together took too long.
#[derive(Debug, thiserror::Error)]
#[error("connecting took too long")]
pub(super) struct ConnectOverdue;

/// Resolves names, and refuses those of which any address is not public when only public ones will do: a name
/// with mixed answers is an attempt to be lucky.
#[derive(Clone)]
pub(super) struct Resolver {
    lookup: Lookup,
    public_only: bool,
}

impl Resolver {
    pub(super) fn new(lookup: Lookup, public_only: bool) -> Self {
        Resolver { lookup, public_only }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = (self.lookup)(name.as_str().to_owned());
        let public_only = self.public_only;
        Box::pin(async move {
            let addresses = resolving.await.map_err(|_| NotResolved)?;
            if addresses.is_empty() {
                return Err(NotResolved.into());
            }
            if public_only && !addresses.iter().all(|address| is_public(address.ip())) {
                return Err(AddressRefused.into());
            }
            Ok(addresses.into_iter())
        })
    }
}

type Inner = HttpsConnector<HttpConnector<Resolver>>;

/// A connected socket, with TLS or without.
pub(super) type Stream = <Inner as Service<Uri>>::Response;

/// Connects within a time limit.
#[derive(Clone)]
pub(super) struct Connector {
    inner: Inner,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(resolver: Resolver, tls: ClientConfig, settings: &EgressSettings) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        // Shared among the addresses of a name, so that a dead one leaves time for the next.
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let inner = if settings.http2 {
            builder.enable_all_versions().wrap_connector(tcp)
        } else {
            builder.enable_http1().wrap_connector(tcp)
        };
        Connector { inner, limit: settings.connect_timeout }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<Result<Stream, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let connecting = self.inner.call(destination);
        let limit = self.limit;
        Box::pin(async move { timeout(limit, connecting).await.map_err(|_| ConnectOverdue)? })
    }
}

/// TLS towards providers: the operating system's authorities and those of the settings.
pub(super) fn tls(settings: &EgressSettings) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore::empty();
    // A system without authorities can still call plain and private destinations; calls by https say what is
    // missing.
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a certification authority of the system cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    for path in &settings.authorities {
        let unusable = |reason: String| SetupError::Authorities { path: path.clone(), reason };
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unusable("the file has no certificate".to_owned()));
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
