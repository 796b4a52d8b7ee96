//! Accepting connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::listener::{Listener, Stream};
use super::{Door, enter};
use crate::server::arrival::Arrival;
use crate::server::http::{Moving, Registered};
use crate::server::site::Site;
use crate::server::visit::{Peer, Visit};

/// How long to wait when the system has no file descriptors left: long enough not to spin, short
/// enough that nobody notices when one comes free.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// Accepts for ever. Each connection gets a task of its own.
pub(in crate::server) async fn accept(
    listener: &Listener,
    door: &Arc<Door>,
    site: &Arc<Site>,
    handshakes: &Arc<Semaphore>,
) {
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(handshakes).acquire_owned().await {
        match listener.accept().await {
            Ok((Stream::Tcp(stream), peer)) => {
                // Messages are small and somebody waits for each.
                match stream.set_nodelay(true) {
                    Ok(()) => receive(site, door, stream, peer, permit),
                    Err(error) => tracing::debug!(%peer, "gone before it was served: {error}"),
                }
            }
            Ok((Stream::Unix(stream), peer)) => receive(site, door, stream, peer, permit),
            Err(error) if is_peers_fault(&error) => tracing::debug!("not accepted: {error}"),
            Err(error) => {
                tracing::warn!(
                    "cannot accept connections: {error}; more file descriptors (ulimit -n) may help"
                );
                sleep(OUT_OF_RESOURCES).await;
            }
        }
    }
}

/// Answers the request of a connection on the worker with the least to do.
fn receive<S>(
    site: &Arc<Site>,
    door: &Arc<Door>,
    stream: S,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    Registered: Moving<S>,
{
    let (site, door) = (Arc::clone(site), Arc::clone(door));
    let reception = site.ground.workers.reception();
    let runtime = reception.runtime().clone();
    let visit = Visit::new(&site, Peer::plain(peer));
    if reception.is_here() {
        let arrival = Arrival::counted(reception, permit);
        runtime.spawn(async move {
            enter::<_, Registered>(site, &door, stream, visit, arrival).await;
        });
        return;
    }
    let arrival = Arrival::counted(reception, permit);
    // A socket belongs to the runtime that waits for it: it has to leave this one first.
    let moved = Registered::pack(stream);
    runtime.spawn(async move {
        match moved.and_then(Registered::unpack) {
            Ok(stream) => enter::<S, Registered>(site, &door, stream, visit, arrival).await,
            Err(error) => tracing::debug!(%peer, "gone before it was served: {error}"),
        }
    });
}

fn is_peers_fault(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
