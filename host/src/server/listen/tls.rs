//! TLS 1.2 and 1.3: who the server is, and who its clients are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;

use crate::clients;
use crate::config::{self, Certificate, ClientCertificates, Need};
use crate::server::error::StartError;
use crate::server::stream::{Encrypted, Prefixed};

/// Protocols behind TLS (ALPN, RFC 7301), the best one first.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// For whom a self-signed certificate is.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What the server shows, and asks to be shown. It can be read again while it is used.
#[derive(Debug)]
pub(in crate::server) struct Tls {
    settings: config::Tls,
    current: RwLock<Arc<ServerConfig>>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub(in crate::server) enum TlsError {
    #[error("{file}: {cause}")]
    Read { file: PathBuf, cause: pem::Error },
    #[error("{0} has no certificate in PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate(PathBuf),
    #[error("{0} has no private key in PEM (-----BEGIN PRIVATE KEY-----)")]
    NoKey(PathBuf),
    #[error("{chain} and {key} cannot be used: {cause}")]
    Unusable { chain: PathBuf, key: PathBuf, cause: rustls::Error },
    #[error("{file} cannot be used: {cause}")]
    Authorities { file: PathBuf, cause: Box<dyn std::error::Error + Send + Sync> },
    #[error("no certificate can be made: {0}")]
    SelfSigned(Box<dyn std::error::Error + Send + Sync>),
}

impl From<TlsError> for StartError {
    fn from(error: TlsError) -> Self {
        Self::Certificate(error.into())
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the file.
    pub(in crate::server) fn load(settings: config::Tls) -> Result<Self, TlsError> {
        let current = RwLock::new(load(&settings)?);
        Ok(Self { settings, current })
    }

    /// Reads the files again. Connections that there are go on as they are.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; what was shown before still is.
    pub(in crate::server) fn renew(&self) -> Result<(), TlsError> {
        if self.settings.files().next().is_some() {
            let renewed = load(&self.settings)?;
            *self.current.write() = renewed;
        }
        Ok(())
    }

    /// The handshake.
    ///
    /// # Errors
    ///
    /// It failed: a client that speaks no common version or protocol, or shows no certificate that is taken.
    ///
    /// # Cancel safety
    ///
    /// The stream is dropped with the future.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: Prefixed<S>,
    ) -> std::io::Result<Encrypted<S>> {
        let current = Arc::clone(&self.current.read());
        TlsAcceptor::from(current).accept(Either::Left(stream)).await
    }
}

/// Whether client and server have agreed on HTTP/2.
pub(super) fn speaks_http2<S>(stream: &Encrypted<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

/// The certificate that the client has shown, and that an authority vouches for.
pub(super) fn certificate<S>(stream: &Encrypted<S>) -> Option<Arc<clients::Certificate>> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    Some(Arc::new(clients::Certificate::new(shown)))
}

/// For whom the client asked (SNI, RFC 6066 §3), in lower case, as the library keeps it.
pub(super) fn server_name<S>(stream: &Encrypted<S>) -> Option<Arc<str>> {
    stream.get_ref().1.server_name().map(Arc::from)
}

fn load(settings: &config::Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3");
    let builder = match &settings.clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(verifier(clients, provider)?),
    };
    let mut config = match &settings.certificate {
        Certificate::Files { chain, key } => {
            let unusable =
                |cause| TlsError::Unusable { chain: chain.clone(), key: key.clone(), cause };
            builder.with_single_cert(certificates(chain)?, private_key(key)?).map_err(unusable)?
        }
        Certificate::SelfSigned => {
            let made = rcgen::generate_simple_self_signed(LOCAL.map(str::to_owned))
                .map_err(|error| TlsError::SelfSigned(error.into()))?;
            let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
            builder
                .with_single_cert(vec![made.cert.into()], key.into())
                .map_err(|error| TlsError::SelfSigned(error.into()))?
        }
    };
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    Ok(Arc::new(config))
}

fn verifier(
    clients: &ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let ClientCertificates { authorities, need } = clients;
    let wrong = |cause: Box<dyn std::error::Error + Send + Sync>| TlsError::Authorities {
        file: authorities.clone(),
        cause,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities)? {
        roots.add(certificate).map_err(|error| wrong(error.into()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = match need {
        Need::Optional => verifier.allow_unauthenticated(),
        Need::Required => verifier,
    };
    verifier.build().map_err(|error| wrong(error.into()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = |cause| TlsError::Read { file: file.to_owned(), cause };
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(read)?
        .collect::<Result<_, _>>()
        .map_err(read)?;
    if found.is_empty() { Err(TlsError::NoCertificate(file.to_owned())) } else { Ok(found) }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|cause| match cause {
        pem::Error::NoItemsFound => TlsError::NoKey(file.to_owned()),
        cause => TlsError::Read { file: file.to_owned(), cause },
    })
}
