//! For how long a call computes.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ticker;

/// The piece of a call that runs now, since it began or went on after waiting.
#[derive(Debug)]
pub(super) struct CpuClock {
    began: AtomicU64,
}

impl CpuClock {
    pub(super) fn new() -> Self {
        Self { began: AtomicU64::new(ticker::now()) }
    }

    /// A new piece begins.
    pub(super) fn begin(&self) {
        self.began.store(ticker::now(), Ordering::Relaxed);
    }

    /// For how long it has run, in nanoseconds, as of the last tick.
    pub(super) fn elapsed(&self) -> u64 {
        ticker::now().saturating_sub(self.began.load(Ordering::Relaxed))
    }
}
