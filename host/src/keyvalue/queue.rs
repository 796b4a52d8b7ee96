//! The queue of changes to a store. While some changes are being committed, others wait. Afterwards all waiting changes
//! are committed together, with one write to the disk.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::spawn_blocking;

use super::change::{Change, Outcome};
use super::error::StoreError;
use super::store::Store;
use super::tables::StoreLimits;

/// A change in the queue.
pub(super) struct Job {
    pub(super) bucket: Arc<str>,
    pub(super) change: Change,
    pub(super) limits: StoreLimits,
    pub(super) result: oneshot::Sender<Result<Outcome, StoreError>>,
    /// The room in the queue for this change. It stays reserved until the result has been sent.
    pub(super) room: OwnedSemaphorePermit,
}

/// The waiting changes, and whether a thread is committing changes.
#[derive(Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    is_running: bool,
}

impl Queue {
    /// Adds a job. If no thread is running, starts one.
    pub(super) fn add(&self, job: Job, store: &Arc<Store>) {
        let mut state = self.0.lock();
        state.jobs.push(job);
        if !std::mem::replace(&mut state.is_running, true) {
            let running = Running { store: Arc::clone(store), is_done: false };
            // The thread is independent of the event that starts it. If that event is given up, the changes of other
            // events must still be committed.
            drop(spawn_blocking(move || running.run()));
        }
    }

    /// Takes all jobs. If there are none, the thread must end.
    fn take(&self) -> Vec<Job> {
        let mut state = self.0.lock();
        state.is_running = !state.jobs.is_empty();
        std::mem::take(&mut state.jobs)
    }
}

/// The thread that commits changes. If it panics or never runs, the waiting jobs get an error.
struct Running {
    store: Arc<Store>,
    is_done: bool,
}

impl Running {
    fn run(mut self) {
        loop {
            let jobs = self.store.queue().take();
            if jobs.is_empty() {
                self.is_done = true;
                return;
            }
            self.store.commit(jobs);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = self.store.queue().0.lock();
            state.is_running = false;
            state.jobs.clear();
        }
    }
}
