//! Numbers of clients.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The first that a language with doubles for numbers cannot tell from its neighbours.
const END: u64 = 1 << 53;

/// How many a run of the host has at least: ten years of 28,000 clients a second.
const AT_LEAST: u64 = 1 << 43;

/// The name of a client: never used twice while the host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Gives every client a number. They rise, and begin at a random place: a number that a handler saved must not name
/// somebody else after a restart, or on another host.
#[derive(Debug)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(rand::random_range(1..=END - AT_LEAST)))
    }

    pub(crate) fn next(&self) -> ClientId {
        ClientId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_begin_at_another_place_each_time() {
        let [one, other] = [Ids::new(), Ids::new()];
        let (first, second) = (one.next(), one.next());
        assert!(first < second && second.0 < END);
        assert!(
            first.0.abs_diff(other.next().0) > 1 << 20,
            "a chance of 1 in four thousand million"
        );
    }
}
