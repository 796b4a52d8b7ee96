//! Accepting connections.

use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, WouldBlock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::handoff::Handoff;
use super::listener::{Incoming, Listener, Stream};
use super::{Endpoint, serve_connection};
use crate::log_rate::{Line, LogRate};
use crate::server::host::HostState;
use crate::server::host::request::{Peer, RequestContext};
use crate::server::permits::Permits;
use crate::server::permits::handshake::{self, HandshakePermit};
use crate::server::stream::SocketTransfer;
use crate::worker::Worker;

/// How long to wait when the system has no file descriptors left: long enough not to spin, short
/// enough that nobody notices when one comes free.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// Lines on connections that cannot be accepted.
static NOT_ACCEPTED: LogRate = LogRate::new();

/// How often is looked whether connections wait for a worker.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// For how many looks a worker that did is not to accept, unless it has nothing to do before.
const LEFT_FOR: u32 = 40;

/// A socket whose connections the first worker accepts: whoever accepts one serves it without waking another thread.
/// While the worker does not come round to it, this is done, and they are served, by what operates the server.
struct Acceptor {
    listener: Listener,
    endpoint: Arc<Endpoint>,
    state: Arc<HostState>,
    /// This address has places of its own: who fills them shuts out nobody at another one.
    permits: Arc<Permits>,
    /// How many the worker has accepted.
    accepted: AtomicUsize,
    /// The worker is to leave them.
    is_left: AtomicBool,
    handoff: Handoff,
}

/// Accepts for ever. Each connection gets a task of its own.
///
/// # Cancel safety
///
/// Nobody is accepted any more when the future is dropped.
pub(in crate::server) async fn accept(
    listener: Listener,
    endpoint: Arc<Endpoint>,
    state: Arc<HostState>,
) {
    let worker = state.context.workers.first();
    let accepting = Arc::new(Acceptor {
        listener,
        endpoint,
        state,
        permits: handshake::handshake_permits(),
        accepted: AtomicUsize::new(0),
        is_left: AtomicBool::new(false),
        handoff: Handoff::default(),
    });
    let working = Arc::clone(&accepting);
    let _working = AbortOnDropHandle::new(
        worker.runtime().spawn(async move { working.accept_on_worker().await }),
    );
    accepting.accept_when_worker_is_busy(&worker).await;
}

impl Acceptor {
    /// Accepts on the worker that runs this.
    async fn accept_on_worker(&self) {
        let waiting = loop {
            match self.listener.on_current_runtime() {
                Ok(waiting) => break waiting,
                Err(error) => not_accepted(&error).await,
            }
        };
        loop {
            match waiting.accept(|| !self.is_left.load(Ordering::SeqCst)).await {
                Ok(incoming) => {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    let (accepted, worker) = self.admit(incoming).await.assigned();
                    self.handoff.give(accepted, worker);
                }
                Err(error) => not_accepted(&error).await,
            }
        }
    }

    /// Serves what the workers do not come round to.
    async fn accept_when_worker_is_busy(&self, worker: &Arc<Worker>) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut accepted, mut has_waited) = (0, false);
        loop {
            self.wait_and_take_back(&mut looks).await;
            let before = std::mem::replace(&mut accepted, self.accepted.load(Ordering::Relaxed));
            let comes_round = accepted != before || worker.is_parked();
            let waits = !comes_round && self.listener.has_pending();
            if std::mem::replace(&mut has_waited, waits) && waits {
                worker.mark_late();
                self.accept_in_place_of(worker, &mut looks).await;
            }
        }
    }

    /// Accepts until the worker has nothing else to do, and for a second at most.
    async fn accept_in_place_of(&self, worker: &Worker, looks: &mut Interval) {
        self.is_left.store(true, Ordering::SeqCst);
        for _ in 0..LEFT_FOR {
            self.accept_waiting().await;
            self.wait_and_take_back(looks).await;
            if worker.is_parked() {
                break;
            }
        }
        self.is_left.store(false, Ordering::SeqCst);
        // Of those who came before that, the worker does not hear.
        self.accept_waiting().await;
    }

    /// Waits until it is time to look, and serves here what was given in vain.
    async fn wait_and_take_back(&self, looks: &mut Interval) {
        looks.tick().await;
        for accepted in self.handoff.take_back() {
            tokio::spawn(accepted.serve());
        }
    }

    /// Serves all that wait, here.
    async fn accept_waiting(&self) {
        loop {
            match self.listener.try_accept() {
                Ok(incoming) => {
                    let accepted = self.admit(incoming).await;
                    tokio::spawn(accepted.serve());
                }
                Err(error) if error.kind() == WouldBlock => return,
                Err(error) => not_accepted(&error).await,
            }
        }
    }

    async fn admit(&self, incoming: Incoming) -> AcceptedConnection {
        let Incoming { stream, peer, local } = incoming;
        let permit = HandshakePermit::acquire(&self.permits, peer.ip()).await;
        let context = RequestContext::new(&self.state, Peer::plain(peer).at(local));
        let (state, endpoint) = (Arc::clone(&self.state), Arc::clone(&self.endpoint));
        AcceptedConnection { state, endpoint, stream, context, permit }
    }
}

/// Waits, if that may help.
async fn not_accepted(error: &std::io::Error) {
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::debug!("not accepted: {error}");
        return;
    }
    if let Some(Line { left_out }) = NOT_ACCEPTED.line(Instant::now()) {
        tracing::warn!(
            left_out,
            "cannot accept connections: {error}; more file descriptors (ulimit -n) may help"
        );
    }
    sleep(OUT_OF_RESOURCES).await;
}

/// A connection that was accepted and is not served yet.
pub(super) struct AcceptedConnection {
    state: Arc<HostState>,
    endpoint: Arc<Endpoint>,
    stream: Stream,
    context: RequestContext,
    permit: HandshakePermit,
}

impl AcceptedConnection {
    /// Counts it on the worker with the least to do, which is to serve it.
    fn assigned(self) -> (Self, Arc<Worker>) {
        let load = self.state.context.workers.assign_handshake();
        let worker = load.worker();
        (Self { permit: self.permit.assigned_to(load), ..self }, worker)
    }

    /// Serves it on the runtime of the current task.
    pub(super) async fn serve(self) {
        let Self { state, endpoint, stream, context, permit } = self;
        let peer = context.peer.address;
        let error = match stream {
            Stream::Tcp(stream) => match register(stream) {
                Ok(stream) => {
                    return serve_connection::<_, SocketTransfer>(
                        state, &endpoint, stream, context, permit,
                    )
                    .await;
                }
                Err(error) => error,
            },
            Stream::Unix(stream) => match UnixStream::from_std(stream) {
                Ok(stream) => {
                    return serve_connection::<_, SocketTransfer>(
                        state, &endpoint, stream, context, permit,
                    )
                    .await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_of_a_connection_has_no_room_for_what_few_connections_do() {
        fn bytes<F>(_: impl Fn(AcceptedConnection) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = bytes(AcceptedConnection::serve);
        // Of a request over HTTP/1.1 or the beginning of HTTP/2. With that of TLS it would be 12,500.
        assert!(bytes <= 5000, "{bytes}");
    }
}
