//! The right of this host to run an actor that is unique in its cluster. Other actors do not need such a right.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

/// The current state of the right to run an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only a cluster has several hosts"))]
pub(crate) enum Holding {
    /// No other host can own the actor.
    Held,
    /// The right was not confirmed in time. No other host owns the actor yet, but another host may own it soon. The
    /// right never becomes [`Self::Held`] again, because the actor must end once any code has been told that the right
    /// has lapsed.
    Lapsed,
    /// Another host may own the actor, or this host has given it up. The right never becomes [`Self::Held`] again.
    Lost,
}

/// The right to run one actor. It begins when this host finds that it owns the actor. Dropping the value gives the
/// right back. Layers above the actors implement this trait.
pub(crate) trait Ownership: Debug + Send + Sync {
    fn holding(&self) -> Holding;

    /// Returns whether this host may run the actor now.
    fn is_held(&self) -> bool {
        self.holding() == Holding::Held
    }

    /// Uses the right to run an actor. Returns `false` if another actor has already used it.
    fn take(&self) -> bool;

    /// Permanently ends this host's right to run the actor, so that none of the actor's code runs any more.
    fn end(&self);

    /// Returns whether the state of the actor is kept for the next owner.
    fn is_durable(&self) -> bool {
        false
    }

    /// Takes the data that the earlier owner left behind. Returns `None` if there was no earlier owner, or if the data
    /// was taken before.
    fn take_inherited(&self) -> Option<Inherited> {
        None
    }

    /// Saves the state for the next owner. Does nothing after a save with [`SavedWhen::Handover`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the state may already be saved, or may still be saved later.
    fn save(&self, _: Arc<[u8]>, _: SavedWhen) -> Saving<'_> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A state that is being saved.
pub(crate) type Saving<'a> = Pin<Box<dyn Future<Output = Result<(), SaveError>> + Send + 'a>>;

/// When a state was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SavedWhen {
    /// The actor continued after the save, so the state may lack later events.
    Running,
    /// The state was saved after the actor's last event on its host.
    Handover,
}

/// The data that the earlier owner of an actor left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inherited {
    /// The last state that was saved. `None`: the owner ended before it saved a state.
    pub(crate) state: Option<Arc<[u8]>>,
    pub(crate) when: SavedWhen,
}

/// Why a state was not saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only clusters save actor states"))]
pub(crate) enum SaveError {
    #[error("another host has taken the actor")]
    Fenced,
    #[error(
        "the state has {bytes} bytes, but the broker accepts at most {max}: raise max_payload of \
         the broker, or lower max-state"
    )]
    TooLong { bytes: usize, max: usize },
    /// The state's record at the broker must be removed.
    #[error(
        "the saved state of {0} was not written by a host: remove it, and check who may publish to its subject"
    )]
    Foreign(String),
    #[error("{0}")]
    Unavailable(String),
}

/// Why an event of an actor must not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOwner {
    #[error(
        "this host does not own the actor at the moment: the cluster's broker has not confirmed the \
         host's lease in time"
    )]
    Lapsed,
    #[error("this host is no longer the owner of the actor")]
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
