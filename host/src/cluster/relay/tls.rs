//! TLS between hosts: both sides present a certificate of the cluster's authority.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::error::SetupError;
use crate::tls_files::{certificates, private_key};

/// The TLS settings for both directions.
#[derive(Clone)]
pub(crate) struct PeerTls {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: Arc<ClientConfig>,
}

impl PeerTls {
    /// Loads the authority that issues the certificates of hosts, and the certificate and key of this host. The
    /// certificate must be valid both for servers and for clients.
    ///
    /// # Errors
    ///
    /// An error if a file cannot be read or used.
    pub(crate) fn load(ca: &Path, certificate: &Path, key: &Path) -> Result<Self, SetupError> {
        let unusable = |file: &Path, why: String| SetupError::Certificate(file.to_owned(), why);
        let mut roots = RootCertStore::empty();
        for root in certificates(ca)? {
            roots.add(root).map_err(|error| unusable(ca, error.to_string()))?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(certificate)?;
        let private = private_key(key)?;
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                .build()
                .map_err(|error| unusable(ca, error.to_string()))?;
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has cipher suites for TLS 1.3")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), private.clone_key())
            .map_err(|error| unusable(certificate, error.to_string()))?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has cipher suites for TLS 1.3")
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, private)
            .map_err(|error| unusable(certificate, error.to_string()))?;
        Ok(Self { server: Arc::new(server), client: Arc::new(client) })
    }
}

/// Returns the name that must be in a host's certificate. It is the name in the host's address.
pub(super) fn server_name(name: &str) -> std::io::Result<ServerName<'static>> {
    let invalid = |error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error);
    ServerName::try_from(name.to_owned()).map_err(invalid)
}

/// Returns the TLS error that caused this error.
pub(super) fn cause_of(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|error| error.downcast_ref())
}

impl fmt::Debug for PeerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerTls")
    }
}
