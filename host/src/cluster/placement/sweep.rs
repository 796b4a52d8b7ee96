//! Reads all leases periodically. When a host has to decide whether to fence a lease, it therefore already knows for
//! how long the lease has not been renewed.

use std::collections::{BTreeMap, HashSet};

use super::boot_clock::BootTime;
use super::content::{LeaseContent, decode};
use super::directory::Placement;
use super::error::PlacementError;
use super::fence::{LeaseStatus, fence_if_expired};
use super::foreign::RecordKind;
use super::key::Key;
use super::leftover::{give_back_forever, sweep_claims_forever};
use super::records::{Records, within};
use crate::cluster::components::bounded;

/// The maximum number of leases that one sweep reads. A lease that is renewed during the sweep is read again, so
/// without the limit, a sweep might never end in a large cluster with a slow broker. The leases that have gone longest
/// without a renewal are read first.
const MAX_READ: usize = 4096;

/// The maximum number of leases that one sweep fences or removes. The limit protects the broker when many hosts end at
/// once. The next sweep continues.
const MAX_ENDED: usize = 64;

/// Sweeps repeatedly until it is dropped.
pub(crate) async fn sweep_forever<R: Records>(placement: &Placement<R>) {
    tokio::join!(
        sweep_leases_forever(placement),
        sweep_claims_forever(placement),
        give_back_forever(placement)
    );
}

async fn sweep_leases_forever<R: Records>(placement: &Placement<R>) {
    let timing = placement.timing;
    loop {
        // The pause is random, so that the hosts do not all sweep at the same moment.
        tokio::time::sleep(timing.sweep().mul_f64(rand::random_range(0.75..1.25))).await;
        placement.forget_lost();
        // After an error, the next sweep tries again. If the broker is unavailable, this is logged elsewhere.
        let _ = sweep(placement).await;
    }
}

/// Reads the leases. Fences those that are no longer renewed, and removes those that were fenced long ago.
pub(super) async fn sweep<R: Records>(placement: &Placement<R>) -> Result<(), PlacementError> {
    let Placement { records, watched, timing, .. } = placement;
    // `read` also counts records that no host wrote. So the limit holds for them, too, and the sweep ends.
    let (begun, mut read, mut ended) = (BootTime::now(), 0, 0);
    let (mut from, mut ids, mut hosts) = (1, HashSet::new(), BTreeMap::new());
    while let Some((id, entry)) = within(timing.request(), records.next_lease(from)).await? {
        from = entry.revision + 1;
        read += 1;
        if read > MAX_READ {
            // Leases that this sweep did not reach must not be forgotten.
            placement.hosts.send_modify(|known| known.extend(hosts));
            return Ok(());
        }
        let Some(id) = id else {
            // No host uses this record, and none may remove it. With thousands of them, an operator has to.
            placement.foreign.count(RecordKind::Lease);
            continue;
        };
        let content: Option<LeaseContent> = decode(&entry.content);
        if content.is_none() {
            placement.foreign.count(RecordKind::Lease);
        }
        if let Some(LeaseContent::Alive(holder)) = &content {
            let mut holder = holder.clone();
            // A host publishes no more components than `bounded` keeps, but something other than a host may have
            // written the record.
            holder.components = bounded(holder.components);
            hosts.insert(id, holder);
        }
        // A lease that is renewed during the sweep is read twice, but handled once. This host's own lease is left to
        // the keeper.
        if !ids.insert(id) || placement.is_own(id) {
            continue;
        }
        let stood_still = watched.note(id, entry.revision, BootTime::now());
        if content == Some(LeaseContent::Fenced) {
            watched.note_fenced(id);
            if stood_still > timing.keep_fenced() && ended < MAX_ENDED {
                ended += 1;
                within(timing.request(), records.remove(&Key::Lease(id), entry.revision)).await?;
            }
        } else if stood_still
            >= timing.fence_after_with(content.and_then(|content| content.lease()))
            && ended < MAX_ENDED
        {
            ended += 1;
            let status = fence_if_expired(placement, id).await?;
            if matches!(status, LeaseStatus::Fenced) {
                hosts.remove(&id);
            }
        }
    }
    watched.retain(&ids, begun);
    placement.hosts.send_if_modified(|known| {
        let has_changed = *known != hosts;
        *known = hosts;
        has_changed
    });
    Ok(())
}
