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
}

impl Endpoint {
    /// Creates an endpoint for HTTP over TCP.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// Creates an endpoint for HTTP over TLS.
    pub(crate) fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        Self { address, tls: Some(config) }
    }
}
