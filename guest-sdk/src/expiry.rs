//! Clients that must prove themselves again.

use std::time::Duration;

use crate::Client;
use crate::bindings::ws_host::socket::expiry as host;
use crate::words::errors;

impl Client {
    /// From now on it has so much time, then it is closed with 1008. So long before that,
    /// [`expiring`](crate::Expiry::expiring) is called, unless `notice` is zero. A second call takes the place of the
    /// first: so it is given more time. The time goes on over a reload, a trap and hibernation.
    ///
    /// # Errors
    ///
    /// [`ExpiryError::Closed`].
    pub fn expire(self, after: Duration, notice: Duration) -> Result<(), ExpiryError> {
        Ok(host::expire(self.id(), milliseconds(after), milliseconds(notice))?)
    }

    /// It need not prove itself again. Answers whether it had to.
    pub fn keep(self) -> bool {
        host::keep(self.id())
    }

    /// The time that it has left; `None` if it need not prove itself again.
    pub fn remaining(self) -> Option<Duration> {
        host::remaining(self.id()).map(Duration::from_millis)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

errors! {
    /// Why a client has as much time as before.
    ExpiryError {
        /// The client is closed, or not a client of this instance.
        Closed = "closed", "the client is closed";
    }
}
