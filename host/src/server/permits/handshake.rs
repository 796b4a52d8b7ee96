//! How many connections there may be that are no clients, each kind with a bound of its own.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Eviction, Permit, Permits};
use crate::worker::HandshakeLoad;

/// How many connections may have sent no request yet, at one of the server's addresses. The next one waits until one of
/// them gives way.
const MAX_HANDSHAKES: usize = 1024;

/// For how long one of them is waited for, if the others are of the same client's address: when a program opens
/// thousands of connections at once, each may take so long.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(3);

/// How many connections may be open that have had an answer, to ask for more. Others are closed behind their answer.
const MAX_KEEP_ALIVE: usize = 1024;

/// How many answers may be on their way that do not go at once: those of HTTP/2, and long ones of HTTP/1.1. For the next
/// one, one of which its client takes nothing is cut off, or the next one gets 503.
const MAX_RESPONSES: usize = 1024;

/// For how long one of them is waited for, if the others go to the same address.
const RESPONSE_PATIENCE: Duration = Duration::from_secs(2);

/// How many connections may wait behind their last answer until the client has closed too. Others do not wait.
pub(in crate::server) const MAX_LINGERING: usize = 1024;

/// What a connection is counted as until it is a client's. It counts no more when this is dropped.
pub(in crate::server) struct HandshakePermit {
    load: Option<HandshakeLoad>,
    permit: Option<Permit>,
    eviction: Option<Eviction>,
    keep_alive: Option<OwnedSemaphorePermit>,
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Room {
    Found,
    None,
}

impl HandshakePermit {
    /// Of a connection that somebody else has accepted, and counts.
    pub(in crate::server) const UNCOUNTED: Self =
        Self { load: None, permit: None, eviction: None, keep_alive: None };

    /// Counts among those that have sent no request yet. Waits for a place.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(in crate::server) async fn acquire(arriving: &Arc<Permits>, address: IpAddr) -> Self {
        let (permit, eviction) = arriving.take(address).await;
        Self { permit: Some(permit), eviction: Some(eviction), ..Self::UNCOUNTED }
    }

    /// Counts on the worker that receives it, too.
    pub(in crate::server) fn assigned_to(self, load: HandshakeLoad) -> Self {
        Self { load: Some(load), ..self }
    }

    /// Waits for the client, from when this is polled first, until the connection must give way to another one: never,
    /// once there is a request.
    pub(in crate::server) fn evicted(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let wait = self.permit.as_ref().map(Permit::wait);
        let eviction = self.eviction.take();
        async move {
            match (wait, eviction) {
                (Some(wait), Some(eviction)) => {
                    wait.await;
                    eviction.requested().await;
                }
                _ => pending().await,
            }
        }
    }

    /// There is a request: what becomes of it has a bound of its own.
    pub(in crate::server) fn request_received(&mut self) {
        self.permit = None;
    }

    /// Goes on among those that have had an answer, if there is room.
    pub(in crate::server) fn keep_alive(&mut self, permits: &Arc<Semaphore>) -> Room {
        if self.keep_alive.is_none() {
            let Ok(permit) = Arc::clone(permits).try_acquire_owned() else { return Room::None };
            self.release();
            self.keep_alive = Some(permit);
        }
        Room::Found
    }

    /// The connection counts as something else now.
    pub(in crate::server) fn release(&mut self) {
        (self.load, self.permit, self.keep_alive) = (None, None, None);
    }
}

/// Places for connections of one address that have sent no request yet.
pub(in crate::server) fn handshake_permits() -> Arc<Permits> {
    Permits::new(MAX_HANDSHAKES, HANDSHAKE_PATIENCE)
}

/// Places for connections that have had an answer.
pub(in crate::server) fn keep_alive_permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_KEEP_ALIVE))
}

/// Places for answers that are on their way.
pub(in crate::server) fn response_permits() -> Arc<Permits> {
    Permits::new(MAX_RESPONSES, RESPONSE_PATIENCE)
}
