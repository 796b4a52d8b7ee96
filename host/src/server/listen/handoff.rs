//! Connections that were given to a worker, until it picks them up.
//!
//! One that is not picked up in time is taken back: whoever asks how the server is must not wait for guests. Whoever is
//! the first, worker or not, has it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::accept::AcceptedConnection;
use crate::worker::Worker;

/// How long a worker has. One that is busy with many short events takes less.
const PATIENCE: Duration = Duration::from_millis(40);

/// Those that were not picked up yet, and some that were.
#[derive(Default)]
pub(super) struct Handoff(Mutex<VecDeque<Pending>>);

struct Pending {
    since: Instant,
    worker: Arc<Worker>,
    connection: Arc<Mutex<Option<AcceptedConnection>>>,
}

impl Handoff {
    /// Lets a worker serve a connection.
    pub(super) fn give(&self, accepted: AcceptedConnection, worker: Arc<Worker>) {
        let connection = Arc::new(Mutex::new(Some(accepted)));
        let taking = Arc::clone(&connection);
        worker.runtime().spawn(async move {
            let accepted = taking.lock().take();
            drop(taking);
            if let Some(accepted) = accepted {
                accepted.serve().await;
            }
        });
        let mut waiting = self.0.lock();
        forget_served(&mut waiting);
        waiting.push_back(Pending { since: Instant::now(), worker, connection });
    }

    /// Takes back what was not picked up in time. Its worker gets no more until it has come round.
    pub(super) fn take_back(&self) -> Vec<AcceptedConnection> {
        let mut taken = Vec::new();
        let mut waiting = self.0.lock();
        forget_served(&mut waiting);
        while let Some(late) = waiting.pop_front_if(|oldest| oldest.since.elapsed() >= PATIENCE) {
            if let Some(accepted) = late.connection.lock().take() {
                late.worker.mark_late();
                taken.push(accepted);
            }
        }
        taken
    }
}

/// Forgets those that were picked up before the next one that was not.
fn forget_served(waiting: &mut VecDeque<Pending>) {
    while waiting.pop_front_if(|oldest| oldest.connection.lock().is_none()).is_some() {}
}
