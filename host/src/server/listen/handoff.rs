//! Connections that were handed to a worker, until the worker picks them up.
//!
//! A connection that is not picked up in time is reclaimed, and the main thread serves it. Otherwise a health check
//! would have to wait for guests. The main thread runs the main runtime, on which the host was started, and never calls
//! a guest. The worker and the main thread may both try to take a connection, and whichever is first gets it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::accepted::AcceptedConnection;
use crate::worker::Worker;

/// The time within which a worker must pick up a connection. Even a worker that is busy with many short events picks up
/// a connection sooner.
const PICKUP_TIMEOUT: Duration = Duration::from_millis(40);

/// Connections that wait for their worker. Some may have been picked up already and not removed yet.
#[derive(Default)]
pub(super) struct Handoff(Mutex<VecDeque<Pending>>);

struct Pending {
    since: Instant,
    worker: Arc<Worker>,
    connection: Arc<Mutex<Option<AcceptedConnection>>>,
}

impl Handoff {
    /// Hands a connection to a worker, which serves it.
    pub(super) fn give(&self, accepted: AcceptedConnection, worker: Arc<Worker>) {
        let connection = Arc::new(Mutex::new(Some(accepted)));
        let slot = Arc::clone(&connection);
        worker.runtime().spawn(async move {
            let accepted = slot.lock().take();
            drop(slot);
            if let Some(accepted) = accepted {
                accepted.serve().await;
            }
        });
        let mut pending = self.0.lock();
        drop_picked_up(&mut pending);
        pending.push_back(Pending { since: Instant::now(), worker, connection });
    }

    /// Returns the connections that were not picked up in time. Their workers are marked late, so they get no more
    /// connections until they respond.
    pub(super) fn reclaim(&self) -> Vec<AcceptedConnection> {
        let mut reclaimed = Vec::new();
        let mut pending = self.0.lock();
        drop_picked_up(&mut pending);
        let is_late = |oldest: &mut Pending| oldest.since.elapsed() >= PICKUP_TIMEOUT;
        while let Some(late) = pending.pop_front_if(is_late) {
            if let Some(accepted) = late.connection.lock().take() {
                late.worker.mark_late();
                reclaimed.push(accepted);
            }
        }
        reclaimed
    }
}

/// Drops the picked-up connections at the front of the queue.
fn drop_picked_up(pending: &mut VecDeque<Pending>) {
    while pending.pop_front_if(|oldest| oldest.connection.lock().is_none()).is_some() {}
}
