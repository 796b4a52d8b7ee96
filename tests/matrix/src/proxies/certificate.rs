//! The certificate that all proxies show, made for a run.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;

/// Whom it is for: the public name of the server in all configurations.
pub(super) const NAME: &str = "ws.example.com";

/// A certificate that signs itself, and its key, in PEM.
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

    /// Writes it as the configurations want it: two files, and one with both.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::write(folder.join(format!("{NAME}.crt")), &self.chain)?;
        std::fs::write(folder.join(format!("{NAME}.key")), &self.key)?;
        std::fs::write(folder.join(format!("{NAME}.pem")), format!("{}{}", self.key, self.chain))?;
        Ok(())
    }

    /// What a client needs that trusts it and speaks this protocol inside (ALPN).
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
