//! Measures how long a call has been computing.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ticker;

/// Measures the CPU time of a call since the last [`restart`](Self::restart). The measurement is restarted when the
/// call begins, when it is resumed, and when its CPU time was charged. The measured time is an approximation, because
/// it is read from the clock of the ticker. So it also includes time in which the operating system ran other threads on
/// the core.
#[derive(Debug)]
pub(super) struct CpuClock {
    started: AtomicU64,
}

impl CpuClock {
    pub(super) fn new() -> Self {
        Self { started: AtomicU64::new(ticker::now()) }
    }

    /// Restarts the measurement from zero.
    pub(super) fn restart(&self) {
        self.started.store(ticker::now(), Ordering::Relaxed);
    }

    /// Returns the measured time in nanoseconds, as of the last tick.
    pub(super) fn elapsed(&self) -> u64 {
        ticker::now().saturating_sub(self.started.load(Ordering::Relaxed))
    }
}
