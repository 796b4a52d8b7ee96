//! A client whose actor lives on another host: bytes are copied between the client and that host.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::RelayedEntry;
use crate::clients::ConnectionId;
use crate::cluster::relay::OwnerStream;
use crate::config::ResourceConfig;
use crate::connection::{self, ConnectionGuard, Ends, RelayEnd};
use crate::worker::{HandshakeWorker, Worker};

/// A client whose actor is on another host. That host, the owner, has accepted the client.
pub(in crate::server) struct RelayedClient {
    pub(in crate::server::host) owner: OwnerStream,
    /// The head of the owner's response.
    pub(in crate::server::host) head: Vec<u8>,
    /// Bytes that followed the head.
    pub(in crate::server::host) early: Vec<u8>,
    /// The worker that copies the bytes.
    pub(in crate::server::host) worker: HandshakeWorker,
    pub(in crate::server::host) guard: Arc<ConnectionGuard>,
    pub(in crate::server::host) entry: RelayedEntry,
    /// Cancelled when the owner's lease is fenced.
    pub(in crate::server::host) fenced: CancellationToken,
    pub(in crate::server::host) settings: Arc<ResourceConfig>,
    pub(in crate::server::host) peer: SocketAddr,
    pub(in crate::server::host) connection: ConnectionId,
}

impl RelayedClient {
    /// Returns the head of the owner's response, byte for byte.
    pub(in crate::server) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Returns the worker that copies the bytes.
    pub(in crate::server) fn worker(&self) -> Arc<Worker> {
        self.worker.worker()
    }

    /// Copies bytes until the connection ends. `first` holds bytes that have already been read from the client.
    pub(in crate::server) async fn run<S>(self, mut client: S, first: Vec<u8>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Self {
            mut owner,
            early,
            worker,
            guard,
            entry,
            fenced,
            settings,
            peer,
            connection,
            head,
        } = self;
        drop(head);
        let ends = Ends {
            // The timeout begins when the future is first polled.
            client_closes: guard.run_evictable(async { sleep(settings.timeouts.close).await }),
            owner_fenced: fenced.cancelled(),
            settings: &settings,
        };
        let end = connection::relay(&mut client, &mut owner, first, early, ends).await;
        match end {
            // The reset discards the bytes that have not reached the owner yet. The owner does not need them, and it
            // may be dead.
            RelayEnd::ClientLost(_) | RelayEnd::ClientStalled | RelayEnd::OwnerFenced => {
                owner.reset();
            }
            RelayEnd::Closed | RelayEnd::ClientStayed | RelayEnd::OwnerLost(_) => {}
        }
        tracing::debug!(connection = connection.0, %peer, "relaying ended: {end}");
        drop((client, owner, worker, entry));
    }
}
