//! Finds the owner of an actor, or makes this host its owner.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::claim::Claim;
use super::claim_wait::ClaimWait;
use super::content::{ClaimContent, Holder, decode, encode};
use super::error::PlacementError;
use super::fence::{LeaseStatus, fence_if_expired};
use super::foreign::{ForeignRecords, RecordKind};
use super::key::{ActorName, Key, LeaseId};
use super::leftover::Abandoned;
use super::records::{Records, RecordsError, WriteError, within};
use super::saving::Saving;
use super::term::Term;
use super::timing::Timing;
use super::watched::Watched;
use crate::cluster::Owner;

/// The number of attempts to write a claim. An attempt fails if another host was faster.
const MAX_ATTEMPTS: usize = 4;

/// The number of locks for locating actors. Two actors can be located at the same time unless they share a lock.
const STRIPES: usize = 64;

/// A lock for locating actors. While it is held, no claim to an actor that shares the lock can be on its way to the
/// broker.
#[derive(Debug, Default)]
pub(super) struct Stripe {
    last: Option<Looked>,
}

/// The last look-up under a lock that found the owner on another host.
#[derive(Debug)]
struct Looked {
    actor: ActorName,
    begun: Instant,
    owner: Owner,
}

impl Stripe {
    /// Returns what the last look-up found, if it was for this actor and began after `asked`. So handshakes of one path
    /// that wait for the lock share a look-up, and none of them gets an answer that is older than its request.
    fn found_since(&self, actor: &ActorName, asked: Instant) -> Option<Owner> {
        let last = self.last.as_ref()?;
        let is_shared = last.actor == *actor && last.begun >= asked;
        (is_shared && !last.owner.fenced.is_cancelled()).then(|| last.owner.clone())
    }
}

/// The place of an actor.
#[derive(Debug)]
pub(crate) enum Location {
    /// On this host.
    Here(Claim),
    /// On another host.
    There(Owner),
}

/// The directory of the actors of a cluster.
pub(crate) trait Directory {
    /// Finds the owner of an actor. If the actor has no owner, this host becomes its owner.
    fn locate(
        &self,
        actor: &ActorName,
    ) -> impl Future<Output = Result<Location, PlacementError>> + Send;

    /// Gives up an actor that no longer runs.
    fn free(&self, claim: Claim) -> impl Future<Output = ()> + Send;

    /// Returns whether this host has a valid lease, and therefore owns the actors that it has claimed.
    fn is_valid(&self) -> bool;
}

/// A directory in the records of a broker.
#[derive(Debug)]
pub(crate) struct Placement<R> {
    pub(super) records: Arc<R>,
    pub(super) timing: Timing,
    pub(super) watched: Watched,
    pub(crate) foreign: ForeignRecords,
    /// The hosts whose leases the last sweep found.
    pub(super) hosts: watch::Sender<BTreeMap<LeaseId, Holder>>,
    pub(super) abandoned: Abandoned,
    terms: watch::Receiver<Option<Arc<Term>>>,
    claim_wait: ClaimWait,
    /// The claims of this host. A claim under an earlier lease is void.
    claims: Mutex<HashMap<ActorName, Claim>>,
    stripes: [tokio::sync::Mutex<Stripe>; STRIPES],
    pub(super) saving: Saving,
}

impl<R: Records> Placement<R> {
    pub(crate) fn new(
        records: Arc<R>,
        timing: Timing,
        terms: watch::Receiver<Option<Arc<Term>>>,
    ) -> Self {
        Self {
            records,
            timing,
            watched: Watched::new(timing),
            foreign: ForeignRecords::default(),
            hosts: watch::Sender::default(),
            abandoned: Abandoned::default(),
            terms,
            claim_wait: ClaimWait::default(),
            claims: Mutex::default(),
            stripes: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            saving: Saving::default(),
        }
    }

    /// Returns the current lease, if it is valid.
    pub(super) fn term(&self) -> Option<Arc<Term>> {
        self.terms.borrow().clone().filter(|term| term.is_valid())
    }

