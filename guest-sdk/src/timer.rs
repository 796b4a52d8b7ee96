//! Timers: events that the host delivers later.

use std::fmt;
use std::time::Duration;

use crate::bindings::ws_host::socket::timers as host;
use crate::words::errors;

/// A timer, by a number that the handler chooses.
///
/// It lives in the host: a reload, a trap and hibernation leave it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(u64);

impl Timer {
    /// The timer with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Lets [`fired`](crate::Timers::fired) be called once, after this time, which counts in whole
    /// milliseconds and is one at least. If the timer is set already, it is set anew.
    ///
    /// # Errors
    ///
    /// [`TimerError`].
    pub fn set(self, after: Duration) -> Result<(), TimerError> {
        let milliseconds = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        Ok(host::set(self.0, milliseconds)?)
    }

    /// Takes it back. Answers whether it was set.
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
        /// The instance has 1,024 timers already.
        TooMany = "too-many", "there are 1,024 timers already";
    }
}
