//! This host's claim to an actor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::key::ActorName;
use super::term::Term;

/// A claim of this host. The host owns the claimed actor while the lease of the claim is valid.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) actor: ActorName,
    pub(super) term: Arc<Term>,
    pub(super) revision: u64,
    is_over: AtomicBool,
}

impl Claim {
    pub(super) fn new(actor: ActorName, term: Arc<Term>, revision: u64) -> Self {
        Self { inner: Arc::new(Inner { actor, term, revision, is_over: AtomicBool::new(false) }) }
    }

    pub(crate) fn actor(&self) -> &ActorName {
        &self.inner.actor
    }

    /// Returns the fencing token. Each owner of an actor has a higher token than all earlier owners.
    pub(crate) fn token(&self) -> u64 {
        self.inner.revision
    }

    /// Returns the lease that the claim depends on.
    pub(crate) fn term(&self) -> &Arc<Term> {
        &self.inner.term
    }

    /// Returns whether an event of the actor may begin.
    #[cfg(test)]
    pub(crate) fn is_valid(&self) -> bool {
        self.inner.term.is_valid()
    }

    /// Ends the claim, because its actor has ended. The next client of the actor needs another claim.
    pub(crate) fn end(&self) {
        self.inner.is_over.store(true, Ordering::Release);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.inner.is_over.load(Ordering::Acquire)
    }

    /// Returns whether this is a copy of the other claim.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}
