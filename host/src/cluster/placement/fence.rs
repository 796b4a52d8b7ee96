//! Decides whether the host of a lease is dead. If the host is dead, the lease is fenced before its claims are taken.

use super::boot_clock::BootTime;
use super::content::{LeaseContent, decode, encode};
use super::directory::Placement;
use super::error::PlacementError;
use super::foreign::RecordKind;
use super::key::{Key, LeaseId};
use super::records::{Entry, Records, WriteError};
use crate::cluster::HostInfo;

/// The number of attempts to determine the status of a lease. An attempt fails if the lease has changed after it was
/// read.
const MAX_ATTEMPTS: usize = 4;

/// The status of a lease.
#[derive(Debug)]
pub(super) enum LeaseStatus {
    /// The host of the lease may be alive.
    Alive(HostInfo),
    /// The host of the lease can never renew it.
    Fenced,
}

/// Reads a lease, and fences it if it has not been renewed for too long.
pub(super) async fn fence_if_expired<R: Records>(
    placement: &Placement<R>,
    id: LeaseId,
) -> Result<LeaseStatus, PlacementError> {
    let Placement { records, watched, timing, .. } = placement;
    let key = Key::Lease(id);
    for _ in 0..MAX_ATTEMPTS {
        let entry = records.read(&key).await?;
        let mut fence_after = timing.fence_after();
        let (expected, host) = match &entry {
            // The read may be stale, so the lease may exist after all. In that case the write below fails.
            None => (0, None),
            Some(Entry { revision, content }) => match decode(content) {
                Some(LeaseContent::Fenced) => {
                    watched.note_fenced(id);
                    return Ok(LeaseStatus::Fenced);
                }
                Some(LeaseContent::Alive(holder)) => {
                    fence_after = timing.fence_after_with(holder.lease());
                    (*revision, Some(Some(holder.host)))
                }
                None => {
                    placement.foreign.count(RecordKind::Lease);
                    (*revision, Some(None))
                }
            },
        };
        if let Some(host) = host
            && watched.note(id, expected, BootTime::now()) < fence_after
        {
            return host
                .map(LeaseStatus::Alive)
                .ok_or_else(|| PlacementError::Foreign(format!("lease {id}")));
        }
        match records.write(&key, encode(&LeaseContent::Fenced), expected).await {
            // The lease did not exist, because it was fenced and removed long ago.
            Ok(_) if expected == 0 => return Ok(LeaseStatus::Fenced),
            Ok(_) => {
                watched.note_own_fence(id);
                tracing::warn!(
                    lease = %id,
                    "another host has stopped renewing its lease, so this host has fenced the lease: any host can now \
                     take the actors of that host"
                );
                return Ok(LeaseStatus::Fenced);
            }
            Err(WriteError::Raced) => {}
            Err(WriteError::Failed(error)) => return Err(error.into()),
        }
    }
    Err(PlacementError::Contended)
}
