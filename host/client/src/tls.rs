//! TLS for `wss` URLs.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::ConnectError;
use crate::options::Verify;

/// A TLS connection over a TCP connection.
///
/// # Cancel safety
///
/// Dropping the future closes the socket.
pub(crate) async fn connect(
    socket: TcpStream,
    host: &str,
    verify: Verify,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let failed = |source| ConnectError::Tls { host: host.to_owned(), source: Arc::new(source) };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    // Certificates are read from files.
    let config = tokio::task::spawn_blocking(move || config(&verify))
        .await
        .map_err(|error| failed(error.into()))??;
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.map_err(failed)
}

fn config(verify: &Verify) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider as Arc<CryptoProvider>)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3");
    let mut config = match verify {
        Verify::System => builder.with_root_certificates(system_roots()?),
        Verify::File(path) => builder.with_root_certificates(file_roots(path)?),
        Verify::Nothing => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified { algorithms })),
    }
    .with_no_client_auth();
    // A WebSocket begins as HTTP/1.1 (RFC 6455 §4.1): a server must not choose HTTP/2.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn system_roots() -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    // Some of a system's certificates may be old or odd: the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(ConnectError::NoSystemRoots) } else { Ok(roots) }
}

fn file_roots(path: &Path) -> Result<RootCertStore, ConnectError> {
    let failed = |source| ConnectError::CaFile { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| failed(Arc::new(e)))? {
        let certificate = certificate.map_err(|error| failed(Arc::new(error)))?;
        roots.add(certificate).map_err(|error| failed(Arc::new(error)))?;
    }
    if roots.is_empty() {
        let empty = io::Error::new(io::ErrorKind::InvalidData, "the file holds no certificate");
        return Err(failed(Arc::new(empty)));
    }
    Ok(roots)
}

/// Takes any certificate from anybody. What is signed with its key is still checked, since rustls
/// asks for it.
#[derive(Debug)]
struct Unverified {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
