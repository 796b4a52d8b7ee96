//! Accepting connections.

use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, WouldBlock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::Endpoint;
use super::accepted::AcceptedConnection;
use super::handoff::Handoff;
use super::listener::{Incoming, Listener};
use crate::log_rate::{Line, LogRate};
use crate::server::host::HostState;
use crate::server::host::request::{Peer, RequestContext};
use crate::server::permits::Permits;
use crate::server::permits::handshake::{self, HandshakePermit};
use crate::worker::Worker;

/// How long to back off when no file descriptors are left. The pause is long enough to avoid a busy loop, and short
/// enough that clients do not notice it once a descriptor is free again.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Limits the log lines about connections that cannot be accepted.
static ACCEPT_ERRORS: LogRate = LogRate::new();

/// How often the main thread checks whether connections are waiting for a worker. The main thread runs the main
/// runtime, on which the host was started. It is not a worker.
const CHECK_INTERVAL: Duration = Duration::from_millis(25);

/// For how many checks the main thread accepts connections in place of a busy worker. The main thread stops earlier if
/// the worker becomes idle.
const MAX_TAKEOVER_CHECKS: u32 = 40;

/// A listening socket. The first worker accepts its connections: if the same worker also serves a connection, no other
/// thread has to wake. While the first worker is too busy to accept, the main thread accepts and serves the
/// connections.
struct Acceptor {
    listener: Listener,
    endpoint: Arc<Endpoint>,
    state: Arc<HostState>,
    /// Each address has permits of its own: a peer that exhausts them does not block the other addresses.
    permits: Arc<Permits>,
    /// How many connections the first worker has accepted.
    accepted: AtomicUsize,
    /// Whether the main thread accepts connections, and the worker does not.
    is_taken_over: AtomicBool,
    handoff: Handoff,
}

/// Accepts connections forever. Each connection gets a task of its own.
///
/// # Cancel safety
///
/// Dropping the future stops accepting. Connections that were accepted are not affected.
pub(in crate::server) async fn accept(
    listener: Listener,
    endpoint: Arc<Endpoint>,
    state: Arc<HostState>,
) {
    let worker = state.context.workers.first();
    let acceptor = Arc::new(Acceptor {
        listener,
        endpoint,
        state,
        permits: handshake::handshake_permits(),
        accepted: AtomicUsize::new(0),
        is_taken_over: AtomicBool::new(false),
        handoff: Handoff::default(),
    });
    let on_worker = Arc::clone(&acceptor);
    let _task = AbortOnDropHandle::new(
        worker.runtime().spawn(async move { on_worker.accept_on_worker().await }),
    );
    acceptor.accept_when_worker_is_busy(&worker).await;
}

impl Acceptor {
    /// Accepts connections on the current worker.
    async fn accept_on_worker(&self) {
        let listener = loop {
            match self.listener.on_current_runtime() {
                Ok(listener) => break listener,
                Err(error) => self.note_error_and_back_off(&error).await,
            }
        };
        loop {
            match listener.accept(|| !self.is_taken_over.load(Ordering::SeqCst)).await {
                Ok(incoming) => {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    let (accepted, worker) = self.acquire_permit(incoming).await.assign_worker();
                    self.handoff.give(accepted, worker);
                }
                Err(error) => self.note_error_and_back_off(&error).await,
            }
        }
    }

    /// Accepts and serves the connections that the workers are too busy for.
    async fn accept_when_worker_is_busy(&self, worker: &Arc<Worker>) {
        let mut checks = interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut accepted, mut was_waiting) = (0, false);
        loop {
            self.reclaim_at_next_check(&mut checks).await;
            let before = std::mem::replace(&mut accepted, self.accepted.load(Ordering::Relaxed));
            let is_responsive = accepted != before || worker.is_parked();
            let is_waiting = !is_responsive && self.listener.has_pending();
            if std::mem::replace(&mut was_waiting, is_waiting) && is_waiting {
                worker.mark_late();
                self.accept_for_worker(worker, &mut checks).await;
            }
        }
    }

    /// Accepts in place of the worker until the worker is idle, for one second at most.
    async fn accept_for_worker(&self, worker: &Worker, checks: &mut Interval) {
        self.is_taken_over.store(true, Ordering::SeqCst);
        for _ in 0..MAX_TAKEOVER_CHECKS {
            self.accept_pending().await;
            self.reclaim_at_next_check(checks).await;
            if worker.is_parked() {
                break;
            }
        }
        self.is_taken_over.store(false, Ordering::SeqCst);
        // The worker gets no event for connections that arrived before it resumed. The next line accepts them.
        self.accept_pending().await;
    }

    /// Waits for the next check. Then serves the connections that their workers have not picked up in time.
    async fn reclaim_at_next_check(&self, checks: &mut Interval) {
        checks.tick().await;
        for accepted in self.handoff.reclaim() {
            tokio::spawn(accepted.serve());
        }
    }

    /// Accepts all pending connections and serves them on the current runtime.
    async fn accept_pending(&self) {
        loop {
            match self.listener.try_accept() {
                Ok(incoming) => {
                    let accepted = self.acquire_permit(incoming).await;
                    tokio::spawn(accepted.serve());
                }
                Err(error) if error.kind() == WouldBlock => return,
                Err(error) => self.note_error_and_back_off(&error).await,
            }
        }
    }

    /// Waits until the connection gets a permit.
    async fn acquire_permit(&self, incoming: Incoming) -> AcceptedConnection {
        let Incoming { stream, peer, local } = incoming;
        let handshakes = &self.state.context.open_handshakes;
        let permit = HandshakePermit::acquire(&self.permits, peer.ip(), handshakes).await;
        let context = RequestContext::new(&self.state, Peer::plain(peer).at(local));
        let (state, endpoint) = (Arc::clone(&self.state), Arc::clone(&self.endpoint));
        AcceptedConnection { state, endpoint, stream, context, permit }
    }

    /// Logs and counts the error, and backs off, unless the error is about a single connection.
    async fn note_error_and_back_off(&self, error: &std::io::Error) {
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            tracing::debug!("a connection was not accepted: {error}");
            return;
        }
        self.state.context.metrics.accept_errors.increment();
        if let Some(Line { left_out }) = ACCEPT_ERRORS.line(Instant::now()) {
            tracing::warn!(
                left_out,
                "cannot accept connections: {error}; more file descriptors (ulimit -n) may help"
            );
        }
        sleep(ACCEPT_BACKOFF).await;
    }
}
