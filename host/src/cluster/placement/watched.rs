//! Tracks how long the leases of other hosts have not been renewed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::boot_clock::BootTime;
use super::key::LeaseId;
use super::timing::Timing;
use crate::cluster::{HostInfo, Owner};

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
    /// Cancelled when this host learns that the lease was fenced.
    fenced: CancellationToken,
}

impl Seen {
    fn new(revision: u64, now: BootTime) -> Self {
        Self { revision, since: now, last: now, fenced: CancellationToken::new() }
    }
}

impl Watched {
    pub(crate) fn new(timing: Timing) -> Self {
        Self { timing, leases: Mutex::default() }
    }

    /// Records the revision of a lease. `now` is a moment after the read. Returns the time for which this host has read
    /// the same revision without a gap.
    pub(super) fn note(&self, id: LeaseId, revision: u64, now: BootTime) -> Duration {
        let mut leases = self.leases.lock();
        let seen = leases.entry(id).or_insert_with(|| Seen::new(revision, now));
        // A lower revision comes from a stale read. It counts as a change, like a higher one, so that it cannot hide a
        // renewal.
        if seen.revision != revision || now.since(seen.last) > self.timing.max_gap() {
            (seen.revision, seen.since) = (revision, now);
        }
        seen.last = now;
        now.since(seen.since)
    }

    /// Returns the host of a lease as the owner of an actor. The lease has been noted before.
    pub(super) fn owner(&self, id: LeaseId, host: HostInfo) -> Owner {
        let fenced = self.leases.lock().get(&id).map(|seen| seen.fenced.clone());
        let HostInfo { host, address } = host;
        Owner { host, address, fenced: fenced.unwrap_or_default() }
    }

    /// Notes that a lease was fenced.
    pub(super) fn note_fenced(&self, id: LeaseId) {
        if let Some(seen) = self.leases.lock().get(&id) {
            seen.fenced.cancel();
        }
    }

    /// Forgets the leases that a sweep, which began at `begun`, has not found. They were fenced and then removed, or
    /// the broker has lost its data.
    pub(super) fn retain(&self, found: &HashSet<LeaseId>, begun: BootTime) {
        self.leases.lock().retain(|id, seen| {
            let is_kept = found.contains(id) || seen.last >= begun;
            if !is_kept {
                seen.fenced.cancel();
            }
            is_kept
        });
    }
}