    /// Returns the current lease. The lease may have lapsed.
    pub(crate) fn latest_term(&self) -> Option<Arc<Term>> {
        self.terms.borrow().clone()
    }

    pub(crate) fn terms(&self) -> watch::Receiver<Option<Arc<Term>>> {
        self.terms.clone()
    }

    /// Checks that this host can rely on the records while it has its current lease.
    ///
    /// # Errors
    ///
    /// An error if the records cannot be relied on, or if the check failed. [`PlacementError::ClaimWait`] says how long
    /// to wait.
    pub(crate) async fn open(&self) -> Result<(), PlacementError> {
        let term = self.term().ok_or(PlacementError::NoLease)?;
        let check = async { Ok::<_, Late>(self.check_open(&term).await) };
        within(self.timing.request(), check).await?
    }

    /// Returns whether [`Self::open`] has succeeded with the current lease.
    pub(crate) fn is_open(&self) -> bool {
        self.latest_term().is_some_and(|term| self.claim_wait.is_known(&term))
    }

    /// Returns the hosts whose leases the last sweep found, each with the name of its lease.
    pub(crate) fn hosts(&self) -> watch::Receiver<BTreeMap<LeaseId, Holder>> {
        self.hosts.subscribe()
    }

    /// Returns whether this is the current lease of this host.
    pub(super) fn is_own(&self, id: LeaseId) -> bool {
        self.terms.borrow().as_ref().is_some_and(|term| term.id() == id)
    }

    /// Forgets the claims that were made under lost leases.
    pub(super) fn forget_lost(&self) {
        self.claims.lock().retain(|_, claim| !claim.term().is_lost());
    }

    pub(super) fn stripe(&self, actor: &ActorName) -> &tokio::sync::Mutex<Stripe> {
        let mut hasher = DefaultHasher::new();
        actor.hash(&mut hasher);
        &self.stripes[hasher.finish() as usize % STRIPES]
    }

    pub(super) fn held(&self, actor: &ActorName, term: &Term) -> Option<Claim> {
        let claims = self.claims.lock();
        claims
            .get(actor)
            .filter(|claim| claim.term().id() == term.id() && !claim.is_over())
            .cloned()
    }

    /// Forgets a claim, unless there is a newer claim to the same actor. Returns whether the claim was known.
    fn forget(&self, claim: &Claim) -> bool {
        let mut claims = self.claims.lock();
        let is_known = claims.get(claim.actor()).is_some_and(|held| held.token() == claim.token());
        if is_known {
            claims.remove(claim.actor());
        }
        is_known
    }

    async fn check_open(&self, term: &Term) -> Result<(), PlacementError> {
        self.claim_wait.check(&*self.records, &self.foreign, term, self.timing).await
    }

