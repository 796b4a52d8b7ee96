//! TLS 1.2 and 1.3: the server's certificate, and the verification of client certificates.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::clients;
use crate::config::{self, Certificate, ClientCertificates, Need};
use crate::server::error::StartError;
use crate::server::stream::{Encrypted, Prefixed};
use crate::tls_files::{TlsFileError, certificates, private_key};

/// Application protocols in order of preference (ALPN, RFC 7301).
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// The names in a self-signed certificate.
const SELF_SIGNED_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The server's certificate, and the authorities whose client certificates the server accepts. Both can be reloaded
/// while in use.
#[derive(Debug)]
pub(in crate::server) struct Tls {
    settings: config::Tls,
    current: RwLock<Arc<ServerConfig>>,
    /// The time at which the current certificate expires, in seconds since 1970, or 0 if that is not known.
    expiry: Arc<AtomicI64>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(in crate::server) enum TlsError {
    #[error(transparent)]
    File(#[from] TlsFileError),
    #[error("{chain} and {key} cannot be used: {cause}")]
    Unusable { chain: PathBuf, key: PathBuf, cause: rustls::Error },
    #[error("{file} cannot be used: {cause}")]
    Authorities { file: PathBuf, cause: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot create a self-signed certificate: {0}")]
    SelfSigned(Box<dyn std::error::Error + Send + Sync>),
}

impl From<TlsError> for StartError {
    fn from(error: TlsError) -> Self {
        Self::Certificate(error.into())
    }
}

impl Tls {
    /// Loads the certificates from their files.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError`], which names the file.
    pub(in crate::server) fn load(settings: config::Tls) -> Result<Self, TlsError> {
        let (config, expiry) = load(&settings)?;
        let expiry = Arc::new(AtomicI64::new(expiry));
        Ok(Self { settings, current: RwLock::new(config), expiry })
    }

    /// Reloads the files. Existing connections are not affected.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError`]. In that case the previous certificates stay in use.
    pub(super) fn reload(&self) -> Result<(), TlsError> {
        if self.settings.files().next().is_some() {
            let (reloaded, expiry) = load(&self.settings)?;
            *self.current.write() = reloaded;
            self.expiry.store(expiry, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Returns the time at which the certificate expires. A reload changes the value.
    pub(in crate::server) fn expiry(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.expiry)
    }

    /// Performs the TLS handshake.
    ///
    /// # Errors
    ///
    /// Returns an error if the handshake fails, for example because there is no common version or protocol, or because
    /// the client's certificate is missing or not accepted.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: Prefixed<S>,
    ) -> std::io::Result<Encrypted<S>> {
        let current = Arc::clone(&self.current.read());
        TlsAcceptor::from(current).accept(Either::Left(stream)).await
    }
}

/// Whether the client has negotiated HTTP/2.
pub(super) fn is_http2<S>(stream: &Encrypted<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

/// Returns the client's certificate, which the verifier has accepted.
pub(super) fn client_certificate<S>(stream: &Encrypted<S>) -> Option<Arc<clients::Certificate>> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    Some(Arc::new(clients::Certificate::new(certificate)))
}

/// Returns the server name that the client asked for (SNI, RFC 6066 §3). rustls has lowercased it.
pub(super) fn server_name<S>(stream: &Encrypted<S>) -> Option<Arc<str>> {
    stream.get_ref().1.server_name().map(Arc::from)
}

/// Loads the certificates. Also returns the time at which the server's certificate expires.
fn load(settings: &config::Tls) -> Result<(Arc<ServerConfig>, i64), TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3");
    let builder = match &settings.clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(verifier(clients, provider)?),
    };
    let (mut config, expiry) = match &settings.certificate {
        Certificate::Files { chain, key } => {
            let unusable =
                |cause| TlsError::Unusable { chain: chain.clone(), key: key.clone(), cause };
            let certificates = certificates(chain)?;
            let expiry = certificates.first().map_or(0, |certificate| expiry(certificate));
            let config = builder.with_single_cert(certificates, private_key(key)?);
            (config.map_err(unusable)?, expiry)
        }
        Certificate::SelfSigned => {
            let generated =
                rcgen::generate_simple_self_signed(SELF_SIGNED_NAMES.map(str::to_owned))
                    .map_err(|error| TlsError::SelfSigned(error.into()))?;
            let key = PrivatePkcs8KeyDer::from(generated.signing_key.serialize_der());
            let certificate = CertificateDer::from(generated.cert);
            let expiry = expiry(&certificate);
            let config = builder.with_single_cert(vec![certificate], key.into());
            (config.map_err(|error| TlsError::SelfSigned(error.into()))?, expiry)
        }
    };
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    Ok((Arc::new(config), expiry))
}

/// Returns the time at which a certificate expires, in seconds since 1970, or 0 if the certificate cannot be parsed.
fn expiry(certificate: &CertificateDer<'_>) -> i64 {
    let parsed = X509Certificate::from_der(certificate);
    parsed.map_or(0, |(_, certificate)| certificate.validity().not_after.timestamp())
}

fn verifier(
    clients: &ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let ClientCertificates { authorities, need } = clients;
    let unusable = |cause: Box<dyn std::error::Error + Send + Sync>| TlsError::Authorities {
        file: authorities.clone(),
        cause,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities)? {
        roots.add(certificate).map_err(|error| unusable(error.into()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = match need {
        Need::Optional => verifier.allow_unauthenticated(),
        Need::Required => verifier,
    };
    verifier.build().map_err(|error| unusable(error.into()))
}
