//! Connections that were given to a worker, until it picks them up.
//!
//! One that is not picked up in time is taken back and served here, by what operates the server: whoever asks how
//! that is must not wait for guests. Whoever is the first, worker or not, has it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::accept::Accepted;
use crate::worker::Worker;

/// How long a worker has. One that is busy with many short events takes less.
const PATIENCE: Duration = Duration::from_millis(50);

/// Those that were not picked up yet, and some that were.
#[derive(Default)]
pub(in crate::server) struct Given {
    waiting: Mutex<VecDeque<Waiting>>,
    bell: Notify,
}

struct Waiting {
    until: Instant,
    worker: Arc<Worker>,
    connection: Arc<Mutex<Option<Accepted>>>,
}

impl Given {
    /// Lets a worker serve a connection.
    pub(super) fn give(&self, accepted: Accepted, worker: Arc<Worker>, runtime: &Handle) {
        let until = Instant::now() + PATIENCE;
        let connection = Arc::new(Mutex::new(Some(accepted)));
        let taking = Arc::clone(&connection);
        runtime.spawn(async move {
            let accepted = taking.lock().take();
            drop(taking);
            if let Some(accepted) = accepted {
                accepted.serve().await;
            }
        });
        let mut waiting = self.waiting.lock();
        clear(&mut waiting);
        waiting.push_back(Waiting { until, worker, connection });
        if waiting.len() == 1 {
            self.bell.notify_one();
        }
    }

    /// Takes back, for ever, what is not picked up, and serves it on the current runtime.
    ///
    /// # Cancel safety
    ///
    /// What is waiting stays with its worker.
    pub(in crate::server) async fn take_back(&self) {
        loop {
            while let Some(until) = self.next() {
                sleep_until(until).await;
                self.take_back_by(Instant::now());
            }
            self.bell.notified().await;
        }
    }

    /// When the oldest is to be taken back.
    fn next(&self) -> Option<Instant> {
        let mut waiting = self.waiting.lock();
        clear(&mut waiting);
        waiting.front().map(|oldest| oldest.until)
    }

    fn take_back_by(&self, now: Instant) {
        let mut waiting = self.waiting.lock();
        while let Some(oldest) = waiting.pop_front_if(|oldest| oldest.until <= now) {
            let accepted = oldest.connection.lock().take();
            if let Some(accepted) = accepted {
                oldest.worker.fall_behind();
                tokio::spawn(accepted.serve());
            }
        }
    }
}

/// Forgets those that were picked up before the next one that was not.
fn clear(waiting: &mut VecDeque<Waiting>) {
    while waiting.pop_front_if(|oldest| oldest.connection.lock().is_none()).is_some() {}
}