    async fn find(&self, actor: &ActorName, term: &Arc<Term>) -> Result<Location, PlacementError> {
        self.check_open(term).await?;
        let key = Key::Claim(actor.clone());
        for _ in 0..MAX_ATTEMPTS {
            let entry = self.records.read(&key).await?;
            let expected = entry.as_ref().map_or(0, |entry| entry.revision);
            if let Some(entry) = entry {
                let foreign = || {
                    self.foreign.count(RecordKind::Claim);
                    PlacementError::Foreign(actor.to_string())
                };
                // Even if the record names this host's lease, it is written again, because the read may be stale.
                if let ClaimContent::By(id) = decode(&entry.content).ok_or_else(foreign)?
                    && let id = LeaseId::parse(&id).ok_or_else(foreign)?
                    && id != term.id()
                    && let LeaseStatus::Alive(host) = fence_if_expired(self, id).await?
                {
                    return Ok(Location::There(self.watched.owner(id, host)));
                }
            }
            let unused = self.abandoned.unless_used(actor);
            match self.records.write(&key, encode(&ClaimContent::by(term.id())), expected).await {
                Ok(revision) => {
                    let location = self.confirm(actor, term, revision).await?;
                    unused.disarm();
                    return Ok(location);
                }
                Err(WriteError::Raced) => unused.disarm(),
                Err(WriteError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(PlacementError::Contended)
    }

    /// Marks an actor's record as free, unless the record has another revision.
    pub(super) async fn free_record(&self, key: &Key, expected: u64) -> Result<(), WriteError> {
        let revision = self.records.write(key, encode(&ClaimContent::Free), expected).await?;
        Ok(self.records.remove(key, revision).await?)
    }

    /// Confirms a claim that was written. The claim becomes valid only after a later renewal of the lease, because the
    /// renewal shows that the claim and the lease are in the same records. A broker that has lost its data, or was
    /// restarted with old data, would accept the claim but not the renewal.
    async fn confirm(
        &self,
        actor: &ActorName,
        term: &Arc<Term>,
        revision: u64,
    ) -> Result<Location, PlacementError> {
        if !term.confirm().await || !term.is_valid() {
            return Err(PlacementError::NoLease);
        }
        let claim = Claim::new(actor.clone(), Arc::clone(term), revision);
        self.claims.lock().insert(actor.clone(), claim.clone());
        Ok(Location::Here(claim))
    }
}

impl<R: Records> Directory for Placement<R> {
    /// # Cancel safety
    ///
    /// If the future is dropped, this host may have claimed the actor nevertheless. The claim is given back, unless the
    /// next call finds it first.
    async fn locate(&self, actor: &ActorName) -> Result<Location, PlacementError> {
        let asked = Instant::now();
        let mut stripe = self.stripe(actor).lock().await;
        let term = self.term().ok_or(PlacementError::NoLease)?;
        if let Some(claim) = self.held(actor, &term) {
            return Ok(Location::Here(claim));
        }
        if let Some(owner) = stripe.found_since(actor, asked) {
            return Ok(Location::There(owner));
        }
        let begun = Instant::now();
        let finding = async { Ok::<_, Late>(self.find(actor, &term).await) };
        let found = within(self.timing.request(), finding).await??;
        stripe.last = match &found {
            Location::There(owner) => {
                Some(Looked { actor: actor.clone(), begun, owner: owner.clone() })
            }
            Location::Here(_) => None,
        };
        Ok(found)
    }

    async fn free(&self, claim: Claim) {
        let actor = claim.actor();
        let _one_at_a_time = self.stripe(actor).lock().await;
        if !self.forget(&claim) {
            return;
        }
        let key = Key::Claim(actor.clone());
        let freed = self.free_record(&key, claim.token());
        // If this fails, for example because the broker is away, it is tried again later.
        let failed = self.abandoned.unless_used(actor);
        if let Ok(Ok(()) | Err(WriteError::Raced)) = timeout(self.timing.request(), freed).await {
            failed.disarm();
        }
    }

    fn is_valid(&self) -> bool {
        self.term().is_some()
    }
}

/// A request that took too long.
struct Late(RecordsError);

impl From<RecordsError> for Late {
    fn from(error: RecordsError) -> Self {
        Self(error)
    }
}

impl From<Late> for PlacementError {
    fn from(Late(error): Late) -> Self {
        error.into()
    }
}

/// Locates an actor, and tries again while it has no owner, until `deadline`.
///
/// # Errors
///
/// The reason why the last attempt found no owner.
pub(crate) async fn locate_until(
    directory: &impl Directory,
    actor: &ActorName,
    pause: Duration,
    deadline: Instant,
) -> Result<Location, PlacementError> {
    let mut last = PlacementError::NoLease;
    loop {
        match timeout_at(deadline, directory.locate(actor)).await {
            Ok(Err(error)) if error.is_temporary() => last = error,
            Ok(result) => return result,
            Err(_) => return Err(last),
        }
        if Instant::now() + pause >= deadline {
            return Err(last);
        }
        sleep(pause).await;
    }
}
