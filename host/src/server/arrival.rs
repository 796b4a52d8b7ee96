//! Connections that are in front of their handshake's end, counted.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::worker::Reception;

/// How many connections may be in front of their handshake's end at once. The next ones wait in the
/// system's backlog.
const MAX_HANDSHAKES: usize = 1024;

/// The place of a connection that is in front of its handshake's end. Free again when it is dropped.
pub(super) struct Arrival {
    _held: Option<(Reception, OwnedSemaphorePermit)>,
}

impl Arrival {
    /// Of a connection that somebody else has accepted, and counts.
    pub(super) const UNCOUNTED: Self = Self { _held: None };

    /// Counts on the worker that receives it, and among all handshakes.
    pub(super) fn counted(reception: Reception, permit: OwnedSemaphorePermit) -> Self {
        Self { _held: Some((reception, permit)) }
    }
}

/// Places for connections that are in front of their handshake's end, at all addresses together.
pub(super) fn handshakes() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_HANDSHAKES))
}
