//! The queue of changes of a store. Changes that wait while others are committed are committed together, with one
//! write to the disk.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::spawn_blocking;

use super::change::{Change, Outcome};
use super::error::StoreError;
use super::store::Store;
use super::tables::StoreLimits;

/// A change that waits.
pub(super) struct Job {
    pub(super) bucket: Arc<str>,
    pub(super) change: Change,
    pub(super) limits: StoreLimits,
    pub(super) answer: oneshot::Sender<Result<Outcome, StoreError>>,
    /// The room that the change occupies until it is answered.
    pub(super) room: OwnedSemaphorePermit,
}

/// The changes that wait, and whether a thread commits changes.
#[derive(Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    is_running: bool,
}

impl Queue {
    /// Adds a job. Starts a thread for it unless one is running.
    pub(super) fn add(&self, job: Job, store: &Arc<Store>) {
        let mut state = self.0.lock();
        state.jobs.push(job);
        if !std::mem::replace(&mut state.is_running, true) {
            let running = Running { store: Arc::clone(store), is_done: false };
            // The thread outlives the event that starts it: an event that is given up must not end the others' changes.
            drop(spawn_blocking(move || running.run()));
        }
    }

    /// Takes all jobs. If there are none, the thread ends.
    fn take(&self) -> Vec<Job> {
        let mut state = self.0.lock();
        state.is_running = !state.jobs.is_empty();
        std::mem::take(&mut state.jobs)
    }
}

/// The thread that commits changes. If it never runs, or panics, the jobs that wait are answered with an error.
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
