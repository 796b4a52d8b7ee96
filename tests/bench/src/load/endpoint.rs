//! Where a load generator connects to, and how.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

/// A server's address, and what is between TCP and HTTP there.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The address.
    pub(crate) address: SocketAddr,
    /// What to trust where TLS is spoken.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl Endpoint {
    /// HTTP over TCP.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// HTTP over TLS.
    pub(crate) fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        Self { address, tls: Some(config) }
    }
}
