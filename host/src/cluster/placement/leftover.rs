//! Claims that nobody needs any more. They belong to handshakes that were dropped, to actors that have ended while the
//! broker was away, or to hosts that are dead.

use std::collections::HashMap;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep;

use super::content::{ClaimContent, decode};
use super::directory::Placement;
use super::error::PlacementError;
use super::fence::{LeaseStatus, fence_if_expired};
use super::foreign::RecordKind;
use super::key::{ActorName, Key, LeaseId};
use super::records::{Records, WriteError, within};

/// The maximum number of actors that wait for their claims to be given back. While the broker is away, all actors that
/// end wait. The claim of any further actor stays until the lease of this host ends. Until then, clients of the actor
/// are relayed to this host, which starts it again.
const MAX_ABANDONED: usize = 1 << 16;

/// The maximum number of claims that one sweep reads. If the host of a claim is dead, the claim is removed. The next
/// sweep begins after about the length of a lease, which keeps the load of the broker low. After a lease was fenced,
/// there is no such pause: all claims are read once, and those under the lease are removed.
const MAX_READ: usize = 256;

/// Actors whose claims nobody uses. Such a claim may or may not have been written.
#[derive(Debug)]
pub(super) struct Abandoned {
    sender: Sender<ActorName>,
    receiver: tokio::sync::Mutex<Receiver<ActorName>>,
}

/// A guard that records an actor as abandoned when it is dropped, unless it was disarmed.
pub(super) struct Unused<'a> {
    abandoned: &'a Abandoned,
    actor: Option<&'a ActorName>,
}

impl Default for Abandoned {
    fn default() -> Self {
        let (sender, receiver) = channel(MAX_ABANDONED);
        Self { sender, receiver: tokio::sync::Mutex::new(receiver) }
    }
}

impl Abandoned {
    /// Returns a guard for a claim that is about to be written.
    pub(super) fn unless_used<'a>(&'a self, actor: &'a ActorName) -> Unused<'a> {
        Unused { abandoned: self, actor: Some(actor) }
    }
}

impl Unused<'_> {
    /// Disarms the guard, because the claim is in use or was not written.
    pub(super) fn disarm(mut self) {
        self.actor = None;
    }
}

impl Drop for Unused<'_> {
    fn drop(&mut self) {
        if let Some(actor) = self.actor {
            // If the queue is full, the claim stays.
            let _ = self.abandoned.sender.try_send(actor.clone());
        }
    }
}

/// Gives back the claims of abandoned actors. Runs until it is dropped.
pub(super) async fn give_back_forever<R: Records>(placement: &Placement<R>) {
    let mut abandoned = placement.abandoned.receiver.lock().await;
    while let Some(actor) = abandoned.recv().await {
        if give_back(placement, &actor).await.is_err() {
            // The actor goes to the end of the queue, so that one claim that fails again and again delays no other.
            let _ = placement.abandoned.sender.try_send(actor);
            sleep(placement.timing.retry()).await;
        }
    }
}

/// Releases the claim on an actor, unless a client has asked for the actor in the meantime.
async fn give_back<R: Records>(
    placement: &Placement<R>,
    actor: &ActorName,
) -> Result<(), WriteError> {
    // While this lock is held, no claim to the actor can be on its way to the broker.
    let _one_at_a_time = placement.stripe(actor).lock().await;
    let Some(term) = placement.latest_term() else { return Ok(()) };
    if placement.held(actor, &term).is_some() {
        return Ok(());
    }
    let giving_back = async {
        let key = Key::Claim(actor.clone());
        let Some(entry) = placement.records.read(&key).await? else { return Ok(()) };
        match decode(&entry.content) {
            Some(ClaimContent::Free) => Ok(placement.records.remove(&key, entry.revision).await?),
            Some(content) if content == ClaimContent::by(term.id()) => {
                placement.free_record(&key, entry.revision).await
            }
            // Another host has claimed the actor, or no host wrote the record.
            Some(ClaimContent::By(_)) | None => Ok(()),
        }
    };
    within(placement.timing.request(), giving_back).await
}

/// Removes claims of dead hosts. Runs until it is dropped.
pub(super) async fn sweep_claims_forever<R: Records>(placement: &Placement<R>) {
    let Placement { watched, timing, .. } = placement;
    let mut from = 1;
    loop {
        tokio::select! {
            // This host has fenced a lease. It immediately removes the claims that were made under that lease.
            () = watched.fenced.notified() => sweep_all_claims(placement).await,
            () = watched.seen_fenced.notified() => {
                // Another host has fenced a lease. It may have died before it removed all claims under that lease, so
                // this host removes those that are left.
                sleep(timing.retry().mul_f64(rand::random_range(1.0..8.0))).await;
                sweep_all_claims(placement).await;
            }
            () = sleep(timing.lease().mul_f64(rand::random_range(0.75..1.25))) => {
                if placement.term().is_some() {
                    // After an error, the next sweep starts again from the first claim.
                    from = sweep_claims(placement, from).await.unwrap_or(1);
                }
            }
        }
    }
}

/// Checks all claims. If an attempt fails, tries again until all claims have been checked.
async fn sweep_all_claims<R: Records>(placement: &Placement<R>) {
    let mut from = 1;
    loop {
        if placement.term().is_some()
            && let Ok(next) = sweep_claims(placement, from).await
        {
            from = next;
            if from == 1 {
                return;
            }
        } else {
            sleep(placement.timing.retry()).await;
        }
    }
}

/// Checks the next claims. Returns the position where the next sweep continues.
async fn sweep_claims<R: Records>(
    placement: &Placement<R>,
    mut from: u64,
) -> Result<u64, PlacementError> {
    let Placement { records, timing, .. } = placement;
    let mut dead: HashMap<LeaseId, bool> = HashMap::new();
    for _ in 0..MAX_READ {
        let Some((key, entry)) = within(timing.request(), records.next_claim(from)).await? else {
            return Ok(1);
        };
        from = entry.revision + 1;
        // A record that no host wrote is left to an operator. An abandoned claim of this host is left to `give_back`,
        // because it could still be on its way to the broker.
        let id = match decode(&entry.content) {
            Some(ClaimContent::Free) => continue,
            Some(ClaimContent::By(id)) => LeaseId::parse(&id),
            None => None,
        };
        let Some(id) = id else {
            placement.foreign.count(RecordKind::Claim);
            continue;
        };
        if placement.is_own(id) {
            continue;
        }
        let is_dead = match dead.get(&id) {
            Some(is_dead) => *is_dead,
            None => matches!(fence_if_expired(placement, id).await?, LeaseStatus::Fenced),
        };
        dead.insert(id, is_dead);
        if is_dead {
            // If another host has taken over the actor, the record is newer and stays.
            within(timing.request(), records.remove(&key, entry.revision)).await?;
        }
    }
    Ok(from)
}
