//! Accepting connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::listener::{Listener, Stream};
use super::{Door, enter};
use crate::log_rate::{Line, LogRate};
use crate::server::arrival::Arrival;
use crate::server::http::{Moving, Registered};
use crate::server::site::Site;
use crate::server::visit::{Peer, Visit};
use crate::worker::Reception;

/// How long to wait when the system has no file descriptors left: long enough not to spin, short
/// enough that nobody notices when one comes free.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// For how long a connection may wait for its worker to pick it up. A worker that is busy with many short events
/// takes less.
const PATIENCE: Duration = Duration::from_millis(50);

/// Lines on connections that cannot be accepted.
static NOT_ACCEPTED: LogRate = LogRate::new();

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
            // Messages are small and somebody waits for each.
            Ok((Stream::Tcp(stream), peer)) => match stream.set_nodelay(true) {
                Ok(()) => receive::<TcpStream>(site, door, stream, peer, permit),
                Err(error) => tracing::debug!(%peer, "gone before it was served: {error}"),
            },
            Ok((Stream::Unix(stream), peer)) => {
                receive::<UnixStream>(site, door, stream, peer, permit);
            }
            Err(error) if is_peers_fault(&error) => tracing::debug!("not accepted: {error}"),
            Err(error) => {
                if let Some(Line { left_out }) = NOT_ACCEPTED.line(Instant::now()) {
                    tracing::warn!(
                        left_out,
                        "cannot accept connections: {error}; more file descriptors (ulimit -n) may help"
                    );
                }
                sleep(OUT_OF_RESOURCES).await;
            }
        }
    }
}

/// A connection that was accepted and is not served yet.
struct Accepted<S>
where
    Registered: Moving<S>,
{
    site: Arc<Site>,
    door: Arc<Door>,
    stream: <Registered as Moving<S>>::Parcel,
    visit: Visit,
    reception: Reception,
    permit: OwnedSemaphorePermit,
}

/// Answers the request of a connection on the worker with the least to do. If that does not come round to it, it is
/// answered here: whoever asks how the server is must not wait for guests.
fn receive<S>(
    site: &Arc<Site>,
    door: &Arc<Door>,
    stream: <Registered as Moving<S>>::Parcel,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    Registered: Moving<S>,
{
    let reception = site.ground.workers.reception();
    let runtime = reception.runtime().clone();
    let visit = Visit::new(site, Peer::plain(peer));
    let (site, door) = (Arc::clone(site), Arc::clone(door));
    let accepted = Accepted { site, door, stream, visit, reception, permit };
    // Whoever is the first takes it.
    let waiting = Arc::new(Mutex::new(Some(accepted)));
    let taking = Arc::clone(&waiting);
    runtime.spawn(async move {
        let Some(accepted) = taking.lock().take() else { return };
        accepted.serve().await;
    });
    tokio::spawn(async move {
        sleep(PATIENCE).await;
        let Some(accepted) = waiting.lock().take() else { return };
        accepted.reception.fell_behind();
        tokio::spawn(accepted.serve());
    });
}

impl<S> Accepted<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    Registered: Moving<S>,
{
    /// Serves it on the runtime of the current task.
    async fn serve(self) {
        let Self { site, door, stream, visit, reception, permit } = self;
        let arrival = Arrival::counted(reception, permit);
        match Registered::unpack(stream) {
            Ok(stream) => enter::<S, Registered>(site, &door, stream, visit, arrival).await,
            Err(error) => {
                tracing::debug!(peer = %visit.peer.address, "gone before it was served: {error}");
            }
        }
    }
}

fn is_peers_fault(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
