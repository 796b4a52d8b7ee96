//! The time limits and intervals of placement. They are proportional to the length of a lease.

use std::time::Duration;

/// The longest lease that the settings allow. A longer lease in a record is treated as if it had this length.
const MAX_LEASE: Duration = Duration::from_secs(60 * 60);

/// The length of a lease, and the times that follow from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    lease: Duration,
}

impl Timing {
    pub(crate) const fn new(lease: Duration) -> Self {
        Self { lease }
    }

    /// The length of a lease. The time starts when a renewal is sent, on the clock of the host that renews the lease.
    pub(crate) const fn lease(self) -> Duration {
        self.lease
    }

    /// The time between two renewals. The lease survives two consecutive renewals that time out, if the broker answers
    /// all other renewals fast.
    pub(super) fn renewal(self) -> Duration {
        self.lease / 4
    }

    /// How long a lease must go without a renewal, on another host's clock, before that host may fence the lease. This
    /// is a quarter longer than the lease, so the speeds of two boot clocks may differ by up to a quarter.
    pub(super) fn fence_after(self) -> Duration {
        self.lease * 5 / 4
    }

    /// How long this host waits before it may fence a lease of the given length. Another host's lease may be longer
    /// than this host's leases, because the other host may have a different setting.
    pub(super) fn fence_after_with(self, lease: Option<Duration>) -> Duration {
        let other = lease.unwrap_or_default().min(MAX_LEASE);
        Self::new(self.lease.max(other)).fence_after()
    }

    /// The time between two sweeps over all leases. It is shorter than [`Self::max_gap`], to leave room for a slow
    /// broker.
    pub(super) fn sweep(self) -> Duration {
        self.lease / 8
    }

    /// If two consecutive reads of a lease are at most this far apart and find the same revision, the time between them
    /// counts as time without a renewal. A longer time never counts, because otherwise all hosts would fence each other
    /// when the broker comes back after a long time.
    pub(super) fn max_gap(self) -> Duration {
        self.lease / 2
    }

    /// How long a fenced lease is kept, for hosts that find its name in a claim.
    pub(super) fn keep_fenced(self) -> Duration {
        self.lease * 4
    }

    /// How long the broker may take to answer.
    pub(crate) fn request(self) -> Duration {
        self.lease / 4
    }

    /// The pause after a failure.
    pub(crate) fn retry(self) -> Duration {
        self.lease / 40
    }
}
