//! The certificate that all servers use, and the TLS configurations of both ends.

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

/// The host name in the certificate.
pub(crate) const NAME: &str = "localhost";

/// A certificate and its key, in files that are deleted when this is dropped.
#[derive(Debug)]
pub(crate) struct Certificate {
    folder: TempDir,
}

/// The files that a server reads them from.
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
    /// Creates a new self-signed certificate.
    pub(crate) fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let certificate = Self { folder };
        std::fs::write(certificate.chain(), made.cert.pem())?;
        std::fs::write(certificate.key(), made.signing_key.serialize_pem())?;
        Ok(certificate)
    }

    /// Returns the arguments that pass the files to a server. ws-host and the peers have the same
    /// flags.
    pub(crate) fn arguments(&self) -> [OsString; 4] {
        ["--tls-cert".into(), self.chain().into(), "--tls-key".into(), self.key().into()]
    }

    /// Returns a client configuration that trusts only this certificate.
    ///
    /// It offers TLS 1.3 with the one cipher suite that every implementation must have (RFC 8446
    /// §9.1). So no server has a choice, and all do the same work.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.chain())?)?;
        let suites = vec![TLS13_AES_128_GCM_SHA256];
        let provider = CryptoProvider { cipher_suites: suites, ..default_provider() };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A server that supports both must not choose HTTP/2.
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
    /// Returns the configuration of a peer.
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

    /// Returns the files for a server in a test.
    pub(crate) fn files(certificate: &Certificate) -> TlsFiles {
        TlsFiles { tls_cert: certificate.chain(), tls_key: certificate.key() }
    }

    /// Returns both ends of a connection after the handshake.
    pub(crate) fn connected() -> (ClientConnection, ServerConnection) {
        let certificate = Certificate::make().unwrap();
        let files = files(&certificate);
        let name = ServerName::try_from(NAME).unwrap();
        let mut client = ClientConnection::new(certificate.client().unwrap(), name).unwrap();
        let mut server = ServerConnection::new(files.server().unwrap()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            server.read_tls(&mut &*bytes).unwrap();
            server.process_new_packets().unwrap();
            bytes.clear();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            let mut bytes = &*bytes;
            while !bytes.is_empty() {
                client.read_tls(&mut bytes).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        (client, server)
    }

    #[test]
    fn all_servers_use_the_same_tls_version_and_cipher() {
        let (client, _) = connected();
        assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(client.negotiated_cipher_suite(), Some(TLS13_AES_128_GCM_SHA256));
        assert_eq!(client.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}
