//! What is known of a client from its handshake.

use std::net::SocketAddr;

/// The request of a client, as handlers see it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// What the parameters of the resource's pattern stand for in the path.
    pub(crate) parameters: Vec<(String, String)>,
    /// Names in lower case, in the order in which they came.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) origin: Option<String>,
    pub(crate) version: u16,
    pub(crate) peer: SocketAddr,
}
