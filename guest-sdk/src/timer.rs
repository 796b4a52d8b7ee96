//! Timers: events that the host delivers later.

use std::fmt;
use std::time::Duration;

use crate::sys::timers as host;
use crate::words::errors;

/// A timer, identified by a number that the handler chooses.
///
/// Timers live in the host: a reload, a trap and hibernation do not change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(u64);

impl Timer {
    /// Returns the timer with this number. Does not set it.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the timer's number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Sets the timer. [`fired`](crate::Timers::fired) is called once, after this time. The time is rounded down to
    /// whole milliseconds, but it is at least one millisecond. A timer that is already set is replaced.
    ///
    /// # Errors
    ///
    /// Returns [`TimerError`] if the timer was not set.
    pub fn set(self, after: Duration) -> Result<(), TimerError> {
        let milliseconds = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        Ok(host::set(self.0, milliseconds)?)
    }

    /// Sets the timer as [`set`](Self::set) does. Also keeps the timer in a file, so that it outlives a restart of the
    /// host. Does not return before the timer is on the disk. The configuration must grant the file
    /// (`grant = ["timers:FILE"]`).
    ///
    /// If the host is killed while [`fired`](crate::Timers::fired) runs, the timer fires again after the restart.
    ///
    /// # Errors
    ///
    /// Returns [`TimerError`] if the timer was not set.
    pub fn set_durable(self, after: Duration) -> Result<(), TimerError> {
        let milliseconds = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        Ok(host::set_durable(self.0, milliseconds)?)
    }

    /// Cancels the timer. Returns whether it was set.
    pub fn cancel(self) -> bool {
        host::cancel(self.0)
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timer {}", self.0)
    }
}

errors! {
    /// Why a timer was not set.
    TimerError {
        /// The instance already has 1,024 timers.
        TooMany = "too-many", "the instance already has 1,024 timers";
        /// The configuration grants no file for durable timers.
        NotGranted = "not-granted", "the configuration grants no file for durable timers: add \
                                       \"timers:FILE\" to `grant`";
        /// A limit on the file of durable timers is reached.
        Full = "full", "the file of durable timers is full";
        /// The path of the instance is too long for a durable timer.
        TooLong = "too-long", "the path of the instance has more than 1,000 bytes";
        /// The file of durable timers cannot be written.
        Unavailable = "unavailable", "the file of durable timers cannot be written";
    }
}
