//! The simulated machine on which a test runs. It has one thread, and nothing in it differs between two runs.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::clients::Ids;
use crate::platform::Platform;
use crate::worker::Workers;

/// A simulated machine. It must be created on the runtime of the host.
pub(super) struct Simulation {
    started: Instant,
    /// The wall-clock time at the start, as the duration since the Unix epoch.
    time_of_day: Duration,
    next_seed: AtomicU64,
}

impl Simulation {
    pub(super) fn new(time_of_day: Duration) -> Self {
        Self { started: Instant::now(), time_of_day, next_seed: AtomicU64::new(1) }
    }
}

impl Platform for Simulation {
    fn workers(&self, _max: NonZeroUsize) -> std::io::Result<Workers> {
        Ok(Workers::on_this_runtime())
    }

    fn time_of_day(&self) -> Duration {
        self.time_of_day + self.started.elapsed()
    }

    fn client_ids(&self) -> Ids {
        Ids::starting_at(1)
    }

    /// Each instance has different random numbers, but they are the same in each run.
    fn random_seed(&self) -> Option<u64> {
        Some(self.next_seed.fetch_add(1, Ordering::Relaxed))
    }

    /// A read of a file blocks the thread, so no time passes on the test's clock until the read returns.
    fn blocks_for_files(&self) -> bool {
        true
    }
}
