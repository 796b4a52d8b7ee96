//! New records are not relied on at once.
//!
//! If the broker has lost its data, hosts that it has forgotten still own their actors until their leases end. So whoever
//! finds records that are not marked as open waits for longer than a lease before it claims anything, and then marks
//! them. This costs that time once in the life of a cluster.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::boot_clock::BootTime;
use super::error::PlacementError;
use super::key::Key;
use super::records::{Records, WriteError};
use super::term::Term;
use super::timing::Timing;

/// Whether the records are open, for the lease that this was found out with.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// When that lease was taken, which no two leases of a host have in common. 0: not known.
    known: AtomicU64,
}

impl Opening {
    /// Returns whether actors may be claimed with this lease.
    pub(super) fn is_known(&self, term: &Term) -> bool {
        self.known.load(Ordering::Relaxed) == term.taken().nanoseconds()
    }

    /// Returns whether actors may be claimed.
    ///
    /// # Errors
    ///
    /// [`PlacementError::Opening`] says how long to wait.
    pub(super) async fn check(
        &self,
        records: &impl Records,
        term: &Term,
        timing: Timing,
    ) -> Result<(), PlacementError> {
        let taken = term.taken();
        if self.is_known(term) {
            return Ok(());
        }
        if records.read(&Key::Open).await?.is_none() {
            // The records are at least as old as the lease that is in them.
            let waited = BootTime::now().since(taken);
            if let Some(rest) = timing.patience().checked_sub(waited).filter(|rest| !rest.is_zero())
            {
                return Err(PlacementError::Opening(rest));
            }
            match records.write(&Key::Open, Bytes::from_static(b"\"open\""), 0).await {
                Ok(_) | Err(WriteError::Raced) => {}
                Err(WriteError::Failed(error)) => return Err(error.into()),
            }
        }
        self.known.store(taken.nanoseconds(), Ordering::Relaxed);
        Ok(())
    }
}
