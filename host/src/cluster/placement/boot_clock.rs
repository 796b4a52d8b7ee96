//! The clock of leases.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment on this machine's boot clock. The boot clock cannot be set, and it also runs while the machine sleeps.
/// Moments of different machines are never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BootTime {
    nanoseconds: u64,
}

impl BootTime {
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        // The boot clock is never negative, and 64 bits of nanoseconds last for 584 years.
        Self::from_nanoseconds(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    }

    pub(super) const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self { nanoseconds }
    }

    pub(super) const fn nanoseconds(self) -> u64 {
        self.nanoseconds
    }

    /// Returns the time from an earlier moment to this moment, or zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanoseconds.saturating_sub(earlier.nanoseconds))
    }
}

impl std::ops::Add<Duration> for BootTime {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self { nanoseconds: self.nanoseconds.saturating_add(time) }
    }
}
