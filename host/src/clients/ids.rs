//! Client ids.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The first number that cannot be distinguished from its neighbours in a language whose numbers are doubles.
const ID_LIMIT: u64 = 1 << 53;

/// The minimum number of ids available to one run of the host. At 28,000 clients a second, they last ten years.
const MIN_IDS: u64 = 1 << 43;

/// The id of a client. It is never used twice while the host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

/// The id of a connection, for the log. A connection keeps its id from when it is accepted until it ends. An HTTP/2
/// connection may have many clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId(pub(crate) u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A generator of client ids. The ids increase. On a real host they begin at a random number, so that an id that a
/// handler saved does not name another client after a restart or on another host.
#[derive(Debug)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    pub(crate) fn from_random_start() -> Self {
        Self::starting_at(rand::random_range(1..=ID_LIMIT - MIN_IDS))
    }

    pub(crate) fn starting_at(first: u64) -> Self {
        Self(AtomicU64::new(first))
    }

    pub(crate) fn next(&self) -> ClientId {
        ClientId(self.0.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns an id for a connection. There are separate generators for clients and for connections.
    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_begin_at_another_number_each_time() {
        let [one, other] = [Ids::from_random_start(), Ids::from_random_start()];
        let (first, second) = (one.next(), one.next());
        assert!(first < second && second.0 < ID_LIMIT);
        assert!(
            first.0.abs_diff(other.next().0) > 1 << 20,
            "a chance of 1 in four thousand million"
        );
    }
}
