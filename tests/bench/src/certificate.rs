//! The certificate that all servers have, and what both ends make of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;

/// Whom the certificate is for.
pub(crate) const NAME: &str = "localhost";

/// A certificate and its key, in files that last as long as this does.
#[derive(Debug)]
pub(crate) struct Certificate {
    folder: TempDir,
}

/// Where a server finds both.
#[derive(Args, Debug)]
pub(crate) struct TlsFiles {
    /// The certificate, in PEM
    #[arg(long, value_name = "FILE", required = false, requires = "tls_key")]
    tls_cert: PathBuf,
    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", required = false, requires = "tls_cert")]
    tls_key: PathBuf,
}

impl Certificate {
    /// Makes a new one, which signs itself.
    pub(crate) fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let certificate = Self { folder };
        std::fs::write(certificate.chain(), made.cert.pem())?;
        std::fs::write(certificate.key(), made.signing_key.serialize_pem())?;
        Ok(certificate)
    }

    /// What tells a server where it is: ws-host and the peers have the same names for it.
    pub(crate) fn arguments(&self) -> [OsString; 4] {
        ["--tls-cert".into(), self.chain().into(), "--tls-key".into(), self.key().into()]
    }

    /// What trusts it and nothing else.
    ///
    /// TLS 1.3 with the cipher suite that every implementation must have (RFC 8446 §9.1) is all that it
    /// offers, so that a server has no choice and all do the same work.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.chain())?)?;
        let suites = vec![TLS13_AES_128_GCM_SHA256];
        let provider = CryptoProvider { cipher_suites: suites, ..default_provider() };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A server that can both must not choose HTTP/2.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn chain(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

impl TlsFiles {
    /// What a peer serves with.
    pub(crate) fn server(&self) -> Result<Arc<ServerConfig>> {
        server(&self.tls_cert, &self.tls_key)
    }
}

fn server(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .with_context(|| chain.display().to_string())?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| key.display().to_string())?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
pub(crate) mod tests {
    use rustls::pki_types::ServerName;
    use rustls::{ClientConnection, ProtocolVersion, ServerConnection};

    use super::*;

    /// Where a server in a test finds a certificate.
    pub(crate) fn files(certificate: &Certificate) -> TlsFiles {
        TlsFiles { tls_cert: certificate.chain(), tls_key: certificate.key() }
    }

    /// Both ends of a connection whose handshake is over.
    pub(crate) fn connected() -> (ClientConnection, ServerConnection) {
        let certificate = Certificate::make().unwrap();
        let files = files(&certificate);
        let name = ServerName::try_from(NAME).unwrap();
        let mut client = ClientConnection::new(certificate.client().unwrap(), name).unwrap();
        let mut server = ServerConnection::new(files.server().unwrap()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut octets = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut octets).unwrap();
            }
            server.read_tls(&mut &*octets).unwrap();
            server.process_new_packets().unwrap();
            octets.clear();
            while server.wants_write() {
                server.write_tls(&mut octets).unwrap();
            }
            let mut octets = &*octets;
            while !octets.is_empty() {
                client.read_tls(&mut octets).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        (client, server)
    }

    #[test]
    fn all_servers_are_measured_with_one_version_and_one_cipher() {
        let (client, _) = connected();
        assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(client.negotiated_cipher_suite(), Some(TLS13_AES_128_GCM_SHA256));
        assert_eq!(client.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}
