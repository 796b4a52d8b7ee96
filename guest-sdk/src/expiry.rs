//! Clients whose authorization expires.

use std::time::Duration;

use crate::Client;
use crate::sys::expiry as host;
use crate::words::errors;

impl Client {
    /// Closes the client with 1008 after this time, unless [`expire`](Self::expire) or [`keep`](Self::keep) is called
    /// before then. `notice` is the time between the call of [`expiring`](crate::Expiry::expiring) and the close. If
    /// `notice` is zero, `expiring` is not called. A second call of `expire` replaces the first, so it can give the
    /// client more time. A reload, a trap and hibernation do not stop the clock.
    ///
    /// # Errors
    ///
    /// Returns [`ExpiryError::Closed`] if the client is closing or closed, or is not a client of this instance.
    pub fn expire(self, after: Duration, notice: Duration) -> Result<(), ExpiryError> {
        Ok(host::expire(self.id(), milliseconds(after), milliseconds(notice))?)
    }

    /// Removes the time limit. Returns whether there was one.
    pub fn keep(self) -> bool {
        host::keep(self.id())
    }

    /// Returns the time that the client has left. Returns `None` if the client does not expire.
    pub fn remaining(self) -> Option<Duration> {
        host::remaining(self.id()).map(Duration::from_millis)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

errors! {
    /// Why the time limit of a client was not changed.
    ExpiryError {
        /// The client is closing or closed, or is not a client of this instance.
        Closed = "closed", "the client is closed";
    }
}
