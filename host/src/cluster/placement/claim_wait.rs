//! How long a host waits before it relies on new records.
//!
//! Suppose that the broker has lost its data. Hosts that the records no longer mention still own their actors until
//! their leases end. So a host that finds records without the mark `open` must wait for longer than the length of a
//! lease before it claims any actor. After the wait, the host writes the mark. This wait happens once in the life of a
//! cluster.

use std::sync::atomic::{AtomicU64, Ordering};

use super::boot_clock::BootTime;
use super::content::{OpenContent, decode, encode};
use super::error::PlacementError;
use super::foreign::{ForeignRecords, RecordKind};
use super::key::Key;
use super::records::{Entry, Records, WriteError};
use super::term::Term;
use super::timing::Timing;

/// Remembers the last lease for which this host knows that it may claim actors.
#[derive(Debug, Default)]
pub(super) struct ClaimWait {
    /// The time at which that lease was taken. All leases of a host have different times. 0: there is none yet.
    known: AtomicU64,
}

impl ClaimWait {
    /// Returns whether this host knows that it may claim actors under this lease.
    pub(super) fn is_known(&self, term: &Term) -> bool {
        self.known.load(Ordering::Relaxed) == term.taken().nanoseconds()
    }

    /// Checks whether actors may be claimed.
    ///
    /// # Errors
    ///
    /// [`PlacementError::ClaimWait`] if it is too early. The error says how long to wait.
    pub(super) async fn check(
        &self,
        records: &impl Records,
        foreign: &ForeignRecords,
        term: &Term,
        timing: Timing,
    ) -> Result<(), PlacementError> {
        let taken = term.taken();
        if self.is_known(term) {
            return Ok(());
        }
        let found = records.read(&Key::Open).await?;
        let expected = found.as_ref().map_or(0, |entry| entry.revision);
        let is_open = found.is_some_and(|Entry { content, .. }| {
            let is_mark = decode(&content) == Some(OpenContent::Open);
            if !is_mark {
                foreign.count(RecordKind::Open);
            }
            is_mark
        });
        // Anything else in place of the mark is treated as a missing mark and is overwritten, because it says nothing
        // about the records.
        if !is_open {
            // The records contain this host's lease, so they are at least as old as the lease.
            let waited = BootTime::now().since(taken);
            if let Some(rest) =
                timing.fence_after().checked_sub(waited).filter(|rest| !rest.is_zero())
            {
                return Err(PlacementError::ClaimWait(rest));
            }
            match records.write(&Key::Open, encode(&OpenContent::Open), expected).await {
                Ok(_) | Err(WriteError::Raced) => {}
                Err(WriteError::Failed(error)) => return Err(error.into()),
            }
        }
        self.known.store(taken.nanoseconds(), Ordering::Relaxed);
        Ok(())
    }
}
