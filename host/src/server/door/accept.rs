//! Accepting connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, UnixStream};
use tokio::time::sleep;

use super::listener::{Listener, Stream};
use super::{Door, enter};
use crate::log_rate::{Line, LogRate};
use crate::server::arrival::{self, Arrival};
use crate::server::http::Registered;
use crate::server::site::Site;
use crate::server::visit::{Peer, Visit};

/// How long to wait when the system has no file descriptors left: long enough not to spin, short
/// enough that nobody notices when one comes free.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// Lines on connections that cannot be accepted.
static NOT_ACCEPTED: LogRate = LogRate::new();

/// Accepts for ever. Each connection gets a task of its own.
pub(in crate::server) async fn accept(listener: &Listener, door: &Arc<Door>, site: &Arc<Site>) {
    // This address has places of its own: who fills them shuts out nobody at another one.
    let arriving = arrival::arriving();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let arrival = Arrival::counted(&arriving, peer.ip()).await;
                receive(site, door, stream, peer, arrival);
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
pub(super) struct Accepted {
    site: Arc<Site>,
    door: Arc<Door>,
    stream: Stream,
    visit: Visit,
    arrival: Arrival,
}

/// Answers the request of a connection on the worker with the least to do.
fn receive(site: &Arc<Site>, door: &Arc<Door>, stream: Stream, peer: SocketAddr, arrival: Arrival) {
    let reception = site.ground.workers.reception();
    let (worker, runtime) = (reception.worker(), reception.runtime().clone());
    let visit = Visit::new(site, Peer::plain(peer));
    let arrival = arrival.received(reception);
    let accepted =
        Accepted { site: Arc::clone(site), door: Arc::clone(door), stream, visit, arrival };
    site.given.give(accepted, worker, &runtime);
}

impl Accepted {
    /// Serves it on the runtime of the current task.
    pub(super) async fn serve(self) {
        let Self { site, door, stream, visit, arrival } = self;
        let peer = visit.peer.address;
        let error = match stream {
            Stream::Tcp(stream) => match register(stream) {
                Ok(stream) => {
                    return enter::<_, Registered>(site, &door, stream, visit, arrival).await;
                }
                Err(error) => error,
            },
            Stream::Unix(stream) => match UnixStream::from_std(stream) {
                Ok(stream) => {
                    return enter::<_, Registered>(site, &door, stream, visit, arrival).await;
                }
                Err(error) => error,
            },
        };
        tracing::debug!(%peer, "gone before it was served: {error}");
    }
}

fn register(stream: std::net::TcpStream) -> std::io::Result<TcpStream> {
    // Messages are small and somebody waits for each.
    stream.set_nodelay(true)?;
    TcpStream::from_std(stream)
}

fn is_peers_fault(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
