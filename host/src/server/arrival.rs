//! How many connections there may be that are no clients, each kind with a bound of its own.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::worker::Reception;

/// How many connections may be without an answer to their first request at once. The next ones wait in the
/// system's backlog.
const MAX_HANDSHAKES: usize = 1024;

/// How many connections may be open that have had an answer, to ask for more. Others are closed behind their answer.
const MAX_ANSWERED: usize = 1024;

/// How many connections of HTTP/1.1 may wait behind their last answer until the client has closed too. Others do not
/// wait.
pub(super) const MAX_LEAVING: usize = 1024;

/// The place of a connection that has had no answer; free again when it is dropped.
pub(super) struct Arrival {
    _held: Option<(Reception, OwnedSemaphorePermit)>,
    answered: Option<OwnedSemaphorePermit>,
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Found,
    None,
}

impl Arrival {
    /// Of a connection that somebody else has accepted, and counts.
    pub(super) const UNCOUNTED: Self = Self { _held: None, answered: None };

    /// Counts on the worker that receives it, and among all without an answer.
    pub(super) fn counted(reception: Reception, permit: OwnedSemaphorePermit) -> Self {
        Self { _held: Some((reception, permit)), answered: None }
    }

    /// Goes on among those that have had an answer, if there is room.
    pub(super) fn answered(&mut self, places: &Arc<Semaphore>) -> Room {
        if self.answered.is_none() {
            let Ok(permit) = Arc::clone(places).try_acquire_owned() else { return Room::None };
            *self = Self { _held: None, answered: Some(permit) };
        }
        Room::Found
    }
}

/// Places for connections that have had no answer, at all addresses together.
pub(super) fn handshakes() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_HANDSHAKES))
}

/// Places for connections that have had an answer.
pub(super) fn answered() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_ANSWERED))
}
