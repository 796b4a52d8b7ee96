//! The protocol between two hosts. Over it, the clients of one host reach the actors of the other.
//!
//! ```text
//! edge                                                            owner
//! dial ─────────────── TCP, and TLS or two proofs of a secret ───────────▶ accept
//! opening: who the client is, and the head of its request ───────────────▶ HTTP/1.1, as from a client
//! response ◀────────────────────────────────────────── 101, or another response
//! ```
//!
//! Both sides state the name of their cluster when they authenticate.
//!
//! After the 101, both sides exchange the bytes of the client's WebSocket, which the edge does not parse. A peer's
//! statements about a client are not believed before the peer has authenticated ([`Trust`]).

mod accept;
mod dial;
mod error;
mod hex;
mod opening;
mod origin;
mod reader;
mod response;
mod secret;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::accept::{Opened, accept_opening};
pub(crate) use self::dial::{OwnerStream, dial};
pub(crate) use self::error::{PeerError, RelayError, SetupError};
pub(crate) use self::opening::{Opening, Request};
pub(crate) use self::origin::Origin;
pub(crate) use self::response::{OwnerResponse, ResponseError, read_response};
pub(crate) use self::secret::Secret;
pub(crate) use self::tls::PeerTls;
use crate::config;

/// How hosts authenticate to each other.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// The two hosts share a secret. Their connection is not encrypted.
    Secret(Secret),
    /// Both hosts have certificates of the cluster's authority.
    Tls(PeerTls),
}

/// Everything that a host needs to reach other hosts, and to be reached by them.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) trust: Trust,
    /// The name of the cluster. Hosts of different clusters relay no clients to each other, even if they trust each
    /// other: a path in one cluster has nothing to do with the same path in another.
    pub(crate) cluster: Arc<str>,
    /// The name of this host. No other host and no earlier run of this host has the same name.
    pub(crate) host: Arc<str>,
    /// How long a peer may leave the kernel's probes unanswered. After that, the peer's connection is closed.
    pub(crate) max_silence: Duration,
}

impl Peers {
    /// Loads the files that the settings name. Returns `None` if other hosts are not supposed to reach this host.
    ///
    /// # Errors
    ///
    /// An error if the secret or a certificate cannot be used.
    pub(crate) fn load(cluster: &config::Cluster) -> Result<Option<Self>, SetupError> {
        let Some(settings) = &cluster.peers else { return Ok(None) };
        let trust = match (&settings.secret, &cluster.ca, &cluster.identity) {
            (Some(file), ..) => Trust::Secret(Secret::read(file)?),
            (None, Some(ca), Some((certificate, key))) => {
                Trust::Tls(PeerTls::load(ca, certificate, key)?)
            }
            // The configuration check has refused peers without a way to authenticate.
            (None, ..) => return Ok(None),
        };
        let host = hex::encode(&secret::nonce()[..8]).into();
        let cluster = Arc::clone(&cluster.name);
        Ok(Some(Self { trust, cluster, host, max_silence: settings.lease }))
    }

    /// Returns the secret with which hosts authenticate each other. Returns `None` if they use certificates.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        match &self.trust {
            Trust::Secret(secret) => Some(secret),
            Trust::Tls(_) => None,
        }
    }
}

/// Sets the options of the sockets between hosts. If a peer leaves the kernel's probes unanswered for about
/// `max_silence`, its connection is closed. The kernel sends probes while no bytes are waiting to be sent to the peer.
pub(crate) fn set_socket_options(
    socket: &impl std::os::fd::AsFd,
    max_silence: Duration,
) -> std::io::Result<()> {
    let socket = socket2::SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(MAX_UNSENT)?;
    // The kernel's unit is one second. A dead peer is detected after `idle` and two more probes.
    let idle = (max_silence / 2).max(MIN_PROBE);
    let interval = (max_silence / 4).max(MIN_PROBE);
    let probes = socket2::TcpKeepalive::new().with_time(idle).with_interval(interval);
    socket.set_tcp_keepalive(&probes.with_retries(2))
}

/// Sets how long bytes may wait to be sent to the owner. The owner may hold back the client by not reading, and the
/// kernel counts that time too. So the limit must be longer than the time for which the owner tolerates a client that
/// does not read.
fn set_send_timeout(socket: &impl std::os::fd::AsFd, max_silence: Duration) -> std::io::Result<()> {
    socket2::SockRef::from(socket).set_tcp_user_timeout(Some(max_silence.max(MIN_SEND_TIMEOUT)))
}

const MIN_SEND_TIMEOUT: Duration = Duration::from_secs(120);

/// The same limit as for the sockets of clients. Output beyond it stays in the owner's outbound buffer, where other
/// limits apply.
const MAX_UNSENT: u32 = 128 << 10;

const MIN_PROBE: Duration = Duration::from_secs(1);

/// Returns the host part of an address, without the port and without brackets.
fn name_of(address: &str) -> &str {
    match address.parse::<SocketAddr>() {
        Ok(SocketAddr::V6(_)) => {
            address.rsplit_once(':').map_or(address, |(name, _)| name.trim_matches(['[', ']']))
        }
        _ => address.rsplit_once(':').map_or(address, |(name, _)| name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dead_peers_are_noticed_and_bytes_do_not_wait_for_more() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        set_socket_options(&listener, Duration::from_secs(20)).expect("options");
        let address = listener.local_addr().expect("an address");
        let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        set_socket_options(&stream, Duration::from_millis(900)).expect("options");
        set_send_timeout(&stream, Duration::from_secs(20)).expect("an option");
        let (accepted, _) = listener.accept().await.expect("a connection");
        // Accepted sockets inherit the options.
        for (socket, idle, interval) in [(&stream, 1, 1), (&accepted, 10, 5)] {
            let socket = socket2::SockRef::from(socket);
            assert!(socket.keepalive().expect("an option"));
            let time = Duration::from_secs(idle);
            assert_eq!(socket.tcp_keepalive_time().expect("an option"), time);
            let time = Duration::from_secs(interval);
            assert_eq!(socket.tcp_keepalive_interval().expect("an option"), time);
            assert_eq!(socket.tcp_keepalive_retries().expect("an option"), 2);
            assert!(socket.tcp_nodelay().expect("an option"));
        }
        let timeout = socket2::SockRef::from(&stream).tcp_user_timeout().expect("an option");
        assert_eq!(timeout, Some(MIN_SEND_TIMEOUT));
        let none = socket2::SockRef::from(&accepted).tcp_user_timeout().expect("an option");
        assert_eq!(none, None);
    }
}
