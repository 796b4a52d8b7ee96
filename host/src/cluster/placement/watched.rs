//! Tracks for how long each lease of another host has gone without a renewal.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
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
    /// Notified when this host has fenced a lease.
    pub(super) fenced: Notify,
    /// Notified once for each lease that another host has fenced, as soon as this host learns of the fence.
    pub(super) seen_fenced: Notify,
}

#[derive(Debug)]
struct Seen {
    revision: u64,
    /// When this revision was first seen.
    since: BootTime,
    /// When this revision was last seen.
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
        Self { timing, leases: Mutex::default(), fenced: Notify::new(), seen_fenced: Notify::new() }
    }

    /// Records that the lease had this revision when it was read. `now` is a moment after the read. Returns for how
    /// long this host has been reading the same revision without a gap.
    pub(super) fn note(&self, id: LeaseId, revision: u64, now: BootTime) -> Duration {
        let mut leases = self.leases.lock();
        let seen = leases.entry(id).or_insert_with(|| Seen::new(revision, now));
        // A lower revision comes from a stale read. It must not hide a renewal, so it counts as a change just like a
        // higher one.
        if seen.revision != revision || now.since(seen.last) > self.timing.max_gap() {
            (seen.revision, seen.since) = (revision, now);
        }
        seen.last = now;
        now.since(seen.since)
    }

    /// Returns the host of a lease as the owner of an actor. The lease must have been recorded before.
    pub(super) fn owner(&self, id: LeaseId, host: HostInfo) -> Owner {
        let fenced = self.leases.lock().get(&id).map(|seen| seen.fenced.clone());
        let HostInfo { host, address } = host;
        Owner { host, address, fenced: fenced.unwrap_or_default() }
    }

    /// Records that this host has fenced a lease.
    pub(super) fn note_own_fence(&self, id: LeaseId) {
        if let Some(seen) = self.leases.lock().get(&id) {
            seen.fenced.cancel();
        }
        self.fenced.notify_one();
    }

    /// Records that a lease was fenced.
    pub(super) fn note_fenced(&self, id: LeaseId) {
        if let Some(seen) = self.leases.lock().get(&id)
            && !seen.fenced.is_cancelled()
        {
            seen.fenced.cancel();
            self.seen_fenced.notify_one();
        }
    }

    /// Forgets the leases that were not found by a sweep that began at `begun`. Either they were fenced and then
    /// removed, or the broker has lost its data.
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
