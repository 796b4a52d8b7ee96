//! The claim of an actor by this host.

use std::sync::Arc;

use super::key::ActorName;
use super::term::Term;

/// Shows that this host owns an actor, while its lease is valid.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) actor: ActorName,
    pub(super) term: Arc<Term>,
    pub(super) revision: u64,
}

impl Claim {
    pub(super) fn new(actor: ActorName, term: Arc<Term>, revision: u64) -> Self {
        Self { inner: Arc::new(Inner { actor, term, revision }) }
    }

    pub(crate) fn actor(&self) -> &ActorName {
        &self.inner.actor
    }

    /// Returns the fencing token: each owner of an actor has a higher one than all owners before.
    pub(crate) fn token(&self) -> u64 {
        self.inner.revision
    }

    /// Returns the lease that the claim depends on.
    pub(crate) fn term(&self) -> &Arc<Term> {
        &self.inner.term
    }

    /// Returns whether an event of the actor may begin.
    pub(crate) fn is_valid(&self) -> bool {
        self.inner.term.is_valid()
    }
}
