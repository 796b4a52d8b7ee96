//! Checks whether the workers respond.
//!
//! While a guest computes, it regularly yields to other tasks. The work that the host does for the guest yields in the
//! same way. If a task ever fails to yield, its worker serves no client. `/healthz` and the log then report this to the
//! operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Worker, Workers};

/// The time between two checks. A worker that has nothing to do is not woken for a check.
const INTERVAL: Duration = Duration::from_secs(1);

/// The number of checks that a worker must miss before it is reported as stuck. The limit is not a time, because time
/// passes without checks while the machine is suspended.
const STUCK_AFTER: u32 = 3;

/// The number of checks after which the search for the longest slice starts again.
const SLICE_PERIOD: u64 = 30;

/// The results of the checks of one worker.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// Whether a probe was spawned on the worker and has not run yet.
    is_probed: AtomicBool,
    /// Whether the worker has missed a check or kept a caller waiting too long, and has not run a probe since.
    is_late: AtomicBool,
    /// The number of checks in a row that the worker has missed.
    missed: AtomicU32,
}

impl Liveness {
    /// Returns whether other workers should be preferred to this worker.
    pub(super) fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }
}

impl Workers {
    /// Checks the workers forever.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut checks = 0_u64;
        loop {
            ticks.tick().await;
            self.check();
            checks += 1;
            if checks.is_multiple_of(SLICE_PERIOD) {
                self.all().iter().for_each(|worker| worker.longest_slice.end_period());
            }
        }
    }

    /// Returns the names of the stuck workers, and for how long each has not responded.
    pub(crate) fn stuck(&self) -> Vec<(String, Duration)> {
        let all = self.all.lock();
        let stuck = all.iter().filter_map(|worker| {
            let missed = worker.liveness.missed.load(Ordering::Relaxed);
            (missed >= STUCK_AFTER).then(|| (worker.name.clone(), INTERVAL * missed))
        });
        stuck.collect()
    }

    fn check(&self) {
        for worker in &*self.all.lock() {
            worker.check();
        }
    }
}

impl Worker {
    fn check(self: &Arc<Self>) {
        let Liveness { is_probed, missed, .. } = &self.liveness;
        let name = &*self.name;
        if !self.is_parked() && is_probed.load(Ordering::Relaxed) {
            if missed.fetch_add(1, Ordering::Relaxed) + 1 == STUCK_AFTER {
                let time = INTERVAL * STUCK_AFTER;
                tracing::error!(
                    worker = name,
                    "the worker has not responded for {time:?}, and its clients are waiting; /healthz answers 503"
                );
            }
            return self.mark_late();
        }
        let missed = missed.swap(0, Ordering::Relaxed);
        if missed >= STUCK_AFTER {
            tracing::warn!(worker = name, "the worker responds again, after {missed} s");
        }
        if !self.is_parked() {
            self.probe();
        }
    }

    /// Returns whether the worker has nothing to do. If so, no probe is necessary.
    pub(crate) fn is_parked(&self) -> bool {
        // The number is odd while the thread waits for events.
        self.handle.metrics().worker_park_unpark_count(0) % 2 == 1
    }

    /// Records that the worker did not respond in time. Other workers are preferred until it responds.
    pub(crate) fn mark_late(self: &Arc<Self>) {
        self.liveness.is_late.store(true, Ordering::Relaxed);
        self.probe();
    }

    fn probe(self: &Arc<Self>) {
        if !self.liveness.is_probed.swap(true, Ordering::Relaxed) {
            let worker = Arc::clone(self);
            self.handle.spawn(async move {
                worker.liveness.is_probed.store(false, Ordering::Relaxed);
                worker.liveness.is_late.store(false, Ordering::Relaxed);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{SyncSender, sync_channel};

    use tokio::task::yield_now;

    use super::*;
    use crate::worker::tests::workers;

    /// Blocks the first worker until the returned sender is dropped.
    fn block(workers: &Workers) -> SyncSender<()> {
        let (release, released) = sync_channel::<()>(1);
        let (started, is_started) = sync_channel(1);
        workers.all.lock()[0].handle.spawn(async move {
            let _ = started.send(());
            // When the sender is dropped, receiving fails, and the worker is no longer blocked.
            let _ = released.recv();
        });
        is_started.recv().expect("the task starts");
        release
    }

    #[tokio::test]
    async fn blocked_worker_is_reported_until_it_responds() {
        let workers = workers(1);
        let release = block(&workers);
        for _ in 0..STUCK_AFTER {
            workers.check();
            assert!(workers.stuck().is_empty());
        }
        workers.check();
        assert_eq!(workers.stuck(), [("worker-0".to_owned(), INTERVAL * STUCK_AFTER)]);
        drop(release);
        while !workers.stuck().is_empty() {
            workers.check();
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn idle_worker_is_not_probed() {
        let workers = workers(1);
        let first = Arc::clone(&workers.all.lock()[0]);
        while !first.is_parked() {
            yield_now().await;
        }
        let before = first.handle.metrics().worker_park_unpark_count(0);
        for _ in 0..10 {
            workers.check();
        }
        assert_eq!(first.handle.metrics().worker_park_unpark_count(0), before);
        assert!(workers.stuck().is_empty());
    }

    #[tokio::test]
    async fn other_workers_are_preferred_to_a_late_one() {
        let workers = workers(2);
        let _actors = [workers.assign_actor(), workers.assign_actor()];
        let release = block(&workers);
        let first = Arc::clone(&workers.all.lock()[0]);
        first.mark_late();
        let id = first.handle.id();
        let handshakes = [(); 4].map(|()| workers.assign_handshake());
        assert!(handshakes.iter().all(|handshake| handshake.worker().handle.id() != id));
        assert_ne!(workers.assign_actor().id(), id);
        drop(release);
        while first.liveness.is_late() {
            yield_now().await;
        }
    }
}
