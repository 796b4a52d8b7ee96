//! The certificate of all proxies, created for a run.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;

/// The host name in the certificate: the public name of the server in all configurations.
pub(super) const NAME: &str = "ws.example.com";

/// A self-signed certificate and its key, in PEM.
pub(super) struct Certificate {
    der: CertificateDer<'static>,
    chain: String,
    key: String,
}

impl Certificate {
    pub(super) fn make() -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        Ok(Self { der: made.cert.into(), chain, key })
    }

    /// Writes the files that the configurations need: the certificate, the key, and both in one.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::write(folder.join(format!("{NAME}.crt")), &self.chain)?;
        std::fs::write(folder.join(format!("{NAME}.key")), &self.key)?;
        std::fs::write(folder.join(format!("{NAME}.pem")), format!("{}{}", self.key, self.chain))?;
        Ok(())
    }

    /// Returns a client configuration that trusts the certificate and negotiates this protocol
    /// (ALPN).
    pub(super) fn client(&self, protocol: &[u8]) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }
}
