//! The actors that this host owns.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

use super::kept_state::KeptState;
use super::nats::NatsRecords;
use super::placement::{ActorName, Claim, Placement};
use crate::config::WithoutBroker;
use crate::ownership::{Holding, Inherited, Ownership, SaveError, SavedWhen, Saving};

/// The table of the actors that this host owns. An actor stays in it while anything refers to its ownership.
#[derive(Debug)]
pub(super) struct OwnedActors {
    without_broker: WithoutBroker,
    actors: Mutex<HashMap<ActorName, Weak<Owned>>>,
    /// The queue of claims whose actors have ended.
    ended: Sender<Claim>,
    /// A counter that changes whenever actors may have to end.
    ends: watch::Sender<u64>,
}

/// The ownership of an actor.
#[derive(Debug)]
pub(super) struct Owned {
    claim: Claim,
    state: KeptState,
    is_taken: AtomicBool,
    /// Whether [`Ownership::holding`] has ever returned [`Holding::Lapsed`].
    has_lapsed: AtomicBool,
    table: Arc<OwnedActors>,
}

impl OwnedActors {
    pub(super) fn new(
        without_broker: WithoutBroker,
        ended: Sender<Claim>,
        ends: watch::Sender<u64>,
    ) -> Self {
        Self { without_broker, actors: Mutex::default(), ended, ends }
    }

    /// Returns the number of actors that are owned.
    pub(super) fn count(&self) -> usize {
        self.actors.lock().len()
    }

    /// Returns the ownership of an actor, if this host holds it.
    pub(super) fn find(&self, actor: &ActorName) -> Option<Arc<Owned>> {
        let owned = self.actors.lock().get(actor)?.upgrade()?;
        owned.is_held().then_some(owned)
    }

    /// Returns the ownership that comes with a claim. All clients of the actor share it. Returns `None` if the claim
    /// has ended. The caller then needs another claim.
    pub(super) fn own(
        self: &Arc<Self>,
        claim: Claim,
        placement: &Arc<Placement<NatsRecords>>,
    ) -> Option<Arc<Owned>> {
        // The `Owned` of another claim on the same actor, if there is one. It must not be dropped while the table is
        // locked, because dropping the last reference to it locks the table too.
        let mut other = None;
        let mut actors = self.actors.lock();
        if claim.is_over() {
            return None;
        }
        if let Some(owned) = actors.get(claim.actor()) {
            match owned.upgrade() {
                Some(owned) if owned.claim.is_same(&claim) => return Some(owned),
                Some(owned) => other = Some(owned),
                // This `Owned` is being dropped, which ends its claim. That claim may be `claim` itself.
                None => return None,
            }
        }
        let actor = claim.actor().clone();
        let state = KeptState::new(Arc::clone(placement));
        let (is_taken, has_lapsed) = (AtomicBool::new(false), AtomicBool::new(false));
        let owned = Arc::new(Owned { claim, state, is_taken, has_lapsed, table: Arc::clone(self) });
        actors.insert(actor, Arc::downgrade(&owned));
        drop(actors);
        drop(other);
        Some(owned)
    }
}

impl Owned {
    /// Records that [`Ownership::holding`] reports the right as lapsed. The caller may then refuse an event or close a
    /// client, so the actor must end even if the lease is renewed at this moment.
    fn lapse(&self) -> Holding {
        if !self.has_lapsed.swap(true, Ordering::AcqRel) {
            self.table.ends.send_modify(|number| *number += 1);
        }
        Holding::Lapsed
    }

    /// Fences the earlier owners of the actor, and takes over their last state.
    pub(super) async fn open_state(&self) -> Result<(), SaveError> {
        self.state.open(&self.claim).await
    }
}

impl Ownership for Owned {
    fn holding(&self) -> Holding {
        let term = self.claim.term();
        if self.claim.is_over() || term.is_lost() {
            return Holding::Lost;
        }
        match self.table.without_broker {
            WithoutBroker::Stop if !term.is_valid() => self.lapse(),
            WithoutBroker::Stop if self.has_lapsed.load(Ordering::Acquire) => Holding::Lapsed,
            WithoutBroker::Stop | WithoutBroker::Continue => Holding::Held,
        }
    }

    fn take(&self) -> bool {
        !self.is_taken.swap(true, Ordering::AcqRel)
    }

    fn end(&self) {
        self.claim.end();
    }

    fn is_durable(&self) -> bool {
        self.state.is_open()
    }

    fn take_inherited(&self) -> Option<Inherited> {
        self.state.take_inherited()
    }

    fn save(&self, state: Arc<[u8]>, when: SavedWhen) -> Saving<'_> {
        Box::pin(async move { self.state.save(&self.claim, &state, when).await })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // The claim must end before the ownership leaves the table, so that `own` does not accept the claim any more.
        self.claim.end();
        let mut actors = self.table.actors.lock();
        if let Entry::Occupied(entry) = actors.entry(self.claim.actor().clone())
            && std::ptr::eq(entry.get().as_ptr(), self)
        {
            entry.remove();
        }
        // This fails if the thread that keeps the lease has ended, or if too many claims wait. In both cases the claim
        // is not given back.
        let _ = self.table.ended.try_send(self.claim.clone());
    }
}
