//! The server's side of TLS, with certificates made for the test.

use std::io::Write;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

/// A self-signed certificate.
pub(crate) struct Certificate {
    certified: CertifiedKey<KeyPair>,
    /// The certificate, in PEM.
    pub(crate) file: NamedTempFile,
    pub(crate) key_file: NamedTempFile,
}

/// Whether a server asks its clients for a certificate.
pub(crate) enum Clients<'a> {
    Anybody,
    /// Only the client with this certificate is accepted.
    Only(&'a Certificate),
}

impl Certificate {
    /// Creates a certificate for a name or an address.
    pub(crate) fn new(name: &str) -> Self {
        let certified = generate_simple_self_signed([name.to_owned()]).unwrap();
        let file = file(certified.cert.pem());
        let key_file = file_of_key(&certified);
        Self { certified, file, key_file }
    }

    /// Returns an acceptor with this certificate and these ALPN names, the preferred one first.
    pub(crate) fn acceptor(&self, alpn: &[&str], clients: &Clients<'_>) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            Clients::Anybody => builder.with_no_client_auth(),
            Clients::Only(client) => {
                let mut roots = RootCertStore::empty();
                roots.add(client.certified.cert.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(self.certified.signing_key.serialize_der()).unwrap();
        let chain = vec![self.certified.cert.der().clone()];
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Creates a file with this text.
pub(crate) fn file(text: impl AsRef<[u8]>) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_ref()).unwrap();
    file
}

fn file_of_key(certified: &CertifiedKey<KeyPair>) -> NamedTempFile {
    file(certified.signing_key.serialize_pem())
}
