//! Tracks how long the leases of other hosts have not been renewed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;

use super::boot_clock::BootTime;
use super::key::LeaseId;
use super::timing::Timing;

/// The leases that this host has seen: one for each host, and the fenced leases that are not removed yet.
#[derive(Debug)]
pub(crate) struct Watched {
    timing: Timing,
    leases: Mutex<HashMap<LeaseId, Seen>>,
}

#[derive(Debug)]
struct Seen {
    revision: u64,
    /// When the revision was seen first.
    since: BootTime,
    /// When it was seen last.
    last: BootTime,
}

impl Watched {
    pub(crate) fn new(timing: Timing) -> Self {
        Self { timing, leases: Mutex::default() }
    }

    /// Records the revision of a lease. `now` is a moment after the read. Returns the time for which this host has read
    /// the same revision without a gap.
    pub(super) fn note(&self, id: LeaseId, revision: u64, now: BootTime) -> Duration {
        let mut leases = self.leases.lock();
        let seen = leases.entry(id).or_insert(Seen { revision, since: now, last: now });
        // A lower revision comes from a stale read. It counts as a change, like a higher one, so that it cannot hide a
        // renewal.
        if seen.revision != revision || now.since(seen.last) > self.timing.max_gap() {
            (seen.revision, seen.since) = (revision, now);
        }
        seen.last = now;
        now.since(seen.since)
    }

    /// Forgets all leases except those in `ids`.
    pub(super) fn retain(&self, ids: &HashSet<LeaseId>) {
        self.leases.lock().retain(|id, _| ids.contains(id));
    }
}
