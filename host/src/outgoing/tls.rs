//! TLS to servers. The system's root certificates determine which servers are trusted.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use crate::blocking::off_the_workers;

/// The protocol of requests, for servers that support several protocols.
const HTTP1: &[u8] = b"http/1.1";

/// The settings of TLS connections. They are not loaded before the first connection, because there are hundreds of root
/// certificates, and most handlers send no requests.
#[derive(Default)]
pub(super) struct Tls(OnceCell<Arc<ClientConfig>>);

impl Tls {
    /// Returns the settings.
    ///
    /// # Errors
    ///
    /// An error if the system has no root certificates. The next call tries again.
    pub(super) async fn settings(&self) -> io::Result<Arc<ClientConfig>> {
        let load = || off_the_workers(load);
        self.0.get_or_try_init(load).await.cloned()
    }
}

fn load() -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read or parsed are skipped.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let why = "this system has no root certificates: install them (the package ca-certificates), or name a file \
                   of certificates in the environment variable SSL_CERT_FILE";
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    let mut settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    settings.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(Arc::new(settings))
}
