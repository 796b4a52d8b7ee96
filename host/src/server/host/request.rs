//! What a handshake needs to know about the connection on which its request arrived.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::{Request, Version};
use parking_lot::Mutex;
use tokio::time::Instant;
use ws_host_protocol::handshake::Scheme;
use ws_host_protocol::handshake::forwarded::{self, Forwarded};

use super::relayed::RelayedClient;
use crate::clients::{Certificate, ConnectionId, HttpVersion};
use crate::config::{Address, ResourceConfig};
use crate::connection::AdmittedClient;
use crate::server::host::HostState;

/// Stands for an unknown local address of a stream. It cannot be mistaken for a real address.
const UNSPECIFIED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The other end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The address of the client, or of the proxy in between.
    pub address: SocketAddr,
    /// Whether the stream is encrypted.
    pub scheme: Scheme,
    /// The local address to which the peer has connected: `0.0.0.0` and port 0 if it is unknown.
    pub local: SocketAddr,
}

impl Peer {
    /// Creates the peer of an unencrypted stream.
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, scheme: Scheme::Http, local: UNSPECIFIED }
    }

    /// Creates the peer of an encrypted stream.
    pub fn encrypted(address: SocketAddr) -> Self {
        Self { address, scheme: Scheme::Https, local: UNSPECIFIED }
    }

    /// Sets the local address to which the peer has connected.
    pub fn at(self, local: SocketAddr) -> Self {
        Self { local, ..self }
    }
}

/// Whether the peer of a connection speaks for a client or for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum OnBehalfOf {
    /// For a client: the peer is the client, or a proxy in front of it. If that proxy is trusted, its headers describe
    /// the client.
    Client,
    /// For itself: the peer is a proxy that makes a health check, or that does not know its client. On such a
    /// connection, headers that describe a client are not trusted.
    Itself,
}

/// What a request needs to know about its connection.
#[derive(Clone)]
pub(in crate::server) struct RequestContext {
    /// The id of the connection, for the log. All requests of a connection have the same id.
    pub(in crate::server) connection: ConnectionId,
    pub(in crate::server) peer: Peer,
    pub(in crate::server) on_behalf_of: OnBehalfOf,
    /// The address in the configuration at which the connection was accepted. `None` if another program accepted it.
    pub(in crate::server) address: Option<Address>,
    /// The server name that the client sent in its TLS handshake, in lower case.
    pub(in crate::server) server_name: Option<Arc<str>>,
    /// The certificate that the client has presented.
    pub(in crate::server) certificate: Option<Arc<Certificate>>,
    /// The host that relays the request to this host.
    pub(in crate::server) edge: Option<Arc<Edge>>,
    /// The deadline for the response to the handshake.
    pub(in crate::server) deadline: Instant,
    /// The 8 bytes that a client of draft 00 sends after the head of its request.
    pub(in crate::server) challenge: Option<[u8; 8]>,
    /// The accepted client, until [`take_accepted`](Self::take_accepted) takes it out.
    accepted: Arc<Mutex<Option<Destination>>>,
}

/// The host that relays a request to this host, and what that host reports about the request.
#[derive(Debug)]
pub(in crate::server) struct Edge {
    pub(in crate::server) name: Arc<str>,
    /// The name of the resource that the edge has found for the path.
    pub(in crate::server) resource: String,
    pub(in crate::server) http_version: HttpVersion,
}

/// Where the bytes of an accepted client go.
pub(in crate::server) enum Destination {
    /// To its actor.
    ThisHost(PendingConnection),
    /// To the host that owns its actor.
    OtherHost(RelayedClient),
}

/// An admitted client whose connection has not begun: its response has not been sent.
pub(in crate::server) struct PendingConnection {
    pub(in crate::server) admitted: AdmittedClient,
    pub(in crate::server) settings: Arc<ResourceConfig>,
    /// The bytes to send between the head of the response and the first frame.
    pub(in crate::server) trailer: Vec<u8>,
}

impl RequestContext {
    pub(in crate::server) fn new(state: &HostState, peer: Peer) -> Self {
        Self {
            connection: state.context.connections.next_connection(),
            peer,
            on_behalf_of: OnBehalfOf::Client,
            address: None,
            server_name: None,
            certificate: None,
            edge: None,
            deadline: deadline(state),
            challenge: None,
            accepted: Arc::default(),
        }
    }

    /// Returns the context for the next request on the same connection.
    pub(in crate::server) fn next_request(&self, state: &HostState) -> Self {
        Self {
            deadline: deadline(state),
            challenge: None,
            accepted: Arc::default(),
            ..self.clone()
        }
    }

    /// Sets the challenge, which was read after the head of the request.
    pub(in crate::server) fn with_challenge(self, challenge: Option<[u8; 8]>) -> Self {
        Self { challenge, ..self }
    }

    /// Returns whether to trust what headers from this address say about a client. Such headers are never trusted on a
    /// connection that a proxy opened on its own behalf.
    pub(in crate::server) fn trusts(&self, state: &HostState, address: IpAddr) -> bool {
        self.on_behalf_of == OnBehalfOf::Client && state.trusts(address)
    }

    /// Returns the client's address, host and scheme, as trusted proxies report them.
    pub(super) fn forwarded(&self, state: &HostState, request: &Request<()>) -> Forwarded {
        let peer = self.peer.address.ip();
        let convention = state.config().forwarded_by;
        forwarded::client(request, peer, convention, |address| self.trusts(state, address))
    }

    /// Returns the HTTP version that the client speaks. For a relayed client, this is the version that the client
    /// speaks to the relaying host.
    pub(super) fn http_version(&self, request: &Request<()>) -> HttpVersion {
        match (&self.edge, request.version()) {
            (Some(edge), _) => edge.http_version,
            (None, Version::HTTP_2) => HttpVersion::Http2,
            (None, _) => HttpVersion::Http1,
        }
    }

    pub(in crate::server) fn put_accepted(&self, accepted: Destination) {
        *self.accepted.lock() = Some(accepted);
    }

    pub(in crate::server) fn take_accepted(&self) -> Option<Destination> {
        self.accepted.lock().take()
    }
}

/// Returns the deadline for the response to a handshake that begins now.
fn deadline(state: &HostState) -> Instant {
    Instant::now() + state.config().timeouts.handshake
}
