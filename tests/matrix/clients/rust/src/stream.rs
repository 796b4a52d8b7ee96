//! TCP and TLS for a WebSocket.

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens connections.
pub(crate) struct Dialer(pub(crate) ClientConfig);

impl Dialer {
    /// Creates a dialer that trusts this authority.
    pub(crate) fn trusting(authority: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        let file = BufReader::new(std::fs::File::open(authority)?);
        for certificate in CertificateDer::pem_reader_iter(file) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(config))
    }

    /// Returns a TLS connector for a client that opens its own TCP connections.
    pub(crate) fn connector(&self, protocol: &[u8]) -> TlsConnector {
        let mut config = self.0.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    /// Connects to the host of a URL.
    pub(crate) async fn dial(&self, url: &str) -> Result<Box<dyn Stream>> {
        let host = host_of(url)?;
        let tcp = TcpStream::connect(host).await.with_context(|| host.to_owned())?;
        tcp.set_nodelay(true)?;
        if url.starts_with("ws:") {
            return Ok(Box::new(tcp));
        }
        let (name, _) = host.split_once(':').context("a port")?;
        let name = ServerName::try_from(name.to_owned())?;
        Ok(Box::new(self.connector(b"http/1.1").connect(name, tcp).await?))
    }
}

/// Returns host and port of a URL.
pub(crate) fn host_of(url: &str) -> Result<&str> {
    url.split('/').nth(2).with_context(|| format!("no host in {url}"))
}
