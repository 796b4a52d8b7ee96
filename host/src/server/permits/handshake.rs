//! Limits for connections that are not WebSocket clients. Each stage of such a connection has its own limit.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{Eviction, Permit, Permits};
use crate::worker::HandshakeWorker;

/// How many connections of one listening address may be waiting to send their first request. The next connection waits
/// until one of them is evicted or makes progress.
const MAX_HANDSHAKES: usize = 1024;

/// A connection that has sent no request is evicted only after it has been idle for this long. The address with the
/// most permits is an exception: if it holds at least two more permits than the address of the new connection, one of
/// its idle connections is evicted at once. A program may open thousands of connections at once, and each of them may
/// take this long to send its request.
const HANDSHAKE_GRACE: Duration = Duration::from_secs(3);

/// How many connections may be kept alive between requests. The others are closed after their response.
const MAX_KEEP_ALIVE: usize = 1024;

/// How many responses may be in flight. This counts only responses that might not fit into a socket's send buffer: all
/// responses over HTTP/2, and long ones over HTTP/1.1. When the limit is reached, a new response evicts a response that
/// is not being read by its client. If there is no such response, the new one becomes a 503.
const MAX_RESPONSES: usize = 1024;

/// A response that counts towards [`MAX_RESPONSES`] is evicted only if its client has read nothing of it for this long.
/// The address with the most permits is an exception: if it holds at least two more permits than the address of the new
/// response, one of its idle responses is evicted at once.
const RESPONSE_GRACE: Duration = Duration::from_secs(2);

/// How many connections may wait, after their last response, for the client to close its side. Any further connections
/// are closed at once.
pub(in crate::server) const MAX_LINGERING: usize = 1024;

/// The permits that a connection holds until it has become a client: one for each limit that it counts towards.
/// Dropping this value frees all of them.
pub(in crate::server) struct HandshakePermit {
    worker: Option<HandshakeWorker>,
    permit: Option<Permit>,
    eviction: Option<Eviction>,
    keep_alive: Option<OwnedSemaphorePermit>,
    /// If the listening sockets outlive the server, the server waits for this token to be dropped before it drains. It
    /// waits no longer than the handshake timeout.
    token: Option<TaskTrackerToken>,
}

impl HandshakePermit {
    /// The permit of a connection that another program has accepted. It counts towards no limit.
    pub(in crate::server) const UNCOUNTED: Self =
        Self { worker: None, permit: None, eviction: None, keep_alive: None, token: None };

    /// Waits for a permit for a connection that has sent no request yet.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(in crate::server) async fn acquire(
        permits: &Arc<Permits>,
        address: IpAddr,
        handshakes: &TaskTracker,
    ) -> Self {
        let token = Some(handshakes.token());
        let (permit, eviction) = permits.acquire(address).await;
        Self { permit: Some(permit), eviction: Some(eviction), token, ..Self::UNCOUNTED }
    }

    /// Adds the connection to the load of the worker that serves its handshake.
    pub(in crate::server) fn assigned_to(self, worker: HandshakeWorker) -> Self {
        Self { worker: Some(worker), ..self }
    }

    /// Waits until the connection is evicted. The connection counts as idle from the first poll on. Never resolves if a
    /// request is received first.
    pub(in crate::server) fn evicted(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let mark_idle = self.permit.as_ref().map(Permit::mark_idle);
        let eviction = self.eviction.take();
        async move {
            match (mark_idle, eviction) {
                (Some(mark_idle), Some(eviction)) => {
                    mark_idle.await;
                    eviction.requested().await;
                }
                _ => pending().await,
            }
        }
    }

    /// Records that a request has been received. The response to it has its own limit.
    pub(in crate::server) fn request_received(&mut self) {
        self.permit = None;
    }

    /// Exchanges the permit for one that keeps the connection alive. Returns false if no such permit is free.
    pub(in crate::server) fn try_keep_alive(&mut self, permits: &Arc<Semaphore>) -> bool {
        if self.keep_alive.is_none() {
            let Ok(permit) = Arc::clone(permits).try_acquire_owned() else { return false };
            self.release();
            self.keep_alive = Some(permit);
        }
        true
    }

    /// Frees the permits, because the connection counts towards a different limit now.
    pub(in crate::server) fn release(&mut self) {
        (self.worker, self.permit, self.keep_alive, self.token) = (None, None, None, None);
    }
}

/// Creates the permits of one listening address, for connections that have sent no request yet.
pub(in crate::server) fn handshake_permits() -> Arc<Permits> {
    Permits::new(MAX_HANDSHAKES, HANDSHAKE_GRACE)
}

/// Creates the permits for connections that are kept alive between requests.
pub(in crate::server) fn keep_alive_permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_KEEP_ALIVE))
}

/// Creates the permits for responses in flight.
pub(in crate::server) fn response_permits() -> Arc<Permits> {
    Permits::new(MAX_RESPONSES, RESPONSE_GRACE)
}
