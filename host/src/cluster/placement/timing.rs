//! The times of placement, all in proportion to the lease.

use std::time::Duration;

/// How long a lease lasts, and what follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    lease: Duration,
}

impl Timing {
    pub(crate) const fn new(lease: Duration) -> Self {
        Self { lease }
    }

    /// The time from the sending of a renewal to the end of the lease, on the clock of its host.
    pub(crate) const fn lease(self) -> Duration {
        self.lease
    }

    /// The time between two renewals: three of them may fail.
    pub(super) fn renewal(self) -> Duration {
        self.lease / 4
    }

    /// How long a lease has to stand still before another host may fence it. A quarter more than the lease, so that two
    /// boot clocks may differ in speed by as much.
    pub(super) fn patience(self) -> Duration {
        self.lease * 5 / 4
    }

    /// The time between two looks at all leases. Less than [`Self::max_gap`], with room for a slow broker.
    pub(super) fn sweep(self) -> Duration {
        self.lease / 8
    }

    /// Two looks at a lease that are further apart do not show that it stood still. Otherwise all hosts would fence each
    /// other when a broker comes back after a long time.
    pub(super) fn max_gap(self) -> Duration {
        self.lease / 2
    }

    /// How long a fenced lease is kept for those who find its name in a claim.
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
