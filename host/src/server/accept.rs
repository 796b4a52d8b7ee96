//! Accepting TCP connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::http;
use super::moving::{Moving, Registered};
use super::site::Site;

/// How many connections may be in front of their handshake's end at once. The next ones wait in the
/// system's backlog.
const MAX_HANDSHAKES: usize = 1024;

/// How long to wait when the system has no file descriptors left: long enough not to spin, short
/// enough that nobody notices when one comes free.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// Places for connections that are in front of their handshake's end, at all addresses together.
pub(super) fn handshakes() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_HANDSHAKES))
}

/// Accepts for ever at an address of the configuration. Each connection gets a task of its own.
pub(super) async fn accept(
    listener: &TcpListener,
    address: SocketAddr,
    site: &Arc<Site>,
    handshakes: &Arc<Semaphore>,
) {
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(handshakes).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Messages are small and somebody waits for each.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer, "gone before it was served: {error}");
                    continue;
                }
                receive(Arc::clone(site), stream, peer, address, permit);
            }
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
fn receive(
    site: Arc<Site>,
    stream: TcpStream,
    peer: SocketAddr,
    address: SocketAddr,
    permit: OwnedSemaphorePermit,
) {
    let reception = site.ground.workers.reception();
    let runtime = reception.runtime().clone();
    if reception.is_here() {
        runtime.spawn(async move {
            http::serve_socket(site, stream, peer, address).await;
            drop((reception, permit));
        });
        return;
    }
    // A socket belongs to the runtime that waits for it: it has to leave this one first.
    let moved = Registered::pack(stream);
    runtime.spawn(async move {
        match moved.and_then(Registered::unpack) {
            Ok(stream) => http::serve_socket(site, stream, peer, address).await,
            Err(error) => tracing::debug!(%peer, "gone before it was served: {error}"),
        }
        drop((reception, permit));
    });
}

fn is_peers_fault(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
