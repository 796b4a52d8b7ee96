//! Reads all leases periodically. So a host already knows how long a lease has not been renewed when it needs to decide
//! about it.

use std::collections::{BTreeMap, HashSet};

use super::boot_clock::BootTime;
use super::content::{LeaseContent, decode};
use super::directory::Placement;
use super::error::PlacementError;
use super::fence::{Fate, fate};
use super::key::Key;
use super::records::{Records, within};

/// Sweeps until it is dropped.
pub(crate) async fn sweep_forever<R: Records>(placement: &Placement<R>) {
    let timing = placement.timing;
    loop {
        // Random, so that the hosts do not all sweep at the same moment.
        tokio::time::sleep(timing.sweep().mul_f64(rand::random_range(0.75..1.25))).await;
        placement.forget_lost();
        // The next sweep tries again. If the broker is away, the log already says so.
        let _ = sweep(placement).await;
    }
}

/// Reads all leases once, fences those that are no longer renewed, and removes those that were fenced long ago.
pub(super) async fn sweep<R: Records>(placement: &Placement<R>) -> Result<(), PlacementError> {
    let Placement { records, watched, timing, .. } = placement;
    let (mut from, mut ids, mut hosts) = (1, HashSet::new(), BTreeMap::new());
    while let Some((id, entry)) = within(timing.request(), records.next_lease(from)).await? {
        from = entry.revision + 1;
        let content = decode(&entry.content);
        if let Some(LeaseContent::Alive(host)) = &content {
            hosts.insert(id, host.clone());
        }
        // A lease that is renewed during the sweep is read twice. The keeper handles this host's own lease.
        if !ids.insert(id) || placement.is_own(id) {
            continue;
        }
        let stood_still = watched.note(id, entry.revision, BootTime::now());
        if content == Some(LeaseContent::Fenced) {
            if stood_still > timing.keep_fenced() {
                within(timing.request(), records.remove(&Key::Lease(id), entry.revision)).await?;
            }
        } else if stood_still >= timing.patience() {
            let fate = fate(&**records, watched, timing.patience(), id).await?;
            if matches!(fate, Fate::Fenced) {
                hosts.remove(&id);
            }
        }
    }
    watched.retain(&ids);
    *placement.hosts.lock() = hosts;
    Ok(())
}
