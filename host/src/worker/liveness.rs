//! Whether the workers come round.
//!
//! A guest that computes lets others go on, and so does whatever the host does for it. Should one of them not do so,
//! its worker serves nobody. That must be known where it is known what to do about it: to whoever asks for
//! `/healthz`, and in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Worker, Workers};

/// How often the workers are looked at. One that has nothing to do is not woken for it.
const INTERVAL: Duration = Duration::from_secs(1);

/// In how many looks a worker must not have come round to be told of: so many seconds. Looks are counted and not
/// seconds, as a machine that slept has not looked.
const STUCK_AFTER: u32 = 3;

/// What is known of one worker.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// It was asked to come round, and has not yet.
    is_probed: AtomicBool,
    /// Somebody has waited for it in vain since it came round last.
    is_late: AtomicBool,
    /// In how many looks it has not come round.
    missed: AtomicU32,
}

impl Liveness {
    /// Whether others should get what could go to this worker.
    pub(super) fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }
}

impl Workers {
    /// Looks at the workers for ever.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.check();
        }
    }

    /// The names of those that have not come round for too long, each with the time.
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
        metrics::gauge!("ws_host_workers_stuck").set(self.stuck().len() as f64);
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
                    "the worker has not responded for {time:?}, and its clients wait; /healthz answers 503"
                );
            }
            return self.mark_late();
        }
        let missed = missed.swap(0, Ordering::Relaxed);
        if missed >= STUCK_AFTER {
            tracing::warn!(worker = name, "the worker comes round again, after {missed} s");
        }
        if !self.is_parked() {
            self.probe();
        }
    }

    /// Whether it has nothing to do: then it need not be asked.
    pub(crate) fn is_parked(&self) -> bool {
        // An odd number is a thread that waits for events.
        self.handle.metrics().worker_park_unpark_count(0) % 2 == 1
    }

    /// Somebody has waited for it in vain: others get what comes until it has come round.
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

    use super::super::tests::workers;
    use super::*;

    /// Keeps the first worker from coming round until the answer is dropped.
    fn hold(workers: &Workers) -> SyncSender<()> {
        let (release, held) = sync_channel::<()>(1);
        let (begun, begins) = sync_channel(1);
        workers.all.lock()[0].handle.spawn(async move {
            let _ = begun.send(());
            // An error is what ends it: the sender is gone.
            let _ = held.recv();
        });
        begins.recv().expect("it begins");
        release
    }

    #[tokio::test]
    async fn worker_that_does_not_come_round_is_told_of_until_it_does() {
        let workers = workers(1);
        let held = hold(&workers);
        for _ in 0..STUCK_AFTER {
            workers.check();
            assert!(workers.stuck().is_empty());
        }
        workers.check();
        assert_eq!(workers.stuck(), [("worker-0".to_owned(), INTERVAL * STUCK_AFTER)]);
        drop(held);
        while !workers.stuck().is_empty() {
            workers.check();
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn idle_worker_is_not_asked() {
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
    async fn others_get_what_a_late_worker_could_have() {
        let workers = workers(2);
        let _actors = [workers.assign_actor(), workers.assign_actor()];
        let held = hold(&workers);
        let first = Arc::clone(&workers.all.lock()[0]);
        first.mark_late();
        let id = first.handle.id();
        let handshakes = [(); 4].map(|()| workers.assign_handshake());
        assert!(handshakes.iter().all(|handshake| handshake.worker().handle.id() != id));
        assert_ne!(workers.assign_actor().id(), id);
        drop(held);
        while first.liveness.is_late() {
            yield_now().await;
        }
    }
}
