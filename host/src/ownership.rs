//! The right of this host to run an actor that is unique in its cluster. Other actors need none.

use std::fmt::Debug;

/// The current state of the right to run an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only a cluster has several hosts"))]
pub(crate) enum Holding {
    /// No other host can have the actor.
    Held,
    /// The right was not confirmed in time. No other host has taken the actor yet, but another host may take it soon.
    Lapsed,
    /// Another host may have the actor, or this host has given it up. The right never becomes [`Self::Held`] again.
    Lost,
}

/// The right to run one actor. It begins when this host finds that it owns the actor. Dropping it gives the right back.
/// Layers above the actors implement this trait.
pub(crate) trait Ownership: Debug + Send + Sync {
    fn holding(&self) -> Holding;

    /// Takes the right for an actor. Returns `false` if another actor has already taken it.
    fn take(&self) -> bool;

    /// Ends the right permanently, so that no code of the actor runs any more.
    fn end(&self);
}

/// Why an event of an actor may not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOwner {
    #[error(
        "this host is not the owner of the actor for now: the cluster's broker has not confirmed its lease in time"
    )]
    Lapsed,
    #[error("this host is not the owner of the actor any more")]
    Lost,
}

impl Holding {
    pub(crate) fn check(self) -> Result<(), NotOwner> {
        match self {
            Self::Held => Ok(()),
            Self::Lapsed => Err(NotOwner::Lapsed),
            Self::Lost => Err(NotOwner::Lost),
        }
    }
}
