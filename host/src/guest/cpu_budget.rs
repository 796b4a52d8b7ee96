//! The CPU time that an event may use (`max-cpu`), how much it has used, and whether its time (`max-time`) is up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::limits::LimitExceeded;
use crate::ticker;

/// When a call waits, its event is stopped only if the event has exceeded its budget by more than this.
const ALLOWANCE: Duration = Duration::from_millis(20);

/// The CPU budget of the current event of an instance. The used time is approximate: it includes time in which the
/// operating system ran other threads on the core.
///
/// An event is timed from the last tick, because reading the time of the last tick costs nothing. Until its call waits
/// for the first time, the event is charged in whole ticks, which can be up to a tick too much. After the first wait,
/// the exact time is read. If it were not, an event that is waiting at every tick would never be charged.
#[derive(Debug)]
pub(super) struct CpuBudget {
    /// The maximum, in nanoseconds.
    max: u64,
    /// The time up to which the event has been charged, in nanoseconds of the ticker's clock. After a wait, this is set
    /// to the current time, so that the wait is not charged.
    charged_until: AtomicU64,
    /// The charged time in nanoseconds.
    used: AtomicU64,
    /// The time that the event was allowed to take (`max-time`) in nanoseconds, once that time is up. 0 before.
    time_is_up: AtomicU64,
}

impl CpuBudget {
    pub(super) fn new(max: Duration) -> Self {
        Self {
            max: nanoseconds(max),
            charged_until: AtomicU64::new(ticker::now()),
            used: AtomicU64::new(0),
            time_is_up: AtomicU64::new(0),
        }
    }

    /// Gives a new event the full budget.
    #[inline(always)]
    pub(super) fn reset(&self) {
        self.charged_until.store(ticker::now(), Ordering::Relaxed);
        self.used.store(0, Ordering::Relaxed);
    }

    /// Charges the event for its time up to the last tick.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded::Cpu`], or [`LimitExceeded::Time`] if the event's time is up.
    pub(super) fn charge(&self) -> Result<(), LimitExceeded> {
        self.check()?;
        self.charge_until(ticker::now(), self.max)
    }

    /// Charges the event for the time since [`resume`](Self::resume). Must be called when a resumed call waits or
    /// yields again.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded::Cpu`], but only if [`ALLOWANCE`] is used up as well. A handler that computes for a long time is
    /// thus stopped at a tick, where its backtrace can be taken.
    pub(super) fn pause(&self) -> Result<(), LimitExceeded> {
        self.charge_until(ticker::exact_now(), self.max.saturating_add(nanoseconds(ALLOWANCE)))
    }

    /// Continues after a wait. The time of the wait is not charged.
    pub(super) fn resume(&self) {
        self.charged_until.store(ticker::exact_now(), Ordering::Relaxed);
    }

    /// Makes the event end at the next place where its limits are checked, because it has taken `max_time`. There is no
    /// way back: the instance must be dropped.
    pub(super) fn end_time(&self, max_time: Duration) {
        self.time_is_up.store(nanoseconds(max_time).max(1), Ordering::Relaxed);
    }

    /// Checks whether the event's time is up, or its CPU budget used up.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded::Time`] or [`LimitExceeded::Cpu`].
    pub(super) fn check(&self) -> Result<(), LimitExceeded> {
        match self.time_is_up.load(Ordering::Relaxed) {
            0 if self.used.load(Ordering::Relaxed) > self.max => {
                Err(LimitExceeded::Cpu(Duration::from_nanos(self.max)))
            }
            0 => Ok(()),
            max_time => Err(LimitExceeded::Time(Duration::from_nanos(max_time))),
        }
    }

    fn charge_until(&self, now: u64, max: u64) -> Result<(), LimitExceeded> {
        let charged_until = self.charged_until.load(Ordering::Relaxed);
        let used = self.used.load(Ordering::Relaxed) + now.saturating_sub(charged_until);
        self.charged_until.store(now.max(charged_until), Ordering::Relaxed);
        self.used.store(used, Ordering::Relaxed);
        if used > max {
            return Err(LimitExceeded::Cpu(Duration::from_nanos(self.max)));
        }
        Ok(())
    }
}

/// Returns the duration in nanoseconds. A duration of more than 584 years is cut to that.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
