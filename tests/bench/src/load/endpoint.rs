//! The address that a load generator connects to.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

/// A server's address, and whether it speaks TLS.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The address.
    pub(crate) address: SocketAddr,
    /// The TLS configuration, if the server speaks TLS.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// The path of the resource.
    pub(super) path: String,
}

impl Endpoint {
    /// Creates an endpoint for HTTP over TCP.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None, path: "/".into() }
    }

    /// Creates an endpoint for HTTP over TLS.
    pub(crate) fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        Self { address, tls: Some(config), path: "/".into() }
    }

    /// Chooses another path than `/`.
    pub(crate) fn with_path(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }
}
