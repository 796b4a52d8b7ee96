//! One connection before it is a client's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;
use ws_host_protocol::handshake::Scheme;

use super::HostState;
use crate::clients::Certificate;
use crate::config::{self, Address};
use crate::connection::Admitted;

/// Our end of a stream of which nobody has said it: no address that somebody could take for an own one.
const UNSPECIFIED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Who is at the other end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Its address, or that of the proxy in between.
    pub address: SocketAddr,
    /// Whether the stream is encrypted.
    pub scheme: Scheme,
    /// Our end of the stream, at which the peer has arrived: `0.0.0.0` and the port 0 if nobody says.
    pub local: SocketAddr,
}

impl Peer {
    /// Over a stream that everybody can read.
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, scheme: Scheme::Http, local: UNSPECIFIED }
    }

    /// Over an encrypted stream.
    pub fn encrypted(address: SocketAddr) -> Self {
        Self { address, scheme: Scheme::Https, local: UNSPECIFIED }
    }

    /// The same, arrived at this end of ours.
    pub fn at(self, local: SocketAddr) -> Self {
        Self { local, ..self }
    }
}

/// For whom the peer of a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum SpeaksFor {
    /// For a client: itself, or if it is trusted the one that its headers tell of.
    Client,
    /// For itself: a proxy that looks whether the server lives, or does not know who connects. What headers
    /// tell of a client is not believed then.
    Itself,
}

/// What a request needs to know of its connection.
#[derive(Clone)]
pub(in crate::server) struct RequestContext {
    pub(in crate::server) peer: Peer,
    pub(in crate::server) speaks_for: SpeaksFor,
    /// The address at which it was accepted, if the host did that.
    pub(in crate::server) address: Option<Address>,
    /// For whom the client asked in TLS, in lower case.
    pub(in crate::server) server_name: Option<Arc<str>>,
    /// That the client has shown.
    pub(in crate::server) certificate: Option<Arc<Certificate>>,
    /// Until when the handshake must have been answered.
    pub(in crate::server) deadline: Instant,
    /// What draft 00 has behind the head of its request.
    pub(in crate::server) challenge: Option<[u8; 8]>,
    /// Where the client is left when it was let in.
    accepted: Arc<Mutex<Option<AcceptedClient>>>,
}

/// A client that was let in, on its way from the request to the connection.
pub(in crate::server) struct AcceptedClient {
    pub(in crate::server) admitted: Admitted,
    pub(in crate::server) settings: Arc<config::Resource>,
    /// What stands between the head of the answer and the first frame.
    pub(in crate::server) trailer: Vec<u8>,
}

impl RequestContext {
    pub(in crate::server) fn new(state: &HostState, peer: Peer) -> Self {
        Self {
            peer,
            speaks_for: SpeaksFor::Client,
            address: None,
            server_name: None,
            certificate: None,
            deadline: deadline(state),
            challenge: None,
            accepted: Arc::default(),
        }
    }

    /// Another request on the same connection.
    pub(in crate::server) fn next_request(&self, state: &HostState) -> Self {
        Self {
            deadline: deadline(state),
            challenge: None,
            accepted: Arc::default(),
            ..self.clone()
        }
    }

    /// The same, with the challenge that was read behind the head of its request.
    pub(in crate::server) fn with_challenge(self, challenge: Option<[u8; 8]>) -> Self {
        Self { challenge, ..self }
    }

    /// Whether somebody at this address is believed who its clients are. On a connection of the proxy's own there
    /// are none.
    pub(in crate::server) fn believes(&self, state: &HostState, address: IpAddr) -> bool {
        self.speaks_for == SpeaksFor::Client && state.trusts(address)
    }

    pub(in crate::server) fn put_accepted(&self, accepted: AcceptedClient) {
        *self.accepted.lock() = Some(accepted);
    }

    pub(in crate::server) fn take_accepted(&self) -> Option<AcceptedClient> {
        self.accepted.lock().take()
    }
}

/// Until when a handshake must have been answered that begins now.
fn deadline(state: &HostState) -> Instant {
    Instant::now() + state.config().timeouts.handshake
}
