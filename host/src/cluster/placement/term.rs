//! One lease of this host, from the time at which it was taken until it is lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::boot_clock::BootTime;
use super::key::LeaseId;

/// A lease of this host. It is valid, lapsed, or lost. A lapsed lease may become valid again if no host has fenced it.
/// As long as it is not fenced, no host has taken any of its claims. A lost lease never becomes valid again.
#[derive(Debug)]
pub(crate) struct Term {
    id: LeaseId,
    taken: BootTime,
    /// The end of the lease, in nanoseconds of the boot clock. 0: the lease is lost.
    valid_until: AtomicU64,
    begun: AtomicU64,
    acknowledged: watch::Sender<u64>,
    wanted: Notify,
    lost: CancellationToken,
}

/// A renewal on its way to the broker.
#[derive(Debug)]
pub(super) struct Renewal {
    number: u64,
    sent: BootTime,
}

impl Term {
    /// Creates the term of a new lease that was requested at `sent`.
    pub(super) fn new(id: LeaseId, sent: BootTime, lease: Duration) -> Self {
        Self {
            id,
            taken: BootTime::now(),
            valid_until: AtomicU64::new((sent + lease).nanoseconds()),
            begun: AtomicU64::new(0),
            acknowledged: watch::Sender::new(0),
            wanted: Notify::new(),
            lost: CancellationToken::new(),
        }
    }

    pub(crate) fn id(&self) -> LeaseId {
        self.id
    }

    /// Returns a moment at which the broker had already stored this lease.
    pub(super) fn taken(&self) -> BootTime {
        self.taken
    }

    /// Returns the time at which the lease ends if it is not renewed. Events that are still running then have to end.
    pub(crate) fn valid_until(&self) -> BootTime {
        BootTime::from_nanoseconds(self.valid_until.load(Ordering::Relaxed))
    }

    /// Returns whether the lease is valid, and this host therefore owns the actors that it has claimed. Must be called
    /// before every event.
    pub(crate) fn is_valid(&self) -> bool {
        BootTime::now() < self.valid_until()
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Waits until the lease is lost for good.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Waits until the broker acknowledges a renewal that was sent after this call. The broker can do so only if it
    /// still has this lease, so it has not lost its data. Earlier writes therefore went to the same records that
    /// contain this lease. Returns `false` if the lease is lost first.
    pub(super) async fn confirm(&self) -> bool {
        let next = self.begun.load(Ordering::SeqCst) + 1;
        let mut acknowledged = self.acknowledged.subscribe();
        self.wanted.notify_one();
        tokio::select! {
            biased;
            () = self.lost.cancelled() => false,
            result = acknowledged.wait_for(|&number| number >= next) => result.is_ok(),
        }
    }

    /// Waits until [`Self::confirm`] asks for an immediate renewal.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Records that a renewal is being sent now.
    pub(super) fn start_renewal(&self) -> Renewal {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        Renewal { number, sent: BootTime::now() }
    }

    /// Records that the broker has stored a renewal.
    pub(super) fn acknowledge(&self, renewal: &Renewal, lease: Duration) {
        self.valid_until.store((renewal.sent + lease).nanoseconds(), Ordering::Relaxed);
        self.acknowledged.send_replace(renewal.number);
    }

    /// Records that the lease is lost.
    pub(super) fn lose(&self) {
        self.valid_until.store(0, Ordering::Relaxed);
        self.lost.cancel();
    }
}
