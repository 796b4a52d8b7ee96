//! How long the leases of other hosts have stood still.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;

use super::boot_clock::BootTime;
use super::key::LeaseId;
use super::timing::Timing;

/// What this host has seen of leases. There are as many as hosts, and the fenced ones that are not removed yet.
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

    /// Notes the revision of a lease, at a moment after it was read. Returns for how long it has stood still, as far as
    /// this host has watched it without a gap.
    pub(super) fn note(&self, id: LeaseId, revision: u64, now: BootTime) -> Duration {
        let mut leases = self.leases.lock();
        let seen = leases.entry(id).or_insert(Seen { revision, since: now, last: now });
        // A lower revision is a stale read, and must not hide that the lease has moved: both count as a change.
        if seen.revision != revision || now.since(seen.last) > self.timing.max_gap() {
            (seen.revision, seen.since) = (revision, now);
        }
        seen.last = now;
        now.since(seen.since)
    }

    /// Forgets all other leases.
    pub(super) fn retain(&self, ids: &HashSet<LeaseId>) {
        self.leases.lock().retain(|id, _| ids.contains(id));
    }
}
