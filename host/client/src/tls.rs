//! TLS for `wss` URLs.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, PeerMisbehaved,
    RootCertStore, SignatureScheme,
};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates;
use crate::error::ConnectError;
use crate::http_version::HttpVersion;
use crate::identity::Identity;
use crate::options::{Options, Verify};
use crate::sniff::tls_error;
use crate::stream::Stream;

/// Opens a TLS connection on a socket, and offers these versions of HTTP.
///
/// # Cancel safety
///
/// Dropping the future closes the socket.
pub(crate) async fn connect(
    socket: Box<dyn Stream>,
    options: &Options,
    offered: HttpVersion,
) -> Result<TlsStream<Box<dyn Stream>>, ConnectError> {
    let host = options.url.host();
    let failed = |source| ConnectError::Tls { host: host.to_owned(), source: Arc::new(source) };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let (verify, identity) = (options.verify.clone(), options.identity.clone());
    // This blocks, because certificates are read from files.
    let mut config = tokio::task::spawn_blocking(move || config(&verify, identity.as_ref()))
        .await
        .map_err(|error| failed(error.into()))??;
    config.alpn_protocols = offered.alpn();
    let connected = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
    connected.map_err(|error| tls_failure(error, host, offered))
}

/// Converts the error that ended a TLS handshake or a TLS connection.
pub(crate) fn tls_failure(error: io::Error, host: &str, offered: HttpVersion) -> ConnectError {
    let host = host.to_owned();
    match tls_error(&error) {
        // A TLS record begins with its type. An HTTP response does not.
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            ConnectError::TlsNotSpoken { host }
        }
        Some(
            Error::AlertReceived(AlertDescription::NoApplicationProtocol)
            | Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol),
        ) => ConnectError::HttpNotSpoken(offered),
        Some(Error::AlertReceived(alert)) if is_about_certificates(*alert) => {
            ConnectError::ClientNotTrusted { host, source: Arc::new(error) }
        }
        _ => ConnectError::Tls { host, source: Arc::new(error) },
    }
}

/// Returns whether a server uses this alert to reject a client certificate (RFC 8446 §6.2).
fn is_about_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied
    )
}

fn config(verify: &Verify, identity: Option<&Identity>) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider as Arc<CryptoProvider>)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3");
    let builder = match verify {
        Verify::System => builder.with_root_certificates(system_roots()?),
        Verify::File(path) => builder.with_root_certificates(file_roots(path)?),
        Verify::Nothing => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified { algorithms })),
    };
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let (chain, key) = identity.read()?;
            builder.with_client_auth_cert(chain, key).map_err(|error| identity.unusable(error))
        }
    }
}

/// Returns the root certificates of the system. They are read once per process, because there are hundreds, and parsing
/// them takes longer than a handshake. If there are none, the next call tries again.
fn system_roots() -> Result<Arc<RootCertStore>, ConnectError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read or parsed are skipped.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(ConnectError::NoSystemRoots);
    }
    Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(roots))))
}

fn file_roots(path: &Path) -> Result<RootCertStore, ConnectError> {
    let failed = |source| ConnectError::CaFile { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in certificates::read(path).map_err(failed)? {
        roots.add(certificate).map_err(|error| failed(Arc::new(error)))?;
    }
    Ok(roots)
}

/// Accepts any certificate. Signatures by the certificate's key are still verified, because rustls requires methods
/// that verify them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_the_system_are_read_once() {
        match (system_roots(), system_roots()) {
            (Ok(first), Ok(second)) => assert!(Arc::ptr_eq(&first, &second)),
            // A machine may have no root certificates.
            (first, second) => assert!(first.is_err() && second.is_err()),
        }
    }
}
