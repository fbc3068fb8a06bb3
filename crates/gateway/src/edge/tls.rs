//! TLS for the listener, from PEM files that can be replaced while serving. Protocol versions, ALPN and the
//! certificate are settled here; certificates of callers and TLS towards providers are not.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// PEM file with the certificate chain, the server's own certificate first.
    pub certificates: PathBuf,
    /// PEM file with the private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file can be read, but holds no usable PEM section of the wanted kind.
    #[error("{} holds no {wanted} in PEM form", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// Certificate and key were read but do not work together.
    #[error("the certificate in {} cannot be used with the key in {}: {source}", certificates.display(), key.display())]
    Unusable {
        /// The certificate file.
        certificates: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What TLS said.
        source: rustls::Error,
    },
}

/// Certificate and key in use. Clones share them.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    settings: TlsSettings,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

impl TlsFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// See [`TlsError`]; every error names its file.
    pub fn load(settings: TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = Arc::new(Current(ArcSwap::new(read(&settings, &provider)?)));
        let unusable = |source| TlsError::Unusable {
            certificates: settings.certificates.clone(),
            key: settings.key.clone(),
            source,
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(unusable)?;
        Ok(TlsFiles { settings, provider, current, config: Arc::new(config) })
    }

    /// Reads the files again. New handshakes use what they hold; connections in use keep what they have. On
    /// an error the certificate in use stays.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.0.store(read(&self.settings, &self.provider)?);
        Ok(())
    }

    /// What performs handshakes.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

fn read(settings: &TlsSettings, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(&settings.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| pem_error(error, &settings.certificates, "certificate"))?;
    if certificates.is_empty() {
        return Err(TlsError::Malformed { path: settings.certificates.clone(), wanted: "certificate" });
    }
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .map_err(|error| pem_error(error, &settings.key, "private key"))?;
    match CertifiedKey::from_der(certificates, key, provider) {
        Ok(certified) => Ok(Arc::new(certified)),
        Err(source) => Err(TlsError::Unusable {
            certificates: settings.certificates.clone(),
            key: settings.key.clone(),
            source,
        }),
    }
}

fn pem_error(error: pem::Error, path: &Path, wanted: &'static str) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { path, source },
        _ => TlsError::Malformed { path, wanted },
    }
}

/// Hands the certificate in use to each handshake, whatever name the caller asked for.
struct Current(ArcSwap<CertifiedKey>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

#[cfg(test)]
mod tests;
